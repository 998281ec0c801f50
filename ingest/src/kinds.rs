//! Holds what enters against the models of the moment: one check for every door.
//!
//! A kind that nobody defined has no rules, so its facts always pass. What sources measure by
//! themselves (traces) is not checked: nobody could mend it.

pub(crate) mod kept;
mod scenes;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{
    Attributes, Cardinality, Event, EventId, KindRules, Kinds, NewEvent, ObservedItem,
    ObservedRelation, Occurred, QuarantinedInput, RULED_FIELDS, RelationKind, RelationKindDefined,
    SourceKey, SourceRef, Timestamp,
};
use serde_json::Value;

use crate::fields::{Path, Problems, shortened};
use crate::redact::redact_text;
use crate::scrub::scrub_attributes;
use crate::{Quarantine, QuarantineError, QuarantinedBody};

/// How much of a value is shown to its sender.
const VALUE_SHOWN_BYTES: usize = 64;

/// Knows the models as they stand now.
pub trait KnownKinds: Send + Sync {
    /// Every kind as it is defined now.
    fn now(&self) -> Arc<Kinds>;

    /// The scene that a change is known to be of, if it is known.
    fn scene_of(&self, change: &SourceRef) -> Option<String>;

    /// Why the cardinality of its kind leaves no room for a relation at a moment, if it leaves none.
    fn crowded(
        &self,
        relation: &ObservedRelation,
        cardinality: Cardinality,
        at: Timestamp,
    ) -> Option<Crowded>;

    /// Waits until what was acknowledged so far is known here. It may block its thread for a while.
    fn catch_up(&self);
}

/// Why there is no room for a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowded {
    /// Which end has its one relation already: `dependent` or `provider`.
    pub end: &'static str,
    /// The item at the other end of that relation.
    pub holder: String,
}

/// The check that every fact passes on its way to the log.
#[derive(Clone)]
pub struct Rules {
    kinds: Arc<dyn KnownKinds>,
    quarantine: Arc<Quarantine>,
}

/// A fact that breaks a rule.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) event: NewEvent,
    pub(crate) problems: Problems,
}

/// Facts of one request after the check.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) kept: Vec<NewEvent>,
    pub(crate) refused: Vec<Refused>,
}

impl Rules {
    /// A check against `kinds` that keeps what it refuses in `quarantine`.
    pub fn new(kinds: Arc<dyn KnownKinds>, quarantine: Arc<Quarantine>) -> Self {
        Self { kinds, quarantine }
    }

    /// Begins the check of one request.
    pub(crate) fn begin(&self) -> Check<'_> {
        Check {
            rules: self,
            kinds: self.kinds.now(),
            caught_up: false,
            freed: BTreeSet::new(),
        }
    }
}

/// The check of one request, whose facts come in their order.
pub(crate) struct Check<'r> {
    rules: &'r Rules,
    kinds: Arc<Kinds>,
    /// Whether it has waited for what was acknowledged before it.
    caught_up: bool,
    /// Ends of relations that the request itself has ended so far: they have room again.
    freed: BTreeSet<(RelationKind, SourceKey)>,
}

impl Check<'_> {
    /// Sorts facts into those that pass and those that break a rule. May wait for the fold.
    ///
    /// Nothing is refused by knowledge that is behind what its sender may already have seen acknowledged.
    pub(crate) fn sort(&mut self, events: impl IntoIterator<Item = NewEvent>) -> Checked {
        let mut checked = Checked::default();
        for event in events {
            if self.asks_for_room(&event.event) {
                self.catch_up();
            }
            let mut problems = self.problems(&event);
            if !problems.is_empty() && !self.caught_up {
                self.catch_up();
                problems = self.problems(&event);
            }
            if problems.is_empty() {
                self.note_end(&event.event);
                checked.kept.push(event);
            } else {
                checked.refused.push(Refused { event, problems });
            }
        }
        checked
    }

    /// Keeps a refused fact until the model or the fact is mended; the event says where. May wait for the disk.
    pub(crate) fn keep(&self, refused: &Refused) -> Result<NewEvent, QuarantineError> {
        let event = &refused.event;
        let told = refused.problems.told.iter();
        let reasons: Vec<String> = told
            .map(|(field, reason)| format!("{field} {reason}"))
            .collect();
        let reason = shortened(&reasons.join("; "), model::bounds::LINE_BYTES);
        let hash = self.rules.quarantine.keep(&QuarantinedBody {
            source: event.id.source.clone(),
            format: kept::FORMAT.to_owned(),
            content_type: Some("application/json".to_owned()),
            headers: Vec::new(),
            body: kept::write(event),
            reason: reason.clone(),
        })?;
        let quarantined = Event::InputQuarantined(QuarantinedInput {
            hash,
            source: event.id.source.clone(),
            reason,
        });
        Ok(NewEvent::named_by_content(
            event.id.source.clone(),
            event.occurred,
            event.actor.clone(),
            quarantined,
        ))
    }

    /// Waits, once for a request, for what was acknowledged before it.
    fn catch_up(&mut self) {
        if !self.caught_up {
            self.rules.kinds.catch_up();
            self.kinds = self.rules.kinds.now();
            self.caught_up = true;
        }
    }

    /// Whether it depends on what already holds: its sender may just have stated the other relation.
    fn asks_for_room(&self, event: &Event) -> bool {
        if let Event::RelationObserved(relation) = event {
            return self.is_limited(relation.kind.as_str());
        }
        false
    }

    fn is_limited(&self, kind: &str) -> bool {
        let defined = self.kinds.relation_kind(kind);
        defined.is_some_and(|it| it.cardinality != Cardinality::ManyToMany)
    }

    fn note_end(&mut self, event: &Event) {
        let ended = if let Event::RelationEnded(ended) = event {
            Some((&ended.kind, &ended.dependent, &ended.provider))
        } else if let Event::RelationObserved(relation) = event
            && relation.valid_until.is_some()
        {
            Some((&relation.kind, &relation.dependent, &relation.provider))
        } else {
            None
        };
        let Some((kind, dependent, provider)) = ended else {
            return;
        };
        if self.is_limited(kind.as_str()) {
            self.freed.insert((kind.clone(), dependent.clone()));
            self.freed.insert((kind.clone(), provider.clone()));
        }
    }

    fn problems(&self, event: &NewEvent) -> Problems {
        let mut problems = Problems::default();
        if let Event::ItemObserved(item) = &event.event {
            let rules = item
                .key
                .stated_kind()
                .and_then(|kind| self.kinds.kind(&kind));
            if let Some(rules) = rules.filter(|rules| rules.rules_something()) {
                check_item(rules, &event.id, item, &mut problems);
            }
            self.check_listed(item, &mut problems);
        }
        if let Event::ChangeRecorded(change) = &event.event {
            let known = &*self.rules.kinds;
            scenes::check_change(self.kinds.changes(), known, change, &mut problems);
        }
        if let Event::RelationObserved(relation) = &event.event
            && let Some(defined) = self.kinds.relation_kind(relation.kind.as_str())
        {
            let path = Path::Field(&Path::Root, "data");
            let ends = [
                ("dependent", &relation.dependent),
                ("provider", &relation.provider),
            ];
            check_ends(defined, ends, &path, &mut problems);
            if defined.cardinality != Cardinality::ManyToMany {
                self.check_room(defined, relation, event.occurred, &mut problems);
            }
        }
        problems
    }

    /// A list is whole or nothing: without one of its relations it would say that this one has ended.
    fn check_listed(&self, item: &ObservedItem, problems: &mut Problems) {
        let listed = item.relations.iter().flat_map(|list| &list.relations);
        for (index, relation) in listed.enumerate() {
            let Some(defined) = self.kinds.relation_kind(relation.kind.as_str()) else {
                continue;
            };
            let data = Path::Field(&Path::Root, "data");
            let relations = Path::Field(&data, "relations");
            let ends = [
                ("dependent", &relation.dependent),
                ("provider", &relation.provider),
            ];
            check_ends(defined, ends, &Path::Entry(&relations, index), problems);
        }
    }

    fn check_room(
        &self,
        defined: &RelationKindDefined,
        relation: &ObservedRelation,
        occurred: Occurred,
        problems: &mut Problems,
    ) {
        let is_freed = |end: &SourceKey| self.freed.contains(&(relation.kind.clone(), end.clone()));
        if is_freed(&relation.dependent) || is_freed(&relation.provider) {
            return;
        }
        let at = relation.valid_from.unwrap_or(occurred.at());
        let crowded = self.rules.kinds.crowded(relation, defined.cardinality, at);
        if let Some(Crowded { end, holder }) = crowded {
            let (name, cardinality) = (&defined.name, defined.cardinality.as_str());
            let reason = format!(
                "has its one {name} ({cardinality}) with {holder} already; end that relation first"
            );
            problems.add(&Path::Field(&Path::Field(&Path::Root, "data"), end), reason);
        }
    }
}

fn check_ends(
    defined: &RelationKindDefined,
    ends: [(&str, &SourceKey); 2],
    path: &Path<'_>,
    problems: &mut Problems,
) {
    for ((end, key), taken) in ends
        .into_iter()
        .zip([&defined.dependents, &defined.providers])
    {
        let kind = key.stated_kind().filter(|_| !taken.is_empty());
        if let Some(kind) = kind.filter(|kind| !taken.contains(kind)) {
            let (name, taken) = (&defined.name, taken.join(" or "));
            let reason = format!("must be a {taken} in {name}, found a {kind}");
            problems.add(&Path::Field(path, end), reason);
        }
    }
}

fn check_item(rules: &KindRules, id: &EventId, item: &ObservedItem, problems: &mut Problems) {
    let kind = &rules.defined().name;
    let data = Path::Field(&Path::Root, "data");
    let attributes = Path::Field(&data, "attributes");
    let place = |name: &str| match RULED_FIELDS.contains(&name) {
        true => &data,
        false => &attributes,
    };
    let stated = rules.stated(item);
    for breach in rules.breaches(&stated) {
        let (name, rule) = (&breach.attribute, breach.rule);
        let found = shown(&stated, name);
        let reason = format!("{rule}, found {found} (kind {kind})");
        problems.add(&Path::Field(place(name), name), reason);
    }
    if rules.is_authority(&id.source) {
        for name in rules.missing(&stated) {
            let source = &id.source;
            let reason = format!("is required of {source}, the authority for the kind {kind}");
            problems.add(&Path::Field(place(name), name), reason);
        }
    }
}

/// A value as its sender may see it again: without what its name or looks give away as a secret, and short.
fn shown(attributes: &Attributes, name: &str) -> String {
    let stated = attributes.get_key_value(name);
    let mut one: Attributes = stated
        .map(|(name, value)| (name.clone(), value.clone()))
        .into_iter()
        .collect();
    scrub_attributes(&mut one);
    let text = one.get(name).map(Value::to_string).unwrap_or_default();
    shortened(&redact_text(&text), VALUE_SHOWN_BYTES)
}
