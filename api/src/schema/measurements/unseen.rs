//! What measurements cannot see, in words.

use model::{Lookback, Timestamp};

use super::MINUTE;
use crate::schema::standpoint::Standpoint;
use crate::{KeptLevel, KeptMeasurements};

/// What spans enter the log as, whose gaps are gaps of measurements.
const MEASURED_SOURCE: &str = "otlp";
/// Most gaps that are named.
const GAPS_MAX: usize = 10;

/// What of a span is older than what is kept in its steps, and where more is kept.
pub(super) fn not_kept(kept: &KeptMeasurements, from: Timestamp, step: i64) -> Option<String> {
    let since = kept_since(kept, step)?;
    if since <= from {
        return None;
    }
    let longer = kept.levels.iter().filter(|level| step < level.step_nanos);
    let mut farther = longer.filter(|level| level.since.is_some_and(|farther| farther < since));
    let hint = farther.next_back().map(|level| {
        let step = Lookback::from_nanos(level.step_nanos);
        format!("; steps of {step} reach back farther")
    });
    Some(format!(
        "steps of this length reach back to {since}{}",
        hint.unwrap_or_default()
    ))
}

/// What is known to be missing, whatever the length of the steps.
pub(super) fn not_seen(
    at: &Standpoint,
    kept: &KeptMeasurements,
    (from, until): (Timestamp, Timestamp),
    now: Timestamp,
) -> Vec<String> {
    let mut unseen = Vec::new();
    if now.plus_nanos(-2 * MINUTE) < until {
        unseen.push(
            "windows that are still open are not in it: about the last two minutes".to_owned(),
        );
    }
    let gaps = at.view.graph.gaps().filter(|gap| {
        let ends_before = gap.window.until().is_some_and(|end| end <= from);
        gap.source == MEASURED_SOURCE && gap.window.from() < until && !ends_before
    });
    unseen.extend(gaps.take(GAPS_MAX).map(|gap| {
        let end = gap
            .window
            .until()
            .map_or_else(|| "now".to_owned(), |end| end.to_string());
        format!(
            "nothing was measured from {} until {end}: {}",
            gap.window.from(),
            gap.reason
        )
    }));
    unseen.extend(dropped(kept));
    unseen
}

/// What was dropped since the server started, in one sentence.
pub(crate) fn dropped(kept: &KeptMeasurements) -> Option<String> {
    let all = kept.beyond_series + kept.beyond_room + kept.too_old;
    (0 < all).then(|| {
        format!(
            "{all} measurements of calls were dropped since the server started: {} beyond the series of a minute, {} while too much waited for the disk, {} of a time that is no longer kept",
            kept.beyond_series, kept.beyond_room, kept.too_old
        )
    })
}

pub(super) fn kept_since(kept: &KeptMeasurements, step: i64) -> Option<Timestamp> {
    let fits = |level: &&KeptLevel| step.rem_euclid(level.step_nanos) == 0;
    kept.levels.iter().rev().find(fits)?.since
}
