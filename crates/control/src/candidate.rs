//! What a change would make of the configuration: read and checked beside the one that counts.

use std::sync::Arc;

use config::snapshot::Authority;
use config::{By, Difference, Edit, Given, Layer, Loaded, Problem, Problems, Sheet, Stored, What, edited};
use protocol::secret::Secret;
use serde_json::{Map, Value as Json};

use crate::actor::Actor;
use crate::change::Proposal;
use crate::refused::Refused;
use crate::{Control, memory};

/// A configuration that would hold.
pub(crate) struct Candidate {
    pub(crate) given: Given,
    pub(crate) loaded: Loaded,
    /// What is written, secrets sealed.
    pub(crate) sheet: Arc<Sheet>,
    /// The same without what was changed at run time.
    pub(crate) files: Arc<Sheet>,
    /// What is stored, as a text.
    pub(crate) layer: String,
}

/// Sections that say where changes are kept: nothing that is kept there can change them.
const FILES_ONLY: [&str; 4] = ["version", "include", "config", "storage"];
/// Single settings that stand in files only: they say which files this process writes, and by which door it is
/// administered.
const ALSO_FILES_ONLY: [[&str; 2]; 3] =
    [["logging", "file"], ["logging", "access_log_file"], ["server", "admin_listen"]];
/// The most settings one change may be about.
const MOST: usize = 2_000;

impl Control {
    /// Builds what a proposal would make, as the successor of revision `head`.
    pub(crate) async fn candidate(
        &self,
        actor: &Actor,
        proposal: &Proposal,
        head: u64,
    ) -> Result<Candidate, Refused> {
        // Read once: whoever writes them meanwhile must not make it two halves.
        let mut given = config::frozen(&self.given())?;
        let mut below = config::sheet(&given.without_changes())?;
        self.refuse_nothing(&below)?;
        let by = By {
            author: Some(actor.name.clone()),
            time: Some(std::time::SystemTime::now()),
            place: format!("revision {}", head + 1),
        };
        if self.gateway().world().authority == Authority::Database {
            // From here on the database has the word: what files said is its beginning.
            below = self.begun(&mut given, below, &by).await?;
        }
        match proposal {
            Proposal::Reread => {}
            Proposal::Edits(edits) => {
                self.may_change(edits)?;
                let edits = self.sealed(edits, &mut given).await?;
                given.stored = edited(&given.stored, Layer::Database, &edits, &below, &by);
            }
            Proposal::Rollback(number) => {
                self.may_change(&[])?;
                let wanted = self.sheet_of(*number).await?;
                given.stored.retain(|row| row.layer != Layer::Database);
                given.stored.extend(self.rollback(&wanted, &below, &by).await?);
                self.open(&given.stored.clone(), &mut given).await?;
            }
            Proposal::Import(rows) => {
                let rows = self.imported(rows, &mut given).await?;
                given.stored.extend(rows);
            }
        }
        let lasting = !matches!(proposal, Proposal::Reread);
        self.checked(given, below, lasting).await
    }

    /// Reads and checks what is given. What is `lasting` holds only if it is recorded, with its secrets.
    pub(crate) async fn checked(
        &self,
        given: Given,
        below: Sheet,
        lasting: bool,
    ) -> Result<Candidate, Refused> {
        let loaded = config::load(&given)?;
        let sheet = Arc::new(self.without_secrets(config::sheet(&given)?, lasting).await?);
        let files = Arc::new(self.without_secrets(below, lasting).await?);
        let layer = memory::text(&given.stored);
        Ok(Candidate { given, loaded, sheet, files, layer })
    }

    /// Refuses files that hold nothing where they held something: whoever writes them is not done.
    fn refuse_nothing(&self, files: &Sheet) -> Result<(), Refused> {
        let held = self.now().files.as_ref().is_some_and(|files| **files != Sheet::default());
        if !held || *files != Sheet::default() {
            return Ok(());
        }
        Err(wrong(
            "The configuration's files hold nothing any more.".to_owned(),
            "Write what is to count; to begin without any, restart.",
        ))
    }

    /// Puts what files say into the database, if nothing is there, and returns what files say from then on: where it is.
    async fn begun(&self, given: &mut Given, files: Sheet, by: &By) -> Result<Sheet, Refused> {
        let members = files.value().as_object().cloned().unwrap_or_default();
        let (leading, others): (Map<_, _>, Map<_, _>) =
            members.into_iter().partition(|(section, _)| FILES_ONLY.contains(&section.as_str()));
        if !given.stored.iter().any(|row| row.layer == Layer::Database) {
            let edits: Vec<Edit> = others
                .into_iter()
                .map(|(section, value)| Edit { path: vec![section], what: What::Replace(value) })
                .collect();
            let edits = self.sealed(&edits, given).await?;
            given.stored = edited(&given.stored, Layer::Database, &edits, &Sheet::default(), by);
        }
        Ok(Sheet::from(Json::Object(leading)))
    }

    /// Whether settings may be changed here at all, and these.
    fn may_change(&self, edits: &[Edit]) -> Result<(), Refused> {
        if self.gateway().world().authority == Authority::File {
            return Err(Refused::ReadOnly);
        }
        let mut paths = Vec::new();
        for edit in edits {
            let value = match &edit.what {
                What::Set(value) | What::Replace(value) => value,
                What::Remove | What::Reset => &Json::Null,
            };
            every_path(&mut edit.path.clone(), value, &mut paths);
        }
        if paths.len() > MOST {
            return Err(wrong(
                format!("One change is about {} settings; {MOST} are the most.", paths.len()),
                "Make several changes of it, or write it into the file.",
            ));
        }
        for path in paths {
            let words: Vec<&str> = path.iter().map(String::as_str).collect();
            let beside = ALSO_FILES_ONLY.iter().any(|only| words.starts_with(only));
            if beside || words.first().is_some_and(|section| FILES_ONLY.contains(section)) {
                return Err(Refused::FilesOnly(words.join(".")));
            }
            if words.iter().any(|word| word.starts_with("x-")) && !words.contains(&"headers") {
                return Err(wrong(
                    format!("`{}` is a free key, which says nothing and is shown nowhere.", words.join(".")),
                    "Free keys (x-...) are for files.",
                ));
            }
        }
        Ok(())
    }

    /// The edits with the secrets in them sealed; `given` gets them, opened.
    async fn sealed(&self, edits: &[Edit], given: &mut Given) -> Result<Vec<Edit>, Refused> {
        let mut edits = edits.to_vec();
        for edit in &mut edits {
            if let What::Set(value) | What::Replace(value) = &mut edit.what {
                self.seal(&edit.path, value, given).await?;
                // Something sealed already may be put to another place.
                let text = value.to_string();
                let names: Vec<&str> = config::sealed_names(&text).collect();
                self.inner.strongbox.open_named(&self.books().db, names, &mut given.sealed).await?;
            }
        }
        Ok(edits)
    }

    async fn seal(&self, path: &[String], value: &mut Json, given: &mut Given) -> Result<(), Refused> {
        let secrets = config::open_secrets(path, value);
        let names = self.inner.strongbox.names(&self.books().db, &secrets).await?;
        config::seal(path, value, &names);
        given.sealed.extend(names.into_iter().map(|(secret, name)| (name, Secret::new(secret))));
        Ok(())
    }

    /// A sheet with every secret on it sealed.
    async fn without_secrets(&self, mut sheet: Sheet, lasting: bool) -> Result<Sheet, Refused> {
        let secrets = config::open_secrets(&[], sheet.value());
        let (strongbox, db) = (&self.inner.strongbox, &self.books().db);
        let names = match lasting {
            true => strongbox.names(db, &secrets).await?,
            false => strongbox.names_or_none(db, &secrets).await,
        };
        config::seal(&[], sheet.value_mut(), &names);
        Ok(sheet)
    }

    /// The rows that make today's files say what a sheet says.
    async fn rollback(&self, wanted: &Sheet, below: &Sheet, by: &By) -> Result<Vec<Stored>, Refused> {
        let below = self.without_secrets(below.clone(), true).await?;
        let files_only =
            |path: &[String]| path.first().is_some_and(|word| FILES_ONLY.contains(&word.as_str()));
        let patches = wanted.over(&below).into_iter().filter(|patch| !files_only(&patch.path));
        let row = |patch: config::Patch| Stored {
            layer: Layer::Database,
            path: patch.path,
            value: patch.value.to_string(),
            alone: patch.alone,
            place: by.place.clone(),
            author: by.author.clone(),
            time: by.time,
        };
        Ok(patches.map(row).collect())
    }

    /// Rows of another program's state, with the secrets in them sealed.
    async fn imported(&self, rows: &[Stored], given: &mut Given) -> Result<Vec<Stored>, Refused> {
        let mut rows = rows.to_vec();
        for row in &mut rows {
            // What is no JSON is one value, as it stands.
            let mut value =
                serde_json::from_str(&row.value).unwrap_or_else(|_| Json::String(row.value.clone()));
            self.seal(&row.path, &mut value, given).await?;
            row.value = value.to_string();
        }
        Ok(rows)
    }

    /// Opens the secrets rows refer to.
    async fn open(&self, rows: &[Stored], given: &mut Given) -> Result<(), Refused> {
        // Gathered first: a borrowing iterator that is held while waiting could not go to another thread.
        let names: Vec<&str> = rows.iter().flat_map(|row| config::sealed_names(&row.value)).collect();
        Ok(self.inner.strongbox.open_named(&self.books().db, names, &mut given.sealed).await?)
    }

    /// Settings of files that changed and have no effect, for something else was said at run time.
    pub(crate) fn overridden(&self, candidate: &Candidate) -> Vec<Problem> {
        let Some(before) = self.now().files.clone() else { return Vec::new() };
        let hidden = |difference: &Difference| {
            let path = candidate.files.words(&difference.path);
            let rows = candidate.given.stored.iter().filter(|row| row.layer == Layer::Database);
            rows.filter(|row| path.starts_with(&row.path)).count() > 0
        };
        let told = |difference: Difference| Problem {
            what: format!(
                "`{}` changed in a file, and what was set at run time counts instead.",
                difference.path
            ),
            fix: Some(format!(
                "Let the file count: openai-proxy config reset {0}. Keep what counts, in the file: openai-proxy config adopt {0}",
                difference.path
            )),
            path: difference.path,
            place: None,
        };
        before.differences(&candidate.files).into_iter().filter(hidden).map(told).collect()
    }
}

/// The paths of all single values, and of maps with nothing in them.
fn every_path(path: &mut Vec<String>, value: &Json, out: &mut Vec<Vec<String>>) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                path.push(key.clone());
                every_path(path, value, out);
                path.pop();
            }
        }
        _ => out.push(path.clone()),
    }
}

fn wrong(what: String, fix: &str) -> Refused {
    let fix = Some(fix.to_owned());
    Refused::Problems(Problems(vec![Problem { path: String::new(), place: None, what, fix }]))
}
