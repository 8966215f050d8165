//! "Did you mean": the known word most like the one that was written.

/// The nearest known word, if one is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let bound = (word.chars().count() / 3).max(1);
    let lower = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= bound)
        .min_by(|(left, a), (right, b)| {
            // Equal distances: the one that begins alike.
            let alike = |candidate: &str| strsim::jaro_winkler(&lower, candidate);
            left.cmp(right).then(alike(b).total_cmp(&alike(a)))
        })
        .map(|(_, candidate)| candidate)
}

/// The proposal for a word that stands in no list: the nearest one, or all of a short list.
pub(crate) fn instead(word: &str, known: &[&str]) -> Option<String> {
    if let Some(near) = nearest(word, known.iter().copied()) {
        return Some(format!("Did you mean `{near}`?"));
    }
    match known {
        [] => None,
        [only] => Some(format!("There is only `{only}`.")),
        few if few.len() <= 24 => Some(format!("Known are {}.", spoken(few))),
        _ => None,
    }
}

/// A list as one says it: "`a`, `b` and `c`".
pub(crate) fn spoken(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_letters_are_found_and_strangers_are_not() {
        assert_eq!(nearest("max_tmp", ["max_rpm", "max_tpm", "weight"]), Some("max_tpm"));
        assert_eq!(nearest("Base_URI", ["base_url", "api_key"]), Some("base_url"));
        assert_eq!(nearest("colour", ["base_url", "api_key"]), None);
    }
}
