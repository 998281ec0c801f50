//! What changed nearby, as GraphQL shows it.

use async_graphql::{Context, Object, Result, SimpleObject};
use graph::{NearbyLimits, NearbyQuestion, changes_nearby};

use super::Shared;
use super::asking::ask;
use super::change::Change;
use super::change_folds::fold_reason;
use super::change_meaning::ChangeCriteria;
use super::radius::{Contribution, PathStep};
use super::scalars::{DateTime, LogPosition};
use super::standpoint::Standpoint;

/// Changes of a fold that are listed when nobody says how many.
const FOLDED_USUAL: usize = 20;

/// The most suspect changes around affected items, and how far the answer can be trusted.
pub(crate) struct NearbyChanges {
    at: Standpoint,
    answer: graph::NearbyChanges,
    bookkeeping: usize,
}

/// One suspect.
pub(crate) struct NearbyChange {
    at: Standpoint,
    suspect: graph::NearbyChange,
}

/// What an answer cannot see.
#[derive(SimpleObject)]
pub(crate) struct Coverage {
    /// Entries of the question that mean no item, or could mean several.
    unknown_items: Vec<String>,
    /// How many of the nearest items were never touched by any known change.
    items_without_source: usize,
    /// Sources that have been quiet for much longer than is usual for them.
    silent_sources: Vec<String>,
    /// The same and more as sentences.
    gaps: Vec<String>,
}

impl From<graph::Coverage> for Coverage {
    fn from(coverage: graph::Coverage) -> Self {
        Self {
            unknown_items: coverage.unknown_items,
            items_without_source: coverage.items_without_source,
            silent_sources: coverage.silent_sources,
            gaps: coverage.gaps,
        }
    }
}

impl NearbyChanges {
    /// Ranks the changes of a question at the standpoint.
    pub(crate) async fn of(
        ctx: &Context<'_>,
        at: Standpoint,
        question: NearbyQuestion,
        criteria: ChangeCriteria,
        first: usize,
    ) -> Result<Self> {
        let limits = &ctx.data::<Shared>()?.limits;
        let limits = NearbyLimits {
            first,
            considered_max: limits.nearby_considered_max,
            looked_at_max: limits.nearby_looked_at_max,
            visited_max: limits.nearby_visited_max,
        };
        ask(ctx, move || {
            let bookkeeping = std::cell::Cell::new(0_usize);
            let admits = |change: &graph::ChangeRow<'_>| {
                // What is hidden holds its place; a filter would tell something of it.
                let holds_its_place = !criteria.asks() && !at.sees_change(change);
                let passes = holds_its_place || criteria.passes(change);
                let is_noise = !criteria.names_bookkeeping() && change.is_bookkeeping();
                bookkeeping.set(bookkeeping.get() + usize::from(passes && is_noise));
                passes && !is_noise
            };
            let mut answer = changes_nearby(&at.view.graph, &question, &admits, limits);
            answer.truncated |= criteria.truncated();
            let bookkeeping = bookkeeping.get();
            if 0 < bookkeeping {
                let gap = format!("{bookkeeping} changes in which only bookkeeping differs are not ranked; the filter bookkeeping: true ranks them");
                answer.coverage.gaps.push(gap);
            }
            Self {
                at,
                answer,
                bookkeeping,
            }
        })
        .await
    }
}

/// The most suspect changes around affected items, and how far the answer can be trusted.
#[Object]
impl NearbyChanges {
    /// The changes, the most suspect first.
    async fn changes(&self) -> Vec<NearbyChange> {
        let suspects = self.answer.changes.iter().cloned();
        suspects
            .map(|suspect| NearbyChange {
                at: self.at.clone(),
                suspect,
            })
            .collect()
    }

    /// How many of the listed changes the token does not show.
    async fn hidden_count(&self) -> usize {
        let row = |one: &graph::NearbyChange| self.at.view.graph.change(one.change);
        let rows = self.answer.changes.iter().filter_map(row);
        rows.filter(|row| !self.at.sees_change(row)).count()
    }

    /// How many changes were weighed.
    async fn considered(&self) -> usize {
        self.answer.considered
    }

    /// How many changes were not weighed because only bookkeeping differs in them; the filter `bookkeeping: true` ranks them.
    async fn suppressed_bookkeeping(&self) -> usize {
        self.bookkeeping
    }

    /// Whether changes of the time asked about were left out unweighed.
    async fn truncated(&self) -> bool {
        self.answer.truncated
    }

    /// What the answer cannot see.
    async fn coverage(&self) -> Coverage {
        self.answer.coverage.clone().into()
    }

    /// The moment of the question: nothing that starts after it is ranked.
    async fn at(&self) -> DateTime {
        DateTime(self.answer.at)
    }

    /// The last position that was known when this was answered.
    async fn position(&self) -> LogPosition {
        LogPosition(self.answer.position)
    }

    /// Which weights were used. The same question at the same position under the same version has the same answer.
    async fn model_version(&self) -> &str {
        &self.answer.model_version
    }
}

impl NearbyChange {
    fn hidden(&self) -> bool {
        let row = self.at.view.graph.change(self.suspect.change);
        row.is_some_and(|row| !self.at.sees_change(&row))
    }
}

/// One suspect.
#[Object]
impl NearbyChange {
    /// Its place, from 1.
    async fn rank(&self) -> usize {
        self.suspect.rank
    }

    /// How suspect it is: the sum of the contributions.
    async fn score(&self) -> f64 {
        self.suspect.score
    }

    /// The change.
    async fn change(&self) -> Change {
        Change::of(&self.at, self.suspect.change)
    }

    /// How many relations lie between; null when no known relation leads there.
    async fn hops(&self) -> Option<usize> {
        self.suspect.hops
    }

    /// The likeliest way from an affected item to what it touched.
    async fn path(&self) -> Vec<PathStep> {
        PathStep::path(&self.at, &self.suspect.path)
    }

    /// How long before the symptom it started, in milliseconds; negative when later.
    async fn lead_ms(&self) -> f64 {
        self.suspect.lead_ms
    }

    /// Why it is suspect, as one sentence.
    async fn reason(&self) -> &str {
        &self.suspect.reason
    }

    /// How many less suspect changes of the same act it stands for: parts of one plan, changes of one key, a mass restart.
    async fn folded_count(&self) -> usize {
        self.suspect.folded_count
    }

    /// Why they stand as one: `one_plan`, `one_key` or `one_minute`; null when it stands for itself.
    async fn fold_reason(&self) -> Option<&str> {
        self.suspect.fold_reason.map(fold_reason)
    }

    /// The changes it stands for.
    #[graphql(complexity = "20 + 20 * child_complexity")]
    async fn folded(
        &self,
        #[graphql(desc = "How many are listed; 20 when missing, 1,000 at most.")] first: Option<
            u32,
        >,
    ) -> Vec<Change> {
        let first = first.map_or(FOLDED_USUAL, |first| first as usize);
        let others = self.suspect.folded.iter().take(first);
        others.map(|id| Change::of(&self.at, *id)).collect()
    }

    /// The parts of the score; none is told of a hidden change.
    async fn contributions(&self) -> Vec<Contribution> {
        if self.hidden() {
            return Vec::new();
        }
        let parts = self.suspect.contributions.iter().cloned();
        parts.map(Contribution::from).collect()
    }
}
