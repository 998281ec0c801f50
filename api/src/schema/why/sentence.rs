//! What an event says of what was asked about, as one sentence.

use graph::Wanted;
use index::EvidenceSubject;
use model::{
    Event, EventEnvelope, IdentityDecision, ListedRelation, Observation, ObservedCalls,
    ObservedItem, RelationKind, SourceKey, Strength, TakenBack, Topic,
};
use serde_json::Value;

/// Most characters of a value in a sentence.
const VALUE_CHARS: usize = 80;
/// Most names in a sentence.
const NAMES_MAX: usize = 5;

/// What was asked about.
pub(super) enum About {
    /// An item.
    Item,
    /// A value of an item, by its name.
    Value(String),
    /// Relations between these names.
    Relations(Vec<EvidenceSubject>),
}

/// What an event says of it.
pub(super) fn sentence(envelope: &EventEnvelope, about: &About) -> String {
    let source = envelope.id.source.as_str();
    let who = envelope.actor.name.as_deref().unwrap_or(source);
    let said = said(&envelope.event, about);
    let is_decision = matches!(
        envelope.event,
        Event::ItemsMerged(_) | Event::ItemSplit(_) | Event::IdentityReverted(_)
    );
    if is_decision {
        format!("{who} {said}")
    } else {
        format!("{source} {said}")
    }
}

fn said(event: &Event, about: &About) -> String {
    match event.topic() {
        Topic::Observation(observation) => said_of(observation, about),
        Topic::Identity(decision) => decided(decision),
        Topic::Deviation(_)
        | Topic::Change(_)
        | Topic::Incident(_)
        | Topic::Judgement(_)
        | Topic::Intake
        | Topic::Definition
        | Topic::Access => format!("sent {}", event.tag().0),
    }
}

fn said_of(observation: Observation<'_>, about: &About) -> String {
    match observation {
        Observation::Item(item) => observed(item, about),
        Observation::ItemRetired(item) => {
            format!(
                "says that {} exists no longer{}",
                item.key,
                because(item.reason.as_ref())
            )
        }
        Observation::Relation(relation) => {
            let words = words(&relation.dependent, &relation.kind, &relation.provider);
            format!("says that {words}{}", strength(relation.strength))
        }
        Observation::RelationEnded(relation) => {
            let words = words(&relation.dependent, &relation.kind, &relation.provider);
            let because = because(relation.reason.as_ref());
            format!("says that it is over that {words}{because}")
        }
        Observation::Calls(calls) => counted(calls, about),
    }
}

fn decided(decision: IdentityDecision<'_>) -> String {
    match decision {
        IdentityDecision::Merged(merged) => {
            let names = names(&merged.items);
            let because = because(merged.reason.as_ref());
            format!("decided that {names} are one item{because}")
        }
        IdentityDecision::Split(split) => {
            let (apart, from) = (names(&split.names), names(&split.from));
            let because = because(split.reason.as_ref());
            format!("decided that {apart} is another item than {from}{because}")
        }
        IdentityDecision::Reverted(reverted) => {
            let because = because(reverted.reason.as_ref());
            format!("took back the decision {}{because}", reverted.decision)
        }
    }
}

fn strength(strength: Option<Strength>) -> &'static str {
    match strength {
        Some(Strength::Strong) => " and cannot do without it",
        Some(Strength::Weak) => " and can do without it",
        None => "",
    }
}

fn observed(item: &ObservedItem, about: &About) -> String {
    match about {
        About::Item => format!("says that {} exists{}", item.key, described(item)),
        About::Value(name) => stated(item, name),
        About::Relations(subjects) => {
            let listed = item.relations.iter().flat_map(|listed| &listed.relations);
            let asked = listed.filter(|one| is_asked(one, subjects));
            let words: Vec<String> = asked
                .take(NAMES_MAX)
                .map(|one| words(&one.dependent, &one.kind, &one.provider))
                .collect();
            format!("lists that {}", words.join(", and that "))
        }
    }
}

/// What a statement says of a value.
fn stated(item: &ObservedItem, name: &str) -> String {
    let names = [name.to_owned()];
    match Wanted::Named(&names).values_of(item).first() {
        Some((_, Value::Null)) => format!("takes back what it said of {name} of {}", item.key),
        Some((_, value)) => {
            let value = shortened(&value.to_string());
            format!("says that {name} of {} is {value}", item.key)
        }
        None => format!("describes {}", item.key),
    }
}

/// What a statement takes back besides attributes.
fn no_longer(back: &TakenBack) -> String {
    let fields = [
        (back.owner, "an owner"),
        (back.criticality, "a criticality"),
        (back.display_name, "a name for people"),
    ];
    let fields = fields.into_iter().filter(|(is_back, _)| *is_back);
    let mut said: Vec<String> = fields.map(|(_, said)| said.to_owned()).collect();
    let names = back.names.iter();
    said.extend(names.map(|name| format!("{}={}", name.scheme, name.value)));
    format!("no longer has {}", few(&said))
}

/// What a statement says beyond that the item exists.
fn described(item: &ObservedItem) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some(owner) = &item.owner {
        parts.push(format!("is owned by {owner}"));
    }
    if let Some(criticality) = &item.criticality {
        parts.push(format!("has criticality {criticality}"));
    }
    if let Some(name) = &item.display_name {
        parts.push(format!("is called {}", shortened(name)));
    }
    let claims = item
        .claims
        .iter()
        .map(|claim| (&claim.scheme, &claim.value));
    let aliases = item
        .aliases
        .iter()
        .map(|alias| (&alias.scheme, &alias.value));
    let names: Vec<String> = claims
        .chain(aliases)
        .map(|(scheme, value)| format!("{scheme}={value}"))
        .collect();
    if !names.is_empty() {
        parts.push(format!("is also {}", few(&names)));
    }
    if let Some(back) = &item.taken_back {
        parts.push(no_longer(back));
    }
    let (taken_back, stated): (Vec<_>, Vec<_>) = item
        .attributes
        .iter()
        .partition(|(_, value)| value.is_null());
    let stated: Vec<String> = stated
        .into_iter()
        .map(|(name, value)| format!("{name} {}", shortened(&value.to_string())))
        .collect();
    if !stated.is_empty() {
        parts.push(format!("has {}", few(&stated)));
    }
    let taken_back: Vec<String> = taken_back
        .into_iter()
        .map(|(name, _)| name.clone())
        .collect();
    if !taken_back.is_empty() {
        parts.push(format!("no longer has {}", few(&taken_back)));
    }
    match parts.pop() {
        None => String::new(),
        Some(last) if parts.is_empty() => format!(" and {last}"),
        Some(last) => format!(", {} and {last}", parts.join(", ")),
    }
}

/// What one window of traces says of what was asked about.
fn counted(calls: &ObservedCalls, about: &About) -> String {
    let from = calls.window.from();
    let until = calls.window.until().unwrap_or(from);
    let About::Relations(subjects) = about else {
        return format!("met it in traces between {from} and {until}");
    };
    let asked = calls.calls.iter().filter(|call| {
        let subject = EvidenceSubject::relation(&call.dependent, &call.provider, &call.kind);
        subjects.contains(&subject)
    });
    let (mut count, mut errors, mut first) = (0_u64, 0_u64, None);
    for call in asked {
        count = count.saturating_add(call.calls);
        errors = errors.saturating_add(call.errors);
        first.get_or_insert_with(|| words(&call.dependent, &call.kind, &call.provider));
    }
    let words = first.unwrap_or_else(|| "it is needed".to_owned());
    format!("saw {count} times between {from} and {until} that {words}; {errors} failed")
}

fn is_asked(one: &ListedRelation, subjects: &[EvidenceSubject]) -> bool {
    let subject = EvidenceSubject::relation(&one.dependent, &one.provider, &one.kind);
    subjects.contains(&subject)
}

/// A relation as a sentence: dependent KIND provider.
fn words(dependent: &SourceKey, kind: &RelationKind, provider: &SourceKey) -> String {
    let kind = kind.as_str().replace('_', " ");
    format!("{dependent} {kind} {provider}")
}

fn names(keys: &[SourceKey]) -> String {
    let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
    few(&names)
}

/// The first of a list, and how many more there are.
fn few(list: &[String]) -> String {
    let told = list.get(..NAMES_MAX).unwrap_or(list);
    let more = list.len() - told.len();
    let told = told.join(", ");
    if more == 0 {
        told
    } else {
        format!("{told} and {more} more")
    }
}

fn because(reason: Option<&String>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {}", shortened(reason)))
}

fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let mut short: String = characters.by_ref().take(VALUE_CHARS).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}
