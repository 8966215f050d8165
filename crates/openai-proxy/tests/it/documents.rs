//! The documents say what the tables say: every operation, every error code, every vendor has its row, and no row is of
//! something that does not exist.

use std::path::Path;

use protocol::operation::ROWS;

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)).unwrap()
}

/// The first words in backquotes of each table row.
fn rows(text: &str) -> Vec<String> {
    let quoted = |line: &str| line.strip_prefix("| `")?.split_once('`').map(|(word, _)| word.to_owned());
    text.lines().filter_map(quoted).collect()
}

#[test]
fn every_operation_stands_in_the_documents() {
    let text = document("operations.md");
    for row in ROWS {
        let begins = format!("| {} |", row.operation.name());
        let shape = format!("`{}{}`", if row.stands_beside() { "" } else { "/v1" }, row.shape);
        let line = text.lines().find(|line| line.starts_with(&begins) && line.contains(&shape));
        let line = line.unwrap_or_else(|| panic!("{begins} {shape} is missing"));
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let yes = |flag: bool| if flag { "yes" } else { "" };
        assert_eq!(cells[5..9], [yes(row.streams), yes(row.usage), yes(row.form), yes(row.socket)], "{line}");
    }
}

#[test]
fn every_error_code_stands_in_the_documents_and_no_other() {
    let written = rows(&document("errors.md"));
    let source = include_str!("../../../protocol/src/fault.rs");
    let table = source.split("= match self {").nth(1).unwrap().split("};").next().unwrap();
    let codes: Vec<&str> = table.split("Self::").skip(1).filter_map(|row| row.split('"').nth(1)).collect();
    assert!(codes.len() > 20, "{codes:?}");
    for code in &codes {
        assert!(written.iter().any(|word| word == code), "`{code}` has no row in errors.md");
    }
    for word in written {
        assert!(codes.contains(&word.as_str()), "errors.md speaks of `{word}`, which is no code");
    }
}

/// The words of all checks, as the doctor's sources name them.
fn checks() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/command/doctor");
    let mut words = Vec::new();
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for file in files.filter(|path| path.is_file()) {
        let text = std::fs::read_to_string(file).unwrap();
        for result in ["good", "warning", "bad", "skipped"] {
            let call = format!("Finding::{result}(");
            let calls = text.split(&call).skip(1);
            words.extend(
                calls
                    .filter_map(|call| call.trim_start().strip_prefix('"')?.split('"').next())
                    .map(str::to_owned),
            );
        }
    }
    // Each provider it has verified by the gateway.
    let verified = gateway::Verification::CHECKS.iter();
    words.extend(verified.filter(|word| **word != "clock").map(|word| format!("provider.{word}")));
    words.sort();
    words.dedup();
    words
}

#[test]
fn every_check_of_a_verification_stands_in_the_documents() {
    let text = document("verification.md");
    assert_eq!(rows(text.split("| check |").nth(1).unwrap()), gateway::Verification::CHECKS);
}

#[test]
fn every_check_of_the_doctor_stands_in_the_documents_and_no_other() {
    let text = document("doctor.md");
    let written = rows(text.split("| check |").nth(1).unwrap().split("##").next().unwrap());
    let known = checks();
    assert!(known.len() > 25, "{known:?}");
    for word in &known {
        assert!(written.contains(word), "`{word}` has no row in doctor.md");
    }
    for word in &written {
        assert!(known.contains(word), "doctor.md speaks of `{word}`, which is no check");
    }
}

#[test]
fn every_vendor_stands_in_the_documents() {
    let written = rows(&document("vendors.md"));
    for vendor in protocol::vendor::all() {
        assert!(
            written.iter().any(|word| word == vendor.name()),
            "`{}` has no row in vendors.md",
            vendor.name()
        );
    }
}

/// Whoever has an error code in hand finds it under the heading of what they see.
#[test]
fn every_error_code_stands_in_troubleshooting() {
    let text = document("troubleshooting.md");
    for code in rows(&document("errors.md")) {
        assert!(text.contains(&format!("`{code}`")), "`{code}` is not in troubleshooting.md");
    }
}
