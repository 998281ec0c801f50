//! Input that parsed but was not understood.

use async_graphql::connection::{Connection, EmptyFields, OpaqueCursor};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use model::ContentHash;

use super::Shared;
use super::scalars::{DateTime, LogPosition};
use crate::error::ErrorCode;
use crate::{QuarantineEntry, QuarantineError, Reprocessed};

/// One input that was not understood.
pub(crate) struct QuarantinedInput(QuarantineEntry);

/// Most bytes of a kept input that are shown.
const SHOWN_BYTES: usize = 16 * 1024;

/// One input that was not understood; its bytes are kept for a while, secrets removed.
#[Object]
impl QuarantinedInput {
    /// The hash of its bytes, which names it.
    async fn hash(&self) -> ID {
        ID(self.0.hash.to_string())
    }

    /// Who sent it.
    async fn source(&self) -> &str {
        self.0.source.as_str()
    }

    /// Which form it has, as the intake that took it calls it.
    async fn format(&self) -> &str {
        &self.0.intake
    }

    /// What was not understood.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// When it came first.
    async fn received_at(&self) -> DateTime {
        DateTime(self.0.received_at)
    }

    /// How many bytes are kept of it.
    async fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// How often it came again since.
    async fn repeats(&self) -> u64 {
        self.0.repeats
    }

    /// Its beginning as text, up to 16 KiB; null when it is gone by now.
    #[graphql(complexity = "20")]
    async fn excerpt(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let quarantine = &ctx.data::<Shared>()?.ports.quarantine;
        let body = quarantine.body(self.0.hash).await;
        let body = body.map_err(|error| quarantine_error(&error))?;
        let shown = |body: Vec<u8>| {
            let shown = body.get(..SHOWN_BYTES).unwrap_or(&body);
            String::from_utf8_lossy(shown).into_owned()
        };
        Ok(body.map(shown))
    }
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
    /// Whether it was understood: its events are in the log, and it has left the quarantine.
    understood: bool,
    /// How many events it holds.
    events: usize,
    /// The last of their positions.
    position: Option<LogPosition>,
    /// Why it was not understood, if it was not.
    reason: Option<String>,
}

impl From<Reprocessed> for ReprocessedInput {
    fn from(reprocessed: Reprocessed) -> Self {
        match reprocessed {
            Reprocessed::Understood { events, position } => Self {
                understood: true,
                events,
                position: position.map(LogPosition),
                reason: None,
            },
            Reprocessed::Refused { reason } => Self {
                understood: false,
                events: 0,
                position: None,
                reason: Some(reason),
            },
        }
    }
}

impl From<QuarantineEntry> for QuarantinedInput {
    fn from(entry: QuarantineEntry) -> Self {
        Self(entry)
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
