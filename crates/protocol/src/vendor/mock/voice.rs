//! What is said: shared by chat, completions and responses, whatever envelope it travels in.

use serde_json::{Value, json};

use super::behaviour::Says;
use super::error::Problem;
use super::schema;

/// What the mock says when nothing else is wanted. It is a stranger's first answer, so it says what to do next.
pub(super) const GREETING: &str = "This is the mock inside openai-proxy answering, not a real model. Set a vendor's \
    key (OPENAI_API_KEY, for example) or start a local server such as Ollama, and ask again.";

/// Most pieces of one stream: a long text comes in larger pieces, not in more.
const MOST_PIECES: usize = 20_000;
/// Whoever brings more tools than this is a program that works on somebody's computer and does what it is told: it gets
/// words, unless it insists.
const MOST_TOOLS: usize = 4;
/// Longest piece of a word, in characters.
const LONGEST_PIECE: usize = 16;

/// Who spoke last before the mock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Last {
    User,
    /// A tool, with its result.
    Tool(String),
    Other,
}

/// What is wanted of an answer.
#[derive(Debug)]
pub(super) struct Wish<'a> {
    pub(super) says: &'a Says,
    pub(super) last: Last,
    /// What the user said last.
    pub(super) heard: String,
    pub(super) tool: Option<Tool<'a>>,
    pub(super) format: Option<&'a Value>,
    pub(super) limit: Option<usize>,
    pub(super) stop: Vec<String>,
}

/// A function that may be called.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Tool<'a> {
    pub(super) name: &'a str,
    pub(super) parameters: Option<&'a Value>,
}

/// The answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Speech {
    /// Text in the pieces it is streamed in, and whether the limit cut it.
    Text { pieces: Vec<String>, cut: bool },
    /// A call of a function.
    Call { name: String, pieces: Vec<String> },
}

impl Speech {
    /// The whole text, or the whole arguments.
    pub(super) fn whole(&self) -> String {
        match self {
            Self::Text { pieces, .. } | Self::Call { pieces, .. } => pieces.concat(),
        }
    }

    /// How many tokens it counts as; a call's name is one too.
    pub(super) fn tokens(&self) -> usize {
        match self {
            Self::Text { pieces, .. } => pieces.len(),
            Self::Call { pieces, .. } => pieces.len() + 1,
        }
    }

    /// The pieces a stream is made of when `copies` of it are sent.
    pub(super) fn streamed(&self, copies: usize) -> Vec<String> {
        let (Self::Text { pieces, .. } | Self::Call { pieces, .. }) = self;
        let together = (pieces.len() * copies).div_ceil(MOST_PIECES).max(1);
        pieces.chunks(together).map(|pieces| pieces.concat()).collect()
    }
}

/// Decides what to say.
pub(super) fn compose(wish: &Wish<'_>) -> Speech {
    if let (Says::Usual, Last::User, Some(tool)) = (wish.says, &wish.last, &wish.tool) {
        let arguments = tool.parameters.map_or_else(|| json!({}), schema::instance);
        return Speech::Call { name: tool.name.to_owned(), pieces: pieces(&arguments.to_string()) };
    }
    let usual = match (&wish.last, format_kind(wish.format)) {
        (_, "json_schema") => {
            wish.format.and_then(schema_of).map_or_else(|| json!({}), schema::instance).to_string()
        }
        (_, "json_object") => json!({"answer": GREETING}).to_string(),
        (Last::Tool(result), _) => {
            format!("The tool answered: {result} (This is the mock; it can add nothing to that.)")
        }
        _ => GREETING.to_owned(),
    };
    let mut text = said(wish.says, &usual, &wish.heard);
    let stops = wish.stop.iter().filter(|stop| !stop.is_empty());
    if let Some(at) = stops.filter_map(|stop| text.find(stop.as_str())).min() {
        text.truncate(at);
    }
    let mut pieces = pieces(&text);
    let cut = wish.limit.is_some_and(|limit| limit < pieces.len());
    pieces.truncate(wish.limit.unwrap_or(pieces.len()));
    Speech::Text { pieces, cut }
}

/// The text for a manner of speaking.
pub(super) fn said(says: &Says, usual: &str, heard: &str) -> String {
    const WORDS: [&str; 9] = ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog"];
    match says {
        Says::Usual => usual.to_owned(),
        Says::Echo => heard.to_owned(),
        Says::Text(text) => text.clone(),
        Says::Words(count) => WORDS.iter().cycle().take(*count).copied().collect::<Vec<_>>().join(" "),
    }
}

/// Words with the blanks before them, long ones in parts. Together they are the text again; each counts as a token.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let (mut length, mut in_word) = (0, false);
    for character in text.chars() {
        let blank = character.is_whitespace();
        match pieces.last_mut() {
            Some(piece) if length < LONGEST_PIECE && !(blank && in_word) => {
                piece.push(character);
                length += 1;
            }
            _ => {
                pieces.push(character.into());
                length = 1;
            }
        }
        in_word = !blank;
    }
    pieces
}

/// How many tokens a text counts as.
pub(super) fn tokens(text: &str) -> usize {
    pieces(text).len()
}

/// The text of a `content`: a string, or the text parts of a list.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

/// The function to call: the one named by `choice`, or the first; none when `choice` says so, or when it says nothing and
/// there are more than a few.
///
/// Chat wraps a function in `function`, responses do not; tools of other types are for others to run.
pub(super) fn tool<'a>(
    tools: Option<&'a Value>,
    choice: Option<&Value>,
) -> Result<Option<Tool<'a>>, Problem> {
    let tools = tools.and_then(Value::as_array).into_iter().flatten();
    let count = tools.clone().count();
    let mut functions = tools
        .filter(|tool| tool.get("type").and_then(Value::as_str) == Some("function"))
        .map(|tool| tool.get("function").unwrap_or(tool))
        .filter_map(|tool| {
            Some(Tool { name: tool.get("name")?.as_str()?, parameters: tool.get("parameters") })
        });
    let wanted = match choice {
        Some(Value::String(word)) if word == "none" => return Ok(None),
        Some(choice) => name_in(choice).or_else(|| {
            let allowed = choice.get("allowed_tools").unwrap_or(choice);
            name_in(allowed.get("tools")?.get(0)?)
        }),
        None => None,
    };
    let Some(wanted) = wanted else {
        let few = count <= MOST_TOOLS || choice.and_then(Value::as_str) == Some("required");
        return Ok(functions.next().filter(|_| few));
    };
    let found = functions.find(|tool| tool.name == wanted);
    let missing = || {
        let message = format!("Tool choice '{wanted}' not found in 'tools' parameter.");
        Problem::invalid("tool_choice", "invalid_value", message)
    };
    found.map(Some).ok_or_else(missing)
}

fn name_in(choice: &Value) -> Option<&str> {
    choice.get("function").unwrap_or(choice).get("name")?.as_str()
}

fn format_kind(format: Option<&Value>) -> &str {
    format.and_then(|format| format.get("type")?.as_str()).unwrap_or("text")
}

/// The schema of a format; chat wraps it once more.
fn schema_of(format: &Value) -> Option<&Value> {
    format.get("json_schema").unwrap_or(format).get("schema")
}
