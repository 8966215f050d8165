//! Whose a mark is.
//!
//! Vendors sign what their models thought (`signature`, `thoughtSignature`, `encrypted_content`) and want it back as it was; the mark of
//! one is refused by another. A caller that speaks another wire keeps marks under its own names and shows them again, perhaps to
//! somebody else, where the first one is away. So each mark is given a word before it that says where it comes from, and goes
//! back to nobody else.

use std::mem::take;

use super::delta::{Delta, Opening};
use super::part::Part;
use super::request::Request;
use super::response::Response;
use crate::dialect::Wire;

/// Marks a whole answer's marks as those of a wire.
pub fn claim(response: &mut Response, by: Wire) {
    response.answers.iter_mut().flat_map(|answer| &mut answer.parts).for_each(|part| claim_part(part, by));
}

/// The same for a step of a streamed one. Only the first piece of a mark gets the word: `begun` are the parts that have one.
pub fn claim_step(step: &mut Delta, by: Wire, begun: &mut Vec<usize>) {
    match step {
        Delta::Sign(number, mark) if !begun.contains(number) && !mark.is_empty() => {
            begun.push(*number);
            mark.insert_str(0, by.tag());
        }
        Delta::Open(_, Opening::Whole(part)) => claim_part(part, by),
        _ => {}
    }
}

fn claim_part(part: &mut Part, by: Wire) {
    let claimed = |mark: &mut Option<String>| {
        if let Some(mark) = mark.as_mut().filter(|mark| !mark.is_empty()) {
            mark.insert_str(0, by.tag());
        }
    };
    match part {
        Part::Thought(thought) => {
            claimed(&mut thought.signature);
            claimed(&mut thought.sealed);
        }
        Part::Call(call) => claimed(&mut call.signature),
        _ => {}
    }
}

/// Leaves the marks in a request that are for a wire, as they were; all others are taken out. Whether any was. Marks without a claim
/// are the wire's own where the caller speaks it itself (`bare`).
pub fn keep_own(request: &mut Request, of: Wire, bare: bool) -> bool {
    let mut foreign = false;
    let own = |mark: &mut Option<String>, of: Wire| own(mark, of, bare);
    for turn in &mut request.turns {
        for part in &mut turn.parts {
            match part {
                Part::Thought(thought) => {
                    foreign |= own(&mut thought.signature, of);
                    foreign |= own(&mut thought.sealed, of);
                }
                Part::Call(call) => foreign |= own(&mut call.signature, of),
                _ => {}
            }
        }
        // Sealed thoughts of somebody else are nothing to anybody.
        turn.parts.retain(|part| !matches!(part, Part::Thought(thought) if *thought == super::part::Thought { id: thought.id.clone(), ..Default::default() }));
    }
    foreign
}

fn own(mark: &mut Option<String>, of: Wire, bare: bool) -> bool {
    let Some(shown) = take(mark) else { return false };
    let claimed = Wire::ALL.iter().any(|wire| shown.starts_with(wire.tag()));
    *mark = match shown.strip_prefix(of.tag()) {
        Some(own) => Some(own.to_owned()),
        None => Some(shown).filter(|_| bare && !claimed),
    };
    mark.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Answer, Role, Thought, Turn};

    #[test]
    fn a_mark_goes_back_to_who_made_it_and_to_nobody_else() {
        let thought = Part::Thought(Thought {
            text: "so".into(),
            signature: Some("bWFyaw==".into()),
            ..Thought::default()
        });
        let mut response = Response {
            answers: vec![Answer { parts: vec![thought.clone()], ..Answer::default() }],
            ..Response::default()
        };
        claim(&mut response, Wire::Gemini);
        let shown = response.answers[0].parts.clone();
        let asked = |parts: &[Part]| Request {
            turns: vec![Turn::new(Role::Assistant, parts.to_vec())],
            ..Request::default()
        };
        let mut back = asked(&shown);
        assert!(!keep_own(&mut back, Wire::Gemini, false));
        assert_eq!(back, asked(std::slice::from_ref(&thought)));
        for (wire, parts) in [(Wire::Messages, &shown), (Wire::Messages, &vec![thought])] {
            let mut back = asked(parts);
            assert!(keep_own(&mut back, wire, false));
            assert_eq!(back, asked(&[Part::Thought(Thought { text: "so".into(), ..Thought::default() })]));
        }
    }
}
