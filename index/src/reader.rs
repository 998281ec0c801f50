//! Questions to the index.

use std::sync::Arc;

use graph::Statement;
use model::{
    Change, ChangeId, Incident, IncidentId, LogPosition, ObservedItem, SourceKey, SourceName,
};
use serde::de::DeserializeOwned;

use crate::IndexError;
use crate::keys::{self, Subject};
use crate::writer::Shared;

/// Most statements in one answer; of more, the latest are given.
const STATEMENTS_MAX: usize = 1_000;

/// What was said of one thing, in the order of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Statements<T> {
    /// The statements.
    pub statements: Vec<Statement<T>>,
    /// Whether earlier ones were left out.
    pub truncated: bool,
}

/// Reads the index; cheap to clone. Every question may wait for the disk: keep it off the async threads.
#[derive(Clone)]
pub struct IndexReader {
    shared: Arc<Shared>,
}

impl IndexReader {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The last position whose statements are all here; it may be behind a view.
    pub fn position(&self) -> LogPosition {
        self.shared.position()
    }

    /// What was said of a change up to a position.
    pub fn change_statements(
        &self,
        change: ChangeId,
        until: LogPosition,
    ) -> Result<Statements<Change>, IndexError> {
        self.statements(keys::CHANGES, change.as_bytes(), until)
    }

    /// What was said of an incident up to a position.
    pub fn incident_statements(
        &self,
        incident: IncidentId,
        until: LogPosition,
    ) -> Result<Statements<Incident>, IndexError> {
        self.statements(keys::INCIDENTS, incident.as_bytes(), until)
    }

    /// What a source said of what it calls by this key, up to a position.
    pub fn item_observations(
        &self,
        source: &SourceName,
        key: &SourceKey,
        until: LogPosition,
    ) -> Result<Statements<ObservedItem>, IndexError> {
        self.statements(keys::ITEMS, &keys::item_subject(source, key), until)
    }

    fn statements<T: DeserializeOwned>(
        &self,
        tree: &'static str,
        subject: &Subject,
        until: LogPosition,
    ) -> Result<Statements<T>, IndexError> {
        let from = keys::key(subject, LogPosition::ZERO);
        let before = keys::key(subject, until.next());
        let mut entries = self
            .shared
            .store()
            .last_between(tree, &from, &before, STATEMENTS_MAX + 1)
            .map_err(IndexError::Store)?;
        let truncated = STATEMENTS_MAX < entries.len();
        if truncated {
            entries.remove(0);
        }
        let mut statements = Vec::with_capacity(entries.len());
        for (key, entry) in &entries {
            statements.push(read(key, entry)?);
        }
        Ok(Statements {
            statements,
            truncated,
        })
    }
}

fn read<T: DeserializeOwned>(key: &[u8], entry: &[u8]) -> Result<Statement<T>, IndexError> {
    let position = keys::position_of(key).ok_or(IndexError::Form)?;
    let (occurred_at, payload) = keys::split(entry).ok_or(IndexError::Form)?;
    let said =
        serde_json::from_slice(payload).map_err(|source| IndexError::Entry { position, source })?;
    Ok(Statement {
        occurred_at,
        position,
        said,
    })
}
