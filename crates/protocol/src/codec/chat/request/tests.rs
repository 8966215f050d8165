//! What is asked, as vendors of this wire take it.

use super::*;

fn written(request: &Request, habits: Habits) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
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
