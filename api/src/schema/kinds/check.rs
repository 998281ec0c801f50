//! Holds what is known of items and relations against rules: before they count, and ever after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_graphql::{Context, Result, SimpleObject};
use futures_util::{StreamExt, stream};
use graph::{ItemAttribute, Observation, Precedence, Wanted};
use model::{Attributes, CiId, KindRules, RelationKindDefined};
use serde_json::Value;

use crate::schema::Shared;
use crate::schema::anomaly::Anomaly;
use crate::schema::asking::ask;
use crate::schema::details::failed;
use crate::schema::standpoint::Standpoint;
use crate::schema::values::known_until;

/// Most items whose values one check reads.
const ITEMS_CHECKED_MAX: usize = 20_000;
/// How many items are read at once.
const READ_AT_ONCE: usize = 16;
/// Breaches that a check names.
const EXAMPLES_MAX: usize = 20;
/// How much of a value is shown.
const VALUE_SHOWN_BYTES: usize = 64;

/// What does not keep some rules.
#[derive(SimpleObject)]
pub(crate) struct ModelCheck {
    /// How many items or relations were looked at.
    checked: usize,
    /// How many of them break a rule.
    broken: usize,
    /// Whether all of the kind were looked at; of very many, the first 20,000 are.
    complete: bool,
    /// The first breaches.
    examples: Vec<Finding>,
}

/// Something that does not keep a rule.
#[derive(Clone, SimpleObject)]
pub(crate) struct Finding {
    /// `VALUE_BREAKS_RULE`, `ATTRIBUTE_MISSING`, `VALUE_NOT_UNIQUE`, `TOO_MANY_RELATIONS` or `FOREIGN_END`.
    code: &'static str,
    /// The item.
    key: String,
    /// The attribute, where it is about one.
    attribute: Option<String>,
    /// The source of the value, where it is about one.
    source: Option<String>,
    /// What is the matter.
    message: String,
}

/// An item as a check reads it.
struct Candidate {
    key: String,
    id: CiId,
    observations: Vec<Observation>,
}

impl ModelCheck {
    /// Nothing could break.
    pub(super) fn nothing() -> Self {
        Self {
            checked: 0,
            broken: 0,
            complete: true,
            examples: Vec::new(),
        }
    }

    /// Every item of the rules' kind against the rules.
    pub(super) async fn of_items(
        ctx: &Context<'_>,
        at: &Standpoint,
        rules: &Arc<KindRules>,
    ) -> Result<Self> {
        let kind = rules.defined().name.clone();
        let mut of_kinds = candidates(ctx, at, BTreeSet::from([kind.clone()])).await?;
        let Candidates { items, more } = of_kinds.remove(&kind).unwrap_or_default();
        let checked = items.len();
        let found = check_items(ctx, at, rules, items).await?;
        Ok(Self {
            checked,
            complete: !more,
            ..Self::nothing().with(found)
        })
    }

    /// Every relation of a kind against its definition.
    pub(super) async fn of_relations(
        ctx: &Context<'_>,
        at: &Standpoint,
        defined: &Arc<RelationKindDefined>,
    ) -> Result<Self> {
        let (at, defined) = (at.clone(), Arc::clone(defined));
        ask(ctx, move || {
            let (checked, found) = at.view.graph.check_relation_kind(&defined, at.valid_at);
            let found = found.into_iter().map(|anomaly| Finding {
                code: anomaly.code(),
                key: anomaly.key().to_owned(),
                attribute: None,
                source: None,
                message: anomaly.sentence(),
            });
            Self {
                checked,
                ..Self::nothing().with(found.collect())
            }
        })
        .await
    }

    fn with(mut self, mut found: Vec<Finding>) -> Self {
        let keys: BTreeSet<&str> = found.iter().map(|finding| finding.key.as_str()).collect();
        self.broken = keys.len();
        found.truncate(EXAMPLES_MAX);
        self.examples = found;
        self
    }
}

/// What items of kinds with rules break at the moment, as open questions.
pub(crate) async fn findings(ctx: &Context<'_>, at: &Standpoint) -> Result<Vec<Anomaly>> {
    let kinds = at.view.graph.kinds().at(at.valid_at);
    let ruled = kinds.kinds().filter(|rules| rules.rules_something());
    let ruled: BTreeMap<String, Arc<KindRules>> = ruled
        .map(|rules| (rules.defined().name.clone(), Arc::clone(rules)))
        .collect();
    if ruled.is_empty() {
        return Ok(Vec::new());
    }
    let of_kinds = candidates(ctx, at, ruled.keys().cloned().collect()).await?;
    let mut anomalies = Vec::new();
    for (kind, candidates) in of_kinds {
        if let Some(rules) = ruled.get(&kind) {
            anomalies.extend(candidates.more.then(|| not_all_checked(&kind)));
            let found = check_items(ctx, at, rules, candidates.items).await?;
            anomalies.extend(found.into_iter().map(Anomaly::from));
        }
    }
    Ok(anomalies)
}

/// That a kind has more items than a check reads.
fn not_all_checked(kind: &str) -> Anomaly {
    Anomaly {
        code: "NOT_ALL_CHECKED",
        key: kind.to_owned(),
        message: format!(
            "of the items of the kind {kind} the first {ITEMS_CHECKED_MAX} were held against its rules, in the order of their keys"
        ),
    }
}

/// Items of one kind as a check reads them.
#[derive(Default)]
struct Candidates {
    items: Vec<Candidate>,
    /// Whether there are more than are checked.
    more: bool,
}

/// The items of some kinds that exist at the moment, of each the first so many in the order of their keys.
async fn candidates(
    ctx: &Context<'_>,
    at: &Standpoint,
    kinds: BTreeSet<String>,
) -> Result<BTreeMap<String, Candidates>> {
    let at = at.clone();
    ask(ctx, move || {
        let mut keyed: BTreeMap<&str, Vec<(String, graph::Item<'_>)>> = BTreeMap::new();
        for item in at.view.graph.items() {
            if kinds.contains(item.kind()) && item.exists_at(at.valid_at) {
                let of_kind = keyed.entry(item.kind()).or_default();
                of_kind.push((item.key(), item));
            }
        }
        let each = keyed.into_iter().map(|(kind, mut items)| {
            items.sort_by(|(one, _), (other, _)| one.cmp(other));
            let more = ITEMS_CHECKED_MAX < items.len();
            items.truncate(ITEMS_CHECKED_MAX);
            let items = items.into_iter().map(|(key, item)| Candidate {
                key,
                id: item.id(),
                observations: item.observations(),
            });
            let items = items.collect();
            (kind.to_owned(), Candidates { items, more })
        });
        each.collect()
    })
    .await
}

/// Everything the items break, in their order.
async fn check_items(
    ctx: &Context<'_>,
    at: &Standpoint,
    rules: &KindRules,
    candidates: Vec<Candidate>,
) -> Result<Vec<Finding>> {
    let bodies = &ctx.data::<Shared>()?.ports.bodies;
    let precedence = Precedence {
        kinds: at.view.graph.kinds(),
        kind: &rules.defined().name,
        moment: at.valid_at,
    };
    let fields: Vec<String> = rules.fields().iter().map(ToString::to_string).collect();
    let known = known_until(at);
    let read = stream::iter(candidates).map(|candidate| async move {
        let said = bodies.items(candidate.observations, known).await;
        (candidate.key, candidate.id, said)
    });
    let mut read = read.buffered(READ_AT_ONCE);
    let mut found = Vec::new();
    let mut holders = Holders::new();
    while let Some((key, id, said)) = read.next().await {
        let said = said.map_err(|error| failed(&error))?.statements;
        let moment = at.stated_moment();
        let mut values = graph::attributes_at(&said, moment, Wanted::Attributes, precedence);
        if !fields.is_empty() {
            values.retain(|value| !fields.contains(&value.name));
            let named = Wanted::Named(&fields);
            values.extend(graph::attributes_at(&said, moment, named, precedence));
        }
        found.extend(broken(rules, &key, &values));
        found.extend(missing(rules, &key, &values));
        found.extend(shared(rules, (&key, id), &values, &mut holders));
    }
    Ok(found)
}

/// Who had a value of a unique attribute first.
type Holders = BTreeMap<(String, String), (CiId, String)>;

/// What each source says against the rules.
fn broken(rules: &KindRules, key: &str, values: &[ItemAttribute]) -> Vec<Finding> {
    let mut found = Vec::new();
    for value in values {
        for stated in std::iter::once(&value.shown).chain(&value.others) {
            let one = Attributes::from([(value.name.clone(), stated.value.clone())]);
            found.extend(rules.breaches(&one).into_iter().map(|breach| {
                let (name, rule) = (breach.attribute, breach.rule);
                let (source, value) = (&stated.source, short(&stated.value));
                Finding {
                    code: "VALUE_BREAKS_RULE",
                    key: key.to_owned(),
                    message: format!("{name} of {key} {rule}; {source} says {value}"),
                    attribute: Some(name),
                    source: Some(source.to_string()),
                }
            }));
        }
    }
    found
}

/// What no source says, though the kind requires it.
fn missing(rules: &KindRules, key: &str, values: &[ItemAttribute]) -> Vec<Finding> {
    let shown = values
        .iter()
        .map(|value| (value.name.clone(), value.shown.value.clone()));
    let shown: Attributes = shown.collect();
    let missing = rules.missing(&shown).into_iter().map(|name| Finding {
        code: "ATTRIBUTE_MISSING",
        key: key.to_owned(),
        attribute: Some(name.to_owned()),
        source: None,
        message: format!("{key} has no {name}, which its kind requires"),
    });
    missing.collect()
}

/// Which values another item has already, though they are to be unique.
fn shared(
    rules: &KindRules,
    (key, id): (&str, CiId),
    values: &[ItemAttribute],
    holders: &mut Holders,
) -> Vec<Finding> {
    let is_unique = |name: &str| rules.attribute(name).is_some_and(|rule| rule.unique);
    let mut found = Vec::new();
    for value in values.iter().filter(|value| is_unique(&value.name)) {
        let stated = &value.shown.value;
        let holder = holders
            .entry((value.name.clone(), stated.to_string()))
            .or_insert_with(|| (id, key.to_owned()));
        if holder.0 != id {
            let (name, shown, holder) = (&value.name, short(stated), &holder.1);
            found.push(Finding {
                code: "VALUE_NOT_UNIQUE",
                key: key.to_owned(),
                attribute: Some(name.clone()),
                source: None,
                message: format!("{key} has the {name} {shown} of {holder}"),
            });
        }
    }
    found
}

/// A value as it is told. It comes from the log, so it holds no secret.
fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= VALUE_SHOWN_BYTES {
        return text;
    }
    let end = text.floor_char_boundary(VALUE_SHOWN_BYTES);
    format!("{}…", text.get(..end).unwrap_or_default())
}

impl From<Finding> for Anomaly {
    fn from(finding: Finding) -> Self {
        Self {
            code: finding.code,
            key: finding.key,
            message: finding.message,
        }
    }
}
