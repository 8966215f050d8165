//! The attempts of a finished call, each by itself: who was asked, what came of it, and what that says of the provider.

use protocol::fault::Kind;
use protocol::verdict::FaultClass;
use store::UsageRecord;
use store::usage_record::{Attempt, Outcome};

use super::Ending;

/// The word of an attempt that answered.
const ANSWERED: &str = "answered";
/// That of one whose caller left.
const CALLER_LEFT: &str = "caller_left";
/// That of one that was given up because another answered sooner.
const GIVEN_UP: &str = "given_up";
/// That of one that was to go on with another's answer, and said something else.
const DIVERGED: &str = "diverged";
/// That of one that failed for a reason of our own.
const OURS: &str = "ours";
/// That of one some other version of this program has written.
const OTHER: &str = "other";

/// One attempt of a finished call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tried<'r> {
    /// Who was asked.
    pub(crate) provider: &'r str,
    /// What came of it, out of a closed set: `answered`, `given_up`, `caller_left`, `diverged`, `ours`, or the word of a failure.
    pub(crate) word: &'static str,
    /// What that says of the provider.
    pub(crate) ending: Ending,
    /// What is written of it; none where it was the only one, and the call's record says all.
    pub(crate) written: Option<&'r Attempt>,
    /// It is the one the call's record tells of: who answered, or was asked last.
    pub(crate) tells: bool,
}

/// The attempts of a call, which ended so, in their order; none where nobody was asked.
pub(crate) fn tries(record: &UsageRecord, ending: Ending) -> impl Iterator<Item = Tried<'_>> {
    let alone = record.provider.as_deref().filter(|_| record.trail.is_empty()).map(|provider| Tried {
        provider,
        word: word_of(record, ending),
        ending,
        written: None,
        tells: true,
    });
    let telling = record.trail.iter().rposition(|one| one.outcome == ANSWERED);
    let telling = telling.or(record.trail.len().checked_sub(1));
    let several = record.trail.iter().enumerate().map(move |(at, one)| {
        let tells = telling == Some(at);
        let (word, ending) = match tells && one.outcome == ANSWERED {
            // How it went on after it had begun to answer.
            true => (word_of(record, ending), ending),
            false => (known(&one.outcome), ending_of(&one.outcome)),
        };
        Tried { provider: &one.provider, word, ending, written: Some(one), tells }
    });
    alone.into_iter().chain(several)
}

/// The word of an attempt, out of the set of words.
fn known(word: &str) -> &'static str {
    let classes = FaultClass::ALL.into_iter().map(FaultClass::word);
    classes.chain([ANSWERED, GIVEN_UP, DIVERGED, OURS]).find(|known| *known == word).unwrap_or(OTHER)
}

/// What the word of an attempt says of its provider.
fn ending_of(word: &str) -> Ending {
    let class = FaultClass::ALL.into_iter().find(|class| class.word() == word);
    match class {
        None if word == ANSWERED => Ending::Answered,
        None if word == GIVEN_UP => Ending::CallerLeft,
        None => Ending::Refused,
        Some(FaultClass::Limited) => Ending::RateLimited,
        Some(FaultClass::Auth | FaultClass::Billing) => Ending::KeyRefused,
        Some(FaultClass::Server) => Ending::ProviderFailed,
        Some(
            FaultClass::ContextLength
            | FaultClass::ContentFilter
            | FaultClass::Capability
            | FaultClass::Request
            | FaultClass::ModelAway,
        ) => Ending::ProviderRefused,
        Some(_) => Ending::Transport,
    }
}

/// The word of the attempt a record tells of, by how its call ended.
fn word_of(record: &UsageRecord, ending: Ending) -> &'static str {
    match ending {
        Ending::Answered => ANSWERED,
        Ending::CallerLeft => CALLER_LEFT,
        Ending::Refused => OURS,
        Ending::RateLimited => FaultClass::Limited.word(),
        Ending::ProviderFailed => FaultClass::Server.word(),
        Ending::KeyRefused => FaultClass::Auth.word(),
        Ending::ProviderRefused => match record.status {
            401 | 403 => FaultClass::Auth.word(),
            402 => FaultClass::Billing.word(),
            _ => FaultClass::Request.word(),
        },
        Ending::Transport => transport(record).word(),
    }
}

/// What went wrong on the way, by the code of the error and whether an answer had begun.
fn transport(record: &UsageRecord) -> FaultClass {
    let begun = record.outcome == Outcome::Interrupted;
    let is = |kinds: &[Kind]| kinds.iter().any(|kind| record.error.as_deref() == Some(kind.label()));
    match begun {
        _ if is(&[Kind::UpstreamUnreachable, Kind::UpstreamTls]) => FaultClass::TransportBeforeSend,
        _ if is(&[Kind::UpstreamProtocol, Kind::UpstreamBadResponse]) => FaultClass::StreamMalformed,
        true if is(&[Kind::UpstreamTimeout]) => FaultClass::StreamStall,
        true => FaultClass::StreamCut,
        false if is(&[Kind::UpstreamTimeout]) => FaultClass::HeadersLate,
        false => FaultClass::TransportAfterSend,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(provider: &str, outcome: &'static str) -> Attempt {
        Attempt { provider: provider.to_owned(), outcome: outcome.into(), ..Attempt::default() }
    }

    fn told(record: &UsageRecord) -> Vec<(String, &'static str, Ending, bool)> {
        let tries = tries(record, Ending::of(record));
        tries.map(|tried| (tried.provider.to_owned(), tried.word, tried.ending, tried.tells)).collect()
    }

    #[test]
    fn the_only_try_is_told_by_how_its_call_ended() {
        let record = |outcome, status, error: Option<&str>| UsageRecord {
            provider: Some("a".to_owned()),
            attempts: 1,
            outcome,
            status,
            error: error.map(str::to_owned),
            ..UsageRecord::default()
        };
        let word = |outcome, status, error| told(&record(outcome, status, error))[0].1;
        assert_eq!(word(Outcome::Answered, 200, None), "answered");
        assert_eq!(word(Outcome::Answered, 429, None), "limited");
        assert_eq!(word(Outcome::Answered, 402, None), "billing");
        assert_eq!(word(Outcome::Answered, 404, None), "request");
        assert_eq!(word(Outcome::CallerLeft, 499, None), "caller_left");
        assert_eq!(word(Outcome::Refused, 502, Some("upstream_unreachable")), "transport_before_send");
        assert_eq!(word(Outcome::Refused, 504, Some("upstream_timeout")), "headers_late");
        assert_eq!(word(Outcome::Interrupted, 200, Some("upstream_timeout")), "stream_stall");
        assert_eq!(word(Outcome::Interrupted, 200, Some("upstream_stream_interrupted")), "stream_cut");
        assert!(told(&UsageRecord::default()).is_empty(), "nobody was asked");
    }

    #[test]
    fn each_of_several_is_told_by_its_own_word_and_the_one_that_answers_by_how_it_went_on() {
        let record = UsageRecord {
            provider: Some("b".to_owned()),
            attempts: 3,
            outcome: Outcome::Interrupted,
            status: 200,
            trail: vec![one("a", "server"), one("b", "answered"), one("c", "given_up")],
            ..UsageRecord::default()
        };
        assert_eq!(
            told(&record),
            [
                ("a".to_owned(), "server", Ending::ProviderFailed, false),
                ("b".to_owned(), "stream_cut", Ending::Transport, true),
                ("c".to_owned(), "given_up", Ending::CallerLeft, false),
            ]
        );
        let refused = UsageRecord { trail: vec![one("a", "limited"), one("b", "new_word")], ..record };
        assert_eq!(told(&refused)[1], ("b".to_owned(), "other", Ending::Refused, true));
    }
}
