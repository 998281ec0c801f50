//! What a change would touch, before anything runs: its targets and how they differ, what it may
//! harm, what stands in its way. Nothing is written by asking.

mod input;
mod target;

use std::collections::BTreeMap;

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use graph::{AskedChange, BlastLimits, IncidentLimits};
use model::CiId;

use super::Shared;
use super::asking::ask;
use super::calendar::{MayChange, OnDoubt};
use super::incident::Incident;
use super::item::ConfigurationItem;
use super::nearby::Coverage;
use super::paging::question_size;
use super::radius::{BlastRadius, PathStep};
use super::scalars::LogPosition;
use super::standpoint::{AsOfInput, Standpoint};
use input::PreviewInput;
use target::{PlannedTarget, Read, UnreadPart};

/// How many items are looked at to find what targets need.
const NEEDED_MAX: usize = 50_000;
/// How many harmed items are compared with incidents and put together by team.
const HARMED_MAX: usize = 2_000;
/// How far back gaps of observation count.
const LOOKBACK_NANOS: i64 = 72 * 3_600_000_000_000;

/// Questions about what is only planned.
#[derive(Default)]
pub(crate) struct PreviewQuery;

/// What a change would touch.
pub(crate) struct ChangePreview {
    at: Standpoint,
    asked: AskedChange,
    on_doubt: OnDoubt,
    read: Read,
}

/// Where an incident goes on, seen from a change.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "graph::IncidentPlace")]
pub(crate) enum IncidentPlace {
    /// On what the change touches.
    Touched,
    /// On what that needs.
    Needed,
    /// On what the change may harm.
    Harmed,
}

/// An incident that goes on where the change is to be made.
#[derive(SimpleObject)]
pub(crate) struct IncidentNear {
    /// The incident.
    incident: Incident,
    /// Where it goes on.
    place: IncidentPlace,
    /// The item of it that is nearest.
    item: Option<ConfigurationItem>,
    /// The way from a target of the change to the item.
    path: Vec<PathStep>,
}

/// The incidents that go on where the change is to be made.
#[derive(SimpleObject)]
pub(crate) struct IncidentsNear {
    /// Those on its targets first, then the nearest.
    incidents: Vec<IncidentNear>,
    /// How many there are.
    total: usize,
    /// Whether some are not listed, or more is needed or harmed than was looked at.
    truncated: bool,
}

/// A team that should hear of the change.
#[derive(SimpleObject)]
pub(crate) struct OwnerToTell {
    /// The team.
    team: String,
    /// How many items it answers for that the change touches.
    touched: usize,
    /// How many that the change may harm.
    harmed: usize,
    /// How likely harm reaches the likeliest of them, from 0 to 1; 1 where the change touches one.
    score: f64,
}

/// Questions about what is only planned.
#[Object]
impl PreviewQuery {
    /// What a plan of Terraform, manifests of Kubernetes, a difference of Argo CD or plain targets would touch and meet. Nothing is written.
    #[graphql(complexity = "200 + child_complexity")]
    async fn preview_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be applied, when and where.")] input: PreviewInput,
        #[graphql(desc = "Whether an administrator makes it.", default)] by_administrator: bool,
        #[graphql(
            desc = "What to answer when something cannot be seen.",
            default_with = "OnDoubt::Allow"
        )]
        on_doubt: OnDoubt,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<ChangePreview> {
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let mut asked = input.asked(&at)?;
        asked.by_administrator = by_administrator;
        let read = Read::of(ctx, &at, input, &mut asked).await?;
        Ok(ChangePreview {
            at,
            asked,
            on_doubt,
            read,
        })
    }
}

impl ChangePreview {
    fn radius(&self, ctx: &Context<'_>) -> Result<BlastLimits> {
        let limits = &ctx.data::<Shared>()?.limits;
        Ok(BlastLimits {
            hops_max: None,
            impacts_max: HARMED_MAX,
            visited_max: limits.radius_visited_max.min(NEEDED_MAX),
            score_min: limits.radius_score_min,
        })
    }
}

/// What a change would touch and meet, as the estate is at the standpoint.
#[Object]
impl ChangePreview {
    /// What it touches: every target, those that mean no known item among them.
    async fn targets(&self) -> &[PlannedTarget] {
        &self.read.targets
    }

    /// Parts of the documents that say nothing here, or could not be read.
    async fn unread(&self) -> &[UnreadPart] {
        &self.read.unread
    }

    /// Whether some targets were not compared with what is known of them, because there are too many.
    async fn uncompared(&self) -> bool {
        self.read.uncompared
    }

    /// What may be harmed with any of the targets.
    async fn blast_radius(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many relations harm may travel; as far as it goes when missing.")]
        hops_max: Option<i32>,
        #[graphql(desc = "How many impacts to list; 20 when missing.")] first: Option<i32>,
    ) -> Result<BlastRadius> {
        let first = question_size(ctx, first)?;
        let origins = self.asked.targets.clone();
        BlastRadius::of(ctx, self.at.clone(), origins, hops_max, first).await
    }

    /// Whether it may run at its planned time, rule by rule, and which other changes it meets.
    async fn may(&self, ctx: &Context<'_>) -> Result<MayChange> {
        let (at, asked, on_doubt) = (self.at.clone(), self.asked.clone(), self.on_doubt);
        ask(ctx, move || MayChange::of(at, asked, on_doubt)).await
    }

    /// The incidents that go on where it is to be made: on its targets, on what they need, on what it may harm.
    async fn incidents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many to list; 20 when missing.")] first: Option<i32>,
    ) -> Result<IncidentsNear> {
        let first = question_size(ctx, first)?;
        let limits = IncidentLimits {
            visited_max: NEEDED_MAX,
            radius: self.radius(ctx)?,
        };
        let (at, targets) = (self.at.clone(), self.asked.targets.clone());
        ask(ctx, move || IncidentsNear::of(&at, &targets, limits, first)).await
    }

    /// The teams that should hear of it: those that answer for what it touches, then for what it may harm.
    async fn owners(&self, ctx: &Context<'_>) -> Result<Vec<OwnerToTell>> {
        let limits = self.radius(ctx)?;
        let (at, targets) = (self.at.clone(), self.asked.targets.clone());
        ask(ctx, move || OwnerToTell::of(&at, &targets, limits)).await
    }

    /// What this answer cannot see.
    async fn coverage(&self, ctx: &Context<'_>) -> Result<Coverage> {
        let (at, asked) = (self.at.clone(), self.asked.clone());
        ask(ctx, move || {
            let since = at.valid_at.plus_nanos(-LOOKBACK_NANOS);
            let (items, unknown) = (&asked.targets, &asked.unknown_targets);
            graph::coverage_around(&at.view.graph, items, unknown, since, at.valid_at).into()
        })
        .await
    }

    /// The last position that was known when this was answered.
    async fn position(&self) -> LogPosition {
        self.at.position()
    }
}

impl IncidentsNear {
    fn of(at: &Standpoint, targets: &[CiId], limits: IncidentLimits, first: usize) -> Self {
        let near = graph::incidents_near(&at.view.graph, targets, at.as_of(), limits);
        let total = near.incidents.len();
        let listed = near.incidents.iter().take(first);
        Self {
            incidents: listed
                .map(|near| IncidentNear {
                    incident: Incident::of(at, near.incident.id()),
                    place: near.place.into(),
                    item: ConfigurationItem::find(at, near.item),
                    path: PathStep::path(at, &near.path),
                })
                .collect(),
            total,
            truncated: near.truncated || first < total,
        }
    }
}

impl OwnerToTell {
    fn of(at: &Standpoint, targets: &[CiId], limits: BlastLimits) -> Vec<Self> {
        let graph = &at.view.graph;
        let mut teams: BTreeMap<String, Self> = BTreeMap::new();
        let items = targets.iter().filter_map(|target| graph.item(*target));
        for item in items {
            if let Some(team) = graph::responsible(item, at.valid_at).owner {
                let owner = teams
                    .entry(team.to_owned())
                    .or_insert_with(|| Self::new(team));
                owner.touched += 1;
                owner.score = 1.0;
            }
        }
        let radius = graph::blast_radius(graph, targets, at.as_of(), limits);
        for harmed in radius.teams {
            let owner = teams.entry(harmed.team.clone());
            let owner = owner.or_insert_with(|| Self::new(&harmed.team));
            owner.harmed = harmed.items;
            owner.score = owner.score.max(harmed.score);
        }
        let mut owners: Vec<Self> = teams.into_values().collect();
        owners.sort_by(|one, other| {
            let order = |it: &Self| std::cmp::Reverse((it.touched, it.harmed));
            other
                .score
                .total_cmp(&one.score)
                .then(order(one).cmp(&order(other)))
        });
        owners
    }

    fn new(team: &str) -> Self {
        Self {
            team: team.to_owned(),
            touched: 0,
            harmed: 0,
            score: 0.0,
        }
    }
}
