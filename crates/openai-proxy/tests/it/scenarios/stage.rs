//! Where a case is played: the vendors, who asks them, and how often.

use std::net::SocketAddr;
use std::time::Duration;

use testkit::failing::{Case, Pace, Pair, Scenario};
use testkit::vendor::Vendor;
use testkit::view::View;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::judge::Story;
use super::{PATIENCE, reference};
use crate::house::UPSTREAM_KEY;
use crate::program::Program;

/// S15: one call each fifteenth of the outage, and five after it.
const CALLS_IN_OUTAGE: u32 = 15;
const CALLS: u32 = 20;

/// A gateway with default settings: two providers, and for each case one model of two places.
pub(super) struct Gateway {
    pub(super) address: SocketAddr,
    _program: Program,
    _home: tempfile::TempDir,
}

impl Gateway {
    pub(super) async fn before(pair: &Pair, cases: &[Case]) -> Gateway {
        let mut yaml = "server: {listen: \"127.0.0.1:0\"}\nproviders:\n".to_owned();
        for (name, vendor) in [("primary", &pair.primary), ("fallback", &pair.fallback)] {
            let url = vendor.url();
            yaml.push_str(&format!(
                "  {name}: {{type: openai-compatible, base_url: \"{url}/v1\", api_key: {UPSTREAM_KEY}}}\n"
            ));
        }
        yaml.push_str("models:\n");
        for case in cases {
            let (public, model, spare) = (public(*case), case.model(), case.spare());
            yaml.push_str(&format!("  {public}: {{use: [primary/{model}, fallback/{spare}]}}\n"));
        }
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("openai-proxy.yaml"), yaml).unwrap();
        let (program, address) = Program::ready(home.path(), &[]).await;
        Gateway { address, _program: program, _home: home }
    }
}

/// The name callers know a case's model by.
fn public(case: Case) -> String {
    format!("public-{}", case.model())
}

/// Who asks.
#[derive(Clone, Copy)]
pub(super) enum Asks {
    /// An ordinary client of this gateway.
    Gateway(SocketAddr),
    /// Whoever does by hand what a gateway should, at primary and fallback, for so long.
    ByHand(SocketAddr, SocketAddr, Duration),
    /// Whoever asks the primary once and believes what comes.
    Believing(SocketAddr, Duration),
}

impl Asks {
    async fn chat(self, case: Case) -> View {
        match self {
            Asks::Gateway(address) => View::of(address, &chat(&public(case), true), PATIENCE).await,
            Asks::ByHand(primary, fallback, patience) => {
                reference::chat(primary, fallback, case, patience).await
            }
            Asks::Believing(primary, patience) => {
                View::of(primary, &chat(&case.model(), true), patience).await
            }
        }
    }

    /// A call without a stream.
    async fn plain(self, case: Case) -> View {
        let (address, model) = match self {
            Asks::Gateway(address) => (address, public(case)),
            Asks::ByHand(primary, ..) | Asks::Believing(primary, _) => (primary, case.model()),
        };
        View::of(address, &chat(&model, false), PATIENCE).await
    }
}

/// A chat as an OpenAI client asks for it.
pub(super) fn chat(model: &str, stream: bool) -> String {
    let options = if stream { r#""stream_options":{"include_usage":true},"# } else { "" };
    format!(
        r#"{{"model":"{model}","stream":{stream},{options}"messages":[{{"role":"user","content":"Tell me about the morning."}}]}}"#
    )
}

/// Where a vendor listens.
pub(super) fn address(vendor: &Vendor) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], vendor.port()))
}

/// Plays a case, and tells what caller and vendors saw of it.
pub(super) async fn play(case: Case, pair: &Pair, pace: Pace, asks: Asks) -> Story {
    let (calls, every) = match case.scenario {
        Scenario::Outage => (CALLS, pace.outage / CALLS_IN_OUTAGE),
        _ => (1, Duration::ZERO),
    };
    let (begun, mut calling) = (Instant::now(), JoinSet::new());
    for call in 0..calls {
        calling.spawn(async move {
            tokio::time::sleep_until(begun + every * call).await;
            asks.chat(case).await
        });
    }
    let mut views = calling.join_all().await;
    views.sort_by_key(|view| view.asked);
    let afterwards = match case.scenario {
        Scenario::Stalled => Some(asks.plain(case).await),
        _ => None,
    };
    Story {
        case,
        pace,
        calls: views,
        afterwards,
        primary: pair.primary_tries(case),
        fallback: pair.fallback_tries(case),
    }
}
