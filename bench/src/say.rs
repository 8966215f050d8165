//! What is said to whoever runs the bench: figures to standard output, what goes on to standard error.

use std::io::{self, Write};

/// A line of figures.
pub(crate) fn figures(text: &str) {
    // Whoever does not want to read is not made to.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// A line about what goes on.
pub(crate) fn aside(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
