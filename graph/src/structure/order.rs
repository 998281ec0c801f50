//! The orders in which items are listed.
//!
//! A place in an order is a text: cursors keep it, and it says where a page goes on
//! even when the item itself is gone.

use std::fmt::Write;

use model::Timestamp;

use crate::view::Item;

/// What a list of items is ordered by; what is equal is ordered by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderBy {
    /// The canonical key.
    Key,
    /// The name without kind and environment.
    Name,
    /// The first moment any source speaks of.
    FirstSeen,
    /// The last moment any source speaks of.
    LastSeen,
    /// How much depends on it; what nobody spoke of comes last.
    Criticality,
}

/// An order and its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemOrder {
    /// What counts.
    pub by: OrderBy,
    /// Whether the greatest comes first.
    pub descending: bool,
}

impl ItemOrder {
    /// By key, as lists are ordered when nobody says.
    pub const BY_KEY: Self = Self {
        by: OrderBy::Key,
        descending: false,
    };

    /// The place of an item: places compare as texts.
    pub fn place(self, item: &Item<'_>) -> String {
        match self.by {
            OrderBy::Key => self.text(&item.key()),
            OrderBy::Name => format!("{} {}", self.text(item.name()), item.key()),
            OrderBy::FirstSeen => self.moment(item, item.seen().map(|seen| seen.0)),
            OrderBy::LastSeen => self.moment(item, item.seen().map(|seen| seen.1)),
            OrderBy::Criticality => {
                let level = item.criticality_level().map(|level| level as u64);
                self.number(item, level)
            }
        }
    }

    /// A text as it is, or such that the greater comes first.
    fn text(self, text: &str) -> String {
        if !self.descending {
            return text.to_owned();
        }
        let mut turned = String::with_capacity(text.len() * 2 + 2);
        for byte in text.bytes() {
            write!(turned, "{:02x}", !byte).expect("a string takes all that is written");
        }
        turned.push('~');
        turned
    }

    fn moment(self, item: &Item<'_>, moment: Option<Timestamp>) -> String {
        let number = moment.map(|moment| moment.unix_nanos().cast_unsigned() ^ (1 << 63));
        self.number(item, number)
    }

    /// What has no number comes last in both directions.
    fn number(self, item: &Item<'_>, number: Option<u64>) -> String {
        let number = number.map(|number| if self.descending { !number } else { number });
        match number {
            Some(number) => format!("0{number:020} {}", item.key()),
            None => format!("1 {}", item.key()),
        }
    }
}
