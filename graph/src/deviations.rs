//! Measures that left their baseline, kept by item and relation.

use model::{Deviation, Timestamp};
use serde::{Deserialize, Serialize};

use crate::stamped::Stamp;

/// One deviation as the fold keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviationRow {
    /// What was measured.
    pub metric: String,
    /// What is usual.
    pub baseline: f64,
    /// What was measured.
    pub value: f64,
    /// Start of the measured window.
    pub from: Timestamp,
    /// End of the measured window; open when it goes on.
    pub until: Option<Timestamp>,
    /// Samples behind the value, if known.
    pub samples: Option<u64>,
    stamp: Stamp,
}

/// Keeps a deviation in order of its window; a later word on the same window and metric replaces the earlier.
pub(crate) fn keep(rows: &mut Vec<DeviationRow>, deviation: &Deviation, stamp: Stamp) {
    let row = DeviationRow {
        metric: deviation.metric.clone(),
        baseline: deviation.baseline,
        value: deviation.value,
        from: deviation.window.from(),
        until: deviation.window.until(),
        samples: deviation.samples,
        stamp,
    };
    let place =
        rows.binary_search_by(|kept| (kept.from, &kept.metric).cmp(&(row.from, &row.metric)));
    match place {
        Ok(found) => {
            if let Some(kept) = rows.get_mut(found).filter(|kept| kept.stamp < row.stamp) {
                *kept = row;
            }
        }
        Err(place) => rows.insert(place, row),
    }
}
