//! The real clock and fresh random ids. Nobody else in the product has either.

use std::hash::{BuildHasher, RandomState};

use model::{Clock, IdSource, Timestamp};

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let nanos = jiff::Timestamp::now().as_nanosecond();
        let clamped = nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        Timestamp::from_unix_nanos(i64::try_from(clamped).expect("clamped to the range of i64"))
    }
}

/// Random ids of 128 bits, as 32 hex digits.
#[derive(Clone, Copy, Debug)]
pub struct RandomIds;

impl IdSource for RandomIds {
    fn fresh(&self) -> String {
        // The keys of a `RandomState` come from the operating system and differ for each one made.
        let half = |number: u8| RandomState::new().hash_one(number);
        format!("{:016x}{:016x}", half(0), half(1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_fresh_and_within_the_promised_form() {
        let ids: BTreeSet<String> = (0..1000).map(|_| RandomIds.fresh()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32 && id.is_ascii()));
    }
}
