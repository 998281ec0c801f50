//! Why a member belongs to its group, in steps and in words.
#![expect(
    clippy::indexing_slicing,
    reason = "a number is the place of an incident in the sweep the links are of"
)]

use std::collections::BTreeMap;

use model::{CiId, IncidentId};

use super::judged::PairSaid;
use super::origins::Step;
use super::sweep::{Link, Swept};
use crate::blast::phrase;
use crate::identity::ItemIx;
use crate::path::PathStep;
use crate::view::{GraphView, Relation};

/// What links a member to another one of its group.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberReason {
    /// The other one.
    pub with: IncidentId,
    /// Where the harm comes from that explains both; nothing where somebody says that they are one.
    pub through: Option<CiId>,
    /// Who says that they are one.
    pub said_by: Option<String>,
    /// Whether that shows symptoms itself.
    pub shows_symptoms: bool,
    /// The way of harm from there to the member; empty where it shows on it.
    pub path: Vec<PathStep>,
    /// The way of harm from there to the other one.
    pub path_of_other: Vec<PathStep>,
    /// How long after the other one the member began, in milliseconds; negative when before.
    pub after_ms: f64,
    /// The share of harm that gets to both; 0 where somebody says that they are one.
    pub harm: f64,
    /// The same as a sentence.
    pub sentence: String,
}

/// The links that joined a group, in the order in which they did.
pub(super) fn links_of<'s>(
    swept: &'s Swept<'_>,
    group_of: &[usize],
    group: usize,
) -> Vec<&'s Link> {
    let links = swept.links.iter();
    links.filter(|link| group_of[link.later] == group).collect()
}

/// Why each member belongs: what it was joined by, else the first that was joined to it.
///
/// What began first needs no reason.
pub(super) fn reasons(
    view: &GraphView,
    swept: &Swept<'_>,
    links: &[&Link],
) -> BTreeMap<IncidentId, Vec<MemberReason>> {
    let mut reasons: BTreeMap<IncidentId, Vec<MemberReason>> = BTreeMap::new();
    let id = |number: usize| swept.alerts[number].id;
    for link in links {
        let reason = reason(view, swept, link, link.later);
        reasons.entry(id(link.later)).or_default().push(reason);
    }
    let first = links.iter().map(|link| link.earlier).min();
    for link in links.iter().filter(|link| Some(link.earlier) != first) {
        let known = reasons.entry(id(link.earlier)).or_default();
        if known.is_empty() {
            known.push(reason(view, swept, link, link.earlier));
        }
    }
    reasons
}

fn reason(view: &GraphView, swept: &Swept<'_>, link: &Link, member: usize) -> MemberReason {
    let is_later = member == link.later;
    let (path, path_of_other, other) = match is_later {
        true => (&link.to_later, &link.to_earlier, link.earlier),
        false => (&link.to_earlier, &link.to_later, link.later),
    };
    let (member, other) = (&swept.alerts[member], &swept.alerts[other]);
    let steps = |steps: &[Step]| -> Vec<PathStep> {
        let step = |(row, against): &Step| PathStep::of(&Relation::of_step(view, *row), *against);
        steps.iter().map(step).collect()
    };
    let after_ms = member.start.millis_since(other.start);
    let lapse = lapse(after_ms);
    MemberReason {
        with: other.id,
        through: link.through.map(|item| view.item_at(item).id()),
        said_by: link.said.as_ref().map(|said| said.source.clone()),
        shows_symptoms: link.through.is_some() && link.silent.is_none(),
        path: steps(path),
        path_of_other: steps(path_of_other),
        after_ms,
        harm: link.harm,
        sentence: sentence(view, link, path, path_of_other, &lapse),
    }
}

fn sentence(
    view: &GraphView,
    link: &Link,
    path: &[Step],
    path_of_other: &[Step],
    lapse: &str,
) -> String {
    let key = |item: ItemIx| view.item_at(item).key();
    let Some(through) = link.through.map(key) else {
        return link.said.as_ref().map_or_else(String::new, said);
    };
    match (path.is_empty(), path_of_other.is_empty()) {
        (true, true) => format!("{through} shows both, {lapse}"),
        (false, true) => format!("{}; {through} showed a symptom {lapse}", told(view, path)),
        (true, false) => {
            let other = shown_by(view, path_of_other).map_or_else(String::new, key);
            let way = told(view, path_of_other);
            format!("{way}; {other} showed a symptom {lapse}")
        }
        (false, false) => {
            let why = match link.silent {
                None => format!("{through} shows symptoms itself"),
                Some((showing, harmed)) => {
                    format!(
                        "symptoms show at or behind {showing} of the {harmed} that {through} harms directly"
                    )
                }
            };
            let both = (told(view, path), told(view, path_of_other));
            format!("{}, and {}, {lapse}; {why}", both.0, both.1)
        }
    }
}

/// What somebody says of two incidents that are one.
fn said(said: &PairSaid) -> String {
    let source = &said.source;
    match &said.reason {
        Some(reason) => format!("{source} says that both are one: {reason}"),
        None => format!("{source} says that both are one"),
    }
}

/// The item where a way of harm ends.
fn shown_by(view: &GraphView, path: &[Step]) -> Option<ItemIx> {
    let (row, against_arrow) = path.last()?;
    let ends = view.relations.ends(*row);
    let harmed = match against_arrow {
        true => ends.dependent,
        false => ends.provider,
    };
    Some(view.identity.item_of(harmed))
}

/// The way of harm as relations, from where the symptom shows to where the harm comes from.
fn told(view: &GraphView, path: &[Step]) -> String {
    let steps = path.iter().rev();
    let phrases = steps.map(|(row, against)| phrase(&Relation::of_step(view, *row), *against));
    phrases.collect::<Vec<String>>().join(", ")
}

fn lapse(after_ms: f64) -> String {
    let seconds = after_ms.abs() / 1000.0;
    let span = if seconds < 120.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{:.0} min", seconds / 60.0)
    };
    match after_ms {
        _ if seconds < 0.5 => "at the same time".to_owned(),
        after if 0.0 < after => format!("{span} before"),
        _ => format!("{span} later"),
    }
}
