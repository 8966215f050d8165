//! Providers that know us by who we are: a token is asked for where it is given, once for all who wait, anew before it ends, and
//! requests are signed where that is wanted. No caller hears of any of it, but by an error that is ours.

mod aws;
mod google;
mod tokens;

use serde_json::json;
use testkit::caller::{self, Answer};
use testkit::vendor::Act;

use crate::house::{TestHouse, chat};

fn gives(token: &str, seconds: u64) -> Act {
    Act::json(200, &json!({"token_type": "Bearer", "access_token": token, "expires_in": seconds}))
}

async fn call(house: &TestHouse) -> Answer {
    caller::ask(house.address(), "POST", "/v1/chat/completions", &[], &chat("m", false)).await
}

/// It is answered in its caller's language.
async fn is_greeted(house: &TestHouse) {
    let answer = call(house).await;
    assert_eq!(
        (answer.status, &answer.json()["choices"][0]["message"]["content"]),
        (200, &json!("hello")),
        "{}",
        answer.text()
    );
}
