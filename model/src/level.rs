//! Levels of control: what an organisation asks of a change of each, as data.
//!
//! The built-in ones are what many organisations use; a definition of the same name replaces one of them.

use serde::{Deserialize, Serialize};

/// What a change must carry to be of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// A check before it begins.
    CheckBefore,
    /// A check after it is through.
    CheckAfter,
    /// At least one batch.
    Batches,
    /// It was handed in before it began.
    Submission,
    /// It was decided for before it began.
    Decision,
}

impl Demand {
    /// Every demand with its stored word.
    pub const WRITTEN: [(&'static str, Self); 5] = [
        ("check_before", Self::CheckBefore),
        ("check_after", Self::CheckAfter),
        ("batches", Self::Batches),
        ("submission", Self::Submission),
        ("decision", Self::Decision),
    ];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CheckBefore => "check_before",
            Self::CheckAfter => "check_after",
            Self::Batches => "batches",
            Self::Submission => "submission",
            Self::Decision => "decision",
        }
    }

    /// What is missing where it is not met, for people.
    pub const fn missing(self) -> &'static str {
        match self {
            Self::CheckBefore => "a check before it began",
            Self::CheckAfter => "a check after it was through",
            Self::Batches => "a batch",
            Self::Submission => "being submitted",
            Self::Decision => "a decision",
        }
    }
}

/// Whether a change of a level is told as one node or as an order with children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nodes {
    /// One.
    One,
    /// Many.
    Many,
}

impl Nodes {
    /// Both with their stored words.
    pub const WRITTEN: [(&'static str, Self); 2] = [("one", Self::One), ("many", Self::Many)];
}

/// `level.defined`: what a level of control means. A later definition of the name replaces an earlier one whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LevelDefined {
    /// The level as changes state it, such as `G2`.
    pub name: String,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// What it is used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_for: Option<String>,
    /// As how many nodes such a change is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Nodes>,
    /// The stages it goes through, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifecycle: Vec<String>,
    /// What such a change must carry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub demands: Vec<Demand>,
}

/// `level.withdrawn`: a definition no longer counts; of a built-in level what is built in counts again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LevelWithdrawn {
    /// The level.
    pub name: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A level that is always there.
#[derive(Clone, Copy, Debug)]
pub struct BuiltInLevel {
    /// The level.
    pub name: &'static str,
    meaning: &'static str,
    used_for: &'static str,
    nodes: Nodes,
    lifecycle: &'static [&'static str],
    demands: &'static [Demand],
}

/// The levels that are always there, the lightest first. Each asks for all that the one before it asks for.
pub const BUILT_IN_LEVELS: [BuiltInLevel; 5] = [
    BuiltInLevel {
        name: "G0",
        meaning: "the change is only told of; nothing controls it",
        used_for: "changes without risk, kept for search and audit",
        nodes: Nodes::One,
        lifecycle: &["event"],
        demands: &[],
    },
    BuiltInLevel {
        name: "G1",
        meaning: "a single step with a check before and a check after it",
        used_for: "changes of low risk: admission before, completeness after",
        nodes: Nodes::One,
        lifecycle: &["before", "change", "after"],
        demands: &[Demand::CheckBefore, Demand::CheckAfter],
    },
    BuiltInLevel {
        name: "G2",
        meaning: "an order with at least one batch, watched from step to step",
        used_for: "gradual changes under risk control",
        nodes: Nodes::Many,
        lifecycle: &["order start", "batch start", "batch end", "order end"],
        demands: &[Demand::CheckBefore, Demand::CheckAfter, Demand::Batches],
    },
    BuiltInLevel {
        name: "G3",
        meaning: "an order that is known from the moment it is handed in",
        used_for: "gradual changes whose risk is looked at before they are begun",
        nodes: Nodes::Many,
        lifecycle: &[
            "submission",
            "order start",
            "batch start",
            "batch end",
            "order end",
        ],
        demands: &[
            Demand::CheckBefore,
            Demand::CheckAfter,
            Demand::Batches,
            Demand::Submission,
        ],
    },
    BuiltInLevel {
        name: "G4",
        meaning: "an order that is decided by rules, without a person",
        used_for: "changes that a machine carries out by itself",
        nodes: Nodes::Many,
        lifecycle: &[
            "submission",
            "decision",
            "order start",
            "batch start",
            "batch end",
            "order end",
        ],
        demands: &[
            Demand::CheckBefore,
            Demand::CheckAfter,
            Demand::Batches,
            Demand::Submission,
            Demand::Decision,
        ],
    },
];

impl BuiltInLevel {
    /// It as a definition.
    pub fn definition(&self) -> LevelDefined {
        LevelDefined {
            name: self.name.to_owned(),
            meaning: Some(self.meaning.to_owned()),
            used_for: Some(self.used_for.to_owned()),
            nodes: Some(self.nodes),
            lifecycle: self.lifecycle.iter().map(|it| (*it).to_owned()).collect(),
            demands: self.demands.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_asks_for_all_that_the_one_before_it_asks_for() {
        for pair in BUILT_IN_LEVELS.windows(2) {
            let [lighter, heavier] = pair else { panic!() };
            let mut demands = lighter.demands.iter();
            assert!(
                demands.all(|it| heavier.demands.contains(it)),
                "{}",
                heavier.name
            );
        }
    }
}
