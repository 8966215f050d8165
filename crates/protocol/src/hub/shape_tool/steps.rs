//! The same for a streamed answer: the call's arguments are text as they come. What the model says beside it waits until it is known whether
//! that is the answer.

use super::super::delta::{Delta, Opening};
use super::super::part::Part;
use super::super::response::Stop;
use super::super::schema::Mismatch;
use super::{ShapeTool, bare, is_complete};

/// Makes text of the calls, step by step.
#[derive(Debug)]
pub struct ShapeSteps {
    tool: ShapeTool,
    /// The call that is the answer, and what it was called with.
    answer: Option<(usize, String)>,
    /// Parts of which nothing is told any more: further calls of it, and what was told.
    over: Vec<usize>,
    /// The parts whose steps wait, and what they say.
    aside: Vec<usize>,
    said: String,
    cited: Vec<Delta>,
    /// Other tools are to be called.
    calls: bool,
    refuses: bool,
}

impl ShapeSteps {
    /// For the answer to a request with that tool.
    pub fn of(tool: ShapeTool) -> Self {
        Self {
            tool,
            answer: None,
            over: Vec::new(),
            aside: Vec::new(),
            said: String::new(),
            cited: Vec::new(),
            calls: false,
            refuses: false,
        }
    }

    /// The step, or what it has become.
    ///
    /// # Errors
    /// When the answer ends here, and does not keep to the schema.
    pub fn push(&mut self, step: Delta, out: &mut Vec<Delta>) -> Result<(), Mismatch> {
        match step {
            Delta::Open(number, opening) => self.open(number, opening, out),
            Delta::Grow(number, piece) => self.grow(number, piece, out),
            Delta::Close(number) => self.close(number, out),
            Delta::Sign(number, _) if self.is_answer(number) || self.waits(number) => {}
            Delta::Logprobs(number, _) if self.is_answer(number) || self.waits(number) => {}
            Delta::Stop(stop) => return self.stop(stop, out),
            other => out.push(other),
        }
        Ok(())
    }

    fn open(&mut self, number: usize, opening: Opening, out: &mut Vec<Delta>) {
        match &opening {
            Opening::Call { name, custom: false, .. } if *name == self.tool.name => {
                if self.answer.is_some() {
                    self.over.push(number);
                } else {
                    self.answer = Some((number, String::new()));
                    out.push(Delta::Open(number, Opening::Text));
                }
                return;
            }
            Opening::Call { .. } => {
                self.calls = true;
                self.tell_aside(out);
            }
            Opening::Refusal => self.refuses = true,
            Opening::Text => return self.aside.push(number),
            Opening::Whole(Part::Cited(..)) => return self.cited.push(Delta::Open(number, opening)),
            Opening::Whole(_) | Opening::Thought { .. } => {}
        }
        out.push(Delta::Open(number, opening));
    }

    fn grow(&mut self, number: usize, piece: String, out: &mut Vec<Delta>) {
        match &mut self.answer {
            Some((answer, all)) if *answer == number => {
                all.push_str(&piece);
                if !self.tool.wrapped {
                    out.push(Delta::Grow(number, piece));
                }
            }
            _ if self.aside.contains(&number) => self.said.push_str(&piece),
            _ if self.over.contains(&number) => {}
            _ => out.push(Delta::Grow(number, piece)),
        }
    }

    fn close(&mut self, number: usize, out: &mut Vec<Delta>) {
        if self.waits(number) {
            return;
        }
        if matches!(self.cited.last(), Some(Delta::Open(cited, _)) if *cited == number) {
            return self.cited.push(Delta::Close(number));
        }
        if let Some((_, text)) = self.answer.as_mut().filter(|(answer, _)| *answer == number) {
            let whole = if text.is_empty() { "{}".to_owned() } else { self.tool.text(text.clone()) };
            // What could not be told before: out of an object, or a call without any arguments.
            if self.tool.wrapped || text.is_empty() {
                out.push(Delta::Grow(number, whole.clone()));
            }
            *text = whole;
        }
        out.push(Delta::Close(number));
    }

    fn stop(&mut self, stop: Stop, out: &mut Vec<Delta>) -> Result<(), Mismatch> {
        let stop = match stop {
            Stop::Calls if self.answer.is_some() && !self.calls => Stop::End,
            stop => stop,
        };
        let is_all = is_complete(Some(&stop)) && !self.calls && !self.refuses;
        match &self.answer {
            Some((_, text)) if is_all => self.tool.keeps(text)?,
            Some(_) => {}
            None => {
                if is_all {
                    self.said = bare(&self.said).to_owned();
                    // Before it is told: what is no answer is none.
                    self.tool.keeps(&self.said)?;
                }
                self.tell_aside(out);
            }
        }
        out.push(Delta::Stop(stop));
        Ok(())
    }

    /// What waited, as one text.
    fn tell_aside(&mut self, out: &mut Vec<Delta>) {
        let said = std::mem::take(&mut self.said);
        if let Some(number) = self.aside.last().copied().filter(|_| !said.is_empty()) {
            let opened = Delta::Open(number, Opening::Text);
            out.extend([opened, Delta::Grow(number, said), Delta::Close(number)]);
        }
        self.over.append(&mut self.aside);
        out.append(&mut self.cited);
    }

    fn is_answer(&self, number: usize) -> bool {
        self.answer.as_ref().is_some_and(|(answer, _)| *answer == number)
    }

    fn waits(&self, number: usize) -> bool {
        self.aside.contains(&number) || self.over.contains(&number)
    }
}
