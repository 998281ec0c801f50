//! The log, its snapshots, measurements beside it, and sled's handle for what can be rebuilt. It
//! knows no business rule.

mod care;
mod content;
mod faulty;
mod keys;
mod keyvalue;
mod log;
mod memory;
mod pages;
mod rollups;
mod segments;
mod snapshots;

pub use care::{
    CareError, CareProgress, Damage, ImportConflict, ImportReport, LogStats, Rewriting,
    VerifyReport, export, import, stats, verify,
};
pub use faulty::{Fault, FaultKind, FaultyDirectory};
pub use keys::{position_key, position_of_key};
pub use keyvalue::{
    DiscardReason, Entry, KeyValue, KeyValueConfig, KeyValueError, KeyValueLayout, Marker, Opened,
};
pub use log::{
    AppendError, AppendFuture, Appended, EventLog, LogHealth, ReadError, ReadLimit, RecordPlace,
};
pub use memory::MemoryLog;
pub use pages::{PageFileError, PageFiles};
pub use rollups::{
    CALL_PARTS, KeptSince, Latency, Level, LevelStats, Measured, RollupAnswer, RollupConfig,
    RollupError, RollupPoint, RollupQuestion, RollupStats, Rollups, Series, Totals,
};
pub use segments::{
    Directory, DirectoryFile, DiskDirectory, OpenError, SegmentConfig, SegmentLog, StoredRecord,
    TornTail,
};
pub use snapshots::{
    FoundSnapshot, SkipReason, SkippedSnapshot, Snapshot, SnapshotError, SnapshotLabel,
    SnapshotRetention, Snapshots,
};
