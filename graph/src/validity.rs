//! When something held, from everything every source said of it, in any order.
//!
//! All that is kept are sets (declared intervals, standing statements, evidence,
//! ends), and the answer is a function of the sets: the order in which they
//! arrived cannot matter.

use model::{Timestamp, ValidInterval};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::intern::WordIx;
use crate::stamped::Stamp;

/// What one statement says. The order is that in which statements of one source are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Said {
    /// It holds in a declared interval; the latest statement of the same start counts.
    Declared,
    /// It holds from a moment on, until ended.
    Standing,
    /// It holds no more.
    Ended,
    /// It was seen; sight fades.
    Seen,
    /// It stood in one list after the other; a list without it ends it.
    Listed,
}

/// One statement, packed because there are millions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Statement {
    pub(crate) source: WordIx,
    pub(crate) said: Said,
    /// Start of the interval, moment of the end, or first sight.
    pub(crate) from: Timestamp,
    /// End of a declared interval, or last sight; `Timestamp::MAX` without one.
    pub(crate) until: Timestamp,
    /// When a declaration was made, or until when a sight or a list reaches.
    pub(crate) at: Timestamp,
    /// The first half of the tie of a declaration's stamp, or the report interval of a sight or a list in milliseconds (0: none promised).
    pub(crate) more: u64,
}

/// A run of lists that all carry it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ListedRun {
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
    /// The next list, which lacks it, or when the last one is too old to count.
    pub(crate) until: Timestamp,
    /// When the next list was promised; 0 without a promise.
    pub(crate) report_interval_ms: u64,
}

/// A run of evidence without a gap longer than its reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sighting {
    pub(crate) last_at: Timestamp,
    pub(crate) report_interval_ms: i64,
}

/// When one statement held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Holding {
    pub(crate) held: ValidInterval,
    /// The run of evidence that it is, if it fades.
    pub(crate) sighting: Option<Sighting>,
}

/// What one statement says of a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Voice {
    pub(crate) source: WordIx,
    /// Whether it was seen, rather than declared.
    pub(crate) is_sighting: bool,
    /// The first moment it speaks of.
    pub(crate) since: Timestamp,
    /// Whether it holds at the moment.
    pub(crate) holds: bool,
}

/// When something held, by source: statements sorted by source, sort and start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Validity {
    statements: SmallVec<[Statement; 1]>,
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

impl From<Statement> for Validity {
    fn from(only: Statement) -> Self {
        Self {
            statements: SmallVec::from_buf([only]),
        }
    }
}

impl Validity {
    /// A source declares an interval; the latest statement of the same start counts.
    pub(crate) fn declare(&mut self, source: WordIx, interval: ValidInterval, stamp: Stamp) {
        let statement = Statement {
            source,
            said: Said::Declared,
            from: interval.from(),
            until: interval.until().unwrap_or(Timestamp::MAX),
            at: stamp.at,
            more: stamp.tie >> 32,
        };
        let rank = |said: &Statement| (said.at, said.more, said.until);
        let later = |kept: &Statement| rank(kept) < rank(&statement);
        match self.place(source, Said::Declared, interval.from()) {
            Ok(place) => {
                if let Some(kept) = self.statements.get_mut(place).filter(|kept| later(kept)) {
                    *kept = statement;
                }
            }
            Err(place) => self.statements.insert(place, statement),
        }
    }

    /// A source says that it holds from a moment on.
    pub(crate) fn stand(&mut self, source: WordIx, from: Timestamp) {
        self.once(source, Said::Standing, from);
    }

    /// A source says that it holds no more.
    pub(crate) fn end(&mut self, source: WordIx, at: Timestamp) {
        self.once(source, Said::Ended, at);
    }

    fn once(&mut self, source: WordIx, said: Said, from: Timestamp) {
        if let Err(place) = self.place(source, said, from) {
            let statement = Statement {
                source,
                said,
                from,
                until: Timestamp::MAX,
                at: from,
                more: 0,
            };
            self.statements.insert(place, statement);
        }
    }

    /// A source saw it. Runs whose reaches touch become one, whichever came first.
    pub(crate) fn see(&mut self, source: WordIx, seen: Evidence) {
        let mut run = Statement {
            source,
            said: Said::Seen,
            from: seen.first_at,
            until: seen.last_at,
            at: seen.last_at.plus_millis(seen.reach_ms),
            more: u64::try_from(seen.report_interval_ms).unwrap_or(0),
        };
        self.statements.retain(|kept| {
            let touches = kept.said == Said::Seen
                && kept.source == source
                && kept.from <= run.at
                && run.from <= kept.at;
            if touches {
                run = joined(run, *kept);
            }
            !touches
        });
        if let Err(place) = self.place(source, Said::Seen, run.from) {
            self.statements.insert(place, run);
        }
    }

    /// What the lists of a source say of it, instead of what they said before.
    pub(crate) fn list(&mut self, source: WordIx, runs: &[ListedRun]) {
        let is_of_list = |kept: &Statement| kept.said == Said::Listed && kept.source == source;
        self.statements.retain(|kept| !is_of_list(kept));
        for run in runs {
            let key = (source, Said::Listed, run.first_at);
            let place = self
                .statements
                .partition_point(|kept| (kept.source, kept.said, kept.from) <= key);
            let statement = Statement {
                source,
                said: Said::Listed,
                from: run.first_at,
                until: run.last_at,
                at: run.until,
                more: run.report_interval_ms,
            };
            self.statements.insert(place, statement);
        }
    }

    /// Whether lists of a source ever carried it.
    pub(crate) fn is_listed_by(&self, source: WordIx) -> bool {
        let mut statements = self.statements.iter();
        statements.any(|kept| kept.said == Said::Listed && kept.source == source)
    }

    fn place(&self, source: WordIx, said: Said, from: Timestamp) -> Result<usize, usize> {
        let key = |kept: &Statement| (kept.source, kept.said, kept.from);
        self.statements
            .binary_search_by(|kept| key(kept).cmp(&(source, said, from)))
    }

    /// Whether any source ever said anything of its time.
    pub(crate) fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Whether nothing of it fades.
    pub(crate) fn is_firm(&self) -> bool {
        !self.statements.iter().any(Statement::fades)
    }

    /// The statement, if there is but one.
    pub(crate) fn only(&self) -> Option<&Statement> {
        match self.statements.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Who spoke of it.
    pub(crate) fn sources(&self) -> impl Iterator<Item = WordIx> {
        self.statements.iter().map(|statement| statement.source)
    }

    /// Whether by the word of this source it holds on, without an end in sight.
    pub(crate) fn is_open_by(&self, source: WordIx) -> bool {
        let of_source = self.statements.iter().filter(|kept| kept.source == source);
        let mut held = of_source.filter_map(|statement| self.held(statement));
        held.any(|held| held.until().is_none())
    }

    /// When this source last said that it holds no more.
    pub(crate) fn ended_by(&self, source: WordIx) -> Option<Timestamp> {
        let is_end = |kept: &&Statement| kept.source == source && kept.said == Said::Ended;
        let ends = self.statements.iter().filter(is_end);
        ends.map(|end| end.from).max()
    }

    /// When it held by any source: sorted, apart from each other.
    pub(crate) fn intervals(&self) -> SmallVec<[ValidInterval; 1]> {
        let held = self
            .statements
            .iter()
            .filter_map(|statement| self.held(statement));
        unite(held.collect())
    }

    /// When one statement held, cut by the ends its source stated.
    fn held(&self, statement: &Statement) -> Option<ValidInterval> {
        let until = match statement.said {
            Said::Ended => return None,
            // An end said before the declaration was made does not touch it.
            Said::Declared => statement
                .until
                .min(self.next_end(statement, statement.from.max(statement.at))),
            Said::Standing => self.next_end(statement, statement.from),
            // Evidence after an end means that it began again.
            Said::Seen | Said::Listed => {
                statement.at.min(self.next_end(statement, statement.until))
            }
        };
        ValidInterval::new(statement.from, (until != Timestamp::MAX).then_some(until))
    }

    /// The source's first end after a moment.
    fn next_end(&self, statement: &Statement, after: Timestamp) -> Timestamp {
        let source = statement.source;
        let of_source = self
            .statements
            .iter()
            .filter(|other| other.source == source);
        let ends = of_source.filter(|other| other.said == Said::Ended && after < other.from);
        ends.map(|end| end.from).min().unwrap_or(Timestamp::MAX)
    }

    /// When each statement held, and the run of evidence it is if it fades.
    pub(crate) fn holding(&self) -> impl Iterator<Item = Holding> {
        self.statements.iter().filter_map(|statement| {
            Some(Holding {
                held: self.held(statement)?,
                sighting: statement.fades().then(|| statement.sighting()),
            })
        })
    }

    /// Whether it held by a firm statement, without evidence that fades.
    pub(crate) fn stated_at(&self, at: Timestamp) -> bool {
        let firm = self
            .statements
            .iter()
            .filter(|statement| !statement.fades());
        firm.filter_map(|statement| self.held(statement))
            .any(|held| held.contains(at))
    }

    /// The run of evidence that holds at the moment, the freshest of all sources.
    pub(crate) fn sighting_at(&self, at: Timestamp) -> Option<Sighting> {
        let seen = self.statements.iter().filter(|statement| statement.fades());
        let holding =
            seen.filter(|statement| self.held(statement).is_some_and(|held| held.contains(at)));
        let sightings = holding.map(Statement::sighting);
        sightings.max_by_key(|run| (run.last_at, run.report_interval_ms))
    }

    /// What each statement says of a moment, as far as it says that something holds.
    pub(crate) fn voices(&self, at: Timestamp) -> impl Iterator<Item = Voice> {
        let holding = self.statements.iter().filter_map(|statement| {
            let held = self.held(statement)?;
            Some(Voice {
                source: statement.source,
                is_sighting: statement.said == Said::Seen,
                since: statement.from,
                holds: held.contains(at),
            })
        });
        holding.collect::<SmallVec<[Voice; 2]>>().into_iter()
    }

    /// Whether evidence of it ran out before a moment, rather than being ended by its source.
    pub(crate) fn faded_at(&self, at: Timestamp) -> bool {
        let seen = self.statements.iter().filter(|statement| statement.fades());
        let latest = seen.max_by_key(|statement| statement.until);
        latest.is_some_and(|statement| {
            let held = self.held(statement).and_then(|held| held.until());
            statement.at <= at && held == Some(statement.at)
        })
    }

    /// First and last moment at which some source had something to say of it.
    pub(crate) fn seen(&self) -> Option<(Timestamp, Timestamp)> {
        let spans = self
            .statements
            .iter()
            .filter_map(|statement| match statement.said {
                Said::Ended => None,
                Said::Standing => Some((statement.from, statement.from)),
                Said::Declared => Some((
                    statement.from.min(statement.at),
                    statement.from.max(statement.at),
                )),
                Said::Seen | Said::Listed => Some((statement.from, statement.until)),
            });
        spans.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
    }
}

impl Statement {
    /// The run of evidence that it is, if it fades.
    fn sighting(&self) -> Sighting {
        Sighting {
            last_at: self.until,
            report_interval_ms: i64::try_from(self.more).unwrap_or(i64::MAX),
        }
    }

    /// Whether it counts for less with time.
    fn fades(&self) -> bool {
        match self.said {
            Said::Declared | Said::Standing | Said::Ended => false,
            Said::Seen => true,
            Said::Listed => self.more != 0,
        }
    }
}

/// Two runs of evidence as one; the report interval is that of the later sight.
fn joined(one: Statement, other: Statement) -> Statement {
    Statement {
        from: one.from.min(other.from),
        until: one.until.max(other.until),
        at: one.at.max(other.at),
        more: if (one.until, one.more) < (other.until, other.more) {
            other.more
        } else {
            one.more
        },
        ..one
    }
}

/// The union of intervals, sorted and apart from each other.
fn unite(mut intervals: SmallVec<[ValidInterval; 1]>) -> SmallVec<[ValidInterval; 1]> {
    if intervals.len() < 2 {
        return intervals;
    }
    intervals.sort_by_key(ValidInterval::from);
    let mut united: SmallVec<[ValidInterval; 1]> = SmallVec::new();
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
