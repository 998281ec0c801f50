//! What a client states of items and relations. It becomes our own events of these names.

use async_graphql::{InputObject, Json, Result};
use serde::Serialize;
use serde_json::{Map, Value};

use super::keys;
use super::recording::Envelope;
use super::scalars::{DateTime, ItemKey};
use super::standpoint::Standpoint;

/// Statements about items, all recorded or none.
#[derive(InputObject)]
pub(crate) struct UpsertItemsInput {
    /// Who says so.
    source: String,
    /// When this was so; now when missing.
    occurred_at: Option<DateTime>,
    /// The items.
    items: Vec<ItemInput>,
}

/// A statement about an item. What is missing says nothing.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    #[serde(skip)]
    event_id: Option<String>,
    /// What the source calls it.
    key: ItemKey,
    /// Further identifying names: whoever uses one of them speaks of the same item.
    claims: Option<Vec<ClaimInput>>,
    /// Names it answers to that do not identify it for ever.
    aliases: Option<Vec<AliasInput>>,
    /// A name for people.
    display_name: Option<String>,
    /// Named values, as an object. A value of `null` takes this source's earlier value back.
    attributes: Option<Json<Map<String, Value>>>,
    /// The team that answers for it.
    owner: Option<String>,
    /// How much depends on it: `P0` (most), `P1`, `P2` or your own word.
    criticality: Option<String>,
    /// The first moment it existed.
    valid_from: Option<DateTime>,
    /// The first moment it no longer existed.
    valid_until: Option<DateTime>,
    /// How often the source promises to say so again, in milliseconds; without it the statement stands until ended.
    report_interval_ms: Option<u64>,
}

/// An identifying name in a naming scheme.
#[derive(InputObject, Serialize)]
pub(crate) struct ClaimInput {
    /// The scheme, such as `k8s.uid`, `arn` or `appid`.
    scheme: String,
    /// The name in that scheme.
    value: String,
}

/// Another name an item answers to, perhaps only for a time.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AliasInput {
    /// The scheme, such as `ip` or `hostname`.
    scheme: String,
    /// The name in that scheme.
    value: String,
    /// The first moment it is valid; since ever when missing.
    valid_from: Option<DateTime>,
    /// The first moment it is no longer valid; for ever when missing.
    valid_until: Option<DateTime>,
}

/// Statements about relations, all recorded or none.
#[derive(InputObject)]
pub(crate) struct UpsertRelationsInput {
    /// Who says so.
    source: String,
    /// When this was so; now when missing.
    occurred_at: Option<DateTime>,
    /// The relations.
    relations: Vec<RelationInput>,
}

/// A statement that one item needs another: *dependent kind provider*, as in `web calls api`.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RelationInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    #[serde(skip)]
    event_id: Option<String>,
    /// The item that needs the other.
    dependent: ItemKey,
    /// The item that is needed.
    provider: ItemKey,
    /// How it is needed: `calls`, `runs_on`, `reads_from`, `consumes_from` ...
    kind: String,
    /// Whether the dependent can do without: `strong` when it cannot, `weak` when it degrades.
    strength: Option<String>,
    /// The first moment it held. With it the relation is declared and never ages.
    valid_from: Option<DateTime>,
    /// The first moment it no longer held.
    valid_until: Option<DateTime>,
    /// How often the source promises to say so again, in milliseconds; without it the statement stands until ended.
    report_interval_ms: Option<u64>,
}

impl UpsertItemsInput {
    /// The events that state it.
    pub(crate) fn into_events(self, at: &Standpoint) -> Result<Vec<Value>> {
        let mut events = Vec::with_capacity(self.items.len());
        for mut item in self.items {
            item.key.0 = keys::to_record(at, "items.key", item.key.0.clone())?;
            let envelope = Envelope {
                event_id: item.event_id.take(),
                source: self.source.clone(),
                occurred_at: copy(self.occurred_at.as_ref()),
            };
            events.push(envelope.seal("item.observed", &item));
        }
        Ok(events)
    }
}

impl UpsertRelationsInput {
    /// The events that state it.
    pub(crate) fn into_events(self, at: &Standpoint) -> Result<Vec<Value>> {
        let mut events = Vec::with_capacity(self.relations.len());
        for mut relation in self.relations {
            relation.dependent.0 =
                keys::to_record(at, "relations.dependent", relation.dependent.0.clone())?;
            relation.provider.0 =
                keys::to_record(at, "relations.provider", relation.provider.0.clone())?;
            let envelope = Envelope {
                event_id: relation.event_id.take(),
                source: self.source.clone(),
                occurred_at: copy(self.occurred_at.as_ref()),
            };
            events.push(envelope.seal("relation.observed", &relation));
        }
        Ok(events)
    }
}

fn copy(moment: Option<&DateTime>) -> Option<DateTime> {
    moment.map(|moment| DateTime(moment.0))
}
