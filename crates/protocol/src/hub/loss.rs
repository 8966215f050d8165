//! What a language cannot say: each codec has one written list of it, and what is left out of a request is told.

use std::borrow::Cow;

/// Something that cannot be said in a language.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unsayable {
    /// What, in the hub's words and OpenAI's where they are the same (`logit_bias`, `image url`).
    pub what: &'static str,
    /// What happens to it, and why.
    pub why: &'static str,
}

/// What a request loses on its way into a language.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Losses {
    told: Vec<Loss>,
    more: usize,
}

/// So many are told by name: a request may have any number of fields that nobody knows.
const MOST: usize = 64;

/// One loss.
pub type Loss = Cow<'static, str>;

impl Losses {
    /// Something of the language's list is left out.
    pub fn add(&mut self, lost: &Unsayable) {
        self.push(Cow::Borrowed(lost.what));
    }

    /// A field that the hub has no word for is left out.
    pub fn field(&mut self, name: &str) {
        self.push(Cow::Owned(name.to_owned()));
    }

    fn push(&mut self, loss: Loss) {
        if self.told.contains(&loss) {
            return;
        }
        if self.told.len() < MOST {
            self.told.push(loss);
        } else {
            self.more += 1;
        }
    }

    /// Adds it if it was asked for.
    pub fn add_if(&mut self, asked: bool, lost: &Unsayable) {
        if asked {
            self.add(lost);
        }
    }

    /// Nothing is lost.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// What is lost, each once, in order; of very many the first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.told.iter().map(AsRef::as_ref)
    }

    /// All of it in one line, of at most `longest` bytes.
    pub fn line(&self, longest: usize) -> String {
        let (mut line, mut left) = (String::new(), self.told.len() + self.more);
        for name in self.iter() {
            if line.len() + name.len() + 2 > longest {
                break;
            }
            line.push_str(if line.is_empty() { "" } else { ", " });
            line.push_str(name);
            left -= 1;
        }
        if left > 0 { format!("{line} and {left} more") } else { line }
    }
}
