//! The log, its snapshots, and sled's handle for what can be rebuilt. It knows no business rule.

mod content;
mod log;
mod memory;
mod snapshots;

pub use log::{AppendError, AppendFuture, Appended, EventLog, LogHealth, ReadError, ReadLimit};
pub use memory::MemoryLog;
pub use snapshots::{
    FoundSnapshot, SkipReason, SkippedSnapshot, Snapshot, SnapshotError, SnapshotLabel,
    SnapshotRetention, Snapshots,
};
