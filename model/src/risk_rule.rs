//! Rules of one's own for how risky a change is: comparisons of facts, as data.
//!
//! The language is closed: a fact, a comparison, a value, and all or any of such. Nothing of it runs.

use serde::{Deserialize, Serialize};

use crate::{FlowKind, Weekday};

/// Most points that one rule adds or takes.
pub const RISK_POINTS_MAX: f64 = 100.0;
/// Most comparisons of one rule.
pub const RISK_TESTS_MAX: usize = 64;
/// How deep conditions may stand inside each other.
pub const RISK_DEPTH_MAX: usize = 6;

/// How risky a change is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskLevel {
    /// Nobody needs to watch it.
    Low,
    /// Somebody watches it.
    Medium,
    /// It needs a reason, and a way back.
    High,
    /// It should not run as it is.
    Critical,
}

impl RiskLevel {
    /// Every level with its word, the lightest first.
    pub const WRITTEN: [(&'static str, Self); 4] = [
        ("low", Self::Low),
        ("medium", Self::Medium),
        ("high", Self::High),
        ("critical", Self::Critical),
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What sort of value a fact has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactSort {
    /// A number.
    Number,
    /// One word or several, of which one has to fit.
    Words,
    /// True or false.
    Truth,
}

macro_rules! risk_facts {
    ($($(#[$doc:meta])* $name:ident = $written:literal, $sort:ident;)+) => {
        /// Something that can be seen of a change before it runs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum RiskFact {
            $($(#[$doc])* $name,)+
        }

        impl RiskFact {
            /// Every fact with its stored word.
            pub const WRITTEN: &'static [(&'static str, Self)] = &[$(($written, Self::$name),)+];

            /// The stored word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $written,)+
                }
            }

            /// What sort of value it has.
            pub const fn sort(self) -> FactSort {
                match self {
                    $(Self::$name => FactSort::$sort,)+
                }
            }
        }
    };
}

// Written once: the word, the sort and the meaning of a fact cannot come apart.
risk_facts! {
    /// The sum of the table's points, before any rule.
    Score = "score", Number;
    /// How many items harm would reach.
    ImpactScope = "impact_scope", Number;
    /// How many items it touches itself.
    Targets = "targets", Number;
    /// How many of its targets nobody knows.
    UnknownTargets = "unknown_targets", Number;
    /// How many batches it has.
    Batches = "batches", Number;
    /// How many changes of the same time meet it.
    Conflicts = "conflicts", Number;
    /// How many incidents are open at what it touches, needs or may harm.
    OpenIncidents = "open_incidents", Number;
    /// How many checks stopped it that nobody called wrong.
    FailedChecks = "failed_checks", Number;
    /// How much is missing of what its level or scene asks for.
    Lacks = "lacks", Number;
    /// The share of earlier changes like it that went badly, from 0 to 1.
    EarlierBadShare = "earlier_bad_share", Number;
    /// How long it is planned to take, in minutes.
    DurationMinutes = "duration_minutes", Number;
    /// The hour of the day at which it is to begin, 0 to 23, in UTC.
    Hour = "hour", Number;
    /// The day of the week on which it is to begin, in UTC: `monday`.
    Weekday = "weekday", Words;
    /// How important the most important item is that it touches or reaches: `P0`, `P1`, `P2`.
    Importance = "importance", Words;
    /// What sort of change.
    Kind = "kind", Words;
    /// Where it takes effect: as it is stated, and where its targets are.
    Environment = "environment", Words;
    /// Its registered scene.
    Scene = "scene", Words;
    /// Its platform, which is the source that tells of it.
    Platform = "platform", Words;
    /// Its level of control, such as `G2`.
    ControlLevel = "control_level", Words;
    /// Who carries it out: `human`, `automatic`.
    Operator = "operator", Words;
    /// How it takes effect: `one_shot`, `machine_batches`, `traffic_ratio`.
    Rollout = "rollout", Words;
    /// Who answers for what it touches.
    Owner = "owner", Words;
    /// The kinds of what it touches.
    ItemKind = "item_kind", Words;
    /// It takes effect in production.
    Production = "production", Truth;
    /// It jumps the queue.
    Emergency = "emergency", Truth;
    /// A rule of the calendar says no.
    Blocked = "blocked", Truth;
    /// Nobody is known to have done the like to these items.
    FirstTime = "first_time", Truth;
}

/// How a fact is held against a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskComparison {
    /// It is this.
    Equals,
    /// It is known and is not this.
    Differs,
    /// It is one of these words.
    OneOf,
    /// It is known and none of these words.
    NoneOf,
    /// This stands in it.
    Contains,
    /// It is this or more.
    AtLeast,
    /// It is this or less.
    AtMost,
    /// It is more.
    MoreThan,
    /// It is less.
    LessThan,
}

impl RiskComparison {
    /// Every comparison with its stored word.
    pub const WRITTEN: [(&'static str, Self); 9] = [
        ("equals", Self::Equals),
        ("differs", Self::Differs),
        ("one_of", Self::OneOf),
        ("none_of", Self::NoneOf),
        ("contains", Self::Contains),
        ("at_least", Self::AtLeast),
        ("at_most", Self::AtMost),
        ("more_than", Self::MoreThan),
        ("less_than", Self::LessThan),
    ];

    /// The same as it stands in a sentence.
    pub const fn said(self) -> &'static str {
        match self {
            Self::Equals => "is",
            Self::Differs => "is not",
            Self::OneOf => "is one of",
            Self::NoneOf => "is none of",
            Self::Contains => "contains",
            Self::AtLeast => "is at least",
            Self::AtMost => "is at most",
            Self::MoreThan => "is more than",
            Self::LessThan => "is less than",
        }
    }

    const fn fits(self, sort: FactSort) -> bool {
        match self {
            Self::Equals | Self::Differs => true,
            Self::OneOf | Self::NoneOf | Self::Contains => matches!(sort, FactSort::Words),
            Self::AtLeast | Self::AtMost | Self::MoreThan | Self::LessThan => {
                matches!(sort, FactSort::Number)
            }
        }
    }

    const fn takes_list(self) -> bool {
        matches!(self, Self::OneOf | Self::NoneOf)
    }
}

/// What a fact is held against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RiskValue {
    /// True or false.
    Truth(bool),
    /// A number.
    Number(f64),
    /// A word.
    Word(String),
    /// Several words.
    Words(Vec<String>),
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RiskTest {
    /// What is compared.
    pub fact: RiskFact,
    /// How.
    pub comparison: RiskComparison,
    /// With what.
    pub value: RiskValue,
}

/// When a rule counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RiskCondition {
    /// All of these hold.
    All {
        /// The conditions.
        all: Vec<RiskCondition>,
    },
    /// One of these holds.
    Any {
        /// The conditions.
        any: Vec<RiskCondition>,
    },
    /// This comparison holds.
    Test(RiskTest),
}

/// Which changes a rule is about. A list that is empty asks for nothing; of every other one entry must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RiskScope {
    /// Their platforms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// Their scenes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenes: Vec<String>,
    /// Where they take effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// Who answers for what they touch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
}

impl RiskScope {
    /// Every list with the fact it is held against.
    pub fn lists(&self) -> [(RiskFact, &[String]); 4] {
        [
            (RiskFact::Platform, &self.platforms),
            (RiskFact::Scene, &self.scenes),
            (RiskFact::Environment, &self.environments),
            (RiskFact::Owner, &self.owners),
        ]
    }
}

/// `risk_rule.declared`: what makes changes riskier, or less so. A later word on the name replaces it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RiskRuleDeclared {
    /// The name by which it is replaced and withdrawn, and under which answers show it.
    pub name: String,
    /// What it is for, as one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it counts.
    pub when: RiskCondition,
    /// What it adds to the score; less than nothing takes away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<f64>,
    /// The least level of a change for which it counts, whatever the score says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level_at_least: Option<RiskLevel>,
    /// Which changes it is about.
    #[serde(default)]
    pub scope: RiskScope,
}

/// `risk_rule.withdrawn`: the rule counts no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RiskRuleWithdrawn {
    /// Its name.
    pub name: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl RiskFact {
    /// The words that it can be, where these are all there are.
    pub fn vocabulary(self) -> Option<Vec<&'static str>> {
        match self {
            Self::Weekday => Some(Weekday::WRITTEN.iter().map(|(word, _)| *word).collect()),
            Self::Rollout => Some(FlowKind::WRITTEN.iter().map(|(word, _)| *word).collect()),
            Self::Importance => Some(vec!["P0", "P1", "P2"]),
            Self::Operator => Some(vec!["human", "automatic"]),
            _ => None,
        }
    }
}

impl RiskTest {
    /// What cannot be compared here: the field and why.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let (fact, sort) = (self.fact.as_str(), self.fact.sort());
        if !self.comparison.fits(sort) {
            let reason = match sort {
                FactSort::Number => format!(
                    "{fact} is a number: compare it by equals, differs, at_least, at_most, more_than or less_than"
                ),
                FactSort::Words => format!(
                    "{fact} is a word: compare it by equals, differs, one_of, none_of or contains"
                ),
                FactSort::Truth => {
                    format!("{fact} is true or false: compare it by equals or differs")
                }
            };
            return Some(("comparison", reason));
        }
        let wanted = match (sort, self.comparison.takes_list(), &self.value) {
            (FactSort::Words, true, RiskValue::Words(words)) if words.is_empty() => "is empty",
            (FactSort::Words, true, RiskValue::Words(words)) => {
                return self.never(words).map(|reason| ("value", reason));
            }
            (FactSort::Words, false, RiskValue::Word(word)) => {
                let word = std::slice::from_ref(word);
                return self.never(word).map(|reason| ("value", reason));
            }
            (FactSort::Truth, _, RiskValue::Truth(_)) => return None,
            (FactSort::Number, _, RiskValue::Number(number)) if number.is_finite() => return None,
            (FactSort::Words, true, _) => "is not a list of words",
            (FactSort::Words, false, _) => "is not a word",
            (FactSort::Truth, _, _) => "is not true or false",
            (FactSort::Number, _, _) => "is not a number",
        };
        let reason = format!("{wanted}, which {fact} is held against here");
        Some(("value", reason))
    }

    /// Which of the words the fact can never be, if there is one.
    fn never(&self, words: &[String]) -> Option<String> {
        let known = self.fact.vocabulary()?;
        let is_part = self.comparison == RiskComparison::Contains;
        let is_known =
            |word: &&String| is_part || known.iter().any(|it| it.eq_ignore_ascii_case(word));
        let word = words.iter().find(|word| !is_known(word))?;
        let fact = self.fact.as_str();
        Some(format!(
            "{fact} is never {word:?}; it is one of {}",
            known.join(", ")
        ))
    }
}

impl RiskRuleDeclared {
    /// What makes it no rule: the field and why. Comparisons are [judged by themselves](RiskTest::fault).
    pub fn fault(&self) -> Option<(&'static str, String)> {
        match (self.points, self.level_at_least) {
            (None, None) => {
                let reason = "is required where levelAtLeast is missing".to_owned();
                Some(("points", reason))
            }
            (Some(points), _)
                if points == 0.0 || points.is_nan() || RISK_POINTS_MAX < points.abs() =>
            {
                let reason = format!(
                    "must lie between -{RISK_POINTS_MAX} and {RISK_POINTS_MAX}, and not be 0"
                );
                Some(("points", reason))
            }
            _ => None,
        }
    }
}
