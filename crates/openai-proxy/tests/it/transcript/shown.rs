//! Comparing what is shown with what is written: word for word, but for what differs from day to day.

/// Whether `got` is what `want` says. `...` alone on a line stands for any lines, within a line for any text; times,
/// process numbers and the like count as equal.
pub(super) fn fits(want: &str, got: &str) -> bool {
    let want: Vec<String> = want.trim_end().lines().map(steady).collect();
    let got: Vec<String> = got.trim_end().lines().map(steady).collect();
    lines_fit(&want, &got)
}

fn lines_fit(want: &[String], got: &[String]) -> bool {
    match (want.first(), got.first()) {
        (None, None) => true,
        (Some(any), _) if any.trim() == "..." => {
            (0..=got.len()).any(|skipped| lines_fit(&want[1..], &got[skipped..]))
        }
        (Some(want_line), Some(got_line)) => {
            line_fits(want_line, got_line) && lines_fit(&want[1..], &got[1..])
        }
        _ => false,
    }
}

fn line_fits(want: &str, got: &str) -> bool {
    let mut parts = want.split("...");
    let Some(mut rest) = parts.next().and_then(|first| got.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return part.is_empty() || rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

/// The line with its numbers that change replaced: `pid 4711`, `0.21 s`, `12 ms`, `for 3 min`, trailing spaces.
fn steady(line: &str) -> String {
    let stamp = "\"timestamp\":\"";
    let line = match line.find(stamp) {
        Some(at) => format!(
            "{}{}",
            &line[..at],
            line[at + stamp.len()..].split_once('"').map_or("", |(_, rest)| rest)
        ),
        None => line.to_owned(),
    };
    let mut words: Vec<String> = line.trim_end().split(' ').map(str::to_owned).collect();
    let number = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    for at in 0..words.len() {
        let before = at.checked_sub(1).map(|before| words[before].clone()).unwrap_or_default();
        let after = words.get(at + 1).cloned().unwrap_or_default();
        let bare = words[at].trim_end_matches([',', ')']).to_owned();
        let counts = matches!(before.as_str(), "pid" | "for")
            || matches!(after.trim_end_matches([',', '.', ')']), "s" | "ms" | "min");
        if number(&bare) && counts {
            words[at] = words[at].replacen(&bare, "0", 1);
        }
    }
    words.join(" ")
}

#[test]
fn numbers_of_the_day_and_dots_fit_and_nothing_else() {
    assert!(fits("pid 1, for 2 s\n", "pid 99, for 0 s"));
    assert!(fits("a ... c\n...\nend", "a b c\n1\n2\nend\n"));
    assert!(fits("x 0.00 s", "x 0.31 s"));
    assert!(!fits("a b", "a c") && !fits("a", "a\nb") && !fits("port 1", "port 2"));
}
