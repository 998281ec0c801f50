//! Owners, criticalities, quorums and names of a moment of which memory holds only what was said later.
//!
//! Whoever keeps every statement reads them; the view only answers with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{CiId, Timestamp};

use super::{GraphView, Item, ItemField, Remembered};
use crate::identity::ItemIx;

/// What counted at a moment, of the items of which memory cannot tell.
#[derive(Debug)]
pub(crate) struct WordsThen {
    pub(super) at: Timestamp,
    words: BTreeMap<(ItemIx, &'static str), String>,
}

impl WordsThen {
    pub(super) fn of(&self, item: ItemIx, field: ItemField) -> Option<&str> {
        let word = self.words.get(&(item, field.name()));
        word.map(String::as_str)
    }
}

impl GraphView {
    /// The items of which memory cannot tell every field at a moment: somebody said something since.
    pub fn forgotten_at(&self, at: Timestamp) -> impl Iterator<Item = Item<'_>> {
        let is_forgotten = move |item: &Item<'_>| {
            let mut fields = ItemField::ALL.into_iter();
            fields.any(|field| item.field_at(field, at) == Remembered::OnlyInTheIndex)
        };
        self.items().filter(is_forgotten)
    }

    /// The same view, whose items have the owners, criticalities, quorums and names of a moment; `words` are
    /// those of all that are [forgotten](Self::forgotten_at), as far as they had any.
    #[must_use]
    pub fn with_words_of(&self, at: Timestamp, words: Vec<(CiId, ItemField, String)>) -> Self {
        let words = words.into_iter();
        let words = words.filter_map(|(id, field, word)| {
            let item = self.item(id)?.item;
            Some(((item, field.name()), word))
        });
        let words_then = WordsThen {
            at,
            words: words.collect(),
        };
        let mut then = Self {
            words_then: Some(Arc::new(words_then)),
            ..self.clone()
        };
        then.renew_shelves();
        then
    }
}
