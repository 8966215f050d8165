//! The hub of vectors: what is asked for them in any language, and what is answered.
//!
//! Whole vectors only, of numbers: what one vendor packs into bits goes to no other.

use serde_json::{Map, Value};

/// Some texts, of each of which a vector is wanted.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Request {
    /// The model, by its vendor's name.
    pub model: String,
    /// What vectors are wanted of, in the order they are answered in.
    pub inputs: Vec<Input>,
    /// So many numbers a vector.
    pub dimensions: Option<u64>,
    /// What the vectors are for.
    pub aim: Option<Aim>,
    /// What becomes of a text that is longer than the model reads.
    pub cut: Option<Cut>,
    /// How the vectors are written; nothing said: as numbers.
    pub forms: Vec<Form>,
    /// Who is behind the call.
    pub user: Option<String>,
    /// What the hub has no word for, as it was written.
    pub rest: Map<String, Value>,
}

/// What one vector is wanted of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A text.
    Text(String),
    /// A text in several parts, which have one vector together.
    Parts(Vec<String>),
    /// A text in numbers of one vendor's dictionary.
    Tokens(Vec<u64>),
}

/// What vectors are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aim {
    /// To look for documents with.
    Query,
    /// To be found.
    Document,
    /// To sort texts into classes.
    Classification,
    /// To find groups among texts.
    Clustering,
    /// To compare texts.
    Similarity,
    /// To look for answers to a question.
    Question,
    /// To look for what speaks for or against a fact.
    Fact,
    /// To look for code.
    Code,
}

/// What becomes of a text that is too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// It is refused.
    Never,
    /// Its beginning is left out.
    Start,
    /// Its end is left out.
    End,
}

/// How a vector is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Form {
    /// As numbers.
    Numbers,
    /// As base64 of floats of four bytes, the least first.
    Base64,
    /// As only one vendor writes it: its word for it.
    Packed(String),
}

/// The vectors.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Response {
    /// The vendor's name for the answer.
    pub id: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// One for each input, in their order.
    pub vectors: Vec<Vec<f64>>,
    /// Tokens that were read, where the vendor counted them.
    pub tokens: Option<u64>,
}

impl Request {
    /// Whether vectors are wanted in a form.
    pub fn wants(&self, form: &Form) -> bool {
        self.forms.contains(form) || (self.forms.is_empty() && *form == Form::Numbers)
    }
}
