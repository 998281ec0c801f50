//! Where the ranking had what people judged the cause, as it would have answered soon after the incident began.

use std::collections::{BTreeMap, BTreeSet};

use model::{ChangeId, CiId, IncidentId, Lookback, Timestamp, Verdict};

use super::estimates::{Estimate, MeanEstimate};
use crate::nearby::{
    Family, Judgements, NearbyLimits, NearbyQuestion, RankingModel, changes_nearby,
};
use crate::view::{ChangeRow, GraphView, IncidentRow};

const WEEK_NANOS: i64 = 7 * 86_400_000_000_000;
/// The first Monday after the epoch.
const MONDAY_NANOS: i64 = 4 * 86_400_000_000_000;

/// An incident of which people judged changes.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedIncident {
    /// The incident.
    pub id: IncidentId,
    /// When it began.
    pub started_at: Timestamp,
    /// The changes that were judged its cause; none where every judged one was not.
    pub causes: Vec<ChangeId>,
    /// Who tells of it.
    pub source: String,
    /// What its title speaks of: `errors`, `latency`, `saturation`, `traffic`, `something else`.
    pub symptom: &'static str,
    /// How bad its source says it is.
    pub severity: Option<String>,
}

/// Incidents of a time of which people judged changes.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedIncidents {
    /// The newest first, as many as were asked for.
    pub incidents: Vec<JudgedIncident>,
    /// How many were left out: the older ones.
    pub left_out: usize,
    /// How many incidents began in the time, judged or not.
    pub all: usize,
}

/// A judged incident with the place of its cause.
#[derive(Clone, Debug, PartialEq)]
pub struct RankedIncident {
    /// The incident.
    pub incident: JudgedIncident,
    /// The place of the first cause, from 1; nothing where it was not among those listed.
    pub rank: Option<usize>,
}

/// How good the ranking of some incidents was.
#[derive(Clone, Debug, PartialEq)]
pub struct RankingSums {
    /// Incidents that were judged.
    pub judged: usize,
    /// Those of which none of the judged changes was the cause, of all that were judged.
    pub none_of_these: Estimate,
    /// The cause stood first, of those with a cause.
    pub first: Estimate,
    /// It was among the first three.
    pub first_three: Estimate,
    /// It was among the first five.
    pub first_five: Estimate,
    /// It was not among those listed.
    pub not_listed: usize,
    /// The mean place of the causes that were listed.
    pub mean_rank: Option<MeanEstimate>,
}

/// The incidents of one week, or of one sort.
#[derive(Clone, Debug, PartialEq)]
pub struct RankingGroup {
    /// The Monday of the week as a date, or the sort.
    pub key: String,
    /// How good they were.
    pub sums: RankingSums,
}

/// How good the ranking was.
#[derive(Clone, Debug, PartialEq)]
pub struct RankingQuality {
    /// Of all.
    pub whole: RankingSums,
    /// By the week in which they began (UTC, from Monday), the oldest first.
    pub weeks: Vec<RankingGroup>,
    /// By what their titles speak of.
    pub symptoms: Vec<RankingGroup>,
    /// By who tells of them.
    pub sources: Vec<RankingGroup>,
    /// By how bad their source says they are.
    pub severities: Vec<RankingGroup>,
}

impl JudgedIncidents {
    /// Those that began from one moment on and before another.
    pub fn of(view: &GraphView, from: Timestamp, to: Timestamp, most: usize) -> Self {
        let mut judged: BTreeMap<IncidentId, Vec<ChangeId>> = BTreeMap::new();
        for (change, incident, verdict) in view.verdicts() {
            let causes = match verdict {
                Verdict::Cause => judged.entry(incident).or_default(),
                Verdict::NotCause => {
                    judged.entry(incident).or_default();
                    continue;
                }
                Verdict::Unsure => continue,
            };
            causes.push(change);
        }
        let in_time = |it: &IncidentRow<'_>| from <= it.started_at() && it.started_at() < to;
        let all = view.incidents_unsorted().filter(in_time).count();
        let found = judged
            .into_iter()
            .filter_map(|(id, causes)| Some((view.incident(id)?, causes)));
        let found = found.filter(|(incident, _)| in_time(incident));
        let mut incidents: Vec<JudgedIncident> = found
            .map(|(incident, causes)| JudgedIncident::new(incident, causes))
            .collect();
        incidents.sort_by_key(|it| (std::cmp::Reverse(it.started_at), it.id));
        let left_out = incidents.len().saturating_sub(most);
        incidents.truncate(most);
        Self {
            incidents,
            left_out,
            all,
        }
    }
}

impl JudgedIncident {
    fn new(incident: IncidentRow<'_>, causes: Vec<ChangeId>) -> Self {
        let families = Family::in_text(incident.title());
        let family = families.first().copied().unwrap_or(Family::Other);
        Self {
            id: incident.id(),
            started_at: incident.started_at(),
            causes,
            source: incident.source().to_owned(),
            symptom: family.name(),
            severity: incident.severity().map(str::to_owned),
        }
    }
}

/// The place of the first cause in the ranking of a view, asked some minutes after the incident began.
///
/// Nothing that people judged of it counts, so a judgement does not grade itself. A change that stands for
/// others of its act stands for a cause among them too.
pub fn rank_of_cause(
    view: &GraphView,
    incident: &JudgedIncident,
    at: Timestamp,
    model: &RankingModel,
    limits: NearbyLimits,
) -> Option<usize> {
    let question = NearbyQuestion {
        items: Vec::<CiId>::new(),
        incidents: vec![incident.id],
        unknown_items: Vec::new(),
        at,
        lookback: Lookback::hours(72),
        judgements: Judgements::LeftOut,
        model: model.clone(),
    };
    let admits = |change: &ChangeRow<'_>| !change.is_bookkeeping();
    let answer = changes_nearby(view, &question, &admits, limits);
    let causes: BTreeSet<ChangeId> = incident.causes.iter().copied().collect();
    let found = answer.changes.iter().find(|near| {
        causes.contains(&near.change) || near.folded.iter().any(|it| causes.contains(it))
    });
    found.map(|near| near.rank)
}

/// How good the ranking of some incidents was, altogether and by sort.
pub fn ranking_quality(ranked: &[RankedIncident]) -> RankingQuality {
    let of = |key: &dyn Fn(&JudgedIncident) -> String| {
        let mut groups: BTreeMap<String, Vec<&RankedIncident>> = BTreeMap::new();
        for one in ranked {
            groups.entry(key(&one.incident)).or_default().push(one);
        }
        let sums = |(key, members): (String, Vec<&RankedIncident>)| RankingGroup {
            key,
            sums: RankingSums::of(&members),
        };
        groups.into_iter().map(sums).collect()
    };
    RankingQuality {
        whole: RankingSums::of(&ranked.iter().collect::<Vec<_>>()),
        weeks: of(&|it| week_of(it.started_at)),
        symptoms: of(&|it| it.symptom.to_owned()),
        sources: of(&|it| it.source.clone()),
        severities: of(&|it| it.severity.clone().unwrap_or_else(|| "unstated".to_owned())),
    }
}

impl RankingSums {
    #[expect(
        clippy::cast_precision_loss,
        reason = "places of a list are far below 2^52"
    )]
    fn of(ranked: &[&RankedIncident]) -> Self {
        let judged = ranked.len();
        let caused = ranked.iter().filter(|it| !it.incident.causes.is_empty());
        let caused: Vec<&&RankedIncident> = caused.collect();
        let within = |most: usize| {
            let found = caused
                .iter()
                .filter(|it| it.rank.is_some_and(|rank| rank <= most));
            Estimate::of(found.count(), caused.len())
        };
        let ranks: Vec<f64> = caused
            .iter()
            .filter_map(|it| it.rank)
            .map(|rank| rank as f64)
            .collect();
        Self {
            judged,
            none_of_these: Estimate::of(judged - caused.len(), judged),
            first: within(1),
            first_three: within(3),
            first_five: within(5),
            not_listed: caused.len() - ranks.len(),
            mean_rank: MeanEstimate::of(&ranks),
        }
    }
}

/// The Monday of a moment's week, as a date.
fn week_of(at: Timestamp) -> String {
    let since = (at.unix_nanos() - MONDAY_NANOS).rem_euclid(WEEK_NANOS);
    let monday = at.plus_nanos(-since).to_string();
    monday.split('T').next().unwrap_or_default().to_owned()
}
