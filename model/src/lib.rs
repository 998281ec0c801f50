//! The shared words: ids, time, keys, items, relations, changes, incidents and events.
//!
//! Nothing here does I/O, waits, or reads a clock. Behind a decoder every value
//! is within [`bounds`], and nobody checks again.

mod access;
mod audit;
pub mod bounds;
mod calendar;
mod calls;
mod change;
mod clock;
mod deviation;
mod envelope;
mod event;
mod gap;
mod group;
mod id;
mod identity;
mod incident;
mod item;
mod item_filter;
mod judgement;
mod key;
mod kind;
mod level;
mod payload;
mod person;
mod position;
mod rejection;
mod relation;
mod risk_rule;
mod scene;
mod sight;
mod source;
mod span;
mod subscription;
mod time;
mod topic;

pub use access::{
    Barred, Caller, Quota, Scope, Scopes, TokenCreated, TokenHash, TokenHashError, TokenRevoked,
    Vouched,
};
pub use audit::{AuditedQuestion, QuestionKind, QuestionsAsked};
pub use calendar::{
    CalendarRuleDeclared, CalendarRuleWithdrawn, ChangeScope, ExemptionGranted, ExemptionKind,
    ExemptionWithdrawn, GREEN_CHANNEL_MS, RuleEffect, RuleReach, RuleTimes, TimeSpan, TimesFault,
    Weekday, WeeklyTime,
};
pub use calls::{Evidence, ObservedCall, ObservedCalls};
pub use change::{
    Artifact, BatchStatus, CHECK_ANSWERS, CHECK_MODES, CHECK_RESULTS, CHECK_STRATEGIES, Change,
    ChangeBatch, ChangeLink, ChangeStatus, CheckIdentity, CheckJudged, CheckPoint, CheckResult,
    CheckVerdict, CodeRef, Exemption, ExemptionFault, FlowKind, OnFailure, PausePoint, Rollout,
    Shield, ValueChange,
};
pub use clock::{Clock, IdSource};
pub use deviation::{Deviation, ItemDeviated, RelationDeviated};
pub use envelope::{EventEnvelope, NewEvent, Occurred};
pub use event::{DecodeEventError, Event};
pub use gap::{ObservationGap, QuarantinedInput};
pub use group::{GroupDefined, GroupWithdrawn};
pub use id::{ChangeId, CiId, ContentHash, IdParseError, IncidentId, TokenId};
pub use identity::{IdentityReverted, ItemSplit, ItemsMerged};
pub use incident::{Incident, IncidentStatus};
pub use item::{Alias, Attributes, Claim, ItemRetired, ObservedItem, TakenBack};
pub use item_filter::{AttributeOperator, AttributeTest, ItemFilter, LabelTest, Sureness};
pub use judgement::{Belonging, CauseJudged, IncidentsJudged, RiskScored, Verdict};
pub use key::{KeyError, KeyParts, SourceKey};
pub use kind::{
    AttributeRule, BUILT_IN_KINDS, BUILT_IN_RELATION_KINDS, Breach, BuiltInKind,
    BuiltInRelationKind, Cardinality, DefinitionFault, FLEETING_KINDS, HalfLife, Harm, KindDefined,
    KindRules, KindWithdrawn, Kinds, RULED_FIELDS, RelationKindDefined, RelationKindWithdrawn,
    ValueType, kind_faults, relation_kind_faults,
};
pub use level::{BUILT_IN_LEVELS, BuiltInLevel, Demand, LevelDefined, LevelWithdrawn, Nodes};
pub use person::{NameVisitor, PersonForgotten};
pub use position::{LogPosition, PositionParseError};
pub use rejection::Rejection;
pub use relation::{
    ListedRelation, ListedRelations, ObservedRelation, RelationEnded, RelationKind, Strength,
};
pub use risk_rule::{
    FactSort, RISK_DEPTH_MAX, RISK_POINTS_MAX, RISK_TESTS_MAX, RiskComparison, RiskCondition,
    RiskFact, RiskLevel, RiskRuleDeclared, RiskRuleWithdrawn, RiskScope, RiskTest, RiskValue,
};
pub use scene::{
    ChangeModel, PlatformRegistered, PlatformWithdrawn, SceneBreach, SceneCheck, SceneRegistered,
    SceneRules, SceneWithdrawn, scene_faults,
};
pub use sight::Sight;
pub use source::{
    Actor, ActorKind, EventId, SourceListed, SourceName, SourceRef, SourceRestored, SourceRetracted,
};
pub use span::{SpanError, SpanLength};
pub use subscription::{
    BecameStatus, ChangeFilter, Digest, DigestTime, ItemsAround, NoticeFormat,
    SubscriptionDeclared, SubscriptionDisabled, SubscriptionMatch, SubscriptionWithdrawn, Urgent,
    quiet_until,
};
pub use time::{AsOf, Lookback, TimeError, Timestamp, ValidInterval};
pub use topic::{Deviated, IdentityDecision, Judgement, Observation, Topic};
