//! What a file or a listing of another system says, in one form whatever its format.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Alias, Change, Claim, Event, ItemRetired, ListedRelation, ListedRelations, ObservedItem,
    ObservedRelation, RelationKind, SourceKey, Timestamp, bounds,
};
use serde_json::Value;

/// What is known of the place that files speak of, besides what they say.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The environment all of it belongs to, if it belongs to one.
    pub environment: Option<String>,
    /// The Kubernetes cluster.
    pub cluster: Option<String>,
    /// The moment of which the files speak.
    pub at: Timestamp,
}

/// The facts of a listing: what exists, who needs whom, what ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// What exists.
    pub items: Vec<ObservedItem>,
    /// Who needs whom.
    pub relations: Vec<ObservedRelation>,
    /// What the file itself says is gone.
    pub retired: Vec<ItemRetired>,
    /// Changes that the file plans.
    pub changes: Vec<Change>,
    /// Parts that could not be read.
    pub rejected: Vec<RejectedPart>,
    /// How many parts are of kinds that say nothing here.
    pub passed_over: u64,
}

/// A part of a file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RejectedPart {
    /// Where it stands: the file, the line, the object.
    pub place: String,
    /// The field or column; empty for the whole part.
    pub field: String,
    /// Why, in words for the sender.
    pub reason: String,
}

impl Listing {
    /// Takes a relation in; nothing needs itself.
    pub(crate) fn relate(
        &mut self,
        dependent: impl Into<SourceKey>,
        kind: &str,
        provider: impl Into<SourceKey>,
    ) {
        let relation = relation(dependent.into(), kind, provider.into());
        if relation.dependent != relation.provider {
            self.relations.push(relation);
        }
    }

    /// Takes note of a part that could not be read.
    pub(crate) fn reject(&mut self, place: &str, field: &str, reason: impl Into<String>) {
        self.rejected.push(RejectedPart {
            place: place.to_owned(),
            field: field.to_owned(),
            reason: reason.into(),
        });
    }

    /// Every statement as an event of our own form, and what it speaks of, for people.
    pub fn events(&self) -> impl Iterator<Item = (Event, String)> + '_ {
        let items = self.items.iter().map(|item| {
            let event = Event::ItemObserved(item.clone());
            (event, item.key.to_string())
        });
        let relations = self.relations.iter().map(|relation| {
            let sentence = format!(
                "{} {} {}",
                relation.dependent, relation.kind, relation.provider
            );
            (Event::RelationObserved(relation.clone()), sentence)
        });
        let retired = self.retired.iter().map(|retired| {
            let event = Event::ItemRetired(retired.clone());
            (event, retired.key.to_string())
        });
        let changes = self.changes.iter().map(|change| {
            let event = Event::ChangeRecorded(Box::new(change.clone()));
            (event, format!("change {}", change.source_id))
        });
        items.chain(relations).chain(retired).chain(changes)
    }

    /// Puts every relation into the list of one of its ends, so that an item says at once
    /// what it needs; what has no end among the items stays as it is.
    pub fn gather(&mut self) {
        let mut items: BTreeMap<SourceKey, ObservedItem> = BTreeMap::new();
        for item in std::mem::take(&mut self.items) {
            items.insert(item.key.clone(), item);
        }
        for relation in std::mem::take(&mut self.relations) {
            // A whole may have more parts than a list holds; each part says it itself.
            let ends = match relation.kind.as_str() {
                "includes" | "has_member" => [&relation.provider, &relation.dependent],
                _ => [&relation.dependent, &relation.provider],
            };
            let room = |key: &&&SourceKey| {
                let item = items.get(**key);
                item.is_some_and(|item| listed(item) < bounds::LISTED_RELATIONS_MAX)
            };
            let of = ends.iter().find(room).map(|key| (*key).clone());
            let has_time = relation.valid_from.is_some() || relation.valid_until.is_some();
            match of.and_then(|of| items.get_mut(&of)).filter(|_| !has_time) {
                Some(item) => list(item, relation),
                None => self.relations.push(relation),
            }
        }
        self.items = items.into_values().collect();
    }

    /// Takes the facts of another listing in.
    pub fn append(&mut self, mut other: Self) {
        self.items.append(&mut other.items);
        self.relations.append(&mut other.relations);
        self.retired.append(&mut other.retired);
        self.changes.append(&mut other.changes);
        self.rejected.append(&mut other.rejected);
        self.passed_over += other.passed_over;
    }

    /// Says everything once, in an order that does not depend on that of the file,
    /// and takes back claims that would make one item of several.
    pub fn settle(&mut self) {
        let mut items: BTreeMap<SourceKey, ObservedItem> = BTreeMap::new();
        for item in std::mem::take(&mut self.items) {
            match items.get_mut(&item.key) {
                Some(kept) => unite(kept, item),
                None => {
                    items.insert(item.key.clone(), item);
                }
            }
        }
        self.items = items.into_values().collect();
        self.drop_shared_names();
        let key = |relation: &ObservedRelation| {
            let ObservedRelation {
                dependent,
                provider,
                kind,
                ..
            } = relation;
            (dependent.clone(), provider.clone(), kind.clone())
        };
        self.relations.sort_by_key(key);
        self.relations.dedup_by_key(|relation| key(relation));
        self.rejected.sort();
    }

    /// A claim of several items of one listing identifies none of them: cloned machines
    /// share their machine id, and groups of machines a name.
    fn drop_shared_names(&mut self) {
        let mut named: BTreeMap<(String, String), u32> = BTreeMap::new();
        let mut count = |scheme: &str, value: String| {
            *named.entry((scheme.to_owned(), value)).or_default() += 1;
        };
        for item in &self.items {
            count("key", item.key.to_string());
            for claim in &item.claims {
                count(&claim.scheme, claim.value.clone());
            }
            for alias in item.aliases.iter().filter(|alias| is_for_ever(alias)) {
                count(&alias.scheme, alias.value.clone());
            }
        }
        let is_its_own = |scheme: &str, value: &str| {
            named.get(&(scheme.to_owned(), value.to_owned())) == Some(&1)
        };
        for item in &mut self.items {
            item.claims
                .retain(|claim| is_its_own(&claim.scheme, &claim.value));
            item.aliases
                .retain(|alias| !is_for_ever(alias) || is_its_own(&alias.scheme, &alias.value));
        }
    }
}

fn listed(item: &ObservedItem) -> usize {
    let listed = item.relations.as_ref();
    listed.map_or(0, |listed| listed.relations.len())
}

fn list(item: &mut ObservedItem, relation: ObservedRelation) {
    let of = item.key.clone();
    let listed = item.relations.get_or_insert_with(|| ListedRelations {
        of,
        by: None,
        relations: Vec::new(),
    });
    listed.relations.push(ListedRelation {
        dependent: relation.dependent,
        provider: relation.provider,
        kind: relation.kind,
        strength: relation.strength,
    });
}

fn is_for_ever(alias: &Alias) -> bool {
    alias.valid_from.is_none() && alias.valid_until.is_none()
}

fn relation(dependent: SourceKey, kind: &str, provider: SourceKey) -> ObservedRelation {
    ObservedRelation {
        dependent,
        provider,
        kind: RelationKind::new(kind),
        strength: None,
        valid_from: None,
        valid_until: None,
        report_interval_ms: None,
    }
}

/// Two statements about one item in one listing: the first word counts, names add up.
fn unite(kept: &mut ObservedItem, other: ObservedItem) {
    let claims: BTreeSet<Claim> = kept.claims.drain(..).chain(other.claims).collect();
    kept.claims = claims.into_iter().collect();
    let aliases: BTreeSet<Alias> = kept.aliases.drain(..).chain(other.aliases).collect();
    kept.aliases = aliases.into_iter().collect();
    for (name, value) in other.attributes {
        kept.attributes.entry(name).or_insert(value);
    }
    kept.display_name = kept.display_name.take().or(other.display_name);
    kept.owner = kept.owner.take().or(other.owner);
    kept.criticality = kept.criticality.take().or(other.criticality);
    kept.valid_from = kept.valid_from.or(other.valid_from);
    kept.valid_until = kept.valid_until.or(other.valid_until);
}

/// Writes down an item piece by piece; what is missing or too large is left out.
pub(crate) struct ItemWriter {
    item: ObservedItem,
}

impl ItemWriter {
    /// Begins an item.
    pub(crate) fn new(key: impl Into<SourceKey>) -> Self {
        Self {
            item: ObservedItem::new(key),
        }
    }

    /// An identifying claim.
    pub(crate) fn claim(&mut self, scheme: &str, value: Option<&str>) {
        let Some(value) = usable(value) else { return };
        let claim = Claim::new(scheme, value);
        if !self.item.claims.contains(&claim) && self.item.claims.len() < bounds::ATTRIBUTES_MAX {
            self.item.claims.push(claim);
        }
    }

    /// Another key that means this item.
    pub(crate) fn also_called(&mut self, key: impl Into<SourceKey>) {
        let key = key.into();
        if key != self.item.key {
            self.alias("key", &key.to_string(), None, None);
        }
    }

    /// An address that is its own from a moment on, never for ever.
    pub(crate) fn address(&mut self, ip: Option<&str>, from: Timestamp, until: Option<Timestamp>) {
        let ip = ip.and_then(|ip| ip.parse::<std::net::IpAddr>().ok());
        let Some(ip) = ip.filter(|ip| !ip.is_loopback() && !ip.is_unspecified()) else {
            return;
        };
        self.alias("ip", &ip.to_string(), Some(from), until);
    }

    fn alias(
        &mut self,
        scheme: &str,
        value: &str,
        valid_from: Option<Timestamp>,
        valid_until: Option<Timestamp>,
    ) {
        let alias = Alias {
            scheme: scheme.to_owned(),
            value: value.to_owned(),
            valid_from,
            valid_until,
        };
        let known = self.item.aliases.contains(&alias);
        let fits = value.len() <= bounds::KEY_BYTES;
        if !known && fits && self.item.aliases.len() < bounds::ATTRIBUTES_MAX {
            self.item.aliases.push(alias);
        }
    }

    /// A named value, unless it is empty or larger than an attribute may be.
    pub(crate) fn attribute(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        let empty = match &value {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            Value::Array(entries) => entries.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        };
        let fits = value.to_string().len() <= bounds::ATTRIBUTE_VALUE_BYTES
            && name.len() <= bounds::LINE_BYTES
            && self.item.attributes.len() < bounds::ATTRIBUTES_MAX;
        if !empty && fits {
            self.item.attributes.insert(name.to_owned(), value);
        }
    }

    /// A name for people.
    pub(crate) fn display_name(&mut self, name: Option<&str>) {
        self.item.display_name = line(name);
    }

    /// The team that answers for it.
    pub(crate) fn owner(&mut self, owner: Option<&str>) {
        self.item.owner = line(owner);
    }

    /// How much depends on it.
    pub(crate) fn criticality(&mut self, criticality: Option<&str>) {
        self.item.criticality = line(criticality);
    }

    /// When it began and ended.
    pub(crate) fn exists(&mut self, from: Option<Timestamp>, until: Option<Timestamp>) {
        self.item.valid_from = from;
        self.item.valid_until = until.filter(|until| from.is_none_or(|from| from <= *until));
    }

    /// The item, written.
    pub(crate) fn done(mut self) -> ObservedItem {
        self.item.claims.sort();
        self.item.aliases.sort();
        self.item
    }
}

fn usable(text: Option<&str>) -> Option<&str> {
    text.map(str::trim)
        .filter(|text| !text.is_empty() && text.len() <= bounds::KEY_BYTES)
}

fn line(text: Option<&str>) -> Option<String> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    let text = text.lines().next().unwrap_or(text);
    Some(crate::fields::shortened(text, bounds::LINE_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(key: &str, claims: &[&str]) -> ObservedItem {
        let mut item = ItemWriter::new(SourceKey::text(key));
        for claim in claims {
            item.claim("id", Some(claim));
        }
        item.done()
    }

    #[test]
    fn a_claim_that_several_items_make_is_made_by_none() {
        let mut listing = Listing {
            items: vec![
                item("host:b", &["1", "2"]),
                item("host:a", &["1"]),
                item("host:b", &["2"]),
            ],
            ..Listing::default()
        };
        listing.settle();
        let said: Vec<String> = listing
            .items
            .iter()
            .map(|item| format!("{} {}", item.key, item.claims.len()))
            .collect();
        assert_eq!(said, ["host:a 0", "host:b 1"]);
    }

    #[test]
    fn everything_is_said_once() {
        let mut listing = Listing::default();
        for _ in 0..2 {
            listing.relate(SourceKey::text("a:1"), "calls", SourceKey::text("a:2"));
            listing.relate(SourceKey::text("a:1"), "calls", SourceKey::text("a:1"));
        }
        listing.settle();
        assert_eq!(listing.relations.len(), 1);
    }

    #[test]
    fn what_is_too_large_or_empty_is_left_out() {
        let mut item = ItemWriter::new(SourceKey::text("a:1"));
        item.attribute("large", "x".repeat(5_000));
        item.attribute("empty", "");
        item.attribute("kept", 0);
        item.address(Some("127.0.0.1"), Timestamp::MIN, None);
        item.address(Some("not an address"), Timestamp::MIN, None);
        let item = item.done();
        assert_eq!(item.attributes.keys().collect::<Vec<_>>(), ["kept"]);
        assert!(item.aliases.is_empty());
    }
}
