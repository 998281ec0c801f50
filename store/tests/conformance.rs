//! One suite for every event log: whatever keeps the log, these sentences are true.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod suite;

use std::sync::Arc;

use store::{EventLog, MemoryLog};
use suite::{TestClock, for_each_promise};

#[tokio::test]
async fn memory_keeps_every_promise() {
    for_each_promise(async || {
        Arc::new(MemoryLog::new(Arc::new(TestClock::default()))) as Arc<dyn EventLog>
    })
    .await;
}
