//! The text both vendors say.

/// Sixty words, no two alike.
pub const TEXT: &str = "Every morning seven fishermen push their narrow wooden boats across cold sand while \
grey herons watch from broken piers because nobody else has come this early since winter ended and nets, \
mended twice under lamplight, still hold enough silver weight to feed a whole village until market bells \
ring again beyond dark hills where quiet rivers slowly bend toward home";

/// How many words it has.
pub const WORDS: usize = 60;

/// What the vendors count for any prompt.
pub const PROMPT_TOKENS: u64 = 11;

/// What is left of the text behind its first `from` bytes, a token a piece: a word with the space before it.
pub fn pieces(from: usize) -> Vec<&'static str> {
    let rest = TEXT.get(from..).unwrap_or_default();
    let mut starts: Vec<usize> = rest.match_indices(' ').map(|(at, _)| at).filter(|at| *at > 0).collect();
    starts.insert(0, 0);
    starts.push(rest.len());
    starts
        .windows(2)
        .filter_map(|pair| rest.get(pair[0]..pair[1]))
        .filter(|piece| !piece.is_empty())
        .collect()
}

/// Whether somebody has heard the whole text and nothing else, however it was spaced.
pub fn same(heard: &str) -> bool {
    heard.split_whitespace().eq(TEXT.split_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn sixty_words_no_two_alike() {
        assert_eq!(TEXT.split_whitespace().count(), WORDS);
        assert_eq!(TEXT.split_whitespace().collect::<BTreeSet<_>>().len(), WORDS);
    }

    #[test]
    fn the_pieces_behind_any_byte_are_the_rest() {
        assert_eq!(pieces(0).len(), WORDS);
        assert!((0..=TEXT.len()).all(|from| pieces(from).concat() == TEXT[from..]));
        assert!(same(&TEXT.replace(' ', "  \n")) && !same(&TEXT.replacen("and ", "", 1)));
    }
}
