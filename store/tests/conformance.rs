//! One suite for every event log: whatever keeps the log, these sentences are true.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod suite;

use std::sync::Arc;

use std::time::Duration;

use store::{EventLog, FaultyDirectory, MemoryLog, SegmentConfig, SegmentLog};
use suite::{SMALL, TestClock, for_each_promise};

#[tokio::test]
async fn memory_keeps_every_promise() {
    for_each_promise(async || {
        Arc::new(MemoryLog::new(Arc::new(TestClock::default()))) as Arc<dyn EventLog>
    })
    .await;
}

const USUAL: SegmentConfig = SegmentConfig {
    segment_bytes: 4 * 1024 * 1024,
    group_bytes: 1024 * 1024,
    group_delay: Duration::ZERO,
    queue_bytes: 64 * 1024 * 1024,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn segments_keep_every_promise() {
    for config in [SMALL, USUAL] {
        let directory = tempfile::tempdir().unwrap();
        let count = std::sync::atomic::AtomicU32::new(0);
        for_each_promise(async || {
            let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let path = directory.path().join(number.to_string());
            let log = SegmentLog::open(&path, config, Arc::new(TestClock::default()));
            Arc::new(log.unwrap()) as Arc<dyn EventLog>
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn segments_on_the_twin_keep_every_promise() {
    for_each_promise(async || {
        let directory = Arc::new(FaultyDirectory::new());
        let log = SegmentLog::open_in(directory, SMALL, Arc::new(TestClock::default()));
        Arc::new(log.unwrap()) as Arc<dyn EventLog>
    })
    .await;
}
