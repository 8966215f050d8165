//! Who holds its answers to a schema by itself. Elsewhere a tool stands for it (`hub::shape_tool`).
//!
//! Source: Anthropic, "Structured outputs" (Claude since 4.5); AWS, "Get validated JSON results from models" and the cards of models; Google,
//! "Structured outputs" (beside tools since Gemini 3: before, "Function calling with a response mime type: 'application/json' is
//! unsupported"); Cohere, "Chat", `response_format` (not beside tools or documents). What else is refused is learnt (`Capability::Form`).

use super::claude::Claude;
use super::{Habits, Wire, gemini};
use crate::hub::{Part, Request};

/// Models of Bedrock that are held to no schema, by the beginnings of their names, and whether they can be made to call a tool.
const OF_BEDROCK: &[(&str, bool)] = &[
    ("amazon.", true),
    ("ai21.", false),
    ("cohere.", false),
    ("deepseek.r1", false),
    ("meta.", false),
    ("mistral.mistral-7b", false),
    ("mistral.mistral-large-2", true),
    ("mistral.mistral-small-2", true),
    ("mistral.mixtral", false),
    ("mistral.pixtral", true),
    ("writer.", false),
];

/// How a schema is had where nobody holds the model to it: whether it can be made to call the tool. `None`: it is held to it.
pub(super) fn by_tool(wire: Wire, request: &Request, habits: Habits) -> Option<bool> {
    let named = lacks(wire, &request.model, habits);
    let beside = match wire {
        Wire::Gemini => !request.tools.is_empty() && !gemini::is_newer(&request.model),
        Wire::Cohere => {
            !request.tools.is_empty() || request.turns.iter().any(|turn| turn.parts.iter().any(is_document))
        }
        _ => false,
    };
    if !(named || beside) {
        return None;
    }
    let bedrock = of_bedrock(&request.model).is_none_or(|(_, forced)| *forced);
    Some(match wire {
        // There are no tools.
        Wire::Completions | Wire::OllamaGenerate => return None,
        // Thinking and a tool that must be called exclude each other.
        Wire::Messages => !thinks(request),
        Wire::Converse => bedrock && !thinks(request),
        // None can be made to.
        Wire::OllamaChat => false,
        _ => !habits.unforced,
    })
}

/// Whether a schema may have to be had by a tool, whatever else is asked for: told without reading the request.
pub fn may_lack(wire: Wire, model: &str, habits: Habits) -> bool {
    lacks(wire, model, habits)
        || match wire {
            Wire::Gemini => !gemini::is_newer(model),
            Wire::Cohere => true,
            _ => false,
        }
}

fn lacks(wire: Wire, model: &str, habits: Habits) -> bool {
    habits.shapeless
        || match wire {
            Wire::Messages => Claude::of(model).is_before((4, 5)),
            Wire::Converse => {
                of_bedrock(model).is_some()
                    || Claude::on_bedrock(model).is_some_and(|it| it.is_before((4, 5)))
            }
            _ => false,
        }
}

/// Behind the region of a profile (`us.amazon.nova-pro-v1:0`), and the path of an ARN.
fn of_bedrock(model: &str) -> Option<&'static (&'static str, bool)> {
    let name = model.rsplit('/').next().unwrap_or_default();
    let own = name.split_once('.').map_or("", |(_, own)| own);
    OF_BEDROCK.iter().find(|(begins, _)| name.starts_with(begins) || own.starts_with(begins))
}

fn thinks(request: &Request) -> bool {
    let wished = |it: &crate::hub::Reasoning| !it.is_off() && (it.effort.is_some() || it.budget.is_some());
    request.reasoning.as_ref().is_some_and(wished)
}

fn is_document(part: &Part) -> bool {
    matches!(part, Part::File(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Reasoning, Tool};

    fn asked(model: &str, tools: bool, effort: Option<&str>) -> Request {
        let tool = Tool::Custom { name: "look".into(), description: None, format: None };
        Request {
            model: model.to_owned(),
            tools: Vec::from_iter(tools.then_some(tool)),
            reasoning: effort.map(|word| Reasoning { effort: Some(word.to_owned()), ..Reasoning::default() }),
            ..Request::default()
        }
    }

    #[test]
    fn a_tool_stands_for_a_schema_where_nobody_holds_the_model_to_it() {
        let plain = Habits::default();
        let (shapeless, unforced) =
            (Habits { shapeless: true, ..plain }, Habits { shapeless: true, unforced: true, ..plain });
        for (wire, model, tools, effort, habits, expected) in [
            (Wire::Chat, "gpt-5.2", true, None, plain, None),
            (Wire::Chat, "llama", false, None, shapeless, Some(true)),
            (Wire::Chat, "deepseek-v4-pro", false, None, unforced, Some(false)),
            (Wire::Completions, "llama", false, None, shapeless, None),
            (Wire::OllamaChat, "llama", false, None, shapeless, Some(false)),
            (Wire::Messages, "claude-3-5-haiku-20241022", false, None, plain, Some(true)),
            (Wire::Messages, "claude-opus-4-20250514", true, Some("high"), plain, Some(false)),
            (Wire::Messages, "claude-opus-4-1", false, Some("none"), plain, Some(true)),
            (Wire::Messages, "claude-haiku-4-5", true, None, plain, None),
            (Wire::Messages, "claude-opus-5-5", true, None, plain, None),
            (Wire::Messages, "a name of my own", true, None, plain, None),
            (Wire::Converse, "us.anthropic.claude-3-7-sonnet-20250219-v1:0", false, None, plain, Some(true)),
            (Wire::Converse, "anthropic.claude-sonnet-4-5-20250929-v1:0", false, None, plain, None),
            (Wire::Converse, "eu.amazon.nova-pro-v1:0", false, None, plain, Some(true)),
            (Wire::Converse, "meta.llama4-scout-17b-instruct-v1:0", false, None, plain, Some(false)),
            (
                Wire::Converse,
                "arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-1-8b",
                false,
                None,
                plain,
                Some(false),
            ),
            (Wire::Converse, "openai.gpt-oss-120b-1:0", false, None, plain, None),
            (Wire::Gemini, "gemini-2.5-flash", false, None, plain, None),
            (Wire::Gemini, "gemini-2.5-flash", true, None, plain, Some(true)),
            (Wire::Gemini, "gemini-3-flash-preview", true, None, plain, None),
            (Wire::Cohere, "command-a-03-2025", false, None, plain, None),
            (Wire::Cohere, "command-a-03-2025", true, None, plain, Some(true)),
        ] {
            let request = asked(model, tools, effort);
            assert_eq!(by_tool(wire, &request, habits), expected, "{wire} {model}");
            assert!(expected.is_none() || may_lack(wire, model, habits), "{wire} {model}");
        }
    }
}
