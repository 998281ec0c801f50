//! Moments relative to now, as the demo's files write them: `1h05m` ago, `{{-12m}}` in a text.

use anyhow::{Context, bail};
use model::Timestamp;
use serde_json::Value;

/// The moment so long before now.
pub(super) fn ago(now: Timestamp, length: &str) -> anyhow::Result<Timestamp> {
    Ok(now.plus_millis(-milliseconds(length)?))
}

/// Fills in every `{{-LENGTH}}` of a JSON text.
pub(super) fn fill(text: &str, now: Timestamp) -> anyhow::Result<Value> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{-") {
        let (length, after) = after.split_once("}}").context("a moment has no end")?;
        filled.push_str(before);
        filled.push_str(&ago(now, length)?.to_string());
        rest = after;
    }
    filled.push_str(rest);
    serde_json::from_str(&filled).context("a file of the demo is not JSON")
}

fn milliseconds(length: &str) -> anyhow::Result<i64> {
    let mut total = 0;
    let mut number = 0;
    for character in length.chars() {
        let unit = match character {
            's' => 1_000,
            'm' => 60_000,
            'h' => 3_600_000,
            digit => {
                let digit = digit
                    .to_digit(10)
                    .context("a length is digits and h, m or s")?;
                number = number * 10 + i64::from(digit);
                continue;
            }
        };
        total += number * unit;
        number = 0;
    }
    match number {
        0 => Ok(total),
        _ => bail!("the length {length:?} ends without a unit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_filled_in_relative_to_now() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let filled = fill(r#"["{{-1h05m}}", "{{-30s}}"]"#, now).unwrap();
        assert_eq!(
            filled,
            serde_json::json!(["2026-11-20T10:55:00Z", "2026-11-20T11:59:30Z"])
        );
        assert!(fill(r#""{{-5}}""#, now).is_err());
    }
}
