//! What is asked, as vendors of this wire take it.

use super::*;
use crate::hub::{Part, Role, Turn};

fn written(request: &Request, habits: Habits) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
    let turns = vec![Turn::new(Role::User, vec![Part::Text("hi".into())])];
    let request = &Request { turns, ..request.clone() };
    let bytes = write(request, habits, &mut losses).unwrap();
    (serde_json::from_slice(&bytes).unwrap(), losses.iter().map(str::to_owned).collect())
}

#[test]
fn counts_are_asked_for_only_where_that_is_understood() {
    let request = Request { stream: true, ..Request::default() };
    let (body, losses) = written(&request, Habits { counts_streams: true, ..Habits::default() });
    assert_eq!((&body["stream_options"], losses.len()), (&json!({"include_usage": true}), 0));
    let (body, losses) = written(&request, Habits::default());
    assert_eq!((&body["stream"], body.get("stream_options"), losses.len()), (&json!(true), None, 0));
}

#[test]
fn limits_of_words_go_only_to_who_has_them() {
    let mut request = Request::default();
    request.sampling.top_k = Some(64.into());
    request.sampling.min_p = serde_json::Number::from_f64(0.5);
    for (habits, top_k, min_p, lost) in [
        (Habits::default(), Value::Null, Value::Null, ["top_k", "min_p"].as_slice()),
        (Habits { own: true, ..Habits::default() }, Value::Null, Value::Null, &["top_k", "min_p"]),
        (Habits { top_k: true, ..Habits::default() }, json!(64), Value::Null, &["min_p"]),
        (Habits { top_k: true, min_p: true, ..Habits::default() }, json!(64), json!(0.5), &[]),
    ] {
        let (body, losses) = written(&request, habits);
        assert_eq!((&body["top_k"], &body["min_p"]), (&top_k, &min_p), "{habits:?}");
        assert_eq!(losses, lost, "{habits:?}");
    }
}

#[test]
fn a_long_name_of_the_user_is_left_out_and_told() {
    let named = |length: usize| Request { user: Some("\u{e9}".repeat(length)), ..Request::default() };
    let (body, losses) = written(&named(64), Habits::default());
    assert!(body["user"].is_string() && losses.is_empty());
    let (body, losses) = written(&named(65), Habits::default());
    assert_eq!((body.get("user"), losses), (None, vec!["user".to_owned()]));
}
