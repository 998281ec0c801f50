//! One call: who needed whom, how sure that is, and how it went.

use model::{Evidence, RelationKind};

use super::items::ItemNumber;

/// How the dependent needs the provider.
///
/// A producer `publishes_to` a queue and needs it; a consumer `consumes_from` a
/// queue and needs it. That a broken producer leaves the queue with nothing to
/// give, and so harms the consumers behind it, is not a relation of its own: the
/// graph lets harm pass `publishes_to` both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum CallKind {
    /// A service calls a service, a function or an address.
    Calls,
    /// A service calls one interface of a service. It is counted as a call of the service besides.
    Invokes,
    /// A gateway hands calls on.
    RoutesTo,
    /// A service asks a database, a cache or a bucket.
    Queries,
    /// A service hands messages to a queue.
    PublishesTo,
    /// A service takes messages from a queue.
    ConsumesFrom,
}

impl CallKind {
    /// The kind of the relation.
    pub(crate) fn relation(self) -> RelationKind {
        RelationKind::new(match self {
            Self::Calls => "calls",
            Self::Invokes => "invokes",
            Self::RoutesTo => "routes_to",
            Self::Queries => "queries",
            Self::PublishesTo => "publishes_to",
            Self::ConsumesFrom => "consumes_from",
        })
    }
}

/// A relation that calls show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CallRoute {
    /// Who needs the other.
    pub(crate) dependent: ItemNumber,
    /// Who is needed.
    pub(crate) provider: ItemNumber,
    /// How.
    pub(crate) kind: CallKind,
}

/// One call over a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Over which route.
    pub(crate) route: CallRoute,
    /// How sure that is.
    pub(crate) evidence: Evidence,
    /// Its start, Unix nanoseconds.
    pub(crate) started_at: i64,
    /// Its length as the dependent saw it, nanoseconds.
    pub(crate) duration: u64,
    /// For how many calls it stands, see [`WEIGHT_ONE`](super::span::WEIGHT_ONE).
    pub(crate) weight: u64,
    /// Whether it failed.
    pub(crate) failed: bool,
}
