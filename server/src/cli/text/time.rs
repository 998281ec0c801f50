//! Time as people say it: `12 min before`, `3 h ago`.

use model::Timestamp;

const SECOND: f64 = 1_000.0;
const MINUTE: f64 = 60.0 * SECOND;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// A length of time in its largest fitting units.
pub(crate) fn length(milliseconds: f64) -> String {
    let whole = |unit: f64| (milliseconds.abs() / unit).floor();
    let rest = |unit: f64, smaller: f64| (milliseconds.abs() % unit / smaller).floor();
    if milliseconds.abs() < MINUTE {
        format!("{} s", whole(SECOND))
    } else if milliseconds.abs() < 2.0 * HOUR {
        format!("{} min", whole(MINUTE))
    } else if milliseconds.abs() < DAY {
        match rest(HOUR, MINUTE) {
            0.0 => format!("{} h", whole(HOUR)),
            minutes => format!("{} h {minutes} min", whole(HOUR)),
        }
    } else {
        match rest(DAY, HOUR) {
            0.0 => format!("{} d", whole(DAY)),
            hours => format!("{} d {hours} h", whole(DAY)),
        }
    }
}

/// How long one moment lies before another: `12 min before`, or `3 min after`.
pub(crate) fn before(lead_milliseconds: f64) -> String {
    let side = if lead_milliseconds < 0.0 {
        "after"
    } else {
        "before"
    };
    format!("{} {side}", length(lead_milliseconds))
}

/// How long ago a moment was.
pub(crate) fn ago(moment: Timestamp, now: Timestamp) -> String {
    let passed = now.millis_since(moment);
    match passed < 0.0 {
        true => format!("in {}", length(passed)),
        false => format!("{} ago", length(passed)),
    }
}

/// The day and the time of day in UTC, to the second.
pub(crate) fn clock_time(moment: Timestamp) -> String {
    let text = moment.to_string();
    match text.split_once('T') {
        Some((day, time)) => {
            let time = time.trim_end_matches('Z');
            let time = time.split('.').next().unwrap_or(time);
            format!("{day} {time} UTC")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_said_in_its_largest_units() {
        let said = [
            0.0,
            59_000.0,
            720_000.0,
            7_199_000.0,
            7_200_000.0,
            9_000_000.0,
            183_600_000.0,
        ];
        assert_eq!(
            said.map(length),
            [
                "0 s",
                "59 s",
                "12 min",
                "119 min",
                "2 h",
                "2 h 30 min",
                "2 d 3 h"
            ]
        );
        assert_eq!(before(720_000.0), "12 min before");
        assert_eq!(before(-3_000.0), "3 s after");
    }

    #[test]
    fn a_moment_is_shown_to_the_second() {
        let moment: Timestamp = "2026-11-20T10:00:00.5Z".parse().unwrap();
        assert_eq!(clock_time(moment), "2026-11-20 10:00:00 UTC");
        assert_eq!(ago(moment, moment.plus_millis(90_000)), "1 min ago");
    }
}
