//! Waiting for what nobody signals: a file that fills, a page that changes, another program that is ready.

use std::time::Duration;

use tokio::time::Instant;

/// Between two looks.
const APART: Duration = Duration::from_millis(5);

/// Looks until something holds, for so long at most; whether it does. Where there is something to wait on, wait on that instead.
pub async fn until(patience: Duration, mut holds: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !holds().await {
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(APART).await;
    }
    true
}
