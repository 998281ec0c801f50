//! Which snapshots stay. Pure.

use std::collections::{BTreeMap, BTreeSet};

use model::LogPosition;

use super::SnapshotRetention;

/// Those of the given positions that stay.
///
/// A wider stretch keeps a part of what a narrower one keeps, so thinning out
/// never wants back what was dropped.
pub(super) fn kept(
    positions: &[LogPosition],
    retention: SnapshotRetention,
) -> BTreeSet<LogPosition> {
    let mut newest_first = positions.to_vec();
    newest_first.sort_unstable_by(|one, other| other.cmp(one));
    newest_first.dedup();
    let newest = newest_first.len().min(retention.newest);
    let older = newest_first.split_off(newest);
    let mut stretch = retention.one_per_events.get();
    let mut first_of_each = first_of_stretches(&older, stretch);
    while retention.older_max < first_of_each.len() && stretch < u64::MAX {
        stretch = stretch.saturating_mul(2);
        first_of_each = first_of_stretches(&older, stretch);
    }
    let older = first_of_each.into_values().take(retention.older_max);
    newest_first.into_iter().chain(older).collect()
}

/// The first position in each stretch of the log.
fn first_of_stretches(newest_first: &[LogPosition], stretch: u64) -> BTreeMap<u64, LogPosition> {
    newest_first
        .iter()
        .map(|position| (position.number() / stretch, *position))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use proptest::prelude::*;

    use super::*;

    fn retention(newest: usize, one_per_events: u64, older_max: usize) -> SnapshotRetention {
        SnapshotRetention {
            newest,
            one_per_events: NonZeroU64::new(one_per_events).unwrap(),
            older_max,
        }
    }

    fn numbers(positions: &[u64], retention: SnapshotRetention) -> Vec<u64> {
        let positions: Vec<_> = positions.iter().copied().map(LogPosition::new).collect();
        kept(&positions, retention)
            .into_iter()
            .map(LogPosition::number)
            .collect()
    }

    #[test]
    fn the_newest_and_the_first_of_each_stretch_stay() {
        let all: Vec<u64> = (1..=40).collect();
        assert_eq!(numbers(&all, retention(2, 10, 9)), [1, 10, 20, 30, 39, 40]);
        assert_eq!(numbers(&all, retention(2, 10, 3)), [1, 20, 39, 40]);
        assert_eq!(numbers(&all, retention(1, 10, 0)), [40]);
    }

    proptest! {
        #[test]
        fn saving_one_after_the_other_keeps_a_bounded_spread(
            steps in prop::collection::vec(1u64..50, 1..200),
            newest in 1usize..4, one_per_events in 1u64..40, older_max in 0usize..8,
        ) {
            let retention = retention(newest, one_per_events, older_max);
            let mut here: Vec<u64> = Vec::new();
            let mut head = 0;
            for step in steps {
                head += step;
                here.push(head);
                here = numbers(&here, retention);
                prop_assert!(here.len() <= newest + older_max);
                prop_assert_eq!(here.last(), Some(&head));
            }
        }
    }
}
