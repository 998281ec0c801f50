//! Who told us, and whether they still do.

use async_graphql::SimpleObject;
use model::Timestamp;

use super::scalars::DateTime;

/// A sender of facts.
#[derive(SimpleObject)]
pub(crate) struct Source {
    /// Its name.
    name: String,
    /// How many events of each name it sent.
    events: Vec<EventCount>,
    /// The first moment it spoke of.
    first_at: DateTime,
    /// The last moment it spoke of.
    last_at: DateTime,
    /// When the log last took something from it.
    recorded_at: DateTime,
    /// The longest silence that is usual for it, in milliseconds, once it has spoken often enough to tell.
    usual_silence_ms: Option<f64>,
    /// Whether it has been silent for longer than is usual at the moment asked about.
    silent: bool,
}

/// How many events of one name.
#[derive(SimpleObject)]
pub(crate) struct EventCount {
    /// The stored name, such as `change.recorded`.
    name: String,
    /// How many.
    count: u64,
}

impl Source {
    /// A source as it stands at a moment.
    pub(crate) fn of(name: &str, row: &graph::SourceRow, at: Timestamp) -> Self {
        let usual_silence_ms = row.usual_silence_ms();
        let silence_ms = at.millis_since(row.last_at);
        let events = row.events.iter();
        Self {
            name: name.to_owned(),
            events: events
                .map(|(name, count)| EventCount {
                    name: name.clone(),
                    count: *count,
                })
                .collect(),
            first_at: DateTime(row.first_at),
            last_at: DateTime(row.last_at),
            recorded_at: DateTime(row.recorded_at),
            usual_silence_ms,
            silent: usual_silence_ms.is_some_and(|usual| usual < silence_ms),
        }
    }
}
