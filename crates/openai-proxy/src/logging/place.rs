//! A place lines go to: a queue, and a thread that writes. Whoever logs never waits for it: when it cannot keep up, or is
//! blocked, lines are dropped, counted, and told when it goes on.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use super::file::{LogFile, TIDY};
use super::flood::{Gate, SPAN};
use super::form::{self, AccessForm, Form};
use super::line::{LogLine, Value};

/// Lines that may wait for one place.
const WAITING: usize = 8192;
/// Between two words about a file that cannot be written.
const QUIET: Duration = Duration::from_secs(60);

/// The way to a place. Clones lead to the same one; when the last is gone, its thread ends.
#[derive(Clone)]
pub(super) struct Place {
    /// Takes room only for what waits; one that is bounded by itself takes it for all that may wait.
    notes: Sender<Note>,
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
}

enum Note {
    Line(Arc<LogLine>),
    /// Answered when everything before it is written.
    Settle(SyncSender<()>),
    /// The file may be another one now.
    Look,
}

/// Where lines end.
pub(super) enum Sink {
    /// Standard error, past its lock: a pipe nobody reads must not hold up those who have a word to say there.
    Error(File),
    /// A file, and where to tell that it cannot be written.
    File(Box<LogFile>, Option<Place>),
}

impl Sink {
    /// Standard error.
    ///
    /// # Errors
    /// When it is closed.
    pub(super) fn standard_error() -> io::Result<Self> {
        Ok(Self::Error(File::from(io::stderr().as_fd().try_clone_to_owned()?)))
    }
}

impl Place {
    /// Starts the thread of a place.
    ///
    /// # Errors
    /// When the system gives none.
    pub(super) fn start(sink: Sink, form: Form, access: AccessForm) -> io::Result<Self> {
        let (notes, heard) = mpsc::channel();
        let (waiting, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
        let writer = Writer {
            sink,
            form,
            access,
            gate: Gate::new(Instant::now()),
            waiting: waiting.clone(),
            dropped: dropped.clone(),
            lost: 0,
            complained: None,
            text: String::new(),
        };
        thread::Builder::new().name("log".to_owned()).spawn(move || writer.run(&heard))?;
        Ok(Self { notes, waiting, dropped })
    }

    /// Hands a line over, or counts it as dropped. Never waits.
    pub(super) fn offer(&self, line: Arc<LogLine>) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        } else {
            // The writer ends with the last way to it.
            let _ = self.notes.send(Note::Line(line));
        }
    }

    /// Has a file looked for again, which somebody may have moved away.
    pub(super) fn look(&self) {
        let _ = self.notes.send(Note::Look);
    }

    /// Waits until everything offered so far is written, but no longer than until `deadline`.
    pub(super) fn settle(&self, deadline: Instant) {
        let (done, written) = mpsc::sync_channel(1);
        if self.notes.send(Note::Settle(done)).is_ok() {
            let _ = written.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        }
    }
}

struct Writer {
    sink: Sink,
    form: Form,
    access: AccessForm,
    gate: Gate,
    waiting: Arc<AtomicUsize>,
    /// Those that found the queue full.
    dropped: Arc<AtomicU64>,
    /// Those that could not be written.
    lost: u64,
    complained: Option<Instant>,
    text: String,
}

impl Writer {
    fn run(mut self, heard: &Receiver<Note>) {
        loop {
            let patience = if self.gate.holds() { SPAN } else { TIDY };
            match heard.recv_timeout(patience) {
                Ok(note) => {
                    self.look();
                    self.take(note);
                    // What is there already is written without looking again and again.
                    heard.try_iter().take(256).for_each(|note| self.take(note));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.tell();
        }
        let rest = self.gate.rest();
        self.own(rest);
    }

    fn take(&mut self, note: Note) {
        match note {
            Note::Line(line) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                let (passes, told) = self.gate.judge(&line, Instant::now());
                self.own(told);
                if passes {
                    let _ = self.write(&line);
                }
            }
            Note::Settle(done) => {
                let rest = self.gate.rest();
                self.own(rest);
                self.tell();
                // Whoever asked may have stopped waiting.
                let _ = done.try_send(());
            }
            Note::Look => self.look(),
        }
    }

    fn look(&mut self) {
        if let Sink::File(file, _) = &mut self.sink {
            file.look();
        }
    }

    /// What there is to tell about the log itself, and what its file needs now and then.
    fn tell(&mut self) {
        let told = self.gate.told(Instant::now());
        self.own(told);
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let about = "log lines were dropped: they came faster than they could be written here";
            self.own(vec![LogLine::own(about, vec![("lines", Value::Count(dropped))])]);
        }
        if let Sink::File(file, _) = &mut self.sink {
            file.look_after();
            if let Some(trouble) = file.take_trouble() {
                self.complain(&trouble);
            }
        }
    }

    /// Writes what the log has to say about itself.
    fn own(&mut self, lines: Vec<LogLine>) {
        lines.iter().for_each(|line| _ = self.write(line));
    }

    /// Writes a line, if that is possible.
    fn write(&mut self, line: &LogLine) -> bool {
        self.text.clear();
        form::write(line, self.form, self.access, &mut self.text);
        let text = self.text.as_bytes();
        let written = match &mut self.sink {
            // A terminal that was closed hears nothing, and nobody else would.
            Sink::Error(out) => {
                let _ = out.write_all(text);
                Ok(())
            }
            Sink::File(file, _) => file.write(text),
        };
        match written {
            Ok(()) => {
                if !line.is_access() {
                    self.gate.wrote(text.len());
                }
                let lost = std::mem::take(&mut self.lost);
                let about = "log lines are missing here: they could not be written";
                if lost > 0 && !self.write(&LogLine::own(about, vec![("lines", Value::Count(lost))])) {
                    // That word itself is the one more that was counted.
                    self.lost += lost - 1;
                }
                true
            }
            Err(error) => {
                self.lost += 1;
                self.complain(&format!("cannot be written and lines are dropped: {error}"));
                false
            }
        }
    }

    /// A word on standard error, at most once a minute.
    fn complain(&mut self, what: &str) {
        let Sink::File(file, Some(elsewhere)) = &self.sink else { return };
        if self.complained.is_some_and(|last| last.elapsed() < QUIET) {
            return;
        }
        self.complained = Some(Instant::now());
        let path = Value::Text(PathBuf::from(file.path()).display().to_string());
        elsewhere.offer(Arc::new(LogLine::own(&format!("the log file {what}"), vec![("file", path)])));
    }
}
