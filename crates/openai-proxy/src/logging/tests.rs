//! Log files and the way to them: no line is lost or cut unseen, and nothing else in their folder is touched.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use config::snapshot::{Period, Rotation};
use flate2::read::GzDecoder;

use super::file::LogFile;
use super::form::{AccessForm, Form};
use super::line::{LogLine, Value};
use super::place::{Place, Sink};

fn rules() -> Rotation {
    Rotation { max_size: 1000, backup_count: 3, ..Rotation::default() }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

/// What is in a file, packed or not.
fn text(path: &Path) -> String {
    let mut text = String::new();
    let mut file = File::open(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "gz") {
        GzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        file.read_to_string(&mut text).unwrap();
    }
    text
}

fn log() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("app.log");
    (folder, log)
}

fn write(log: &Path, rules: Rotation, lines: impl IntoIterator<Item = String>) {
    let mut file = LogFile::open(log, rules).unwrap();
    lines.into_iter().for_each(|line| file.write(line.as_bytes()).unwrap());
    assert_eq!(file.take_trouble(), None);
}

fn set_age(path: &Path, age: Duration) {
    File::options().append(true).open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

#[test]
fn of_a_flood_from_several_threads_no_line_is_lost_or_cut() {
    const THREADS: usize = 4;
    const LINES: usize = 5_000;
    let (folder, log) = log();
    let rules = Rotation { max_size: 64 << 10, backup_count: 100, ..Rotation::default() };
    let file = Mutex::new(LogFile::open(&log, rules).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let file = &file;
            scope.spawn(move || {
                for number in 0..LINES {
                    let filling = "x".repeat((number * 31 + thread) % 97);
                    let line = format!("{thread} {number} {filling} end\n");
                    file.lock().unwrap().write(line.as_bytes()).unwrap();
                }
            });
        }
    });
    // What was put aside is packed when this is over.
    drop(file);
    let mut seen: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let files = names(folder.path());
    let mut newest_last = files.clone();
    newest_last.sort_by_key(|name| {
        std::cmp::Reverse(name.split('.').nth(2).map_or(0, |number| number.parse::<usize>().unwrap()))
    });
    for name in &newest_last {
        let text = text(&folder.path().join(name));
        assert!(text.len() <= 64 << 10 && text.ends_with(" end\n"), "{name}: {}", text.len());
        for line in text.lines() {
            assert!(line.ends_with(" end"), "{line}");
            let mut words = line.split(' ').map(|word| word.parse::<usize>());
            let (thread, number) = (words.next().unwrap().unwrap(), words.next().unwrap().unwrap());
            seen.entry(thread).or_default().push(number);
        }
    }
    assert!(files.len() > 10, "{files:?}");
    assert!(files.iter().all(|name| name == "app.log" || name.ends_with(".gz")), "{files:?}");
    assert_eq!(seen.len(), THREADS);
    assert!(seen.values().all(|numbers| numbers.iter().copied().eq(0..LINES)), "each once, in order");
}

#[test]
fn only_so_many_are_kept_and_nothing_else_is_touched() {
    let (folder, log) = log();
    let others =
        ["app.log.2024", "app.log.20261128", "app.log.01", "app.log.old", "app.log.7.txt", "app.logs.1"];
    others.iter().for_each(|name| fs::write(folder.path().join(name), "mine").unwrap());
    fs::write(folder.path().join("app.log.9"), "of a time when more were kept").unwrap();
    write(&log, rules(), (0..100).map(|number| format!("{number:099}\n")));
    let ours = ["app.log", "app.log.1.gz", "app.log.2.gz", "app.log.3.gz"];
    let mut all: Vec<&str> = ours.into_iter().chain(others).collect();
    all.sort_unstable();
    assert_eq!(names(folder.path()), all);
    assert_eq!(text(&folder.path().join("app.log.1.gz")).lines().last().unwrap(), format!("{:099}", 89));
    assert_eq!(text(&folder.path().join("app.log.3.gz")).lines().next().unwrap(), format!("{:099}", 60));
}

#[test]
fn with_none_to_keep_only_the_current_file_is_there() {
    let (folder, log) = log();
    let rules = Rotation { backup_count: 0, ..rules() };
    write(&log, rules, (0..25).map(|number| format!("{number:099}\n")));
    assert_eq!(names(folder.path()), ["app.log"]);
    assert_eq!(text(&log).lines().next().unwrap(), format!("{:099}", 20));
}

#[test]
fn unpacked_files_stay_as_they_are_where_packing_is_off() {
    let (folder, log) = log();
    let rules = Rotation { compress: false, ..rules() };
    write(&log, rules, (0..25).map(|number| format!("{number:099}\n")));
    assert_eq!(names(folder.path()), ["app.log", "app.log.1", "app.log.2"]);
}

#[test]
fn files_older_than_they_may_be_go_and_younger_ones_stay() {
    let (folder, log) = log();
    let day = Duration::from_secs(86_400);
    for (name, age) in [("app.log.1.gz", 29), ("app.log.2", 29), ("app.log.3.gz", 31)] {
        fs::write(folder.path().join(name), "old\n").unwrap();
        set_age(&folder.path().join(name), day * age);
    }
    write(&log, Rotation { max_age: Some(day * 30), ..rules() }, []);
    assert_eq!(names(folder.path()), ["app.log", "app.log.1.gz", "app.log.2.gz"]);
    // Packing does not make it young.
    write(&log, Rotation { max_age: Some(day * 28), ..rules() }, []);
    assert_eq!(names(folder.path()), ["app.log"]);
}

#[test]
fn after_a_restart_the_file_goes_on_and_its_size_counts() {
    let (folder, log) = log();
    write(&log, rules(), (0..6).map(|number| format!("{number:099}\n")));
    write(&log, rules(), (6..12).map(|number| format!("{number:099}\n")));
    assert_eq!(names(folder.path()), ["app.log", "app.log.1.gz"]);
    assert_eq!(text(&folder.path().join("app.log.1.gz")).lines().count(), 10);
    assert_eq!(text(&log).lines().count(), 2);
}

#[test]
fn a_new_day_and_a_new_hour_begin_a_new_file() {
    let hour = Duration::from_secs(3600);
    for (every, age, put_aside) in [
        (Period::Daily, hour * 25, true),
        (Period::Hourly, hour * 2, true),
        (Period::Never, hour * 1000, false),
        (Period::Daily, Duration::ZERO, false),
    ] {
        let (folder, log) = log();
        fs::write(&log, "yesterday\n").unwrap();
        set_age(&log, age);
        write(&log, Rotation { every, ..rules() }, ["today\n".to_owned()]);
        let aside = names(folder.path()).contains(&"app.log.1.gz".to_owned());
        assert_eq!(aside, put_aside, "{every:?} after {age:?}");
        assert!(text(&log).ends_with("today\n"));
    }
}

#[test]
fn a_file_that_was_moved_away_is_begun_anew_and_a_cut_one_is_measured_again() {
    let (folder, log) = log();
    let mut file = LogFile::open(&log, rules()).unwrap();
    file.write(b"one\n").unwrap();
    fs::rename(&log, folder.path().join("moved")).unwrap();
    file.look();
    file.write(b"two\n").unwrap();
    assert_eq!((text(&folder.path().join("moved")), text(&log)), ("one\n".into(), "two\n".into()));
    fs::remove_file(&log).unwrap();
    file.look();
    file.write(format!("{}\n", "x".repeat(900)).as_bytes()).unwrap();
    File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
    file.look();
    file.write(format!("{}\n", "y".repeat(900)).as_bytes()).unwrap();
    drop(file);
    assert_eq!(names(folder.path()), ["app.log", "moved"], "it was not large");
}

#[test]
fn what_a_kill_left_half_packed_is_packed_from_the_whole_file() {
    let (folder, log) = log();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("app.log.1"), "whole\n").unwrap();
    fs::write(at("app.log.1.gz"), "half").unwrap();
    fs::write(at("app.log.1.gz.new"), "less than half").unwrap();
    write(&log, rules(), []);
    assert_eq!(names(folder.path()), ["app.log", "app.log.1.gz"]);
    assert_eq!(text(&at("app.log.1.gz")), "whole\n");
}

#[test]
fn a_file_somebody_else_is_packing_is_left_to_them() {
    let (folder, log) = log();
    let aside = folder.path().join("app.log.1");
    fs::write(&aside, "whole\n").unwrap();
    let other = File::open(&aside).unwrap();
    other.lock().unwrap();
    write(&log, rules(), []);
    assert_eq!(names(folder.path()), ["app.log", "app.log.1"]);
    drop(other);
    write(&log, rules(), []);
    assert_eq!(names(folder.path()), ["app.log", "app.log.1.gz"]);
}

#[test]
fn a_file_that_cannot_be_put_aside_is_written_on_and_told() {
    let (folder, log) = log();
    // Somebody's folder stands where the file would go.
    fs::create_dir_all(folder.path().join("app.log.1/mine")).unwrap();
    let rules = Rotation { backup_count: 1, compress: false, ..rules() };
    let mut file = LogFile::open(&log, rules).unwrap();
    (0..25).for_each(|number| file.write(format!("{number:099}\n").as_bytes()).unwrap());
    assert_eq!(text(&log).lines().count(), 25);
    assert!(file.take_trouble().unwrap().contains("cannot be put aside"));
    assert!(folder.path().join("app.log.1/mine").is_dir());
}

#[test]
fn folders_and_files_are_nobody_elses_and_what_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("a/b/app.log"), rules(), (0..12).map(|number| format!("{number:099}\n")));
    for (name, mode) in [("a", 0o700), ("a/b", 0o700), ("a/b/app.log", 0o600), ("a/b/app.log.1.gz", 0o600)] {
        assert_eq!(fs::metadata(at(name)).unwrap().permissions().mode() & 0o777, mode, "{name}");
    }
    symlink(at("elsewhere"), at("link")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    for name in ["link", "folder", "pipe", "a/b/app.log/below"] {
        assert!(LogFile::open(&at(name), rules()).is_err(), "{name}");
    }
    assert!(!at("elsewhere").exists(), "the link was followed");
    let _reader = File::options().read(true).write(true).open(at("pipe")).unwrap();
    assert!(LogFile::open(&at("pipe"), rules()).is_err(), "a pipe somebody reads");
}

#[test]
fn of_lines_a_blocked_place_does_not_take_each_is_written_later_or_counted() {
    const LINES: usize = 30_000;
    let (mut read, write) = std::io::pipe().unwrap();
    let sink = Sink::Error(File::from(std::os::fd::OwnedFd::from(write)));
    let place = Place::start(sink, Form::Json, AccessForm::Json).unwrap();
    // Nobody reads, and nothing waits.
    for number in 0..LINES as u64 {
        // Lines about calls are neither collapsed nor sampled.
        let line =
            LogLine { target: "access", ..LogLine::own("call", vec![("number", Value::Count(number))]) };
        place.offer(line.into());
    }
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        read.read_to_string(&mut text).map(|_| text).unwrap()
    });
    place.settle(std::time::Instant::now() + Duration::from_secs(10));
    drop(place);
    let text = reader.join().unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let (calls, told): (Vec<_>, Vec<_>) = lines.partition(|line| line["target"] == "access");
    let dropped: u64 = told.iter().map(|line| line["lines"].as_u64().unwrap()).sum();
    assert!(dropped > 10_000 && !calls.is_empty(), "{dropped} dropped, {} written", calls.len());
    assert_eq!(calls.len() as u64 + dropped, LINES as u64);
}
