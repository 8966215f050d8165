//! What names and paths are held against.
//!
//! `#[inline]` here and on the look-ups of this folder: who asks is on the way of a call and built to be fast, this crate to be small
//! (docs/adr/0027).

/// Whether a pattern of paths covers a path below `/v1`: an exact one itself, one with `/*` at its end whole segments below.
#[inline]
pub(super) fn covers(pattern: &str, rest: &str) -> bool {
    let pattern =
        pattern.strip_prefix("/v1").filter(|p| p.starts_with('/') || p.is_empty()).unwrap_or(pattern);
    match pattern.strip_suffix("/*") {
        Some(prefix) => {
            rest.strip_prefix(prefix).is_some_and(|tail| tail.is_empty() || tail.starts_with('/'))
        }
        None => pattern == rest,
    }
}

/// `*` stands for any run of characters; everything else for itself.
#[inline]
pub(super) fn glob(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut last_was_star = false;
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        last_was_star = part.is_empty();
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty() || last_was_star
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        assert!(glob("claude-*", "claude-opus"));
        assert!(glob("*", "anything"));
        assert!(glob("a*b*c", "aXbYc"));
        assert!(!glob("a*b*c", "aXbY"));
        assert!(!glob("claude-*", "gpt-4o"));
    }
}
