//! What was understood and not written because it says nothing: how often, since when, and the newest of it.
//!
//! It is kept in memory, within bounds, and begins anew with the process; `since` says when that was.
//! Secrets are removed before anything is kept. What was written before is not here: it is in the log.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{SourceName, Timestamp};

use crate::redact::redact_body;

/// Most rows, each of one source, form and reason; beyond them those go that were silent the longest.
const ROWS_MAX: usize = 500;
/// Samples of a row.
const SAMPLES_MAX: usize = 3;
/// Bytes of a sample: with all rows full, 6 MB.
const SAMPLE_BYTES: usize = 4 * 1024;
/// A row takes no second sample within this time, however much of its kind comes.
const SAMPLE_EVERY_MS: i64 = 1_000;

/// What one source sent of one kind that says nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Who sent it.
    pub source: SourceName,
    /// Which form it has, as the address that took it is called.
    pub form: &'static str,
    /// Why it says nothing.
    pub reason: String,
    /// How often it came.
    pub count: u64,
    /// When it came first.
    pub first_at: Timestamp,
    /// When it came last.
    pub last_at: Timestamp,
    /// Some of it, the newest first.
    pub samples: Vec<SuppressedSample>,
}

/// One thing that said nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressedSample {
    /// When it came.
    pub at: Timestamp,
    /// How long it was.
    pub bytes: usize,
    /// Its beginning, without its secrets.
    pub text: Arc<str>,
}

/// All that says nothing, since a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// Since when it is counted: the start of the process.
    pub since: Timestamp,
    /// Rows that had to go for others.
    pub forgotten: u64,
    /// The rows in the order of their source, form and reason.
    pub rows: Vec<Suppression>,
}

/// Counts what says nothing, and keeps some of it.
#[derive(Debug)]
pub(crate) struct Suppressions {
    since: Timestamp,
    state: Mutex<State>,
}

type Name = (SourceName, &'static str, String);

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<Name, Row>,
    forgotten: u64,
}

#[derive(Debug)]
struct Row {
    count: u64,
    first_at: Timestamp,
    last_at: Timestamp,
    samples: VecDeque<SuppressedSample>,
}

impl Suppressions {
    pub(crate) fn new(since: Timestamp) -> Self {
        Self {
            since,
            state: Mutex::default(),
        }
    }

    /// Counts what came and says nothing, with one of it to look at.
    pub(crate) fn note(
        &self,
        (source, form, reason): (&SourceName, &'static str, &str),
        count: u64,
        at: Timestamp,
        sample: Option<&[u8]>,
    ) {
        let name = (source.clone(), form, reason.to_owned());
        let is_wanted = self.state().count(&name, count, at);
        let Some(sample) = sample.filter(|_| is_wanted) else {
            return;
        };
        // Whole, before it is cut: half a body hides what it is the secret of.
        let shown = redact_body(sample);
        let shown = String::from_utf8_lossy(&shown);
        let end = shown.floor_char_boundary(SAMPLE_BYTES);
        let sample = SuppressedSample {
            at,
            bytes: sample.len(),
            text: shown.get(..end).unwrap_or_default().into(),
        };
        self.state().show(&name, sample);
    }

    /// All of it.
    pub(crate) fn read(&self) -> Suppressed {
        let state = self.state();
        let rows = state.rows.iter();
        let rows = rows.map(|((source, form, reason), row)| Suppression {
            source: source.clone(),
            form,
            reason: reason.clone(),
            count: row.count,
            first_at: row.first_at,
            last_at: row.last_at,
            samples: row.samples.iter().cloned().collect(),
        });
        Suppressed {
            since: self.since,
            forgotten: state.forgotten,
            rows: rows.collect(),
        }
    }

    /// A panic elsewhere leaves the rows whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts, and says whether a sample is wanted.
    fn count(&mut self, name: &Name, count: u64, at: Timestamp) -> bool {
        if let Some(row) = self.rows.get_mut(name) {
            row.count += count;
            row.last_at = row.last_at.max(at);
            let newest = row.samples.front();
            return newest.is_none_or(|it| it.at.plus_millis(SAMPLE_EVERY_MS) <= at);
        }
        if ROWS_MAX <= self.rows.len() {
            let oldest = self.rows.iter().min_by_key(|(_, row)| row.last_at);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.rows.remove(&oldest);
                self.forgotten += 1;
            }
        }
        let row = Row {
            count,
            first_at: at,
            last_at: at,
            samples: VecDeque::new(),
        };
        self.rows.insert(name.clone(), row);
        true
    }

    fn show(&mut self, name: &Name, sample: SuppressedSample) {
        if let Some(row) = self.rows.get_mut(name) {
            row.samples.push_front(sample);
            row.samples.truncate(SAMPLES_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_unix_nanos(0).plus_millis(milliseconds)
    }

    fn note(kept: &Suppressions, source: &str, reason: &str, milliseconds: i64, sample: &str) {
        let name = (&SourceName::new(source), "github", reason);
        kept.note(name, 1, at(milliseconds), Some(sample.as_bytes()));
    }

    fn told(kept: &Suppressions) -> String {
        let mut told = String::new();
        for row in kept.read().rows {
            let (source, reason, count) = (row.source, row.reason, row.count);
            let milliseconds = |at: Timestamp| at.unix_nanos() / 1_000_000;
            let (first, last) = (milliseconds(row.first_at), milliseconds(row.last_at));
            writeln!(told, "{source}: {reason} {count} ({first} to {last})").unwrap();
            for sample in row.samples {
                writeln!(told, "  {} {}", milliseconds(sample.at), sample.text).unwrap();
            }
        }
        told
    }

    #[test]
    fn the_newest_are_shown_and_all_are_counted() {
        let kept = Suppressions::new(at(0));
        for second in 1..=5 {
            note(
                &kept,
                "shop",
                "a star",
                second * 1_000,
                &format!("{second}"),
            );
            note(
                &kept,
                "shop",
                "a star",
                second * 1_000 + 1,
                "too soon for another",
            );
        }
        note(&kept, "forge", "a ping", 6_000, "{}");
        insta::assert_snapshot!(told(&kept), @r"
        forge: a ping 1 (6000 to 6000)
          6000 {}
        shop: a star 10 (1000 to 5001)
          5000 5
          4000 4
          3000 3
        ");
    }

    #[test]
    fn no_secret_is_shown_and_no_more_than_a_beginning() {
        let kept = Suppressions::new(at(0));
        let long = format!(
            r#"{{"a":"{}","password":"hunter2-hunter2","after":"seen"}}"#,
            "x".repeat(50)
        );
        note(&kept, "shop", "a star", 1, &long);
        note(&kept, "shop", "a comment", 1, &"é".repeat(SAMPLE_BYTES));
        let rows = kept.read().rows;
        let texts: Vec<&str> = rows.iter().map(|row| &*row.samples[0].text).collect();
        assert_eq!(texts[0].len(), SAMPLE_BYTES);
        assert_eq!(rows[0].samples[0].bytes, 2 * SAMPLE_BYTES);
        assert!(!texts[1].contains("hunter2"), "{}", texts[1]);
        assert!(texts[1].contains("seen"), "{}", texts[1]);
    }

    #[test]
    fn beyond_its_rows_what_was_silent_longest_goes_and_is_counted() {
        let kept = Suppressions::new(at(0));
        for number in 0..=ROWS_MAX {
            note(&kept, &format!("{number}"), "a star", number as i64, "{}");
            note(&kept, "0", "a star", number as i64, "{}");
        }
        let kept = kept.read();
        assert_eq!((kept.rows.len(), kept.forgotten), (ROWS_MAX, 1));
        let sources: Vec<&str> = kept.rows.iter().map(|row| row.source.as_str()).collect();
        assert!(sources.contains(&"0") && !sources.contains(&"1"));
    }
}
