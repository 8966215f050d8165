//! Whether a value keeps to a JSON Schema, as far as answers are asked for in one.
//!
//! Source: JSON Schema 2020-12, "Core" (`$ref`) and "Validation". The keywords are those of OpenAI's "Structured Outputs" and the ones that
//! libraries write for other vendors besides. `pattern` and `format` are passed over, and so is whatever is not known here: an answer is
//! never refused for what was not understood.

use std::fmt;

use serde_json::{Map, Value};

/// Schemas below this depth hold: whoever refers to himself without end asks for nothing.
const DEEPEST: usize = 64;
/// So many comparisons are made for one value; what is left then holds.
const MOST: usize = 50_000;
/// So many bytes of text are one comparison.
const STRIDE: usize = 64;

/// Where a value does not keep to its schema, and how. Nothing of the value is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// Where, as a JSON pointer (RFC 6901); empty: the value itself. All its names are the schema's.
    pub at: String,
    /// What is wrong there.
    pub what: &'static str,
}

impl Mismatch {
    /// The value as a whole.
    pub(super) fn whole(what: &'static str) -> Self {
        Self { at: String::new(), what }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.as_str() {
            "" => write!(out, "it {}", self.what),
            at => write!(out, "`{at}` {}", self.what),
        }
    }
}

/// Checks a value.
///
/// # Errors
/// The first place where it does not keep to the schema.
pub fn check(value: &Value, schema: &Value) -> Result<(), Mismatch> {
    Check::of(schema).value(value, schema)
}

/// One step into a value.
#[derive(Clone, Copy)]
enum Step<'s> {
    Name(&'s str),
    Place(usize),
}

struct Check<'s> {
    root: &'s Value,
    left: usize,
    at: Vec<Step<'s>>,
}

type Checked = Result<(), Mismatch>;

impl<'s> Check<'s> {
    fn of(root: &'s Value) -> Self {
        Self { root, left: MOST, at: Vec::new() }
    }

    /// So many comparisons are about to be made. `false`: there are no steps for them.
    fn steps(&mut self, many: usize) -> bool {
        self.left = self.left.saturating_sub(many);
        self.left > 0
    }

    /// A text is about to be looked at.
    fn reads(&mut self, text: &str) -> bool {
        self.steps(1 + text.len() / STRIDE)
    }

    fn value(&mut self, value: &Value, schema: &'s Value) -> Checked {
        self.deep(value, schema, 0)
    }

    /// `depth` counts schemas within schemas that are about the same value, and values within values.
    fn deep(&mut self, value: &Value, schema: &'s Value, depth: usize) -> Checked {
        if depth > DEEPEST || !self.steps(1) {
            return Ok(());
        }
        let schema = match schema {
            Value::Bool(false) => return self.wrong("may not be there"),
            Value::Object(schema) => schema,
            _ => return Ok(()),
        };
        if let Some(meant) = schema.get("$ref").and_then(Value::as_str).and_then(|name| self.named(name)) {
            self.deep(value, meant, depth + 1)?;
        }
        self.itself(value, schema)?;
        self.several(value, schema, depth)?;
        match value {
            Value::Object(members) => self.object(members, schema, depth),
            Value::Array(elements) => self.array(elements, schema, depth),
            Value::String(text) => self.text(text, schema),
            Value::Number(_) => self.number(value, schema),
            Value::Bool(_) | Value::Null => Ok(()),
        }
    }

    /// The schema of that name in this document; of others none is known.
    fn named(&mut self, name: &str) -> Option<&'s Value> {
        // A name of a pointer may be a byte long.
        self.steps(name.len() / 8).then_some(())?;
        self.root.pointer(&decoded(name.strip_prefix('#')?))
    }

    /// What it may be at all.
    fn itself(&mut self, value: &Value, schema: &Map<String, Value>) -> Checked {
        let fits = |kind: &Value| kind.as_str().is_none_or(|kind| is_a(value, kind));
        let of_type = match schema.get("type") {
            Some(Value::Array(kinds)) => !self.steps(kinds.len()) || kinds.iter().any(fits),
            Some(kind @ Value::String(_)) => fits(kind),
            _ => true,
        };
        if !of_type {
            return self.wrong("is of another type");
        }
        match (schema.get("const"), schema.get("enum").and_then(Value::as_array)) {
            (Some(only), _) if !self.same(value, only) => self.wrong("is another value"),
            (_, Some(few)) if !few.iter().any(|one| self.same(value, one)) => {
                self.wrong("is none of the values it may be")
            }
            _ => Ok(()),
        }
    }

    /// Schemas about the same value.
    fn several(&mut self, value: &Value, schema: &'s Map<String, Value>, depth: usize) -> Checked {
        let list = |word: &str| schema.get(word).and_then(Value::as_array);
        for all in list("allOf").into_iter().flatten() {
            self.deep(value, all, depth + 1)?;
        }
        if let Some(any) = list("anyOf").filter(|any| !any.is_empty())
            && !any.iter().any(|one| self.holds(value, one, depth))
        {
            return self.wrong("is in none of the ways it may be");
        }
        if let Some(one) = list("oneOf").filter(|one| !one.is_empty()) {
            match one.iter().filter(|one| self.holds(value, one, depth)).count() {
                // Whose steps have run out holds in every way.
                0 => return self.wrong("is in none of the ways it may be"),
                1 => {}
                _ if self.left == 0 => {}
                _ => return self.wrong("is in several ways of which it may be one"),
            }
        }
        if let Some(not) = schema.get("not")
            && self.holds(value, not, depth)
            && self.left > 0
        {
            return self.wrong("is what it may not be");
        }
        Ok(())
    }

    fn holds(&mut self, value: &Value, schema: &'s Value, depth: usize) -> bool {
        let here = self.at.len();
        let holds = self.deep(value, schema, depth + 1).is_ok();
        self.at.truncate(here);
        holds
    }

    fn object(
        &mut self,
        members: &Map<String, Value>,
        schema: &'s Map<String, Value>,
        depth: usize,
    ) -> Checked {
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = name.as_str() else { continue };
            if !self.reads(name) {
                return Ok(());
            }
            if !members.contains_key(name) {
                self.at.push(Step::Name(name));
                return self.wrong("is missing");
            }
        }
        self.amount(members.len(), schema, ("minProperties", "maxProperties"))?;
        let own = schema.get("properties").and_then(Value::as_object);
        // Patterns are not understood: any name may be meant by one.
        let rest = schema.get("additionalProperties").filter(|_| !schema.contains_key("patternProperties"));
        if own.is_none() && rest.is_none() {
            return Ok(());
        }
        // The answer's, and not the schema's: of those most may be missing.
        for (name, value) in members {
            if !self.reads(name) {
                return Ok(());
            }
            match (own.and_then(|own| own.get_key_value(name)), rest) {
                (Some((name, inner)), _) => self.inside(Step::Name(name), value, inner, depth)?,
                (None, Some(Value::Bool(false))) => {
                    return self.wrong("has a property that is not in the schema");
                }
                // Its name is the answer's.
                (None, Some(rest)) => self.deep(value, rest, depth + 1)?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    fn array(&mut self, elements: &[Value], schema: &'s Map<String, Value>, depth: usize) -> Checked {
        self.amount(elements.len(), schema, ("minItems", "maxItems"))?;
        let front = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let rest = schema.get("items");
        for (place, value) in elements.iter().enumerate() {
            let Some(inner) = front.get(place).or(rest).filter(|_| self.left > 0) else { break };
            self.inside(Step::Place(place), value, inner, depth)?;
        }
        if schema.get("uniqueItems") != Some(&Value::Bool(true)) {
            return Ok(());
        }
        for (nth, one) in elements.iter().enumerate() {
            let twice = elements[..nth].iter().any(|other| self.same(one, other));
            // Whose steps have run out is the same as all.
            match (twice, self.left) {
                (_, 0) => break,
                (true, _) => return self.wrong("has an element twice"),
                (false, _) => {}
            }
        }
        Ok(())
    }

    fn inside(&mut self, step: Step<'s>, value: &Value, schema: &'s Value, depth: usize) -> Checked {
        self.at.push(step);
        self.deep(value, schema, depth + 1)?;
        self.at.pop();
        Ok(())
    }

    fn text(&mut self, text: &str, schema: &Map<String, Value>) -> Checked {
        if (schema.contains_key("minLength") || schema.contains_key("maxLength")) && self.reads(text) {
            return self.amount(text.chars().count(), schema, ("minLength", "maxLength"));
        }
        Ok(())
    }

    /// How many there are of what is counted.
    fn amount(&mut self, is: usize, schema: &Map<String, Value>, (least, most): (&str, &str)) -> Checked {
        let limit = |word: &str| schema.get(word).and_then(Value::as_u64);
        match is as u64 {
            is if limit(least).is_some_and(|least| is < least) => self.wrong("is too short"),
            is if limit(most).is_some_and(|most| is > most) => self.wrong("is too long"),
            _ => Ok(()),
        }
    }

    fn number(&mut self, value: &Value, schema: &Map<String, Value>) -> Checked {
        let Some(is) = value.as_f64() else { return Ok(()) };
        let limit = |word: &str| schema.get(word).and_then(Value::as_f64);
        if limit("minimum").is_some_and(|least| is < least)
            || limit("exclusiveMinimum").is_some_and(|least| is <= least)
        {
            return self.wrong("is too small");
        }
        if limit("maximum").is_some_and(|most| is > most)
            || limit("exclusiveMaximum").is_some_and(|most| is >= most)
        {
            return self.wrong("is too large");
        }
        // 0.3 is three times 0.1 to whoever writes it so.
        let off = |step: f64| (is / step - (is / step).round()).abs() > 1e-9 * (is / step).abs().max(1.0);
        if limit("multipleOf").is_some_and(|step| step > 0.0 && off(step)) {
            return self.wrong("is no multiple of its step");
        }
        Ok(())
    }

    /// Whether two values are the same, however their numbers are written; whose steps have run out are.
    fn same(&mut self, one: &Value, other: &Value) -> bool {
        if !self.steps(1) {
            return true;
        }
        match (one, other) {
            (Value::Number(a), Value::Number(b)) => {
                a == b || (a.as_f64().is_some() && a.as_f64() == b.as_f64())
            }
            (Value::String(a), Value::String(b)) => a.len() == b.len() && (!self.reads(a) || a == b),
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.same(a, b))
            }
            (Value::Object(a), Value::Object(b)) => {
                let mut held = |(name, a): (&String, &Value)| {
                    !self.reads(name) || b.get(name).is_some_and(|b| self.same(a, b))
                };
                a.len() == b.len() && a.iter().all(&mut held)
            }
            _ => one == other,
        }
    }

    fn wrong(&mut self, what: &'static str) -> Checked {
        let mut at = String::new();
        for step in &self.at {
            at.push('/');
            match step {
                Step::Name(name) => {
                    self.left = self.left.saturating_sub(name.len() / STRIDE);
                    at.push_str(&name.replace('~', "~0").replace('/', "~1"));
                }
                Step::Place(place) => at.push_str(&place.to_string()),
            }
        }
        Err(Mismatch { at, what })
    }
}

/// Whether a value is of a type; one that is not known is no type to object to.
fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        // 1.0 is one.
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|it| it.fract() == 0.0),
        _ => true,
    }
}

/// A fragment without its percent encoding (RFC 3986, 2.1).
fn decoded(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
