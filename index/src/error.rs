//! Why the index failed.

use model::LogPosition;
use store::{KeyValueError, ReadError};
use thiserror::Error;

/// Why the index failed. The log has everything: [`crate::Index::catch_up`] mends all of it but a disk that fails.
#[derive(Debug, Error)]
pub enum IndexError {
    /// What lies on the disk failed.
    #[error("the index could not use its store")]
    Store(#[source] KeyValueError),
    /// The full text failed.
    #[error("the index could not use its full text")]
    Text(#[source] Box<tantivy::TantivyError>),
    /// The folder of the full text failed.
    #[error("the index could not use the folder of its full text")]
    Folder(#[source] std::io::Error),
    /// The log could not be read.
    #[error("the index could not read the log")]
    Log(#[source] ReadError),
    /// Events were left out.
    #[error("the index waits for position {expected} and was given {given}")]
    Gap {
        /// The next position it can take.
        expected: LogPosition,
        /// What it was given.
        given: LogPosition,
    },
    /// An entry is not what this version writes.
    #[error("the entry of position {position} cannot be read")]
    Entry {
        /// Of which event.
        position: LogPosition,
        /// What does not fit.
        source: serde_json::Error,
    },
    /// A key or the front of an entry is not what this version writes.
    #[error("an entry has no known form")]
    Form,
}
