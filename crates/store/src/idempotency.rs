//! Requests that are to be done once, however often they are sent.

/// What a request is known by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OnceKey {
    /// Whose keys these are, and for what: the same key means something else there.
    pub scope: String,
    /// The key the caller has made.
    pub key: String,
    /// What the request says, told apart by a digest.
    pub digest: String,
}

/// Whether a request is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Once {
    /// It is: nobody has sent it before. Whoever is told so has to finish or forget it.
    New,
    /// It is being done.
    Running,
    /// It has been done, and this was the answer.
    Done {
        /// Its status.
        status: u16,
        /// Its body.
        body: String,
    },
    /// The key was used for another request.
    Different,
}

/// What is known of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Known {
    pub(crate) digest: String,
    /// Status and body; `None`: it is being done.
    pub(crate) answer: Option<(u16, String)>,
}

impl Known {
    /// What somebody is told who sends it again.
    pub(crate) fn told(self, digest: &str) -> Once {
        if self.digest != digest {
            return Once::Different;
        }
        self.answer.map_or(Once::Running, |(status, body)| Once::Done { status, body })
    }
}

impl OnceKey {
    /// The name of its row, short enough for an index whatever the caller has sent.
    pub(crate) fn id(&self) -> String {
        crate::text::digest(&[&self.scope, &self.key])
    }
}
