//! Seams for the real clock and for fresh ids, which exist in `server` only.

use crate::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Makes fresh ids for what has none of its own.
pub trait IdSource: Send + Sync {
    /// An id nobody had before, of at most 64 printable ASCII characters.
    fn fresh(&self) -> String;
}
