//! Names of models, and what stands beside what.

use super::*;

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
