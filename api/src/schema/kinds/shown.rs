//! Kinds as clients see them.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use graph::Version;
use model::{KindRules, RelationKindDefined};

use super::input::{Cardinality, ValueType};
use crate::schema::asking::ask;
use crate::schema::scalars::{DateTime, LogPosition};
use crate::schema::standpoint::Standpoint;

/// A kind of items: what is built in, what was defined, or only what was seen.
pub(crate) struct ItemKind {
    at: Standpoint,
    pub(super) name: String,
    rules: Option<Arc<KindRules>>,
    items: Option<usize>,
}

/// How many report intervals may pass until evidence is ageing, unconfirmed, closed.
#[derive(SimpleObject)]
pub(crate) struct HalfLife {
    /// Beyond so many it is ageing.
    ageing: u32,
    /// Beyond so many it is unconfirmed.
    unconfirmed: u32,
    /// Beyond so many it counts as ended.
    closed: u32,
}

/// An attribute of a kind and its rules.
#[derive(SimpleObject)]
pub(crate) struct AttributeRule {
    /// Its name, as statements write it.
    name: String,
    /// What it means.
    description: Option<String>,
    /// What its values are.
    #[graphql(name = "type")]
    value_type: ValueType,
    /// What the entries of a list are.
    elements: ValueType,
    /// Whether every item of the kind must have it.
    required: bool,
    /// Whether no two items of the kind may have the same value.
    unique: bool,
    /// Fewest characters of a string, or entries of a list.
    length_min: Option<u32>,
    /// Most characters of a string, or entries of a list.
    length_max: Option<u32>,
    /// Least number.
    minimum: Option<f64>,
    /// Greatest number.
    maximum: Option<f64>,
    /// A regular expression that a string, or every string of a list, must match as a whole.
    pattern: Option<String>,
    /// The values of an enumeration.
    values: Vec<String>,
    /// Kinds of items a reference may name; any when empty.
    kinds: Vec<String>,
    /// Sources whose value is shown before that of others, the first of them first.
    precedence: Vec<String>,
}

/// One definition of a kind, or its withdrawal.
#[derive(SimpleObject)]
pub(crate) struct KindVersion {
    /// From when it counts, until the next version.
    from: DateTime,
    /// Where it stands in the log.
    position: LogPosition,
    /// Whether the definition was taken back.
    withdrawn: bool,
    /// The name for people it gives.
    title: Option<String>,
    /// What it says such an item is.
    description: Option<String>,
    /// Whether it refuses attributes that are not listed.
    closed: bool,
    /// Its attributes.
    attributes: Vec<AttributeRule>,
}

/// One definition of a relation kind, or its withdrawal.
#[derive(SimpleObject)]
pub(crate) struct RelationKindVersion {
    /// From when it counts, until the next version.
    from: DateTime,
    /// Where it stands in the log.
    position: LogPosition,
    /// Whether the definition was taken back.
    withdrawn: bool,
    /// How it reads from the dependent to the provider.
    sentence: Option<String>,
    /// How many of one side belong to how many of the other.
    cardinality: Option<Cardinality>,
    /// How much harm crosses such a relation; null for the default.
    harm: Option<Harm>,
}

/// How much of the harm to one end of a relation reaches the other, in percent.
#[derive(SimpleObject)]
pub(crate) struct Harm {
    /// From the provider to the dependent.
    to_dependent: u8,
    /// From the dependent to the provider.
    to_provider: u8,
}

impl From<model::Harm> for Harm {
    fn from(harm: model::Harm) -> Self {
        Self {
            to_dependent: harm.to_dependent,
            to_provider: harm.to_provider,
        }
    }
}

/// A kind of relations. It reads *dependent kind provider*: the dependent needs the provider.
pub(crate) struct RelationKind {
    at: Standpoint,
    defined: Arc<RelationKindDefined>,
}

impl ItemKind {
    /// A kind by name at the standpoint's moment; `None` when it was neither defined nor seen.
    pub(super) fn find(at: &Standpoint, name: &str) -> Option<Self> {
        let graph = &at.view.graph;
        if let Some(rules) = graph.kinds().at(at.valid_at).kind(name) {
            return Some(Self::with_rules(at, Arc::clone(rules)));
        }
        let was_defined = graph.kinds().kind_versions(name).next().is_some();
        let items = graph.kinds_seen().get(name).copied();
        (was_defined || items.is_some())
            .then(|| Self::without_rules(at, name).with_items(items.unwrap_or(0)))
    }

    /// A defined kind.
    pub(super) fn with_rules(at: &Standpoint, rules: Arc<KindRules>) -> Self {
        Self {
            at: at.clone(),
            name: rules.defined().name.clone(),
            rules: Some(rules),
            items: None,
        }
    }

    /// A kind that nobody defines.
    pub(super) fn without_rules(at: &Standpoint, name: &str) -> Self {
        Self {
            at: at.clone(),
            name: name.to_owned(),
            rules: None,
            items: None,
        }
    }

    /// The same with the number of its items.
    pub(super) fn with_items(mut self, items: usize) -> Self {
        self.items = Some(items);
        self
    }

    fn rules(&self) -> Option<&model::KindDefined> {
        self.rules.as_deref().map(KindRules::defined)
    }
}

/// A kind of items: what is built in, what was defined, or only what was seen.
#[Object]
impl ItemKind {
    /// The kind as keys write it.
    async fn name(&self) -> &str {
        &self.name
    }

    /// A name for people.
    async fn title(&self) -> Option<&str> {
        self.rules()?.title.as_deref()
    }

    /// What such an item is.
    async fn description(&self) -> Option<&str> {
        self.rules()?.description.as_deref()
    }

    /// Whether it is always there.
    async fn built_in(&self) -> bool {
        graph::is_built_in_kind(&self.name)
    }

    /// Whether it is defined at the moment asked about; a kind that was only seen is welcome and has no rules.
    async fn defined(&self) -> bool {
        self.rules.is_some()
    }

    /// Whether attributes that are not listed are refused.
    async fn closed(&self) -> bool {
        self.rules().is_some_and(|rules| rules.closed)
    }

    /// The source whose statements must carry every required attribute.
    async fn authority(&self) -> Option<&str> {
        let authority = self.rules()?.authority.as_ref();
        authority.map(model::SourceName::as_str)
    }

    /// How fast evidence of such items fades.
    async fn half_life(&self) -> Option<HalfLife> {
        let half_life = self.rules()?.half_life?;
        Some(HalfLife {
            ageing: half_life.ageing,
            unconfirmed: half_life.unconfirmed,
            closed: half_life.closed,
        })
    }

    /// Its attributes, in the order they are shown.
    async fn attributes(&self) -> Vec<AttributeRule> {
        let rules = self.rules();
        rules.map(attributes).unwrap_or_default()
    }

    /// How many items of the kind were ever known.
    #[graphql(complexity = 20)]
    async fn item_count(&self, ctx: &Context<'_>) -> Result<usize> {
        if let Some(items) = self.items {
            return Ok(items);
        }
        let (graph, name) = (Arc::clone(&self.at.view.graph), self.name.clone());
        ask(ctx, move || {
            graph.kinds_seen().get(name.as_str()).copied().unwrap_or(0)
        })
        .await
    }

    /// Every definition somebody made of it, the earliest first. What is built in is no version.
    #[graphql(complexity = "10 + 5 * child_complexity")]
    async fn versions(&self) -> Vec<KindVersion> {
        let versions = self.at.view.graph.kinds().kind_versions(&self.name);
        versions.map(KindVersion::of).collect()
    }
}

impl KindVersion {
    fn of(version: &Version<KindRules>) -> Self {
        let defined = version.defined.as_deref().map(KindRules::defined);
        Self {
            from: DateTime(version.from),
            position: LogPosition(version.position),
            withdrawn: defined.is_none(),
            title: defined.and_then(|it| it.title.clone()),
            description: defined.and_then(|it| it.description.clone()),
            closed: defined.is_some_and(|it| it.closed),
            attributes: defined.map(attributes).unwrap_or_default(),
        }
    }
}

fn attributes(defined: &model::KindDefined) -> Vec<AttributeRule> {
    let rules = defined.attributes.iter();
    rules.map(AttributeRule::from).collect()
}

impl From<&model::AttributeRule> for AttributeRule {
    fn from(rule: &model::AttributeRule) -> Self {
        let precedence = rule.precedence.iter();
        Self {
            name: rule.name.clone(),
            description: rule.description.clone(),
            value_type: rule.value_type.into(),
            elements: rule.elements.into(),
            required: rule.required,
            unique: rule.unique,
            length_min: rule.length_min,
            length_max: rule.length_max,
            minimum: rule.minimum,
            maximum: rule.maximum,
            pattern: rule.pattern.clone(),
            values: rule.values.clone(),
            kinds: rule.kinds.clone(),
            precedence: precedence.map(ToString::to_string).collect(),
        }
    }
}

impl RelationKind {
    /// A defined relation kind.
    pub(super) fn of(at: &Standpoint, defined: Arc<RelationKindDefined>) -> Self {
        Self {
            at: at.clone(),
            defined,
        }
    }
}

/// A kind of relations. It reads *dependent kind provider*: the dependent needs the provider.
#[Object]
impl RelationKind {
    /// The relation's kind.
    async fn name(&self) -> &str {
        &self.defined.name
    }

    /// How it reads from the dependent to the provider.
    async fn sentence(&self) -> &str {
        &self.defined.sentence
    }

    /// More about it.
    async fn description(&self) -> Option<&str> {
        self.defined.description.as_deref()
    }

    /// Whether it is always there and cannot be changed.
    async fn built_in(&self) -> bool {
        graph::is_built_in_relation_kind(&self.defined.name)
    }

    /// Kinds a dependent may be of; any when empty.
    async fn dependents(&self) -> &[String] {
        &self.defined.dependents
    }

    /// Kinds a provider may be of; any when empty.
    async fn providers(&self) -> &[String] {
        &self.defined.providers
    }

    /// How many of one side belong to how many of the other.
    async fn cardinality(&self) -> Cardinality {
        self.defined.cardinality.into()
    }

    /// How much harm crosses such a relation, where its definition says so.
    async fn harm(&self) -> Option<Harm> {
        self.defined.harm.map(Harm::from)
    }

    /// Every definition somebody made of it, the earliest first. What is built in is no version.
    #[graphql(complexity = "10 + 5 * child_complexity")]
    async fn versions(&self) -> Vec<RelationKindVersion> {
        let book = self.at.view.graph.kinds();
        let versions = book.relation_kind_versions(&self.defined.name);
        let shown = versions.map(|version| {
            let defined = version.defined.as_deref();
            RelationKindVersion {
                from: DateTime(version.from),
                position: LogPosition(version.position),
                withdrawn: defined.is_none(),
                sentence: defined.map(|it| it.sentence.clone()),
                cardinality: defined.map(|it| it.cardinality.into()),
                harm: defined.and_then(|it| it.harm).map(Harm::from),
            }
        });
        shown.collect()
    }
}
