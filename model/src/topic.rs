//! What an event is about, for readers that care for some of it only.

use crate::{
    CauseJudged, Change, CheckJudged, Event, IdentityReverted, Incident, IncidentsJudged,
    ItemDeviated, ItemRetired, ItemSplit, ItemsMerged, ObservedCalls, ObservedItem,
    ObservedRelation, RelationDeviated, RelationEnded, RiskScored,
};

/// What an event is about.
///
/// A reader names every topic, so a new topic is met by all of them, while a new definition or a new word of the
/// intake is put in its place here once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Topic<'e> {
    /// What is there, and what needs what.
    Observation(Observation<'e>),
    /// Which names are one item.
    Identity(IdentityDecision<'e>),
    /// A measure left its baseline.
    Deviation(Deviated<'e>),
    /// A change, at any moment of its life.
    Change(&'e Change),
    /// An incident, at any moment of its life.
    Incident(&'e Incident),
    /// What somebody makes of a change or an incident.
    Judgement(Judgement<'e>),
    /// What became of input: gaps, quarantine, lists, sources taken back.
    Intake,
    /// How this system is to read or do something: kinds, groups, the calendar, scenes, subscriptions.
    Definition,
    /// Who may do what, who asked what, and who is forgotten.
    Access,
}

/// What is there, and what needs what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Observation<'e> {
    /// An item exists.
    Item(&'e ObservedItem),
    /// An item exists no longer.
    ItemRetired(&'e ItemRetired),
    /// One item needs another.
    Relation(&'e ObservedRelation),
    /// It no longer does.
    RelationEnded(&'e RelationEnded),
    /// One closed window of traces.
    Calls(&'e ObservedCalls),
}

/// Which names are one item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IdentityDecision<'e> {
    /// These are.
    Merged(&'e ItemsMerged),
    /// These are not.
    Split(&'e ItemSplit),
    /// A decision is taken back.
    Reverted(&'e IdentityReverted),
}

/// What left its baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deviated<'e> {
    /// A measure of an item.
    Item(&'e ItemDeviated),
    /// A measure of a relation.
    Relation(&'e RelationDeviated),
}

/// What somebody makes of a change or an incident.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Judgement<'e> {
    /// Whether a change caused an incident.
    Cause(&'e CauseJudged),
    /// Whether incidents are one.
    Incidents(&'e IncidentsJudged),
    /// Whether a check was right.
    Check(&'e CheckJudged),
    /// How risky a change is.
    Risk(&'e RiskScored),
}

impl Event {
    /// What it is about.
    pub fn topic(&self) -> Topic<'_> {
        match self {
            Self::ItemObserved(item) => Topic::Observation(Observation::Item(item)),
            Self::ItemRetired(retired) => Topic::Observation(Observation::ItemRetired(retired)),
            Self::RelationObserved(relation) => Topic::Observation(Observation::Relation(relation)),
            Self::RelationEnded(ended) => Topic::Observation(Observation::RelationEnded(ended)),
            Self::CallsObserved(calls) => Topic::Observation(Observation::Calls(calls)),
            Self::ItemsMerged(merged) => Topic::Identity(IdentityDecision::Merged(merged)),
            Self::ItemSplit(split) => Topic::Identity(IdentityDecision::Split(split)),
            Self::IdentityReverted(reverted) => {
                Topic::Identity(IdentityDecision::Reverted(reverted))
            }
            Self::ItemDeviated(deviated) => Topic::Deviation(Deviated::Item(deviated)),
            Self::RelationDeviated(deviated) => Topic::Deviation(Deviated::Relation(deviated)),
            Self::ChangeRecorded(change) => Topic::Change(change),
            Self::IncidentOpened(incident) | Self::IncidentUpdated(incident) => {
                Topic::Incident(incident)
            }
            Self::CauseJudged(judged) => Topic::Judgement(Judgement::Cause(judged)),
            Self::IncidentsJudged(judged) => Topic::Judgement(Judgement::Incidents(judged)),
            Self::CheckJudged(judged) => Topic::Judgement(Judgement::Check(judged)),
            Self::RiskScored(scored) => Topic::Judgement(Judgement::Risk(scored)),
            Self::ObservationGap(_)
            | Self::InputQuarantined(_)
            | Self::SourceRetracted(_)
            | Self::SourceRestored(_)
            | Self::SourceListed(_) => Topic::Intake,
            Self::KindDefined(_)
            | Self::KindWithdrawn(_)
            | Self::RelationKindDefined(_)
            | Self::RelationKindWithdrawn(_)
            | Self::GroupDefined(_)
            | Self::GroupWithdrawn(_)
            | Self::CalendarRuleDeclared(_)
            | Self::CalendarRuleWithdrawn(_)
            | Self::ExemptionGranted(_)
            | Self::ExemptionWithdrawn(_)
            | Self::PlatformRegistered(_)
            | Self::PlatformWithdrawn(_)
            | Self::SceneRegistered(_)
            | Self::SceneWithdrawn(_)
            | Self::LevelDefined(_)
            | Self::LevelWithdrawn(_)
            | Self::RiskRuleDeclared(_)
            | Self::RiskRuleWithdrawn(_)
            | Self::SubscriptionDeclared(_)
            | Self::SubscriptionWithdrawn(_)
            | Self::SubscriptionDisabled(_) => Topic::Definition,
            Self::TokenCreated(_)
            | Self::TokenRevoked(_)
            | Self::PersonForgotten(_)
            | Self::QuestionsAsked(_) => Topic::Access,
        }
    }

    /// The change it speaks of, if it is about one.
    pub fn change(&self) -> Option<&Change> {
        match self.topic() {
            Topic::Change(change) => Some(change),
            Topic::Observation(_)
            | Topic::Identity(_)
            | Topic::Deviation(_)
            | Topic::Incident(_)
            | Topic::Judgement(_)
            | Topic::Intake
            | Topic::Definition
            | Topic::Access => None,
        }
    }
}
