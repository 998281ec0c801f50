//! What a client states of kinds. It becomes our own events.

use async_graphql::{Enum, InputObject, Result};
use model::{KindDefined, RelationKindDefined};
use serde::Serialize;
use serde_json::Value;

use crate::error::ErrorCode;
use crate::schema::recording::Envelope;
use crate::schema::scalars::DateTime;
use crate::schema::standpoint::Standpoint;

/// A definition of a kind of items.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DefineKindInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    #[serde(skip)]
    event_id: Option<String>,
    /// Who says so.
    #[serde(skip)]
    source: String,
    /// From when it counts; now when missing.
    #[serde(skip)]
    occurred_at: Option<DateTime>,
    /// The kind as keys write it, in lower case without blanks, such as `load_balancer`.
    pub(super) name: String,
    /// A name for people.
    title: Option<String>,
    /// What such an item is.
    description: Option<String>,
    /// Whether attributes that are not listed are refused; false when missing.
    #[graphql(default)]
    closed: bool,
    /// The source whose statements must carry every required attribute.
    authority: Option<String>,
    /// How fast evidence of such items fades.
    half_life: Option<HalfLifeInput>,
    /// Its attributes, in the order they are shown.
    #[graphql(default)]
    attributes: Vec<AttributeRuleInput>,
}

/// How many report intervals may pass; the three numbers grow, the last is at most 96.
#[derive(InputObject, Serialize)]
pub(crate) struct HalfLifeInput {
    /// Beyond so many it is ageing.
    ageing: u32,
    /// Beyond so many it is unconfirmed.
    unconfirmed: u32,
    /// Beyond so many it counts as ended.
    closed: u32,
}

/// An attribute and its rules.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttributeRuleInput {
    /// Its name, as statements write it.
    name: String,
    /// What it means.
    description: Option<String>,
    /// What its values are; any when missing.
    #[graphql(name = "type", default)]
    #[serde(rename = "type")]
    value_type: ValueType,
    /// What the entries of a list are; any when missing.
    #[graphql(default)]
    elements: ValueType,
    /// Whether every item of the kind must have it.
    #[graphql(default)]
    required: bool,
    /// Whether no two items of the kind may have the same value.
    #[graphql(default)]
    unique: bool,
    /// Fewest characters of a string, or entries of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    length_min: Option<u32>,
    /// Most characters of a string, or entries of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    length_max: Option<u32>,
    /// Least number.
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<f64>,
    /// Greatest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<f64>,
    /// A regular expression that a string, or every string of a list, must match as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    /// The values of an enumeration.
    #[graphql(default)]
    values: Vec<String>,
    /// Kinds of items a reference may name; any when empty.
    #[graphql(default)]
    kinds: Vec<String>,
    /// Sources whose value is shown before that of others, the first of them first.
    #[graphql(default)]
    precedence: Vec<String>,
}

/// What sort of value an attribute has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "model::ValueType")]
#[serde(rename_all = "camelCase")]
pub(crate) enum ValueType {
    /// Any JSON value.
    #[default]
    Any,
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A moment in RFC 3339.
    Timestamp,
    /// One of a few texts.
    Enumeration,
    /// Several values in their order.
    List,
    /// The key of another item.
    Reference,
    /// Named values.
    Object,
}

/// How many dependents a provider may have, and how many providers a dependent: *dependents to providers*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "model::Cardinality")]
pub(crate) enum Cardinality {
    /// A dependent has one provider, and a provider one dependent.
    #[serde(rename = "1:1")]
    OneToOne,
    /// A dependent may have many providers, a provider has one dependent.
    #[serde(rename = "1:n")]
    OneToMany,
    /// A dependent has one provider, a provider may have many dependents.
    #[serde(rename = "n:1")]
    ManyToOne,
    /// Both may have many.
    #[default]
    #[serde(rename = "n:m")]
    ManyToMany,
}

/// A definition of a kind of relations.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DefineRelationKindInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    #[serde(skip)]
    event_id: Option<String>,
    /// Who says so.
    #[serde(skip)]
    source: String,
    /// From when it counts; now when missing.
    #[serde(skip)]
    occurred_at: Option<DateTime>,
    /// The relation's kind in lower case with underscores, such as `mounted_in`.
    pub(super) name: String,
    /// How it reads from the dependent to the provider.
    sentence: String,
    /// More about it.
    description: Option<String>,
    /// Kinds a dependent may be of; any when empty.
    #[graphql(default)]
    dependents: Vec<String>,
    /// Kinds a provider may be of; any when empty.
    #[graphql(default)]
    providers: Vec<String>,
    /// How many of one side belong to how many of the other; many to many when missing.
    #[graphql(default)]
    cardinality: Cardinality,
    /// How much harm crosses such a relation; a default when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    harm: Option<HarmInput>,
}

/// How much of the harm to one end of a relation reaches the other, in percent.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HarmInput {
    /// From the provider to the dependent.
    to_dependent: u8,
    /// From the dependent to the provider.
    to_provider: u8,
}

/// A definition that is taken back.
#[derive(InputObject, Serialize)]
pub(crate) struct WithdrawKindInput {
    /// The sender's id of this statement. A retry with the same id and content is recorded once.
    #[serde(skip)]
    event_id: Option<String>,
    /// Who says so.
    #[serde(skip)]
    source: String,
    /// From when it no longer counts; now when missing.
    #[serde(skip)]
    occurred_at: Option<DateTime>,
    /// The kind.
    pub(super) name: String,
    /// Why.
    reason: Option<String>,
}

impl DefineKindInput {
    /// The definition as it would be stored.
    pub(super) fn definition(&self) -> Result<KindDefined> {
        stored(self)
    }

    /// The event that states it.
    pub(super) fn into_event(mut self, at: &Standpoint) -> Value {
        let envelope = envelope(
            self.event_id.take(),
            &self.source,
            self.occurred_at.take(),
            at,
        );
        envelope.seal("kind.defined", &self)
    }
}

impl DefineRelationKindInput {
    /// The definition as it would be stored.
    pub(super) fn definition(&self) -> Result<RelationKindDefined> {
        stored(self)
    }

    /// The event that states it.
    pub(super) fn into_event(mut self, at: &Standpoint) -> Value {
        let envelope = envelope(
            self.event_id.take(),
            &self.source,
            self.occurred_at.take(),
            at,
        );
        envelope.seal("relation_kind.defined", &self)
    }
}

impl WithdrawKindInput {
    /// The event of a stored name that states it.
    pub(super) fn into_event(mut self, at: &Standpoint, name: &str) -> Value {
        let envelope = envelope(
            self.event_id.take(),
            &self.source,
            self.occurred_at.take(),
            at,
        );
        envelope.seal(name, &self)
    }
}

/// A definition made again after another one is a statement of its own, so its time is always stated.
fn envelope(
    event_id: Option<String>,
    source: &str,
    occurred_at: Option<DateTime>,
    at: &Standpoint,
) -> Envelope {
    Envelope {
        event_id,
        source: source.to_owned(),
        occurred_at: Some(occurred_at.unwrap_or(DateTime(at.valid_at))),
    }
}

fn stored<T: serde::de::DeserializeOwned>(input: &impl Serialize) -> Result<T> {
    let refused = |error: serde_json::Error| ErrorCode::BadInput.error(error.to_string());
    serde_json::from_value(serde_json::to_value(input).map_err(refused)?).map_err(refused)
}
