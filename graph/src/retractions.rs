//! Sources that are not believed: what they said of the time up to a moment counts as never said.
//!
//! A fold that learns of a retraction has folded what is void already and cannot
//! take it out again; it says so ([`crate::Estate::is_outdated`]), and whoever
//! owns it folds the log anew with the retractions known from the start
//! ([`crate::Estate::knowing`]). That makes a retraction exact whatever the source
//! spoke of, and its taking back as exact.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{ContentHash, Event, EventEnvelope, SourceName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::stamped::{Stamp, Stamped};

/// Every source that was ever retracted, and until which moment it is now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Retractions {
    /// By source: the last moment whose statements are void, or `None` once it was restored.
    by_source: Arc<BTreeMap<String, Stamped<Option<Timestamp>>>>,
}

impl Retractions {
    /// The same with one more statement about a source.
    #[must_use]
    pub fn with(mut self, envelope: &EventEnvelope) -> Self {
        self.say(envelope);
        self
    }

    /// The last moment whose statements of a source are void, if it is retracted.
    pub fn until(&self, source: &SourceName) -> Option<Timestamp> {
        self.by_source.get(source.as_str())?.get().copied()?
    }

    /// Every source that is retracted now, with the last moment whose statements are void.
    pub fn standing(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        let all = self.by_source.iter();
        all.filter_map(|(source, said)| Some((source.as_str(), (*said.get()?)?)))
    }

    /// Tells sets of standing retractions apart; 0 for none.
    pub(crate) fn digest(&self) -> u64 {
        let standing: Vec<(&str, Timestamp)> = self.standing().collect();
        if standing.is_empty() {
            return 0;
        }
        let hash = ContentHash::of(format!("{standing:?}").as_bytes());
        let first = hash.as_bytes().first_chunk();
        u64::from_be_bytes(*first.expect("a hash has 16 bytes"))
    }

    /// Whether what an event says is void. What is said about sources themselves never is, nor who may do what: with a
    /// revocation made void, a stolen token would count again.
    pub(crate) fn voids(&self, envelope: &EventEnvelope) -> bool {
        if matches!(
            envelope.event,
            Event::TokenCreated(_)
                | Event::TokenRevoked(_)
                | Event::PersonForgotten(_)
                | Event::QuestionsAsked(_)
        ) {
            return false;
        }
        if self.by_source.is_empty() || about_source(envelope).is_some() {
            return false;
        }
        let until = self.until(&envelope.id.source);
        until.is_some_and(|until| envelope.occurred_at <= until)
    }

    /// Takes what an event says about a source; says whose statements count otherwise from now on.
    pub(crate) fn say<'e>(&mut self, envelope: &'e EventEnvelope) -> Option<&'e SourceName> {
        let (source, until) = about_source(envelope)?;
        let before = self.until(source);
        let stamp = Stamp::of(envelope.occurred_at, &envelope.id);
        let said = Arc::make_mut(&mut self.by_source);
        let said = said.entry(source.as_str().to_owned()).or_default();
        said.say(stamp, Some(until));
        (self.until(source) != before).then_some(source)
    }
}

/// Which source an event is about, and until when it makes it void; `None` when it restores it.
fn about_source(envelope: &EventEnvelope) -> Option<(&SourceName, Option<Timestamp>)> {
    if let Event::SourceRetracted(retracted) = &envelope.event {
        let until = retracted.until.unwrap_or(envelope.occurred_at);
        return Some((&retracted.source, Some(until)));
    }
    if let Event::SourceRestored(restored) = &envelope.event {
        return Some((&restored.source, None));
    }
    None
}
