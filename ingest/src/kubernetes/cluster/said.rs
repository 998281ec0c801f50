//! What was said of an item, as far as the next word needs it: its digest and what may have to be taken back.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use model::{ListedRelations, ObservedItem, ObservedRelation, SourceKey};
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
    lists_relations: bool,
}

impl Said {
    pub(super) fn of(statement: &ObservedItem, words: &mut Words) -> Self {
        let stated = statement.attributes.iter();
        let stated = stated.filter(|(_, value)| !value.is_null());
        Self {
            digest: statement.digest(),
            stands: true,
            attributes: stated.map(|(name, _)| words.one(name)).collect(),
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
