//! Following what others change: files, and the database that several gateways share.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use config::Watched;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::Control;
use crate::actor::{Actor, Via};
use crate::change::{Change, Proposal};
use crate::refused::Refused;

/// Who writes a file in several steps is done by then.
const SETTLED: Duration = Duration::from_millis(200);
/// How often secrets of revisions that are gone are taken away.
const DAY: Duration = Duration::from_hours(24);
/// How often what was learnt of providers is kept, if something was.
const KEEP: Duration = Duration::from_secs(5);
/// How often we look by ourselves: where files lie on another computer, nobody tells us of them.
const LOOK: Duration = Duration::from_secs(2);

/// Records what a gateway starts with, and follows changes until it is dropped.
pub async fn follow(control: Control) -> Infallible {
    // Seen before they are read: whatever changes from now on is noticed.
    let mut files = Files::new(&control);
    if let Err(refused) = control.apply(&Actor::itself(Via::Start), Change::from(Proposal::Reread)).await {
        tracing::warn!("what counts at the start is no revision: {refused}");
    }
    let mut asked = Instant::now();
    let mut tidied = Instant::now();
    let mut kept = Instant::now();
    let mut told = 0;
    loop {
        files.something_happened().await;
        if files.changed(&control) {
            reread(&control).await;
            files.watch(&control);
        }
        if asked.elapsed() >= LOOK {
            others(&control, &mut told).await;
            asked = Instant::now();
        }
        if kept.elapsed() >= KEEP {
            if let Err(problem) = control.keep_learnt().await {
                tracing::debug!("what was learnt of providers is not kept: {problem}");
            }
            kept = Instant::now();
        }
        if tidied.elapsed() >= DAY {
            if let Err(refused) = control.forget_secrets().await {
                tracing::warn!("secrets nobody needs any more are kept: {refused}");
            }
            tidied = Instant::now();
        }
    }
}

async fn reread(control: &Control) {
    match control.apply(&Actor::itself(Via::File), Change::from(Proposal::Reread)).await {
        Ok(applied) => {
            applied.notes.iter().for_each(|note| tracing::warn!("{note}"));
            tracing::info!(revision = applied.revision, "a file changed: configuration read anew");
        }
        Err(refused) => tracing::error!("a file changed, is refused, and nothing changed:\n{refused}"),
    }
}

/// Takes in what another gateway recorded.
async fn others(control: &Control, told: &mut u64) {
    if !control.books().db.outlasts_the_process() {
        return;
    }
    let before = control.revision();
    match control.take_in().await {
        Ok(revision) if revision != before => {
            tracing::info!(revision, "another gateway changed the configuration: taken over");
        }
        Ok(_) => {}
        Err(Refused::Store(problem)) => tracing::debug!("changes of other gateways are not known: {problem}"),
        Err(refused) => {
            // Said once for each: it is tried again until it fits.
            let head = control.books().db.head_number().await.unwrap_or_default();
            if *told < head {
                *told = head;
                tracing::error!(
                    revision = head,
                    "another gateway of this database changed the configuration; it does not fit this one, which goes on with revision {before}:\n{refused}"
                );
            }
        }
    }
    if let Err(problem) = control.hear().await {
        tracing::debug!("what is said of providers at other gateways is not known: {problem}");
    }
}

/// What can be seen of a file without reading it: when it was changed, its size, and which one it is. A link is looked
/// through, so that one that points elsewhere is another file.
type Seen = BTreeMap<PathBuf, Option<(SystemTime, u64, u64)>>;

/// The files, as they were seen last.
struct Files {
    watcher: Option<RecommendedWatcher>,
    events: mpsc::Receiver<()>,
    watched: Watched,
    seen: Seen,
}

impl Files {
    fn new(control: &Control) -> Self {
        let (told, events) = mpsc::channel(1);
        let tell = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                // One that waits says enough.
                let _ = told.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(tell)
            .inspect_err(|error| tracing::info!(%error, "files are looked at every two seconds instead of being watched"))
            .ok();
        let mut files = Self { watcher, events, watched: Watched::default(), seen: Seen::new() };
        files.watch(control);
        files
    }

    /// Watches what has to be watched now.
    fn watch(&mut self, control: &Control) {
        let watched = config::watched(&control.given());
        if let Some(watcher) = &mut self.watcher {
            let (old, new) = (folders(&self.watched), folders(&watched));
            for folder in old.difference(&new) {
                let _ = watcher.unwatch(or_here(folder));
            }
            for folder in new.difference(&old) {
                // One that is not there yet is looked at now and then.
                let _ = watcher.watch(or_here(folder), RecursiveMode::NonRecursive);
            }
        }
        // What was seen before the last reading stays as it was then: it may have changed since.
        let now = seen(&watched);
        self.seen = now
            .into_iter()
            .map(|(path, now)| {
                let then = self.seen.get(&path).copied();
                (path, then.unwrap_or(now))
            })
            .collect();
        self.watched = watched;
    }

    /// Waits until a file may have changed, and whoever writes it is done.
    async fn something_happened(&mut self) {
        let told = tokio::select! {
            told = self.events.recv() => told.is_some(),
            () = sleep(LOOK) => false,
        };
        if !told {
            return;
        }
        let latest = Instant::now() + LOOK;
        while Instant::now() < latest {
            tokio::select! {
                _ = self.events.recv() => {}
                () = sleep(SETTLED) => return,
            }
        }
    }

    /// Whether a file is another one than when it was seen last.
    fn changed(&mut self, control: &Control) -> bool {
        if !control.gateway().world().watch {
            return false;
        }
        let now = seen(&self.watched);
        let changed = now != self.seen;
        self.seen = now;
        changed
    }
}

/// The folders in which something may happen: a file that is put in the place of another is seen there.
fn folders(watched: &Watched) -> BTreeSet<PathBuf> {
    let parents = watched.files.iter().filter_map(|file| file.parent()).map(PathBuf::from);
    parents.chain(watched.folders.iter().cloned()).collect()
}

/// The folder of a name alone.
fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

fn seen(watched: &Watched) -> Seen {
    let look = |path: &PathBuf| {
        let data = std::fs::metadata(or_here(path)).ok()?;
        // A folder's time tells when something came into it or went.
        Some((data.modified().ok()?, if data.is_dir() { 0 } else { data.len() }, data.ino()))
    };
    watched.files.iter().chain(&watched.folders).map(|path| (path.clone(), look(path))).collect()
}
