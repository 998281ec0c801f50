//! Care for a log's directory: verify it, count it, write it out, read it in.
//!
//! These read beside a process that has the log open, up to what is durable; only
//! [`import`] writes, and that through [`crate::EventLog::append`].

mod export;
mod files;
mod import;
mod stats;
mod survey;
mod verify;

use std::io;

use thiserror::Error;

use crate::{OpenError, ReadError};

pub use export::{Rewriting, export};
pub use import::{ImportConflict, ImportReport, import};
pub use stats::{LogStats, stats};
pub use survey::Damage;
pub use verify::{VerifyReport, verify};

/// How far a task has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CareProgress {
    /// Segments done.
    pub segments_done: u64,
    /// All segments; 0 when there is no telling.
    pub segments: u64,
    /// Records seen.
    pub records: u64,
}

/// Why a task could not be done.
#[derive(Debug, Error)]
pub enum CareError {
    /// The files of the log cannot be read.
    #[error("could not read the log")]
    Open(#[from] OpenError),
    /// The log is damaged; [`verify`] lists all of it.
    #[error("the log is damaged: {0}")]
    Damaged(Damage),
    /// An event cannot be read.
    #[error("could not read an event")]
    Read(#[from] ReadError),
    /// The output cannot be written.
    #[error("could not write the output")]
    Output(#[source] io::Error),
    /// The input cannot be read.
    #[error("could not read the input at line {line}")]
    Input {
        /// Which line, from 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// A line of the input is no exported event.
    #[error("line {line} is no exported event: {reason}")]
    Line {
        /// Which line, from 1.
        line: u64,
        /// Why.
        reason: String,
    },
    /// The log refused what was read.
    #[error("the log refused the events up to line {line}")]
    Append {
        /// The last line of the batch.
        line: u64,
        /// Why.
        source: crate::AppendError,
    },
}
