//! Which changes are weighed: the newest, those of the nearest items, and those under way since before the time asked about.

use super::{NearbyLimits, Scene, walk::Walk};
use crate::changes::ChangeIx;
use crate::topology::Seen;
use crate::view::ChangeRow;

/// How many changes of one item are looked at, the last known first, when not all can be.
const OF_ONE_ITEM_MAX: usize = 256;

/// The changes to weigh, in order of their number.
pub(super) struct Candidates {
    pub(super) changes: Vec<ChangeIx>,
    /// Whether changes of the time asked about were left out.
    pub(super) cut_short: bool,
}

/// A search for candidates.
struct Finding<'s> {
    scene: &'s Scene<'s>,
    admits: &'s dyn Fn(&ChangeRow<'_>) -> bool,
    limits: NearbyLimits,
    seen: Seen,
    found: Vec<ChangeIx>,
}

impl Candidates {
    pub(super) fn find(
        scene: &Scene<'_>,
        walk: &Walk,
        admits: &dyn Fn(&ChangeRow<'_>) -> bool,
        limits: NearbyLimits,
    ) -> Self {
        let mut finding = Finding {
            scene,
            admits,
            limits,
            seen: Seen::none(scene.view.changes.rows.len()),
            found: Vec::new(),
        };
        let under_way_left_out = finding.under_way();
        let newer_left_out = finding.newest();
        if newer_left_out {
            finding.of_nearest(walk, under_way_left_out);
        }
        let mut changes = finding.found;
        changes.sort_unstable();
        Self {
            changes,
            cut_short: under_way_left_out || newer_left_out,
        }
    }
}

impl Finding<'_> {
    /// Takes what began before the time asked about and went on in it; returns whether some had to be left out.
    fn under_way(&mut self) -> bool {
        let most = self.limits.considered_max;
        let going_on = self.scene.view.changes.going_on_at(self.scene.since);
        for (looked_at, change) in going_on.enumerate() {
            if looked_at == self.limits.looked_at_max || self.found.len() == most {
                return true;
            }
            self.take(change);
        }
        false
    }

    /// Takes the newest of the time asked about, as many as may be; returns whether some had to be left out.
    fn newest(&mut self) -> bool {
        let scene = self.scene;
        let most = self.found.len() + self.limits.considered_max;
        let until = scene.at.plus_nanos(1);
        for (looked_at, change) in (scene.view.changes.between(scene.since, until)).enumerate() {
            if looked_at == self.limits.looked_at_max || self.found.len() == most {
                return true;
            }
            self.take(change);
        }
        false
    }

    /// Adds the changes of the nearest items: as many again as there are newest ones at most.
    fn of_nearest(&mut self, walk: &Walk, under_way_left_out: bool) {
        let view = self.scene.view;
        let most = self.found.len() + self.limits.considered_max;
        for item in walk.nearest() {
            for member in &view.identity.item(item).members {
                let changes = view.changes.of_target(*member).iter().rev();
                for change in changes.take(OF_ONE_ITEM_MAX) {
                    if self.is_in_time(*change, under_way_left_out) {
                        self.take(*change);
                    }
                    if most <= self.found.len() {
                        return;
                    }
                }
            }
        }
    }

    /// Whether a change belongs to the time asked about and may not have been taken yet: what began before it and
    /// went on in it was, unless some of that was left out.
    fn is_in_time(&self, change: ChangeIx, under_way_left_out: bool) -> bool {
        let changes = &self.scene.view.changes;
        let start = changes.facet(change).start;
        let began = self.scene.since <= start;
        start <= self.scene.at
            && (began || under_way_left_out && self.scene.since <= changes.end(change))
    }

    /// Takes a change if it is admitted and was not looked at before.
    fn take(&mut self, change: ChangeIx) {
        let is_new = self.seen.mark(change.0);
        if is_new && (self.admits)(&ChangeRow::new(self.scene.view, change)) {
            self.found.push(change);
        }
    }
}
