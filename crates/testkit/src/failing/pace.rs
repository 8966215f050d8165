//! How long the vendors take over things: the waits of the description, and the same ones in a hurry.

use std::time::Duration;

/// The waits of both vendors.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two tokens.
    pub token: Duration,
    /// What the hint of S01 says; whole seconds.
    pub hint: Duration,
    /// How long S06 says nothing.
    pub silent: Duration,
    /// How long S07 has no token.
    pub late: Duration,
    /// How long S09 stops, and S11 stays open after its last event.
    pub stall: Duration,
    /// How long S15 is away.
    pub outage: Duration,
}

impl Pace {
    /// As described (S01 to S16).
    pub const DESCRIBED: Pace = Pace {
        token: Duration::from_millis(15),
        hint: Duration::from_secs(2),
        silent: Duration::from_secs(120),
        late: Duration::from_secs(20),
        stall: Duration::from_secs(30),
        outage: Duration::from_secs(60),
    };

    /// As described, but all tokens at once: for load.
    pub const AT_ONCE: Pace = Pace { token: Duration::ZERO, ..Pace::DESCRIBED };

    /// The same in a hurry, for a caller that gives up after half a second: to try vendors and judges themselves.
    pub const HURRIED: Pace = Pace {
        token: Duration::from_millis(2),
        hint: Duration::from_secs(1),
        silent: Duration::from_secs(20),
        late: Duration::from_secs(10),
        stall: Duration::from_secs(10),
        outage: Duration::from_secs(2),
    };
}
