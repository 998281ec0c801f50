//! How much each caller may ask of the server in a minute.
//!
//! What was said by a request is known when it was answered, so a request is taken as a whole, and
//! whoever said more than their share waits until it is made up for.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::{Quota, Timestamp, TokenId};

const MINUTE_NANOS: i64 = 60_000_000_000;
/// So many callers are remembered. Who asked nothing for a minute is forgotten first.
const CALLERS_MAX: usize = 20_000;

/// What callers have used of their quotas.
#[derive(Default)]
pub(super) struct Quotas(Mutex<BTreeMap<String, Used>>);

/// What one of them has used, each as the moment at which nothing of it counts any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Used {
    requests_until: i64,
    events_until: i64,
    throttled: u64,
}

impl Quotas {
    /// Counts a request; or how long to wait until there may be one.
    pub(super) fn take(&self, who: &str, quota: Quota, now: Timestamp) -> Result<(), Duration> {
        if quota == Quota::default() {
            return Ok(());
        }
        let now = now.unix_nanos();
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if CALLERS_MAX <= callers.len() && !callers.contains_key(who) {
            callers.retain(|_, used| now < used.requests_until.max(used.events_until));
        }
        if CALLERS_MAX <= callers.len() && !callers.contains_key(who) {
            callers.clear();
        }
        let used = callers.entry(who.to_owned()).or_default();
        let requests = quota
            .requests_per_minute
            .map(|most| wait(used.requests_until, now, most, 1));
        let events = quota
            .events_per_minute
            .map(|most| wait(used.events_until, now, most, 0));
        let longest = requests.max(events).unwrap_or_default();
        if 0 < longest {
            used.throttled += 1;
            return Err(Duration::from_nanos(longest.unsigned_abs()));
        }
        if let Some(most) = quota.requests_per_minute {
            used.requests_until = charged(used.requests_until, now, most, 1);
        }
        Ok(())
    }

    /// Counts what a request said.
    pub(super) fn said(&self, who: &str, quota: Quota, events: u64, now: Timestamp) {
        let Some(most) = quota.events_per_minute.filter(|_| 0 < events) else {
            return;
        };
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = callers.entry(who.to_owned()).or_default();
        used.events_until = charged(used.events_until, now.unix_nanos(), most, events);
    }

    /// How many requests with a token were refused because it had used up its quota, since the start.
    pub(super) fn throttled(&self, token: TokenId) -> u64 {
        let callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        callers
            .get(&token.to_string())
            .map_or(0, |used| used.throttled)
    }
}

/// What one of so many in a minute takes of it.
fn each(most: u32) -> i64 {
    MINUTE_NANOS / i64::from(most.max(1))
}

/// How long until there is room for so many more.
fn wait(until: i64, now: i64, most: u32, more: i64) -> i64 {
    let used = until.saturating_sub(now).max(0);
    used.saturating_add(each(most).saturating_mul(more))
        .saturating_sub(MINUTE_NANOS)
        .max(0)
}

fn charged(until: i64, now: i64, most: u32, more: u64) -> i64 {
    let more = i64::try_from(more).unwrap_or(i64::MAX);
    until
        .max(now)
        .saturating_add(each(most).saturating_mul(more))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_nanos(second * 1_000_000_000)
    }

    const SIX: Quota = Quota {
        requests_per_minute: Some(6),
        events_per_minute: Some(100),
    };

    #[test]
    fn so_many_requests_may_come_at_once_and_then_one_whenever_its_share_of_the_minute_is_over() {
        let quotas = Quotas::default();
        let waits = |second: i64| {
            quotas
                .take("a", SIX, at(second))
                .err()
                .map(|wait| wait.as_secs())
        };
        for _ in 0..6 {
            assert_eq!(waits(0), None);
        }
        assert_eq!(waits(0), Some(10));
        assert_eq!(waits(4), Some(6));
        assert_eq!(waits(10), None);
        assert_eq!(waits(10), Some(10));
        assert_eq!(quotas.take("b", SIX, at(10)), Ok(()));
        for _ in 0..6 {
            assert_eq!(waits(1_000), None);
        }
        assert_eq!(waits(1_000), Some(10));
    }

    #[test]
    fn who_says_too_much_at_once_is_heard_and_then_waits_until_it_is_made_up_for() {
        let quotas = Quotas::default();
        assert_eq!(quotas.take("a", SIX, at(0)), Ok(()));
        quotas.said("a", SIX, 250, at(0));
        assert_eq!(quotas.take("a", SIX, at(0)), Err(Duration::from_secs(90)));
        assert_eq!(quotas.take("a", SIX, at(90)), Ok(()));
    }

    #[test]
    fn without_a_quota_nothing_is_counted_and_callers_are_forgotten_in_time() {
        let quotas = Quotas::default();
        for number in 0..1_000 {
            let who = format!("{number}");
            assert_eq!(quotas.take(&who, Quota::default(), at(0)), Ok(()));
        }
        let remembered = || quotas.0.lock().unwrap().len();
        assert_eq!(remembered(), 0);
        for number in 0..CALLERS_MAX {
            assert_eq!(quotas.take(&format!("{number}"), SIX, at(0)), Ok(()));
        }
        assert_eq!(quotas.take("one more", SIX, at(11)), Ok(()));
        assert_eq!(remembered(), 1);
    }
}
