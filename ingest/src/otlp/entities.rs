//! Entity events, `entity.state` and `entity.delete`, to items and relations. Pure.
//!
//! OpenTelemetry writes a relationship from the entity that emits it; here it is
//! turned, where needed, so that it reads `dependent -> provider`.

use std::collections::BTreeSet;

use model::{
    Attributes, Claim, ContentHash, Event, EventId, ItemRetired, KeyParts, ListedRelation,
    ListedRelations, NewEvent, ObservedItem, ObservedRelation, Occurred, Rejection, RelationKind,
    SourceKey, SourceName, Timestamp, bounds,
};
use serde_json::{Map, Value};

use super::decode::logs::{EntityEvent, EntityRecord, EntityRecords};
use super::inside;
use super::peers::part;
use super::report::{SOURCE, automatic};
use crate::QuarantineError;
use crate::kinds::Rules;

/// What a request says of entities.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SaidOfEntities {
    /// The events.
    pub(crate) events: Vec<NewEvent>,
    /// The record that each event is from.
    pub(crate) records: Vec<usize>,
    /// Records that are not valid.
    pub(crate) rejected: Vec<Rejection>,
    /// Relationships of types that the table does not know.
    pub(crate) unknown_relationships: u64,
}

impl SaidOfEntities {
    /// How many records something is wrong with; with one there may be several things.
    pub(crate) fn rejected_records(&self) -> usize {
        let records = self.rejected.iter().map(|rejection| rejection.index);
        records.collect::<BTreeSet<usize>>().len()
    }

    /// Keeps aside what breaks a rule, and names the record it is from. May wait for the disk.
    pub(crate) fn check(&mut self, rules: &Rules) -> Result<(), QuarantineError> {
        let events = std::mem::take(&mut self.events);
        let mut check = rules.begin();
        for (event, record) in events.into_iter().zip(&self.records) {
            let checked = check.sort([event]);
            self.events.extend(checked.kept);
            for refused in checked.refused {
                self.events.push(check.keep(&refused)?);
                self.rejected.extend(refused.problems.rejections(*record));
            }
        }
        Ok(())
    }
}

/// How a relationship type is written here: its kind, and whether the emitting entity is the provider.
const RELATIONSHIPS: &[(&str, &str, bool)] = &[
    ("scheduled_on", "runs_on", false),
    ("runs_on", "runs_on", false),
    ("hosted_on", "runs_on", false),
    ("deployed_on", "runs_on", false),
    ("runs_in", "runs_on", false),
    ("hosts", "runs_on", true),
    ("runs", "runs_on", true),
    // A whole needs its parts: a replica set its pods, a pod its containers.
    ("part_of", "includes", true),
    ("member_of", "includes", true),
    ("belongs_to", "includes", true),
    ("owned_by", "includes", true),
    ("contains", "includes", false),
    ("includes", "includes", false),
    ("owns", "includes", false),
    ("has_member", "has_member", false),
    ("depends_on", "depends_on", false),
    ("requires", "depends_on", false),
    ("required_by", "depends_on", true),
    ("uses", "uses", false),
    ("used_by", "uses", true),
    ("mounts", "uses", false),
    ("attached_to", "uses", true),
    ("calls", "calls", false),
    ("called_by", "calls", true),
    ("connects_to", "calls", false),
    ("queries", "queries", false),
    ("reads_from", "reads_from", false),
    ("writes_to", "writes_to", false),
    ("publishes_to", "publishes_to", false),
    ("consumes_from", "consumes_from", false),
    ("routes_to", "routes_to", false),
    ("exposes", "routes_to", false),
    ("managed_by", "managed_by", false),
    ("manages", "managed_by", true),
];

/// The events of a request.
pub(crate) fn entity_events(found: &EntityRecords, received_at: Timestamp) -> SaidOfEntities {
    let mut said = SaidOfEntities::default();
    for record in &found.records {
        if let Err((field, reason)) = record_events(record, received_at, &mut said) {
            said.rejected.push(Rejection {
                index: record.index,
                field,
                reason,
            });
        }
        said.records.resize(said.events.len(), record.index);
    }
    said
}

type Fault = (String, String);

fn record_events(
    record: &EntityRecord,
    received_at: Timestamp,
    said: &mut SaidOfEntities,
) -> Result<(), Fault> {
    let occurred = match i64::try_from(record.at) {
        Ok(0) => Occurred::Received(received_at),
        Ok(nanos) => Occurred::Stated(Timestamp::from_unix_nanos(nanos)),
        Err(_) => return Err(fault("timeUnixNano", "the time is out of range")),
    };
    let entity = Entity::read(&record.attributes, &record.resource, "")?;
    match record.event {
        EntityEvent::Delete => {
            let retired = ItemRetired {
                key: entity.reference(),
                reason: line(record.attributes.get("entity.delete.reason")),
            };
            said.events
                .push(event(Event::ItemRetired(retired), occurred));
        }
        EntityEvent::State => {
            let interval = report_interval_ms(&record.attributes);
            let listed = relations(record, &entity, said)?;
            let mut item = entity.observed(&record.attributes, interval);
            if fits_an_event(&listed) {
                item.relations = Some(listed);
                said.events.push(event(Event::ItemObserved(item), occurred));
                return Ok(());
            }
            said.events.push(event(Event::ItemObserved(item), occurred));
            for one in listed.relations {
                let relation = Event::RelationObserved(alone(one, interval));
                said.events.push(event(relation, occurred));
            }
        }
    }
    Ok(())
}

/// The sender gives no delivery id, so the content is the id.
fn event(event: Event, occurred: Occurred) -> NewEvent {
    let mut content = event.tag().0.as_bytes().to_vec();
    if let Occurred::Stated(at) = occurred {
        content.extend_from_slice(at.to_string().as_bytes());
    }
    event.encode_payload(&mut content);
    NewEvent {
        id: EventId {
            source: SourceName::new(SOURCE),
            delivery: ContentHash::of(&content).to_string(),
        },
        occurred,
        actor: automatic(),
        event,
    }
}

/// A state event carries all relationships of its entity, and says nothing of them where it has none.
fn relations(
    record: &EntityRecord,
    entity: &Entity,
    said: &mut SaidOfEntities,
) -> Result<ListedRelations, Fault> {
    const FIELD: &str = "entity.relationships";
    let by = Some(&record.scope).filter(|by| !by.is_empty() && by.len() <= bounds::LINE_BYTES);
    let mut listed = ListedRelations {
        of: entity.reference(),
        by: by.cloned(),
        relations: Vec::new(),
    };
    let list = match record.attributes.get(FIELD) {
        None | Some(Value::Null) => return Ok(listed),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(fault(FIELD, "must be an array of maps")),
    };
    for (place, descriptor) in list.iter().enumerate() {
        let at = format!("{FIELD}[{place}].");
        let relation = relation(descriptor, &at, (record, entity), said)?;
        if !listed.relations.contains(&relation) {
            listed.relations.push(relation);
        }
    }
    Ok(listed)
}

fn relation(
    descriptor: &Value,
    at: &str,
    (record, entity): (&EntityRecord, &Entity),
    said: &mut SaidOfEntities,
) -> Result<ListedRelation, Fault> {
    let Value::Object(descriptor) = descriptor else {
        return Err((at.to_owned(), "must be a map".to_owned()));
    };
    let written = text(descriptor, "relationship.type")
        .or_else(|| text(descriptor, "type"))
        .filter(|kind| kind.len() <= bounds::KIND_BYTES)
        .ok_or_else(|| fault(at, "relationship.type is missing"))?;
    let related = Entity::read(descriptor, &record.resource, at)?;
    let known = RELATIONSHIPS.iter().find(|(name, _, _)| *name == written);
    let (kind, is_provider) = match known {
        Some((_, kind, is_provider)) => (*kind, *is_provider),
        None => {
            // Kept as written; most relationships are told by the one that depends.
            said.unknown_relationships += 1;
            (written, false)
        }
    };
    let (dependent, provider) = if is_provider {
        (related.reference(), entity.reference())
    } else {
        (entity.reference(), related.reference())
    };
    Ok(ListedRelation {
        dependent,
        provider,
        kind: RelationKind::new(kind),
        strength: None,
    })
}

/// Whether the list is short enough to stand in the event of its item.
fn fits_an_event(listed: &ListedRelations) -> bool {
    let bytes = || serde_json::to_vec(listed).map_or(usize::MAX, |bytes| bytes.len());
    listed.relations.len() <= bounds::LISTED_RELATIONS_MAX && bytes() <= bounds::EVENT_BYTES / 2
}

/// A relation of a list that is too long: said for itself, so that it ages where it is not said again.
fn alone(listed: ListedRelation, report_interval_ms: Option<u64>) -> ObservedRelation {
    ObservedRelation {
        dependent: listed.dependent,
        provider: listed.provider,
        kind: listed.kind,
        strength: None,
        valid_from: None,
        valid_until: None,
        report_interval_ms,
    }
}

/// What identifies an entity.
struct Entity {
    kind: String,
    id: Map<String, Value>,
    /// Whether its own id names it only inside something else, which is in `id` too.
    is_inside: bool,
    environment: Option<String>,
    cluster: Option<String>,
}

impl Entity {
    fn read(
        attributes: &Map<String, Value>,
        resource: &Map<String, Value>,
        at: &str,
    ) -> Result<Self, Fault> {
        let kind = text(attributes, "entity.type")
            .or_else(|| text(attributes, "otel.entity.type"))
            .filter(|kind| kind.len() <= bounds::KIND_BYTES)
            .ok_or_else(|| fault(&format!("{at}entity.type"), "is missing"))?;
        let id = attributes
            .get("entity.id")
            .or_else(|| attributes.get("otel.entity.id"))
            .and_then(Value::as_object)
            .filter(|id| !id.is_empty() && id.values().all(|value| plain(value).is_some()))
            .ok_or_else(|| fault(&format!("{at}entity.id"), "must be a map of texts"))?;
        let known = |name: &str| {
            let stated = text(id, name).or_else(|| text(resource, name));
            part(stated).map(str::to_owned)
        };
        let environment =
            known("deployment.environment.name").or_else(|| known("deployment.environment"));
        let kind = kind.to_lowercase();
        let (id, is_inside) = inside::whole_id(&kind, id, known)
            .map_err(|reason| fault(&format!("{at}entity.id"), reason))?;
        Ok(Self {
            kind,
            id,
            is_inside,
            environment,
            cluster: known("k8s.cluster.name"),
        })
    }

    /// What it is called by somebody who knows nothing but its id.
    fn reference(&self) -> SourceKey {
        match (self.named_by_id(), self.claim()) {
            (Some(key), _) => key.into(),
            (None, claim) => SourceKey::Claim {
                scheme: claim.scheme,
                value: claim.value,
            },
        }
    }

    /// Services are known by their name to everybody, so their id is their key.
    fn named_by_id(&self) -> Option<KeyParts> {
        let name = part(text(&self.id, "service.name")).filter(|_| self.kind == "service")?;
        let namespace = part(text(&self.id, "service.namespace")).map(str::to_owned);
        Some(
            KeyParts::new("service", name)
                .in_environment(self.environment.clone())
                .in_namespace(namespace),
        )
    }

    /// The id as one claim.
    fn claim(&self) -> Claim {
        let mut pairs = self
            .id
            .iter()
            .filter_map(|(name, value)| Some((name, plain(value)?)));
        match (pairs.next(), pairs.next()) {
            (Some((name, value)), None) => {
                // A cluster's uid is by convention that of one of its namespaces.
                let is_kubernetes_uid =
                    name.starts_with("k8s.") && name.ends_with(".uid") && name != "k8s.cluster.uid";
                let scheme = if is_kubernetes_uid { "k8s.uid" } else { name };
                Claim::new(scheme, value)
            }
            _ => {
                let pairs: Vec<String> = self
                    .id
                    .iter()
                    .filter_map(|(name, value)| Some(format!("{name}={}", plain(value)?)))
                    .collect();
                let id = pairs.join(",");
                let is_short = id.len() <= bounds::KEY_BYTES;
                let id = if is_short {
                    id
                } else {
                    ContentHash::of(id.as_bytes()).to_string()
                };
                Claim::new(&self.kind, id)
            }
        }
    }

    fn observed(&self, attributes: &Map<String, Value>, interval: Option<u64>) -> ObservedItem {
        let description = attributes
            .get("entity.description")
            .or_else(|| attributes.get("otel.entity.attributes"))
            .and_then(Value::as_object);
        let known = |name: &str| {
            let described = description.and_then(|description| text(description, name));
            part(described.or_else(|| text(&self.id, name)))
        };
        let mut item = ObservedItem::new(self.key(known));
        if self.named_by_id().is_none() {
            item.claims.push(self.claim());
        }
        item.criticality = known("service.criticality").map(str::to_owned);
        let name = inside::NAMES.iter().find_map(|name| known(name));
        item.display_name = name.filter(|_| self.is_inside).map(str::to_owned);
        item.attributes = self.attributes(description);
        item.report_interval_ms = interval;
        item
    }

    fn key<'a>(&'a self, known: impl Fn(&str) -> Option<&'a str>) -> KeyParts {
        if let Some(key) = self.named_by_id() {
            return key;
        }
        let kind = self.kind.strip_prefix("k8s.").unwrap_or(&self.kind);
        let claim = self.claim();
        let name = known(&format!("{}.name", self.kind)).filter(|_| !self.is_inside);
        let name = name.unwrap_or(&claim.value);
        let key = KeyParts::new(kind.replace('.', "_"), name);
        if matches!(kind, "node" | "cluster" | "namespace") {
            return key;
        }
        let namespace = known("k8s.namespace.name").or_else(|| known("service.namespace"));
        key.in_environment(self.environment.clone())
            .in_namespace(namespace.map(str::to_owned))
    }

    fn attributes(&self, description: Option<&Map<String, Value>>) -> Attributes {
        let cluster = self.cluster.iter();
        let cluster = cluster.map(|name| ("k8s.cluster.name".to_owned(), name.clone().into()));
        let stated = description.into_iter().flatten();
        self.id
            .iter()
            .chain(stated)
            .filter(|(name, value)| {
                name.len() <= bounds::KEY_BYTES
                    && value.to_string().len() <= bounds::ATTRIBUTE_VALUE_BYTES
                    && !value.is_null()
            })
            .map(|(name, value)| (name.clone(), value.clone()))
            .chain(cluster)
            .take(bounds::ATTRIBUTES_MAX)
            .collect()
    }
}

/// Seconds in today's attribute, milliseconds in the one before it; 0 promises nothing.
fn report_interval_ms(attributes: &Map<String, Value>) -> Option<u64> {
    let number = |name: &str| {
        let value = attributes.get(name)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    };
    number("entity.report.interval")
        .map(|seconds| seconds.saturating_mul(1_000))
        .or_else(|| number("otel.entity.interval"))
        .filter(|millis| *millis != 0)
}

fn text<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    map.get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty() && text.len() <= bounds::KEY_BYTES)
}

/// A scalar as a text; ids should be texts, but numbers are sent.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.len() <= bounds::KEY_BYTES / 2 => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn line(value: Option<&Value>) -> Option<String> {
    let text = value.and_then(Value::as_str)?;
    (text.len() <= bounds::LINE_BYTES).then(|| text.to_owned())
}

fn fault(field: &str, reason: &str) -> Fault {
    (field.to_owned(), reason.to_owned())
}
