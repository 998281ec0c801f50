//! Who told us what, and when last: the ground of every statement about coverage.

use std::collections::BTreeMap;

use model::{Event, EventEnvelope, Timestamp, ValidInterval};
use serde::{Deserialize, Serialize};

/// Hours of a day in whose buckets the rhythm of a source is counted.
const RHYTHM_MAX: usize = 64;

/// What is known of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceRow {
    /// Events by stored name.
    pub events: BTreeMap<String, u64>,
    /// The first moment it spoke of.
    pub first_at: Timestamp,
    /// The last moment it spoke of.
    pub last_at: Timestamp,
    /// When the log last took something from it.
    pub recorded_at: Timestamp,
    /// The last moment of which it said everything it knew.
    pub listed_at: Option<Timestamp>,
    /// The last gaps between its words, in milliseconds, oldest first.
    pub gaps_ms: Vec<f64>,
}

/// Observations known to be missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GapRow {
    /// Of which time.
    pub window: ValidInterval,
    /// Whose observations.
    pub source: String,
    /// Why.
    pub reason: String,
}

impl SourceRow {
    fn new(envelope: &EventEnvelope) -> Self {
        Self {
            events: BTreeMap::new(),
            first_at: envelope.occurred_at,
            last_at: envelope.occurred_at,
            recorded_at: envelope.recorded_at,
            listed_at: None,
            gaps_ms: Vec::new(),
        }
    }

    fn hear(&mut self, envelope: &EventEnvelope) {
        let gap_ms = envelope.recorded_at.millis_since(self.recorded_at);
        if 1_000.0 <= gap_ms {
            if self.gaps_ms.len() == RHYTHM_MAX {
                self.gaps_ms.remove(0);
            }
            self.gaps_ms.push(gap_ms);
        }
        *self
            .events
            .entry(envelope.event.tag().0.to_owned())
            .or_default() += 1;
        if let Event::SourceListed(listed) = &envelope.event {
            self.listed_at = self.listed_at.max(Some(listed.at));
        }
        self.first_at = self.first_at.min(envelope.occurred_at);
        self.last_at = self.last_at.max(envelope.occurred_at);
        self.recorded_at = self.recorded_at.max(envelope.recorded_at);
    }

    /// The longest silence that is still usual for it, in milliseconds, once it has spoken often enough to tell.
    pub fn usual_silence_ms(&self) -> Option<f64> {
        if self.gaps_ms.len() < 3 {
            return None;
        }
        let mut gaps = self.gaps_ms.clone();
        gaps.sort_by(f64::total_cmp);
        gaps.get(gaps.len() * 9 / 10).or(gaps.last()).copied()
    }
}

/// Takes note that a source spoke.
pub(crate) fn hear(sources: &mut BTreeMap<String, SourceRow>, envelope: &EventEnvelope) {
    let name = envelope.id.source.as_str();
    if let Some(source) = sources.get_mut(name) {
        source.hear(envelope);
        return;
    }
    let mut source = SourceRow::new(envelope);
    source.hear(envelope);
    sources.insert(name.to_owned(), source);
}
