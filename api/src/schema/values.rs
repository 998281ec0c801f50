//! The values of an item: what its sources say at a moment, and how that came to be.

use async_graphql::{Context, Json, Result, SimpleObject};
use graph::{ItemField, Remembered, Wanted};
use index::KnownUntil;
use model::{SourceName, Timestamp};
use serde_json::Value;

use super::Shared;
use super::details::failed;
use super::scalars::{DateTime, LogPosition};
use super::standpoint::Standpoint;
use crate::ItemStatements;
use crate::error::ErrorCode;

/// Most values asked for by name.
const NAMES_MAX: usize = 100;

/// A named value of an item: the statement that counts at the moment asked about, and what other sources state then.
#[derive(SimpleObject)]
pub(crate) struct ItemAttribute {
    /// Its name.
    name: String,
    /// Its value.
    value: Json<Value>,
    /// Who says so.
    source: String,
    /// The time of the statement.
    stated_at: DateTime,
    /// Where the statement stands in the log.
    position: LogPosition,
    /// What other sources state at that moment, the next in order first; who took its word back states nothing.
    others: Vec<StatedValue>,
    /// Whether another source states another value.
    disputed: bool,
    /// Whether more was said of the item than could be looked through, so that an old statement may be missing.
    truncated: bool,
}

/// A value as one source states it.
#[derive(SimpleObject)]
pub(crate) struct StatedValue {
    /// The value.
    value: Json<Value>,
    /// Who says so.
    source: String,
    /// The time of the statement.
    stated_at: DateTime,
    /// Where the statement stands in the log.
    position: LogPosition,
}

/// How the values of an item came to be.
#[derive(SimpleObject)]
pub(crate) struct AttributeHistory {
    /// The changes of values, the newest first.
    changes: Vec<AttributeChange>,
    /// Whether earlier ones were left out.
    truncated: bool,
}

/// A source begins to state another value, or takes its own back. Saying the same again is no change.
#[derive(SimpleObject)]
pub(crate) struct AttributeChange {
    /// The name of the value.
    name: String,
    /// What the source said before; null when it said nothing.
    before: Option<Json<Value>>,
    /// What it says from then on; null when it takes its word back.
    value: Option<Json<Value>>,
    /// Who says so.
    source: String,
    /// Since when.
    stated_at: DateTime,
    /// Where the statement stands in the log.
    position: LogPosition,
}

/// The values of an item at the standpoint's moment.
pub(crate) async fn attributes(
    ctx: &Context<'_>,
    at: &Standpoint,
    item: graph::Item<'_>,
    names: Option<&[String]>,
) -> Result<Vec<ItemAttribute>> {
    let wanted = wanted(names)?;
    let precedence = item.precedence(at.valid_at);
    let said = statements(ctx, at, item).await?;
    let found = graph::attributes_at(&said.statements, at.stated_moment(), wanted, precedence);
    let truncated = said.truncated;
    let shown = found.into_iter();
    Ok(shown
        .map(|attribute| ItemAttribute::of(attribute, truncated))
        .collect())
}

/// The attributes of an item at the standpoint's moment, as it is, stated or now.
pub(crate) async fn shown(
    ctx: &Context<'_>,
    at: &Standpoint,
    item: graph::Item<'_>,
) -> Result<Vec<graph::ItemAttribute>> {
    let precedence = item.precedence(at.valid_at);
    let said = statements(ctx, at, item).await?.statements;
    let moment = Some(at.valid_at);
    Ok(graph::attributes_at(
        &said,
        moment,
        Wanted::Attributes,
        precedence,
    ))
}

/// How the values of an item came to be, up to the standpoint's moment.
pub(crate) async fn attribute_history(
    ctx: &Context<'_>,
    at: &Standpoint,
    item: graph::Item<'_>,
    name: Option<String>,
    first: usize,
) -> Result<AttributeHistory> {
    let names: Option<Vec<String>> = name.map(|name| vec![name]);
    let wanted = wanted(names.as_deref())?;
    let said = statements(ctx, at, item).await?;
    let told = graph::history(&said.statements, at.stated_moment(), wanted, first);
    Ok(AttributeHistory {
        changes: told.changes.into_iter().map(Into::into).collect(),
        truncated: told.truncated || said.truncated,
    })
}

/// A field of an item at the standpoint's moment: from memory where that suffices, else from the index.
pub(crate) async fn field(
    ctx: &Context<'_>,
    at: &Standpoint,
    item: graph::Item<'_>,
    field: ItemField,
) -> Result<Option<String>> {
    let moment = at.stated_moment().unwrap_or(Timestamp::MAX);
    if let Remembered::Known(word) = item.field_at(field, moment) {
        return Ok(word.map(str::to_owned));
    }
    let precedence = item.precedence(at.valid_at);
    let said = statements(ctx, at, item).await?;
    let moment = at.stated_moment();
    let wanted = Wanted::Field(field);
    let found = graph::attributes_at(&said.statements, moment, wanted, precedence);
    let value = found.into_iter().next().map(|found| found.shown.value);
    Ok(value.and_then(|value| value.as_str().map(str::to_owned)))
}

/// The value of an attribute of an item at the standpoint's moment, if it has one.
pub(crate) async fn value_of(
    ctx: &Context<'_>,
    at: &Standpoint,
    item: graph::Item<'_>,
    name: &str,
) -> Result<Option<Value>> {
    let names = [name.to_owned()];
    let found = attributes(ctx, at, item, Some(&names)).await?;
    Ok(found.into_iter().next().map(|found| found.value.0))
}

/// Everything that was said of an item that is known at the standpoint, does not speak of a later
/// time, and is not void because its source was retracted.
pub(crate) async fn statements(
    ctx: &Context<'_>,
    at: &Standpoint,
    item: graph::Item<'_>,
) -> Result<ItemStatements> {
    let bodies = &ctx.data::<Shared>()?.ports.bodies;
    let said = bodies.items(item.observations(), known_until(at)).await;
    let mut said = said.map_err(|error| failed(&error))?;
    said.statements
        .retain(|statement| !is_void(at, &statement.source, statement.occurred_at));
    Ok(said)
}

/// Whether what a source said of a moment counts as never said.
pub(crate) fn is_void(at: &Standpoint, source: &SourceName, occurred_at: Timestamp) -> bool {
    let retracted_until = at.view.graph.retractions().until(source);
    retracted_until.is_some_and(|until| occurred_at <= until)
}

/// Up to where a standpoint looks.
pub(crate) fn known_until(at: &Standpoint) -> KnownUntil {
    KnownUntil {
        position: at.view.position(),
        moment: at.stated_moment(),
    }
}

fn wanted(names: Option<&[String]>) -> Result<Wanted<'_>> {
    match names {
        None => Ok(Wanted::Attributes),
        Some(names) if names.len() <= NAMES_MAX => Ok(Wanted::Named(names)),
        Some(_) => Err(ErrorCode::BadInput.error(format!("at most {NAMES_MAX} names are given"))),
    }
}

impl ItemAttribute {
    fn of(attribute: graph::ItemAttribute, truncated: bool) -> Self {
        let disputed = attribute.is_disputed();
        let shown = attribute.shown;
        Self {
            name: attribute.name,
            value: Json(shown.value),
            source: shown.source.to_string(),
            stated_at: DateTime(shown.stated_at),
            position: LogPosition(shown.position),
            others: attribute.others.into_iter().map(Into::into).collect(),
            disputed,
            truncated,
        }
    }
}

impl From<graph::StatedValue> for StatedValue {
    fn from(stated: graph::StatedValue) -> Self {
        Self {
            value: Json(stated.value),
            source: stated.source.to_string(),
            stated_at: DateTime(stated.stated_at),
            position: LogPosition(stated.position),
        }
    }
}

impl From<graph::ValueChange> for AttributeChange {
    fn from(change: graph::ValueChange) -> Self {
        Self {
            name: change.name,
            before: change.before.map(Json),
            value: change.after.map(Json),
            source: change.source.to_string(),
            stated_at: DateTime(change.stated_at),
            position: LogPosition(change.position),
        }
    }
}
