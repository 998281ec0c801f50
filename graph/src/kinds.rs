//! Every definition of every kind ever made, so that the model of any moment can be asked for.
//!
//! It keeps the set of versions, each with the time it speaks of; which one counts at a moment
//! is a function of the set, so the order in which definitions arrive cannot matter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    BUILT_IN_KINDS, BUILT_IN_RELATION_KINDS, HalfLife, Harm, KindDefined, KindRules, Kinds,
    LogPosition, RelationKindDefined, SourceName, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::change_book::{ChangeBook, SavedChangeBook};
use crate::stamped::Stamp;
use crate::versions::{
    SavedVersion, Version, Versions, counting, from_json, next_after, saved, say, to_json,
};

/// Every version of every kind and relation kind.
#[derive(Clone, Debug, Default)]
pub struct KindBook {
    kinds: BTreeMap<String, Versions<KindRules>>,
    relation_kinds: BTreeMap<String, Versions<RelationKindDefined>>,
    /// Kinds of which some version states how fast evidence fades.
    with_half_life: BTreeSet<String>,
    changes: ChangeBook,
}

/// Every version as it is saved.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct SavedKinds {
    kinds: Vec<SavedVersion>,
    relation_kinds: Vec<SavedVersion>,
    changes: SavedChangeBook,
}

impl KindBook {
    /// The model as it stands at a moment: what is built in, and every definition that counts then.
    pub fn at(&self, moment: Timestamp) -> Kinds {
        let mut kinds = Kinds::default();
        for versions in self.kinds.values() {
            if let Some(rules) = counting(versions, moment).and_then(|it| it.defined.as_ref()) {
                kinds.define(Arc::clone(rules));
            }
        }
        for versions in self.relation_kinds.values() {
            if let Some(defined) = counting(versions, moment).and_then(|it| it.defined.as_ref()) {
                kinds.define_relation(Arc::clone(defined));
            }
        }
        kinds.with_changes(self.changes.at(moment))
    }

    /// What was ever said of platforms, scenes and levels.
    pub fn changes(&self) -> &ChangeBook {
        &self.changes
    }

    /// The same, to be added to.
    pub(crate) fn changes_mut(&mut self) -> &mut ChangeBook {
        &mut self.changes
    }

    /// The first moment after this one at which the model is another one.
    pub fn next_change_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let kinds = self.kinds.values().filter_map(|it| next_after(it, moment));
        let relation_kinds = self.relation_kinds.values();
        kinds
            .chain(relation_kinds.filter_map(|it| next_after(it, moment)))
            .chain(self.changes.next_change_after(moment))
            .min()
    }

    /// Every version of a kind that somebody defined, the earliest first.
    pub fn kind_versions(&self, name: &str) -> impl Iterator<Item = &Version<KindRules>> {
        self.kinds.get(name).into_iter().flat_map(BTreeMap::values)
    }

    /// Every version of a relation kind that somebody defined, the earliest first.
    pub fn relation_kind_versions(
        &self,
        name: &str,
    ) -> impl Iterator<Item = &Version<RelationKindDefined>> {
        let versions = self.relation_kinds.get(name).into_iter();
        versions.flat_map(BTreeMap::values)
    }

    /// Whether a definition of a kind counts at a moment, apart from what is built in.
    pub fn stands(&self, name: &str, moment: Timestamp) -> bool {
        let versions = self.kinds.get(name);
        let version = versions.and_then(|versions| counting(versions, moment));
        version.is_some_and(|version| version.defined.is_some())
    }

    /// Whether anybody ever defined anything.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.relation_kinds.is_empty()
    }

    /// Which sources are believed first about an attribute of a kind at a moment, if a definition says so.
    pub fn precedence(&self, kind: &str, attribute: &str, moment: Timestamp) -> &[SourceName] {
        let version = self.kinds.get(kind).and_then(|it| counting(it, moment));
        let rules = version.and_then(|version| version.defined.as_ref());
        let rule = rules.and_then(|rules| rules.attribute(attribute));
        rule.map_or(&[], |rule| &rule.precedence)
    }

    /// How fast evidence of a kind fades at a moment, if a definition says so.
    pub(crate) fn half_life(&self, kind: &str, moment: Timestamp) -> Option<HalfLife> {
        if self.with_half_life.is_empty() || !self.with_half_life.contains(kind) {
            return None;
        }
        let version = counting(self.kinds.get(kind)?, moment)?;
        version.defined.as_ref()?.defined().half_life
    }

    /// How much harm crosses relations of each kind whose definition at a moment says so.
    pub(crate) fn harms(&self, moment: Timestamp) -> BTreeMap<&str, Harm> {
        let stated = self.relation_kinds.iter().filter_map(|(name, versions)| {
            let defined = counting(versions, moment)?.defined.as_ref()?;
            Some((name.as_str(), defined.harm?))
        });
        stated.collect()
    }

    /// A kind is defined.
    pub(crate) fn define(&mut self, kind: &KindDefined, stamp: Stamp, position: LogPosition) {
        self.say_kind(&kind.name, stamp, position, Some(kind.clone()));
    }

    /// A kind's definition is taken back.
    pub(crate) fn withdraw(&mut self, name: &str, stamp: Stamp, position: LogPosition) {
        self.say_kind(name, stamp, position, None);
    }

    /// A relation kind is defined.
    pub(crate) fn define_relation(
        &mut self,
        kind: &RelationKindDefined,
        stamp: Stamp,
        position: LogPosition,
    ) {
        self.say_relation_kind(&kind.name, stamp, position, Some(kind.clone()));
    }

    /// A relation kind's definition is taken back.
    pub(crate) fn withdraw_relation(&mut self, name: &str, stamp: Stamp, position: LogPosition) {
        self.say_relation_kind(name, stamp, position, None);
    }

    fn say_kind(
        &mut self,
        name: &str,
        stamp: Stamp,
        position: LogPosition,
        defined: Option<KindDefined>,
    ) {
        if defined.as_ref().is_some_and(|it| it.half_life.is_some()) {
            self.with_half_life.insert(name.to_owned());
        }
        let rules = defined.map(|defined| Arc::new(KindRules::of(defined)));
        let versions = self.kinds.entry(name.to_owned()).or_default();
        say(versions, stamp, position, rules);
    }

    fn say_relation_kind(
        &mut self,
        name: &str,
        stamp: Stamp,
        position: LogPosition,
        defined: Option<RelationKindDefined>,
    ) {
        let versions = self.relation_kinds.entry(name.to_owned()).or_default();
        say(versions, stamp, position, defined.map(Arc::new));
    }

    pub(crate) fn save(&self) -> SavedKinds {
        SavedKinds {
            kinds: saved(&self.kinds, |rules| to_json(rules.defined())),
            relation_kinds: saved(&self.relation_kinds, to_json),
            changes: self.changes.save(),
        }
    }

    pub(crate) fn restore(saved: SavedKinds) -> Self {
        let mut book = Self {
            changes: ChangeBook::restore(saved.changes),
            ..Self::default()
        };
        for version in saved.kinds {
            let defined = version.defined.as_deref().map(from_json);
            book.say_kind(&version.name, version.stamp, version.position, defined);
        }
        for version in saved.relation_kinds {
            let defined = version.defined.as_deref().map(from_json);
            book.say_relation_kind(&version.name, version.stamp, version.position, defined);
        }
        book
    }

    /// Every version as a line, without its place in the log.
    pub(crate) fn each_line(&self, mut take: impl FnMut(String)) {
        self.changes.each_line(&mut take);
        let saved = self.save();
        let kinds = saved.kinds.into_iter().map(|it| ("kind", it));
        let relation_kinds = saved.relation_kinds.into_iter();
        for (sort, version) in kinds.chain(relation_kinds.map(|it| ("relation kind", it))) {
            let said = version.defined.as_deref().unwrap_or("withdrawn");
            take(format!(
                "{sort} {} {} {said}",
                version.name, version.stamp.at
            ));
        }
    }
}

/// Whether a kind is always there.
pub fn is_built_in_kind(name: &str) -> bool {
    BUILT_IN_KINDS.iter().any(|it| it.name == name)
}

/// Whether a relation kind is always there.
pub fn is_built_in_relation_kind(name: &str) -> bool {
    BUILT_IN_RELATION_KINDS.iter().any(|it| it.name == name)
}
