//! Questions to the full text.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use arc_swap::ArcSwap;
use graph::{ChangeNumber, ChangeSet, GraphView, Statement};
use model::{Change, ChangeFilter, ChangeId, ChangeStatus, LogPosition, Timestamp};
use tantivy::collector::TopDocs;
use tantivy::query::{Query, RangeQuery};
use tantivy::{Order, Searcher, Term};

use super::beside;
use super::exact::ExactTerm;
use super::fields::{Fields, id_of_halves, schema};
use super::fragments::{self, Fragment};
use super::hits::{Hit, Hits};
use super::language::{LanguageError, TextQuery};
use super::plan::Planner;
use super::segmenter::Segmenter;
use super::statistics::Statistics;
use super::telling;
use crate::IndexError;

/// What is asked of texts. Everything that is given must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextQuestion {
    /// What is looked for in the texts.
    pub query: Option<TextQuery>,
    /// Of each list one term.
    pub exact: Vec<Vec<ExactTerm>>,
    /// It became one of these from a moment on and before another.
    pub became: Vec<(Vec<ChangeStatus>, Timestamp, Timestamp)>,
    /// Whether it matters how well a change is found.
    pub scored: bool,
    /// By which measure; what is counted now when missing.
    pub statistics: Option<Statistics>,
}

impl TextQuestion {
    /// What a kept filter asks of texts and details; the field that cannot be read with the reason, if one cannot.
    pub fn of_filter(filter: &ChangeFilter) -> Result<Self, (&'static str, LanguageError)> {
        let read = |name: &'static str, text: &Option<String>| {
            let text = text.as_deref().filter(|text| !text.trim().is_empty());
            let query = text.map(str::parse::<TextQuery>).transpose();
            query.map_err(|error| (name, error))
        };
        let title = read("title", &filter.title)?.map(TextQuery::in_title);
        let text = read("text", &filter.text)?;
        let query = match (title, text) {
            (Some(title), Some(text)) => Some(title.and(text)),
            (title, text) => title.or(text),
        };
        let part_of = filter.part_of.as_ref();
        let part_of = part_of.map(|plan| ExactTerm::part_of(ChangeId::of(plan)));
        let exact = [
            ExactTerm::each(ExactTerm::category, &filter.categories),
            ExactTerm::each(ExactTerm::domain, &filter.domains),
            ExactTerm::each(ExactTerm::risk_level, &filter.risk_levels),
            ExactTerm::each(ExactTerm::fold_key, &filter.fold_keys),
            ExactTerm::each(ExactTerm::exemption, &filter.exemptions),
            ExactTerm::each(ExactTerm::flow, &filter.flows),
            ExactTerm::each(ExactTerm::check_result, &filter.check_results),
            ExactTerm::each(ExactTerm::artifact, filter.artifact.as_slice()),
            ExactTerm::each(ExactTerm::commit, filter.commit.as_slice()),
            part_of.into_iter().collect(),
        ];
        let became = filter.became.iter().map(|became| {
            let from = became.from.unwrap_or(Timestamp::MIN);
            let until = became.until.unwrap_or(Timestamp::MAX);
            (became.statuses.clone(), from, until)
        });
        Ok(Self {
            query,
            exact: exact.into_iter().filter(|list| !list.is_empty()).collect(),
            became: became.collect(),
            ..Self::default()
        })
    }
}

/// What texts answer.
#[derive(Clone, Debug)]
pub struct TextFound {
    /// The changes that were found.
    pub changes: ChangeSet,
    /// How well, where that was asked for, in order of number; more is better.
    pub scores: Vec<(ChangeNumber, f32)>,
    /// The measure of the scores.
    pub statistics: Option<Statistics>,
}

/// A change with all its statements that a view knows, in the order of the log.
pub type Beside = (ChangeId, Vec<Statement<Change>>);

/// Reads the full text; cheap to clone. Every question may wait for the disk: keep it off the async threads.
#[derive(Clone)]
pub struct TextReader {
    pub(super) shared: Arc<Shared>,
}

/// What writer and readers share.
pub(super) struct Shared {
    pub(super) fields: Fields,
    pub(super) segmenter: Segmenter,
    pub(super) snapshot: ArcSwap<Snapshot>,
}

/// What the last commit holds.
pub(super) struct Snapshot {
    pub(super) position: LogPosition,
    /// None before there is one.
    pub(super) searcher: Option<Searcher>,
}

/// The full text at one position.
pub struct TextState {
    shared: Arc<Shared>,
    snapshot: Arc<Snapshot>,
}

impl TextReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The last position whose texts are all here; it may be behind a view.
    pub fn position(&self) -> LogPosition {
        self.shared.snapshot.load().position
    }

    /// The full text as it stands now.
    pub fn state(&self) -> TextState {
        TextState {
            shared: Arc::clone(&self.shared),
            snapshot: self.shared.snapshot.load_full(),
        }
    }

    /// Whether one statement of a change, which speaks of a moment, holds what is asked for.
    pub fn holds(&self, question: &TextQuestion, occurred_at: Timestamp, said: &Change) -> bool {
        telling::holds(&self.shared.segmenter, question, occurred_at, said)
    }

    /// Where a change's texts hold what is looked for, the best of them first, no more than `most`.
    pub fn fragments(&self, query: &TextQuery, change: &Change, most: usize) -> Vec<Fragment> {
        fragments::of(&self.shared.segmenter, query, change, most)
    }
}

impl Shared {
    pub(super) fn new() -> Self {
        let (fields, _) = schema();
        Self {
            fields,
            segmenter: Segmenter::default(),
            snapshot: ArcSwap::from_pointee(Snapshot {
                position: LogPosition::ZERO,
                searcher: None,
            }),
        }
    }
}

impl TextState {
    /// The last position whose texts are all here.
    pub fn position(&self) -> LogPosition {
        self.snapshot.position
    }

    /// The changes of which something was said behind a position, the newest first, no more than
    /// `most`, and whether there are more. What is here of them is not as it was known then.
    pub fn said_behind(
        &self,
        position: LogPosition,
        most: usize,
    ) -> Result<(Vec<ChangeId>, bool), IndexError> {
        let Some(searcher) = self.searcher().filter(|_| position < self.position()) else {
            return Ok((Vec::new(), false));
        };
        let behind = Term::from_field_u64(self.shared.fields.last, position.number());
        let behind = RangeQuery::new(Bound::Excluded(behind), Bound::Unbounded);
        let newest = TopDocs::with_limit(most + 1).order_by_fast_field::<u64>("last", Order::Desc);
        let found = searcher.search(&behind, &newest).map_err(failed)?;
        let mut changes = Vec::with_capacity(found.len());
        for (_, address) in found.iter().take(most) {
            let columns = searcher.segment_reader(address.segment_ord).fast_fields();
            let half = |name| -> Result<u64, IndexError> {
                let column = columns.u64(name).map_err(failed)?;
                column.first(address.doc_id).ok_or(IndexError::Form)
            };
            changes.push(id_of_halves(half("id_high")?, half("id_low")?));
        }
        Ok((changes, most < found.len()))
    }

    /// The changes of a view that hold what is asked for.
    ///
    /// What is here of the changes `beside` is not as the view knows it: they are asked by their statements.
    pub fn find(
        &self,
        question: &TextQuestion,
        view: &Arc<GraphView>,
        beside: &[Beside],
    ) -> Result<TextFound, IndexError> {
        let shared = &*self.shared;
        let planner = Planner {
            fields: &shared.fields,
            segmenter: &shared.segmenter,
        };
        let query = planner.question(question);
        let mut asking = Asking {
            shared,
            query: &*query,
            view,
            statistics: None,
        };
        if question.scored {
            asking.statistics = match (&question.statistics, self.searcher()) {
                (Some(statistics), _) => Some(statistics.clone()),
                (None, Some(searcher)) => {
                    Some(Statistics::now(searcher, &shared.fields, &*query).map_err(failed)?)
                }
                (None, None) => Some(Statistics::default()),
            };
        }
        let mut hits = match self.searcher() {
            Some(searcher) => asking.of(searcher).map_err(failed)?,
            None => Vec::new(),
        };
        if !beside.is_empty() {
            let numbers = beside.iter().map(|(id, _)| view.change_number(*id));
            let replaced: BTreeSet<ChangeNumber> = numbers.flatten().collect();
            hits.retain(|(change, _)| !replaced.contains(change));
            let statements = beside.iter().map(|(_, said)| said.as_slice());
            let in_memory = beside::index_of(statements, &shared.segmenter).map_err(failed)?;
            hits.extend(asking.of(&in_memory).map_err(failed)?);
        }
        let changes = view.change_set(hits.iter().map(|(change, _)| *change));
        if question.scored {
            hits.sort_by_key(|(change, _)| *change);
        } else {
            hits.clear();
        }
        Ok(TextFound {
            changes,
            scores: hits,
            statistics: asking.statistics,
        })
    }

    fn searcher(&self) -> Option<&Searcher> {
        self.snapshot.searcher.as_ref()
    }
}

struct Asking<'a> {
    shared: &'a Shared,
    query: &'a dyn Query,
    view: &'a Arc<GraphView>,
    statistics: Option<Statistics>,
}

impl Asking<'_> {
    fn of(&self, searcher: &Searcher) -> tantivy::Result<Vec<Hit>> {
        let hits = Hits {
            view: Arc::clone(self.view),
            scored: self.statistics.is_some(),
        };
        let Some(statistics) = &self.statistics else {
            return searcher.search(self.query, &hits);
        };
        let measure = statistics.measure(&self.shared.fields, self.query);
        searcher.search_with_statistics_provider(self.query, &hits, &measure)
    }
}

pub(super) fn failed(error: tantivy::TantivyError) -> IndexError {
    IndexError::Text(Box::new(error))
}
