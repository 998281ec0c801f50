//! What came of earlier changes of the same sort: how often people judged one the cause of an earlier incident.

use std::collections::{BTreeMap, BTreeSet};

use model::{IncidentId, Verdict};

use super::{Judgements, Scene};
use crate::changes::{ChangeIx, WordFacet};
use crate::identity::ItemIx;
use crate::intern::WordIx;
use crate::view::GraphView;

/// The causes of incidents that began before the symptom.
pub(super) struct Priors<'v> {
    view: &'v GraphView,
    causes: BTreeMap<ChangeIx, Vec<IncidentId>>,
    /// Those that touched an item, once somebody asked for it.
    of_items: BTreeMap<ItemIx, Vec<ChangeIx>>,
}

impl<'v> Priors<'v> {
    /// What was judged of incidents before this one; nothing of this one, which has a signal of its own.
    pub(super) fn before(scene: &Scene<'v>) -> Self {
        let view = scene.view;
        let mut causes: BTreeMap<ChangeIx, Vec<IncidentId>> = BTreeMap::new();
        let judged = view.verdicts().filter(|(_, incident, verdict)| {
            let counts = scene.judgements == Judgements::Count && *verdict == Verdict::Cause;
            counts && !scene.incidents.contains(incident)
        });
        for (change, incident, _) in judged {
            let began = view.incident(incident).map(|it| it.started_at());
            if let (Some(change), Some(began)) = (view.changes.find(change), began)
                && began < scene.began
            {
                causes.entry(change).or_default().push(incident);
            }
        }
        Self {
            view,
            causes,
            of_items: BTreeMap::new(),
        }
    }

    /// Of how many earlier incidents a change was the cause that comes from the same platform, is of the same kind
    /// and touched one of the same items; the change itself is one of those.
    pub(super) fn incidents(&mut self, change: ChangeIx, touched: &[ItemIx]) -> usize {
        if self.causes.is_empty() {
            return 0;
        }
        let sort = self.sort(change);
        let mut incidents: BTreeSet<IncidentId> = BTreeSet::new();
        for item in touched {
            for cause in self.of_item(*item) {
                if self.sort(cause) == sort {
                    incidents.extend(self.causes.get(&cause).into_iter().flatten());
                }
            }
        }
        incidents.len()
    }

    fn sort(&self, change: ChangeIx) -> [Option<WordIx>; 2] {
        let changes = &self.view.changes;
        let facet = changes.facet(change);
        [WordFacet::Source, WordFacet::Kind].map(|of| changes.word(facet, of))
    }

    fn of_item(&mut self, item: ItemIx) -> Vec<ChangeIx> {
        let (view, causes) = (self.view, &self.causes);
        let known = self.of_items.entry(item).or_insert_with(|| {
            let touching = |cause: &&ChangeIx| {
                let members = &view.identity.item(item).members;
                let mut touching = members.iter().map(|name| view.changes.of_target(*name));
                touching.any(|changes| changes.binary_search(cause).is_ok())
            };
            causes.keys().filter(touching).copied().collect()
        });
        known.clone()
    }
}
