//! Everything a client may state. Nothing here changes anything but the log.

use async_graphql::{Context, ID, Object, Result};
use model::{ChangeId, IncidentId, SourceName, SourceRef};

use super::Shared;
use super::change_input::RecordChangeInput;
use super::incident_input::{
    JudgeCauseInput, JudgeIncidentsInput, OpenIncidentInput, UpdateIncidentInput,
};
use super::item_input::{UpsertItemsInput, UpsertRelationsInput};
use super::node::AnyId;
use super::quarantine::{ReprocessedInput, quarantine_error, read_hash};
use super::recording::{Recorded, RecordedList, record_list, record_one};
use super::standpoint::Standpoint;
use crate::error::ErrorCode;

/// The mutations of the core.
#[derive(Default)]
pub(crate) struct CoreMutation;

/// The mutations of the core.
#[Object]
impl CoreMutation {
    /// Records what a platform says of a change. It never fails on unknown or ambiguous targets.
    async fn record_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The statement.")] input: RecordChangeInput,
    ) -> Result<Recorded> {
        let at = Standpoint::of(ctx, None).await?;
        let reference = reference(&input.source, &input.source_id);
        let event = input.into_event(&at)?;
        let id = ChangeId::of(&reference);
        record_one(ctx, event, AnyId::Change(id)).await
    }

    /// Records that an incident began.
    async fn open_incident(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The statement.")] input: OpenIncidentInput,
    ) -> Result<Recorded> {
        let at = Standpoint::of(ctx, None).await?;
        let reference = reference(&input.source, &input.source_id);
        let event = input.into_event(&at)?;
        let id = IncidentId::of(&reference);
        record_one(ctx, event, AnyId::Incident(id)).await
    }

    /// Records more about an incident: its state, its items, its end.
    async fn update_incident(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The statement.")] input: UpdateIncidentInput,
    ) -> Result<Recorded> {
        let at = Standpoint::of(ctx, None).await?;
        let (event, incident) = input.into_event(&at)?;
        let id = IncidentId::of(&incident);
        record_one(ctx, event, AnyId::Incident(id)).await
    }

    /// Records whether a change caused an incident. Later answers learn from it; a newer judgement replaces an older one.
    async fn judge_cause(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The finding.")] input: JudgeCauseInput,
    ) -> Result<Recorded> {
        let at = Standpoint::of(ctx, None).await?;
        let (event, incident) = input.into_event(&at)?;
        let id = IncidentId::of(&incident);
        record_one(ctx, event, AnyId::Incident(id)).await
    }

    /// Records whether an incident is one with others: groups of incidents follow it, whatever harm says. A newer finding about two incidents replaces an older one.
    async fn judge_incidents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The finding.")] input: JudgeIncidentsInput,
    ) -> Result<Recorded> {
        let at = Standpoint::of(ctx, None).await?;
        let (event, incident) = input.into_event(ctx, &at).await?;
        let id = IncidentId::of(&incident);
        record_one(ctx, event, AnyId::Incident(id)).await
    }

    /// Records that items exist and what they are like: all of the list, or none of it.
    async fn upsert_items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The statements.")] input: UpsertItemsInput,
    ) -> Result<RecordedList> {
        let at = Standpoint::of(ctx, None).await?;
        let events = input.into_events(&at)?;
        record_list(ctx, events).await
    }

    /// Records that items need each other: all of the list, or none of it. Items that were unknown come into being.
    async fn upsert_relations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The statements.")] input: UpsertRelationsInput,
    ) -> Result<RecordedList> {
        let at = Standpoint::of(ctx, None).await?;
        let events = input.into_events(&at)?;
        record_list(ctx, events).await
    }

    /// Decodes an input from the quarantine again, such as after an update that understands it.
    async fn reprocess_quarantine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The hash that names the input.")] hash: ID,
    ) -> Result<ReprocessedInput> {
        let hash = read_hash(&hash)?;
        let quarantine = &ctx.data::<Shared>()?.ports.quarantine;
        let reprocessed = quarantine.reprocess(hash).await;
        let Some(reprocessed) = reprocessed.map_err(|error| quarantine_error(&error))? else {
            let message = format!("nothing lies in the quarantine under {hash}");
            return Err(ErrorCode::QuarantinedInputNotFound.error(message));
        };
        Ok(reprocessed.into())
    }
}

fn reference(source: &str, source_id: &str) -> SourceRef {
    SourceRef {
        source: SourceName::new(source),
        source_id: source_id.to_owned(),
    }
}
