//! Where a reader stands, and what may follow a delimiter on its line.
//!
//! Only blanks and a line break may, or two dashes first. A longer word is data to some readers and a delimiter to
//! others, so it is neither here.

use super::MultipartProblem;

/// Where in the body the next byte is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum At {
    Preamble,
    /// Directly behind a delimiter.
    Delimiter,
    /// Behind a delimiter and white space.
    Padding,
    /// Behind a delimiter and a carriage return.
    Return,
    /// Behind a delimiter and one dash.
    Dash,
    Head,
    Value,
    /// On the line of the closing delimiter.
    Closing,
    Epilogue,
}

impl At {
    /// Where a byte on a delimiter's own line leads to.
    pub(super) fn after(self, byte: u8) -> Result<Self, MultipartProblem> {
        match (self, byte) {
            (Self::Delimiter, b'-') => Ok(Self::Dash),
            (Self::Dash, b'-') => Ok(Self::Closing),
            (Self::Delimiter | Self::Padding, b' ' | b'\t') => Ok(Self::Padding),
            (Self::Delimiter | Self::Padding, b'\r') => Ok(Self::Return),
            (Self::Return, b'\n') => Ok(Self::Head),
            (Self::Closing, b' ' | b'\t' | b'\r') => Ok(Self::Closing),
            (Self::Closing, b'\n') => Ok(Self::Epilogue),
            _ => Err(MultipartProblem::Delimiter),
        }
    }
}
