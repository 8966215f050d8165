//! What belongs to single models and not to accounts: limits and prices.

use serde_json::{Map, Value as Json, json};

use super::accounts::Provider;
use super::deployment::{Deployment, number};
use crate::report::Report;

/// Limits of single models, where an account serves several: a limit of the public name, for all of its places together.
pub(super) fn limits(deployments: &[Deployment], accounts: &[Provider], report: &mut Report) -> Option<Json> {
    let shared = |index: &usize| {
        accounts.iter().any(|account| account.serves.len() > 1 && account.serves.contains(index))
    };
    let mut all = Map::new();
    for (index, deployment) in deployments.iter().enumerate() {
        if all.contains_key(&deployment.public) || !shared(&index) || deployment.public.contains('*') {
            continue;
        }
        let group: Vec<&Deployment> =
            deployments.iter().filter(|other| other.public == deployment.public).collect();
        let mut limit = Map::new();
        for (ours, theirs, of) in
            [("requests", "rpm", (|d| d.rpm) as fn(&Deployment) -> Option<u64>), ("tokens", "tpm", |d| d.tpm)]
        {
            let said: Vec<u64> = group.iter().filter_map(|deployment| of(deployment)).collect();
            if said.is_empty() {
                continue;
            }
            let public = &deployment.public;
            if said.len() < group.len() {
                report.lost(
                    deployment.spot.clone(),
                    format!("{public}: {theirs}: not all of its places have one"),
                );
                continue;
            }
            let what = if group.len() > 1 {
                "the sum of its places, for all of them together"
            } else {
                "for the model, at an account of several"
            };
            report
                .changed(deployment.spot.clone(), format!("{public}: {theirs}: `limits.per_model`, {what}"));
            limit.insert(ours.to_owned(), json!(format!("{}/min", said.iter().sum::<u64>())));
        }
        if !limit.is_empty() {
            all.insert(deployment.public.clone(), Json::Object(limit));
        }
    }
    (!all.is_empty()).then(|| json!({"per_model": all}))
}

/// Prices that were written: of a million tokens here, of one there.
pub(super) fn prices(deployments: &[Deployment], report: &mut Report) -> Option<Json> {
    let mut all = Map::new();
    for deployment in deployments.iter().filter(|deployment| !deployment.prices.is_empty()) {
        let price = deployment.prices.iter().map(|(key, price)| ((*key).to_owned(), number(*price)));
        let price = Json::Object(price.collect());
        match all.get(&deployment.public) {
            Some(known) if *known != price => {
                let told =
                    format!("{}: prices belong to a model here, and the first ones count", deployment.public);
                report.changed(deployment.spot.clone(), told);
            }
            Some(_) => {}
            None => {
                report.carried(
                    deployment.spot.clone(),
                    format!("{}: its prices: `pricing.overrides`", deployment.public),
                );
                all.insert(deployment.public.clone(), price);
            }
        }
    }
    (!all.is_empty()).then(|| json!({"overrides": all}))
}
