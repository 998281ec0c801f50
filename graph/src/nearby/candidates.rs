//! Which changes are weighed: the newest, and those of the nearest items.

use std::collections::BTreeSet;

use super::{NearbyLimits, Scene, walk::Walk};
use crate::changes::ChangeIx;
use crate::view::ChangeRow;

/// How many changes of one item are looked at, the last known first, when not all can be.
const OF_ONE_ITEM_MAX: usize = 256;

/// The changes to weigh, in order of their number.
pub(super) struct Candidates {
    pub(super) changes: Vec<ChangeIx>,
    /// Whether changes of the time asked about were left out.
    pub(super) cut_short: bool,
}

impl Candidates {
    pub(super) fn find(
        scene: &Scene<'_>,
        walk: &Walk,
        admits: &dyn Fn(&ChangeRow<'_>) -> bool,
        limits: NearbyLimits,
    ) -> Self {
        let all = scene
            .view
            .changes
            .between(scene.since, scene.at.plus_nanos(1));
        let mut found: BTreeSet<ChangeIx> = BTreeSet::new();
        let mut cut_short = false;
        for (looked_at, change) in all.enumerate() {
            if found.len() == limits.considered_max || looked_at == limits.looked_at_max {
                cut_short = true;
                break;
            }
            if admits(&ChangeRow::new(scene.view, change)) {
                found.insert(change);
            }
        }
        if cut_short {
            of_nearest(scene, walk, admits, limits, &mut found);
        }
        Self {
            changes: found.into_iter().collect(),
            cut_short,
        }
    }
}

/// Adds the changes of the nearest items: as many again as there are newest ones at most.
fn of_nearest(
    scene: &Scene<'_>,
    walk: &Walk,
    admits: &dyn Fn(&ChangeRow<'_>) -> bool,
    limits: NearbyLimits,
    found: &mut BTreeSet<ChangeIx>,
) {
    let view = scene.view;
    let most = found.len() + limits.considered_max;
    for item in walk.nearest() {
        for member in &view.identity.item(item).members {
            let changes = view
                .changes
                .of_target(*member)
                .iter()
                .rev()
                .take(OF_ONE_ITEM_MAX);
            for change in changes {
                let start = view.changes.row(*change).start();
                let in_time = scene.since <= start && start <= scene.at;
                if in_time && admits(&ChangeRow::new(view, *change)) {
                    found.insert(*change);
                }
                if most <= found.len() {
                    return;
                }
            }
        }
    }
}
