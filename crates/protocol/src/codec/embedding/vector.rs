//! One vector: numbers, or base64 of them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A vector of an answer, read from either form.
#[derive(Debug)]
pub(super) struct Read(pub(super) Vec<f64>);

/// A vector written as numbers, each in the fewest digits that are read as the same double again.
pub(super) struct Numbers<'v>(pub(super) &'v [f64]);

/// A vector written as base64 of floats of four bytes, the least first (OpenAI, "Create embeddings", `encoding_format`).
pub(super) struct Base64<'v>(pub(super) &'v [f64]);

/// The nearest float of four bytes.
#[expect(clippy::cast_possible_truncation, reason = "a single float is what is asked for")]
fn single(number: f64) -> f32 {
    number as f32
}

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|number| single(*number).to_le_bytes()).collect();
        serializer.serialize_str(&STANDARD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either)
    }
}

struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = Read;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a vector: numbers, or base64 of floats")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Read, A::Error> {
        let mut vector = Vec::new();
        // The JSON reader's own numbers are the nearest double or the one beside it.
        while let Some(number) = numbers.next_element::<&RawValue>()? {
            let number = number.get().parse().ok().filter(|number: &f64| number.is_finite());
            vector.push(
                number.ok_or_else(|| de::Error::custom("a vector has something in it that is no number"))?,
            );
        }
        Ok(Read(vector))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Read, E> {
        let bytes = STANDARD.decode(text).map_err(|_| E::custom("a vector is no base64"))?;
        let (floats, rest) = bytes.as_chunks();
        if !rest.is_empty() {
            return Err(E::custom("a vector's base64 is no whole number of floats"));
        }
        let vector: Vec<f64> = floats.iter().map(|four| f64::from(f32::from_le_bytes(*four))).collect();
        if vector.iter().all(|number| number.is_finite()) {
            Ok(Read(vector))
        } else {
            Err(E::custom("a vector has something in it that is no number"))
        }
    }
}

/// Whether each of its numbers has a float of four bytes that is near.
pub(super) fn fits_base64(vector: &[f64]) -> bool {
    vector.iter().all(|number| single(*number).is_finite())
}

/// The numbers of each.
pub(super) fn numbers(vectors: Vec<Read>) -> Vec<Vec<f64>> {
    vectors.into_iter().map(|vector| vector.0).collect()
}
