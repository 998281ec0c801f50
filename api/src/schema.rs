//! The GraphQL schema: handles over one immutable view, and mutations that go through the one door of every write.
//!
//! It decides nothing about what an item is or what a change does; it asks `graph`.

mod anomaly;
mod asking;
mod audit;
mod calendar;
mod change;
mod change_filter;
mod change_folds;
mod change_groups;
mod change_input;
mod change_list;
mod change_meaning;
mod change_model;
mod details;
mod difference;
mod identity;
mod impact;
mod incident;
mod incident_groups;
mod incident_input;
mod item;
mod item_filter;
mod item_input;
mod keys;
mod kinds;
mod live;
mod measurements;
mod measures;
mod mutation;
mod nearby;
mod node;
mod paging;
mod preview;
mod quality;
mod quarantine;
mod query;
mod radius;
mod recording;
mod risk;
mod scalars;
mod sight;
mod similar;
mod source;
mod standpoint;
mod structure;
mod subscriptions;
mod teams;
mod timeline;
mod tokens;
mod values;
mod why;

use std::sync::Arc;

use async_graphql::{MergedObject, Schema, SchemaBuilder};
use tokio::sync::Semaphore;

use crate::{ApiLimits, Ports};
use audit::AuditQuery;
use calendar::{CalendarMutation, CalendarQuery};
use change_folds::FoldQuery;
use change_groups::ChangeGroupQuery;
use change_list::ChangeConnection;
use change_model::{ChangeModelMutation, ChangeModelQuery};
use difference::DifferenceQuery;
use identity::IdentityMutation;
use incident::IncidentConnection;
use incident_groups::{IncidentGroupConnection, IncidentGroupMemberConnection, IncidentGroupQuery};
use item::{ItemConnection, RelationConnection};
use kinds::{KindMutation, KindQuery};
use live::Subscription;
use measurements::MeasurementQuery;
use measures::MeasureQuery;
use mutation::CoreMutation;
use preview::PreviewQuery;
use quality::AnswerQualityQuery;
use quarantine::{QuarantineConnection, SuppressedConnection};
use query::CoreQuery;
use risk::{RiskMutation, RiskQuery, RiskRuleMutation, RiskRuleQuery};
use structure::{DriftConnection, GroupMutation, StructureQuery};
use subscriptions::{
    DeliveryConnection, SubscriptionConnection, SubscriptionMutation, SubscriptionQuery,
};
use teams::{TeamConnection, TeamQuery};
use timeline::TimelineQuery;
use tokens::{TokenConnection, TokenMutation, TokenQuery};
use why::{EvidenceConnection, ProvenanceQuery};

/// Everything that can be asked. Every answer is given from one immutable view that holds all that was acknowledged before the request.
#[derive(Default, MergedObject)]
pub(crate) struct Query(
    AnswerQualityQuery,
    CalendarQuery,
    ChangeModelQuery,
    CoreQuery,
    ChangeGroupQuery,
    DifferenceQuery,
    FoldQuery,
    IncidentGroupQuery,
    KindQuery,
    MeasureQuery,
    MeasurementQuery,
    PreviewQuery,
    ProvenanceQuery,
    RiskQuery,
    RiskRuleQuery,
    StructureQuery,
    SubscriptionQuery,
    TeamQuery,
    TimelineQuery,
    TokenQuery,
    AuditQuery,
);

/// Everything that can be stated. Success is answered after the fact is on the disk.
#[derive(Default, MergedObject)]
pub(crate) struct Mutation(
    CalendarMutation,
    ChangeModelMutation,
    CoreMutation,
    GroupMutation,
    IdentityMutation,
    KindMutation,
    RiskMutation,
    RiskRuleMutation,
    SubscriptionMutation,
    TokenMutation,
);

/// The engine with our schema.
pub(crate) type Engine = Schema<Query, Mutation, Subscription>;

/// What every resolver may use.
pub(crate) struct Shared {
    pub(crate) ports: Ports,
    pub(crate) limits: ApiLimits,
    /// Room for questions that compute.
    pub(crate) questions: Arc<Semaphore>,
}

/// The engine that answers over the ports within the limits.
pub(crate) fn engine(ports: &Ports, limits: ApiLimits) -> Engine {
    let builder = match limits.introspection {
        true => builder(),
        // Guesses at what somebody meant would tell the schema, too.
        false => builder().disable_suggestions(),
    };
    builder
        .limit_complexity(limits.cost_max)
        .data(Shared {
            ports: ports.clone(),
            limits,
            questions: Arc::new(Semaphore::new(limits.questions_max)),
        })
        .finish()
}

/// The schema in its own language, as it is committed in `api/schema.graphql`.
pub fn schema_text() -> String {
    let options = async_graphql::SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items();
    builder().finish().sdl_with_options(options)
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription)
        .override_output_type_description::<ChangeConnection>(
            "A page of changes, the newest first.",
        )
        .override_output_type_description::<IncidentConnection>(
            "A page of incidents, the newest first.",
        )
        .override_output_type_description::<IncidentGroupConnection>(
            "A page of groups of incidents, the newest first.",
        )
        .override_output_type_description::<IncidentGroupMemberConnection>(
            "A page of the members of a group, those on the lowest component first.",
        )
        .override_output_type_description::<ItemConnection>("A page of items.")
        .override_output_type_description::<RelationConnection>(
            "A page of relations, ordered by the key of the other item.",
        )
        .override_output_type_description::<DriftConnection>(
            "A page of drifts, ordered by the keys of dependent and provider.",
        )
        .override_output_type_description::<EvidenceConnection>(
            "A page of evidence, the newest first.",
        )
        .override_output_type_description::<DeliveryConnection>(
            "A page of deliveries, the newest event first.",
        )
        .override_output_type_description::<SubscriptionConnection>(
            "A page of subscriptions, in order of id.",
        )
        .override_output_type_description::<TokenConnection>("A page of tokens, in order of id.")
        .override_output_type_description::<TeamConnection>("A page of teams, in order of name.")
        .override_output_type_description::<QuarantineConnection>(
            "A page of the quarantine, the newest first.",
        )
        .override_output_type_description::<SuppressedConnection>(
            "A page of what says nothing, by source, form and reason.",
        )
}
