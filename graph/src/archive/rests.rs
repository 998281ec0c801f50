//! Which items can be put away: those that are over, with all that hangs together with them.

use std::collections::BTreeSet;

use model::{Timestamp, ValidInterval};

use super::run::Hull;
use crate::anomalies::clusters_of;
use crate::identity::ItemIx;
use crate::listings::Lists;
use crate::mention::{KEY_SCHEME, MentionIx, Name};
use crate::relations::{Ends, RowIx};
use crate::validity::Validity;
use crate::view::GraphView;

/// More names than this are not put away together.
const NAMES_MAX: usize = 4_096;

/// Names that hang together and are over.
pub(super) struct Resting {
    /// Sorted by the id of their claim.
    pub(super) names: Vec<MentionIx>,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// Finds what is over.
pub(super) struct Rests<'v> {
    view: &'v GraphView,
    /// What ended by then is over.
    boundary: Timestamp,
    /// What changes and incidents are about: it stays.
    touched: Vec<bool>,
}

impl Resting {
    pub(super) fn hull(&self) -> Hull {
        Hull::of(self.from, self.until)
    }

    fn cover(&mut self, from: Timestamp, until: Timestamp) {
        self.from = self.from.min(from);
        self.until = self.until.max(until);
    }
}

impl<'v> Rests<'v> {
    pub(super) fn new(view: &'v GraphView, boundary: Timestamp) -> Self {
        let mut touched = vec![false; view.identity.mentions.len()];
        let mut touch = |name: MentionIx| {
            if let Some(touched) = touched.get_mut(name.0 as usize) {
                *touched = true;
            }
        };
        view.changes.rows.each_name(&mut touch);
        let incidents = view.incidents.rows.iter();
        let incidents = incidents.flat_map(|row| {
            let items = row.items.get().into_iter().flatten();
            items.chain(&row.hinted).copied()
        });
        incidents.for_each(touch);
        Self {
            view,
            boundary,
            touched,
        }
    }

    /// Everything that is over.
    pub(super) fn all(&self) -> Vec<Resting> {
        let mut seen = vec![false; self.touched.len()];
        let mut found = Vec::new();
        let count = u32::try_from(seen.len()).expect("a name's number is a u32");
        for name in (0..count).map(MentionIx) {
            let is_seen = seen.get(name.0 as usize).is_none_or(|seen| *seen);
            if is_seen || !self.ended(name) {
                continue;
            }
            let together = self.together(name);
            for name in &together {
                if let Some(seen) = seen.get_mut(name.0 as usize) {
                    *seen = true;
                }
            }
            found.extend(self.resting(&together));
        }
        found
    }

    /// Whether something was said of its time, and all of it is over.
    fn ended(&self, name: MentionIx) -> bool {
        let facts = self.view.facts.get(name.0 as usize);
        facts.is_some_and(|facts| !facts.validity.is_empty() && self.is_over(&facts.validity))
    }

    fn is_over(&self, validity: &Validity) -> bool {
        let over = |held: &ValidInterval| held.until().is_some_and(|until| until <= self.boundary);
        validity.intervals().iter().all(over)
    }

    /// The names that may not be parted from one: what it is the same as, or might be, or shares lists with.
    fn together(&self, name: MentionIx) -> BTreeSet<MentionIx> {
        let identity = &self.view.identity;
        let mut found = BTreeSet::from([name]);
        let mut todo = vec![name];
        while let Some(name) = todo.pop() {
            let row = identity.mention(name);
            let mut beside: Vec<MentionIx> = row.linked.iter().map(|link| link.other).collect();
            if let Some(parts) = row.parts() {
                let kind = identity.words.text(parts.kind);
                beside.extend(identity.keys_named(kind, &parts.name));
            }
            beside.extend(self.beside_in_lists(name));
            for other in beside {
                if found.insert(other) {
                    todo.push(other);
                }
            }
            // Cut short: it does not rest then.
            if NAMES_MAX < found.len() {
                break;
            }
        }
        found
    }

    /// The other ends of relations that the provider lists: they lie in its lists, and with the dependent.
    fn beside_in_lists(&self, name: MentionIx) -> Vec<MentionIx> {
        let relations = &self.view.relations;
        let own = self.lists_of(name).map_or_else(Vec::new, Lists::listed);
        let own = own.into_iter().map(|(row, _)| relations.ends(row));
        let own = own.filter(|ends| ends.provider == name);
        let mut beside: Vec<MentionIx> = own.map(|ends| ends.dependent).collect();
        let provided = relations.providers_of(name);
        let listing = provided.filter(|edge| self.lists(edge.other, edge.row));
        beside.extend(listing.map(|edge| edge.other));
        beside
    }

    fn lists_of(&self, name: MentionIx) -> Option<&Lists> {
        self.view.lists.get(name.0 as usize)?.as_deref()
    }

    fn lists(&self, name: MentionIx, row: RowIx) -> bool {
        self.lists_of(name).is_some_and(|lists| lists.carry(row))
    }

    /// What hangs together, if none of it keeps the rest.
    fn resting(&self, together: &BTreeSet<MentionIx>) -> Option<Resting> {
        if NAMES_MAX < together.len() {
            return None;
        }
        let mut resting = Resting {
            names: together.iter().copied().collect(),
            from: Timestamp::MAX,
            until: Timestamp::MIN,
        };
        let identity = &self.view.identity;
        let mut items: BTreeSet<ItemIx> = BTreeSet::new();
        for name in together {
            if !self.rests(*name) {
                return None;
            }
            items.insert(identity.item_of(*name));
            self.cover(&mut resting, *name, together)?;
        }
        // An item of which nobody stated a time is always there.
        let has_ended = |item: &ItemIx| {
            let mut members = identity.item(*item).members.iter();
            members.any(|member| self.ended(*member))
        };
        if !items.iter().all(has_ended) {
            return None;
        }
        let id = |name: &MentionIx| {
            let claim = identity.mention(*name).name.to_claim(&identity.words);
            model::CiId::of(&claim)
        };
        resting.names.sort_by_cached_key(id);
        Some(resting)
    }

    /// Whether nothing but time spoke of a name: no change, no decision, no open question.
    fn rests(&self, name: MentionIx) -> bool {
        let identity = &self.view.identity;
        let row = identity.mention(name);
        let is_touched = self.touched.get(name.0 as usize).is_none_or(|it| *it);
        let is_unreadable = matches!(&row.name, Name::Claim { scheme, .. }
            if identity.words.text(*scheme) == KEY_SCHEME);
        let stays = is_touched
            || !row.stated
            || 0 < row.hints()
            || !row.candidates().is_empty()
            || !row.decisions().is_empty()
            || !row.stated_aliases().is_empty()
            || row.has_taken_back()
            || is_unreadable
            || identity.contested(name).is_some()
            || 1 < clusters_of(self.view, row).len();
        !stays
    }

    /// Widens the time of what rests by all that was said of a name; nothing if some of it is not over.
    fn cover(
        &self,
        resting: &mut Resting,
        name: MentionIx,
        together: &BTreeSet<MentionIx>,
    ) -> Option<()> {
        if let Some(facts) = self.view.facts.get(name.0 as usize) {
            if !self.is_over(&facts.validity) {
                return None;
            }
            widen(resting, &facts.validity);
            for deviation in facts.deviations() {
                resting.cover(deviation.from, deviation.until.unwrap_or(deviation.from));
            }
        }
        let identity = &self.view.identity;
        for other in identity.mention(name).names_for_a_time() {
            // What has no end of its own has the name for ever.
            if !self.ended(name) {
                return None;
            }
            let aliases = identity.mention(*other).stated_aliases().iter();
            for alias in aliases.filter(|alias| alias.means == name) {
                resting.from = resting.from.min(alias.from);
            }
        }
        let relations = &self.view.relations;
        let edges = relations.providers_of(name);
        let edges = edges.chain(relations.dependents_of(name));
        for edge in edges {
            let row = relations.row(edge.row);
            if !self.is_over(&row.validity) {
                return None;
            }
            // Lists of a dependent that stays still carry it.
            let Ends { dependent, .. } = relations.ends(edge.row);
            if !together.contains(&dependent) && self.lists(dependent, edge.row) {
                return None;
            }
            widen(resting, &row.validity);
            for deviation in row.deviations() {
                resting.cover(deviation.from, deviation.until.unwrap_or(deviation.from));
            }
        }
        Some(())
    }
}

fn widen(resting: &mut Resting, validity: &Validity) {
    for held in validity.intervals() {
        resting.cover(held.from(), held.until().unwrap_or(held.from()));
    }
}
