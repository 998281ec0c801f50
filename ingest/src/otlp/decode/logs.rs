//! OTLP log requests in both encodings, down to the records that speak of
//! entities; all others are counted and passed over.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as ProtoValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::json::values::{List, Text, WholeNumber};
use super::json::{self, Resource};

/// The log records of a request that speak of entities.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct EntityRecords {
    /// Those records, each with its place among all records of the request.
    pub(crate) records: Vec<EntityRecord>,
    /// How many others there are.
    pub(crate) others: u64,
}

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EntityRecord {
    /// Its place in the request, from 0.
    pub(crate) index: usize,
    /// `entity.state` or `entity.delete`.
    pub(crate) event: EntityEvent,
    /// When it was sent, Unix nanoseconds; 0 when it does not say.
    pub(crate) at: u64,
    /// Attributes of the record.
    pub(crate) attributes: Map<String, Value>,
    /// Attributes of its resource.
    pub(crate) resource: Map<String, Value>,
    /// The name of the instrumentation that wrote it; may be empty.
    pub(crate) scope: String,
}

/// What a record says of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntityEvent {
    /// It is so.
    State,
    /// It is gone.
    Delete,
}

/// The attribute that named the event before log records had an event name.
const LEGACY_EVENT: &str = "otel.entity.event.type";

impl EntityEvent {
    fn of(event_name: &str, legacy: Option<&str>) -> Option<Self> {
        match (event_name, legacy) {
            ("entity.state", _) | (_, Some("entity_state")) => Some(Self::State),
            ("entity.delete", _) | (_, Some("entity_delete")) => Some(Self::Delete),
            _ => None,
        }
    }
}

/// Reads a request in protobuf.
pub(crate) fn decode_protobuf(body: &[u8]) -> Result<EntityRecords, prost::DecodeError> {
    let request = ExportLogsServiceRequest::decode(body)?;
    let mut found = EntityRecords::default();
    let mut index = 0;
    for of_resource in &request.resource_logs {
        let records = of_resource.scope_logs.iter().flat_map(|of_scope| {
            let scope = of_scope.scope.as_ref().map_or("", |scope| &scope.name);
            of_scope
                .log_records
                .iter()
                .map(move |record| (scope, record))
        });
        for (scope, record) in records {
            let legacy = record
                .attributes
                .iter()
                .find(|attribute| attribute.key == LEGACY_EVENT)
                .and_then(
                    |attribute| match attribute.value.as_ref()?.value.as_ref()? {
                        ProtoValue::StringValue(text) => Some(text.as_str()),
                        _ => None,
                    },
                );
            match EntityEvent::of(&record.event_name, legacy) {
                None => found.others += 1,
                Some(event) => found.records.push(EntityRecord {
                    index,
                    event,
                    at: first_set(record.time_unix_nano, record.observed_time_unix_nano),
                    attributes: plain_map(&record.attributes),
                    resource: of_resource
                        .resource
                        .as_ref()
                        .map(|resource| plain_map(&resource.attributes))
                        .unwrap_or_default(),
                    scope: scope.to_owned(),
                }),
            }
            index += 1;
        }
    }
    Ok(found)
}

const fn first_set(time: u64, observed: u64) -> u64 {
    if time == 0 { observed } else { time }
}

fn plain_map(attributes: &[KeyValue]) -> Map<String, Value> {
    attributes
        .iter()
        .map(|attribute| (attribute.key.clone(), plain(attribute.value.as_ref())))
        .collect()
}

fn plain(value: Option<&AnyValue>) -> Value {
    match value.and_then(|value| value.value.as_ref()) {
        Some(ProtoValue::StringValue(text)) => Value::String(text.clone()),
        Some(ProtoValue::BoolValue(flag)) => Value::Bool(*flag),
        Some(ProtoValue::IntValue(number)) => Value::from(*number),
        Some(ProtoValue::DoubleValue(number)) => Value::from(*number),
        Some(ProtoValue::ArrayValue(array)) => array
            .values
            .iter()
            .map(|value| plain(Some(value)))
            .collect(),
        Some(ProtoValue::KvlistValue(list)) => Value::Object(plain_map(&list.values)),
        Some(ProtoValue::BytesValue(_) | ProtoValue::StringValueStrindex(_)) | None => Value::Null,
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonLogs<'a> {
    #[serde(borrow, default)]
    resource_logs: List<ResourceLogs<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs<'a> {
    #[serde(borrow, default)]
    resource: Option<Resource<'a>>,
    #[serde(borrow, default)]
    scope_logs: List<ScopeLogs<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs<'a> {
    #[serde(borrow, default)]
    scope: Option<Scope<'a>>,
    #[serde(borrow, default)]
    log_records: List<JsonRecord<'a>>,
}

#[derive(Debug, Deserialize)]
struct Scope<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonRecord<'a> {
    #[serde(borrow, default)]
    event_name: Text<'a>,
    #[serde(default)]
    time_unix_nano: WholeNumber,
    #[serde(default)]
    observed_time_unix_nano: WholeNumber,
    #[serde(borrow, default)]
    attributes: List<json::KeyValue<'a>>,
}

/// Reads a request in JSON.
pub(crate) fn decode_json(body: &[u8]) -> Result<EntityRecords, serde_json::Error> {
    let request: JsonLogs<'_> = serde_json::from_slice(body)?;
    let mut found = EntityRecords::default();
    let mut index = 0;
    for of_resource in &request.resource_logs.0 {
        let records = of_resource.scope_logs.0.iter().flat_map(|of_scope| {
            let scope = of_scope.scope.as_ref().map_or("", |scope| &*scope.name);
            let records = of_scope.log_records.0.iter();
            records.map(move |record| (scope, record))
        });
        for (scope, record) in records {
            let attributes = json_map(&record.attributes.0);
            let legacy = attributes.get(LEGACY_EVENT).and_then(Value::as_str);
            match EntityEvent::of(&record.event_name, legacy) {
                None => found.others += 1,
                Some(event) => found.records.push(EntityRecord {
                    index,
                    event,
                    at: first_set(record.time_unix_nano.0, record.observed_time_unix_nano.0),
                    attributes,
                    resource: of_resource
                        .resource
                        .as_ref()
                        .map(|resource| json_map(&resource.attributes.0))
                        .unwrap_or_default(),
                    scope: scope.to_owned(),
                }),
            }
            index += 1;
        }
    }
    Ok(found)
}

fn json_map(attributes: &[json::KeyValue<'_>]) -> Map<String, Value> {
    attributes
        .iter()
        .map(|attribute| (attribute.key.to_string(), attribute.value.to_json()))
        .collect()
}
