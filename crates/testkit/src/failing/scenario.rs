//! The sixteen scenarios: their numbers, and the models' names by which a vendor knows which one is meant.

/// What goes wrong at the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scenario {
    /// S01: 429 once, with a hint of two seconds.
    LimitedOnce,
    /// S02: 429 for ever, without a hint.
    Limited,
    /// S03: 500 once.
    BrokenOnce,
    /// S04: 503 for ever.
    Away,
    /// S05: a reset before any byte, once.
    ResetOnce,
    /// S06: takes the request and says nothing.
    Silent,
    /// S07: a head at once, the first token late.
    Late,
    /// S08: ends after 40 tokens, without a word.
    Cut,
    /// S09: stops after 20 tokens, and closes later.
    Stalled,
    /// S10: the tenth event is no JSON.
    Garbled,
    /// S11: all is said, but no `[DONE]` and no end.
    NoDone,
    /// S12: 400, the context is too long.
    TooLong,
    /// S13: 400, against the vendor's policy.
    Forbidden,
    /// S14: as S08, and the fallback takes no prefill.
    CutAndNoPrefill,
    /// S15: 503 for a minute from the first try on, then well.
    Outage,
    /// S16: 503 for ever; the answer says who gave it.
    Named,
}

impl Scenario {
    /// All of them, in order.
    pub const ALL: [Scenario; 16] = [
        Scenario::LimitedOnce,
        Scenario::Limited,
        Scenario::BrokenOnce,
        Scenario::Away,
        Scenario::ResetOnce,
        Scenario::Silent,
        Scenario::Late,
        Scenario::Cut,
        Scenario::Stalled,
        Scenario::Garbled,
        Scenario::NoDone,
        Scenario::TooLong,
        Scenario::Forbidden,
        Scenario::CutAndNoPrefill,
        Scenario::Outage,
        Scenario::Named,
    ];

    /// What goes wrong, in a few words.
    pub fn what(self) -> &'static str {
        match self {
            Scenario::LimitedOnce => "429 with a hint, once",
            Scenario::Limited => "429 for ever",
            Scenario::BrokenOnce => "500 once",
            Scenario::Away => "503 for ever",
            Scenario::ResetOnce => "reset before any byte, once",
            Scenario::Silent => "silence",
            Scenario::Late => "the first token is late",
            Scenario::Cut => "40 of 60 tokens, then the end",
            Scenario::Stalled => "20 of 60 tokens, then silence",
            Scenario::Garbled => "an event that is no JSON",
            Scenario::NoDone => "no [DONE], no end",
            Scenario::TooLong => "the context is too long",
            Scenario::Forbidden => "against the policy",
            Scenario::CutAndNoPrefill => "40 of 60 tokens, fallback without prefill",
            Scenario::Outage => "an outage",
            Scenario::Named => "503 for ever, who answered",
        }
    }

    /// The same fault in other clothes, where the description leaves a choice.
    fn clothes(self) -> &'static [&'static str] {
        match self {
            // The first chunk, with the role, at once.
            Scenario::Late => &["role"],
            // The framing is broken, too: FIN or RST before the last chunk. `anew`: the fallback takes a prefill and begins anew
            // all the same, as some models do; `early`: so it does, and only a word has been said.
            Scenario::Cut => &["fin", "rst", "anew", "early"],
            Scenario::CutAndNoPrefill => &["fin", "rst"],
            // Within a word of the next event.
            Scenario::Stalled => &["half"],
            // Ended properly, or cut, behind the usage chunk.
            Scenario::NoDone => &["ends", "fin"],
            _ => &[],
        }
    }
}

/// A scenario, in its usual clothes or in others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Case {
    /// Which one.
    pub scenario: Scenario,
    /// In which clothes; empty: the usual ones.
    pub clothes: &'static str,
}

impl Case {
    /// The sixteen, in their usual clothes.
    pub fn usual() -> Vec<Case> {
        Scenario::ALL.into_iter().map(Case::from).collect()
    }

    /// The same faults in other clothes.
    pub fn others() -> Vec<Case> {
        let dressed =
            |scenario: Scenario| scenario.clothes().iter().map(move |clothes| Case { scenario, clothes });
        Scenario::ALL.into_iter().flat_map(dressed).collect()
    }

    /// All there are.
    pub fn all() -> Vec<Case> {
        [Case::usual(), Case::others()].concat()
    }

    /// `S01` to `S16`, and the clothes behind it.
    pub fn name(self) -> String {
        self.spelled("S", ' ')
    }

    /// The model's name at the primary.
    pub fn model(self) -> String {
        self.spelled("s", '-')
    }

    /// The model's name at the fallback.
    pub fn spare(self) -> String {
        format!("spare-{}", self.model())
    }

    /// The case with this model at the primary.
    pub fn of_model(model: &str) -> Option<Case> {
        Case::all().into_iter().find(|case| case.model() == model)
    }

    /// The case with this model at the fallback.
    pub fn of_spare(model: &str) -> Option<Case> {
        Case::of_model(model.strip_prefix("spare-")?)
    }

    fn spelled(self, letter: &str, gap: char) -> String {
        let number = self.scenario as usize + 1;
        let name = format!("{letter}{number:02}{gap}{}", self.clothes);
        name.trim_end_matches(gap).to_owned()
    }
}

impl From<Scenario> for Case {
    fn from(scenario: Scenario) -> Case {
        Case { scenario, clothes: "" }
    }
}
