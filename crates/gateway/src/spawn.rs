//! Tasks nobody waits for: upstream connections and background look-ups, which may end with their runtime.

use std::future::Future;

use tokio::task::JoinHandle;

/// Starts a task a drain does not wait for.
#[expect(clippy::disallowed_methods, reason = "this is the one place for tasks that no drain waits for")]
pub(crate) fn detached<F>(task: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    tokio::spawn(task)
}
