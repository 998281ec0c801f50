//! What is reachable, found the slow and obvious way: round after round over all relations.

use std::collections::BTreeMap;

use model::{Event, EventEnvelope};

/// Relations as text, without identity, time or cleverness.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    relations: Vec<(String, String)>,
}

impl Oracle {
    /// Takes the relations of a log in which none ends and every key is complete.
    pub fn of(log: &[EventEnvelope]) -> Self {
        let relation = |envelope: &EventEnvelope| {
            let Event::RelationObserved(relation) = &envelope.event else {
                return None;
            };
            let (dependent, provider) = (&relation.dependent, &relation.provider);
            Some((dependent.to_string(), provider.to_string()))
        };
        Self {
            relations: log.iter().filter_map(relation).collect(),
        }
    }

    /// Everything that is harmed with an item, with the fewest steps to it.
    pub fn harmed_with(&self, origin: &str) -> BTreeMap<String, usize> {
        let mut hops = BTreeMap::from([(origin.to_owned(), 0)]);
        loop {
            let mut grew = false;
            for (dependent, provider) in &self.relations {
                let Some(steps) = hops.get(provider).map(|steps| steps + 1) else {
                    continue;
                };
                if hops.get(dependent).is_none_or(|known| steps < *known) {
                    hops.insert(dependent.clone(), steps);
                    grew = true;
                }
            }
            if !grew {
                return hops;
            }
        }
    }
}
