//! When a notice is sent again: by a schedule with some chance in it, or when its endpoint says. Pure.

use std::time::Duration;

use model::Timestamp;

/// The longest wait that an endpoint may ask for.
const ASKED_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// How many equal failures in a row open the breaker.
const FAILURES_MAX: u32 = 5;
/// The first and the longest pause of an open breaker.
const PAUSE_MIN: Duration = Duration::from_secs(10);
const PAUSE_MAX: Duration = Duration::from_secs(5 * 60);

/// The waits between attempts, in order. After the last there is no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule(Vec<Duration>);

impl Schedule {
    /// A schedule of these waits.
    pub(crate) const fn of(waits: Vec<Duration>) -> Self {
        Self(waits)
    }

    /// How long to wait after so many attempts; nothing when there is no other.
    pub(super) fn wait_after(&self, attempts: u32, chance: u64) -> Option<Duration> {
        let past = usize::try_from(attempts.checked_sub(1)?).ok()?;
        self.0.get(past).map(|wait| jittered(*wait, chance))
    }
}

/// A fifth more or less, so that what failed together does not come again together.
pub(super) fn jittered(wait: Duration, chance: u64) -> Duration {
    let permille = 800 + u32::try_from(chance % 401).unwrap_or(200);
    wait.saturating_mul(permille) / 1_000
}

/// How long everything for an endpoint waits after so many failures in a row; nothing while they are few.
pub(super) fn pause_after(failures: u32, chance: u64) -> Option<Duration> {
    let beyond = failures.checked_sub(FAILURES_MAX)?;
    let grown = PAUSE_MIN.saturating_mul(1 << beyond.min(10));
    Some(jittered(grown.min(PAUSE_MAX), chance))
}

/// How long an endpoint asks to wait: `Retry-After` in seconds or as a date.
pub(super) fn asked_wait(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    let wait = match header.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(header).ok()?.timestamp();
            let until = i64::try_from(date.as_nanosecond()).ok()?;
            let nanos = until.saturating_sub(now.unix_nanos());
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
        }
    };
    Some(wait.min(ASKED_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_ends_after_its_last_wait() {
        let seconds = |list: &[u64]| list.iter().map(|it| Duration::from_secs(*it)).collect();
        let schedule = Schedule::of(seconds(&[5, 300]));
        assert_eq!(schedule.wait_after(0, 200), None);
        assert_eq!(schedule.wait_after(1, 200), Some(Duration::from_secs(5)));
        assert_eq!(schedule.wait_after(2, 0), Some(Duration::from_secs(240)));
        assert_eq!(schedule.wait_after(2, 400), Some(Duration::from_secs(360)));
        assert_eq!(schedule.wait_after(3, 200), None);
    }

    #[test]
    fn pauses_grow_to_a_bound_after_a_few_failures() {
        let pause = |failures| pause_after(failures, 200).map(|it| it.as_secs());
        assert_eq!([pause(0), pause(4)], [None, None]);
        assert_eq!(
            [pause(5), pause(6), pause(7)],
            [Some(10), Some(20), Some(40)]
        );
        assert_eq!([pause(10), pause(u32::MAX)], [Some(300), Some(300)]);
    }

    #[test]
    fn an_endpoint_asks_in_seconds_or_by_a_date() {
        let now: Timestamp = "2026-10-21T07:28:00Z".parse().unwrap();
        let asked = |text| asked_wait(text, now).map(|it| it.as_secs());
        assert_eq!(asked(" 120 "), Some(120));
        assert_eq!(asked("Wed, 21 Oct 2026 07:30:00 GMT"), Some(120));
        assert_eq!(asked("Wed, 21 Oct 2026 07:00:00 GMT"), Some(0));
        assert_eq!(asked("999999999"), Some(86_400));
        assert_eq!([asked("soon"), asked("-1"), asked("")], [None, None, None]);
    }
}
