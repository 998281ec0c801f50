//! Changes by the time in which they took effect, so that a question reads those of its time only.
//!
//! A change stands under the day in which it began. One that goes on for longer also stands under every hour
//! that begins while it does, or every day, or, when that would be too many, among the long ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Timestamp;

use super::ChangeIx;
use super::facets::Facets;

const HOUR_NANOS: i64 = 3_600_000_000_000;
const DAY_NANOS: i64 = 24 * HOUR_NANOS;

/// Hours, and likewise days, under which one change stands at most.
const UNDER_MAX: i64 = 32;

/// When a change takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    pub(super) start: Timestamp,
    /// `Timestamp::MAX` while it goes on.
    pub(super) end: Timestamp,
}

/// When a change begins, and which.
type Start = (Timestamp, ChangeIx);

/// Changes by the number of an hour or a day, sorted by their beginning, which is read off what they are listed by.
#[derive(Clone, Debug, Default)]
struct Sheets {
    sheets: Arc<BTreeMap<i64, Arc<Vec<ChangeIx>>>>,
}

/// Changes by time.
#[derive(Clone, Debug, Default)]
pub(super) struct Calendar {
    /// By the day in which they begin.
    beginning: Sheets,
    /// By the hours that begin while they go on.
    hours: Sheets,
    /// By the days that begin while they go on, if they are too long for hours.
    days: Sheets,
    /// Those too long for days, by the day in which they begin.
    long: Sheets,
}

impl Calendar {
    /// The calendar of many changes at once.
    pub(super) fn of(changes: impl Iterator<Item = (ChangeIx, Effect)>, facets: &Facets) -> Self {
        let mut calendar = Self::default();
        for (change, effect) in changes {
            calendar.each_sheet(effect, |sheets, number| {
                sheets.sheet_mut(number).push(change);
            });
        }
        for sheets in [
            &mut calendar.beginning,
            &mut calendar.hours,
            &mut calendar.days,
            &mut calendar.long,
        ] {
            for sheet in Arc::make_mut(&mut sheets.sheets).values_mut() {
                let sheet = Arc::make_mut(sheet);
                sheet.sort_unstable_by_key(|change| start_of(*change, facets));
                sheet.shrink_to_fit();
            }
        }
        calendar
    }

    /// Puts a change where it takes effect, once what it is listed by says so.
    pub(super) fn put(&mut self, change: ChangeIx, effect: Effect, facets: &Facets) {
        let entry = (effect.start, change);
        self.each_sheet(effect, |sheets, number| {
            let sheet = sheets.sheet_mut(number);
            let place = sheet.partition_point(|other| start_of(*other, facets) < entry);
            if sheet.get(place) != Some(&change) {
                sheet.insert(place, change);
            }
        });
    }

    /// Takes a change from where it took effect, while what it is listed by still says so.
    pub(super) fn take(&mut self, change: ChangeIx, effect: Effect, facets: &Facets) {
        let entry = (effect.start, change);
        self.each_sheet(effect, |sheets, number| {
            let sheet = sheets.sheet_mut(number);
            let place = sheet.partition_point(|other| start_of(*other, facets) < entry);
            if sheet.get(place) == Some(&change) {
                sheet.remove(place);
            }
        });
    }

    /// The changes that begin in `[from, until)`, the newest first.
    pub(super) fn between(
        &self,
        from: Timestamp,
        until: Timestamp,
        facets: &Facets,
    ) -> impl Iterator<Item = ChangeIx> {
        let sheets = self.beginning.between(day(from), day(until), facets);
        let inside = move |start: Timestamp| from <= start && start < until;
        sheets
            .filter(move |(start, _)| inside(*start))
            .map(|(_, change)| change)
    }

    /// How many changes begin on the days of a span of time.
    pub(super) fn about_between(&self, from: Timestamp, until: Timestamp) -> usize {
        let (first, last) = (day(from), day(until));
        let sheets = self.beginning.sheets.range(first..=last.max(first));
        sheets.map(|(_, sheet)| sheet.len()).sum()
    }

    /// The changes that begin before a moment and may go on at it; some may be over, none is missing.
    pub(super) fn may_go_on_at(
        &self,
        at: Timestamp,
        facets: &Facets,
    ) -> impl Iterator<Item = ChangeIx> {
        let hour_start = Timestamp::from_unix_nanos(hour(at).saturating_mul(HOUR_NANOS));
        let in_this_hour = self.between(hour_start, at, facets);
        let hours = self.hours.between(hour(at), hour(at), facets);
        let days = self.days.between(day(at), day(at), facets);
        let long = self.long.between(i64::MIN, day(at), facets);
        let others = hours.chain(days).chain(long);
        let begun = others.filter(move |(start, _)| *start < hour_start);
        in_this_hour.chain(begun.map(|(_, change)| change))
    }

    /// Calls `visit` with every sheet on which a change stands.
    fn each_sheet(&mut self, effect: Effect, mut visit: impl FnMut(&mut Sheets, i64)) {
        let Effect { start, end } = effect;
        visit(&mut self.beginning, day(start));
        let (hours, days) = (hour(end) - hour(start), day(end) - day(start));
        if hours <= UNDER_MAX {
            (hour(start) + 1..=hour(end)).for_each(|number| visit(&mut self.hours, number));
        } else if days <= UNDER_MAX {
            (day(start) + 1..=day(end)).for_each(|number| visit(&mut self.days, number));
            // The day in which it begins is not over yet when the next hour begins.
            let end_of_day = (day(start) + 1) * (DAY_NANOS / HOUR_NANOS);
            (hour(start) + 1..end_of_day).for_each(|number| visit(&mut self.hours, number));
        } else {
            visit(&mut self.long, day(start));
        }
    }
}

impl Sheets {
    fn sheet_mut(&mut self, number: i64) -> &mut Vec<ChangeIx> {
        let sheets = Arc::make_mut(&mut self.sheets);
        Arc::make_mut(sheets.entry(number).or_default())
    }

    /// The entries of some sheets, the last first.
    fn between(&self, first: i64, last: i64, facets: &Facets) -> impl Iterator<Item = Start> {
        let sheets = self.sheets.range(first..=last.max(first)).rev();
        let changes = sheets.flat_map(|(_, sheet)| sheet.iter().rev());
        changes.map(|change| start_of(*change, facets))
    }
}

fn start_of(change: ChangeIx, facets: &Facets) -> Start {
    let facet = facets.get(change.0 as usize);
    (facet.map_or(Timestamp::MAX, |facet| facet.start), change)
}

fn hour(at: Timestamp) -> i64 {
    at.unix_nanos().div_euclid(HOUR_NANOS)
}

fn day(at: Timestamp) -> i64 {
    at.unix_nanos().div_euclid(DAY_NANOS)
}

#[cfg(test)]
mod tests {
    use super::super::Facet;
    use super::*;
    use proptest::prelude::*;

    const MINUTE: i64 = 60_000_000_000;

    proptest! {
        #[test]
        fn what_goes_on_is_found_and_nothing_twice(
            effects in prop::collection::vec((0..60 * 24 * 90_i64, prop_oneof![
                Just(0), 1..90_i64, 1..60 * 40_i64, 1..60 * 24 * 60_i64, Just(i64::MAX),
            ]), 0..30),
            taken in 0..40_usize,
            at in 0..60 * 24 * 100_i64,
        ) {
            let moment = |minute: i64| Timestamp::from_unix_nanos(minute.saturating_mul(MINUTE));
            let effects: Vec<(ChangeIx, Effect)> = (0..).zip(effects).map(|(number, (start, minutes))| {
                let end = moment(start.saturating_add(minutes));
                (ChangeIx(number), Effect { start: moment(start), end })
            }).collect();
            let facets: Facets = effects.iter().map(|(_, effect)| Facet::starting_at(effect.start)).collect();
            let mut calendar = Calendar::of(effects.iter().copied().take(10), &facets);
            effects.iter().skip(10).for_each(|(change, effect)| calendar.put(*change, *effect, &facets));
            if let Some((change, effect)) = effects.get(taken) {
                calendar.take(*change, *effect, &facets);
            }
            let at = moment(at);
            let mut expected: Vec<ChangeIx> = effects.iter().enumerate()
                .filter(|(place, (_, it))| *place != taken && it.start < at && at <= it.end)
                .map(|(_, (change, _))| *change).collect();
            let mut found: Vec<ChangeIx> = calendar.may_go_on_at(at, &facets).collect();
            let goes_on = |change: &ChangeIx| at <= effects[change.0 as usize].1.end;
            found.sort_unstable();
            let once = { let mut once = found.clone(); once.dedup(); once };
            prop_assert_eq!(&found, &once);
            found.retain(goes_on);
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
