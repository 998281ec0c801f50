//! Decodes what sources send, bounds it, and appends it. It never decides what an item is.

mod recorder;
pub mod redact;

pub use recorder::{RecordError, RecordedBatch, Recorder, RecorderLimits};
