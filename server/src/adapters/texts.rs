//! The full text as `api` sees it: what the disk holds, and what was said since, looked through beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{BodiesError, PortFuture, TextAnswer, Texts};
use graph::GraphView;
use index::{Beside, Fragment, IndexReader, TextQuery, TextQuestion, TextReader, TextState};
use model::{Change, ChangeId, Event, LogPosition, Timestamp};
use store::EventLog;

use super::behind::{self, Behind};
use super::said;

/// Most changes that are looked through beside the disk. The schema's description of `text` names it.
const BESIDE_MAX: usize = 5_000;

/// The full text, and what it is made of.
pub(super) struct SearchedTexts {
    pub(super) texts: TextReader,
    pub(super) index: IndexReader,
    pub(super) log: Arc<dyn EventLog>,
}

impl Texts for SearchedTexts {
    fn find(
        &self,
        question: TextQuestion,
        view: Arc<GraphView>,
    ) -> PortFuture<'_, Result<TextAnswer, BodiesError>> {
        let searching = Searching {
            state: self.texts.state(),
            index: self.index.clone(),
            log: Arc::clone(&self.log),
            view,
        };
        Box::pin(behind::off_the_async_threads(move || {
            searching.find(&question)
        }))
    }

    fn holds(&self, question: &TextQuestion, occurred_at: Timestamp, said: &Change) -> bool {
        self.texts.holds(question, occurred_at, said)
    }

    fn fragments(
        &self,
        query: TextQuery,
        id: ChangeId,
        statements: Vec<LogPosition>,
        most: usize,
    ) -> PortFuture<'_, Result<Vec<Fragment>, BodiesError>> {
        let (index, log) = (self.index.clone(), Arc::clone(&self.log));
        let texts = self.texts.clone();
        Box::pin(behind::off_the_async_threads(move || {
            let change = said::change(&index, &*log, id, &statements)?;
            Ok(change.map_or_else(Vec::new, |change| texts.fragments(&query, &change, most)))
        }))
    }
}

/// One search.
struct Searching {
    state: TextState,
    index: IndexReader,
    log: Arc<dyn EventLog>,
    view: Arc<GraphView>,
}

/// Changes that the disk does not hold as the view knows them.
struct Unlike {
    changes: Vec<ChangeId>,
    /// Up to where texts were seen.
    seen: LogPosition,
    cut: bool,
}

impl Searching {
    fn find(&self, question: &TextQuestion) -> Result<TextAnswer, BodiesError> {
        let unlike = self.unlike()?;
        let mut beside: Vec<Beside> = Vec::with_capacity(unlike.changes.len());
        for id in unlike.changes {
            let Some(row) = self.view.change(id) else {
                continue;
            };
            let statements = row.statements();
            let said = said::statements_of_change(&self.index, &*self.log, id, statements)?;
            beside.push((id, said));
        }
        let found = self.state.find(question, &self.view, &beside);
        Ok(TextAnswer {
            found: found.map_err(failed)?,
            seen: unlike.seen,
            cut: unlike.cut,
        })
    }

    fn unlike(&self) -> Result<Unlike, BodiesError> {
        let (held, wanted) = (self.state.position(), self.view.position());
        if wanted <= held {
            let (changes, cut) = self.state.said_behind(wanted, BESIDE_MAX).map_err(failed)?;
            return Ok(Unlike {
                changes,
                seen: wanted,
                cut,
            });
        }
        let mut last_said: BTreeMap<ChangeId, LogPosition> = BTreeMap::new();
        let (mut seen, mut missed) = (held, false);
        let behind = Behind::from(held, wanted);
        behind.each(&*self.log, |envelope| {
            if let Event::ChangeRecorded(change) = &envelope.event {
                let id = ChangeId::of(&change.reference());
                if BESIDE_MAX <= last_said.len() && !last_said.contains_key(&id) {
                    missed = true;
                    return;
                }
                last_said.insert(id, envelope.position);
            }
            if !missed {
                seen = envelope.position;
            }
        })?;
        Ok(Unlike {
            changes: last_said.into_keys().collect(),
            seen,
            cut: seen < wanted,
        })
    }
}

fn failed(error: index::IndexError) -> BodiesError {
    BodiesError(Box::new(error))
}

#[cfg(test)]
mod tests;
