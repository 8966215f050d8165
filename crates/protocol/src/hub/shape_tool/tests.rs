//! A schema as a tool, and its calls as text.

use super::super::gather::Gather;
use super::*;
use crate::hub::{Call, Delta, Opening, Thought, scatter};

fn person() -> Value {
    json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]})
}

fn asked(schema: Value, tools: &[&str], choice: Option<Choice>) -> Request {
    let tool = |name: &&str| Tool::Function {
        name: (*name).to_owned(),
        description: None,
        schema: None,
        strict: None,
        cache: None,
    };
    let shape = Shape::Schema {
        name: Some("person".to_owned()),
        description: Some("Who it is.".to_owned()),
        schema,
        strict: Some(true),
    };
    Request { shape: Some(shape), tools: tools.iter().map(tool).collect(), choice, ..Request::default() }
}

fn call(name: &str, arguments: &str) -> Part {
    Part::Call(Call {
        id: "1".to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        ..Call::default()
    })
}

fn text(said: &str) -> Part {
    Part::Text(said.to_owned())
}

fn answer(parts: Vec<Part>, stop: Stop) -> Response {
    Response { answers: vec![Answer { parts, stop: Some(stop), logprobs: None }], ..Response::default() }
}

#[test]
fn the_tool_is_offered_as_the_caller_s_own_tools_allow() {
    let named = |name: &str| Some(Choice::Named(name.to_owned()));
    let allowed = |names: &[&str], required| {
        Some(Choice::Allowed { names: names.iter().map(|name| (*name).to_owned()).collect(), required })
    };
    let none: &[&str] = &[];
    for (tools, choice, forces, offered, chosen) in [
        (none, None, true, true, Some(Choice::Required)),
        (none, None, false, true, None),
        (&["look"], None, true, true, Some(Choice::Required)),
        (&["look"], Some(Choice::Auto), true, true, Some(Choice::Required)),
        (&["look"], Some(Choice::Auto), false, true, None),
        (&["look"], Some(Choice::None), true, true, named("person")),
        (&["look"], Some(Choice::None), false, true, allowed(&["person"], false)),
        (&["look", "go"], allowed(&["go"], false), true, true, allowed(&["go", "person"], true)),
        (&["look", "go"], allowed(&["go"], true), true, false, allowed(&["go"], true)),
        (&["look"], Some(Choice::Required), true, false, Some(Choice::Required)),
        (&["look"], named("look"), false, false, named("look")),
    ] {
        let request = asked(person(), tools, choice.clone());
        let found = ShapeTool::of(&request).unwrap().offer(&request, forces);
        assert_eq!(found.shape, None);
        assert_eq!(found.choice, chosen, "{tools:?} {choice:?} {forces}");
        assert_eq!(found.tools.len(), tools.len() + usize::from(offered), "{tools:?} {choice:?}");
        // Who must not be forced is asked.
        assert_eq!(found.system.len(), usize::from(offered && !forces));
    }
}

#[test]
fn a_tool_has_a_name_of_its_own_and_an_object_of_arguments() {
    let of = |schema: Value, tools: &[&str]| {
        let request = asked(schema, tools, None);
        ShapeTool::of(&request).unwrap()
    };
    assert_eq!(of(person(), &["person", "person_"]).name, "person__");
    let mut request = asked(person(), &[], None);
    let long = "x".repeat(70);
    for bad in ["", "1st", "a b", "Ünï", long.as_str()] {
        if let Some(Shape::Schema { name, .. }) = &mut request.shape {
            *name = Some(bad.to_owned());
        }
        assert_eq!(ShapeTool::of(&request).unwrap().name, "answer");
    }
    assert_eq!(of(person(), &[]).arguments(), person());
    let bare = json!({"properties": {}});
    assert_eq!(of(bare, &[]).arguments(), json!({"properties": {}, "type": "object"}));
    let list =
        json!({"type": "array", "items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"const": {"$ref": "#"}}}});
    let moved = json!({"type": "array", "items": {"$ref": "#/properties/answer/$defs/a"}, "$defs": {"a": {"const": {"$ref": "#"}}}});
    let arguments = of(list, &[]).arguments();
    assert_eq!(arguments["properties"]["answer"], moved);
    assert_eq!(arguments["required"], json!(["answer"]));
    assert_eq!(ShapeTool::of(&Request { shape: Some(Shape::Json), ..Request::default() }), None);
}

/// A whole answer as its caller gets it, and the same by steps; they are the same.
fn given(schema: Value, tools: &[&str], response: &Response) -> Result<(Vec<Part>, Option<Stop>), String> {
    let tool = ShapeTool::of(&asked(schema, tools, None)).unwrap();
    let (mut shape, mut gather, mut off) = (ShapeSteps::of(tool.clone()), Gather::default(), None);
    for step in scatter::steps(response) {
        let mut out = Vec::new();
        off = off.or(shape.push(step, &mut out).err());
        out.iter().for_each(|step| gather.push(step));
    }
    let mut whole = response.clone();
    let told = tool.unwrap(&mut whole).map_err(|mismatch| mismatch.to_string());
    assert_eq!(off.map(|mismatch| mismatch.to_string()), told.clone().err());
    told?;
    let answer = whole.answers.remove(0);
    let streamed = gather.into_response().unwrap().answers.remove(0);
    assert_eq!(streamed.stop, answer.stop);
    let mut parts = [answer.parts, streamed.parts];
    // Where both are there it is not told which was first.
    parts.iter_mut().for_each(|parts| parts.sort_by_key(|part| matches!(part, Part::Call(_))));
    let [parts, streamed] = parts;
    assert_eq!(streamed, parts);
    Ok((parts, answer.stop))
}

#[test]
fn what_the_tool_is_called_with_is_the_text_of_the_answer() {
    let ada = "{\"name\": \"Ada\"}";
    let thought = || Part::Thought(Thought { text: "so".to_owned(), ..Thought::default() });
    let end = Some(Stop::End);
    for (parts, stop, expected) in [
        (vec![call("person", ada)], Stop::Calls, Ok((vec![text(ada)], end.clone()))),
        // Some say that it is over.
        (vec![call("person", ada)], Stop::End, Ok((vec![text(ada)], end.clone()))),
        (
            vec![thought(), text("I call it."), call("person", ada), call("person", "{}")],
            Stop::Calls,
            Ok((vec![thought(), text(ada)], end.clone())),
        ),
        // Not the tool, and yet the answer.
        (vec![text(ada)], Stop::End, Ok((vec![text(ada)], end.clone()))),
        (vec![text("```json\n{\"name\": \"Ada\"}\n```\n")], Stop::End, Ok((vec![text(ada)], end.clone()))),
        // No answer yet.
        (vec![call("look", "{}")], Stop::Calls, Ok((vec![call("look", "{}")], Some(Stop::Calls)))),
        (
            vec![text("Let me see."), call("look", "{}")],
            Stop::Calls,
            Ok((vec![text("Let me see."), call("look", "{}")], Some(Stop::Calls))),
        ),
        (
            vec![call("person", ada), call("look", "{}")],
            Stop::Calls,
            Ok((vec![text(ada), call("look", "{}")], Some(Stop::Calls))),
        ),
        // No whole one.
        (vec![call("person", "{\"na")], Stop::Length, Ok((vec![text("{\"na")], Some(Stop::Length)))),
        (vec![text("I will not.")], Stop::Refused, Ok((vec![text("I will not.")], Some(Stop::Refused)))),
        (
            vec![Part::Refusal("No.".to_owned())],
            Stop::End,
            Ok((vec![Part::Refusal("No.".to_owned())], end.clone())),
        ),
        // None at all.
        (vec![call("person", "{\"name\": 7}")], Stop::Calls, Err("`/name` is of another type".to_owned())),
        (vec![call("person", "{}")], Stop::Calls, Err("`/name` is missing".to_owned())),
        (vec![call("person", "{\"na")], Stop::Calls, Err("it is no JSON".to_owned())),
        (vec![text("Ada, I think.")], Stop::End, Err("it is no JSON".to_owned())),
        (vec![], Stop::End, Err("it is no JSON".to_owned())),
    ] {
        assert_eq!(given(person(), &["look"], &answer(parts.clone(), stop)), expected, "{parts:?}");
    }
}

#[test]
fn a_schema_of_no_object_is_taken_out_of_one() {
    let numbers = || json!({"type": "array", "items": {"type": "integer"}});
    let said = |arguments: &str| given(numbers(), &[], &answer(vec![call("person", arguments)], Stop::Calls));
    assert_eq!(said("{\"answer\": [1, 2]}"), Ok((vec![text("[1,2]")], Some(Stop::End))));
    assert_eq!(said("[1, 2]"), Ok((vec![text("[1, 2]")], Some(Stop::End))));
    assert_eq!(said("{\"answer\": [1, \"2\"]}"), Err("`/1` is of another type".to_owned()));
    assert_eq!(said("{}"), Err("it is of another type".to_owned()));
}

#[test]
fn arguments_flow_as_text() {
    let mut shape = ShapeSteps::of(ShapeTool::of(&asked(person(), &[], None)).unwrap());
    let mut told = |step: Delta| {
        let mut out = Vec::new();
        shape.push(step, &mut out).unwrap();
        out
    };
    assert_eq!(told(Delta::Open(0, Opening::Text)), []);
    assert_eq!(told(Delta::Grow(0, "I call it.".into())), []);
    assert_eq!(told(Delta::Close(0)), []);
    let open = Opening::Call { id: "1".into(), name: "person".into(), custom: false };
    assert_eq!(told(Delta::Open(1, open)), [Delta::Open(1, Opening::Text)]);
    assert_eq!(told(Delta::Sign(1, "mark".into())), []);
    for piece in ["{\"na", "me\": \"A", "da\"}"] {
        assert_eq!(told(Delta::Grow(1, piece.into())), [Delta::Grow(1, piece.into())]);
    }
    assert_eq!(told(Delta::Close(1)), [Delta::Close(1)]);
    assert_eq!(told(Delta::Stop(Stop::Calls)), [Delta::Stop(Stop::End)]);
}
