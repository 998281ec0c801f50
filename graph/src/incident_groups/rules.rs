//! The rules by which incidents become one, as data: every constant, its reason and its source.
//!
//! Nothing else of the grouping holds a number that moves an incident from one group to another.

use crate::structure::Criticality;

/// The name of these rules; raised with every change of a number or a word in them.
pub const GROUPING_VERSION: &str = "incident-groups-2";

/// The numbers of the grouping.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grouping {
    /// Minutes that may lie between the beginnings of two incidents for harm to link them.
    pub window_minutes: i64,
    /// Minutes between the first and the last beginning in one group.
    pub span_minutes: i64,
    /// Relations that harm may travel from where it comes from to one incident.
    pub hops_max: u32,
    /// Harm below this share is not followed.
    pub harm_min: f64,
    /// Where harm may come from, items for one incident; the likeliest are kept.
    pub origins_max: usize,
    /// What shows no symptom itself counts as common cause if so large a share of what needs it directly does.
    pub silent_share: f64,
    /// And if it is at least so many.
    pub silent_min: usize,
    /// Incidents in one group.
    pub members_max: usize,
    /// Hours by which the clock is divided where incidents never pause: chains are followed back to the beginning
    /// of the division before.
    pub division_hours: i64,
}

/// The numbers in use.
///
/// All are reasoned from practice; no public data says which alerts people held for one incident.
pub const GROUPING: Grouping = Grouping {
    // Products that group by time take 5 (PagerDuty), 10 (ServiceNow) and 15 (Moogsoft) minutes by default, and up
    // to an hour for one host (BigPanda). Harm along relations is a narrower reason than equal labels, so the widest
    // of the usual defaults is safe.
    window_minutes: 15,
    // ServiceNow ends a group after 30 minutes, Moogsoft after 24 hours. Cascades that go on growing after two hours
    // are rare, and an alert that flaps must not chain for ever.
    span_minutes: 120,
    // Three strong calls let half of the harm through; further away nearly everything hangs together.
    hops_max: 3,
    // A weak call (.8 x .4) still counts, two of them do not.
    harm_min: 0.3,
    // Few items have more that can harm them within three steps; of those with more the likeliest are kept, and told.
    origins_max: 256,
    // A host, a queue or a database often has no alert of its own. Half of what needs it directly is more than chance
    // brings together within the window, and below it the healthy rest speaks against it.
    silent_share: 0.5,
    silent_min: 2,
    // Beyond this nobody reads members one by one; what comes after begins a group beside it, and both say so.
    members_max: 10_000,
    // Three times the span: a chain that did not pause for six hours is no cascade.
    division_hours: 6,
};

/// How bad a group of incidents is: the lower, the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupLevel(u8);

/// Where nobody said how bad any of them is.
pub const LEVEL_UNSTATED: GroupLevel = GroupLevel(3);

/// Words of sources for how bad something is, without spaces and signs. A number after `p`, `sev` or `s` is its level.
///
/// The best of all levels is for what is critical on an item without which the business stands.
const SEVERITIES: [(&str, u8); 26] = [
    ("blocker", 0),
    ("disaster", 0),
    ("emergency", 0),
    ("alert", 1),
    ("critical", 1),
    ("crit", 1),
    ("fatal", 1),
    ("page", 1),
    ("error", 2),
    ("err", 2),
    ("high", 2),
    ("major", 2),
    ("average", 3),
    ("degraded", 3),
    ("medium", 3),
    ("moderate", 3),
    ("warn", 3),
    ("warning", 3),
    ("low", 4),
    ("minor", 4),
    ("notice", 4),
    ("ticket", 4),
    ("info", 5),
    ("information", 5),
    ("informational", 5),
    ("none", 5),
];

impl GroupLevel {
    /// The level that a source's word means; `None` for a word nobody explained.
    pub fn read(word: &str) -> Option<Self> {
        let plain = |sign: &char| sign.is_alphanumeric();
        let word: String = word.to_lowercase().chars().filter(plain).collect();
        let numbered = ["priority", "severity", "sev", "p", "s"]
            .iter()
            .find_map(|prefix| word.strip_prefix(prefix)?.parse::<u8>().ok());
        if let Some(number) = numbered {
            return (number <= 5).then_some(Self(number));
        }
        let known = SEVERITIES.iter().find(|(known, _)| *known == word);
        known.map(|(_, level)| Self(*level))
    }

    /// Its name, from `P0` to `P5`.
    pub fn name(self) -> String {
        format!("P{}", self.0)
    }

    /// The level once it is known how critical the most critical item is that shows symptoms.
    ///
    /// What the business stands without is one level worse, what can wait one better.
    #[must_use]
    pub fn on(self, criticality: Option<Criticality>) -> Self {
        match criticality {
            Some(Criticality::P0) => Self(self.0.saturating_sub(1)),
            Some(Criticality::P2) => Self((self.0 + 1).min(5)),
            Some(Criticality::P1) | None => self,
        }
    }
}

impl Grouping {
    /// The window in nanoseconds.
    pub(crate) const fn window(&self) -> i64 {
        self.window_minutes * MINUTE
    }

    /// The longest span in nanoseconds.
    pub(crate) const fn span(&self) -> i64 {
        self.span_minutes * MINUTE
    }

    /// A division of the clock in nanoseconds.
    pub(crate) const fn division(&self) -> i64 {
        self.division_hours * 60 * MINUTE
    }
}

const MINUTE: i64 = 60 * 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn level(word: &str) -> String {
        GroupLevel::read(word).map_or_else(|| "-".to_owned(), GroupLevel::name)
    }

    #[test]
    fn words_of_many_sources_are_levels() {
        let words = [
            "critical", "P1", "SEV-2", "s3", "Warning", "info", "sev 9", "strange",
        ];
        let levels = words.map(level);
        assert_eq!(levels, ["P1", "P1", "P2", "P3", "P3", "P5", "-", "-"]);
    }

    #[test]
    fn criticality_moves_a_level_by_one_and_never_beyond_the_ends() {
        let on = |level: u8, criticality| GroupLevel(level).on(criticality).name();
        assert_eq!(on(1, Some(Criticality::P0)), "P0");
        assert_eq!(on(0, Some(Criticality::P0)), "P0");
        assert_eq!(on(2, Some(Criticality::P1)), "P2");
        assert_eq!(on(5, Some(Criticality::P2)), "P5");
        assert_eq!(on(3, None), "P3");
    }
}
