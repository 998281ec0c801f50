//! Which changes explain a difference: those that ran when it came to be, on the item or on what it belongs to.

use std::collections::BTreeSet;

use model::Timestamp;

use super::{Difference, State};
use crate::identity::ItemIx;
use crate::topology::Topology;
use crate::view::ChangeRow;

/// How long before a change begins a difference may be seen that it explains: clocks differ.
const BEFORE_MS: f64 = 5.0 * 60_000.0;
/// How long after a change is through what it brings may come to be seen: reports and listings take their time.
const AFTER_MS: f64 = 60.0 * 60_000.0;
/// Relations by which one item belongs to another, so that a change of the one is a change of the other.
const BELONGING: [&str; 9] = [
    "part_of",
    "runs_on",
    "runs",
    "includes",
    "has_member",
    "located_in",
    "managed_by",
    "deployed_from",
    "config_from",
];
/// How far belonging is followed.
const HOPS_MAX: usize = 3;
/// Items looked at for one difference.
const ITEMS_MAX: usize = 64;
/// Changes named for one difference.
const CHANGES_MAX: usize = 5;

/// The changes that explain a difference, the nearest in time first.
pub(super) fn changes<'v>(difference: &Difference<'v>, to: State<'v>) -> Vec<ChangeRow<'v>> {
    let Some(at) = difference.at else {
        return Vec::new();
    };
    let mut origins = vec![difference.item.item];
    let provider = difference.relation.as_ref();
    origins.extend(provider.map(|relation| relation.provider().item));
    let mut found: Vec<ChangeRow<'v>> = belonging(to, &origins, at)
        .into_iter()
        .flat_map(|item| to.view.item_at(item).changes())
        .filter(|change| covers(change, at))
        .collect();
    found.sort_by_key(|change| (distance(change, at), change.id()));
    found.dedup();
    found.truncate(CHANGES_MAX);
    found
}

/// The items that these belong to or consist of, themselves included.
fn belonging(to: State<'_>, origins: &[ItemIx], at: Timestamp) -> BTreeSet<ItemIx> {
    let topology = Topology::new(to.view, at);
    let mut seen: BTreeSet<ItemIx> = origins.iter().copied().collect();
    let mut frontier: Vec<ItemIx> = origins.to_vec();
    for _ in 0..HOPS_MAX {
        let mut next = Vec::new();
        for item in frontier {
            let steps = topology.providers(item).chain(topology.dependents(item));
            for edge in steps {
                let kind = to.view.identity.words.text(edge.span.kind());
                let other = topology.item_of(edge);
                if BELONGING.contains(&kind) && seen.len() < ITEMS_MAX && seen.insert(other) {
                    next.push(other);
                }
            }
        }
        frontier = next;
    }
    seen
}

fn covers(change: &ChangeRow<'_>, at: Timestamp) -> bool {
    let end = change.finished_at().unwrap_or(change.started_at());
    -BEFORE_MS <= at.millis_since(change.started_at()) && at.millis_since(end) <= AFTER_MS
}

/// How far a moment lies from a change's beginning, in milliseconds.
fn distance(change: &ChangeRow<'_>, at: Timestamp) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole milliseconds, never negative, are exact enough to sort by"
    )]
    let distance = at.millis_since(change.started_at()).abs() as u64;
    distance
}
