//! Everything the log can hold.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::payload;
use crate::{
    CalendarRuleDeclared, CalendarRuleWithdrawn, CauseJudged, Change, CheckJudged,
    ExemptionGranted, ExemptionWithdrawn, GroupDefined, GroupWithdrawn, IdentityReverted, Incident,
    IncidentsJudged, ItemDeviated, ItemRetired, ItemSplit, ItemsMerged, KindDefined, KindWithdrawn,
    LevelDefined, LevelWithdrawn, ObservationGap, ObservedCalls, ObservedItem, ObservedRelation,
    Occurred, PersonForgotten, PlatformRegistered, PlatformWithdrawn, QuarantinedInput,
    QuestionsAsked, RelationDeviated, RelationEnded, RelationKindDefined, RelationKindWithdrawn,
    RiskRuleDeclared, RiskRuleWithdrawn, RiskScored, SceneRegistered, SceneWithdrawn, SourceListed,
    SourceRestored, SourceRetracted, SubscriptionDeclared, SubscriptionDisabled,
    SubscriptionWithdrawn, Timestamp, TokenCreated, TokenRevoked,
};

/// Something that was observed or decided. Named in the past tense.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A source says that an item exists.
    ItemObserved(ObservedItem),
    /// A source says that an item no longer exists.
    ItemRetired(ItemRetired),
    /// A source says that one item needs another.
    RelationObserved(ObservedRelation),
    /// A source says that it no longer does.
    RelationEnded(RelationEnded),
    /// One closed window of traces.
    CallsObserved(ObservedCalls),
    /// A source speaks of a change: planned, started, a batch, finished, rolled back.
    ChangeRecorded(Box<Change>),
    /// A source says that an incident began.
    IncidentOpened(Incident),
    /// A source says more about an incident.
    IncidentUpdated(Incident),
    /// Somebody judged a cause.
    CauseJudged(CauseJudged),
    /// Somebody judged whether incidents are one.
    IncidentsJudged(IncidentsJudged),
    /// A measure of an item left its baseline.
    ItemDeviated(ItemDeviated),
    /// A measure of a relation left its baseline.
    RelationDeviated(RelationDeviated),
    /// Observations are known to be missing.
    ObservationGap(ObservationGap),
    /// Something was not understood and is kept aside.
    InputQuarantined(QuarantinedInput),
    /// Somebody decided that names are one item.
    ItemsMerged(ItemsMerged),
    /// Somebody decided that names are two items.
    ItemSplit(ItemSplit),
    /// A merge or a split is taken back.
    IdentityReverted(IdentityReverted),
    /// What a source said is void.
    SourceRetracted(SourceRetracted),
    /// A retraction is taken back.
    SourceRestored(SourceRestored),
    /// A source has said everything it knows.
    SourceListed(SourceListed),
    /// Somebody says what items of a kind are like.
    KindDefined(Box<KindDefined>),
    /// Somebody takes that back.
    KindWithdrawn(KindWithdrawn),
    /// Somebody says how items need each other.
    RelationKindDefined(RelationKindDefined),
    /// Somebody takes that back.
    RelationKindWithdrawn(RelationKindWithdrawn),
    /// Somebody gives the items of a search a name.
    GroupDefined(Box<GroupDefined>),
    /// Somebody takes that back.
    GroupWithdrawn(GroupWithdrawn),
    /// Somebody says when changes may run.
    CalendarRuleDeclared(Box<CalendarRuleDeclared>),
    /// Somebody takes that back.
    CalendarRuleWithdrawn(CalendarRuleWithdrawn),
    /// Somebody exempts changes from the calendar.
    ExemptionGranted(Box<ExemptionGranted>),
    /// Somebody takes that back.
    ExemptionWithdrawn(ExemptionWithdrawn),
    /// A source of changes is registered.
    PlatformRegistered(PlatformRegistered),
    /// That is taken back.
    PlatformWithdrawn(PlatformWithdrawn),
    /// A platform says what its changes of one sort are like.
    SceneRegistered(Box<SceneRegistered>),
    /// That is taken back.
    SceneWithdrawn(SceneWithdrawn),
    /// Somebody says what a level of control asks for.
    LevelDefined(LevelDefined),
    /// That is taken back.
    LevelWithdrawn(LevelWithdrawn),
    /// Somebody judged a check.
    CheckJudged(CheckJudged),
    /// Somebody says how risky a change is.
    RiskScored(RiskScored),
    /// Somebody declares what makes changes riskier.
    RiskRuleDeclared(Box<RiskRuleDeclared>),
    /// Somebody withdraws that.
    RiskRuleWithdrawn(RiskRuleWithdrawn),
    /// Somebody wants to hear of something.
    SubscriptionDeclared(Box<SubscriptionDeclared>),
    /// Nobody wants to hear of it any more.
    SubscriptionWithdrawn(SubscriptionWithdrawn),
    /// Nothing is sent for now.
    SubscriptionDisabled(SubscriptionDisabled),
    /// Somebody made a token.
    TokenCreated(Box<TokenCreated>),
    /// Somebody took a token back.
    TokenRevoked(TokenRevoked),
    /// Nobody can read somebody's name any more.
    PersonForgotten(PersonForgotten),
    /// What was asked. It stands in the log of questions only.
    QuestionsAsked(Box<QuestionsAsked>),
}

/// Why a stored payload is no event.
#[derive(Debug, Error)]
pub enum DecodeEventError {
    /// The name is not one this version knows.
    #[error("no event is stored under the name {0:?}")]
    UnknownName(String),
    /// The payload does not fit the name.
    #[error("the payload of {name} does not fit")]
    Payload {
        /// The stored name.
        name: String,
        /// What does not fit.
        source: serde_json::Error,
    },
}

impl Event {
    /// Every stored name with its newest payload version.
    pub const TAGS: [(&'static str, u16); 47] = [
        ("item.observed", 1),
        ("item.retired", 1),
        ("relation.observed", 1),
        ("relation.ended", 1),
        ("calls.observed", 1),
        ("change.recorded", 1),
        ("incident.opened", 1),
        ("incident.updated", 1),
        ("cause.judged", 1),
        ("incidents.judged", 1),
        ("item.deviated", 1),
        ("relation.deviated", 1),
        ("observation.gap", 1),
        ("input.quarantined", 1),
        ("items.merged", 1),
        ("item.split", 1),
        ("identity.reverted", 1),
        ("source.retracted", 1),
        ("source.restored", 1),
        ("source.listed", 1),
        ("kind.defined", 1),
        ("kind.withdrawn", 1),
        ("relation_kind.defined", 1),
        ("relation_kind.withdrawn", 1),
        ("group.defined", 1),
        ("group.withdrawn", 1),
        ("calendar_rule.declared", 1),
        ("calendar_rule.withdrawn", 1),
        ("exemption.granted", 1),
        ("exemption.withdrawn", 1),
        ("platform.registered", 1),
        ("platform.withdrawn", 1),
        ("scene.registered", 1),
        ("scene.withdrawn", 1),
        ("level.defined", 1),
        ("level.withdrawn", 1),
        ("check.judged", 1),
        ("risk_score.recorded", 1),
        ("risk_rule.declared", 1),
        ("risk_rule.withdrawn", 1),
        ("subscription.declared", 1),
        ("subscription.withdrawn", 1),
        ("subscription.disabled", 1),
        ("token.created", 1),
        ("token.revoked", 1),
        ("person.forgotten", 1),
        ("questions.asked", 1),
    ];

    /// The stored name and payload version. A stored name is never renamed or reused.
    pub const fn tag(&self) -> (&'static str, u16) {
        match self {
            Self::ItemObserved(_) => ("item.observed", 1),
            Self::ItemRetired(_) => ("item.retired", 1),
            Self::RelationObserved(_) => ("relation.observed", 1),
            Self::RelationEnded(_) => ("relation.ended", 1),
            Self::CallsObserved(_) => ("calls.observed", 1),
            Self::ChangeRecorded(_) => ("change.recorded", 1),
            Self::IncidentOpened(_) => ("incident.opened", 1),
            Self::IncidentUpdated(_) => ("incident.updated", 1),
            Self::CauseJudged(_) => ("cause.judged", 1),
            Self::IncidentsJudged(_) => ("incidents.judged", 1),
            Self::ItemDeviated(_) => ("item.deviated", 1),
            Self::RelationDeviated(_) => ("relation.deviated", 1),
            Self::ObservationGap(_) => ("observation.gap", 1),
            Self::InputQuarantined(_) => ("input.quarantined", 1),
            Self::ItemsMerged(_) => ("items.merged", 1),
            Self::ItemSplit(_) => ("item.split", 1),
            Self::IdentityReverted(_) => ("identity.reverted", 1),
            Self::SourceRetracted(_) => ("source.retracted", 1),
            Self::SourceRestored(_) => ("source.restored", 1),
            Self::SourceListed(_) => ("source.listed", 1),
            Self::KindDefined(_) => ("kind.defined", 1),
            Self::KindWithdrawn(_) => ("kind.withdrawn", 1),
            Self::RelationKindDefined(_) => ("relation_kind.defined", 1),
            Self::RelationKindWithdrawn(_) => ("relation_kind.withdrawn", 1),
            Self::GroupDefined(_) => ("group.defined", 1),
            Self::GroupWithdrawn(_) => ("group.withdrawn", 1),
            Self::CalendarRuleDeclared(_) => ("calendar_rule.declared", 1),
            Self::CalendarRuleWithdrawn(_) => ("calendar_rule.withdrawn", 1),
            Self::ExemptionGranted(_) => ("exemption.granted", 1),
            Self::ExemptionWithdrawn(_) => ("exemption.withdrawn", 1),
            Self::PlatformRegistered(_) => ("platform.registered", 1),
            Self::PlatformWithdrawn(_) => ("platform.withdrawn", 1),
            Self::SceneRegistered(_) => ("scene.registered", 1),
            Self::SceneWithdrawn(_) => ("scene.withdrawn", 1),
            Self::LevelDefined(_) => ("level.defined", 1),
            Self::LevelWithdrawn(_) => ("level.withdrawn", 1),
            Self::CheckJudged(_) => ("check.judged", 1),
            Self::RiskScored(_) => ("risk_score.recorded", 1),
            Self::RiskRuleDeclared(_) => ("risk_rule.declared", 1),
            Self::RiskRuleWithdrawn(_) => ("risk_rule.withdrawn", 1),
            Self::SubscriptionDeclared(_) => ("subscription.declared", 1),
            Self::SubscriptionWithdrawn(_) => ("subscription.withdrawn", 1),
            Self::SubscriptionDisabled(_) => ("subscription.disabled", 1),
            Self::TokenCreated(_) => ("token.created", 1),
            Self::TokenRevoked(_) => ("token.revoked", 1),
            Self::PersonForgotten(_) => ("person.forgotten", 1),
            Self::QuestionsAsked(_) => ("questions.asked", 1),
        }
    }

    /// When it happened: the time its sender stated beside it, else the last one its payload
    /// states, if that has come, else when we heard it.
    ///
    /// A time of the payload belongs to the content already, so a retry that comes after it
    /// is the same event as one that came before.
    pub fn occurred(&self, stated_at: Option<Timestamp>, received_at: Timestamp) -> Occurred {
        match (stated_at, self.stated_at()) {
            (Some(at), _) => Occurred::Stated(at),
            (None, Some(at)) => Occurred::Received(at.min(received_at)),
            (None, None) => Occurred::Received(received_at),
        }
    }

    fn stated_at(&self) -> Option<Timestamp> {
        match self {
            Self::ChangeRecorded(change) => change.finished_at.or(change.started_at),
            Self::IncidentOpened(incident) => incident.started_at,
            Self::IncidentUpdated(incident) => incident.resolved_at,
            Self::CallsObserved(calls) => calls.window.until(),
            Self::ItemDeviated(deviated) => deviated.deviation.window.until(),
            Self::RelationDeviated(deviated) => deviated.deviation.window.until(),
            Self::ItemObserved(_)
            | Self::ItemRetired(_)
            | Self::RelationObserved(_)
            | Self::RelationEnded(_)
            | Self::CauseJudged(_)
            | Self::IncidentsJudged(_)
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
            | Self::ExemptionGranted(_)
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
            | Self::SubscriptionDeclared(_)
            | Self::SubscriptionWithdrawn(_)
            | Self::SubscriptionDisabled(_)
            | Self::TokenCreated(_)
            | Self::TokenRevoked(_)
            | Self::PersonForgotten(_)
            | Self::QuestionsAsked(_) => None,
        }
    }

    /// The payload as JSON, without the name.
    pub fn encode_payload(&self, out: &mut Vec<u8>) {
        let written = match self {
            Self::ItemObserved(payload) => payload::write(payload, out),
            Self::ItemRetired(payload) => payload::write(payload, out),
            Self::RelationObserved(payload) => payload::write(payload, out),
            Self::RelationEnded(payload) => payload::write(payload, out),
            Self::CallsObserved(payload) => payload::write(payload, out),
            Self::ChangeRecorded(payload) => payload::write(payload, out),
            Self::IncidentOpened(payload) | Self::IncidentUpdated(payload) => {
                payload::write(payload, out)
            }
            Self::CauseJudged(payload) => payload::write(payload, out),
            Self::IncidentsJudged(payload) => payload::write(payload, out),
            Self::ItemDeviated(payload) => payload::write(payload, out),
            Self::RelationDeviated(payload) => payload::write(payload, out),
            Self::ObservationGap(payload) => payload::write(payload, out),
            Self::InputQuarantined(payload) => payload::write(payload, out),
            Self::ItemsMerged(payload) => payload::write(payload, out),
            Self::ItemSplit(payload) => payload::write(payload, out),
            Self::IdentityReverted(payload) => payload::write(payload, out),
            Self::SourceRetracted(payload) => payload::write(payload, out),
            Self::SourceRestored(payload) => payload::write(payload, out),
            Self::SourceListed(payload) => payload::write(payload, out),
            Self::KindDefined(payload) => payload::write(payload, out),
            Self::KindWithdrawn(payload) => payload::write(payload, out),
            Self::RelationKindDefined(payload) => payload::write(payload, out),
            Self::RelationKindWithdrawn(payload) => payload::write(payload, out),
            Self::GroupDefined(payload) => payload::write(payload, out),
            Self::GroupWithdrawn(payload) => payload::write(payload, out),
            Self::CalendarRuleDeclared(payload) => payload::write(payload, out),
            Self::CalendarRuleWithdrawn(payload) => payload::write(payload, out),
            Self::ExemptionGranted(payload) => payload::write(payload, out),
            Self::ExemptionWithdrawn(payload) => payload::write(payload, out),
            Self::PlatformRegistered(payload) => payload::write(payload, out),
            Self::PlatformWithdrawn(payload) => payload::write(payload, out),
            Self::SceneRegistered(payload) => payload::write(payload, out),
            Self::SceneWithdrawn(payload) => payload::write(payload, out),
            Self::LevelDefined(payload) => payload::write(payload, out),
            Self::LevelWithdrawn(payload) => payload::write(payload, out),
            Self::CheckJudged(payload) => payload::write(payload, out),
            Self::RiskScored(payload) => payload::write(payload, out),
            Self::RiskRuleDeclared(payload) => payload::write(payload, out),
            Self::RiskRuleWithdrawn(payload) => payload::write(payload, out),
            Self::SubscriptionDeclared(payload) => payload::write(payload, out),
            Self::SubscriptionWithdrawn(payload) => payload::write(payload, out),
            Self::SubscriptionDisabled(payload) => payload::write(payload, out),
            Self::TokenCreated(payload) => payload::write(payload, out),
            Self::TokenRevoked(payload) => payload::write(payload, out),
            Self::PersonForgotten(payload) => payload::write(payload, out),
            Self::QuestionsAsked(payload) => payload::write(payload, out),
        };
        written.expect("a payload has string keys only and memory takes it");
    }

    /// The event of the newest version stored under `name`. Older versions go through `migrations` first.
    pub fn decode_payload(name: &str, payload: &[u8]) -> Result<Self, DecodeEventError> {
        let decoded = match name {
            "item.observed" => serde_json::from_slice(payload).map(Self::ItemObserved),
            "item.retired" => serde_json::from_slice(payload).map(Self::ItemRetired),
            "relation.observed" => serde_json::from_slice(payload).map(Self::RelationObserved),
            "relation.ended" => serde_json::from_slice(payload).map(Self::RelationEnded),
            "calls.observed" => serde_json::from_slice(payload).map(Self::CallsObserved),
            "change.recorded" => serde_json::from_slice(payload).map(Self::ChangeRecorded),
            "incident.opened" => serde_json::from_slice(payload).map(Self::IncidentOpened),
            "incident.updated" => serde_json::from_slice(payload).map(Self::IncidentUpdated),
            "cause.judged" => serde_json::from_slice(payload).map(Self::CauseJudged),
            "incidents.judged" => serde_json::from_slice(payload).map(Self::IncidentsJudged),
            "item.deviated" => serde_json::from_slice(payload).map(Self::ItemDeviated),
            "relation.deviated" => serde_json::from_slice(payload).map(Self::RelationDeviated),
            "observation.gap" => serde_json::from_slice(payload).map(Self::ObservationGap),
            "input.quarantined" => serde_json::from_slice(payload).map(Self::InputQuarantined),
            "items.merged" => serde_json::from_slice(payload).map(Self::ItemsMerged),
            "item.split" => serde_json::from_slice(payload).map(Self::ItemSplit),
            "identity.reverted" => serde_json::from_slice(payload).map(Self::IdentityReverted),
            "source.retracted" => serde_json::from_slice(payload).map(Self::SourceRetracted),
            "source.restored" => serde_json::from_slice(payload).map(Self::SourceRestored),
            "source.listed" => serde_json::from_slice(payload).map(Self::SourceListed),
            "group.defined" => serde_json::from_slice(payload).map(Self::GroupDefined),
            "group.withdrawn" => serde_json::from_slice(payload).map(Self::GroupWithdrawn),
            "calendar_rule.declared" => {
                serde_json::from_slice(payload).map(Self::CalendarRuleDeclared)
            }
            "calendar_rule.withdrawn" => {
                serde_json::from_slice(payload).map(Self::CalendarRuleWithdrawn)
            }
            "exemption.granted" => serde_json::from_slice(payload).map(Self::ExemptionGranted),
            "exemption.withdrawn" => serde_json::from_slice(payload).map(Self::ExemptionWithdrawn),
            "platform.registered" => serde_json::from_slice(payload).map(Self::PlatformRegistered),
            "platform.withdrawn" => serde_json::from_slice(payload).map(Self::PlatformWithdrawn),
            "scene.registered" => serde_json::from_slice(payload).map(Self::SceneRegistered),
            "scene.withdrawn" => serde_json::from_slice(payload).map(Self::SceneWithdrawn),
            "level.defined" => serde_json::from_slice(payload).map(Self::LevelDefined),
            "level.withdrawn" => serde_json::from_slice(payload).map(Self::LevelWithdrawn),
            "check.judged" => serde_json::from_slice(payload).map(Self::CheckJudged),
            "risk_score.recorded" => serde_json::from_slice(payload).map(Self::RiskScored),
            "risk_rule.declared" => serde_json::from_slice(payload).map(Self::RiskRuleDeclared),
            "risk_rule.withdrawn" => serde_json::from_slice(payload).map(Self::RiskRuleWithdrawn),
            "subscription.declared" => {
                serde_json::from_slice(payload).map(Self::SubscriptionDeclared)
            }
            "subscription.withdrawn" => {
                serde_json::from_slice(payload).map(Self::SubscriptionWithdrawn)
            }
            "subscription.disabled" => {
                serde_json::from_slice(payload).map(Self::SubscriptionDisabled)
            }
            "token.created" => serde_json::from_slice(payload).map(Self::TokenCreated),
            "token.revoked" => serde_json::from_slice(payload).map(Self::TokenRevoked),
            "person.forgotten" => serde_json::from_slice(payload).map(Self::PersonForgotten),
            "questions.asked" => serde_json::from_slice(payload).map(Self::QuestionsAsked),
            "kind.defined" => serde_json::from_slice(payload).map(Self::KindDefined),
            "kind.withdrawn" => serde_json::from_slice(payload).map(Self::KindWithdrawn),
            "relation_kind.defined" => {
                serde_json::from_slice(payload).map(Self::RelationKindDefined)
            }
            "relation_kind.withdrawn" => {
                serde_json::from_slice(payload).map(Self::RelationKindWithdrawn)
            }
            _ => return Err(DecodeEventError::UnknownName(name.to_owned())),
        };
        decoded.map_err(|source| DecodeEventError::Payload {
            name: name.to_owned(),
            source,
        })
    }
}
