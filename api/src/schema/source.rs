//! Who told us, and whether they still do.

use async_graphql::SimpleObject;
use model::SourceName;

use super::scalars::DateTime;
use super::standpoint::Standpoint;

/// A sender of facts.
#[derive(SimpleObject)]
pub(crate) struct Source {
    /// Its name.
    name: String,
    /// How many events of each name it sent.
    events: Vec<EventCount>,
    /// How many events it sent in all.
    heard: u64,
    /// The first moment it spoke of.
    first_at: DateTime,
    /// The last moment it spoke of.
    last_at: DateTime,
    /// When the log first took something from it.
    first_recorded_at: DateTime,
    /// When the log last took something from it.
    recorded_at: DateTime,
    /// How long after the moment it spoke of its last word came, in milliseconds.
    lag_ms: f64,
    /// The usual interval between its words, in milliseconds, once it has spoken often enough to tell.
    usual_interval_ms: Option<f64>,
    /// The longest silence that is usual for it, in milliseconds, once it has spoken often enough to tell.
    usual_silence_ms: Option<f64>,
    /// Whether it has been silent for much longer than is usual at the moment asked about.
    silent: bool,
    /// Since when it is silent, if it is.
    silent_since: Option<DateTime>,
    /// The last moment whose statements count as never said, if it is retracted.
    retracted_until: Option<DateTime>,
    /// What was said of the changes that call it their platform, and what of it is noise.
    change_noise: ChangeNoise,
}

/// What was said of the changes of one platform, and what of it is noise. Nothing of it is dropped.
#[derive(SimpleObject)]
pub(crate) struct ChangeNoise {
    /// How many changes it has.
    changes: usize,
    /// How many statements speak of them.
    statements: usize,
    /// Statements that were folded into a change that was known already; `history` of the change shows them.
    folded: usize,
    /// Changes in which only bookkeeping differs; `changes(filter: { source, bookkeeping: true })` shows them.
    bookkeeping: usize,
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
    pub(crate) fn of(at: &Standpoint, name: &str, row: &graph::SourceRow) -> Self {
        let silent_since = row.silent_since(at.valid_at);
        let retractions = at.view.graph.retractions();
        let retracted_until = retractions.until(&SourceName::new(name));
        let events = row.events.iter();
        Self {
            name: name.to_owned(),
            events: events
                .map(|(name, count)| EventCount {
                    name: name.clone(),
                    count: *count,
                })
                .collect(),
            heard: row.heard(),
            first_at: DateTime(row.first_at),
            last_at: DateTime(row.last_at),
            first_recorded_at: DateTime(row.first_recorded_at),
            recorded_at: DateTime(row.recorded_at),
            lag_ms: row.lag_ms,
            usual_interval_ms: row.usual_interval_ms(),
            usual_silence_ms: row.usual_silence_ms(),
            silent: silent_since.is_some(),
            silent_since: silent_since.map(DateTime),
            retracted_until: retracted_until.map(DateTime),
            change_noise: at.view.graph.noise(name).into(),
        }
    }
}

impl From<graph::Noise> for ChangeNoise {
    fn from(noise: graph::Noise) -> Self {
        Self {
            changes: noise.changes,
            statements: noise.statements,
            folded: noise.statements - noise.changes,
            bookkeeping: noise.bookkeeping,
        }
    }
}
