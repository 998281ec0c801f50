//! Models as data: what kinds there are, and defining them, with a look beforehand at what would break.

mod check;
mod input;
mod shown;

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use model::{DefinitionFault, KindRules};
use serde_json::Value;

use super::asking::ask;
use super::recording::{record_at, standpoint_after};
use super::scalars::LogPosition;
use super::standpoint::{AsOfInput, Standpoint};
use crate::error::ErrorCode;
use check::ModelCheck;
pub(crate) use check::findings;
use input::{DefineKindInput, DefineRelationKindInput, WithdrawKindInput};
use shown::{ItemKind, RelationKind};

pub(crate) use input::AttributeRuleInput;
pub(crate) use shown::AttributeRule;

/// Kinds that were seen and never defined, as many as are listed.
const SEEN_MAX: usize = 1_000;

/// Questions about the model.
#[derive(Default)]
pub(crate) struct KindQuery;

/// Statements about the model.
#[derive(Default)]
pub(crate) struct KindMutation;

/// What became of a definition.
#[derive(SimpleObject)]
pub(crate) struct KindRecorded {
    /// Where it stands in the log; null after a dry run.
    position: Option<LogPosition>,
    /// The kind as it stands now; after a dry run, as it would stand.
    kind: Option<ItemKind>,
    /// What would break the new rules; of a dry run only.
    check: Option<ModelCheck>,
}

/// What became of a relation kind's definition.
#[derive(SimpleObject)]
pub(crate) struct RelationKindRecorded {
    /// Where it stands in the log; null after a dry run.
    position: Option<LogPosition>,
    /// The relation kind as it stands now; after a dry run, as it would stand.
    relation_kind: Option<RelationKind>,
    /// What would break the new rules; of a dry run only.
    check: Option<ModelCheck>,
}

/// Questions about the model.
#[Object]
impl KindQuery {
    /// Every kind of items: those defined at the moment asked about, and those that were seen and never defined. By name.
    #[graphql(complexity = "50 + 10 * child_complexity")]
    async fn kinds(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Vec<ItemKind>> {
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        ask(ctx, move || {
            let graph = Arc::clone(&at.view.graph);
            let kinds = graph.kinds().at(at.valid_at);
            let seen = graph.kinds_seen();
            let counted = |name: &str| seen.get(name).copied().unwrap_or(0);
            let defined = kinds.kinds().map(|rules| {
                let items = counted(&rules.defined().name);
                ItemKind::with_rules(&at, Arc::clone(rules)).with_items(items)
            });
            let undefined = seen.iter().filter(|(name, _)| kinds.kind(name).is_none());
            let undefined = undefined
                .take(SEEN_MAX)
                .map(|(name, items)| ItemKind::without_rules(&at, name).with_items(*items));
            let mut all: Vec<ItemKind> = defined.chain(undefined).collect();
            all.sort_by(|one, other| one.name.cmp(&other.name));
            all
        })
        .await
    }

    /// A kind of items by name; null when it was neither defined nor seen.
    async fn kind(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The kind as keys write it.")] name: String,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Option<ItemKind>> {
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        ask(ctx, move || ItemKind::find(&at, &name)).await
    }

    /// Every kind of relations that is defined at the moment asked about, by name.
    #[graphql(complexity = "20 + 10 * child_complexity")]
    async fn relation_kinds(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Vec<RelationKind>> {
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let kinds = at.view.graph.kinds().at(at.valid_at);
        let defined = kinds.relation_kinds();
        Ok(defined
            .map(|defined| RelationKind::of(&at, Arc::clone(defined)))
            .collect())
    }
}

/// Statements about the model.
#[Object]
impl KindMutation {
    /// Defines a kind of items, or adds to a built-in one. A later definition replaces an earlier one whole.
    async fn define_kind(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The definition.")] input: DefineKindInput,
        #[graphql(desc = "Whether only to tell which items would break the new rules.")]
        dry_run: Option<bool>,
    ) -> Result<KindRecorded> {
        let at = Standpoint::of(ctx, None).await?;
        let name = input.name.clone();
        if !dry_run.unwrap_or(false) {
            return record_kind(ctx, input.into_event(&at), &name).await;
        }
        let defined = input.definition()?;
        refuse(model::kind_faults(&defined))?;
        let rules = Arc::new(KindRules::of(defined));
        Ok(KindRecorded {
            position: None,
            check: Some(ModelCheck::of_items(ctx, &at, &rules).await?),
            kind: Some(ItemKind::with_rules(&at, rules)),
        })
    }

    /// Takes a kind's definition back: its rules no longer count, its items stay. A built-in kind loses what was added to it.
    async fn withdraw_kind(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which kind.")] input: WithdrawKindInput,
        #[graphql(desc = "Whether only to tell whether it could be withdrawn.")] dry_run: Option<
            bool,
        >,
    ) -> Result<KindRecorded> {
        let at = Standpoint::of(ctx, None).await?;
        let name = input.name.clone();
        let book = at.view.graph.kinds();
        let stands = book.stands(&name, at.valid_at);
        if !stands {
            let why = match graph::is_built_in_kind(&name) {
                true => "is built in, and nothing was added to it",
                false => "is not defined",
            };
            return Err(ErrorCode::BadInput.error(format!("{name} {why}")));
        }
        if !dry_run.unwrap_or(false) {
            return record_kind(ctx, input.into_event(&at, "kind.withdrawn"), &name).await;
        }
        Ok(KindRecorded {
            position: None,
            kind: Some(ItemKind::without_rules(&at, &name)),
            check: Some(ModelCheck::nothing()),
        })
    }

    /// Defines a kind of relations. Built-in ones cannot be changed.
    async fn define_relation_kind(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The definition.")] input: DefineRelationKindInput,
        #[graphql(desc = "Whether only to tell which relations would break the new rules.")]
        dry_run: Option<bool>,
    ) -> Result<RelationKindRecorded> {
        let at = Standpoint::of(ctx, None).await?;
        let name = input.name.clone();
        if !dry_run.unwrap_or(false) {
            return record_relation_kind(ctx, input.into_event(&at), &name).await;
        }
        let defined = input.definition()?;
        refuse(model::relation_kind_faults(&defined))?;
        let defined = Arc::new(defined);
        Ok(RelationKindRecorded {
            position: None,
            check: Some(ModelCheck::of_relations(ctx, &at, &defined).await?),
            relation_kind: Some(RelationKind::of(&at, defined)),
        })
    }

    /// Takes a relation kind's definition back: its rules no longer count, its relations stay.
    async fn withdraw_relation_kind(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which relation kind.")] input: WithdrawKindInput,
        #[graphql(desc = "Whether only to tell whether it could be withdrawn.")] dry_run: Option<
            bool,
        >,
    ) -> Result<RelationKindRecorded> {
        let at = Standpoint::of(ctx, None).await?;
        let name = input.name.clone();
        let is_built_in = graph::is_built_in_relation_kind(&name);
        let kinds = at.view.graph.kinds().at(at.valid_at);
        let why = match kinds.relation_kind(&name) {
            Some(_) if is_built_in => Some("is built in and cannot be withdrawn"),
            Some(_) => None,
            None => Some("is not defined"),
        };
        if let Some(why) = why {
            return Err(ErrorCode::BadInput.error(format!("{name} {why}")));
        }
        if !dry_run.unwrap_or(false) {
            let event = input.into_event(&at, "relation_kind.withdrawn");
            return record_relation_kind(ctx, event, &name).await;
        }
        Ok(RelationKindRecorded {
            position: None,
            relation_kind: None,
            check: Some(ModelCheck::nothing()),
        })
    }
}

async fn record_kind(ctx: &Context<'_>, event: Value, name: &str) -> Result<KindRecorded> {
    let position = record_at(ctx, event).await?;
    let at = standpoint_after(ctx, position).await?;
    Ok(KindRecorded {
        position: Some(LogPosition(position)),
        kind: ItemKind::find(&at, name),
        check: None,
    })
}

async fn record_relation_kind(
    ctx: &Context<'_>,
    event: Value,
    name: &str,
) -> Result<RelationKindRecorded> {
    let position = record_at(ctx, event).await?;
    let at = standpoint_after(ctx, position).await?;
    let kinds = at.view.graph.kinds().at(at.valid_at);
    let defined = kinds.relation_kind(name).map(Arc::clone);
    Ok(RelationKindRecorded {
        position: Some(LogPosition(position)),
        relation_kind: defined.map(|defined| RelationKind::of(&at, defined)),
        check: None,
    })
}

fn refuse(faults: Vec<DefinitionFault>) -> Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = faults
        .into_iter()
        .map(|fault| format!("{} {}", fault.field, fault.reason))
        .collect();
    Err(ErrorCode::BadInput.error(told.join("; ")))
}
