//! A streamed answer written.
//!
//! A call is written when it is whole, and why the answer ends when all is counted: both are one line of Ollama's.

use super::super::logprobs::Ahead;
use super::super::{StreamWriter, To, Wire};
use super::response::{self, Said};
use super::{Form, lines};
use crate::fault::{self, Kind};
use crate::hub::in_turn::InTurn;
use crate::hub::{Call, Counts, Delta, Opening, Part, Stop, Thought};
use crate::moment;

/// Writes lines.
#[derive(Debug)]
pub(super) struct Writer {
    form: Form,
    in_turn: InTurn,
    model: String,
    at: String,
    /// The part that is being written.
    open: Option<(usize, Written)>,
    calls: usize,
    /// Probabilities of words that have not come.
    ahead: Ahead,
    counts: Option<Counts>,
    stop: Option<Stop>,
}

#[derive(Debug)]
enum Written {
    Text,
    Thought,
    Call(Call),
    Whole,
}

impl Writer {
    pub(super) fn new(form: Form, to: &To<'_>) -> Self {
        Self {
            form,
            in_turn: InTurn::default(),
            model: to.request.model.clone(),
            at: moment::date(to.mint.now),
            open: None,
            calls: 0,
            ahead: Ahead::default(),
            counts: None,
            stop: None,
        }
    }

    /// A line with a part, or a piece of it.
    fn line(&mut self, part: &Part, out: &mut Vec<u8>) {
        let mut said = Said::default();
        said.take(part, self.calls);
        let words = if matches!(part, Part::Text(_)) { self.ahead.take() } else { None };
        if !said.is_empty() || words.is_some() {
            let mut line = response::head(&self.model, &self.at, said, self.form);
            line.put("done", false).maybe("logprobs", words);
            lines::write(out, &line.done());
        }
    }

    fn step(&mut self, delta: Delta, out: &mut Vec<u8>) {
        match delta {
            Delta::Begin(begun) => {
                self.model = begun.model.unwrap_or_else(|| std::mem::take(&mut self.model));
                if let Some(created) = begun.created {
                    self.at = moment::date(created);
                }
            }
            Delta::Open(number, opening) => {
                let written = match opening {
                    Opening::Text | Opening::Refusal => Written::Text,
                    Opening::Thought { .. } => Written::Thought,
                    Opening::Call { id, name, custom } => {
                        Written::Call(Call { id, name, custom, ..Call::default() })
                    }
                    Opening::Whole(part) => {
                        self.line(&part, out);
                        Written::Whole
                    }
                };
                self.open = Some((number, written));
            }
            Delta::Grow(number, text) => match &mut self.open {
                Some((open, Written::Call(call))) if *open == number => call.arguments.push_str(&text),
                Some((open, Written::Text)) if *open == number => self.line(&Part::Text(text), out),
                Some((open, Written::Thought)) if *open == number => {
                    self.line(&Part::Thought(Thought { text, ..Thought::default() }), out);
                }
                _ => {}
            },
            Delta::Logprobs(number, words) => {
                if matches!(self.open, Some((open, Written::Text)) if open == number) {
                    self.ahead.add(words);
                }
            }
            Delta::Close(number) => match self.open.take_if(|(open, _)| *open == number) {
                Some((_, Written::Call(call))) => {
                    self.line(&Part::Call(call), out);
                    self.calls += 1;
                }
                Some((_, Written::Text)) => self.line(&Part::Text(String::new()), out),
                _ => {}
            },
            Delta::Stop(stop) => self.stop = Some(stop),
            Delta::Counts(counts) => {
                self.counts = Some(self.counts.map_or(counts, |earlier| earlier.and(counts)));
            }
            Delta::Sign(..) | Delta::Fault(_) => {}
        }
    }
}

impl StreamWriter for Writer {
    fn write(&mut self, delta: Delta, out: &mut Vec<u8>) {
        let mut steps = Vec::new();
        self.in_turn.push(delta, &mut steps);
        steps.into_iter().for_each(|step| self.step(step, out));
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let mut steps = Vec::new();
        self.in_turn.end(&mut steps);
        steps.into_iter().for_each(|step| self.step(step, out));
        let mut line = response::head(&self.model, &self.at, Said::default(), self.form);
        response::done(&mut line, self.stop.as_ref(), self.counts);
        lines::write(out, &line.done());
    }

    fn broken(&mut self, kind: Kind, say: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(fault::body(kind, say, None, Wire::OllamaChat.dialect()).as_bytes());
        out.push(b'\n');
    }
}
