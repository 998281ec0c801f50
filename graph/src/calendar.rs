//! The calendar of changes: rules and exemptions as they are declared, whether a change may run,
//! and which changes get in each other's way.

mod asked;
mod conflicts;
mod incidents;
mod may;
mod reach;
mod says;

use model::{CalendarRuleDeclared, ExemptionGranted, LogPosition, TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

pub use asked::AskedChange;
pub(crate) use conflicts::conflicts_within;
pub use conflicts::{Conflict, ConflictKind, ConflictLimits, Conflicts, conflicts};
pub(crate) use incidents::incidents_within;
pub use incidents::{IncidentLimits, IncidentNear, IncidentPlace, IncidentsNear, incidents_near};
pub use may::{Finding, MayChange, MayLimits, Outcome, may_change};

use crate::declarations::{Declarations, Declared, declare, restore, standing};
use crate::stamped::Stamp;
use crate::versions::{SavedVersion, saved, to_json};

/// Rules and exemptions by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct CalendarBook {
    rules: Declarations<CalendarRuleDeclared>,
    exemptions: Declarations<ExemptionGranted>,
}

/// The calendar as bytes hold it.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedCalendar {
    rules: Vec<SavedVersion>,
    exemptions: Vec<SavedVersion>,
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
        declare(&mut self.rules, &rule.name, Some(rule.clone()), stamp, at);
    }

    pub(crate) fn withdraw(&mut self, name: &str, stamp: Stamp, at: LogPosition) {
        declare(&mut self.rules, name, None, stamp, at);
    }

    pub(crate) fn exempt(&mut self, granted: &ExemptionGranted, stamp: Stamp, at: LogPosition) {
        let what = Some(granted.clone());
        declare(&mut self.exemptions, &granted.name, what, stamp, at);
    }

    pub(crate) fn end_exemption(&mut self, name: &str, stamp: Stamp, at: LogPosition) {
        declare(&mut self.exemptions, name, None, stamp, at);
    }

    /// The rules as they were declared by a moment, in order of name.
    pub(crate) fn rules_at(
        &self,
        at: Timestamp,
    ) -> impl Iterator<Item = Declared<'_, CalendarRuleDeclared>> {
        standing(&self.rules, at)
    }

    /// The exemptions as they were granted by a moment, in order of name.
    pub(crate) fn exemptions_at(&self, at: Timestamp) -> impl Iterator<Item = Exemption<'_>> {
        standing(&self.exemptions, at).map(|granted| Exemption {
            span: granted.what.span(granted.declared_at),
            granted: granted.what,
        })
    }

    pub(crate) fn each_line(&self, mut take: impl FnMut(String)) {
        let SavedCalendar { rules, exemptions } = self.save();
        let rules = rules.into_iter().filter_map(|it| it.defined);
        rules.for_each(|rule| take(format!("calendar rule {rule}")));
        let exemptions = exemptions.into_iter().filter_map(|it| it.defined);
        exemptions.for_each(|granted| take(format!("exemption {granted}")));
    }

    pub(crate) fn save(&self) -> SavedCalendar {
        SavedCalendar {
            rules: saved(&self.rules, to_json),
            exemptions: saved(&self.exemptions, to_json),
        }
    }

    pub(crate) fn restore(saved: SavedCalendar) -> Self {
        Self {
            rules: restore(saved.rules),
            exemptions: restore(saved.exemptions),
        }
    }
}
