//! A whole answer out of the steps of a streamed one.

use serde_json::json;

use super::delta::{Delta, Opening};
use super::part::{Call, Part, Thought};
use super::response::{Answer, Response};

/// Gathers steps.
#[derive(Clone, Debug, Default)]
pub struct Gather {
    response: Response,
    answer: Answer,
    /// By the number of a part: where it stands in the answer.
    places: Vec<(usize, usize)>,
    fault: Option<String>,
}

impl Gather {
    /// Takes one step.
    pub fn push(&mut self, delta: &Delta) {
        match delta {
            Delta::Begin(begun) => {
                self.response.id.clone_from(&begun.id);
                self.response.model.clone_from(&begun.model);
                self.response.created = begun.created;
            }
            Delta::Open(number, opening) => {
                self.places.push((*number, self.answer.parts.len()));
                self.answer.parts.push(begun(opening));
            }
            Delta::Grow(number, text) => match self.part(*number) {
                Some(Part::Text(all) | Part::Refusal(all)) => all.push_str(text),
                Some(Part::Thought(thought)) => thought.text.push_str(text),
                Some(Part::Call(call)) => call.arguments.push_str(text),
                _ => {}
            },
            Delta::Logprobs(_, words) => {
                let all = self.answer.logprobs.get_or_insert_with(|| json!({"content": [], "refusal": null}));
                if let Some(content) = all["content"].as_array_mut() {
                    content.extend(words.iter().cloned());
                }
            }
            Delta::Sign(number, mark) => {
                let signature = match self.part(*number) {
                    Some(Part::Thought(thought)) => &mut thought.signature,
                    Some(Part::Call(call)) => &mut call.signature,
                    _ => return,
                };
                signature.get_or_insert_default().push_str(mark);
            }
            Delta::Close(number) => {
                if let Some(Part::Call(call)) = self.part(*number).filter(|part| is_bare(part)) {
                    call.arguments = "{}".to_owned();
                }
            }
            Delta::Stop(stop) => self.answer.stop = Some(stop.clone()),
            Delta::Counts(counts) => {
                self.response.counts =
                    Some(self.response.counts.map_or(*counts, |earlier| earlier.and(*counts)));
            }
            Delta::Fault(words) => self.fault = Some(words.clone()),
        }
    }

    /// The answer so far.
    ///
    /// # Errors
    /// The vendor's words, if it broke off with an error.
    pub fn into_response(mut self) -> Result<Response, String> {
        match self.fault {
            Some(words) => Err(words),
            None => {
                self.response.answers.push(self.answer);
                Ok(self.response)
            }
        }
    }

    fn part(&mut self, number: usize) -> Option<&mut Part> {
        let place = self.places.iter().find(|(known, _)| *known == number)?.1;
        self.answer.parts.get_mut(place)
    }
}

/// A call whose arguments never came.
fn is_bare(part: &Part) -> bool {
    matches!(part, Part::Call(call) if !call.custom && call.arguments.is_empty())
}

fn begun(opening: &Opening) -> Part {
    match opening {
        Opening::Text => Part::Text(String::new()),
        Opening::Refusal => Part::Refusal(String::new()),
        Opening::Thought { id } => Part::Thought(Thought { id: id.clone(), ..Thought::default() }),
        Opening::Call { id, name, custom } => {
            Part::Call(Call { id: id.clone(), name: name.clone(), custom: *custom, ..Call::default() })
        }
        Opening::Whole(part) => part.clone(),
    }
}
