//! The calendar of changes: rules and exemptions as they are declared, whether a change may run,
//! and which changes get in each other's way.

mod asked;
mod conflicts;
mod may;
mod reach;
mod says;

use std::collections::BTreeMap;

use model::{CalendarRuleDeclared, ExemptionGranted, LogPosition, TimeSpan, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use asked::AskedChange;
pub use conflicts::{Conflict, ConflictKind, ConflictLimits, Conflicts, conflicts};
pub use may::{Finding, MayChange, MayLimits, Outcome, may_change};

use crate::stamped::Stamp;

/// Something declared by name, as it was last.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared<T> {
    /// What was declared.
    pub what: T,
    /// When.
    pub declared_at: Timestamp,
    /// Where the declaration stands in the log.
    pub position: LogPosition,
}

/// Every word on every name, by time; nothing where it was withdrawn.
type Words<T> = BTreeMap<String, BTreeMap<Stamp, Option<Declared<T>>>>;

/// Rules and exemptions by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct CalendarBook {
    rules: Words<CalendarRuleDeclared>,
    exemptions: Words<ExemptionGranted>,
}

/// One word as bytes hold it: as JSON, whose fields may be missing.
#[derive(Serialize, Deserialize)]
struct SavedWord {
    name: String,
    stamp: Stamp,
    position: LogPosition,
    declared: Option<String>,
}

/// The calendar as bytes hold it.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedCalendar {
    rules: Vec<SavedWord>,
    exemptions: Vec<SavedWord>,
}

/// An exemption with the time for which it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemption<'v> {
    /// What was granted.
    pub granted: &'v ExemptionGranted,
    /// When it counts.
    pub span: TimeSpan,
}

impl CalendarBook {
    pub(crate) fn declare(&mut self, rule: &CalendarRuleDeclared, stamp: Stamp, at: LogPosition) {
        say(&mut self.rules, &rule.name, Some(rule), stamp, at);
    }

    pub(crate) fn withdraw(&mut self, name: &str, stamp: Stamp, at: LogPosition) {
        say(&mut self.rules, name, None, stamp, at);
    }

    pub(crate) fn exempt(&mut self, granted: &ExemptionGranted, stamp: Stamp, at: LogPosition) {
        say(
            &mut self.exemptions,
            &granted.name,
            Some(granted),
            stamp,
            at,
        );
    }

    pub(crate) fn end_exemption(&mut self, name: &str, stamp: Stamp, at: LogPosition) {
        say(&mut self.exemptions, name, None, stamp, at);
    }

    /// The rules as they were declared by a moment, in order of name.
    pub(crate) fn rules_at(
        &self,
        at: Timestamp,
    ) -> impl Iterator<Item = &Declared<CalendarRuleDeclared>> {
        self.rules
            .values()
            .filter_map(move |words| said_at(words, at))
    }

    /// The exemptions as they were granted by a moment, in order of name.
    pub(crate) fn exemptions_at(&self, at: Timestamp) -> impl Iterator<Item = Exemption<'_>> {
        let said = self
            .exemptions
            .values()
            .filter_map(move |words| said_at(words, at));
        said.map(|granted| Exemption {
            span: granted.what.span(granted.declared_at),
            granted: &granted.what,
        })
    }

    pub(crate) fn each_line(&self, mut take: impl FnMut(String)) {
        let rules = self.rules.values().flat_map(BTreeMap::values).flatten();
        rules.for_each(|rule| take(format!("calendar rule {}", to_json(&rule.what))));
        let exemptions = self
            .exemptions
            .values()
            .flat_map(BTreeMap::values)
            .flatten();
        exemptions.for_each(|it| take(format!("exemption {}", to_json(&it.what))));
    }

    pub(crate) fn save(&self) -> SavedCalendar {
        SavedCalendar {
            rules: save(&self.rules),
            exemptions: save(&self.exemptions),
        }
    }

    pub(crate) fn restore(saved: SavedCalendar) -> Self {
        Self {
            rules: restore(saved.rules),
            exemptions: restore(saved.exemptions),
        }
    }
}

fn say<T: Clone>(
    words: &mut Words<T>,
    name: &str,
    what: Option<&T>,
    stamp: Stamp,
    position: LogPosition,
) {
    let declared = what.map(|what| Declared {
        what: what.clone(),
        declared_at: stamp.at,
        position,
    });
    let of_name = words.entry(name.to_owned()).or_default();
    of_name.entry(stamp).or_insert(declared);
}

fn said_at<T>(words: &BTreeMap<Stamp, Option<Declared<T>>>, at: Timestamp) -> Option<&Declared<T>> {
    let by_then = ..=Stamp { at, tie: u64::MAX };
    words.range(by_then).next_back()?.1.as_ref()
}

fn save<T: Serialize>(words: &Words<T>) -> Vec<SavedWord> {
    let each = words
        .iter()
        .flat_map(|(name, said)| said.iter().map(move |it| (name, it)));
    each.map(|(name, (stamp, declared))| SavedWord {
        name: name.clone(),
        stamp: *stamp,
        position: declared
            .as_ref()
            .map_or(LogPosition::ZERO, |it| it.position),
        declared: declared.as_ref().map(|it| to_json(&it.what)),
    })
    .collect()
}

fn restore<T: DeserializeOwned + Clone>(saved: Vec<SavedWord>) -> Words<T> {
    let mut words = Words::new();
    for one in saved {
        let json = one.declared.as_deref();
        let what: Option<T> =
            json.map(|json| serde_json::from_str(json).expect("it was written by this version"));
        say(
            &mut words,
            &one.name,
            what.as_ref(),
            one.stamp,
            one.position,
        );
    }
    words
}

fn to_json(declared: &impl Serialize) -> String {
    serde_json::to_string(declared).expect("a declaration has string keys only")
}
