//! The blast radius as GraphQL shows it, and the paths and parts of scores all answers share.

use std::cmp::Ordering;

use async_graphql::{Context, Object, Result, SimpleObject};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use graph::{BlastLimits, blast_radius};
use model::CiId;

use super::Shared;
use super::asking::ask;
use super::item::{ConfigurationItem, Relation};
use super::measurements::{Traffic, traffic};
use super::scalars::LogPosition;
use super::standpoint::Standpoint;
use crate::error::ErrorCode;

/// One step of a path: along a relation, with its arrow or against it.
pub(crate) struct PathStep {
    at: Standpoint,
    step: graph::PathStep,
}

/// One part of a score. The contributions of a score add up to it.
#[derive(SimpleObject)]
pub(crate) struct Contribution {
    /// The signal's stable name.
    signal: String,
    /// What was measured, if it is a number.
    value: Option<f64>,
    /// What it adds to the score.
    contribution: f64,
    /// The same in words.
    explanation: String,
}

/// What is harmed when something is.
pub(crate) struct BlastRadius {
    at: Standpoint,
    radius: graph::BlastRadius,
}

/// One harmed item.
pub(crate) struct Impact {
    at: Standpoint,
    impact: graph::Impact,
    /// What was measured already, to bring impacts into an order.
    traffic: Option<Traffic>,
}

/// Measurements of so many items are read at once.
const READ_AT_ONCE: usize = 8;

/// How many of those that do the same work for an item are touched by harm.
#[derive(SimpleObject)]
pub(crate) struct Redundancy {
    /// How many do the same work.
    members: usize,
    /// How many of them are touched.
    touched: usize,
    /// How many must be up, as the item's attribute `quorum` says; null where nobody said so.
    needed: Option<usize>,
    /// The share of harm that gets through, from 0 to 1.
    share: f64,
}

/// A team with harmed items.
#[derive(SimpleObject)]
pub(crate) struct TeamImpact {
    /// The team.
    team: String,
    /// How many of its items are harmed.
    items: usize,
    /// The highest score among them.
    score: f64,
    /// The fewest steps to one of them.
    hops: u32,
}

impl PathStep {
    /// The steps of a path found in the standpoint's view.
    pub(crate) fn path(at: &Standpoint, steps: &[graph::PathStep]) -> Vec<Self> {
        let steps = steps.iter().cloned();
        steps
            .map(|step| Self {
                at: at.clone(),
                step,
            })
            .collect()
    }

    fn item(&self, id: CiId) -> Result<ConfigurationItem> {
        ConfigurationItem::find(&self.at, id).ok_or_else(lost)
    }
}

/// One step of a path: along a relation, with its arrow or against it.
#[Object]
impl PathStep {
    /// Where the step begins.
    async fn from(&self) -> Result<ConfigurationItem> {
        self.item(self.step.from)
    }

    /// Where it ends.
    async fn to(&self) -> Result<ConfigurationItem> {
        self.item(self.step.to)
    }

    /// The relation it goes along.
    async fn relation(&self) -> Result<Relation> {
        let graph = &self.at.view.graph;
        let (dependent, provider) = (self.step.dependent(), self.step.provider());
        let dependent = graph.item(dependent).ok_or_else(lost)?;
        let mut relations = dependent.depends_on(self.at.valid_at).into_iter();
        let found = relations.find(|relation| {
            relation.kind() == self.step.kind && relation.provider().id() == provider
        });
        found.map(|it| Relation::of(&self.at, &it)).ok_or_else(lost)
    }

    /// Whether the step goes from provider to dependent.
    async fn against_arrow(&self) -> bool {
        self.step.against_arrow
    }
}

impl From<graph::Contribution> for Contribution {
    fn from(part: graph::Contribution) -> Self {
        Self {
            signal: part.signal,
            value: part.value,
            contribution: part.contribution,
            explanation: part.explanation,
        }
    }
}

impl BlastRadius {
    /// What was found at the standpoint.
    pub(crate) fn found(at: Standpoint, radius: graph::BlastRadius) -> Self {
        Self { at, radius }
    }

    /// What is harmed with the origins at the standpoint.
    pub(crate) async fn of(
        ctx: &Context<'_>,
        at: Standpoint,
        origins: Vec<CiId>,
        hops_max: Option<i32>,
        first: usize,
    ) -> Result<Self> {
        let hops_max = hops_max.map(|hops| {
            u32::try_from(hops).map_err(|_| ErrorCode::BadInput.error("hopsMax is 0 or more"))
        });
        let limits = &ctx.data::<Shared>()?.limits;
        let limits = BlastLimits {
            hops_max: hops_max.transpose()?,
            impacts_max: first,
            visited_max: limits.radius_visited_max,
            score_min: limits.radius_score_min,
        };
        ask(ctx, move || {
            let radius = blast_radius(&at.view.graph, &origins, at.as_of(), limits);
            Self { at, radius }
        })
        .await
    }
}

/// What is harmed when something is, the worst first.
#[Object]
impl BlastRadius {
    /// The harmed items, the worst first; what was asked about is not among them. Of those that harm reaches alike, by as many steps, the ones with the most calls come first where `traffic` is asked for.
    async fn impacts(&self, ctx: &Context<'_>) -> Result<Vec<Impact>> {
        let impacts = self.radius.impacts.iter().cloned();
        let mut impacts: Vec<Impact> = impacts.map(|it| Impact::of(&self.at, it)).collect();
        if ctx.look_ahead().field("traffic").exists() {
            let measured = stream::iter(impacts).map(|impact| impact.measured(ctx));
            impacts = measured.buffered(READ_AT_ONCE).try_collect().await?;
            impacts.sort_by(Impact::worse);
        }
        Ok(impacts)
    }

    /// How many of the listed items the token does not show.
    async fn hidden_count(&self) -> usize {
        let item = |impact: &graph::Impact| self.at.view.graph.item(impact.item);
        let items = self.radius.impacts.iter().filter_map(item);
        items.filter(|item| !self.at.sees(*item)).count()
    }

    /// How many items are harmed in all.
    async fn total(&self) -> usize {
        self.radius.total
    }

    /// Whether the search or the list was cut short.
    async fn truncated(&self) -> bool {
        self.radius.truncated
    }

    /// Who answers for what is harmed, the worst first.
    async fn teams(&self) -> Vec<TeamImpact> {
        let teams = self.radius.teams.iter().cloned();
        teams
            .map(|team| TeamImpact {
                team: team.team,
                items: team.items,
                score: team.score,
                hops: team.hops,
            })
            .collect()
    }

    /// The last position that was known when this was answered.
    async fn position(&self) -> LogPosition {
        self.at.position()
    }
}

impl Impact {
    /// A harmed item of the standpoint's view.
    pub(crate) fn of(at: &Standpoint, impact: graph::Impact) -> Self {
        Self {
            at: at.clone(),
            impact,
            traffic: None,
        }
    }

    async fn measured(mut self, ctx: &Context<'_>) -> Result<Self> {
        self.traffic = Some(traffic(ctx, &self.at, &self.impact).await?);
        Ok(self)
    }

    /// The worst harm first, then the fewest steps, then the most calls.
    fn worse(&self, other: &Self) -> Ordering {
        let calls = |impact: &Self| {
            let calls = impact.traffic.as_ref()?.calls_per_minute;
            calls.map(|calls| calls.max(0.0))
        };
        let by_score = other.impact.score.total_cmp(&self.impact.score);
        let by_calls = || calls(other).partial_cmp(&calls(self));
        by_score
            .then(self.impact.hops.cmp(&other.impact.hops))
            .then_with(|| by_calls().unwrap_or(Ordering::Equal))
    }
}

/// One harmed item.
#[Object]
impl Impact {
    /// The item.
    async fn item(&self) -> Result<ConfigurationItem> {
        ConfigurationItem::find(&self.at, self.impact.item).ok_or_else(lost)
    }

    /// How many relations away it is, on its best path.
    async fn hops(&self) -> u32 {
        self.impact.hops
    }

    /// How likely harm reaches it, from 0 to 1: the sum of the contributions.
    async fn score(&self) -> f64 {
        self.impact.score
    }

    /// The best path, from the origin to it.
    async fn path(&self) -> Vec<PathStep> {
        PathStep::path(&self.at, &self.impact.path)
    }

    /// The path as a sentence.
    async fn reason(&self) -> &str {
        &self.impact.reason
    }

    /// How many of those that do the same work for it are touched, on the last step of its path; null where there are not several.
    async fn redundancy(&self) -> Option<Redundancy> {
        let redundancy = self.impact.redundancy?;
        Some(Redundancy {
            members: redundancy.members,
            touched: redundancy.touched,
            needed: redundancy.needed,
            share: redundancy.share(),
        })
    }

    /// What was measured of its calls in the hour before the moment asked about, and which share of them goes to what harms it.
    #[graphql(complexity = "60 + child_complexity")]
    async fn traffic(&self, ctx: &Context<'_>) -> Result<Traffic> {
        match &self.traffic {
            Some(traffic) => Ok(traffic.clone()),
            None => traffic(ctx, &self.at, &self.impact).await,
        }
    }

    /// The parts of the score.
    async fn contributions(&self) -> Vec<Contribution> {
        let parts = self.impact.contributions.iter().cloned();
        parts.map(Contribution::from).collect()
    }
}

/// An answer names only what is in its own view, so this is our fault.
fn lost() -> async_graphql::Error {
    ErrorCode::Internal.error("internal error")
}
