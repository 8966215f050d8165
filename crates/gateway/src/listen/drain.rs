//! Tasks a drain waits for: every connection is one.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;

/// The running connections of one worker.
#[derive(Default)]
pub struct Tasks {
    set: JoinSet<()>,
}

impl Tasks {
    /// Starts a task. Ended ones are swept on the way.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        while self.set.try_join_next().is_some() {}
        self.set.spawn(task);
    }

    /// Waits for all tasks, at most `patience`; what still runs then is ended.
    pub async fn wait(mut self, patience: Duration) {
        let all = async { while self.set.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, all).await.is_err() {
            tracing::warn!(cut = self.set.len(), "drain time is over; connections are cut");
            self.set.shutdown().await;
        }
    }
}
