//! Which part says how much: from the parts of the configuration to the modules and libraries that log.

use config::snapshot::{AccessLog, Level, Logging, Part};
use tracing_subscriber::filter::{LevelFilter, Targets};

/// The target of lines about finished calls.
pub(super) const ACCESS: &str = "access";

/// THE TABLE: what a part's lines are called inside. First our own modules, then libraries, which are quiet unless the part
/// is named. A longer name wins over a shorter one.
fn inside(part: Part) -> (&'static [&'static str], &'static [&'static str]) {
    match part {
        Part::Listen => (&["gateway::listen"], &[]),
        Part::Intake => (&["gateway::intake", "gateway::identify"], &[]),
        Part::Routing => (
            &["gateway::route", "gateway::catalogue", "gateway::standing", "gateway::upstream::discover"],
            &[],
        ),
        Part::Upstream => (&["gateway::upstream"], &[]),
        Part::Relay => (&["gateway::relay"], &[]),
        Part::Account => (&["gateway::account", "gateway::shelf"], &[]),
        Part::Store => (&["store"], &["sqlx"]),
        Part::Control => (&["control"], &[]),
        Part::Program => (&["openai_proxy"], &[]),
        Part::Http => (&[], &["hyper", "hyper_util", "h2", "rustls", "tokio_util"]),
    }
}

/// The filter for these settings. The access log has a switch of its own and no level.
pub(super) fn filter(logging: &Logging) -> Targets {
    let levels = &logging.levels;
    let quiet = levels.default.min(Level::Warn);
    let access = match logging.access_log {
        AccessLog::Off => LevelFilter::OFF,
        AccessLog::Json | AccessLog::Combined | AccessLog::Common => LevelFilter::INFO,
    };
    let mut targets = Targets::new().with_default(of(levels.default)).with_target(ACCESS, access);
    for part in Part::ALL {
        let (ours, libraries) = inside(part);
        let written = levels.written(part);
        let own = of(written.unwrap_or(levels.default));
        let theirs = of(written.unwrap_or(quiet));
        targets = targets.with_targets(ours.iter().map(|target| (*target, own)));
        targets = targets.with_targets(libraries.iter().map(|target| (*target, theirs)));
    }
    targets
}

fn of(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use config::snapshot::Levels;
    use tracing::Level as Told;

    use super::*;

    fn with(default: Level, parts: &[(Part, Level)]) -> Targets {
        filter(&Logging { levels: Levels { default, parts: parts.to_vec() }, ..Logging::default() })
    }

    #[test]
    fn a_part_says_as_much_as_is_written_for_it_and_the_rest_as_the_default() {
        let filter = with(Level::Info, &[(Part::Upstream, Level::Trace), (Part::Store, Level::Error)]);
        for (target, level, told) in [
            ("gateway::upstream::client", Told::TRACE, true),
            ("gateway::upstream::discover", Told::DEBUG, false),
            ("gateway::relay", Told::INFO, true),
            ("gateway::relay", Told::DEBUG, false),
            ("store::db::sqlite", Told::WARN, false),
            ("sqlx::query", Told::WARN, false),
            ("h2::proto", Told::INFO, false),
            ("h2::proto", Told::WARN, true),
            ("access", Told::INFO, false),
        ] {
            assert_eq!(filter.would_enable(target, &level), told, "{target} {level}");
        }
        assert!(!with(Level::Error, &[]).would_enable("h2", &Told::WARN), "quieter than usual");
        assert!(!with(Level::Trace, &[]).would_enable("h2", &Told::INFO), "engines are not meant by default");
        assert!(with(Level::Error, &[(Part::Http, Level::Trace)]).would_enable("h2", &Told::TRACE));
    }

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.path() {
                path if path.is_dir() => sources(&path, found),
                path if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
                _ => {}
            }
        }
    }

    /// `crates/gateway/src/listen/guard.rs` is `gateway::listen::guard`.
    fn module(crates: &Path, file: &Path) -> String {
        let path = file.strip_prefix(crates).unwrap().with_extension("");
        let words = path.iter().map(|word| word.to_str().unwrap().replace('-', "_"));
        words.filter(|word| !matches!(word.as_str(), "src" | "mod" | "lib")).collect::<Vec<_>>().join("::")
    }

    #[test]
    fn every_module_that_logs_belongs_to_a_part() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut files = Vec::new();
        for name in ["store", "gateway", "control", "openai-proxy"] {
            sources(&crates.join(name).join("src"), &mut files);
        }
        let logs = |file: &PathBuf| {
            let text = std::fs::read_to_string(file).unwrap();
            let words = ["error", "warn", "info", "debug", "trace"];
            !text.contains("target: \"access\"")
                && words.iter().any(|word| text.contains(&format!("tracing::{word}!")))
        };
        let modules: Vec<String> =
            files.iter().filter(|file| logs(file)).map(|file| module(crates, file)).collect();
        assert!(modules.len() > 10, "where have they gone? {modules:?}");
        let belongs = |module: &&String| {
            Part::ALL.iter().flat_map(|part| inside(*part).0).any(|target| module.starts_with(target))
        };
        let strays: Vec<_> = modules.iter().filter(|module| !belongs(module)).collect();
        assert!(strays.is_empty(), "give them a part in this file's table: {strays:?}");
    }
}
