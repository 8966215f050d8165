//! The gateways that run here: whether they answer, are this version, and have read the configuration as it is now.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::finding::Finding;
use super::scene::Scene;
use crate::command::reach::Reach;
use crate::instance::Instance;

/// A gateway on this computer answers at once.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn check(scene: &Scene) -> Vec<Finding> {
    if scene.running.is_empty() {
        return vec![Finding::skipped("gateway", "none runs here (openai-proxy start)")];
    }
    let mut findings = Vec::new();
    for instance in &scene.running {
        let about = instance.url();
        let mut told = vec![answers(scene, instance).await];
        told.extend(version(instance));
        told.extend(current(instance));
        findings.extend(told.into_iter().map(|finding| finding.about(about.as_str())));
    }
    findings
}

async fn answers(scene: &Scene, instance: &Instance) -> Finding {
    let what = format!("{}, pid {}", instance.url(), instance.pid);
    if scene.offline {
        return Finding::skipped("gateway", format!("{what}: not asked"));
    }
    let Ok(mut reach) = Reach::at(instance.clone(), &scene.environment) else {
        return Finding::bad("gateway", format!("{what}: its address is odd"));
    };
    match tokio::time::timeout(PATIENCE, reach.get("/readyz")).await {
        Ok(Ok(told)) if told.status.is_success() => Finding::good("gateway", format!("{what}, answers")),
        Ok(Ok(told)) => Finding::warning("gateway", format!("{what}, is not ready: {}", told.error())),
        Ok(Err(failure)) => Finding::bad("gateway", format!("{what}, cannot be reached"))
            .cause(failure.say)
            .fix("openai-proxy restart"),
        Err(_) => Finding::bad("gateway", format!("{what}, gives no answer within 3 s"))
            .fix("openai-proxy logs, then openai-proxy restart"),
    }
}

fn version(instance: &Instance) -> Option<Finding> {
    let own = env!("CARGO_PKG_VERSION");
    (instance.version != own).then(|| {
        Finding::warning("gateway.version", format!("it is version {}, this program {own}", instance.version))
            .cause("The program was renewed while it ran.")
            .fix("openai-proxy restart")
    })
}

/// Whether it has read the configuration as it is now.
fn current(instance: &Instance) -> Option<Finding> {
    if let Some(refused) = &instance.refused {
        return Some(
            Finding::bad(
                "gateway.configuration",
                "the configuration as it is now is refused; the one before is in use",
            )
            .cause(refused)
            .fix("Mend the file, then openai-proxy reload"),
        );
    }
    let read = instance.written?;
    let file = instance.config.as_ref()?;
    let changed = std::fs::metadata(file).ok()?.modified().ok()?;
    (changed > read).then(|| {
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let ago = seconds(SystemTime::now()).saturating_sub(seconds(changed));
        Finding::warning(
            "gateway.configuration",
            format!("{} was changed {ago} s ago, after it was read", file.display()),
        )
        .fix("openai-proxy check-config, then openai-proxy reload")
    })
}
