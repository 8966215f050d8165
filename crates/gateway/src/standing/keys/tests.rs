//! Which key is used next, and which are put aside.

use protocol::verdict::UpstreamFault;

use super::*;
use crate::observe::Waits;

fn provider(settings: &str) -> Arc<Provider> {
    let text = format!(
        "providers: {{openai: {{key_strategy: {settings}, keys: {{a: {{key: sk-a, weight: 2}}, b: {{key: sk-b}}}}}}}}"
    );
    let loaded = config::parse(&text, &std::collections::BTreeMap::new());
    loaded.map(|loaded| loaded.snapshot.providers[0].clone()).unwrap()
}

fn pick(keys: &Keys, provider: &Provider) -> Picked {
    let queue = Arc::new(Queue::new(Waits::default()));
    keys.pick(&Want { provider, lane: &Lane::default(), tried: &[], tokens: 10, queue: &queue })
}

fn name(picked: &Picked) -> &str {
    match picked {
        Picked::Key(key, _) => &key.name,
        Picked::Own(_) => "own",
        Picked::Exhausted(_) => "none",
    }
}

fn uses(keys: &Keys, provider: &Provider, times: usize) -> String {
    (0..times).map(|_| name(&pick(keys, provider)).to_owned()).collect()
}

#[test]
fn each_strategy_takes_its_turns() {
    assert_eq!(uses(&Keys::default(), &provider("priority"), 4), "aaaa");
    assert_eq!(uses(&Keys::default(), &provider("round_robin"), 6), "aabaab");
    let least = uses(&Keys::default(), &provider("least_used"), 6);
    assert_eq!(least.matches('a').count(), 4, "{least}");
}

#[test]
fn a_refused_key_is_put_aside_and_the_other_is_used() {
    let (keys, provider) = (Keys::default(), provider("priority"));
    let Picked::Key(key, _) = pick(&keys, &provider) else { panic!("there is one") };
    key.learn(&UpstreamFault::of(FaultClass::Auth));
    assert_eq!(uses(&keys, &provider, 2), "bb");
    assert_eq!(keys.standings(&provider)[0].aside, Some("auth"));
    let Picked::Key(key, _) = pick(&keys, &provider) else { panic!("there is one") };
    key.learn(&UpstreamFault {
        wait: Some(Duration::from_secs(7)),
        ..UpstreamFault::of(FaultClass::Limited)
    });
    let Picked::Exhausted(out) = pick(&keys, &provider) else { panic!("none is left") };
    assert!(matches!(out, KeysOut::Resting(left) if left > Duration::from_secs(6)), "{out:?}");
    keys.reset(&provider.name);
    assert_eq!(uses(&keys, &provider, 1), "a");
}
