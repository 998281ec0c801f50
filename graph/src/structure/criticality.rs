//! How much depends on an item, as one of three levels whatever words its sources use.

use model::Timestamp;

use crate::view::Item;

/// How much depends on an item; the first is the most critical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Criticality {
    /// The business stands when it does.
    P0,
    /// Many notice at once.
    P1,
    /// It can wait.
    P2,
}

/// Words for the levels: those of OpenTelemetry's `service.criticality`, and the usual numbers.
///
/// Three levels have to hold four words, so `medium` and `low` are both the last.
const WORDS: [(&str, Criticality); 12] = [
    ("p0", Criticality::P0),
    ("critical", Criticality::P0),
    ("very high", Criticality::P0),
    ("p1", Criticality::P1),
    ("high", Criticality::P1),
    ("p2", Criticality::P2),
    ("medium", Criticality::P2),
    ("low", Criticality::P2),
    ("very low", Criticality::P2),
    ("p3", Criticality::P2),
    ("p4", Criticality::P2),
    ("none", Criticality::P2),
];

impl Criticality {
    /// The level a source's word means; `None` for a word nobody explained.
    pub fn read(word: &str) -> Option<Self> {
        let word = word.trim().to_lowercase().replace(['_', '-'], " ");
        let known = WORDS.iter().find(|(known, _)| *known == word);
        known.map(|(_, level)| *level)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::P0 => "P0",
            Self::P1 => "P1",
            Self::P2 => "P2",
        }
    }
}

impl Item<'_> {
    /// How much depends on it as one of three levels, if its latest source's word for it is understood.
    pub fn criticality_level(&self) -> Option<Criticality> {
        self.criticality().and_then(Criticality::read)
    }

    /// The first and the last moment at which some source had something to say of it.
    pub fn seen(&self) -> Option<(Timestamp, Timestamp)> {
        let spans = self.facts().filter_map(|facts| facts.validity.seen());
        spans.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_every_source_mean_three_levels() {
        let level = |word| Criticality::read(word).map(Criticality::name);
        assert_eq!(level("critical"), Some("P0"));
        assert_eq!(level(" P1 "), Some("P1"));
        assert_eq!(level("high"), Some("P1"));
        assert_eq!(level("Medium"), Some("P2"));
        assert_eq!(level("low"), Some("P2"));
        assert_eq!(level("tier-1"), None);
    }
}
