//! Words that recur (kinds, sources, environments), kept once.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The number of a word, in order of its first appearance; one more is kept, so that no word takes no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct WordIx(NonZeroU32);

impl WordIx {
    pub(crate) fn number(self) -> u32 {
        self.0.get() - 1
    }

    /// The word that had this number.
    pub(crate) fn from_number(number: u32) -> Self {
        let kept = number.checked_add(1).and_then(NonZeroU32::new);
        Self(kept.expect("fewer than 2^32 - 1 words fit in memory"))
    }
}

/// Words by number and numbers by word.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Words {
    shared: Arc<Table>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Table {
    words: Vec<Arc<str>>,
    numbers: BTreeMap<Arc<str>, u32>,
}

impl Words {
    pub(crate) fn add(&mut self, word: &str) -> WordIx {
        if let Some(known) = self.find(word) {
            return known;
        }
        let table = Arc::make_mut(&mut self.shared);
        let number = u32::try_from(table.words.len()).expect("fewer than 2^32 words fit in memory");
        let word: Arc<str> = word.into();
        table.words.push(Arc::clone(&word));
        table.numbers.insert(word, number);
        WordIx::from_number(number)
    }

    pub(crate) fn find(&self, word: &str) -> Option<WordIx> {
        let number = self.shared.numbers.get(word)?;
        Some(WordIx::from_number(*number))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.shared.words.len()
    }

    pub(crate) fn text(&self, word: WordIx) -> &str {
        self.shared
            .words
            .get(word.number() as usize)
            .map_or("", |text| text)
    }
}
