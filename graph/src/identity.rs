//! Which mentions are one item.
//!
//! Two mentions are one item when a person decided so ([`decided`]), when a
//! source says so (a claim or an alias, believed as [`rules`] has it), or when a
//! key with unknown parts can only mean the other ([`attach`]). What hangs
//! together is divided into items by [`classes`]. All of it is a function of the
//! set of mentions, statements and decisions, so the order of arrival cannot
//! matter; and all of it can be taken back, because facts hang on mentions.

mod attach;
mod classes;
mod contested;
mod decided;
mod hinted;
mod named;
mod namesakes;
mod ranks;
mod regroup;
mod renamed;
mod rules;
mod saved;

use std::collections::BTreeSet;

use model::{CiId, ContentHash, SourceKey};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::cow::CowVec;
use crate::intern::Words;
use crate::mention::{Mention, MentionIx, Name, Parts, ReadKey, id_of};
use crate::table::Table;

use attach::{Attachment, Keyed, attachments};
use classes::{Bond, Cluster, Reason};
use decided::Decisions;
use namesakes::Namesakes;

pub use decided::decision_id;
pub(crate) use decided::{Decided, Decision, DecisionId};
pub(crate) use renamed::Renamed;
pub(crate) use rules::{Worth, worth};
pub(crate) use saved::SavedIdentity;

/// The place of an item among the items of a view. It may hold another item in a later view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ItemIx(pub(crate) u32);

/// An item: the mentions that are one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ItemRow {
    /// Sorted; empty when the place is free.
    pub(crate) members: SmallVec<[MentionIx; 2]>,
    /// The mention whose claim is the least: its id is the item's.
    pub(crate) least: Option<MentionIx>,
    /// The mention whose key is shown.
    pub(crate) shown: Option<MentionIx>,
}

/// Mentions, items, and how they hang together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    pub(crate) words: Words,
    pub(crate) mentions: CowVec<Mention, 64>,
    pub(crate) item_of: CowVec<ItemIx, 1024>,
    pub(crate) items: CowVec<ItemRow, 64>,
    /// Mentions by the id of their claim.
    by_id: Table,
    /// The keys by kind and name.
    namesakes: Namesakes,
    /// Places in `items` that are free.
    free: BTreeSet<ItemIx>,
    decisions: Decisions,
}

impl Identity {
    /// The mention of a key, if anybody ever used it.
    pub(crate) fn find(&self, key: &ReadKey) -> Option<MentionIx> {
        self.find_id(key.id())
    }

    /// The mention whose claim has this id.
    pub(crate) fn find_id(&self, id: CiId) -> Option<MentionIx> {
        self.by_id.get(id.as_bytes()).map(MentionIx)
    }

    pub(crate) fn mention(&self, mention: MentionIx) -> &Mention {
        self.mentions
            .get(mention.0 as usize)
            .expect("a mention's number comes from this identity")
    }

    pub(crate) fn item(&self, item: ItemIx) -> &ItemRow {
        self.items
            .get(item.0 as usize)
            .expect("an item's number comes from this view")
    }

    pub(crate) fn item_of(&self, mention: MentionIx) -> ItemIx {
        *self
            .item_of
            .get(mention.0 as usize)
            .expect("every mention belongs to an item")
    }

    /// The keys that share kind and name with the given one.
    pub(crate) fn keys_named(&self, kind: &str, name: &str) -> SmallVec<[MentionIx; 4]> {
        let first = self.namesakes.first(&name_hash(kind, name));
        first.map_or_else(SmallVec::new, |first| self.namesakes.of(first))
    }

    /// The mention of a source's key, made if it is new.
    pub(crate) fn mention_of(&mut self, key: &SourceKey) -> MentionIx {
        let id = id_of(key);
        let stated = |known: &MentionIx| self.mention(*known).stated;
        if let Some(known) = self.find_id(id).filter(stated) {
            return known;
        }
        self.mention_named(ReadKey::read(key), true)
    }

    /// The mention of a key, which is `stated` unless it was only [`hinted`].
    fn mention_named(&mut self, key: ReadKey, stated: bool) -> MentionIx {
        let id = key.id();
        if let Some(known) = self.find_id(id) {
            if stated && !self.mention(known).stated {
                self.mention_mut(known).stated = true;
                self.settle_anew([known].into());
            }
            return known;
        }
        let name = key.into_name(&mut self.words);
        self.add(id, name, stated)
    }

    /// A name comes back that was known before.
    pub(crate) fn add_back(&mut self, name: Name) -> MentionIx {
        let id = CiId::of(&name.to_claim(&self.words));
        match self.find_id(id) {
            Some(known) => known,
            None => self.add(id, name, true),
        }
    }

    fn add(&mut self, id: CiId, name: Name, stated: bool) -> MentionIx {
        let number = u32::try_from(self.mentions.push(Mention::new(name, stated)))
            .expect("fewer than 2^32 mentions fit in memory");
        let mention = MentionIx(number);
        self.by_id.insert(*id.as_bytes(), number);
        let item = self.take_place();
        self.item_of.push(item);
        self.settle(item, std::iter::once(mention).collect());
        self.enlist(mention);
        mention
    }

    /// Somebody decided that names are one item, or two.
    pub(crate) fn decide(&mut self, id: DecisionId, decision: Decision) {
        let names = decision.names();
        let mut dirty = self.all_said_together(&names);
        for name in &names {
            self.mention_mut(*name).decide(id);
        }
        self.decisions.make(id, decision);
        dirty.extend(self.all_said_together(&names));
        self.settle_anew(dirty);
    }

    /// A decision is taken back.
    pub(crate) fn revert(&mut self, id: DecisionId) {
        let names = self.decisions.names_of(&id);
        let mut dirty = self.all_said_together(&names);
        self.decisions.revert(id);
        dirty.extend(self.all_said_together(&names));
        self.settle_anew(dirty);
    }

    fn settle_anew(&mut self, mut dirty: BTreeSet<MentionIx>) {
        let firsts: BTreeSet<MentionIx> = dirty
            .iter()
            .filter_map(|member| self.first_namesake(*member))
            .collect();
        for first in firsts {
            dirty.extend(self.attach_again(first));
        }
        self.regroup(&dirty);
    }

    /// Puts a new key among those of its kind and name, and attaches these anew.
    fn enlist(&mut self, mention: MentionIx) {
        let Some(parts) = self.mention(mention).parts().cloned() else {
            return;
        };
        let hash = name_hash(self.words.text(parts.kind), &parts.name);
        let first = self.namesakes.add(&hash, mention);
        let dirty = self.attach_again(first);
        self.regroup(&dirty);
    }

    /// The first key of the same kind and name.
    fn first_namesake(&self, mention: MentionIx) -> Option<MentionIx> {
        let parts = self.mention(mention).parts()?;
        let hash = name_hash(self.words.text(parts.kind), &parts.name);
        self.namesakes.first(&hash)
    }

    /// Decides anew what the keys of one kind and name mean, by the first of them; returns the mentions it moved.
    fn attach_again(&mut self, first: MentionIx) -> BTreeSet<MentionIx> {
        let keys = self.namesakes.of(first);
        if keys.len() < 2 {
            return BTreeSet::new();
        }
        let keyed: Vec<Keyed> = keys.iter().filter_map(|key| self.keyed(*key)).collect();
        let mut dirty = BTreeSet::new();
        for (mention, attachment) in attachments(keyed) {
            let (means, candidates) = match attachment {
                Attachment::None => (None, Vec::new()),
                Attachment::Only(other) => (Some(other), Vec::new()),
                Attachment::Several(others) => (None, others),
            };
            let before = self.mention(mention).attached_to;
            if self.mention(mention).candidates() != candidates {
                self.mention_mut(mention).set_candidates(candidates);
            }
            if before == means {
                continue;
            }
            dirty.insert(mention);
            if let Some(old) = before {
                self.mention_mut(old).detach(mention);
                dirty.insert(old);
            }
            if let Some(new) = means {
                self.mention_mut(new).attach(mention);
                dirty.insert(new);
            }
            self.mention_mut(mention).attached_to = means;
        }
        dirty
    }

    fn keyed(&self, mention: MentionIx) -> Option<Keyed> {
        let parts: &Parts = self.mention(mention).parts()?;
        let class = self.said_to_be_one(mention).first().copied()?;
        let text =
            |word: Option<crate::intern::WordIx>| word.map(|word| self.words.text(word).to_owned());
        Some(Keyed {
            mention,
            environment: text(parts.environment),
            namespace: text(parts.namespace),
            class,
            stated: self.mention(mention).stated,
            meant: self.is_meant(mention),
        })
    }

    /// All mentions that statements and decisions alone make one with this.
    fn said_to_be_one(&self, mention: MentionIx) -> BTreeSet<MentionIx> {
        let together = self.said_together(mention);
        if together.len() < 2 {
            return together;
        }
        let groups = self.divide(&together, false);
        let own = groups.into_iter().find(|group| group.contains(&mention));
        own.expect("the groups hold every name")
    }

    /// All mentions that hang together with this by statements and decisions.
    fn said_together(&self, mention: MentionIx) -> BTreeSet<MentionIx> {
        self.reach([mention].into(), |mention| self.said_beside(mention))
    }

    fn all_said_together(&self, mentions: &[MentionIx]) -> BTreeSet<MentionIx> {
        let seen = mentions.iter().copied().collect();
        self.reach(seen, |mention| self.said_beside(mention))
    }

    /// The mentions that one statement or decision makes one with this.
    fn said_beside(&self, mention: MentionIx) -> SmallVec<[MentionIx; 4]> {
        let row = self.mention(mention);
        let mut beside: SmallVec<[MentionIx; 4]> =
            self.links_of(mention).map(|(other, _)| other).collect();
        for decision in row.decisions() {
            if let Some(Decision {
                said: Decided::One(names),
                ..
            }) = self.decisions.get(decision)
            {
                beside.extend_from_slice(names);
            }
        }
        beside
    }

    /// The links of a mention that count, with what speaks for each.
    fn links_of(&self, mention: MentionIx) -> impl Iterator<Item = (MentionIx, Reason)> {
        let silent = self.is_shared(mention);
        let links = self.mention(mention).links();
        links
            .filter(move |link| !silent && !self.is_shared(link.other))
            .map(move |link| (link.other, self.reason(mention, link.other)))
    }

    fn reason(&self, one: MentionIx, other: MentionIx) -> Reason {
        match (self.worth(one), self.worth(other)) {
            (Worth::Unique, _) | (_, Worth::Unique) => Reason::Unique,
            (Worth::Stated, Worth::Stated) => Reason::Stated,
            (Worth::Weak | Worth::Timed | Worth::Inside, _)
            | (_, Worth::Weak | Worth::Timed | Worth::Inside) => Reason::Weak,
        }
    }

    fn worth(&self, mention: MentionIx) -> Worth {
        match &self.mention(mention).name {
            Name::Key(_) => Worth::Stated,
            Name::Claim { scheme, .. } => worth(self.words.text(*scheme)),
        }
    }

    /// Mentions that hang together, divided into items.
    fn divide(&self, together: &BTreeSet<MentionIx>, attached: bool) -> Vec<BTreeSet<MentionIx>> {
        let mut bonds = Vec::new();
        let mut decided: BTreeSet<DecisionId> = BTreeSet::new();
        for one in together {
            let row = self.mention(*one);
            decided.extend(row.decisions());
            let said = self.links_of(*one).filter(|(other, _)| one < other);
            bonds.extend(said.map(|(other, reason)| Bond {
                reason,
                one: *one,
                other,
            }));
            let means = row.attached_to.filter(|_| attached);
            bonds.extend(means.map(|other| Bond {
                reason: Reason::Attached,
                one: *one,
                other,
            }));
        }
        let unique = |name: MentionIx| match &self.mention(name).name {
            Name::Claim { scheme, .. } if self.worth(name) == Worth::Unique => {
                Some(scheme.number())
            }
            Name::Claim { .. } | Name::Key(_) => None,
        };
        let text = |name: MentionIx| {
            let claim = self.mention(name).name.to_claim(&self.words);
            format!("{}\n{}", claim.scheme, claim.value)
        };
        let decisions = decided.iter().filter_map(|id| self.decisions.get(id));
        Cluster {
            names: together,
            bonds,
            decisions: decisions.collect(),
            unique: &unique,
            text: &text,
        }
        .divide()
    }

    fn reach(
        &self,
        mut seen: BTreeSet<MentionIx>,
        next: impl Fn(MentionIx) -> SmallVec<[MentionIx; 4]>,
    ) -> BTreeSet<MentionIx> {
        let mut todo: Vec<MentionIx> = seen.iter().copied().collect();
        while let Some(mention) = todo.pop() {
            for other in next(mention) {
                if seen.insert(other) {
                    todo.push(other);
                }
            }
        }
        seen
    }

    pub(crate) fn mention_mut(&mut self, mention: MentionIx) -> &mut Mention {
        self.mentions
            .get_mut(mention.0 as usize)
            .expect("a mention's number comes from this identity")
    }
}

/// What the keys of one kind and name have in common.
pub(crate) fn name_hash(kind: &str, name: &str) -> ContentHash {
    let mut text = String::with_capacity(kind.len() + name.len() + 1);
    text.push_str(kind);
    text.push('\n');
    text.push_str(name);
    ContentHash::of(text.as_bytes())
}
