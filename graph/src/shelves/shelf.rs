//! One shelf, and what it says of each item's time.

use std::sync::OnceLock;

use model::Timestamp;
use smallvec::SmallVec;

use super::column::Column;
use super::texts::Texts;
use super::{ITEMS, places};
use crate::freshness::{Freshness, HalfLife};
use crate::identity::ItemIx;
use crate::intern::{WordIx, Words};
use crate::mention::Name;
use crate::view::{GraphView, Item};

/// What lists ask of 64 neighbouring items.
#[derive(Debug)]
pub(crate) struct Shelf {
    number: usize,
    /// The places that hold an item.
    pub(crate) held: u64,
    pub(crate) place: Column<Place>,
    pub(crate) said: Column<Said>,
    pub(crate) lasting: Column<Lasting>,
    pub(crate) usual: Usual,
    seen: OnceLock<Box<Column<Option<Span>>>>,
    texts: OnceLock<Box<Texts>>,
}

/// A first and a last moment.
type Span = (Timestamp, Timestamp);

/// What the key of an item says of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    /// Nothing where only names in other schemes are known.
    pub(crate) kind: Option<WordIx>,
    pub(crate) environment: Option<WordIx>,
    pub(crate) namespace: Option<WordIx>,
}

/// What sources say of an item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) owner: Option<WordIx>,
    pub(crate) criticality: Option<WordIx>,
}

/// When an item exists, as far as that can be told in a few numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lasting {
    /// Within this it is confirmed by a firm statement, or because nobody spoke of its time.
    firm: Option<(Timestamp, Timestamp)>,
    /// From then on it is closed; the last moment there is when its end is open.
    closed_from: Timestamp,
    /// The last sight and its report interval, where nothing but one run of sights speaks of it.
    fading: Option<(Timestamp, i64)>,
}

/// What is so of most items at most moments, told at once: some have lasted since, some have ended by a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usual {
    lasting: u64,
    since: Timestamp,
    ended: u64,
    by: Timestamp,
}

impl Usual {
    fn of(held: u64, column: &Column<Lasting>) -> Self {
        let mut usual = Self {
            lasting: 0,
            since: Timestamp::MIN,
            ended: 0,
            by: Timestamp::MIN,
        };
        for place in places(held) {
            let lasting = column.at(place);
            match lasting.firm {
                Some((from, Timestamp::MAX)) => {
                    usual.lasting |= 1 << place;
                    usual.since = usual.since.max(from);
                }
                Some(_) | None if lasting.closed_from != Timestamp::MAX => {
                    usual.ended |= 1 << place;
                    usual.by = usual.by.max(lasting.closed_from);
                }
                Some(_) | None => {}
            }
        }
        usual
    }

    /// The items that are confirmed at a moment, and those that are closed; others have to be looked at.
    pub(crate) fn at(&self, at: Timestamp) -> (u64, u64) {
        let confirmed = if self.since <= at { self.lasting } else { 0 };
        let closed = if self.by <= at { self.ended } else { 0 };
        (confirmed, closed)
    }
}

/// What a few numbers tell of a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sure {
    /// It is so.
    Is(Freshness),
    /// It was seen last then, with this interval between reports: the half-life of its kind decides.
    SeenLast(Timestamp, i64),
    /// The item has to be asked.
    Ask,
}

impl Shelf {
    pub(super) fn of(view: &GraphView, number: usize) -> Self {
        let mut held = 0_u64;
        let mut items: Vec<(usize, Item<'_>)> = Vec::with_capacity(ITEMS);
        for place in 0..ITEMS {
            let item = ItemIx(u32::try_from(number * ITEMS + place).unwrap_or(u32::MAX));
            let row = view.identity.items.get(item.0 as usize);
            if row.is_some_and(|row| !row.members.is_empty()) {
                held |= 1 << place;
                items.push((place, view.item_at(item)));
            }
        }
        let mut recent = Recent::default();
        let words = &view.identity.words;
        let said = items.iter().map(|(place, item)| {
            let mut word = |text: Option<_>| recent.number(words, text?);
            let said = Said {
                owner: word(item.owner()),
                criticality: word(item.criticality()),
            };
            (*place, said)
        });
        let lasting = items
            .iter()
            .map(|(at, it)| (*at, Lasting::of(*it)))
            .collect();
        Self {
            number,
            held,
            said: said.collect(),
            place: items.iter().map(|(at, it)| (*at, Place::of(*it))).collect(),
            usual: Usual::of(held, &lasting),
            lasting,
            seen: OnceLock::new(),
            texts: OnceLock::new(),
        }
    }

    /// The names of the items, made when they are first asked for.
    pub(crate) fn texts(&self, view: &GraphView) -> &Texts {
        self.texts
            .get_or_init(|| Box::new(Texts::of(self.items(view))))
    }

    /// The first and the last moment at which some source had something to say of an item.
    pub(crate) fn seen(&self, view: &GraphView, place: usize) -> Option<Span> {
        let column = self.seen.get_or_init(|| {
            let items = self.items(view);
            Box::new(items.map(|(place, item)| (place, item.seen())).collect())
        });
        *column.at(place)
    }

    fn items<'v>(&self, view: &'v GraphView) -> impl Iterator<Item = (usize, Item<'v>)> {
        let number = self.number;
        places(self.held).map(move |place| (place, view.item_on(number, place)))
    }
}

impl Place {
    fn of(item: Item<'_>) -> Self {
        Self {
            kind: match item.shown() {
                Name::Key(parts) => Some(parts.kind),
                Name::Claim { .. } => None,
            },
            environment: item.word_of_parts(|parts| parts.environment),
            namespace: item.word_of_parts(|parts| parts.namespace),
        }
    }
}

impl Lasting {
    fn of(item: Item<'_>) -> Self {
        let mut lasting = Self {
            firm: None,
            closed_from: Timestamp::MIN,
            fading: None,
        };
        let mut sights: SmallVec<[(Timestamp, i64, Timestamp); 2]> = SmallVec::new();
        let mut stated = 0;
        for facts in item.facts().filter(|facts| !facts.validity.is_empty()) {
            stated += 1;
            let only = facts.validity.only().is_some();
            for holding in facts.validity.holding() {
                let until = holding.held.until().unwrap_or(Timestamp::MAX);
                lasting.closed_from = lasting.closed_from.max(until);
                match holding.sighting {
                    Some(run) if only => sights.push((run.last_at, run.report_interval_ms, until)),
                    None if lasting.firm.is_none_or(|(_, known)| known <= until) => {
                        lasting.firm = Some((holding.held.from(), until));
                    }
                    Some(_) | None => {}
                }
            }
        }
        if stated == 0 {
            (lasting.firm, lasting.closed_from) =
                (Some((Timestamp::MIN, Timestamp::MAX)), Timestamp::MAX);
        }
        if sights.len() == stated
            && let Some((last_at, interval_ms, until)) = sights.iter().copied().max()
            && until == lasting.closed_from
            && sights.iter().all(|sight| sight.1 == interval_ms)
        {
            lasting.fading = Some((last_at, interval_ms));
        }
        lasting
    }

    /// How sure we are at a moment.
    pub(crate) fn at(&self, at: Timestamp) -> Sure {
        // An open end reaches to the last moment there is.
        let before_end = |end: Timestamp| at < end || end == Timestamp::MAX;
        let is_firm = |(from, until)| from <= at && before_end(until);
        if self.firm.is_some_and(is_firm) {
            return Sure::Is(Freshness::Confirmed);
        }
        if !before_end(self.closed_from) {
            return Sure::Is(Freshness::Closed);
        }
        match self.fading {
            Some((last_at, interval_ms)) if last_at <= at => Sure::SeenLast(last_at, interval_ms),
            Some(_) | None => Sure::Ask,
        }
    }
}

impl Sure {
    /// How sure we are, where it can be told without asking the item.
    pub(crate) fn told(
        self,
        half_life: impl FnOnce() -> HalfLife,
        at: Timestamp,
    ) -> Option<Freshness> {
        match self {
            Self::Is(freshness) => Some(freshness),
            Self::SeenLast(last_at, interval_ms) => {
                Some(half_life().grade(at.millis_since(last_at).max(0.0), interval_ms))
            }
            Self::Ask => None,
        }
    }
}

/// The numbers of the words met last, so that neighbours need not look theirs up.
#[derive(Default)]
struct Recent<'v> {
    met: Vec<(&'v str, WordIx)>,
}

impl<'v> Recent<'v> {
    fn number(&mut self, words: &Words, text: &'v str) -> Option<WordIx> {
        if let Some((_, word)) = self
            .met
            .iter()
            .rev()
            .find(|(met, _)| std::ptr::eq(*met, text))
        {
            return Some(*word);
        }
        let word = words.find(text)?;
        self.met.push((text, word));
        Some(word)
    }
}
