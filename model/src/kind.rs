//! Models as data: what kinds of items and relations there are, and what their values must be like.
//!
//! A definition is an event with versions, so the model has a history like everything else.
//! A kind nobody defined stays welcome: facts are never refused because their kind is unknown.

mod attribute;
mod built_in;
mod faults;
mod registry;
mod rules;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::SourceName;

pub use attribute::{AttributeRule, ValueType};
pub use built_in::{
    BUILT_IN_KINDS, BUILT_IN_RELATION_KINDS, BuiltInKind, BuiltInRelationKind, FLEETING_KINDS,
};
pub use faults::{DefinitionFault, kind_faults, relation_kind_faults};
pub(crate) use faults::{attribute_list_faults, kind_name_fault};
pub use registry::Kinds;
pub use rules::{Breach, KindRules, RULED_FIELDS};

/// `kind.defined`: what items of a kind are, and what their attributes must be like.
///
/// A later definition of the name replaces an earlier one whole. Of a built-in kind it adds to what is built in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KindDefined {
    /// The kind as keys write it, such as `load_balancer`.
    pub name: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What such an item is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether attributes that are not listed are refused.
    #[serde(default, skip_serializing_if = "is_false")]
    pub closed: bool,
    /// The source whose statements must carry every required attribute; of others a missing one is a finding only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<SourceName>,
    /// How fast evidence of such items fades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_life: Option<HalfLife>,
    /// Its attributes, in the order they are shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributeRule>,
}

/// `kind.withdrawn`: a definition no longer counts. Items of the kind stay; of a built-in kind what was added goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KindWithdrawn {
    /// The kind.
    pub name: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `relation_kind.defined`: how items of some kinds need each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RelationKindDefined {
    /// The relation's kind, such as `mounted_in`.
    pub name: String,
    /// How it reads from the dependent to the provider, as in *a server is mounted in a rack and needs it*.
    pub sentence: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Kinds a dependent may be of; any when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependents: Vec<String>,
    /// Kinds a provider may be of; any when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<String>,
    /// How many of one side belong to how many of the other.
    #[serde(default, skip_serializing_if = "Cardinality::is_many_to_many")]
    pub cardinality: Cardinality,
    /// How much harm crosses such a relation; a default when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harm: Option<Harm>,
}

/// How much of the harm to one end of a relation reaches the other, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Harm {
    /// From the provider to the dependent.
    pub to_dependent: u8,
    /// From the dependent to the provider.
    pub to_provider: u8,
}

/// `relation_kind.withdrawn`: a definition no longer counts. Relations of the kind stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RelationKindWithdrawn {
    /// The relation's kind.
    pub name: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How many dependents a provider may have, and how many providers a dependent: *dependents:providers*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cardinality {
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

impl Cardinality {
    /// Every cardinality with its written form.
    pub const WRITTEN: [(&'static str, Self); 4] = [
        ("1:1", Self::OneToOne),
        ("1:n", Self::OneToMany),
        ("n:1", Self::ManyToOne),
        ("n:m", Self::ManyToMany),
    ];

    /// The written form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneToOne => "1:1",
            Self::OneToMany => "1:n",
            Self::ManyToOne => "n:1",
            Self::ManyToMany => "n:m",
        }
    }

    /// Whether a dependent has at most one provider.
    pub const fn one_provider(self) -> bool {
        matches!(self, Self::OneToOne | Self::ManyToOne)
    }

    /// Whether a provider has at most one dependent.
    pub const fn one_dependent(self) -> bool {
        matches!(self, Self::OneToOne | Self::OneToMany)
    }

    fn is_many_to_many(&self) -> bool {
        *self == Self::ManyToMany
    }
}

/// How many report intervals may pass until evidence is ageing, unconfirmed, closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HalfLife {
    /// Beyond so many it is ageing.
    pub ageing: u32,
    /// Beyond so many it is unconfirmed.
    pub unconfirmed: u32,
    /// Beyond so many it counts as ended.
    pub closed: u32,
}

impl HalfLife {
    /// For what lives long: a service seen every 15 minutes is ageing after half an hour, closed after a day.
    pub const LASTING: Self = Self {
        ageing: 2,
        unconfirmed: 24,
        closed: 96,
    };
    /// For what comes and goes: a pod that reports every minute is closed after ten.
    pub const FLEETING: Self = Self {
        ageing: 2,
        unconfirmed: 4,
        closed: 10,
    };
}

impl KindDefined {
    /// A kind without any rule.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            title: None,
            description: None,
            closed: false,
            authority: None,
            half_life: None,
            attributes: Vec::new(),
        }
    }
}

impl RelationKindDefined {
    /// Whether a dependent may be of a kind.
    pub fn takes_dependent(&self, kind: &str) -> bool {
        self.dependents.is_empty() || self.dependents.iter().any(|taken| taken == kind)
    }

    /// Whether a provider may be of a kind.
    pub fn takes_provider(&self, kind: &str) -> bool {
        self.providers.is_empty() || self.providers.iter().any(|taken| taken == kind)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(truth: &bool) -> bool {
    !truth
}
