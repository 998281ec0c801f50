//! Decisions about identity: which names are one item, and which source is not to be believed.
//!
//! Every decision can be looked at before it is made (`dryRun`) and taken back after.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use graph::DiffScope;
use model::{
    Actor, Event, EventEnvelope, EventId, IdentityReverted, ItemSplit, ItemsMerged, SourceKey,
    SourceName, SourceRestored, SourceRetracted, bounds,
};

use super::Shared;
use super::difference::Diff;
use super::keys::{self, Meant};
use super::paging::PAGE_DEFAULT;
use super::recording::{Envelope, record_at};
use super::scalars::{DateTime, LogPosition};
use super::standpoint::Standpoint;
use crate::ReadView;
use crate::error::ErrorCode;
use crate::reading::view_error;

/// Decisions about identity.
#[derive(Default)]
pub(crate) struct IdentityMutation;

/// Names that are one item.
#[derive(InputObject)]
pub(crate) struct MergeItemsInput {
    /// The sender's id of this statement.
    event_id: Option<String>,
    /// Who decided.
    source: String,
    /// The items: keys, aliases or ids, two or more.
    items: Vec<String>,
    /// Why.
    reason: Option<String>,
    /// Only show what would differ.
    #[graphql(default)]
    dry_run: bool,
}

/// Names that are another item than they were taken for.
#[derive(InputObject)]
pub(crate) struct SplitItemInput {
    /// The sender's id of this statement.
    event_id: Option<String>,
    /// Who decided.
    source: String,
    /// The item: a key, alias or id.
    item: String,
    /// The names that are an item of their own, as the item's aliases have them: keys, or `scheme=value`.
    names: Vec<String>,
    /// Why.
    reason: Option<String>,
    /// Only show what would differ.
    #[graphql(default)]
    dry_run: bool,
}

/// A merge or a split that is taken back.
#[derive(InputObject)]
pub(crate) struct RevertDecisionInput {
    /// The sender's id of this statement.
    event_id: Option<String>,
    /// Who decided.
    source: String,
    /// Where the merge or the split stands in the log.
    decision: LogPosition,
    /// Why.
    reason: Option<String>,
    /// Only show what would differ.
    #[graphql(default)]
    dry_run: bool,
}

/// A source that is not to be believed, or is again.
#[derive(InputObject)]
pub(crate) struct RetractSourceInput {
    /// The sender's id of this statement.
    event_id: Option<String>,
    /// Who decided.
    source: String,
    /// The source whose statements are meant.
    retracted: String,
    /// The last moment whose statements are void; now when missing.
    until: Option<DateTime>,
    /// Why.
    reason: Option<String>,
    /// Only show what would differ.
    #[graphql(default)]
    dry_run: bool,
}

/// A source that is to be believed again.
#[derive(InputObject)]
pub(crate) struct RestoreSourceInput {
    /// The sender's id of this statement.
    event_id: Option<String>,
    /// Who decided.
    source: String,
    /// The source whose retraction is taken back.
    retracted: String,
    /// Why.
    reason: Option<String>,
    /// Only show what would differ.
    #[graphql(default)]
    dry_run: bool,
}

/// What became of a decision.
#[derive(SimpleObject)]
pub(crate) struct Decided {
    /// Where it stands in the log; null for a dry run.
    position: Option<LogPosition>,
    /// What it changes, or would change.
    diff: Option<Diff>,
}

/// Decisions about identity.
#[Object]
impl IdentityMutation {
    /// Decides that names are one item, whatever sources say. `revertDecision` takes it back exactly.
    async fn merge_items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The decision.")] input: MergeItemsInput,
    ) -> Result<Decided> {
        let at = Standpoint::of(ctx, None).await?;
        let known = keys::known(&at, &input.items, false)?;
        if let Some(unknown) = known.unknown.first() {
            return Err(ErrorCode::ItemNotFound.error(format!("no item is known by {unknown}")));
        }
        if known.known.len() < 2 {
            return Err(ErrorCode::BadInput.error("these are one item already"));
        }
        let mut items = Vec::with_capacity(input.items.len());
        for id in &known.known {
            items.push(keys::to_record(
                &at,
                "items",
                SourceKey::text(id.to_string()),
            )?);
        }
        let event = Event::ItemsMerged(ItemsMerged {
            items,
            reason: input.reason,
        });
        let statement = Statement::new(input.event_id, input.source, input.dry_run);
        statement.make(ctx, at, event).await
    }

    /// Decides that some names are another item than they were taken for, whatever sources say.
    async fn split_item(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The decision.")] input: SplitItemInput,
    ) -> Result<Decided> {
        let at = Standpoint::of(ctx, None).await?;
        let (names, from) = sides(&at, &input.item, &input.names)?;
        let event = Event::ItemSplit(ItemSplit {
            names,
            from,
            reason: input.reason,
        });
        let statement = Statement::new(input.event_id, input.source, input.dry_run);
        statement.make(ctx, at, event).await
    }

    /// Takes a merge or a split back, as if it had never been made.
    async fn revert_decision(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RevertDecisionInput,
    ) -> Result<Decided> {
        let at = Standpoint::of(ctx, None).await?;
        let event = Event::IdentityReverted(IdentityReverted {
            decision: decision_at(ctx, input.decision.0).await?,
            reason: input.reason,
        });
        let statement = Statement::new(input.event_id, input.source, input.dry_run);
        statement.make(ctx, at, event).await
    }

    /// Decides that what a source said of the time up to a moment is void. `restoreSource` takes it back exactly.
    async fn retract_source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The decision.")] input: RetractSourceInput,
    ) -> Result<Decided> {
        let at = Standpoint::of(ctx, None).await?;
        let event = Event::SourceRetracted(SourceRetracted {
            source: known_source(&at, input.retracted)?,
            until: input.until.map(|until| until.0),
            reason: input.reason,
        });
        let statement = Statement::new(input.event_id, input.source, input.dry_run);
        statement.make(ctx, at, event).await
    }

    /// Takes the retraction of a source back, as if it had never been made.
    async fn restore_source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The decision.")] input: RestoreSourceInput,
    ) -> Result<Decided> {
        let at = Standpoint::of(ctx, None).await?;
        let event = Event::SourceRestored(SourceRestored {
            source: known_source(&at, input.retracted)?,
            reason: input.reason,
        });
        let statement = Statement::new(input.event_id, input.source, input.dry_run);
        statement.make(ctx, at, event).await
    }
}

/// A decision on its way.
struct Statement {
    event_id: Option<String>,
    source: String,
    dry_run: bool,
}

impl Statement {
    fn new(event_id: Option<String>, source: String, dry_run: bool) -> Self {
        Self {
            event_id,
            source,
            dry_run,
        }
    }

    /// Shows what the decision changes and, unless it is a dry run, writes it.
    async fn make(self, ctx: &Context<'_>, at: Standpoint, event: Event) -> Result<Decided> {
        let diff = match ctx.look_ahead().field("diff").exists() {
            true => {
                let after = preview(ctx, &at, &self.source, event.clone()).await?;
                let scope = DiffScope::default();
                Some(Diff::between(ctx, at, after, scope, PAGE_DEFAULT).await?)
            }
            false => None,
        };
        if self.dry_run {
            return Ok(Decided {
                position: None,
                diff,
            });
        }
        let envelope = Envelope::now(self.event_id, self.source);
        let mut payload = Vec::new();
        event.encode_payload(&mut payload);
        let data: serde_json::Value = serde_json::from_slice(&payload)?;
        let sealed = envelope.seal(event.tag().0, &data);
        let position = record_at(ctx, sealed).await?;
        Ok(Decided {
            position: Some(LogPosition(position)),
            diff,
        })
    }
}

/// The standpoint as it would be with one more event.
async fn preview(
    ctx: &Context<'_>,
    at: &Standpoint,
    source: &str,
    event: Event,
) -> Result<Standpoint> {
    let graph = &at.view.graph;
    let envelope = EventEnvelope {
        position: at.view.position(),
        recorded_at: at.valid_at,
        id: EventId {
            source: SourceName::new(source),
            delivery: "preview".to_owned(),
        },
        occurred_at: at.valid_at,
        actor: Actor::default(),
        event,
    };
    let about_source = matches!(
        envelope.event,
        Event::SourceRetracted(_) | Event::SourceRestored(_)
    );
    let view = if about_source {
        let retractions = graph.retractions().clone().with(&envelope);
        let views = &ctx.data::<Shared>()?.ports.views;
        let view = views.knowing(at.view.position(), retractions).await;
        view.map_err(|error| view_error(&error))?
    } else {
        ReadView {
            graph: Arc::new(graph.preview(envelope)),
        }
    };
    Ok(Standpoint { view, ..at.clone() })
}

/// The names that leave an item, and those that stay.
fn sides(
    at: &Standpoint,
    item: &str,
    leaving: &[String],
) -> Result<(Vec<SourceKey>, Vec<SourceKey>)> {
    let id = match keys::meant(at, item, None) {
        Meant::Item(id) => id,
        Meant::Ambiguous(candidates) => return Err(keys::ambiguous(item, &candidates)),
        Meant::Unknown => {
            return Err(ErrorCode::ItemNotFound.error(format!("no item is known by {item}")));
        }
    };
    let Some(split) = at.view.graph.item(id) else {
        return Err(ErrorCode::ItemNotFound.error(format!("no item is known by {item}")));
    };
    let mut staying = split.names();
    if bounds::ATTRIBUTES_MAX < staying.len() {
        let message = format!(
            "an item of more than {} names is not split",
            bounds::ATTRIBUTES_MAX
        );
        return Err(ErrorCode::BadInput.error(message));
    }
    let mut names = Vec::with_capacity(leaving.len());
    for name in leaving {
        let claim = graph::claim_of(&SourceKey::text(name));
        let place = staying.iter().position(|own| *own == claim);
        let Some(place) = place else {
            let message = format!("{name} is no name of {}", split.key());
            return Err(ErrorCode::BadInput.error(message));
        };
        names.push(key_of(staying.remove(place)));
    }
    if names.is_empty() || staying.is_empty() {
        let message = "names has at least one name of the item, and leaves it at least one";
        return Err(ErrorCode::BadInput.error(message));
    }
    Ok((names, staying.into_iter().map(key_of).collect()))
}

fn key_of(claim: model::Claim) -> SourceKey {
    SourceKey::Claim {
        scheme: claim.scheme,
        value: claim.value,
    }
}

/// The id of the event that stands at a position, if it decided about identity.
async fn decision_at(ctx: &Context<'_>, position: model::LogPosition) -> Result<EventId> {
    let events = &ctx.data::<Shared>()?.ports.events;
    let before = model::LogPosition::new(position.number().saturating_sub(1));
    let read = events.after(before, 1).await;
    let read = read.map_err(|_| ErrorCode::Internal.error("internal error"))?;
    let found = read
        .into_iter()
        .find(|envelope| envelope.position == position);
    match found.map(|envelope| (envelope.id, envelope.event)) {
        Some((id, Event::ItemsMerged(_) | Event::ItemSplit(_))) => Ok(id),
        Some(_) | None => {
            let message = format!("no merge and no split stands at position {position}");
            Err(ErrorCode::BadInput.error(message))
        }
    }
}

fn known_source(at: &Standpoint, source: String) -> Result<SourceName> {
    if !at.view.graph.sources().contains_key(&source) {
        let message = format!("nothing was ever heard of a source {source}");
        return Err(ErrorCode::BadInput.error(message));
    }
    Ok(SourceName::new(source))
}
