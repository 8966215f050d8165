//! The one thread on which a database is spoken to. A connection belongs to the runtime it was opened in, and those who
//! ask come from several and go; so all of it happens here.

use std::future::Future;

use tokio::runtime::{Builder, Runtime};

use crate::problem::StoreProblem;

/// The runtime of a database.
#[derive(Debug)]
pub(super) struct Engine {
    /// Taken when it ends.
    runtime: Option<Runtime>,
}

fn no_thread(error: impl std::fmt::Display) -> StoreProblem {
    StoreProblem::Away(format!("there is no thread for it: {error}"))
}

impl Engine {
    pub(super) fn start() -> Result<Self, StoreProblem> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("store").enable_all().build();
        Ok(Self { runtime: Some(runtime.map_err(no_thread)?) })
    }

    /// Does something there and waits for it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreProblem>> + Send + 'static,
    ) -> Result<T, StoreProblem> {
        let Some(runtime) = &self.runtime else { return Err(no_thread("it has ended")) };
        runtime.spawn(work).await.map_err(no_thread)?
    }

    /// The same from a thread that may block; never from inside a runtime.
    pub(super) fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, StoreProblem>>,
    ) -> Result<T, StoreProblem> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(work),
            None => Err(no_thread("it has ended")),
        }
    }

    /// The same from anywhere, by a thread made for it.
    pub(super) fn wait_apart<T: Send>(
        &self,
        work: impl Future<Output = Result<T, StoreProblem>> + Send,
    ) -> Result<T, StoreProblem> {
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| self.wait(work));
            waiting.join().unwrap_or_else(|_panic| Err(no_thread("it has ended early")))
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The last owner may be inside another runtime, where waiting is forbidden.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
