//! Load and upstream against each other: what goes well is counted, and what goes wrong is told.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use super::{Expect, Figures, Pace, Plan, run};
use crate::chat;
use crate::mock::{Behaviour, Mock};

/// An upstream in this process, which ends with it.
fn upstream(behaviour: &str) -> SocketAddr {
    let behaviour = Behaviour::read(behaviour).expect("a behaviour");
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let listen = "127.0.0.1:0".parse().expect("an address");
        let mock = Mock::new(listen, behaviour, None).expect("a port");
        tell.send(mock.address().expect("an address")).expect("a listener");
        mock.run()
    });
    told.recv().expect("an upstream")
}

fn load(to: SocketAddr, expect: Expect, change: impl FnOnce(&mut Plan)) -> Figures {
    let mut plan = Plan {
        to,
        request: chat::request("localhost", 1536, matches!(expect, Expect::Stream(_))),
        expect,
        pace: Pace::Closed { connections: 4, spread: Duration::ZERO },
        most: 100,
        hang_up: 0.0,
        hang_up_within: Duration::ZERO,
        warm_up: Duration::ZERO,
        measure: Duration::from_millis(300),
    };
    change(&mut plan);
    run(&plan, &mut |_| {}).expect("a load")
}

#[test]
fn answers_and_chunks_are_counted() {
    let figures = load(upstream(""), Expect::Answer(chat::answer()), |_| {});
    assert!(figures.answers > 10, "{}", figures.answers);
    assert_eq!(figures.failures(), 0, "{:?}", figures.failures);

    let figures = load(upstream("chunks=20&pace_us=1000"), Expect::Stream(20), |_| {});
    assert!(figures.answers >= 4 && figures.chunks >= 20 * figures.answers, "{}", figures.chunks);
    assert_eq!(figures.failures(), 0, "{:?}", figures.failures);
}

#[test]
fn what_fails_is_told_and_no_answer() {
    for behaviour in ["broken=1", "busy=1", "cut=1"] {
        let figures = load(upstream(behaviour), Expect::Answer(chat::answer()), |_| {});
        assert_eq!(figures.answers, 0, "{behaviour}");
        assert!(figures.failures() > 0, "{behaviour}");
    }
    let figures = load(upstream("chunks=20&pace_us=0&cut=1"), Expect::Stream(20), |_| {});
    assert_eq!(figures.answers, 0);
    assert!(figures.failures() > 0);
}

#[test]
fn a_call_counts_from_the_instant_it_was_meant_for() {
    // One connection for calls that take ten times as long as from one to the next: each waits for all before it.
    let figures = load(upstream("delay_us=50000"), Expect::AnyAnswer, |plan| {
        plan.pace = Pace::Open { per_second: 200 };
        plan.most = 1;
        plan.measure = Duration::from_millis(500);
    });
    let slowest = Duration::from_nanos(figures.latency.max());
    assert!(slowest > Duration::from_millis(200), "{slowest:?}");
}

#[test]
fn callers_who_leave_are_no_failures() {
    let figures = load(upstream("delay_us=20000"), Expect::AnyAnswer, |plan| {
        plan.hang_up = 1.0;
        plan.hang_up_within = Duration::from_millis(5);
    });
    assert!(figures.hung_up > 0);
    assert_eq!((figures.answers, figures.failures()), (0, 0), "{:?}", figures.failures);
}
