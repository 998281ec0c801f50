//! Who told us what, and when last: the ground of every statement about coverage.

use std::collections::BTreeMap;

use model::{Event, EventEnvelope, Timestamp, ValidInterval};
use serde::{Deserialize, Serialize};

/// Gaps by which the rhythm of a source is known.
const RHYTHM_MAX: usize = 64;
/// Fewer gaps are no rhythm.
const RHYTHM_LEAST: usize = 3;
/// A silence counts once it lasts so many times the usual one.
const SILENCE_FACTOR: f64 = 3.0;
/// A shorter silence says nothing about anybody.
const SILENCE_LEAST_MS: f64 = 60_000.0;

/// What is known of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceRow {
    /// Events by stored name.
    pub events: BTreeMap<String, u64>,
    /// The first moment it spoke of.
    pub first_at: Timestamp,
    /// The last moment it spoke of.
    pub last_at: Timestamp,
    /// When the log first took something from it.
    pub first_recorded_at: Timestamp,
    /// When the log last took something from it.
    pub recorded_at: Timestamp,
    /// How long after the moment it spoke of its last word came, in milliseconds.
    pub lag_ms: f64,
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
            first_recorded_at: envelope.recorded_at,
            recorded_at: envelope.recorded_at,
            lag_ms: 0.0,
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
        let tag = envelope.event.tag().0;
        match self.events.get_mut(tag) {
            Some(count) => *count += 1,
            None => drop(self.events.insert(tag.to_owned(), 1)),
        }
        if let Event::SourceListed(listed) = &envelope.event {
            self.listed_at = self.listed_at.max(Some(listed.at));
        }
        self.first_at = self.first_at.min(envelope.occurred_at);
        self.last_at = self.last_at.max(envelope.occurred_at);
        self.recorded_at = self.recorded_at.max(envelope.recorded_at);
        self.lag_ms = envelope.recorded_at.millis_since(envelope.occurred_at);
    }

    /// How many events it sent.
    pub fn heard(&self) -> u64 {
        self.events.values().sum()
    }

    /// The usual interval between its words, in milliseconds: half of the last gaps are shorter.
    pub fn usual_interval_ms(&self) -> Option<f64> {
        let gaps = self.rhythm()?;
        gaps.get(gaps.len() / 2).copied()
    }

    /// Since when it is silent, if at a moment that lasts much longer than is usual for it.
    pub fn silent_since(&self, at: Timestamp) -> Option<Timestamp> {
        let usual_ms = self.usual_silence_ms()?;
        let silence_ms = at.millis_since(self.recorded_at);
        let is_overdue = SILENCE_LEAST_MS.max(usual_ms * SILENCE_FACTOR) < silence_ms;
        is_overdue.then_some(self.recorded_at)
    }

    /// The longest silence that is still usual for it, in milliseconds, once it has spoken often enough to tell.
    pub fn usual_silence_ms(&self) -> Option<f64> {
        let gaps = self.rhythm()?;
        gaps.get(gaps.len() * 9 / 10).or(gaps.last()).copied()
    }

    /// The last gaps, the shortest first, once there are enough of them to tell.
    fn rhythm(&self) -> Option<Vec<f64>> {
        let mut gaps = self.gaps_ms.clone();
        gaps.sort_by(f64::total_cmp);
        (RHYTHM_LEAST <= gaps.len()).then_some(gaps)
    }
}

/// Takes note that a source spoke.
pub(crate) fn hear(sources: &mut BTreeMap<String, SourceRow>, envelope: &EventEnvelope) {
    let is_about_ourselves = matches!(
        envelope.event,
        Event::SubscriptionDeclared(_)
            | Event::SubscriptionWithdrawn(_)
            | Event::SubscriptionDisabled(_)
            | Event::TokenCreated(_)
            | Event::TokenRevoked(_)
            | Event::PersonForgotten(_)
            | Event::QuestionsAsked(_)
    );
    if is_about_ourselves {
        return;
    }
    let name = envelope.id.source.as_str();
    if let Some(source) = sources.get_mut(name) {
        source.hear(envelope);
        return;
    }
    let mut source = SourceRow::new(envelope);
    source.hear(envelope);
    sources.insert(name.to_owned(), source);
}

#[cfg(test)]
mod tests {
    use model::{Actor, Event, EventId, LogPosition, ObservationGap, SourceName};

    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_unix_millis(second * 1_000)
    }

    /// What is known of a source that was heard at these seconds, each time of a moment five seconds before.
    fn heard_at(seconds: &[i64]) -> SourceRow {
        let mut sources = BTreeMap::new();
        for recorded in seconds {
            let window = ValidInterval::new(second(0), None).unwrap();
            let gap = ObservationGap {
                window,
                source: SourceName::new("probe"),
                reason: String::new(),
            };
            let envelope = EventEnvelope {
                position: LogPosition::new(1),
                recorded_at: second(*recorded),
                id: EventId {
                    source: SourceName::new("probe"),
                    delivery: recorded.to_string(),
                },
                occurred_at: second(*recorded - 5),
                actor: Actor::default(),
                event: Event::ObservationGap(gap),
            };
            hear(&mut sources, &envelope);
        }
        sources.remove("probe").unwrap()
    }

    #[test]
    fn a_source_is_silent_once_it_is_long_overdue() {
        let source = heard_at(&[0, 60, 120, 180, 300]);
        assert_eq!(source.heard(), 5);
        assert_eq!(source.usual_interval_ms(), Some(60_000.0));
        assert_eq!(source.usual_silence_ms(), Some(120_000.0));
        assert_eq!(source.silent_since(second(300 + 360)), None);
        assert_eq!(source.silent_since(second(300 + 361)), Some(second(300)));
        assert_eq!(source.first_recorded_at, second(0));
        assert!((source.lag_ms - 5_000.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_source_without_a_rhythm_is_never_silent() {
        let source = heard_at(&[0, 60, 120]);
        assert_eq!(source.usual_interval_ms(), None);
        assert_eq!(source.silent_since(second(1_000_000)), None);
    }
}
