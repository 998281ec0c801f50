//! Input that parsed but was not understood.

use async_graphql::connection::{Connection, EmptyFields, OpaqueCursor};
use async_graphql::{ID, Result, SimpleObject};
use model::ContentHash;

use super::scalars::{DateTime, LogPosition};
use crate::error::ErrorCode;
use crate::{QuarantineEntry, QuarantineError};

/// One input that was not understood; its bytes are kept for a while, secrets removed.
#[derive(SimpleObject)]
pub(crate) struct QuarantinedInput {
    /// The hash of its bytes, which names it.
    hash: ID,
    /// Who sent it.
    source: String,
    /// Which intake took it.
    intake: String,
    /// What was not understood.
    reason: String,
    /// When it came.
    received_at: DateTime,
    /// How many bytes it has.
    bytes: usize,
    /// Its beginning as text.
    excerpt: String,
}

/// Additional fields of the quarantine's list.
#[derive(SimpleObject)]
pub(crate) struct QuarantineTotals {
    /// How many inputs lie there altogether.
    pub(crate) total_count: usize,
}

/// A page of the quarantine, the newest first.
pub(crate) type QuarantineConnection =
    Connection<OpaqueCursor<ContentHash>, QuarantinedInput, QuarantineTotals, EmptyFields>;

/// What became of an input that was decoded again.
#[derive(SimpleObject)]
pub(crate) struct ReprocessedInput {
    /// How many of its events are now in the log.
    pub(crate) accepted: usize,
    /// How many of these had been there before.
    pub(crate) duplicates: usize,
    /// Why the rest was still not understood; empty when all was, and the input has left the quarantine.
    pub(crate) reasons: Vec<String>,
    /// The last position written.
    pub(crate) position: Option<LogPosition>,
}

impl From<QuarantineEntry> for QuarantinedInput {
    fn from(entry: QuarantineEntry) -> Self {
        Self {
            hash: ID(entry.hash.to_string()),
            source: entry.source.as_str().to_owned(),
            intake: entry.intake,
            reason: entry.reason,
            received_at: DateTime(entry.received_at),
            bytes: entry.bytes,
            excerpt: entry.excerpt,
        }
    }
}

/// The hash that an id names.
pub(crate) fn read_hash(id: &ID) -> Result<ContentHash> {
    id.parse()
        .map_err(|_| ErrorCode::BadInput.error("a hash begins with sha_"))
}

/// What a client is told when the quarantine did not answer.
pub(crate) fn quarantine_error(error: &QuarantineError) -> async_graphql::Error {
    tracing::error!(error = %error.0, "the quarantine did not answer: {}", error.0);
    ErrorCode::Internal.error("internal error")
}
