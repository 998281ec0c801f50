//! Where an event names people: in typed fields only. What people wrote as text is not looked through.
//!
//! It decides which fields these are, and nothing of what becomes of the names.

use serde::{Deserialize, Serialize};

use crate::{Actor, ActorKind, Change, Event, EventEnvelope, NewEvent};

/// `person.forgotten`: the key by which somebody's name could be read in this log is destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PersonForgotten {
    /// The id by which the person is told from others, which says nothing else.
    pub person: String,
}

/// Is shown each name in turn, and may put something in its place.
pub type NameVisitor<'a> = dyn FnMut(&mut String) + 'a;

impl Actor {
    /// Shows the name, unless it is a machine's. Of whom nobody said what they are may be a person.
    pub fn each_person(&mut self, visit: &mut NameVisitor<'_>) {
        match self.kind {
            ActorKind::Automatic => {}
            ActorKind::Human | ActorKind::Unknown => each(&mut self.name, visit),
        }
    }
}

impl NewEvent {
    /// Shows every name of a person, always in the same order.
    pub fn each_person(&mut self, visit: &mut NameVisitor<'_>) {
        self.actor.each_person(visit);
        self.event.each_person(visit);
    }
}

impl EventEnvelope {
    /// Shows every name of a person, in the order in which [`NewEvent::each_person`] does.
    pub fn each_person(&mut self, visit: &mut NameVisitor<'_>) {
        self.actor.each_person(visit);
        self.event.each_person(visit);
    }
}

impl Event {
    /// Shows every name of a person in the payload, always in the same order.
    pub fn each_person(&mut self, visit: &mut NameVisitor<'_>) {
        match self {
            Self::ChangeRecorded(change) => change.each_person(visit),
            Self::ExemptionGranted(granted) => each(&mut granted.approver, visit),
            Self::SubscriptionDeclared(declared) => {
                declared.wanted.filter.operators.iter_mut().for_each(visit);
            }
            Self::TokenCreated(created) => each(&mut created.created_by_name, visit),
            Self::TokenRevoked(revoked) => each(&mut revoked.revoked_by_name, visit),
            Self::ItemObserved(_)
            | Self::ItemRetired(_)
            | Self::RelationObserved(_)
            | Self::RelationEnded(_)
            | Self::CallsObserved(_)
            | Self::IncidentOpened(_)
            | Self::IncidentUpdated(_)
            | Self::CauseJudged(_)
            | Self::IncidentsJudged(_)
            | Self::ItemDeviated(_)
            | Self::RelationDeviated(_)
            | Self::ObservationGap(_)
            | Self::InputQuarantined(_)
            | Self::ItemsMerged(_)
            | Self::ItemSplit(_)
            | Self::IdentityReverted(_)
            | Self::SourceRetracted(_)
            | Self::SourceRestored(_)
            | Self::SourceListed(_)
            | Self::KindDefined(_)
            | Self::KindWithdrawn(_)
            | Self::RelationKindDefined(_)
            | Self::RelationKindWithdrawn(_)
            | Self::GroupDefined(_)
            | Self::GroupWithdrawn(_)
            | Self::CalendarRuleDeclared(_)
            | Self::CalendarRuleWithdrawn(_)
            | Self::ExemptionWithdrawn(_)
            | Self::PlatformRegistered(_)
            | Self::PlatformWithdrawn(_)
            | Self::SceneRegistered(_)
            | Self::SceneWithdrawn(_)
            | Self::LevelDefined(_)
            | Self::LevelWithdrawn(_)
            | Self::CheckJudged(_)
            | Self::RiskScored(_)
            | Self::RiskRuleDeclared(_)
            | Self::RiskRuleWithdrawn(_)
            | Self::SubscriptionWithdrawn(_)
            | Self::SubscriptionDisabled(_)
            | Self::PersonForgotten(_)
            | Self::QuestionsAsked(_) => {}
        }
    }
}

impl Change {
    fn each_person(&mut self, visit: &mut NameVisitor<'_>) {
        if let Some(operator) = &mut self.operator {
            operator.each_person(visit);
        }
        each(&mut self.implementer, visit);
        each(&mut self.applicant, visit);
        each(&mut self.approver, visit);
        if let Some(exemption) = &mut self.exemption {
            each(&mut exemption.approver, visit);
        }
    }
}

fn each(name: &mut Option<String>, visit: &mut NameVisitor<'_>) {
    if let Some(name) = name {
        visit(name);
    }
}
