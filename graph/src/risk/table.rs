//! The points of [`assess_change`](super::assess_change) as data, each with its reason.
//!
//! Nothing else in the crate holds a number that moves a risk. All of it is reasoned, for no public data says
//! how much each fact is worth; `docs/risk.md` shows the table, and a source that scores otherwise records its own.

use model::RiskLevel;

/// The name of this table; raised with every change of a number in it.
pub const RISK_VERSION: &str = "risk-1";

/// The points of the facts of a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Risk {
    /// For every tenfold of harmed items, and at most.
    pub scope: (f64, f64),
    /// For the most important item it reaches, by level `P0` to `P2`, times the share of harm that gets there.
    pub importance: [f64; 3],
    /// Where nobody said how important anything is that it reaches.
    pub importance_unknown: f64,
    /// In production.
    pub production: f64,
    /// A rule of the calendar says no.
    pub blocked: f64,
    /// A rule would say no and is lifted.
    pub lifted: f64,
    /// Another change of the time touches the same item.
    pub same_item: f64,
    /// Another change of the time meets it elsewhere.
    pub overlap: f64,
    /// All changes of the time, at most.
    pub overlaps_max: f64,
    /// An open incident at what it touches, needs or may harm; and all, at most.
    pub incident: (f64, f64),
    /// If all changes like it went badly.
    pub history: f64,
    /// The share that goes badly as long as nothing is known, and the number of changes that weighs as much.
    pub history_prior: (f64, f64),
    /// Nobody did the like to these items before.
    pub first_time: f64,
    /// Everything at once.
    pub one_shot: f64,
    /// Nobody said how it is rolled out.
    pub method_unknown: f64,
    /// By hand.
    pub by_hand: f64,
    /// Nobody said by whom.
    pub actor_unknown: f64,
    /// For every doubling of what it touches itself, and at most.
    pub targets: (f64, f64),
    /// It jumps the queue.
    pub emergency: f64,
    /// Something that its level or scene asks for is missing; and all, at most.
    pub lacks: (f64, f64),
    /// A check found it wanting; and all, at most.
    pub failed_check: (f64, f64),
    /// A target that nobody knows; and all, at most.
    pub unknown_target: (f64, f64),
    /// What sort of change, by its kind.
    pub kinds: &'static [(&'static str, f64)],
    /// From how many points on a level is reached, the highest first.
    pub levels: [(RiskLevel, f64); 4],
}

/// The points in use.
pub const RISK: Risk = Risk {
    // Ten times as many items are one step worse, not ten times worse; past a thousand it makes no difference.
    scope: (6.0, 18.0),
    // What the business stands on counts as much as a whole level.
    importance: [20.0, 10.0, 3.0],
    importance_unknown: 3.0,
    production: 8.0,
    // A freeze alone makes it high with next to anything else; one that is lifted was lifted for a reason.
    blocked: 30.0,
    lifted: 5.0,
    // Two hands on one item are the classic; elsewhere they may at least confuse who looks for the cause.
    same_item: 10.0,
    overlap: 4.0,
    overlaps_max: 20.0,
    // A change in the middle of an incident hides its cause, or repairs it: a person should look.
    incident: (15.0, 30.0),
    // Two of three going badly outweigh everything but a freeze. A tenth is what surveys call usual.
    history: 30.0,
    history_prior: (0.1, 5.0),
    first_time: 3.0,
    // Batches bound what a mistake can harm before somebody sees it.
    one_shot: 6.0,
    method_unknown: 3.0,
    by_hand: 4.0,
    actor_unknown: 2.0,
    targets: (2.5, 10.0),
    emergency: 8.0,
    lacks: (6.0, 12.0),
    failed_check: (15.0, 30.0),
    unknown_target: (6.0, 12.0),
    // What is hard to take back, or reaches beyond its own item, is worth more.
    kinds: &[
        ("database", 8.0),
        ("network", 8.0),
        ("infrastructure", 6.0),
        ("drill", 6.0),
        ("configuration", 5.0),
        ("deployment", 4.0),
        ("flag", 2.0),
    ],
    levels: [
        (RiskLevel::Critical, 60.0),
        (RiskLevel::High, 40.0),
        (RiskLevel::Medium, 20.0),
        (RiskLevel::Low, f64::NEG_INFINITY),
    ],
};
