//! What an answer counted: tokens in, tokens out, and the parts of both.
//!
//! Normal form: input includes what came from a cache, output includes reasoning. Sources: OpenAI API reference (chat
//! `usage`, Responses `usage`, embeddings), the vendors' recorded answers (`x_groq.usage`, cache hit counts).

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::envelope::EnvelopeProblem;
use crate::envelope::scan::Scan;

/// Counted tokens of one answer, as the upstream reported them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Prompt tokens, cached ones included.
    pub input: u64,
    /// Generated tokens, reasoning included.
    pub output: u64,
    /// Prompt tokens that came from a cache.
    pub cached: u64,
    /// Generated tokens that were reasoning.
    pub reasoning: u64,
}

/// The member's name, in both spellings that occur: `"usage"` and `"usageMetadata"`.
static KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usage"));

/// Members of answers that have no usage object: billed units, and tokens of a prompt alone.
static BILLED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"billed_units\""));
static EVALUATED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"prompt_eval_count\""));

/// The longest `usage` object looked at.
const LONGEST: usize = 16 * 1024;

/// The last usage object of a whole JSON text, or of one event of a stream: a member of the outermost object, or of the
/// object that wraps the answer (`response`, `message`, `x_groq`). What a model wrote, in a string or in a tool's
/// arguments, stands deeper or is quoted, and is never mistaken for a count.
pub fn find(bytes: &[u8]) -> Option<Usage> {
    // Where it stands is asked last: most are `null`.
    let counted = |at: usize| {
        let (usage, behind) = read(&bytes[at + KEY.needle().len()..])?;
        stands_right(bytes, at, behind).then_some(usage)
    };
    KEY.find_iter(bytes).filter_map(counted).last()
}

/// The last usage object in the end of a long answer, whose beginning is gone; where there is none, what vectors cost by the words of
/// those who count them under another name.
pub fn find_at_end(bytes: &[u8]) -> Option<Usage> {
    let last = |key: &Finder<'_>, read: fn(&[u8]) -> Option<Read<'_>>| {
        key.find_iter(bytes).filter_map(|at| Some(read(&bytes[at + key.needle().len()..])?.0)).last()
    };
    last(&KEY, read).or_else(|| last(&BILLED, object)).or_else(|| last(&EVALUATED, input))
}

/// Whether the key at `at` is a member of the outermost object or of a wrapper directly inside it; `behind` stands behind its value.
/// It is looked at from the nearer end: hardly anything follows the usage of most answers.
fn stands_right(bytes: &[u8], at: usize, behind: &[u8]) -> bool {
    (behind.len() < at && ends_an_object(behind)) || begins_right(bytes, at)
}

/// Whether the object that is open before these bytes ends in them, and nothing comes behind it.
fn ends_an_object(behind: &[u8]) -> bool {
    let (mut depth, mut i) = (0usize, 0);
    while i < behind.len() {
        match (behind[i], depth) {
            (b'"', _) => {
                i = string_end(behind, i);
                continue;
            }
            (b'}', 0) => return behind[i + 1..].trim_ascii().is_empty(),
            (b']', 0) => return false,
            (b'{' | b'[', _) => depth += 1,
            (b'}' | b']', _) => depth -= 1,
            _ => {}
        }
        i += 1;
    }
    false
}

/// Whether what stands before the key at `at` makes it such a member.
fn begins_right(bytes: &[u8], at: usize) -> bool {
    let from = memchr::memchr(b'{', bytes).unwrap_or(at);
    let (mut depth, mut arrays, mut i) = (0usize, 0usize, from);
    let mut last_key: &[u8] = b"";
    while i < at {
        match bytes[i] {
            b'"' => {
                let end = string_end(bytes, i);
                if depth == 1 && arrays == 0 {
                    last_key = bytes.get(i + 1..end.saturating_sub(1)).unwrap_or_default();
                }
                i = end;
                continue;
            }
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b'[' => arrays += 1,
            b']' => arrays = arrays.saturating_sub(1),
            _ => {}
        }
        i += 1;
    }
    let wrapper = matches!(last_key, b"response" | b"message" | b"x_groq");
    arrays == 0 && (depth == 1 || (depth == 2 && wrapper))
}

/// Behind the string that begins at `at`.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut i = at + 1;
    while let Some(step) = bytes.get(i..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        i += step;
        if bytes[i] == b'"' {
            return i + 1;
        }
        i += 2;
    }
    bytes.len()
}

/// What was read, and what stands behind it.
type Read<'b> = (Usage, &'b [u8]);

/// Reads the object that follows the key.
fn read(after_key: &[u8]) -> Option<Read<'_>> {
    object(after_key.strip_prefix(b"Metadata").unwrap_or(after_key).strip_prefix(b"\"")?)
}

/// What follows a key and its colon.
fn behind(key: &[u8]) -> Option<&[u8]> {
    Some(key.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start())
}

/// Reads the counts in an object.
fn object(after_key: &[u8]) -> Option<Read<'_>> {
    let value = behind(after_key)?;
    if value.first() != Some(&b'{') {
        return None;
    }
    let mut scan = Scan::new(&value[..value.len().min(LONGEST)]);
    let mut wire = Wire::default();
    scan.members(|scan, key| wire.take(scan, key)).ok()?;
    Some((wire.normal()?, &value[scan.at()..]))
}

/// Reads a count of what was read.
fn input(after_key: &[u8]) -> Option<Read<'_>> {
    let value = behind(after_key)?;
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, behind) = value.split_at(digits);
    Some((Usage { input: count(digits)?, ..Usage::default() }, behind))
}

/// Counts as the wire has them, of whichever vendor.
#[derive(Default)]
struct Wire {
    prompt_tokens: Option<u64>,
    input_tokens: Option<u64>,
    prompt_count: Option<u64>,
    completion_tokens: Option<u64>,
    output_tokens: Option<u64>,
    candidates_count: Option<u64>,
    thoughts_count: Option<u64>,
    total: Option<u64>,
    /// Anthropic counts cached prompt tokens beside `input_tokens`, everyone else inside.
    read_beside: Option<u64>,
    made_beside: Option<u64>,
    hits: Option<u64>,
    /// In a group of their own.
    cached: Option<u64>,
    reasoning: Option<u64>,
}

impl Wire {
    /// Takes the member in whose value the scan stands.
    fn take(&mut self, scan: &mut Scan<'_>, key: Range<usize>) -> Result<(), EnvelopeProblem> {
        let place = match &scan.body()[key] {
            b"prompt_tokens" => &mut self.prompt_tokens,
            b"input_tokens" => &mut self.input_tokens,
            b"promptTokenCount" => &mut self.prompt_count,
            b"completion_tokens" => &mut self.completion_tokens,
            b"output_tokens" => &mut self.output_tokens,
            b"candidatesTokenCount" => &mut self.candidates_count,
            b"thoughtsTokenCount" => &mut self.thoughts_count,
            b"total_tokens" | b"totalTokenCount" => &mut self.total,
            b"cache_read_input_tokens" => &mut self.read_beside,
            b"cache_creation_input_tokens" => &mut self.made_beside,
            b"prompt_cache_hit_tokens" | b"cachedContentTokenCount" => &mut self.hits,
            b"prompt_tokens_details" | b"input_tokens_details" => {
                return group(scan, b"cached_tokens", &mut self.cached);
            }
            b"completion_tokens_details" | b"output_tokens_details" => {
                return group(scan, b"reasoning_tokens", &mut self.reasoning);
            }
            _ => return scan.value(2),
        };
        *place = count(value(scan)?);
        Ok(())
    }

    fn normal(&self) -> Option<Usage> {
        // Gemini counts reasoning beside the candidates' tokens, everyone else inside.
        let thoughts = self.thoughts_count;
        let input = self.prompt_tokens.or(self.input_tokens).or(self.prompt_count);
        let beside_thoughts = self.candidates_count.or(thoughts.and(Some(0)));
        let output = self.completion_tokens.or(self.output_tokens);
        let output = output.or(beside_thoughts.map(|said| said + thoughts.unwrap_or(0)));
        if input.is_none() && output.is_none() && self.total.is_none() {
            return None;
        }
        let beside = self.read_beside.unwrap_or(0) + self.made_beside.unwrap_or(0);
        Some(Usage {
            input: input.or(self.total.filter(|_| output.is_none())).unwrap_or(0) + beside,
            output: output.unwrap_or(0),
            cached: self.cached.or(self.hits).or(self.read_beside).unwrap_or(0),
            reasoning: self.reasoning.or(thoughts).unwrap_or(0),
        })
    }
}

/// Takes one count out of a group.
fn group(scan: &mut Scan<'_>, name: &[u8], detail: &mut Option<u64>) -> Result<(), EnvelopeProblem> {
    if scan.peek() != Some(b'{') {
        return scan.value(2);
    }
    scan.members(|scan, key| {
        let is_it = &scan.body()[key] == name;
        let value = value(scan)?;
        if is_it {
            *detail = count(value);
        }
        Ok(())
    })
}

/// Walks over a value; says what it is, as written.
fn value<'b>(scan: &mut Scan<'b>) -> Result<&'b [u8], EnvelopeProblem> {
    let from = scan.at();
    scan.value(2)?;
    Ok(&scan.body()[from..scan.at()])
}

/// A count: a whole number that can be one. Some vendors write `7.0`.
fn count(written: &[u8]) -> Option<u64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    if (1..16).contains(&written.len()) && written.iter().all(u8::is_ascii_digit) {
        return Some(written.iter().fold(0, |all, digit| all * 10 + u64::from(digit - b'0')));
    }
    let written = std::str::from_utf8(written).ok()?;
    // What JSON calls a number begins so; others write `inf` as well.
    written.starts_with(|first: char| first.is_ascii_digit() || first == '-').then_some(())?;
    let number = written.parse::<f64>().ok()?;
    let whole = (0.0..MOST).contains(&number) && number.fract() == 0.0;
    whole.then_some(number as u64)
}

impl Usage {
    /// Counts of one stream put together: they only ever grow, and some vendors tell input and output apart in time.
    pub fn and(self, later: Self) -> Self {
        Self {
            input: self.input.max(later.input),
            output: self.output.max(later.output),
            cached: self.cached.max(later.cached),
            reasoning: self.reasoning.max(later.reasoning),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn reads_every_form_that_occurs() {
        let chat = br#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,
            "prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3}}}"#;
        assert_eq!(find(chat), Some(Usage { input: 9, output: 12, cached: 4, reasoning: 3 }));
        let responses = br#"{"response":{"usage":{"input_tokens":5,"output_tokens":7,
            "output_tokens_details":{"reasoning_tokens":2}}}}"#;
        assert_eq!(find(responses), Some(Usage { input: 5, output: 7, cached: 0, reasoning: 2 }));
        let embeddings = br#"{"usage":{"prompt_tokens":8,"total_tokens":8}}"#;
        assert_eq!(find(embeddings), Some(Usage { input: 8, output: 0, cached: 0, reasoning: 0 }));
        let gemini = br#"{"candidates":[],"usageMetadata":{"promptTokenCount":277,"candidatesTokenCount":37,
            "totalTokenCount":884,"thoughtsTokenCount":570,"cachedContentTokenCount":8}}"#;
        assert_eq!(find(gemini), Some(Usage { input: 277, output: 607, cached: 8, reasoning: 570 }));
        let hits = br#"{"usage":{"prompt_tokens":10,"completion_tokens":1,"prompt_cache_hit_tokens":6}}"#;
        assert_eq!(find(hits).map(|usage| usage.cached), Some(6));
    }

    #[test]
    fn a_long_list_of_vectors_is_counted_by_its_end() {
        let read = |end: &[u8]| find_at_end(end).map(|usage| usage.input);
        let billed = br#"0.5,0.25]]},"meta":{"billed_units":{"input_tokens":208}},"response_type":"embeddings_by_type"}"#;
        assert_eq!(read(billed), Some(208));
        assert_eq!(read(br#"0.25]],"total_duration":9,"prompt_eval_count":8}"#), Some(8));
        assert_eq!(read(br#"0.25]],"meta":{"billed_units":{"search_units":1}}}"#), None);
        assert_eq!(read(br#"0.25]],"prompt_eval_count":null}"#), None);
    }

    #[test]
    fn the_last_count_wins_and_null_is_no_count() {
        assert_eq!(find(br#"{"usage":null}"#), None);
        let twice = br#"{"response":{"usage":{"prompt_tokens":1}},"usage":{"prompt_tokens":2}}"#;
        assert_eq!(find(twice).map(|usage| usage.input), Some(2));
    }

    proptest! {
        #[test]
        fn a_member_stands_where_it_stands_from_either_end(value in nested(), space in "[ \\n]{0,2}") {
            let text = format!("{space}{value}{space}");
            let bytes = text.as_bytes();
            for at in KEY.find_iter(bytes) {
                if let Some((_, behind)) = read(&bytes[at + KEY.needle().len()..]) {
                    prop_assert!(!ends_an_object(behind) || begins_right(bytes, at), "{text}");
                }
            }
        }
    }

    /// Objects and arrays in each other, with counts wherever they may stand, and words that look like some.
    fn nested() -> impl Strategy<Value = Value> {
        let usage = Just(json!({"prompt_tokens": 7, "x": [{}]}));
        let leaf = prop_oneof![
            usage,
            "[]}{\"\\\\,:]{0,4}".prop_map(Value::from),
            Just(json!("\"usage\":{\"total_tokens\":9}"))
        ];
        let key = prop_oneof![Just("usage"), Just("response"), Just("}"), Just("a")];
        let nested = leaf.prop_recursive(4, 24, 4, move |inner| {
            let members = prop::collection::vec((key.clone(), inner.clone()), 0..4);
            let object = members.prop_map(|all| {
                Value::Object(all.into_iter().map(|(key, it)| (key.to_owned(), it)).collect())
            });
            prop_oneof![object, prop::collection::vec(inner, 0..4).prop_map(Value::Array)]
        });
        prop::collection::vec(nested, 1..4)
            .prop_map(|all| json!({"a": all, "usage": all[0], "z": {"usage": {"prompt_tokens": 1}}}))
    }

    #[test]
    fn a_models_own_words_are_never_a_count() {
        let said = br#"{"content":"{\"usage\":{\"prompt_tokens\":999}}"}"#;
        assert_eq!(find(said), None);
        let tool =
            br#"{"usage":{"input_tokens":3},"content":[{"input":{"usage":{"input_tokens":5000000}}}]}"#;
        assert_eq!(find(tool).map(|usage| usage.input), Some(3));
        let other = br#"{"metadata":{"usage":{"prompt_tokens":9}},"choices":[{"delta":{"usage":{"prompt_tokens":8}}}]}"#;
        assert_eq!(find(other), None);
    }

    #[test]
    fn odd_numbers_are_read_or_left_out_and_never_wrap() {
        let whole =
            br#"{"usage":{"prompt_tokens":7.0,"completion_tokens":-1,"total_tokens":18446744073709551615}}"#;
        assert_eq!(find(whole), Some(Usage { input: 7, output: 0, cached: 0, reasoning: 0 }));
        let start = find(br#"{"message":{"usage":{"input_tokens":1000,"output_tokens":1}}}"#).unwrap();
        let delta = find(br#"{"usage":{"output_tokens":15}}"#).unwrap();
        assert_eq!(start.and(delta), Usage { input: 1000, output: 15, cached: 0, reasoning: 0 });
    }
}
