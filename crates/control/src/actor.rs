//! Who makes a change, and by which way it comes.

use config::snapshot::Role;

/// Somebody who does something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// Their name: that of an admin key, or what did it by itself.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// By which way.
    pub via: Via,
    /// Where they are, if they are somewhere else.
    pub address: String,
}

/// By which way a change comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Via {
    /// The admin API.
    Api,
    /// The command line, over the admin API.
    Command,
    /// A file that changed.
    File,
    /// SIGHUP.
    Signal,
    /// The start of a gateway.
    Start,
    /// Another program's state, taken over.
    Import,
    /// Another gateway that shares the database.
    Database,
    /// A server of this computer that was recognised.
    Search,
}

impl Via {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Command => "command",
            Self::File => "file",
            Self::Signal => "signal",
            Self::Start => "start",
            Self::Import => "import",
            Self::Database => "database",
            Self::Search => "search",
        }
    }
}

impl Actor {
    /// The gateway itself, because of something.
    pub fn itself(via: Via) -> Self {
        Self { name: "openai-proxy".to_owned(), role: Role::Admin, via, address: String::new() }
    }
}
