//! Movement on a terminal while something takes time: one line, drawn again and again, and taken away in the end.

use std::io::Write;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use console::Term;

/// Between two pictures.
const PACE: Duration = Duration::from_millis(100);
const PICTURES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/// Back to the beginning of the line, and nothing on it (ECMA-48, 8.3.41).
const AWAY: &str = "\r\x1b[2K";

/// Moves until it is dropped.
pub(crate) struct Working(Option<(Sender<()>, JoinHandle<()>)>);

impl Working {
    /// Nothing moves.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Something moves on standard error, before what is being done.
    pub(crate) fn begin(what: &str) -> Self {
        let (end, ended) = mpsc::channel();
        let width = usize::from(Term::stderr().size().1);
        let what = what.to_owned();
        let moving = move || draw(&mut std::io::stderr(), &what, width, &ended);
        let drawn = thread::Builder::new().name("working".to_owned()).spawn(moving);
        // Without a thread for it nothing moves, and the work is done all the same.
        Self(drawn.ok().map(|thread| (end, thread)))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.0.take() {
            drop(end);
            // What is said next stands on a line of its own.
            let _ = thread.join();
        }
    }
}

/// Draws until nobody is left who could end it.
fn draw(out: &mut impl Write, what: &str, width: usize, ended: &Receiver<()>) {
    // A line that is longer than the terminal would not be taken away whole.
    let what: String = what.chars().take(width.saturating_sub(3)).collect();
    for picture in PICTURES.iter().cycle() {
        let drawn = write!(out, "{AWAY}{picture} {what}").and_then(|()| out.flush());
        if drawn.is_err() || ended.recv_timeout(PACE) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
    let _ = write!(out, "{AWAY}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_fits_the_terminal_and_nothing_is_left_of_it() {
        let (end, ended) = mpsc::channel();
        drop(end);
        let mut out = Vec::new();
        draw(&mut out, "asking a provider with a long name", 12, &ended);
        assert_eq!(String::from_utf8_lossy(&out), "\r\x1b[2K⠋ asking a \r\x1b[2K");
    }
}
