//! Input that parsed but was not understood.

use async_graphql::connection::{Connection, EmptyFields, OpaqueCursor};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use model::ContentHash;

use super::Shared;
use super::paging::{PageArguments, page_cost};
use super::scalars::{DateTime, LogPosition};
use crate::error::ErrorCode;
use crate::{QuarantineEntry, QuarantineError, Reprocessed, Suppression};

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
pub(crate) struct QuarantineTotals {
    pub(crate) total_count: usize,
}

/// Additional fields of the quarantine's list.
#[Object]
impl QuarantineTotals {
    /// How many inputs lie there altogether.
    async fn total_count(&self) -> usize {
        self.total_count
    }

    /// What was understood and not written because it says nothing, by source, form and reason: pings, calls that only read,
    /// objects of which nothing changed that is kept. It is not in the quarantine; it is counted, and the newest of it can be looked at.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    async fn suppressed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only what this source sent.")] source: Option<String>,
        #[graphql(desc = "The size of the page; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "Begin after the entry with this cursor.")] after: Option<String>,
    ) -> Result<SuppressedConnection> {
        let shared = ctx.data::<Shared>()?;
        let arguments = PageArguments {
            first,
            after,
            ..PageArguments::default()
        };
        let page = arguments.check::<SuppressedPlace>(shared.limits.page_max)?;
        let all = shared.ports.quarantine.suppressed();
        let is_wanted = |row: &Suppression| {
            let wanted = source.as_deref();
            wanted.is_none_or(|wanted| wanted == row.source.as_str())
        };
        let rows: Vec<Suppression> = all.rows.into_iter().filter(is_wanted).collect();
        let totals = SuppressedTotals {
            total_count: rows.len(),
            since: DateTime(all.since),
            forgotten: all.forgotten,
        };
        let place = |row: &Suppression| {
            let source = row.source.as_str().to_owned();
            (source, row.intake.clone(), row.reason.clone())
        };
        let page = page.select(rows.into_iter().map(|row| (place(&row), row)));
        Ok(page.connection(totals, SuppressedInput::from))
    }
}

/// Where a row of what says nothing stands: by source, form and reason.
type SuppressedPlace = (String, String, String);

/// A page of what says nothing, by source, form and reason.
pub(crate) type SuppressedConnection =
    Connection<OpaqueCursor<SuppressedPlace>, SuppressedInput, SuppressedTotals, EmptyFields>;

/// Additional fields of the list of what says nothing.
#[derive(SimpleObject)]
pub(crate) struct SuppressedTotals {
    /// How many rows there are altogether.
    total_count: usize,
    /// Since when they count: the start of the server. What says nothing is kept in memory only.
    since: DateTime,
    /// How many rows had to go for newer ones.
    forgotten: u64,
}

/// What one source sent of one kind that was understood and not written because it says nothing.
#[derive(SimpleObject)]
pub(crate) struct SuppressedInput {
    /// Who sent it.
    source: String,
    /// Which form it has, as the intake that took it calls it.
    format: String,
    /// Why it says nothing.
    reason: String,
    /// How often it came.
    count: u64,
    /// When it came first.
    first_at: DateTime,
    /// When it came last.
    last_at: DateTime,
    /// Up to three of the newest, no two of one second.
    samples: Vec<SuppressedSample>,
}

/// One input that says nothing.
#[derive(SimpleObject)]
pub(crate) struct SuppressedSample {
    /// When it came.
    at: DateTime,
    /// How many bytes it had.
    bytes: usize,
    /// Its beginning as text, up to 4 KiB, secrets removed.
    excerpt: String,
}

impl From<Suppression> for SuppressedInput {
    fn from(row: Suppression) -> Self {
        let samples = row.samples.into_iter();
        Self {
            source: row.source.as_str().to_owned(),
            format: row.intake,
            reason: row.reason,
            count: row.count,
            first_at: DateTime(row.first_at),
            last_at: DateTime(row.last_at),
            samples: samples
                .map(|sample| SuppressedSample {
                    at: DateTime(sample.at),
                    bytes: sample.bytes,
                    excerpt: sample.text.as_ref().to_owned(),
                })
                .collect(),
        }
    }
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
