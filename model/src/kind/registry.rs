//! Every kind as it is defined at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ChangeModel;

use super::{BUILT_IN_KINDS, BUILT_IN_RELATION_KINDS, KindDefined, KindRules, RelationKindDefined};

/// What items and relations must be like at one moment. Kinds that are not in it are welcome and have no rules.
#[derive(Clone, Debug)]
pub struct Kinds {
    kinds: BTreeMap<String, Arc<KindRules>>,
    relation_kinds: BTreeMap<String, Arc<RelationKindDefined>>,
    changes: ChangeModel,
}

impl Default for Kinds {
    /// The built-in kinds.
    fn default() -> Self {
        let kinds = BUILT_IN_KINDS
            .iter()
            .map(|built_in| (built_in.name, KindRules::of(built_in.definition())));
        let relation_kinds = BUILT_IN_RELATION_KINDS
            .iter()
            .map(|built_in| (built_in.name, built_in.definition()));
        Self {
            kinds: kinds
                .map(|(name, rules)| (name.to_owned(), Arc::new(rules)))
                .collect(),
            relation_kinds: relation_kinds
                .map(|(name, defined)| (name.to_owned(), Arc::new(defined)))
                .collect(),
            changes: ChangeModel::default(),
        }
    }
}

impl Kinds {
    /// What changes are like.
    pub fn changes(&self) -> &ChangeModel {
        &self.changes
    }

    /// The same with what changes are like.
    #[must_use]
    pub fn with_changes(mut self, changes: ChangeModel) -> Self {
        self.changes = changes;
        self
    }

    /// Takes a definition, of a built-in kind already joined with what is built in.
    pub fn define(&mut self, rules: Arc<KindRules>) {
        self.kinds.insert(rules.defined().name.clone(), rules);
    }

    /// Takes a definition; a built-in relation kind stays as it is.
    pub fn define_relation(&mut self, defined: Arc<RelationKindDefined>) {
        let is_built_in = BUILT_IN_RELATION_KINDS
            .iter()
            .any(|built_in| built_in.name == defined.name);
        if !is_built_in {
            self.relation_kinds.insert(defined.name.clone(), defined);
        }
    }

    /// The rules of a kind, if it is defined.
    pub fn kind(&self, name: &str) -> Option<&Arc<KindRules>> {
        self.kinds.get(name)
    }

    /// The definition of a relation kind, if it is defined.
    pub fn relation_kind(&self, name: &str) -> Option<&Arc<RelationKindDefined>> {
        self.relation_kinds.get(name)
    }

    /// Every defined kind by name.
    pub fn kinds(&self) -> impl Iterator<Item = &Arc<KindRules>> {
        self.kinds.values()
    }

    /// Every defined relation kind by name.
    pub fn relation_kinds(&self) -> impl Iterator<Item = &Arc<RelationKindDefined>> {
        self.relation_kinds.values()
    }
}

/// What counts of a kind when somebody defines it: of a built-in one, the definition on top of what is built in.
pub(super) fn joined(defined: KindDefined) -> KindDefined {
    let built_in = BUILT_IN_KINDS.iter().find(|it| it.name == defined.name);
    let Some(built_in) = built_in.map(super::BuiltInKind::definition) else {
        return defined;
    };
    let stated = |name: &str| defined.attributes.iter().any(|own| own.name == name);
    let mut attributes: Vec<_> = built_in
        .attributes
        .into_iter()
        .filter(|attribute| !stated(&attribute.name))
        .collect();
    attributes.extend(defined.attributes.iter().cloned());
    KindDefined {
        title: defined.title.or(built_in.title),
        description: defined.description.or(built_in.description),
        half_life: defined.half_life.or(built_in.half_life),
        attributes,
        ..defined
    }
}
