//! Earlier incidents that are like one, and what was judged their cause.

use async_graphql::{Context, Object, Result};
use graph::{SIMILARITY_VERSION, SimilarLimits, similar_incidents};
use model::IncidentId;

use super::asking::ask;
use super::change::Change;
use super::incident::Incident;
use super::radius::Contribution;
use super::standpoint::Standpoint;

/// Most earlier incidents one question looks at.
const LOOKED_AT_MAX: usize = 200_000;

/// Earlier incidents that are like one.
pub(crate) struct SimilarIncidents {
    at: Standpoint,
    found: graph::SimilarIncidents,
}

/// An earlier incident that is like one.
pub(crate) struct SimilarIncident {
    at: Standpoint,
    found: graph::SimilarIncident,
}

impl SimilarIncidents {
    /// The earlier incidents that are like one at the standpoint.
    pub(crate) async fn of(
        ctx: &Context<'_>,
        at: Standpoint,
        incident: IncidentId,
        first: usize,
    ) -> Result<Self> {
        let limits = SimilarLimits {
            first,
            looked_at_max: LOOKED_AT_MAX,
        };
        ask(ctx, move || {
            let found = similar_incidents(&at.view.graph, incident, limits);
            Self { at, found }
        })
        .await
    }
}

/// Earlier incidents that are like one, the most alike first.
#[Object]
impl SimilarIncidents {
    /// The incidents, the most alike first.
    async fn incidents(&self) -> Vec<SimilarIncident> {
        let found = self.found.similar.iter().cloned();
        found
            .map(|found| SimilarIncident {
                at: self.at.clone(),
                found,
            })
            .collect()
    }

    /// How many earlier incidents were looked at.
    async fn looked_at(&self) -> usize {
        self.found.looked_at
    }

    /// Whether there were more; the newest were looked at.
    async fn truncated(&self) -> bool {
        self.found.truncated
    }

    /// Which weights were used.
    async fn model_version(&self) -> &str {
        SIMILARITY_VERSION
    }
}

/// An earlier incident that is like one.
#[Object]
impl SimilarIncident {
    /// The earlier incident; of those with the same title and items one whose cause is known, else the newest.
    async fn incident(&self) -> Incident {
        Incident::of(&self.at, self.found.incident)
    }

    /// How many incidents of the same title and items it stands for, itself among them.
    async fn times(&self) -> usize {
        self.found.times
    }

    /// How much they are alike: the sum of the contributions.
    async fn score(&self) -> f64 {
        self.found.score
    }

    /// The parts of the score.
    async fn contributions(&self) -> Vec<Contribution> {
        let parts = self.found.contributions.iter().cloned();
        parts.map(Contribution::from).collect()
    }

    /// The changes that were judged its cause.
    async fn causes(&self) -> Vec<Change> {
        let causes = self.found.causes.iter();
        causes.map(|id| Change::of(&self.at, *id)).collect()
    }
}
