//! When a grant is asked for, by whom, and how long it is shown.

use protocol::secret::Secret;
use protocol::vendor::identity::Identity as Who;
use protocol::vendor::identity::{Aws, Google, Login, Shown, Source, sigv4::Keys};

use super::*;

fn purse() -> Arc<Purse> {
    let login = Login::Machine { root: "http://127.0.0.1:1".to_owned() };
    let who = Who::Google(Google { login, project: None, location: None });
    Purse::of(Arc::new(Identity { who, endpoints: Vec::new() }))
}

fn grant(name: &str, ends: Option<SystemTime>) -> Grant {
    Grant { shown: Shown::Token(Secret::new(name), None), ends }
}

/// So many seconds after the beginning.
struct Clock(Moment);

impl Clock {
    fn at(&self, seconds: u64) -> Moment {
        let later = Duration::from_secs(seconds);
        Moment { wall: self.0.wall + later, tick: self.0.tick + later }
    }

    fn ends(&self, seconds: u64) -> Option<SystemTime> {
        Some(self.at(seconds).wall)
    }
}

fn leave(found: Found) -> Leave {
    match found {
        Found::Nothing(leave) => leave,
        Found::Grant(_, Some(leave)) => leave,
        _ => panic!("no leave to ask"),
    }
}

fn shown(found: &Found) -> Option<&str> {
    match found {
        Found::Grant(grant, _) => grant.secrets().next().map(Secret::expose),
        _ => None,
    }
}

#[test]
fn one_asks_and_the_others_wait() {
    let (purse, clock) = (purse(), Clock(Moment::now()));
    let first = leave(purse.look(clock.at(0)));
    for _ in 0..1000 {
        assert!(matches!(purse.look(clock.at(0)), Found::Asked(_)));
    }
    let news = purse.news();
    first.came(grant("one", clock.ends(3600)), clock.at(0));
    assert!(news.has_changed().unwrap());
    assert_eq!(shown(&purse.look(clock.at(1))), Some("one"));
}

#[test]
fn whoever_had_leave_and_is_gone_leaves_it_to_the_next() {
    let (purse, clock) = (purse(), Clock(Moment::now()));
    let news = purse.news();
    drop(leave(purse.look(clock.at(0))));
    assert!(news.has_changed().unwrap());
    drop(leave(purse.look(clock.at(0))));
}

#[test]
fn the_next_is_asked_for_early_while_calls_go_on_with_the_one_that_holds() {
    let (purse, clock) = (purse(), Clock(Moment::now()));
    leave(purse.look(clock.at(0))).came(grant("one", clock.ends(3600)), clock.at(0));
    assert!(matches!(purse.look(clock.at(3299)), Found::Grant(_, None)));
    let next = leave(purse.look(clock.at(3301)));
    let meanwhile = purse.look(clock.at(3302));
    assert!(matches!(meanwhile, Found::Grant(_, None)) && shown(&meanwhile) == Some("one"));
    next.came(grant("two", clock.ends(7000)), clock.at(3303));
    assert_eq!(shown(&purse.look(clock.at(3304))), Some("two"));
    // Nobody asked for the next: just before its end it is not shown any more.
    assert!(matches!(purse.look(clock.at(6996)), Found::Nothing(_)));
}

#[test]
fn a_grant_that_holds_outlasts_failures_to_get_the_next() {
    let (purse, clock) = (purse(), Clock(Moment::now()));
    leave(purse.look(clock.at(0))).came(grant("one", clock.ends(1000)), clock.at(0));
    assert!(leave(purse.look(clock.at(850))).failed("away", clock.at(850)), "the first is news");
    let rests = purse.look(clock.at(850));
    assert!(matches!(rests, Found::Grant(_, None)), "it is not asked for in a hurry");
    assert!(!leave(purse.look(clock.at(852))).failed("away", clock.at(852)), "the second is not");
    assert_eq!(shown(&purse.look(clock.at(994))), Some("one"));
    assert!(!leave(purse.look(clock.at(996))).failed("away", clock.at(996)));
    assert!(matches!(purse.look(clock.at(997)), Found::Failed(why) if &*why == "away"));
    leave(purse.look(clock.at(1001))).came(grant("two", clock.ends(2000)), clock.at(1001));
    assert_eq!(shown(&purse.look(clock.at(1002))), Some("two"));
}

#[test]
fn a_grant_of_seconds_is_shown_and_asked_for_anew_in_time() {
    let (purse, clock) = (purse(), Clock(Moment::now()));
    leave(purse.look(clock.at(0))).came(grant("one", clock.ends(10)), clock.at(0));
    assert!(matches!(purse.look(clock.at(7)), Found::Grant(_, None)));
    assert!(matches!(purse.look(clock.at(8)), Found::Grant(_, Some(_))));
    assert!(matches!(purse.look(clock.at(9)), Found::Nothing(_)));
}

#[test]
fn a_grant_that_was_refused_is_given_up_once_in_a_while() {
    let (purse, clock) = (purse(), Clock(Moment::now()));
    let hold = |name: &str, at| {
        leave(purse.look(clock.at(at))).came(grant(name, clock.ends(9000)), clock.at(at));
        purse.grants().remove(0)
    };
    let one = hold("one", 0);
    assert!(purse.give_up(&one, clock.at(1)));
    let two = hold("two", 1);
    assert!(purse.give_up(&one, clock.at(2)), "whoever was refused with the old one finds the next");
    assert!(!purse.give_up(&two, clock.at(2)), "it may be something else that is refused");
    assert_eq!(shown(&purse.look(clock.at(3))), Some("two"));
    assert!(purse.give_up(&two, clock.at(40)));
}

#[test]
fn a_grant_is_known_as_long_as_a_call_that_has_shown_it_goes_on() {
    let (purse, clock) = (purse(), Clock(Moment::now()));
    leave(purse.look(clock.at(0))).came(grant("one", clock.ends(10)), clock.at(0));
    let Found::Grant(one, Some(next)) = purse.look(clock.at(8)) else { panic!() };
    next.came(grant("two", clock.ends(9000)), clock.at(8));
    let two = purse.grants().remove(0);
    assert_eq!(purse.grants(), [two.clone(), one.clone()]);
    assert!(purse.give_up(&two, clock.at(9)));
    assert_eq!(purse.grants(), [one.clone(), two]);
    drop(one);
    assert!(purse.grants().is_empty(), "and no longer");
}

#[test]
fn keys_that_are_written_are_never_asked_for() {
    let keys = Keys { id: "A".to_owned(), secret: Secret::new("s"), session: None };
    let aws = Aws { region: "r".to_owned(), source: Source::Keys(keys), role: None, sts: String::new() };
    let purse = Purse::of(Arc::new(Identity { who: Who::Aws(aws), endpoints: Vec::new() }));
    let clock = Clock(Moment::now());
    let Found::Grant(grant, None) = purse.look(clock.at(1_000_000)) else { panic!() };
    assert!(!purse.give_up(&grant, clock.at(1_000_000)));
}
