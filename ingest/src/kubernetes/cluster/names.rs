//! Names that identify a node, as long as no other node of the cluster has them too.
//!
//! Machines that were cloned share their machine id; a name that several have would make
//! one item of them. Names of other objects are unique by their making.

use std::collections::{BTreeMap, BTreeSet};

use model::{Alias, ObservedItem, SourceKey};

/// Scheme and value.
type Name = (String, String);

#[derive(Debug, Default)]
pub(super) struct Names {
    bearers: BTreeMap<Name, BTreeSet<SourceKey>>,
    of: BTreeMap<SourceKey, BTreeSet<Name>>,
}

impl Names {
    /// Sets the names of a node; returns the nodes that share one now, or no longer do.
    pub(super) fn set(&mut self, item: &ObservedItem) -> BTreeSet<SourceKey> {
        // The node alone, not the zone and the cluster that it tells of.
        if item.claims.is_empty() {
            return BTreeSet::new();
        }
        let claims = item.claims.iter();
        let names = claims.map(|claim| (claim.scheme.clone(), claim.value.clone()));
        let aliases = item.aliases.iter().filter(|alias| is_for_ever(alias));
        let names = names.chain(aliases.map(|alias| (alias.scheme.clone(), alias.value.clone())));
        self.replace(&item.key, &names.collect())
    }

    /// Forgets a node; returns the nodes that no longer share a name with it.
    pub(super) fn remove(&mut self, key: &SourceKey) -> BTreeSet<SourceKey> {
        self.replace(key, &BTreeSet::new())
    }

    fn replace(&mut self, key: &SourceKey, names: &BTreeSet<Name>) -> BTreeSet<SourceKey> {
        let before = match names.is_empty() {
            true => self.of.remove(key),
            false => self.of.insert(key.clone(), names.clone()),
        };
        let before = before.unwrap_or_default();
        let mut touched = BTreeSet::new();
        for name in before.difference(names) {
            if let Some(bearers) = self.bearers.get_mut(name) {
                bearers.remove(key);
                touched.extend(bearers.iter().cloned());
                if bearers.is_empty() {
                    self.bearers.remove(name);
                }
            }
        }
        for name in names.difference(&before) {
            let bearers = self.bearers.entry(name.clone()).or_default();
            touched.extend(bearers.iter().cloned());
            bearers.insert(key.clone());
        }
        touched
    }

    /// Takes out of a statement what several nodes are called.
    pub(super) fn keep_own(&self, item: &mut ObservedItem) {
        if !self.of.contains_key(&item.key) {
            return;
        }
        let is_own = |scheme: &str, value: &str| {
            let bearers = self.bearers.get(&(scheme.to_owned(), value.to_owned()));
            bearers.is_none_or(|bearers| bearers.len() == 1)
        };
        item.claims
            .retain(|claim| is_own(&claim.scheme, &claim.value));
        item.aliases
            .retain(|alias| !is_for_ever(alias) || is_own(&alias.scheme, &alias.value));
    }
}

fn is_for_ever(alias: &Alias) -> bool {
    alias.valid_from.is_none() && alias.valid_until.is_none()
}
