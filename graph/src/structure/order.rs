//! The orders in which items are listed.
//!
//! A place in an order is a text: cursors keep it, and it says where a page goes on
//! even when the item itself is gone.

use std::cmp::Ordering;
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
            OrderBy::FirstSeen => self.measured(item, item.seen().map(|seen| self.moment(seen.0))),
            OrderBy::LastSeen => self.measured(item, item.seen().map(|seen| self.moment(seen.1))),
            OrderBy::Criticality => {
                let level = item.criticality_level();
                self.measured(item, level.map(|level| self.number(level as u64)))
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

    fn measured(self, item: &Item<'_>, measure: Option<u64>) -> String {
        match measure {
            Some(measure) => format!("0{measure:020} {}", item.key()),
            None => format!("1 {}", item.key()),
        }
    }

    /// The measure of a moment.
    pub(super) fn moment(self, moment: Timestamp) -> u64 {
        self.number(moment.unix_nanos().cast_unsigned() ^ (1 << 63))
    }

    /// The measure of a number: the less comes first.
    pub(super) fn number(self, number: u64) -> u64 {
        if self.descending { !number } else { number }
    }

    /// Which of two comes first, as their places say it.
    pub(super) fn compare(self, one: &Spot<'_>, other: &Spot<'_>) -> Ordering {
        match (self.by, self.descending) {
            (OrderBy::Key, false) => one.key.cmp(other.key),
            (OrderBy::Key, true) => other.key.cmp(one.key),
            (OrderBy::Name, false) => one.bytes().cmp(other.bytes()),
            (OrderBy::Name, true) => other
                .name
                .cmp(one.name)
                .then_with(|| one.key.cmp(other.key)),
            (OrderBy::FirstSeen | OrderBy::LastSeen | OrderBy::Criticality, _) => {
                // What has no number comes last in both directions.
                let measures = (one.measure.is_none(), one.measure)
                    .cmp(&(other.measure.is_none(), other.measure));
                measures.then_with(|| one.key.cmp(other.key))
            }
        }
    }

    /// What a place says; nothing if it is no place of this order.
    pub(super) fn read(self, place: &str) -> Option<KeptSpot> {
        let spot = match (self.by, self.descending) {
            (OrderBy::Key, false) => KeptSpot::of(None, "", place),
            (OrderBy::Key, true) => KeptSpot::of(None, "", &turned_back(place.strip_suffix('~')?)?),
            (OrderBy::Name, false) => {
                let (name, key) = place.split_once(' ')?;
                KeptSpot::of(None, name, key)
            }
            (OrderBy::Name, true) => {
                let (name, key) = place.split_once("~ ")?;
                KeptSpot::of(None, &turned_back(name)?, key)
            }
            (OrderBy::FirstSeen | OrderBy::LastSeen | OrderBy::Criticality, _) => {
                let (measure, key) = place.split_once(' ')?;
                let measure = match measure.split_at_checked(1)? {
                    ("1", "") => None,
                    ("0", digits) if digits.len() == 20 => Some(digits.parse().ok()?),
                    _ => return None,
                };
                KeptSpot::of(measure, "", key)
            }
        };
        Some(spot)
    }
}

/// Where an item stands in an order: what its place says, without the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot<'v> {
    /// Its number, where a number counts; the less comes first.
    pub(super) measure: Option<u64>,
    /// Its name, where that counts.
    pub(super) name: &'v str,
    /// Its canonical key.
    pub(super) key: &'v str,
}

impl Spot<'_> {
    /// A place that begins with the name.
    fn bytes(&self) -> impl Iterator<Item = u8> {
        self.name.bytes().chain(*b" ").chain(self.key.bytes())
    }
}

/// The same, read from a place.
#[derive(Clone, Debug)]
pub(super) struct KeptSpot {
    measure: Option<u64>,
    name: String,
    key: String,
}

impl KeptSpot {
    fn of(measure: Option<u64>, name: &str, key: &str) -> Self {
        Self {
            measure,
            name: name.to_owned(),
            key: key.to_owned(),
        }
    }

    pub(super) fn spot(&self) -> Spot<'_> {
        Spot {
            measure: self.measure,
            name: &self.name,
            key: &self.key,
        }
    }
}

/// The text of which each byte was turned and written as two lower-case digits.
fn turned_back(turned: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(turned.len() / 2);
    for pair in turned.as_bytes().chunks(2) {
        let digits = str::from_utf8(pair).ok()?;
        let is_plain = pair
            .iter()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        if pair.len() != 2 || !is_plain {
            return None;
        }
        bytes.push(!u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}
