//! Names that sources give to items, and take back.

use std::collections::BTreeSet;

use super::Identity;
use super::rules::SHARED_MAX;
use crate::mention::{Link, MentionIx, TakenBackName, TimedAlias};

impl Identity {
    /// A source says that two mentions are one item.
    pub(crate) fn link(&mut self, one: MentionIx, link: Link) {
        let other = link.other;
        if one == other {
            return;
        }
        // Both ends know the last time it was said, and so whether it was taken back since.
        let other_way = Link { other: one, ..link };
        let is_new = self.mention_mut(one).link(link);
        let is_new = self.mention_mut(other).link(other_way) || is_new;
        if !is_new {
            return;
        }
        let mut dirty = self.said_together(one);
        dirty.extend(self.said_together(other));
        for name in [one, other] {
            if self.is_shared(name) {
                dirty.extend(self.mention(name).linked.iter().map(|link| link.other));
            }
        }
        self.settle_anew(dirty);
    }

    /// A source no longer says that two mentions are one item.
    pub(crate) fn take_back(&mut self, one: MentionIx, taken_back: TakenBackName) {
        let other = taken_back.other;
        if one == other {
            return;
        }
        let mut dirty = self.all_said_together(&[one, other]);
        for name in [one, other] {
            dirty.extend(self.mention(name).linked.iter().map(|link| link.other));
        }
        self.mention_mut(one).take_back(taken_back);
        let other_way = TakenBackName {
            other: one,
            ..taken_back
        };
        self.mention_mut(other).take_back(other_way);
        let apart: Vec<MentionIx> = dirty.iter().copied().collect();
        dirty.extend(self.all_said_together(&apart));
        self.settle_anew(dirty);
    }

    /// A source says that a name belonged to an item for a time.
    pub(crate) fn alias(&mut self, name: MentionIx, alias: TimedAlias) {
        self.mention_mut(name).alias(alias);
        self.mention_mut(alias.means).name_for_a_time(name);
    }

    /// Whether so many keys share a name that it says nothing.
    pub(crate) fn is_shared(&self, name: MentionIx) -> bool {
        let mention = self.mention(name);
        if mention.parts().is_some() || mention.linked.len() <= SHARED_MAX {
            return false;
        }
        let others: BTreeSet<MentionIx> = mention.links().map(|link| link.other).collect();
        SHARED_MAX < others.len()
    }
}
