//! Lists of relations: what a source states by one item all at once.
//!
//! A list is complete, so what the one before carried and this one does not has
//! ended. Kept are the lists by the time they speak of, whichever arrived first;
//! when a relation held is read off them anew whenever one comes. Equal lists in
//! a row are kept as one, all but the newest.

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::freshness::HalfLife;
use crate::intern::WordIx;
use crate::relations::RowIx;
use crate::validity::ListedRun;

/// The newest lists of a history that are kept apart even if they are equal.
///
/// A list that comes after more newer ones than this, and says something else than
/// its neighbours, is taken to hold for one report interval.
const APART: usize = 4;

/// Who keeps a list: a source, or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lister {
    pub(crate) source: WordIx,
    pub(crate) by: Option<WordIx>,
}

/// One list as it came.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) lister: Lister,
    pub(crate) at: Timestamp,
    /// When the next one is promised; 0 without a promise.
    pub(crate) report_interval_ms: u64,
    /// What it carries, sorted.
    pub(crate) rows: Vec<RowIx>,
}

/// All lists kept by one mention.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Lists {
    histories: Vec<History>,
    /// When a source said that the item is gone, and all its relations with it; sorted.
    gone: Vec<(WordIx, Timestamp)>,
}

/// The lists of one lister, sorted by time.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct History {
    lister: Lister,
    entries: Vec<Entry>,
    /// The different contents of its lists.
    sets: Vec<Box<[RowIx]>>,
}

/// Equal lists without a gap in which the first would have become too old.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    first_at: Timestamp,
    last_at: Timestamp,
    report_interval_ms: u64,
    /// The place of its content.
    set: u32,
}

impl Lists {
    /// Takes a list; returns the relations of which something may have changed.
    pub(crate) fn take(&mut self, list: List) -> Vec<RowIx> {
        let lister = list.lister;
        let known = self.histories.iter().position(|kept| kept.lister == lister);
        let place = known.unwrap_or_else(|| {
            self.histories.push(History {
                lister,
                entries: Vec::new(),
                sets: Vec::new(),
            });
            self.histories.len() - 1
        });
        match self.histories.get_mut(place) {
            Some(history) => history.take(list, &self.gone),
            None => Vec::new(),
        }
    }

    /// Relations have other numbers from now on.
    pub(crate) fn renumber(&mut self, number_of: impl Fn(RowIx) -> RowIx) {
        for set in self.histories.iter_mut().flat_map(|it| &mut it.sets) {
            for row in set.iter_mut() {
                *row = number_of(*row);
            }
            set.sort_unstable();
        }
    }

    /// Whether a relation ever stood in a list.
    pub(crate) fn carry(&self, row: RowIx) -> bool {
        let mut sets = self.histories.iter().flat_map(|history| &history.sets);
        sets.any(|set| set.binary_search(&row).is_ok())
    }

    /// Every relation that ever stood in a list, with the source of the list; sorted, each once.
    pub(crate) fn listed(&self) -> Vec<(RowIx, WordIx)> {
        let sets = self.histories.iter().flat_map(|history| {
            let source = history.lister.source;
            let rows = history.sets.iter().flatten();
            rows.map(move |row| (*row, source))
        });
        let mut listed: Vec<(RowIx, WordIx)> = sets.collect();
        listed.sort_unstable();
        listed.dedup();
        listed
    }

    /// A source says that the item is gone.
    pub(crate) fn end(&mut self, source: WordIx, at: Timestamp) {
        if let Err(place) = self.gone.binary_search(&(source, at)) {
            self.gone.insert(place, (source, at));
        }
    }

    /// The first moment after another at which a source said that the item is gone.
    pub(crate) fn gone_after(&self, source: WordIx, after: Timestamp) -> Option<Timestamp> {
        gone_after(&self.gone, source, after)
    }

    /// When a relation stood in the lists of a source.
    pub(crate) fn runs(&self, source: WordIx, row: RowIx, half_life: HalfLife) -> Vec<ListedRun> {
        let of_source = self
            .histories
            .iter()
            .filter(|history| history.lister.source == source);
        of_source
            .flat_map(|history| history.runs(row, half_life, &self.gone))
            .collect()
    }
}

fn gone_after(gone: &[(WordIx, Timestamp)], source: WordIx, after: Timestamp) -> Option<Timestamp> {
    let place = gone.partition_point(|kept| *kept <= (source, after));
    let next = gone.get(place).filter(|kept| kept.0 == source);
    next.map(|(_, at)| *at)
}

impl History {
    fn take(&mut self, list: List, gone: &[(WordIx, Timestamp)]) -> Vec<RowIx> {
        let List {
            at,
            report_interval_ms,
            rows,
            ..
        } = list;
        let place = self.entries.partition_point(|kept| kept.last_at < at);
        let around = self.entries.get(place).filter(|kept| kept.first_at <= at);
        let entry = match around.copied() {
            Some(kept) if self.rows(kept) == rows => return Vec::new(),
            Some(kept) => {
                self.entries.remove(place);
                let is_of_one_moment = at == kept.first_at || at == kept.last_at;
                let rows = if is_of_one_moment {
                    union(self.rows(kept), &rows)
                } else {
                    rows
                };
                self.put_back(place, kept, at);
                self.entry(at, report_interval_ms, rows)
            }
            None => self.entry(at, report_interval_ms, rows),
        };
        let place = self.entries.partition_point(|kept| kept.last_at < at);
        self.entries.insert(place, entry);
        let neighbours = place.saturating_sub(1)..=place + 1;
        let mut touched: Vec<RowIx> = neighbours
            .filter_map(|place| self.entries.get(place))
            .flat_map(|kept| self.rows(*kept))
            .copied()
            .collect();
        touched.sort_unstable();
        touched.dedup();
        self.join_around(place, gone);
        touched
    }

    /// What is left of an entry in which another list was found: up to it, and from the next report on.
    fn put_back(&mut self, place: usize, kept: Entry, at: Timestamp) {
        let next =
            at.plus_millis(i64::try_from(kept.report_interval_ms.max(1)).unwrap_or(i64::MAX));
        if at < kept.last_at {
            let first_at = next.min(kept.last_at);
            self.entries.insert(place, Entry { first_at, ..kept });
        }
        if kept.first_at < at {
            let last_at = Timestamp::from_unix_nanos(at.unix_nanos() - 1);
            self.entries.insert(place, Entry { last_at, ..kept });
        }
    }

    fn entry(&mut self, at: Timestamp, report_interval_ms: u64, rows: Vec<RowIx>) -> Entry {
        let known = self.sets.iter().position(|set| **set == *rows);
        let set = known.unwrap_or_else(|| {
            self.sets.push(rows.into_boxed_slice());
            self.sets.len() - 1
        });
        Entry {
            first_at: at,
            last_at: at,
            report_interval_ms,
            set: u32::try_from(set).expect("fewer lists than positions in memory"),
        }
    }

    /// Makes equal neighbours one, where a list has come or has ceased to be one of the newest.
    fn join_around(&mut self, place: usize, gone: &[(WordIx, Timestamp)]) {
        let old = self.entries.len().saturating_sub(APART);
        for first in [place, place.saturating_sub(1), old.saturating_sub(2)] {
            let pair = (self.entries.get(first), self.entries.get(first + 1));
            let (Some(one), Some(other)) = pair else {
                continue;
            };
            if first + 1 < old && self.are_one(*one, *other, gone) {
                let last_at = other.last_at;
                self.entries.remove(first + 1);
                if let Some(one) = self.entries.get_mut(first) {
                    one.last_at = last_at;
                }
            }
        }
    }

    fn are_one(&self, one: Entry, other: Entry, gone: &[(WordIx, Timestamp)]) -> bool {
        let went = gone_after(gone, self.lister.source, one.last_at);
        one.set == other.set
            && one.report_interval_ms == other.report_interval_ms
            && other.first_at <= reach(one, HalfLife::least())
            && went.is_none_or(|went| other.first_at < went)
    }

    fn runs(
        &self,
        row: RowIx,
        half_life: HalfLife,
        gone: &[(WordIx, Timestamp)],
    ) -> Vec<ListedRun> {
        let mut runs = Vec::new();
        let mut open: Option<ListedRun> = None;
        for entry in &self.entries {
            let carries = self.rows(*entry).binary_search(&row).is_ok();
            open = match open {
                Some(run) if carries && entry.first_at <= run.until => Some(ListedRun {
                    first_at: run.first_at,
                    ..self.run(*entry, half_life, gone)
                }),
                Some(run) => {
                    let until = run.until.min(entry.first_at);
                    runs.push(ListedRun { until, ..run });
                    carries.then(|| self.run(*entry, half_life, gone))
                }
                None => carries.then(|| self.run(*entry, half_life, gone)),
            };
        }
        runs.extend(open);
        runs
    }

    /// A run of which an entry is the last that is known.
    fn run(&self, entry: Entry, half_life: HalfLife, gone: &[(WordIx, Timestamp)]) -> ListedRun {
        let went = gone_after(gone, self.lister.source, entry.last_at);
        let until = reach(entry, half_life);
        ListedRun {
            first_at: entry.first_at,
            last_at: entry.last_at,
            until: went.map_or(until, |went| went.min(until)),
            report_interval_ms: entry.report_interval_ms,
        }
    }

    fn rows(&self, entry: Entry) -> &[RowIx] {
        self.sets.get(entry.set as usize).map_or(&[], |set| set)
    }
}

/// When a list is too old to count.
fn reach(entry: Entry, half_life: HalfLife) -> Timestamp {
    match i64::try_from(entry.report_interval_ms) {
        Ok(0) => Timestamp::MAX,
        interval_ms => {
            let reach_ms = half_life.reach_ms(interval_ms.unwrap_or(i64::MAX));
            entry.last_at.plus_millis(reach_ms)
        }
    }
}

fn union(one: &[RowIx], other: &[RowIx]) -> Vec<RowIx> {
    let mut rows = [one, other].concat();
    rows.sort_unstable();
    rows.dedup();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intern::Words;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_nanos(second * 1_000_000_000)
    }

    /// When the relation `a` stood in lists such as `10 ab` or `20 -`; `gone 15` says that the item is gone.
    fn held(lists: &[&str]) -> String {
        let source = Words::default().add("s");
        let mut kept = Lists::default();
        for list in lists {
            let (time, letters) = list.split_once(' ').unwrap();
            if time == "gone" {
                kept.end(source, at(letters.parse().unwrap()));
                continue;
            }
            let rows = letters.bytes().filter(|letter| *letter != b'-');
            kept.take(List {
                lister: Lister { source, by: None },
                at: at(time.parse().unwrap()),
                report_interval_ms: 1_000,
                rows: rows.map(|letter| RowIx(u32::from(letter))).collect(),
            });
        }
        let row = RowIx(u32::from(b'a'));
        let runs = kept.runs(source, row, HalfLife::least());
        let second = |moment: Timestamp| moment.unix_nanos() / 1_000_000_000;
        let spans = runs
            .iter()
            .map(|run| format!("{}..{}", second(run.first_at), second(run.until)));
        spans.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_list_without_it_ends_it_and_one_with_it_begins_it_again() {
        assert_eq!(held(&["10 ab"]), "10..20");
        assert_eq!(held(&["10 ab", "12 b"]), "10..12");
        assert_eq!(held(&["10 ab", "12 -", "14 a"]), "10..12 14..24");
        assert_eq!(held(&["10 a", "30 a"]), "10..20 30..40");
    }

    #[test]
    fn lists_may_come_in_any_order_and_twice() {
        let lists = ["10 ab", "12 -", "14 a", "15 ab", "16 b", "16 b"];
        let mut orders = vec![lists.to_vec()];
        for turn in 0..lists.len() {
            let mut order = lists.to_vec();
            order.rotate_left(turn);
            orders.push(order.iter().rev().copied().collect());
            orders.push(order);
        }
        for order in orders {
            assert_eq!(held(&order), "10..12 14..16", "{order:?}");
        }
    }

    #[test]
    fn an_item_that_is_gone_has_no_relations_until_it_is_listed_again() {
        assert_eq!(held(&["10 a", "gone 13"]), "10..13");
        assert_eq!(held(&["gone 13", "14 a", "10 a"]), "10..13 14..24");
    }

    #[test]
    fn many_equal_lists_are_kept_as_few() {
        let source = Words::default().add("s");
        let mut lists = Lists::default();
        for second in 0..1_000 {
            lists.take(List {
                lister: Lister { source, by: None },
                at: at(second),
                report_interval_ms: 1_000,
                rows: vec![RowIx(1)],
            });
        }
        assert_eq!(lists.histories[0].entries.len(), APART + 1);
        let run = lists.runs(source, RowIx(1), HalfLife::least());
        assert_eq!((run[0].first_at, run[0].last_at), (at(0), at(999)));
        assert_eq!(run.len(), 1);
    }

    #[test]
    fn a_list_that_comes_very_late_counts_for_one_report() {
        let mut lists: Vec<String> = (10..30).map(|second| format!("{second} a")).collect();
        lists.push("15 b".to_owned());
        let lists: Vec<&str> = lists.iter().map(String::as_str).collect();
        assert_eq!(held(&lists), "10..15 16..39");
    }
}
