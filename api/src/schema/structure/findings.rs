//! What is amiss with the estate, each finding with the items and relations that explain it.

use async_graphql::connection::{
    Connection, ConnectionNameType, EdgeNameType, EmptyFields, OpaqueCursor,
};
use async_graphql::{Enum, OutputType, SimpleObject};

use super::groups::ItemGroup;
use super::place::CriticalityLevel;
use crate::schema::change::Change;
use crate::schema::item::{ConfigurationItem, Relation};
use crate::schema::radius::PathStep;
use crate::schema::scalars::{DateTime, LogPosition};
use crate::schema::standpoint::Standpoint;

/// An item that needs a less critical one.
#[derive(SimpleObject)]
pub(crate) struct PriorityInversion {
    /// The more critical item.
    dependent: ConfigurationItem,
    /// How critical it is.
    dependent_level: CriticalityLevel,
    /// The less critical item that it needs.
    provider: ConfigurationItem,
    /// How critical that is.
    provider_level: CriticalityLevel,
    /// By which relations.
    path: Vec<PathStep>,
    /// The same as a sentence.
    reason: String,
}

/// Important things that need less important ones, the most critical first.
#[derive(SimpleObject)]
pub(crate) struct PriorityInversions {
    /// Those that are listed.
    inversions: Vec<PriorityInversion>,
    /// How many were found.
    total_count: usize,
    /// Whether some were left out or not looked for.
    truncated: bool,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// Items of which each needs all others, by some way.
#[derive(SimpleObject)]
pub(crate) struct DependencyCycle {
    /// The first items in order of key.
    items: Vec<ConfigurationItem>,
    /// How many items there are.
    size: usize,
    /// The shortest way round that was found.
    shortest: Vec<Relation>,
    /// Whether no shorter way round exists: it was looked for from every item.
    is_shortest: bool,
}

/// Circles of dependencies, the largest first.
#[derive(SimpleObject)]
pub(crate) struct DependencyCycles {
    /// Those that are listed.
    cycles: Vec<DependencyCycle>,
    /// How many there are.
    total_count: usize,
    /// Whether some were left out, or items were not looked at.
    truncated: bool,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// By what a provider may be shared.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "graph::SharedBy")]
pub(crate) enum SharedBy {
    /// It is used from several zones.
    Zone,
    /// It is used from several environments.
    Environment,
    /// It is used by several teams.
    Team,
}

/// How many users there are of one zone, environment or team.
#[derive(SimpleObject)]
pub(crate) struct Users {
    /// The zone, environment or team.
    name: String,
    /// How many of its items use the provider.
    count: usize,
}

/// A provider that is shared.
#[derive(SimpleObject)]
pub(crate) struct SharedProvider {
    /// The provider.
    item: ConfigurationItem,
    /// How many items use it.
    dependents: usize,
    /// From which zones; of an item without a zone, its region.
    zones: Vec<Users>,
    /// From which environments.
    environments: Vec<Users>,
    /// By which teams.
    teams: Vec<Users>,
    /// Some of the relations, from as many zones, environments and teams as there is room for.
    examples: Vec<Relation>,
}

/// Providers that are shared, the most widely shared first.
#[derive(SimpleObject)]
pub(crate) struct SharedInfrastructure {
    /// Those that are listed.
    providers: Vec<SharedProvider>,
    /// How many there are.
    total_count: usize,
    /// Whether some were left out or not looked at.
    truncated: bool,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// What all findings about retiring an item come to.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "graph::RetirementVerdict")]
pub(crate) enum RetirementVerdict {
    /// Nothing that is known needs it.
    Free,
    /// What is known is old, or it still shows signs of life.
    Unclear,
    /// Something needs it.
    Needed,
}

/// One reason for or against retiring an item.
#[derive(SimpleObject)]
pub(crate) struct RetirementReason {
    /// What it comes to by itself.
    verdict: RetirementVerdict,
    /// Its stable name.
    code: String,
    /// The same in words.
    sentence: String,
}

/// Does anything still need this?
#[derive(SimpleObject)]
pub(crate) struct RetirementCheck {
    /// The item.
    item: ConfigurationItem,
    /// The gravest of the reasons.
    verdict: RetirementVerdict,
    /// The reasons, the gravest first.
    reasons: Vec<RetirementReason>,
    /// Relations by which others need it, the surest first.
    needed_by: Vec<Relation>,
    /// Items it contains.
    contains: Vec<ConfigurationItem>,
    /// Changes of it that are planned or under way.
    changes: Vec<Change>,
    /// The last moment any source speaks of.
    last_seen_at: Option<DateTime>,
    /// Whether one of the lists was cut short.
    truncated: bool,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// What may be missing of an item.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "graph::QualityIssue")]
pub(crate) enum QualityIssue {
    /// Nobody answers for it: neither it nor anything that contains it has an owner.
    Ownerless,
    /// It is known only by names in other schemes, or by one source where several are usual for its kind.
    Unmatched,
    /// It was reported from time to time and no longer is, but nobody said that it ended.
    Stale,
    /// What it declares to need and what it is seen to need differ.
    Drifting,
    /// A name of it could mean several items.
    Contested,
    /// Nobody said how much depends on it, or nobody understands the word.
    WithoutCriticality,
}

/// An item with an issue.
#[derive(SimpleObject)]
pub(crate) struct QualityExample {
    /// The item.
    item: ConfigurationItem,
    /// Why it has the issue.
    reason: String,
}

/// One issue with all that have it.
#[derive(SimpleObject)]
pub(crate) struct QualityFinding {
    /// The issue.
    issue: QualityIssue,
    /// How many items have it.
    total_count: usize,
    /// Of how many items that could have it.
    of: usize,
    /// By kind, the most first.
    by_kind: Vec<ItemGroup>,
    /// By the team that answers for them, the most first.
    by_owner: Vec<ItemGroup>,
    /// The first in order of key.
    examples: Vec<QualityExample>,
}

/// How far the estate can be believed.
#[derive(SimpleObject)]
pub(crate) struct DataQuality {
    /// How many items exist.
    items: usize,
    /// Every issue.
    findings: Vec<QualityFinding>,
    /// Whether relations were left that nobody looked at.
    truncated: bool,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// How two items drift.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "graph::DriftKind")]
pub(crate) enum DriftKind {
    /// Declared, and never seen although both items are.
    DeclaredNeverSeen,
    /// Seen, and never declared although the dependent declares what it needs.
    SeenNeverDeclared,
}

/// One relation that is only declared or only seen.
#[derive(SimpleObject)]
pub(crate) struct Drift {
    /// How it drifts.
    kind: DriftKind,
    /// The relation.
    relation: Relation,
    /// Since when it is declared, or seen.
    since: DateTime,
    /// Who declares it, or sees it.
    sources: Vec<String>,
    /// The same as a sentence.
    reason: String,
}

/// Additional fields of a list of drifts.
#[derive(SimpleObject)]
pub(crate) struct DriftTotals {
    /// How many drifts there are on all pages.
    pub(crate) total_count: usize,
    /// Whether relations were left that nobody looked at.
    pub(crate) truncated: bool,
    /// The last position that was known when this was answered.
    pub(crate) position: LogPosition,
}

/// The list of drifts.
pub(crate) struct DriftList;

impl ConnectionNameType for DriftList {
    fn type_name<T: OutputType>() -> String {
        "DriftConnection".to_owned()
    }
}

impl EdgeNameType for DriftList {
    fn type_name<T: OutputType>() -> String {
        "DriftEdge".to_owned()
    }
}

/// A page of drifts.
pub(crate) type DriftConnection = Connection<
    OpaqueCursor<(String, String, bool)>,
    Drift,
    DriftTotals,
    EmptyFields,
    DriftList,
    DriftList,
>;

fn items<'v>(
    at: &Standpoint,
    items: impl IntoIterator<Item = graph::Item<'v>>,
) -> Vec<ConfigurationItem> {
    let items = items.into_iter();
    items.map(|item| ConfigurationItem::of(at, item)).collect()
}

fn relations(at: &Standpoint, relations: &[graph::Relation<'_>]) -> Vec<Relation> {
    relations.iter().map(|one| Relation::of(at, one)).collect()
}

impl PriorityInversions {
    pub(crate) fn of(at: &Standpoint, found: graph::Inversions<'_>) -> Self {
        let inversions = found.inversions.into_iter().map(|one| PriorityInversion {
            dependent: ConfigurationItem::of(at, one.dependent),
            dependent_level: one.dependent_level.into(),
            provider: ConfigurationItem::of(at, one.provider),
            provider_level: one.provider_level.into(),
            path: PathStep::path(at, &one.path),
            reason: one.reason,
        });
        Self {
            inversions: inversions.collect(),
            total_count: found.total,
            truncated: found.truncated,
            position: at.position(),
        }
    }
}

impl DependencyCycles {
    pub(crate) fn of(at: &Standpoint, found: graph::DependencyCycles<'_>) -> Self {
        let cycles = found.cycles.into_iter().map(|one| DependencyCycle {
            items: items(at, one.items),
            size: one.size,
            shortest: relations(at, &one.shortest),
            is_shortest: one.is_shortest,
        });
        Self {
            cycles: cycles.collect(),
            total_count: found.total,
            truncated: found.truncated,
            position: at.position(),
        }
    }
}

impl SharedInfrastructure {
    pub(crate) fn of(at: &Standpoint, found: graph::SharedInfrastructure<'_>) -> Self {
        let users = |counted: Vec<(String, usize)>| -> Vec<Users> {
            let counted = counted.into_iter();
            counted.map(|(name, count)| Users { name, count }).collect()
        };
        let providers = found.providers.into_iter().map(|one| SharedProvider {
            item: ConfigurationItem::of(at, one.item),
            dependents: one.dependents,
            zones: users(one.zones),
            environments: users(one.environments),
            teams: users(one.teams),
            examples: relations(at, &one.examples),
        });
        Self {
            providers: providers.collect(),
            total_count: found.total,
            truncated: found.truncated,
            position: at.position(),
        }
    }
}

impl RetirementCheck {
    pub(crate) fn of(at: &Standpoint, check: graph::RetirementCheck<'_>) -> Self {
        let reasons = check.reasons.into_iter().map(|one| RetirementReason {
            verdict: one.verdict.into(),
            code: one.code.to_owned(),
            sentence: one.sentence,
        });
        Self {
            item: ConfigurationItem::of(at, check.item),
            verdict: check.verdict.into(),
            reasons: reasons.collect(),
            needed_by: relations(at, &check.needed_by),
            contains: items(at, check.contents),
            changes: check
                .changes
                .iter()
                .map(|change| Change::of(at, change.id()))
                .collect(),
            last_seen_at: check.last_seen_at.map(DateTime),
            truncated: check.truncated,
            position: at.position(),
        }
    }
}

impl DataQuality {
    pub(crate) fn of(at: &Standpoint, quality: graph::DataQuality<'_>) -> Self {
        let findings = quality.findings.into_iter().map(|one| QualityFinding {
            issue: one.issue.into(),
            total_count: one.total,
            of: one.of,
            by_kind: ItemGroup::list(one.by_kind),
            by_owner: ItemGroup::list(one.by_owner),
            examples: one
                .examples
                .into_iter()
                .map(|(item, reason)| QualityExample {
                    item: ConfigurationItem::of(at, item),
                    reason,
                })
                .collect(),
        });
        Self {
            items: quality.items,
            findings: findings.collect(),
            truncated: quality.truncated,
            position: at.position(),
        }
    }
}

impl Drift {
    pub(crate) fn of(at: &Standpoint, drift: &graph::Drift<'_>) -> Self {
        Self {
            kind: drift.kind.into(),
            relation: Relation::of(at, &drift.relation),
            since: DateTime(drift.since),
            sources: drift
                .sources
                .iter()
                .map(|source| (*source).to_owned())
                .collect(),
            reason: drift.reason.clone(),
        }
    }
}
