//! When something held, from everything every source said of it, in any order.
//!
//! All that is kept are sets (declared intervals, standing statements, evidence,
//! ends), and the answer is a function of the sets: the order in which they
//! arrived cannot matter.

use std::collections::{BTreeMap, BTreeSet};

use model::{Timestamp, ValidInterval};
use serde::{Deserialize, Serialize};

use crate::intern::WordIx;
use crate::stamped::Stamp;

/// What one source said about one relation's or item's time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Statements {
    /// Declared intervals by their start; the latest statement of the same start counts.
    declared: BTreeMap<Timestamp, (Stamp, Option<Timestamp>)>,
    /// Statements that it holds from now on, until ended.
    standing: BTreeSet<Timestamp>,
    /// Ends.
    ends: BTreeSet<Timestamp>,
    /// Evidence that fades: by first sight (last sight, end of its reach, report interval in ms).
    evidence: BTreeMap<Timestamp, Sighting>,
}

/// A run of evidence without a gap longer than its reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sighting {
    pub(crate) last_at: Timestamp,
    pub(crate) reaches_until: Timestamp,
    pub(crate) report_interval_ms: i64,
}

/// When something held, by source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Validity {
    sources: BTreeMap<WordIx, Statements>,
}

/// Evidence that fades, as one statement of a source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
    pub(crate) report_interval_ms: i64,
    /// How long after the last sight it is taken to be over.
    pub(crate) reach_ms: i64,
}

impl Validity {
    /// A source declares an interval; the latest statement of the same start counts.
    pub(crate) fn declare(&mut self, source: WordIx, interval: ValidInterval, stamp: Stamp) {
        let declared = &mut self.sources.entry(source).or_default().declared;
        let said = (stamp, interval.until());
        let kept = declared.entry(interval.from()).or_insert(said);
        if kept.0 < stamp {
            *kept = said;
        }
    }

    /// A source says that it holds from a moment on.
    pub(crate) fn stand(&mut self, source: WordIx, from: Timestamp) {
        self.sources
            .entry(source)
            .or_default()
            .standing
            .insert(from);
    }

    /// A source says that it holds no more.
    pub(crate) fn end(&mut self, source: WordIx, at: Timestamp) {
        self.sources.entry(source).or_default().ends.insert(at);
    }

    /// A source saw it.
    pub(crate) fn see(&mut self, source: WordIx, seen: Evidence) {
        let evidence = &mut self.sources.entry(source).or_default().evidence;
        let mut first_at = seen.first_at;
        let mut merged = Sighting {
            last_at: seen.last_at,
            reaches_until: seen.last_at.plus_millis(seen.reach_ms),
            report_interval_ms: seen.report_interval_ms,
        };
        // Runs whose reaches touch become one, whichever came first.
        while let Some((start, run)) = evidence
            .range(..=merged.reaches_until)
            .next_back()
            .filter(|(_, run)| first_at <= run.reaches_until)
            .map(|(start, run)| (*start, *run))
        {
            evidence.remove(&start);
            if merged.last_at < run.last_at {
                merged.report_interval_ms = run.report_interval_ms;
            } else if merged.last_at == run.last_at {
                merged.report_interval_ms = merged.report_interval_ms.max(run.report_interval_ms);
            }
            first_at = first_at.min(start);
            merged.last_at = merged.last_at.max(run.last_at);
            merged.reaches_until = merged.reaches_until.max(run.reaches_until);
        }
        evidence.insert(first_at, merged);
    }

    /// Whether any source ever said anything of its time.
    pub(crate) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Who spoke of it.
    pub(crate) fn sources(&self) -> impl Iterator<Item = WordIx> {
        self.sources.keys().copied()
    }

    /// When it held by any source: sorted, apart from each other.
    pub(crate) fn intervals(&self) -> Vec<ValidInterval> {
        unite(
            self.sources
                .values()
                .flat_map(Statements::intervals)
                .collect(),
        )
    }

    /// When it held by firm statements alone, without evidence that fades.
    pub(crate) fn stated_at(&self, at: Timestamp) -> bool {
        self.sources
            .values()
            .any(|source| source.firm().iter().any(|held| held.contains(at)))
    }

    /// The run of evidence that reaches over the moment, the freshest of all sources.
    pub(crate) fn sighting_at(&self, at: Timestamp) -> Option<Sighting> {
        let covering = |source: &Statements| {
            let (_, run) = source.evidence.range(..=at).next_back()?;
            (at < run.reaches_until).then_some(*run)
        };
        self.sources
            .values()
            .filter_map(covering)
            .max_by_key(|run| run.last_at)
    }

    /// First and last moment at which some source had something to say of it.
    pub(crate) fn seen(&self) -> Option<(Timestamp, Timestamp)> {
        let moments = self.sources.values().flat_map(|source| {
            let declared = source
                .declared
                .iter()
                .flat_map(|(from, (stamp, _))| [*from, stamp.at]);
            let seen = source
                .evidence
                .iter()
                .flat_map(|(first, run)| [*first, run.last_at]);
            declared.chain(seen).chain(source.standing.iter().copied())
        });
        moments.fold(None, |span, at| match span {
            None => Some((at, at)),
            Some((first, last)) => Some((first.min(at), last.max(at))),
        })
    }
}

impl Statements {
    fn intervals(&self) -> Vec<ValidInterval> {
        let mut held = self.firm();
        for (first, run) in &self.evidence {
            // An end after the last sight cuts the reach; evidence after an end means it began again.
            let cut = self
                .ends
                .range(run.last_at..)
                .find(|end| run.last_at < **end)
                .copied();
            let until = cut.map_or(run.reaches_until, |end| end.min(run.reaches_until));
            held.extend(ValidInterval::new(*first, Some(until)));
        }
        held
    }

    /// Declared and standing, cut at the next end.
    fn firm(&self) -> Vec<ValidInterval> {
        let next_end = |from: Timestamp| self.ends.range(from..).find(|end| from < **end).copied();
        let declared = self.declared.iter().map(|(from, (stamp, until))| {
            // An end said before the declaration was made does not touch it.
            let cut = next_end((*from).max(stamp.at));
            (*from, earlier(*until, cut))
        });
        let standing = self.standing.iter().map(|from| (*from, next_end(*from)));
        declared
            .chain(standing)
            .filter_map(|(from, until)| ValidInterval::new(from, until))
            .collect()
    }
}

/// The earlier of two ends, where none means never.
fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The union of intervals, sorted and apart from each other.
fn unite(mut intervals: Vec<ValidInterval>) -> Vec<ValidInterval> {
    intervals.sort_by_key(ValidInterval::from);
    let mut united: Vec<ValidInterval> = Vec::with_capacity(intervals.len());
    for next in intervals {
        let Some(last) = united.last_mut() else {
            united.push(next);
            continue;
        };
        match last.until() {
            Some(until) if until < next.from() => united.push(next),
            None => {}
            Some(until) => {
                let end = next.until().map(|end| end.max(until));
                *last = ValidInterval::new(last.from(), end).expect("a union is not shorter");
            }
        }
    }
    united
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intern::Words;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_nanos(second * 1_000_000_000)
    }

    /// Statements such as `from 10`, `end 20`, `10..30`, `saw 10` (reach 5 s), applied in the given order.
    fn held(statements: &[&str]) -> String {
        let source = Words::default().add("s");
        let mut validity = Validity::default();
        for (index, statement) in statements.iter().enumerate() {
            let number = |text: &str| text.parse::<i64>().unwrap();
            let stamp = |second| Stamp {
                at: at(second),
                tie: index as u64,
            };
            match statement.split_once(' ') {
                Some(("from", from)) => validity.stand(source, at(number(from))),
                Some(("end", end)) => validity.end(source, at(number(end))),
                Some(("saw", seen)) => validity.see(
                    source,
                    Evidence {
                        first_at: at(number(seen)),
                        last_at: at(number(seen)),
                        report_interval_ms: 1_000,
                        reach_ms: 5_000,
                    },
                ),
                _ => {
                    let (from, until) = statement.split_once("..").unwrap();
                    let interval =
                        ValidInterval::new(at(number(from)), Some(at(number(until)))).unwrap();
                    validity.declare(source, interval, stamp(number(from)));
                }
            }
        }
        let second = |moment: Timestamp| moment.unix_nanos() / 1_000_000_000;
        let spans: Vec<String> = validity
            .intervals()
            .iter()
            .map(|held| {
                format!(
                    "{}..{}",
                    second(held.from()),
                    held.until()
                        .map_or(String::new(), |end| second(end).to_string())
                )
            })
            .collect();
        spans.join(" ")
    }

    #[test]
    fn an_end_closes_and_a_later_statement_opens_again() {
        assert_eq!(held(&["from 10"]), "10..");
        assert_eq!(held(&["from 10", "end 20"]), "10..20");
        assert_eq!(held(&["from 10", "end 20", "from 30"]), "10..20 30..");
        assert_eq!(
            held(&["from 30", "from 15", "end 20", "from 10"]),
            "10..20 30.."
        );
    }

    #[test]
    fn a_declared_interval_never_ages() {
        assert_eq!(held(&["10..20", "40..50"]), "10..20 40..50");
        assert_eq!(held(&["10..20", "10..30"]), "10..30");
    }

    #[test]
    fn evidence_fades_unless_it_is_renewed() {
        assert_eq!(held(&["saw 10"]), "10..15");
        assert_eq!(held(&["saw 10", "saw 14", "saw 30"]), "10..19 30..35");
        assert_eq!(
            held(&["saw 30", "saw 18", "saw 10", "saw 14"]),
            "10..23 30..35"
        );
        assert_eq!(held(&["saw 10", "end 12"]), "10..12");
    }
}
