//! Who said what: the layers a configuration is made of, and the origin of every value.

use std::time::SystemTime;

use crate::problem::Place;

/// A layer, weakest first (D-8). Several files may stand in one; among them the later name is the stronger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Layer {
    /// What holds when nobody says anything.
    BuiltIn,
    /// Variables other programs and container platforms set: `PORT`, `ADMIN_API_KEY`.
    Usual,
    /// Servers that were recognised, and providers whose keys stand in the environment.
    Discovered,
    /// The file.
    File,
    /// A file of `conf.d`, or another that is included.
    Included,
    /// The file beside it for this environment.
    Environment,
    /// State another program left, taken over once.
    Imported,
    /// Changes made at run time.
    Database,
    /// `OPENAI_PROXY__A__B`.
    Variable,
    /// The command line.
    Flag,
}

impl Layer {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Usual => "usual variable",
            Self::Discovered => "discovered",
            Self::File => "file",
            Self::Included => "conf.d",
            Self::Environment => "environment file",
            Self::Imported => "imported state",
            Self::Database => "database",
            Self::Variable => "variable",
            Self::Flag => "flag",
        }
    }
}

/// Where a value comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The layer.
    pub layer: Layer,
    /// File and line, or the variable, or the flag.
    pub place: Place,
    /// Who wrote it, where the layer knows.
    pub author: Option<String>,
    /// When, where the layer knows.
    pub time: Option<SystemTime>,
}

/// What one layer says about one setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// Who says it.
    pub origin: Origin,
    /// The value on one line, secrets hidden; `None`: it takes away what weaker layers say.
    pub value: Option<String>,
    /// The setting it was said of, when that is another one: what stands in `provider_defaults` holds for every provider.
    pub through: Option<String>,
}

/// One setting and everybody who spoke about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leaf {
    /// Its dotted path: `providers.openai.base_url`.
    pub path: String,
    /// Weakest first; never empty. The last one counts.
    pub said: Vec<Said>,
}

impl Leaf {
    /// What counts.
    pub fn winner(&self) -> Option<&Said> {
        self.said.last()
    }

    /// What was said and does not count, strongest first.
    pub fn losers(&self) -> impl Iterator<Item = &Said> {
        self.said.iter().rev().skip(1)
    }
}

/// All settings with their origins, in the order they are written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sources {
    /// The settings.
    pub leaves: Vec<Leaf>,
}

impl Sources {
    /// The settings at a path and below it.
    pub fn below<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Leaf> {
        let fits = move |leaf: &&Leaf| {
            leaf.path
                .strip_prefix(path)
                .is_some_and(|rest| path.is_empty() || rest.is_empty() || rest.starts_with('.'))
        };
        self.leaves.iter().filter(fits)
    }
}
