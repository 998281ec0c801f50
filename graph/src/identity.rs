//! Which mentions are one item.
//!
//! Two mentions are one item when a source says so (a claim or an alias), or
//! when a key with unknown parts can only mean the other ([`attach`]). Both are
//! functions of the set of all mentions and statements, so the order of arrival
//! cannot matter; and both can be taken back, because facts hang on mentions.

mod attach;

use std::collections::{BTreeMap, BTreeSet};

use model::{CiId, ContentHash};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::cow::CowVec;
use crate::intern::Words;
use crate::mention::{KEY_SCHEME, Mention, MentionIx, Name, Parts, ReadKey, TimedAlias};
use crate::table::Table;

pub(crate) use attach::{Attachment, Keyed, attachments};

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
    /// Places in `keyed` by the hash of kind and name.
    by_name: Table,
    /// The keys that share kind and name.
    keyed: CowVec<SmallVec<[MentionIx; 2]>, 64>,
    /// Places in `items` that are free.
    free: BTreeSet<ItemIx>,
}

/// What is saved of it; the rest is made again.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedIdentity {
    words: Words,
    mentions: CowVec<Mention, 64>,
    item_of: CowVec<ItemIx, 1024>,
    items: CowVec<ItemRow, 64>,
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
    pub(crate) fn keys_named(&self, kind: &str, name: &str) -> &[MentionIx] {
        self.by_name
            .get(name_hash(kind, name).as_bytes())
            .and_then(|place| self.keyed.get(place as usize))
            .map_or(&[], |keys| keys.as_slice())
    }

    /// The mention of a key, made if it is new.
    pub(crate) fn mention_of(&mut self, key: ReadKey) -> MentionIx {
        let id = key.id();
        if let Some(known) = self.find_id(id) {
            return known;
        }
        let name = key.into_name(&mut self.words);
        let number = u32::try_from(self.mentions.push(Mention::new(name)))
            .expect("fewer than 2^32 mentions fit in memory");
        let mention = MentionIx(number);
        self.by_id.insert(*id.as_bytes(), number);
        let item = self.take_place();
        self.item_of.push(item);
        self.settle(item, std::iter::once(mention).collect());
        self.enlist(mention);
        mention
    }

    /// A source says that two mentions are one item.
    pub(crate) fn link(&mut self, one: MentionIx, other: MentionIx) {
        if one == other || self.mention(one).linked.contains(&other) {
            return;
        }
        self.mention_mut(one).linked.push(other);
        self.mention_mut(other).linked.push(one);
        let class = self.said_to_be_one(one);
        let mut dirty: BTreeSet<MentionIx> = class.clone();
        for place in class
            .iter()
            .filter_map(|member| self.place_of(*member))
            .collect::<BTreeSet<_>>()
        {
            dirty.extend(self.attach_again(place));
        }
        self.regroup(&dirty);
    }

    /// A source says that a name belonged to an item for a time.
    pub(crate) fn alias(&mut self, name: MentionIx, alias: TimedAlias) {
        let aliases = &mut self.mention_mut(name).aliases;
        if let Err(place) = aliases.binary_search(&alias) {
            aliases.insert(place, alias);
        }
    }

    /// Puts a new key among those of its kind and name, and attaches these anew.
    fn enlist(&mut self, mention: MentionIx) {
        let Some(parts) = self.mention(mention).parts().cloned() else {
            return;
        };
        let hash = name_hash(self.words.text(parts.kind), &parts.name);
        let next = u32::try_from(self.keyed.len()).expect("fewer names than mentions");
        let place = self.by_name.insert(*hash.as_bytes(), next) as usize;
        self.keyed.grow_to(place).push(mention);
        let dirty = self.attach_again(place);
        self.regroup(&dirty);
    }

    fn place_of(&self, mention: MentionIx) -> Option<usize> {
        let parts = self.mention(mention).parts()?;
        let hash = name_hash(self.words.text(parts.kind), &parts.name);
        self.by_name
            .get(hash.as_bytes())
            .map(|place| place as usize)
    }

    /// Decides anew what the keys of one kind and name mean; returns the mentions it moved.
    fn attach_again(&mut self, place: usize) -> BTreeSet<MentionIx> {
        let keys = self.keyed.get(place).cloned().unwrap_or_default();
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
            if self.mention(mention).candidates != candidates {
                self.mention_mut(mention).candidates = candidates;
            }
            if before == means {
                continue;
            }
            dirty.insert(mention);
            if let Some(old) = before {
                self.mention_mut(old)
                    .attached_by
                    .retain(|by| *by != mention);
                dirty.insert(old);
            }
            if let Some(new) = means {
                self.mention_mut(new).attached_by.push(mention);
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
        })
    }

    /// All mentions that statements alone make one with this.
    fn said_to_be_one(&self, mention: MentionIx) -> BTreeSet<MentionIx> {
        self.reach([mention].into(), |mention| {
            mention.linked.iter().copied().collect()
        })
    }

    fn reach(
        &self,
        mut seen: BTreeSet<MentionIx>,
        next: impl Fn(&Mention) -> SmallVec<[MentionIx; 4]>,
    ) -> BTreeSet<MentionIx> {
        let mut todo: Vec<MentionIx> = seen.iter().copied().collect();
        while let Some(mention) = todo.pop() {
            for other in next(self.mention(mention)) {
                if seen.insert(other) {
                    todo.push(other);
                }
            }
        }
        seen
    }

    /// Makes the items anew that the given mentions belong to now or belonged to before.
    fn regroup(&mut self, dirty: &BTreeSet<MentionIx>) {
        let mut places: BTreeSet<ItemIx> = BTreeSet::new();
        let mut todo: BTreeSet<MentionIx> = BTreeSet::new();
        for mention in dirty {
            let place = self.item_of(*mention);
            if places.insert(place) {
                todo.extend(self.item(place).members.iter().copied());
            }
        }
        if places.is_empty() {
            return;
        }
        let mut groups: Vec<BTreeSet<MentionIx>> = Vec::new();
        while let Some(first) = todo.pop_first() {
            let group = self.reach([first].into(), |mention| {
                let attached = mention.attached_to.iter().chain(&mention.attached_by);
                mention.linked.iter().chain(attached).copied().collect()
            });
            for member in &group {
                todo.remove(member);
                places.insert(self.item_of(*member));
            }
            groups.push(group);
        }
        self.free.extend(places.iter().copied());
        for place in places {
            self.clear(place);
        }
        for group in groups {
            let place = self.take_place();
            self.settle(place, group);
        }
    }

    fn clear(&mut self, place: ItemIx) {
        if let Some(row) = self.items.get_mut(place.0 as usize) {
            *row = ItemRow::default();
        }
    }

    fn take_place(&mut self) -> ItemIx {
        self.free.pop_first().unwrap_or_else(|| {
            let number = self.items.push(ItemRow::default());
            ItemIx(u32::try_from(number).expect("fewer items than mentions"))
        })
    }

    fn settle(&mut self, place: ItemIx, members: BTreeSet<MentionIx>) {
        let least = members
            .iter()
            .copied()
            .min_by_key(|member| self.rank(*member));
        let shown = members
            .iter()
            .copied()
            .min_by_key(|member| self.shown_rank(*member));
        for member in &members {
            *self
                .item_of
                .get_mut(member.0 as usize)
                .expect("every mention has a place") = place;
        }
        let row = self
            .items
            .get_mut(place.0 as usize)
            .expect("the place was taken before");
        *row = ItemRow {
            members: members.into_iter().collect(),
            least,
            shown,
        };
    }

    /// The total order of identifying claims: written keys first, then schemes and values by text.
    fn rank(&self, mention: MentionIx) -> (bool, String, String) {
        let claim = self.mention(mention).name.to_claim(&self.words);
        (claim.scheme != KEY_SCHEME, claim.scheme, claim.value)
    }

    /// Which key is shown: the most complete, then the first by text; other names only if there is no key.
    fn shown_rank(&self, mention: MentionIx) -> (bool, usize, String) {
        let name = &self.mention(mention).name;
        let missing = match name {
            Name::Key(parts) => 2 - parts.known(),
            Name::Claim { .. } => 2,
        };
        (
            matches!(name, Name::Claim { .. }),
            missing,
            name.to_claim(&self.words).value,
        )
    }

    fn mention_mut(&mut self, mention: MentionIx) -> &mut Mention {
        self.mentions
            .get_mut(mention.0 as usize)
            .expect("a mention's number comes from this identity")
    }

    pub(crate) fn save(&self) -> SavedIdentity {
        SavedIdentity {
            words: self.words.clone(),
            mentions: self.mentions.clone(),
            item_of: self.item_of.clone(),
            items: self.items.clone(),
        }
    }

    /// The identity as it was saved, its tables made again.
    pub(crate) fn restore(saved: SavedIdentity) -> Self {
        let SavedIdentity {
            words,
            mentions,
            item_of,
            items,
        } = saved;
        let mut identity = Self {
            words,
            mentions,
            item_of,
            items,
            ..Self::default()
        };
        let mut names: BTreeMap<[u8; 16], u32> = BTreeMap::new();
        for number in 0..identity.mentions.len() {
            let mention = MentionIx(u32::try_from(number).expect("it was a u32 when saved"));
            let id = CiId::of(&identity.mention(mention).name.to_claim(&identity.words));
            identity.by_id.insert(*id.as_bytes(), mention.0);
            let Some(parts) = identity.mention(mention).parts() else {
                continue;
            };
            let hash = *name_hash(identity.words.text(parts.kind), &parts.name).as_bytes();
            let next = u32::try_from(names.len()).expect("fewer names than mentions");
            let place = *names.entry(hash).or_insert(next);
            identity.by_name.insert(hash, place);
            identity.keyed.grow_to(place as usize).push(mention);
        }
        for (number, row) in identity.items.iter().enumerate() {
            if row.members.is_empty() {
                identity.free.insert(ItemIx(
                    u32::try_from(number).expect("it was a u32 when saved"),
                ));
            }
        }
        identity
    }
}

fn name_hash(kind: &str, name: &str) -> ContentHash {
    let mut text = String::with_capacity(kind.len() + name.len() + 1);
    text.push_str(kind);
    text.push('\n');
    text.push_str(name);
    ContentHash::of(text.as_bytes())
}
