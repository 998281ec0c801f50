//! How good the answers were, by what people judged later.

use async_graphql::{Context, Object, Result, SimpleObject};
use graph::{
    JudgedIncident, JudgedIncidents, NearbyLimits, RankedIncident, RankingModel, RiskQualityLimits,
    rank_of_cause, ranking_quality, risk_quality,
};
use model::Timestamp;

use super::Shared;
use super::asking::ask;
use super::incident::Incident;
use super::risk::risk_limits;
use super::scalars::{DateTime, LogPosition};
use super::standpoint::{AsOfInput, Standpoint};
use crate::error::ErrorCode;
use crate::reading::view_error;
use crate::{ApiLimits, KnownAt};

/// How many incidents are ranked again when nobody says, and at most.
const INCIDENTS: (u32, u32) = (50, 500);
/// How many minutes after its beginning an incident is asked about when nobody says, and at most.
const MINUTES: (u32, u32) = (15, 1_440);
/// Down to which place a cause is looked for.
const LISTED_MAX: usize = 100;
/// How many changes are assessed anew, the newest.
const ASSESSED_MAX: usize = 500;
/// How many changes are looked at for scores of other systems, the newest.
const SCORED_MAX: usize = 50_000;

/// How good the answers were. Both parts are computed when they are asked for.
pub(crate) struct Quality {
    at: Standpoint,
    from: Timestamp,
    to: Timestamp,
    minutes: u32,
    incidents: usize,
    as_known_now: bool,
}

/// A share with its 95 % interval by Wilson.
#[derive(SimpleObject)]
pub(crate) struct Estimate {
    /// `part` of `whole`, from 0 to 1; null of nothing.
    value: Option<f64>,
    /// How many.
    part: usize,
    /// Of how many.
    whole: usize,
    /// The lower end of the interval.
    low: Option<f64>,
    /// The upper end.
    high: Option<f64>,
}

/// A mean with its 95 % interval by bootstrap.
#[derive(SimpleObject)]
pub(crate) struct MeanEstimate {
    /// The mean.
    mean: f64,
    /// Of how many values.
    count: usize,
    /// The lower end of the interval.
    low: f64,
    /// The upper end.
    high: f64,
}

/// How good the ranking of some incidents was.
#[derive(SimpleObject)]
pub(crate) struct RankingSums {
    /// Incidents of which people judged changes.
    judged: usize,
    /// Those of which no judged change was the cause, of all that were judged.
    none_of_these: Estimate,
    /// The cause stood first, of those with a known cause (AC@1).
    first: Estimate,
    /// It was among the first three (AC@3).
    first_three: Estimate,
    /// It was among the first five (AC@5).
    first_five: Estimate,
    /// Those of which the cause was not among the first 100.
    not_listed: usize,
    /// The mean place of causes among the first 100.
    mean_rank: Option<MeanEstimate>,
}

/// The incidents of one week, or of one sort.
#[derive(SimpleObject)]
pub(crate) struct RankingGroup {
    /// The Monday of the week as a date, or the sort.
    key: String,
    /// How good they were.
    sums: RankingSums,
}

/// One incident with the place of its cause.
#[derive(SimpleObject)]
pub(crate) struct RankedIncidentShown {
    /// The incident.
    incident: Incident,
    /// Whether a change was judged its cause.
    has_cause: bool,
    /// The place of the first cause; null where it was not among the first 100, or none is known.
    rank: Option<usize>,
}

/// How good the ranking was, incident by incident and altogether.
#[derive(SimpleObject)]
pub(crate) struct RankingQuality {
    /// Of all.
    whole: RankingSums,
    /// By the week in which they began (UTC, from Monday), the oldest first.
    weeks: Vec<RankingGroup>,
    /// By what their titles speak of: `errors`, `latency`, `saturation`, `traffic`, `something else`.
    symptoms: Vec<RankingGroup>,
    /// By who tells of them.
    sources: Vec<RankingGroup>,
    /// By how bad their source says they are.
    severities: Vec<RankingGroup>,
    /// The incidents, the newest first.
    incidents: Vec<RankedIncidentShown>,
    /// Incidents of the time, judged or not.
    incidents_all: usize,
    /// Judged incidents that were left out: the older ones.
    left_out: usize,
    /// Judged incidents that nobody knew of yet when they are asked about.
    unknown_then: usize,
    /// The weights the incidents were ranked with.
    model_version: String,
}

/// Changes of like scores.
#[derive(SimpleObject)]
pub(crate) struct CalibrationBucket {
    /// The level, or the scores it holds.
    name: String,
    /// Those that were judged causes, of all.
    causes: Estimate,
    /// The mean of their scores.
    mean_score: f64,
}

/// How well one source tells what will be a cause.
#[derive(SimpleObject)]
pub(crate) struct RiskCalibration {
    /// The source; `epicenter` for the score of `assessChange`.
    source: String,
    /// Those that were judged causes, of all that it scored.
    causes: Estimate,
    /// By its levels, else by its scores.
    buckets: Vec<CalibrationBucket>,
    /// The Brier score: the mean square of what it is off, where all its scores lie between 0 and 1.
    brier: Option<f64>,
    /// The same for whoever says the share of causes of every change; a source above it says less than nothing.
    brier_of_share: Option<f64>,
    /// How often a cause has a higher score than another change; .5 is chance.
    ranks_causes_higher: Option<f64>,
}

/// How well risks were told.
#[derive(SimpleObject)]
pub(crate) struct RiskQuality {
    /// Our own score first, then the sources in order of name.
    calibrations: Vec<RiskCalibration>,
    /// Whether older changes were left out of our own, which takes the newest 500.
    assessed_truncated: bool,
    /// Whether older changes were left out of the others', which take the newest 50,000.
    scored_truncated: bool,
}

/// Questions about how good answers were.
#[derive(Default)]
pub(crate) struct AnswerQualityQuery;

/// Questions about how good answers were.
#[Object]
impl AnswerQualityQuery {
    /// How good the ranking of causes and the scores of risk were in a time, by what people judged with `judgeCause`.
    #[graphql(complexity = "500 + child_complexity")]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the arguments of the contract"
    )]
    async fn quality(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Incidents and changes that began from here on; 90 days before `to` when missing."
        )]
        from: Option<DateTime>,
        #[graphql(desc = "and before this; now when missing.")] to: Option<DateTime>,
        #[graphql(
            desc = "How many minutes after its beginning an incident is asked about; 15 when missing, a day at most."
        )]
        minutes: Option<u32>,
        #[graphql(
            desc = "How many judged incidents are ranked again, the newest; 50 when missing, 500 at most."
        )]
        incidents: Option<u32>,
        #[graphql(
            desc = "Rank by what is known now instead of what was known then: quicker, and kinder where facts came late.",
            default
        )]
        as_known_now: bool,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
    ) -> Result<Quality> {
        const DAY_NANOS: i64 = 86_400_000_000_000;
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let to = to.map_or(at.valid_at, |to| to.0);
        let from = from.map_or_else(|| to.plus_nanos(-90 * DAY_NANOS), |from| from.0);
        if to <= from {
            return Err(ErrorCode::BadInput.error("to: must lie after from"));
        }
        Ok(Quality {
            at,
            from,
            to,
            minutes: within("minutes", minutes, MINUTES)?,
            incidents: within("incidents", incidents, INCIDENTS)? as usize,
            as_known_now,
        })
    }
}

fn within(name: &str, asked: Option<u32>, (usual, most): (u32, u32)) -> Result<u32> {
    let asked = asked.unwrap_or(usual);
    if most < asked {
        let message = format!("{name}: {asked} is more than {most}");
        return Err(ErrorCode::BadInput.error(message));
    }
    Ok(asked)
}

/// How good the answers were.
#[Object]
impl Quality {
    /// Where the ranking had the cause, asked soon after each incident began, by what was known then.
    #[graphql(complexity = "500 + child_complexity")]
    async fn ranking(&self, ctx: &Context<'_>) -> Result<RankingQuality> {
        let graph = std::sync::Arc::clone(&self.at.view.graph);
        let (from, to, most) = (self.from, self.to, self.incidents);
        let judged = ask(ctx, move || JudgedIncidents::of(&graph, from, to, most)).await?;
        let shared = ctx.data::<Shared>()?;
        let limits = nearby_limits(&shared.limits);
        let mut ranked = Vec::with_capacity(judged.incidents.len());
        let mut unknown_then = 0;
        for incident in judged.incidents {
            let rank = self
                .rank(ctx, &incident, &shared.ports.ranking, limits)
                .await?;
            unknown_then += usize::from(rank.is_none());
            let rank = rank.flatten();
            ranked.push(RankedIncident { incident, rank });
        }
        let sums = ranking_quality(&ranked);
        let shown = ranked.iter().map(|it| RankedIncidentShown {
            incident: Incident::of(&self.at, it.incident.id),
            has_cause: !it.incident.causes.is_empty(),
            rank: it.rank,
        });
        Ok(RankingQuality {
            incidents: shown.collect(),
            whole: sums.whole.into(),
            weeks: groups(sums.weeks),
            symptoms: groups(sums.symptoms),
            sources: groups(sums.sources),
            severities: groups(sums.severities),
            incidents_all: judged.all,
            left_out: judged.left_out,
            unknown_then,
            model_version: shared.ports.ranking.version.clone(),
        })
    }

    /// Whether changes that were held risky were causes more often than others. A change that nobody judged counts as none.
    #[graphql(complexity = "500 + child_complexity")]
    async fn risk(&self, ctx: &Context<'_>) -> Result<RiskQuality> {
        let graph = std::sync::Arc::clone(&self.at.view.graph);
        let (from, to) = (self.from, self.to);
        let limits = RiskQualityLimits {
            risk: risk_limits(&ctx.data::<Shared>()?.limits),
            assessed_max: ASSESSED_MAX,
            scored_max: SCORED_MAX,
        };
        let found = ask(ctx, move || risk_quality(&graph, from, to, limits)).await?;
        let calibrations = found.calibrations.into_iter();
        Ok(RiskQuality {
            calibrations: calibrations.map(RiskCalibration::from).collect(),
            assessed_truncated: found.assessed_truncated,
            scored_truncated: found.scored_truncated,
        })
    }

    /// The first moment of the time.
    async fn from(&self) -> DateTime {
        DateTime(self.from)
    }

    /// The first moment after it.
    async fn to(&self) -> DateTime {
        DateTime(self.to)
    }

    /// The last position that was known when this was answered.
    async fn position(&self) -> LogPosition {
        self.at.position()
    }
}

impl Quality {
    /// The place of an incident's cause; nothing at all where nobody knew of the incident yet.
    async fn rank(
        &self,
        ctx: &Context<'_>,
        incident: &JudgedIncident,
        model: &std::sync::Arc<RankingModel>,
        limits: NearbyLimits,
    ) -> Result<Option<Option<usize>>> {
        let asked_at = incident
            .started_at
            .plus_millis(i64::from(self.minutes) * 60_000);
        let now = &self.at.view.graph;
        let is_past = now.recorded_at().is_some_and(|newest| asked_at < newest);
        let graph = if self.as_known_now || !is_past {
            std::sync::Arc::clone(now)
        } else {
            let views = &ctx.data::<Shared>()?.ports.views;
            let view = views.as_known_at(KnownAt::Moment(asked_at)).await;
            view.map_err(|error| view_error(&error))?.graph
        };
        if graph.incident(incident.id).is_none() {
            return Ok(None);
        }
        let (incident, model) = (incident.clone(), std::sync::Arc::clone(model));
        let rank = ask(ctx, move || {
            rank_of_cause(&graph, &incident, asked_at, &model, limits)
        });
        Ok(Some(rank.await?))
    }
}

fn nearby_limits(limits: &ApiLimits) -> NearbyLimits {
    NearbyLimits {
        first: LISTED_MAX,
        considered_max: limits.nearby_considered_max,
        looked_at_max: limits.nearby_looked_at_max,
        visited_max: limits.nearby_visited_max,
    }
}

fn groups(groups: Vec<graph::RankingGroup>) -> Vec<RankingGroup> {
    let shown = groups.into_iter().map(|group| RankingGroup {
        key: group.key,
        sums: group.sums.into(),
    });
    shown.collect()
}

impl From<graph::Estimate> for Estimate {
    fn from(estimate: graph::Estimate) -> Self {
        Self {
            value: estimate.share.value(),
            part: estimate.share.part,
            whole: estimate.share.whole,
            low: estimate.low,
            high: estimate.high,
        }
    }
}

impl From<graph::MeanEstimate> for MeanEstimate {
    fn from(estimate: graph::MeanEstimate) -> Self {
        Self {
            mean: estimate.mean,
            count: estimate.count,
            low: estimate.low,
            high: estimate.high,
        }
    }
}

impl From<graph::RankingSums> for RankingSums {
    fn from(sums: graph::RankingSums) -> Self {
        Self {
            judged: sums.judged,
            none_of_these: sums.none_of_these.into(),
            first: sums.first.into(),
            first_three: sums.first_three.into(),
            first_five: sums.first_five.into(),
            not_listed: sums.not_listed,
            mean_rank: sums.mean_rank.map(MeanEstimate::from),
        }
    }
}

impl From<graph::RiskCalibration> for RiskCalibration {
    fn from(found: graph::RiskCalibration) -> Self {
        let buckets = found.buckets.into_iter();
        Self {
            source: found.source,
            causes: found.causes.into(),
            buckets: buckets
                .map(|bucket| CalibrationBucket {
                    name: bucket.name,
                    causes: bucket.causes.into(),
                    mean_score: bucket.mean_score,
                })
                .collect(),
            brier: found.brier,
            brier_of_share: found.brier_of_share,
            ranks_causes_higher: found.ranks_causes_higher,
        }
    }
}
