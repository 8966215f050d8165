//! One case: the file's lines into what to send and what to expect (format: `raw`).

use super::text::{Words, expand};
use std::path::Path;

/// A parsed case.
#[derive(Clone, Debug)]
pub struct Case {
    /// `<folder>/<file>` without the extension.
    pub name: String,
    /// The comment at its head.
    pub why: String,
    pub(super) request: String,
    pub(super) vendor: Option<String>,
    pub(super) vendor_then: Then,
    pub(super) close_write: bool,
    pub(super) splits: bool,
    pub(super) body_after_100: bool,
    pub(super) expect: Expect,
}

/// What the vendor does after its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Then {
    #[default]
    Open,
    Close,
    Reset,
}

/// One acceptable way for an answer to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Code(u16),
    None,
    Cut,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Expect {
    /// For each answer its alternatives; the last counts for all further answers.
    pub(super) statuses: Vec<Vec<Status>>,
    pub(super) answers: Option<Count>,
    pub(super) closed: Option<bool>,
    pub(super) json_error: Option<String>,
    pub(super) interim: Option<Option<u16>>,
    pub(super) upstream: Option<Count>,
    pub(super) upstream_body: Option<String>,
    pub(super) upstream_has: Vec<(String, String)>,
    pub(super) upstream_lacks: Vec<String>,
    pub(super) never_upstream: Vec<String>,
    pub(super) never_caller: Vec<String>,
    pub(super) vendor_not_reused: bool,
}

/// From so many to so many.
pub(super) type Count = std::ops::RangeInclusive<usize>;

const GOOD: &str = r"GET /v1/files?id={id} HTTP/1.1\r\nHost: {host}\r\nx-case: {id}\r\n\r\n";

impl Case {
    /// Parses a case; the error names the line.
    pub fn parse(name: &str, text: &str) -> Result<Case, String> {
        let mut case = Case {
            name: name.to_owned(),
            why: String::new(),
            request: String::new(),
            vendor: None,
            vendor_then: Then::default(),
            close_write: false,
            splits: true,
            body_after_100: false,
            expect: Expect::default(),
        };
        for (at, line) in text.lines().enumerate() {
            case.line(line).map_err(|error| format!("{name}, line {}: {error}", at + 1))?;
        }
        case.finish().map_err(|error| format!("{name}: {error}"))
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(comment) = line.strip_prefix('#') {
            self.why.push_str(comment.trim());
            self.why.push('\n');
        } else if let Some(sent) = line.strip_prefix("> ") {
            self.request.push_str(sent);
        } else if let Some(sent) = line.strip_prefix("< ") {
            self.vendor.get_or_insert_default().push_str(sent);
        } else if !line.trim().is_empty() {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            self.setting(name.trim(), value.trim())?;
        }
        Ok(())
    }

    fn setting(&mut self, name: &str, value: &str) -> Result<(), String> {
        let expect = &mut self.expect;
        match (name, value) {
            ("status", _) => expect.statuses = statuses(value)?,
            ("answers", _) => expect.answers = Some(count(value)?),
            ("connection", "closed" | "open") => expect.closed = Some(value == "closed"),
            ("json-error", code) => expect.json_error = Some(code.to_owned()),
            ("interim", "none") => expect.interim = Some(None),
            ("interim", code) => {
                expect.interim = Some(Some(code.parse().map_err(|_| "interim: a status or none")?))
            }
            ("upstream", "nothing") => expect.upstream = Some(0..=0),
            ("upstream", "any") => expect.upstream = Some(0..=usize::MAX),
            ("upstream", requests) => {
                let requests =
                    requests.strip_prefix("requests ").ok_or("upstream: nothing, any or requests N")?;
                expect.upstream = Some(count(requests)?);
            }
            ("upstream-body", body) => expect.upstream_body = Some(body.to_owned()),
            ("upstream-has-header", header) => {
                let (name, value) = header.split_once(':').ok_or("upstream-has-header: name: value")?;
                expect.upstream_has.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            ("upstream-lacks-header", name) => expect.upstream_lacks.push(name.to_owned()),
            ("never-upstream", text) => expect.never_upstream.push(text.to_owned()),
            ("never-caller", text) => expect.never_caller.push(text.to_owned()),
            ("vendor-then", "open") => self.vendor_then = Then::Open,
            ("vendor-then", "close") => self.vendor_then = Then::Close,
            ("vendor-then", "reset") => self.vendor_then = Then::Reset,
            ("vendor-connection", "not-reused") => expect.vendor_not_reused = true,
            ("close-write", "") => self.close_write = true,
            ("splits", "off") => self.splits = false,
            // In pieces there would be no telling which of them the gateway asked for.
            ("body-after", "100") => (self.body_after_100, self.splits) = (true, false),
            _ => return Err(format!("unknown: {name}: {value}")),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Case, String> {
        if self.why.trim().is_empty() {
            return Err("a case says in its first lines what it is about and why".to_owned());
        }
        if self.expect.statuses.is_empty() {
            return Err("no status".to_owned());
        }
        if self.request.is_empty() {
            if self.vendor.is_none() {
                return Err("nothing to send".to_owned());
            }
            GOOD.clone_into(&mut self.request);
        }
        let refused = |status: &Status| matches!(status, Status::Code(400..) | Status::None);
        let all_refused = self.vendor.is_none() && self.expect.statuses.iter().flatten().all(refused);
        self.expect.upstream.get_or_insert(0..=if all_refused { 0 } else { usize::MAX });
        // Tried once here, so that a typing error is found when the files are read and not in the middle of a run.
        let words = Words { id: "0".repeat(16), host: "127.0.0.1:1".to_owned() };
        for text in [Some(&self.request), self.vendor.as_ref(), self.expect.upstream_body.as_ref()]
            .into_iter()
            .flatten()
            .chain(&self.expect.never_upstream)
            .chain(&self.expect.never_caller)
        {
            expand(text, &words)?;
        }
        Ok(self)
    }
}

fn statuses(value: &str) -> Result<Vec<Vec<Status>>, String> {
    let one = |word: &str| match word.trim() {
        "none" => Ok(Status::None),
        "cut" => Ok(Status::Cut),
        code => code.parse().map(Status::Code).map_err(|_| format!("no status: {code}")),
    };
    value.split(" then ").map(|answer| answer.split('|').map(one).collect()).collect()
}

fn count(value: &str) -> Result<Count, String> {
    let (least, most) = value.split_once('-').unwrap_or((value, value));
    let number = |text: &str| text.trim().parse::<usize>().map_err(|_| format!("no number: {text}"));
    Ok(number(least)?..=number(most)?)
}

/// All `*.case` files in a folder and in the folders in it, by name. Panics on a file which cannot be parsed.
pub fn load(dir: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    let entries = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    for path in entries.map(|entry| entry.expect("an entry of the folder").path()) {
        if path.is_dir() {
            cases.extend(load(&path));
        } else if path.extension().is_some_and(|extension| extension == "case") {
            let parts: Vec<_> = path
                .with_extension("")
                .iter()
                .rev()
                .take(2)
                .map(|p| p.to_string_lossy().into_owned())
                .collect();
            let text =
                std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let name = format!("{}/{}", parts[1], parts[0]);
            cases.push(Case::parse(&name, &text).unwrap_or_else(|error| panic!("{error}")));
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}
