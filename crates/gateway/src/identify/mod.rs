//! Second stage: who asks.
//!
//! Plain so far: on loopback without keys everyone is the same open caller (`auth.mode: auto`), and a configuration that
//! asks for keys is refused at start. Keys from configuration and store join here.

use crate::intake::Call;

/// Who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Caller {
    /// The name used in records and limits.
    pub(crate) name: &'static str,
}

/// Identifies the caller of a call.
pub(crate) fn caller(_call: &Call) -> Caller {
    Caller { name: "open" }
}
