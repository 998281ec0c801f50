//! Reads moments in the forms that tools write them in. Pure.

use model::Timestamp;
use serde_json::Value;

/// Below it, a number without a unit is of seconds; from it on of milliseconds. Milliseconds
/// from the year 1973 on are more than seconds until the year 5138.
const MILLIS_FROM: f64 = 1e11;
/// From it on a number is of nanoseconds.
const NANOS_FROM: f64 = 1e17;
/// From it on a moment cannot be said.
const MILLIS_END: f64 = 9.2e12;

/// A moment as a text, or as a number since 1970 whose size tells what it counts.
pub(crate) fn of(value: &Value) -> Option<Timestamp> {
    read(value, by_size)
}

/// The same of a sender whose numbers are of milliseconds, however small they are.
pub(crate) fn in_millis(value: &Value) -> Option<Timestamp> {
    read(value, millis)
}

fn read(value: &Value, number: fn(f64) -> Option<Timestamp>) -> Option<Timestamp> {
    match value {
        Value::Number(stated) => number(stated.as_f64()?),
        Value::String(text) => of_text(text.trim(), number),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// RFC 3339, digits, or what databases, Ruby and Go print; UTC where no zone is named.
/// `+00:00Z` is what the client of PagerDuty sends.
fn of_text(text: &str, number: fn(f64) -> Option<Timestamp>) -> Option<Timestamp> {
    let said_twice = || text.strip_suffix('Z')?.parse().ok();
    let counted = || number(text.parse().ok()?);
    let as_utc = || format!("{text}Z").parse().ok();
    let read = text.parse().ok().or_else(said_twice).or_else(counted);
    read.or_else(as_utc).or_else(|| in_words(text))
}

/// `2026-11-20 09:40:00 UTC`, `2026-11-20 10:40:00.5 +0100 CET`.
fn in_words(text: &str) -> Option<Timestamp> {
    let mut words = text.split_whitespace();
    let (day, clock, zone) = (words.next()?, words.next()?, words.next()?);
    let zone = match zone {
        "UTC" | "Z" => "Z".to_owned(),
        offset => {
            let (hours, minutes) = offset.split_at_checked(offset.len().checked_sub(2)?)?;
            format!("{}:{minutes}", hours.trim_end_matches(':'))
        }
    };
    format!("{day}T{clock}{zone}").parse().ok()
}

fn by_size(number: f64) -> Option<Timestamp> {
    match number {
        seconds if seconds < MILLIS_FROM => millis(seconds * 1_000.0),
        counted if counted < NANOS_FROM => millis(counted),
        nanos => millis(nanos / 1e6),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "held within the range just before"
)]
fn millis(number: f64) -> Option<Timestamp> {
    let fits = (0.0..MILLIS_END).contains(&number);
    fits.then(|| Timestamp::from_unix_millis(number as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(read: Option<Timestamp>) -> String {
        read.map_or_else(|| "no time".to_owned(), |at| at.to_string())
    }

    #[test]
    fn a_moment_is_read_in_every_form_that_tools_write() {
        for (written, meant) in [
            (json!("2026-11-20T09:40:00Z"), "2026-11-20T09:40:00Z"),
            (json!("2026-11-20T09:40:00.000Z"), "2026-11-20T09:40:00Z"),
            (
                json!("2026-11-20T09:40:00.000+00:00Z"),
                "2026-11-20T09:40:00Z",
            ),
            (json!("2026-11-20T10:40:00+0100"), "2026-11-20T09:40:00Z"),
            (
                json!("2026-11-20T09:40:00.000+0800"),
                "2026-11-20T01:40:00Z",
            ),
            (json!("2026-11-20T09:40:00"), "2026-11-20T09:40:00Z"),
            (json!("2026-11-20 09:40:00"), "2026-11-20T09:40:00Z"),
            (json!("2026-11-20 09:40:00.5"), "2026-11-20T09:40:00.5Z"),
            (json!("2026-11-20 09:40:00 UTC"), "2026-11-20T09:40:00Z"),
            (json!("2026-11-20 09:40:00 +0200"), "2026-11-20T07:40:00Z"),
            (json!("2026-11-20 09:40:00 -03:30"), "2026-11-20T13:10:00Z"),
            (
                json!("2026-11-20 10:40:00.5 +0100 CET"),
                "2026-11-20T09:40:00.5Z",
            ),
            (json!("1795167600"), "2026-11-20T09:40:00Z"),
            (json!("1795167600000"), "2026-11-20T09:40:00Z"),
            (json!(1_795_167_600), "2026-11-20T09:40:00Z"),
            (json!(1_795_167_600_000_i64), "2026-11-20T09:40:00Z"),
            (json!(1_795_167_600_000_000_000_i64), "2026-11-20T09:40:00Z"),
            (json!("yesterday"), "no time"),
            (json!("2026-11-20 09:40:00 +"), "no time"),
            (json!("2026-11-20"), "no time"),
            (json!(""), "no time"),
            (json!("inf"), "no time"),
            (json!(-1), "no time"),
            (json!(i64::MAX), "no time"),
            (json!(1e300), "no time"),
            (json!([1_795_167_600]), "no time"),
        ] {
            assert_eq!(told(of(&written)), meant, "{written}");
        }
    }

    #[test]
    fn a_number_of_milliseconds_is_never_taken_for_seconds() {
        for (written, meant) in [
            (json!(1_795_167_600_000_i64), "2026-11-20T09:40:00Z"),
            (json!(1_795_167_600), "1970-01-21T18:39:27.6Z"),
            (json!("2026-11-20 09:40:00.5"), "2026-11-20T09:40:00.5Z"),
            (json!(1_795_167_600_000_000_000_i64), "no time"),
        ] {
            assert_eq!(told(in_millis(&written)), meant, "{written}");
        }
    }
}
