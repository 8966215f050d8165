//! A whole answer as the steps of a streamed one: for callers who want a stream where a vendor gave none.

use serde_json::Value;

use super::delta::{Begun, Delta, Opening};
use super::part::Part;
use super::response::Response;

/// The steps of the first answer.
pub fn steps(response: &Response) -> Vec<Delta> {
    let Response { id, model, created, counts, .. } = response;
    let mut steps = vec![Delta::Begin(Begun { id: id.clone(), model: model.clone(), created: *created })];
    let answer = response.answers.first();
    // They are all in one list, which belongs to the first text.
    let mut logprobs = answer.and_then(|answer| answer.logprobs.as_ref()?["content"].as_array());
    for (number, part) in answer.iter().flat_map(|answer| &answer.parts).enumerate() {
        let words = if matches!(part, Part::Text(_)) { logprobs.take() } else { None };
        scatter(number, part, words, &mut steps);
    }
    steps.extend(answer.and_then(|answer| answer.stop.clone()).map(Delta::Stop));
    steps.extend(counts.map(Delta::Counts));
    steps
}

fn scatter(number: usize, part: &Part, words: Option<&Vec<Value>>, steps: &mut Vec<Delta>) {
    let (opening, text, mark) = match part {
        Part::Text(text) => (Opening::Text, text.as_str(), None),
        Part::Refusal(text) => (Opening::Refusal, text.as_str(), None),
        Part::Thought(thought) if thought.sealed.is_none() => {
            let opening = Opening::Thought { id: thought.id.clone() };
            (opening, thought.text.as_str(), thought.signature.clone())
        }
        Part::Call(call) => {
            let opening = Opening::Call { id: call.id.clone(), name: call.name.clone(), custom: call.custom };
            (opening, call.arguments.as_str(), call.signature.clone())
        }
        whole => (Opening::Whole(whole.clone()), "", None),
    };
    steps.push(Delta::Open(number, opening));
    steps.extend(words.map(|words| Delta::Logprobs(number, words.clone())));
    let grown = (!text.is_empty()).then(|| Delta::Grow(number, text.to_owned()));
    let signed = mark.map(|mark| Delta::Sign(number, mark));
    // A thought is signed when it is complete, a call when it begins.
    if matches!(part, Part::Call(_)) {
        steps.extend(signed.into_iter().chain(grown));
    } else {
        steps.extend(grown.into_iter().chain(signed));
    }
    steps.push(Delta::Close(number));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::gather::Gather;
    use super::*;
    use crate::hub::{Answer, Call, Counts, Stop, Thought};

    #[test]
    fn what_was_scattered_is_gathered_again() {
        let call =
            Call { id: "1".into(), name: "look".into(), arguments: "{\"a\":1}".into(), ..Call::default() };
        let thought = Thought { text: "so".into(), signature: Some("mark".into()), ..Thought::default() };
        let parts = vec![Part::Thought(thought), Part::Text("Well.".into()), Part::Call(call)];
        let word = json!({"token": "Well.", "logprob": -0.5, "bytes": b"Well.", "top_logprobs": []});
        let logprobs = json!({"content": [word], "refusal": null});
        let response = Response {
            id: Some("a".into()),
            model: Some("m".into()),
            created: Some(7),
            answers: vec![Answer { parts, stop: Some(Stop::Calls), logprobs: Some(logprobs) }],
            counts: Some(Counts { input: 3, output: 2, ..Counts::default() }),
            tier: None,
        };
        let mut gather = Gather::default();
        steps(&response).iter().for_each(|step| gather.push(step));
        assert_eq!(gather.into_response(), Ok(response));
    }
}
