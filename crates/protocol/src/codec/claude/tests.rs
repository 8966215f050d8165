//! Names of models, and what stands beside what.

use super::*;
use crate::hub::{Budget, Call, Choice, Outcome, Part, Reasoning, Request, Role, Thought, Tool, Turn};

#[test]
fn a_name_tells_the_number_wherever_it_stands() {
    for (name, number) in [
        ("claude-sonnet-4-5-20250929", Some((4, 5))),
        ("claude-opus-4-20250514", Some((4, 0))),
        ("claude-3-5-sonnet-20241022", Some((3, 5))),
        ("claude-3-opus-20240229", Some((3, 0))),
        ("claude-opus-4-1@20250805", Some((4, 1))),
        ("claude-haiku-4.5", Some((4, 5))),
        ("Claude-Sonnet-5", Some((5, 0))),
        ("claude-fable-5", Some((5, 0))),
        ("claude-2.1", Some((2, 1))),
        ("claude-mythos-preview", Some(NEWEST)),
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", Some((3, 7))),
        ("arn:aws:bedrock:eu-central-1:1:inference-profile/eu.anthropic.claude-opus-4-8", Some((4, 8))),
        ("kimi-k3", None),
        ("", None),
    ] {
        assert_eq!(Claude::of(name).number, number, "{name}");
    }
    for (name, own) in [
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", true),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3", true),
        ("amazon.nova-pro-v1:0", false),
        ("arn:aws:bedrock:us-east-1::foundation-model/meta.llama4-scout-17b-instruct-v1:0", false),
    ] {
        assert_eq!(Claude::on_bedrock(name).is_some(), own, "{name}");
    }
}

#[test]
fn only_what_a_model_takes_together_is_said() {
    let number = |number: f64| Number::from_f64(number);
    let say = |temperature: Option<f64>, top_p: Option<f64>, top_k: Option<u64>| Drawn {
        temperature: temperature.and_then(number),
        top_p: top_p.and_then(number),
        top_k: top_k.map(Into::into),
    };
    let gemini_cli = say(Some(1.0), Some(0.95), Some(64));
    for (model, thinks, asked, drawn) in [
        ("claude-sonnet-4-5", false, &gemini_cli, say(Some(1.0), None, Some(64))),
        ("claude-sonnet-4-5", true, &gemini_cli, say(Some(1.0), None, None)),
        ("claude-opus-4-8", false, &gemini_cli, say(Some(1.0), None, None)),
        ("claude-sonnet-4", false, &gemini_cli, gemini_cli.clone()),
        ("a name of my own", false, &gemini_cli, say(Some(1.0), None, Some(64))),
        // The temperature says nothing here.
        ("claude-sonnet-4-5", false, &say(Some(1.0), Some(0.5), None), say(None, Some(0.5), None)),
        ("claude-sonnet-4-5", false, &say(Some(0.2), Some(0.5), None), say(Some(0.2), None, None)),
        ("claude-sonnet-4-5", true, &say(Some(0.2), Some(0.5), Some(3)), say(None, None, None)),
        ("claude-sonnet-4-5", true, &say(Some(0.2), Some(0.97), None), say(None, Some(0.97), None)),
        ("claude-sonnet-4", true, &say(None, None, Some(3)), say(None, None, None)),
        ("claude-opus-4-8", false, &say(Some(0.2), Some(0.97), None), say(None, None, None)),
        ("claude-sonnet-4-5", false, &say(None, Some(0.5), Some(3)), say(None, Some(0.5), Some(3))),
    ] {
        assert_eq!(Claude::of(model).draws(asked, thinks), drawn, "{model} {thinks} {asked:?}");
    }
}

fn reasoning(effort: Option<&str>, budget: Option<Budget>, shown: Option<bool>) -> Option<Reasoning> {
    Some(Reasoning { effort: effort.map(str::to_owned), budget, shown })
}

fn wanted(model: &str, reasoning: Option<Reasoning>) -> Request {
    Request { model: model.to_owned(), reasoning, ..Request::default() }
}

fn fit(request: &Request) -> (Option<Reasoning>, bool) {
    let (reasoning, losses) = told(request);
    (reasoning, !losses.is_empty())
}

fn told(request: &Request) -> (Option<Reasoning>, String) {
    let mut losses = Losses::default();
    let reasoning = fitted(request, &mut losses).reasoning.clone();
    (reasoning, losses.line(500))
}

#[test]
fn older_models_are_told_a_budget() {
    let (adaptive, tokens) = (Some(Budget::Adaptive), |tokens| Some(Budget::Tokens(tokens)));
    for (model, asked, expected) in [
        ("claude-sonnet-4-5", reasoning(None, adaptive, None), reasoning(None, tokens(8192), None)),
        ("claude-sonnet-4-5", reasoning(None, None, Some(true)), reasoning(None, tokens(8192), Some(true))),
        ("claude-sonnet-4-5", reasoning(Some("low"), None, None), reasoning(None, tokens(2048), None)),
        ("claude-haiku-4-5", reasoning(Some("xhigh"), adaptive, None), reasoning(None, tokens(16_384), None)),
        (
            "claude-opus-4-5",
            reasoning(Some("high"), None, None),
            reasoning(Some("high"), tokens(16_384), None),
        ),
        ("claude-opus-4-1", reasoning(Some("high"), tokens(2000), None), reasoning(None, tokens(2000), None)),
        ("claude-3-5-sonnet-20241022", reasoning(Some("high"), adaptive, None), None),
    ] {
        let request = wanted(model, asked);
        assert_eq!(fit(&request), (expected, true), "{model} {:?}", request.reasoning);
    }
    for (model, asked) in [
        ("claude-opus-4-6", reasoning(Some("high"), adaptive, Some(true))),
        ("claude-fable-5", reasoning(None, adaptive, None)),
        ("claude-sonnet-4-6", reasoning(Some("max"), tokens(2000), None)),
        ("a name of my own", reasoning(Some("max"), tokens(2000), None)),
        ("claude-opus-4-8", reasoning(Some("xhigh"), None, Some(false))),
        ("claude-opus-4-7", reasoning(Some("max"), Some(Budget::Off), None)),
        ("claude-sonnet-5-5", reasoning(None, Some(Budget::Off), None)),
        ("a name of my own", reasoning(Some("low"), None, None)),
        ("claude-sonnet-4-5", reasoning(Some("none"), None, None)),
        ("claude-sonnet-4-5", reasoning(None, Some(Budget::Off), None)),
        ("claude-sonnet-4-5", reasoning(None, tokens(2000), None)),
        ("claude-sonnet-4-5", reasoning(None, None, Some(false))),
        ("claude-sonnet-4-5", None),
    ] {
        assert_eq!(fit(&wanted(model, asked.clone())), (asked, false), "{model}");
    }
}

#[test]
fn a_budget_is_less_than_the_answer_may_have() {
    for (most, tokens) in
        [(9000, Some(8192)), (8192, Some(4096)), (1500, Some(1024)), (1024, None), (10, None)]
    {
        let mut request = wanted("claude-sonnet-4-5", reasoning(None, Some(Budget::Adaptive), None));
        request.sampling.most_tokens = Some(most);
        let found = fit(&request).0.and_then(|reasoning| reasoning.budget);
        assert_eq!(found, tokens.map(Budget::Tokens), "{most}");
    }
}

#[test]
fn who_is_told_a_budget_does_not_think_where_that_is_refused() {
    let asked = reasoning(Some("high"), None, None);
    let mut request = wanted("claude-opus-4-5", asked);
    request.choice = Some(Choice::Required);
    assert_eq!(fit(&request), (None, true));
    request.choice = None;
    let thought = |signature: Option<&str>| {
        Part::Thought(Thought { signature: signature.map(str::to_owned), ..Thought::default() })
    };
    let outcome = || Turn::new(Role::User, vec![Part::Outcome(Outcome::default()), Part::CachePoint(None)]);
    let called = |first: Part| Turn::new(Role::Assistant, vec![first, Part::Call(Call::default())]);
    let asks = || Turn::new(Role::User, vec![Part::Text("Go on.".into())]);
    for (turns, thinks) in [
        (vec![asks(), called(thought(Some("sig"))), outcome()], true),
        (vec![asks(), called(thought(None)), outcome()], false),
        (vec![asks(), called(thought(None)), outcome(), called(thought(Some("sig"))), outcome()], false),
        (vec![asks(), called(thought(None)), outcome(), asks()], true),
    ] {
        request.turns = turns;
        assert_eq!(fit(&request).0.is_some(), thinks, "{:?}", request.turns);
    }
}

#[test]
fn newer_models_are_told_an_effort() {
    let (adaptive, off, tokens) =
        (Some(Budget::Adaptive), Some(Budget::Off), |tokens| Some(Budget::Tokens(tokens)));
    for (model, asked, expected, lost) in [
        (
            "claude-opus-4-7",
            reasoning(None, tokens(1024), None),
            reasoning(Some("low"), adaptive, None),
            "thinking budget",
        ),
        (
            "claude-sonnet-5",
            reasoning(None, tokens(8000), Some(true)),
            reasoning(Some("medium"), adaptive, Some(true)),
            "thinking budget",
        ),
        (
            "us.anthropic.claude-opus-4-8",
            reasoning(None, tokens(30_000), None),
            reasoning(Some("high"), adaptive, None),
            "thinking budget",
        ),
        (
            "claude-haiku-5-5",
            reasoning(Some("max"), tokens(9000), None),
            reasoning(Some("max"), adaptive, None),
            "thinking budget",
        ),
        (
            "claude-opus-4-6",
            reasoning(Some("xhigh"), adaptive, None),
            reasoning(Some("high"), adaptive, None),
            "reasoning_effort",
        ),
        (
            "claude-opus-5",
            reasoning(Some("xhigh"), off, None),
            reasoning(Some("high"), off, None),
            "reasoning_effort",
        ),
        (
            "claude-haiku-5-5",
            reasoning(Some("max"), off, None),
            reasoning(Some("high"), off, None),
            "reasoning_effort",
        ),
        (
            "claude-fable-5",
            reasoning(Some("none"), None, None),
            reasoning(Some("low"), None, None),
            "thinking off",
        ),
        (
            "claude-mythos-preview",
            reasoning(None, off, None),
            reasoning(Some("low"), None, None),
            "thinking off",
        ),
        (
            "claude-opus-5-5",
            reasoning(Some("max"), off, Some(false)),
            reasoning(Some("low"), None, Some(false)),
            "thinking off",
        ),
    ] {
        let request = wanted(model, asked);
        assert_eq!(told(&request), (expected, lost.to_owned()), "{model} {:?}", request.reasoning);
    }
    for (model, word) in [
        ("claude-sonnet-5-5", "between_tools"),
        ("claude-sonnet-5", "disabled"),
        ("claude-haiku-5-5", "disabled"),
        ("claude-sonnet-4-5", "disabled"),
        ("amazon.nova-pro-v1:0", "disabled"),
    ] {
        assert_eq!(Claude::of(model).off(), word, "{model}");
    }
    let mut between = wanted("claude-sonnet-5-5", reasoning(None, off, None));
    between.tools.push(Tool::Custom { name: "look".into(), description: None, format: None });
    assert_eq!(told(&between), (reasoning(None, off, None), "thinking off".to_owned()));
}

#[test]
fn who_refuses_to_be_made_to_call_a_tool_is_left_the_choice() {
    let allowed = |required| Choice::Allowed { names: vec!["look".to_owned()], required };
    for (model, asked, expected) in [
        ("claude-opus-5-5", Choice::Required, Choice::Auto),
        ("claude-sonnet-5-5", Choice::Named("look".to_owned()), allowed(false)),
        ("claude-mythos-5-1", allowed(true), allowed(false)),
        ("claude-mythos-preview", Choice::Required, Choice::Auto),
        ("claude-opus-5-5", Choice::None, Choice::None),
        ("claude-haiku-5-5", Choice::Required, Choice::Required),
        ("claude-fable-5", Choice::Required, Choice::Required),
        ("claude-opus-5", Choice::Required, Choice::Required),
        ("a name of my own", Choice::Required, Choice::Required),
    ] {
        let request = Request { choice: Some(asked.clone()), ..wanted(model, None) };
        let mut losses = Losses::default();
        let found = fitted(&request, &mut losses).choice.clone();
        assert_eq!(found, Some(expected.clone()), "{model} {asked:?}");
        assert_eq!(losses.line(99), if asked == expected { "" } else { "tool_choice" }, "{model} {asked:?}");
    }
}

#[test]
fn a_budget_is_left_out_where_a_tool_must_be_called() {
    for model in ["claude-sonnet-4", "claude-opus-4-6"] {
        let mut request = wanted(model, reasoning(None, Some(Budget::Tokens(2000)), None));
        request.choice = Some(Choice::Required);
        assert_eq!(told(&request), (None, "thinking budget".to_owned()), "{model}");
    }
}
