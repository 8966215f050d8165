//! What a database remembers of the configuration: read at the start, before anything can be checked.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use config::snapshot::{Storage, VaultKey};
use config::{Given, Layer, Stored, sealed_names};
use serde::{Deserialize, Serialize};
use store::{Books, Db, Revision, StoreProblem};

use crate::secrets::Strongbox;

/// What was remembered.
pub struct Remembered {
    pub(crate) revision: u64,
    pub(crate) strongbox: Strongbox,
    pub(crate) copy: Copy,
    /// What another program left, to be taken over: nothing was ever recorded here.
    pub(crate) left: Vec<Stored>,
}

impl Remembered {
    /// Whether nothing was ever recorded: then what another program left may be taken over.
    pub fn nothing(&self) -> bool {
        self.revision == 0
    }

    /// Takes this over as the first thing that is recorded. Until then it counts as it stands.
    pub fn with(self, left: Vec<Stored>) -> Self {
        Self { left, ..self }
    }

    /// What is to be taken over.
    pub fn left(&self) -> &[Stored] {
        &self.left
    }

    /// Reads what was changed at run time, and opens the secrets it needs, into `given`. While the database is away, the copy
    /// on this computer's disk is read.
    ///
    /// # Errors
    /// When the database is away and there is no copy, or secrets are needed that only it has.
    pub async fn read(books: &Books, storage: Storage, given: &mut Given) -> Result<Self, StoreProblem> {
        // What goes with the process needs no key that stays, and no file for one, which may not be possible here.
        let lasts = books.db.outlasts_the_process();
        let strongbox = Strongbox::new(if lasts { storage.key } else { VaultKey::Nowhere });
        let copy = Copy::new(&books.db, &storage.spool);
        let left = Vec::new();
        let head = async {
            // The first key is made with the first revision, behind open doors: a disk takes longer for it than a start for all else.
            if strongbox.is_new(&books.db).await? {
                return Ok(None);
            }
            // Without the key of the audit, nobody could say whether a revision is as it was recorded.
            strongbox.prepare(&books.db).await?;
            given.pepper = Some(strongbox.pepper(&books.db).await?);
            books.db.head().await
        };
        match head.await {
            Ok(Some(head)) => {
                take(&books.db, &strongbox, &head, given).await?;
                copy.keep(head.number, &head.layer);
                Ok(Self { revision: head.number, strongbox, copy, left })
            }
            Ok(None) => Ok(Self { revision: 0, strongbox, copy, left }),
            Err(problem) if problem.is_final() => Err(problem),
            Err(problem) => {
                let Some((revision, layer)) = copy.read() else { return Err(problem) };
                if sealed_names(&layer).next().is_some() {
                    return Err(problem);
                }
                tracing::warn!(revision, "the configuration is that of the last copy: {problem}");
                given.stored = rows(&layer)?;
                Ok(Self { revision, strongbox, copy, left })
            }
        }
    }
}

/// Reads what was changed at run time into `given`, for somebody who only looks.
///
/// # Errors
/// When the database is away, or a secret that is needed cannot be opened.
pub async fn look(db: &Db, key: VaultKey, given: &mut Given) -> Result<(), StoreProblem> {
    match db.head().await? {
        Some(head) => take(db, &Strongbox::new(key), &head, given).await,
        None => Ok(()),
    }
}

/// What was stored last, on this computer's disk: a gateway starts while its database is away (F-40). Secrets are not in it.
pub(crate) struct Copy(Option<PathBuf>);

/// The copy's text.
#[derive(Serialize, Deserialize)]
struct Kept {
    revision: u64,
    layer: String,
}

impl Copy {
    /// In the folder of the spool; a database in memory needs none.
    fn new(db: &Db, spool: &Path) -> Self {
        Self(db.outlasts_the_process().then(|| spool.join("configuration.json")))
    }

    /// Keeps it, whole or not at all. That it cannot be kept is no reason to stop.
    pub(crate) fn keep(&self, revision: u64, layer: &str) {
        let Some(path) = &self.0 else { return };
        // Most starts find it as it was, and need not wait for the disk.
        if self.read().is_some_and(|(kept, said)| (kept, said.as_str()) == (revision, layer)) {
            return;
        }
        let kept = Kept { revision, layer: layer.to_owned() };
        let text = serde_json::to_vec(&kept).unwrap_or_default();
        if let Err(error) = store::keep_file(path, &text) {
            tracing::warn!("no copy of the configuration is kept for a time without the database: {error}");
        }
    }

    fn read(&self) -> Option<(u64, String)> {
        let text = std::fs::read(self.0.as_ref()?).ok()?;
        let Kept { revision, layer } = serde_json::from_slice(&text).ok()?;
        Some((revision, layer))
    }
}

/// Puts what a revision stores into `given`.
pub(crate) async fn take(
    db: &Db,
    strongbox: &Strongbox,
    revision: &Revision,
    given: &mut Given,
) -> Result<(), StoreProblem> {
    given.stored = rows(&revision.layer)?;
    strongbox.open_named(db, sealed_names(&revision.layer), &mut given.sealed).await
}

/// One row as it is kept.
#[derive(Serialize, Deserialize)]
struct Row {
    /// `imported` or `database`.
    layer: String,
    path: Vec<String>,
    value: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    alone: bool,
    place: String,
    author: Option<String>,
    time_us: Option<u64>,
}

const IMPORTED: &str = "imported";
const DATABASE: &str = "database";

/// Rows as a text.
pub(crate) fn text(rows: &[Stored]) -> String {
    let row = |row: &Stored| Row {
        layer: if row.layer == Layer::Imported { IMPORTED } else { DATABASE }.to_owned(),
        path: row.path.clone(),
        value: row.value.clone(),
        alone: row.alone,
        place: row.place.clone(),
        author: row.author.clone(),
        time_us: row.time.and_then(micros),
    };
    let rows: Vec<Row> = rows.iter().map(row).collect();
    serde_json::to_string(&rows).unwrap_or_default()
}

/// The rows of a text.
///
/// # Errors
/// When we did not write it: what it says is then not known, and that is not nothing.
pub(crate) fn rows(text: &str) -> Result<Vec<Stored>, StoreProblem> {
    /// So deep no setting lies.
    const DEEPEST: usize = 64;
    let rows: Result<Vec<Row>, _> = serde_json::from_str(text);
    let whole = rows.ok().filter(|rows| rows.iter().all(|row| row.path.len() <= DEEPEST));
    let Some(rows) = whole else {
        return Err(StoreProblem::Damaged {
            place: "the newest revision in the database".to_owned(),
            why: "what was changed at run time cannot be read in it".to_owned(),
        });
    };
    let row = |row: Row| Stored {
        layer: if row.layer == IMPORTED { Layer::Imported } else { Layer::Database },
        path: row.path,
        value: row.value,
        alone: row.alone,
        place: row.place,
        author: row.author,
        time: row.time_us.map(|time| UNIX_EPOCH + Duration::from_micros(time)),
    };
    Ok(rows.into_iter().map(row).collect())
}

fn micros(time: SystemTime) -> Option<u64> {
    u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_micros()).ok()
}
