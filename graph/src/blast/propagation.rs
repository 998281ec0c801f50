//! Which way harm travels along a relation, and how much of it gets through.
//!
//! The weights are judgements of practice, not measurements: they order impacts,
//! and every answer shows them. They stand here and nowhere else.

use model::Strength;

use crate::freshness::Freshness;

/// Raised with every change of the table; answers name it.
pub const PROPAGATION_VERSION: &str = "propagation-2";

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Propagation {
    /// The relation's kind.
    pub kind: &'static str,
    /// From provider to dependent: the share of harm that gets through.
    pub to_dependent: f64,
    /// From dependent to provider: the share of harm that gets through.
    pub to_provider: f64,
    /// Which providers of one dependent do the same work, so that harm to some of them is only a share of it.
    pub sharing: Sharing,
    /// Why.
    pub reason: &'static str,
}

/// Which providers that one dependent needs by a kind of relation do the same work. Those of one pool are of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// None: each does something of its own.
    No,
    /// All of one kind of item.
    Any,
    /// All of one kind of item, where the kind is one of [interchangeable](INTERCHANGEABLE) things or the dependent
    /// says how many of them must be up.
    Alike,
}

/// Kinds of items of which one is as good as another.
pub const INTERCHANGEABLE: &[&str] = &["host", "instance", "node", "pod", "vm"];

/// The declared table; its last row holds for every other kind.
pub const PROPAGATION: &[Propagation] = &[
    row(
        "calls",
        0.8,
        0.0,
        "a caller fails with what it calls, unless it degrades",
    ),
    row(
        "queries",
        0.9,
        0.0,
        "few services answer without their database",
    ),
    row("reads_from", 0.85, 0.0, "a reader needs what it reads"),
    row(
        "writes_to",
        0.85,
        0.2,
        "a writer needs its store, and can spoil what others read there",
    ),
    row("runs_on", 0.95, 0.0, "what runs on a broken host is broken").shared(Sharing::Any),
    row(
        "runs",
        0.3,
        0.8,
        "an application reaches its users through what it runs",
    )
    .shared(Sharing::Alike),
    row(
        "routes_to",
        0.6,
        0.7,
        "all that a gateway routes to is reached through it",
    )
    .shared(Sharing::Any),
    row(
        "consumes_from",
        0.8,
        0.0,
        "a consumer starves without its queue",
    ),
    row(
        "publishes_to",
        0.5,
        0.7,
        "a broken producer starves the queue's consumers",
    ),
    row(
        "config_from",
        0.8,
        0.0,
        "configuration acts at once on its readers",
    ),
    row(
        "deployed_from",
        0.6,
        0.0,
        "an artifact acts when it is deployed next",
    ),
    row("includes", 0.8, 0.3, "a whole fails with its part").shared(Sharing::Alike),
    row(
        "has_member",
        0.5,
        0.5,
        "a pool shares the fate of its members, and they of the pool",
    )
    .shared(Sharing::Any),
    row("uses", 0.8, 0.0, "a user fails with what it uses"),
    row(
        "resolves",
        0.9,
        0.0,
        "nothing is reached whose name does not resolve",
    ),
    row("", 0.7, 0.0, "a dependent fails with its provider"),
];

const fn row(
    kind: &'static str,
    to_dependent: f64,
    to_provider: f64,
    reason: &'static str,
) -> Propagation {
    Propagation {
        kind,
        to_dependent,
        to_provider,
        sharing: Sharing::No,
        reason,
    }
}

impl Propagation {
    const fn shared(self, sharing: Sharing) -> Self {
        Self { sharing, ..self }
    }

    /// The kinds by which a dependent may need several that do the same work.
    pub(super) fn shared_kinds() -> impl Iterator<Item = &'static str> {
        let shared = PROPAGATION.iter().filter(|row| row.sharing != Sharing::No);
        shared.map(|row| row.kind)
    }

    /// Whether one item of a kind is as good as another.
    pub(super) fn is_interchangeable(kind: &str) -> bool {
        INTERCHANGEABLE.contains(&kind)
    }

    /// The row for a kind of relation.
    pub fn of(kind: &str) -> &'static Self {
        let named = PROPAGATION.iter().find(|row| row.kind == kind);
        named
            .or(PROPAGATION.last())
            .expect("the table has a last row")
    }
}

/// What is left of a weight when the dependent can do without, or when nobody has seen the relation for long.
pub(super) fn doubted(weight: f64, strength: Option<Strength>, freshness: Freshness) -> f64 {
    let strength = match strength {
        Some(Strength::Weak) => 0.4,
        Some(Strength::Strong) | None => 1.0,
    };
    let freshness = match freshness {
        Freshness::Confirmed => 1.0,
        Freshness::Ageing => 0.9,
        Freshness::Unconfirmed => 0.6,
        Freshness::Closed => 0.0,
    };
    weight * strength * freshness
}
