//! The names of the items of a shelf in one piece, for orders by key and for searches.

use memchr::memmem::Finder;

use super::ITEMS;
use crate::mention::Name;
use crate::structure::folded;
use crate::view::Item;

/// What stands between two names. No word of a search holds it: words are what stands between spaces.
const BETWEEN: char = '\n';

/// Where the texts of each place end.
type Ends = [u32; ITEMS];

/// The names of 64 items.
#[derive(Debug)]
pub(crate) struct Texts {
    /// The canonical keys.
    keys: Box<str>,
    key_ends: Ends,
    /// Everything else that a search looks at, folded.
    more: Box<str>,
    more_ends: Ends,
    /// Items whose texts hold more than a search may find; they have to be asked.
    inexact: u64,
}

/// A word of a search, ready to be looked for.
#[derive(Clone, Debug)]
pub(crate) struct Needle {
    finder: Finder<'static>,
    word: String,
}

impl Needle {
    /// A folded word without spaces.
    pub(crate) fn new(word: String) -> Self {
        Self {
            finder: Finder::new(word.as_bytes()).into_owned(),
            word,
        }
    }

    /// The word.
    pub(crate) fn word(&self) -> &str {
        &self.word
    }
}

impl Texts {
    pub(super) fn of<'v>(items: impl Iterator<Item = (usize, Item<'v>)>) -> Self {
        let (mut keys, mut more) = (String::new(), String::new());
        let (mut key_ends, mut more_ends): (Ends, Ends) = ([0; ITEMS], [0; ITEMS]);
        let mut inexact = 0_u64;
        let mut next = 0;
        for (place, item) in items {
            fill(&mut key_ends, next..place, keys.len());
            fill(&mut more_ends, next..place, more.len());
            next = place + 1;
            let key = item.key();
            if !describe(item, &key, &mut more) {
                inexact |= 1 << place;
            }
            keys.push_str(&key);
            keys.push(BETWEEN);
            fill(&mut key_ends, place..next, keys.len());
            fill(&mut more_ends, place..next, more.len());
        }
        fill(&mut key_ends, next..ITEMS, keys.len());
        fill(&mut more_ends, next..ITEMS, more.len());
        Self {
            keys: keys.into(),
            key_ends,
            more: more.into(),
            more_ends,
            inexact,
        }
    }

    /// The canonical key of the item at a place.
    pub(crate) fn key(&self, place: usize) -> &str {
        let from = place
            .checked_sub(1)
            .and_then(|before| self.key_ends.get(before));
        let from = from.copied().unwrap_or_default() as usize;
        let until = self.key_ends.get(place).copied().unwrap_or_default() as usize;
        let key = self
            .keys
            .get(from..until.saturating_sub(BETWEEN.len_utf8()));
        key.unwrap_or_default()
    }

    /// The items whose names hold a word, and those that have to be asked whether they do.
    pub(crate) fn holding(&self, needle: &Needle) -> (u64, u64) {
        let found =
            found(&self.keys, &self.key_ends, needle) | found(&self.more, &self.more_ends, needle);
        (found & !self.inexact, found & self.inexact)
    }
}

fn fill(ends: &mut Ends, places: std::ops::Range<usize>, end: usize) {
    let end = u32::try_from(end).expect("the names of 64 items are short of 4 GiB");
    if let Some(ends) = ends.get_mut(places) {
        ends.fill(end);
    }
}

/// The places in whose part of the text the word stands.
fn found(text: &str, ends: &Ends, needle: &Needle) -> u64 {
    let (mut found, mut from) = (0_u64, 0);
    while let Some(rest) = text.as_bytes().get(from..)
        && let Some(at) = needle.finder.find(rest)
    {
        let at = from + at;
        let place = ends.partition_point(|end| *end as usize <= at);
        found |= 1_u64
            .checked_shl(u32::try_from(place).unwrap_or(u32::MAX))
            .unwrap_or(0);
        // One place is enough of each item.
        from = ends.get(place).map_or(text.len(), |end| *end as usize);
    }
    found
}

/// Writes what is searched besides the key; says whether all of it, key included, is what a search may find.
fn describe(item: Item<'_>, key: &str, more: &mut String) -> bool {
    let identity = &item.view.identity;
    let mut add = |text: &str| {
        more.push_str(&folded(text));
        more.push(BETWEEN);
    };
    let shown = item.shown();
    let mut exact = true;
    if folded(key) != key {
        add(key);
    }
    let mut name = |name: &Name| match name {
        Name::Key(parts) => {
            let text = parts.to_key(&identity.words).to_string();
            // Such a key writes out what no part of it says.
            let is_plain =
                !text.contains('%') && (parts.environment.is_some() || parts.namespace.is_none());
            exact &= is_plain;
            if !is_plain {
                add(&parts.name);
            }
            if !std::ptr::eq(name, shown) {
                add(&text);
            }
        }
        Name::Claim { value, .. } => {
            exact &= !std::ptr::eq(name, shown);
            add(value);
        }
    };
    for member in item.members() {
        let mention = identity.mention(member);
        name(&mention.name);
        for alias in mention.names_for_a_time() {
            name(&identity.mention(*alias).name);
        }
    }
    for text in [item.owner(), item.display_name()].into_iter().flatten() {
        add(text);
    }
    exact
}
