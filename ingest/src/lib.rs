//! Decodes what sources send, bounds it, and appends it. It never decides what an item is.

mod quarantine;
mod recorder;
pub mod redact;

pub use quarantine::{
    Quarantine, QuarantineConfig, QuarantineEntry, QuarantineError, QuarantinePage,
    QuarantineStats, QuarantinedBody,
};
pub use recorder::{RecordError, RecordedBatch, Recorder, RecorderLimits};
