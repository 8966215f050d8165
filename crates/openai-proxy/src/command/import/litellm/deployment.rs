//! One entry of `model_list`: a public name, and the account it is served by.

use serde_json::{Value as Json, json};

use super::account::{Account, account};
use super::aside::{PRICES, about, unread};
use super::at::{At, ours};
use super::vendors::{COMPATIBLE, Served, served};
use crate::report::Report;

/// One entry, understood.
#[derive(Clone, Debug)]
pub(super) struct Deployment {
    pub(super) public: String,
    /// The account's own name for the model.
    pub(super) own: String,
    pub(super) account: Account,
    pub(super) weight: Option<u64>,
    pub(super) order: Option<u64>,
    pub(super) rpm: Option<u64>,
    pub(super) tpm: Option<u64>,
    pub(super) at_once: Option<u64>,
    pub(super) total: Option<String>,
    pub(super) first_byte: Option<String>,
    /// Of a million tokens, by our words.
    pub(super) prices: Vec<(&'static str, f64)>,
    pub(super) spot: crate::report::Spot,
}

/// Reads one entry; whatever is not carried over is named.
pub(super) fn read(entry: &At<'_>, credentials: &[At<'_>], report: &mut Report) -> Option<Deployment> {
    let text = |at: &At<'_>, key: &str| at.get(key).and_then(|at| at.text()).filter(|text| !text.is_empty());
    let Some(public) = text(entry, "model_name") else {
        report.lost(entry.spot(), "an entry without `model_name`");
        return None;
    };
    let lost = |report: &mut Report, why: &str| report.lost(entry.spot(), format!("{public}: {why}"));
    let Some(params) = entry.get("litellm_params") else {
        lost(report, "it has no `litellm_params`");
        return None;
    };
    let Some(model) = text(&params, "model") else {
        lost(report, "its `litellm_params` name no `model`");
        return None;
    };
    let credential = text(&params, "litellm_credential_name").map(|name| {
        let named = |at: &&At<'_>| text(at, "credential_name").as_deref() == Some(&name);
        credentials.iter().find(named).and_then(|at| at.get("credential_values")).ok_or(name)
    });
    if let Some(Err(name)) = &credential {
        lost(report, &format!("the credential `{name}` stands nowhere"));
        return None;
    }
    let credential = credential.and_then(Result::ok);
    let param = |key: &str| params.get(key).or_else(|| credential.as_ref().and_then(|at| at.get(key)));
    let written = |key: &str| param(key).and_then(|at| at.text()).filter(|text| !text.is_empty());
    let base = ["api_base", "base_url", "aws_bedrock_runtime_endpoint"].into_iter().find_map(written);
    let odd = |base: &&str| !ours(base).contains("${") && config::origin(base).is_err();
    if base.as_deref().is_some_and(|base| base.contains(['@', '?'])) {
        lost(report, "its address holds a login or a query, which have no place in one");
        return None;
    } else if base.as_deref().filter(odd).is_some() {
        lost(report, "its `api_base` is no address");
        return None;
    }
    let (known, own) = match served(&model, written("custom_llm_provider").as_deref()) {
        Served::By(known, own) => (known, own),
        Served::NotSpoken(kind) => {
            lost(report, &format!("served by `{kind}`, which is not spoken here yet"));
            return None;
        }
        Served::Unsaid(own) if base.is_some() => {
            let told = format!("{public}: no vendor is said; taken for {COMPATIBLE}");
            report.changed(entry.spot(), told);
            match served(&own, Some("openai_like")) {
                Served::By(known, own) => (known, own),
                _ => return None,
            }
        }
        Served::Unsaid(own) => {
            let any = own.contains('*');
            let why = if any {
                "which vendor is meant is known for each call only"
            } else {
                "nothing says which vendor serves it"
            };
            lost(report, &format!("`{own}`: {why}"));
            return None;
        }
    };
    let own = match known.own_name(&own) {
        Ok(own) => own,
        Err(why) => {
            lost(report, &format!("`{own}`: {why}"));
            return None;
        }
    };
    if !known.remark.is_empty() {
        report.changed(entry.spot(), format!("{public}: {} is {}", known.theirs, known.remark));
    }
    unread(&public, (&params, known.kind == "ollama"), report);
    about(entry, &public, report);
    let account = account(known, base, &written, (entry, &param, report))?;
    let limit = |key: &str| {
        param(key).or_else(|| entry.get(key)).and_then(|at| at.whole()).filter(|limit| *limit > 0)
    };
    let clock = |key: &str| param(key).and_then(|at| at.clock());
    let info = entry.get("model_info");
    let price =
        |key: &str| param(key).or_else(|| info.as_ref().and_then(|at| at.get(key))).and_then(|at| at.price());
    Some(Deployment {
        weight: limit("weight"),
        order: limit("order"),
        rpm: limit("rpm"),
        tpm: limit("tpm"),
        at_once: limit("max_parallel_requests"),
        total: clock("timeout"),
        first_byte: clock("stream_timeout"),
        prices: PRICES.iter().filter_map(|(ours, theirs)| Some((*ours, price(theirs)? * 1e6))).collect(),
        spot: entry.spot(),
        public,
        own,
        account,
    })
}

/// Whole numbers as such.
pub(super) fn number(value: f64) -> Json {
    // Prices of single tokens times a million leave dust behind the sixth place.
    let value = (value * 1e6).round() / 1e6;
    if value.fract() == 0.0 && value.abs() < 1e15 {
        json!(format!("{value}").parse::<i64>().unwrap_or_default())
    } else {
        json!(value)
    }
}
