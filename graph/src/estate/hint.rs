//! Folding the environment that a change or an incident names beside its keys.

use smallvec::SmallVec;

use super::Estate;
use crate::changes::ChangeIx;
use crate::incidents::IncidentIx;
use crate::intern::WordIx;
use crate::mention::MentionIx;

type Hinted = SmallVec<[MentionIx; 2]>;

impl Estate {
    /// Hints at the keys that a change means by its environment, as all statements about it have it by now.
    pub(super) fn hint_of_change(&mut self, change: ChangeIx) {
        let row = self.view.changes.row(change);
        let environment = row.environment();
        let touched: Hinted = row.touched().collect();
        let hinted = self.hinted(environment, &touched);
        if self.view.changes.row(change).hinted == hinted {
            return;
        }
        let before = self.view.changes.hint(change, hinted.clone());
        self.hint(&before, &hinted);
    }

    /// The same of an incident.
    pub(super) fn hint_of_incident(&mut self, incident: IncidentIx) {
        let row = self.view.incidents.row(incident);
        let environment = row.environment.get().copied();
        let items: Hinted = row.items.get().into_iter().flatten().copied().collect();
        let hinted = self.hinted(environment, &items);
        if self.view.incidents.row(incident).hinted == hinted {
            return;
        }
        let before = self.view.incidents.hint(incident, hinted.clone());
        self.hint(&before, &hinted);
    }

    fn hinted(&mut self, environment: Option<WordIx>, touched: &[MentionIx]) -> Hinted {
        let Some(environment) = environment else {
            return Hinted::new();
        };
        let identity = &mut self.view.identity;
        let hinted = touched
            .iter()
            .filter_map(|mention| identity.hinted(*mention, environment));
        let mut hinted: Hinted = hinted.collect();
        hinted.sort_unstable();
        hinted.dedup();
        hinted
    }

    fn hint(&mut self, before: &[MentionIx], now: &[MentionIx]) {
        let identity = &mut self.view.identity;
        for mention in now.iter().filter(|mention| !before.contains(mention)) {
            identity.hint(*mention);
        }
        for mention in before.iter().filter(|mention| !now.contains(mention)) {
            identity.take_hint_back(*mention);
        }
    }
}
