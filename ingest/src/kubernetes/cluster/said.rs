//! What was said of an item, as far as the next word needs it: its digest and what may have to be taken back.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use model::{Claim, ListedRelations, ObservedItem, ObservedRelation, SourceKey, TakenBack};
use serde_json::Value;

/// So many items that are gone are remembered, for one of the same name that comes after them.
const GONE_MAX: usize = 10_000;

/// The last word about an item.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) digest: u64,
    /// Whether it was not followed by the item's end.
    pub(super) stands: bool,
    attributes: Box<[Arc<str>]>,
    names: Box<[(Arc<str>, Box<str>)]>,
    has_owner: bool,
    has_criticality: bool,
    lists_relations: bool,
}

/// A uid is given once: that an object came after another under its name takes it from nobody.
const GIVEN_ONCE: &str = "k8s.uid";

impl Said {
    pub(super) fn of(statement: &ObservedItem, words: &mut Words) -> Self {
        let stated = statement.attributes.iter();
        let stated = stated.filter(|(_, value)| !value.is_null());
        let names = statement.names().filter(|name| name.scheme != GIVEN_ONCE);
        let names = names.map(|name| (words.one(&name.scheme), name.value.into()));
        let names = names.collect();
        Self {
            digest: statement.digest(),
            stands: true,
            attributes: stated.map(|(name, _)| words.one(name)).collect(),
            names,
            has_owner: statement.owner.is_some(),
            has_criticality: statement.criticality.is_some(),
            lists_relations: statement.relations.is_some(),
        }
    }

    /// Takes back in a statement what was said before and is not in it.
    pub(super) fn take_back(&self, statement: &mut ObservedItem) {
        for name in &self.attributes {
            if !statement.attributes.contains_key(&**name) {
                statement.attributes.insert(name.to_string(), Value::Null);
            }
        }
        if self.lists_relations && statement.relations.is_none() {
            statement.relations = Some(ListedRelations {
                of: statement.key.clone(),
                by: None,
                relations: Vec::new(),
            });
        }
        let kept: BTreeSet<Claim> = statement.names().collect();
        let names = self.names.iter();
        let names = names.map(|(scheme, value)| Claim::new(&**scheme, &**value));
        let taken_back = TakenBack {
            owner: self.has_owner && statement.owner.is_none(),
            criticality: self.has_criticality && statement.criticality.is_none(),
            display_name: false,
            names: names.filter(|name| !kept.contains(name)).collect(),
        };
        statement.taken_back = (taken_back != TakenBack::default()).then_some(taken_back);
    }
}

/// Names of attributes, each kept once.
#[derive(Debug, Default)]
pub(super) struct Words(BTreeSet<Arc<str>>);

impl Words {
    fn one(&mut self, word: &str) -> Arc<str> {
        if let Some(known) = self.0.get(word) {
            return Arc::clone(known);
        }
        let word: Arc<str> = word.into();
        self.0.insert(Arc::clone(&word));
        word
    }
}

/// The last words about items that are gone: a pod of a stateful set comes back under its name.
#[derive(Debug, Default)]
pub(super) struct Gone {
    said: HashMap<SourceKey, Said>,
    order: VecDeque<SourceKey>,
}

impl Gone {
    pub(super) fn keep(&mut self, key: SourceKey, mut said: Said) {
        said.stands = false;
        if self.said.insert(key.clone(), said).is_none() {
            self.order.push_back(key);
        }
        while GONE_MAX < self.order.len() {
            if let Some(oldest) = self.order.pop_front() {
                self.said.remove(&oldest);
            }
        }
    }

    /// What was said of it. It keeps its place in the order, so that one that comes and goes takes no more room.
    pub(super) fn take(&mut self, key: &SourceKey) -> Option<Said> {
        self.said.get(key).cloned()
    }
}

/// The relations of a list, each by itself.
pub(super) fn relations(listed: ListedRelations) -> impl Iterator<Item = ObservedRelation> {
    let relations = listed.relations.into_iter();
    relations.map(|relation| ObservedRelation {
        dependent: relation.dependent,
        provider: relation.provider,
        kind: relation.kind,
        strength: relation.strength,
        valid_from: None,
        valid_until: None,
        report_interval_ms: None,
    })
}
