//! The verdicts as a table, a line a case.

use super::judge::{Story, Verdict};

/// All that were played.
pub(super) fn of(played: &[(Story, Verdict)]) -> String {
    let mut table = format!(
        "{:<9} {:<42} {:<8} {:>7} {:>8} {:>8}  why no better\n",
        "case", "the primary", "grade", "primary", "fallback", "longest"
    );
    for (story, verdict) in played {
        let longest = story.calls.iter().map(|view| view.took).max().unwrap_or_default();
        table.push_str(&format!(
            "{:<9} {:<42} {:<8} {:>7} {:>8} {:>6.1} s  {}\n",
            story.case.name(),
            story.case.scenario.what(),
            format!("{:?}", verdict.grade).to_lowercase(),
            story.primary.len(),
            story.fallback.len(),
            longest.as_secs_f64(),
            verdict.reason
        ));
    }
    table
}
