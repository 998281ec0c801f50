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
        let relation = |envelope: &EventEnvelope| match &envelope.event {
            Event::RelationObserved(relation) => Some((
                relation.dependent.to_string(),
                relation.provider.to_string(),
            )),
            Event::ItemObserved(_)
            | Event::ItemRetired(_)
            | Event::RelationEnded(_)
            | Event::CallsObserved(_)
            | Event::ChangeRecorded(_)
            | Event::IncidentOpened(_)
            | Event::IncidentUpdated(_)
            | Event::CauseJudged(_)
            | Event::ItemDeviated(_)
            | Event::RelationDeviated(_)
            | Event::ObservationGap(_)
            | Event::InputQuarantined(_)
            | Event::ItemsMerged(_)
            | Event::ItemSplit(_)
            | Event::IdentityReverted(_)
            | Event::SourceRetracted(_)
            | Event::SourceRestored(_)
            | Event::SourceListed(_)
            | Event::KindDefined(_)
            | Event::KindWithdrawn(_)
            | Event::RelationKindDefined(_)
            | Event::RelationKindWithdrawn(_)
            | Event::GroupDefined(_)
            | Event::GroupWithdrawn(_)
            | Event::CalendarRuleDeclared(_)
            | Event::CalendarRuleWithdrawn(_)
            | Event::ExemptionGranted(_)
            | Event::ExemptionWithdrawn(_)
            | Event::CheckJudged(_)
            | Event::RiskScored(_)
            | Event::SubscriptionDeclared(_)
            | Event::SubscriptionWithdrawn(_)
            | Event::SubscriptionDisabled(_)
            | Event::TokenCreated(_)
            | Event::TokenRevoked(_)
            | Event::PlatformRegistered(_)
            | Event::PlatformWithdrawn(_)
            | Event::SceneRegistered(_)
            | Event::SceneWithdrawn(_)
            | Event::LevelDefined(_)
            | Event::LevelWithdrawn(_) => None,
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
