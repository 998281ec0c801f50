//! Questions to the index.

use std::sync::Arc;

use graph::Statement;
use model::{
    Change, ChangeId, Incident, IncidentId, LogPosition, ObservedItem, SourceKey, SourceName,
    Timestamp,
};
use serde::de::DeserializeOwned;
use store::Entry;

use crate::IndexError;
use crate::evidence::EvidenceSubject;
use crate::keys::{self, Subject};
use crate::writer::Shared;

/// Most statements in one answer; of more, the latest are given.
pub(crate) const STATEMENTS_MAX: usize = 1_000;
/// How many entries are read at once.
const READ_MAX: usize = 1_000;
/// How many entries are looked through for those of an early moment.
const LOOKED_AT_MAX: usize = 100_000;

/// Up to where a question looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownUntil {
    /// The last position that counts as known.
    pub position: LogPosition,
    /// What speaks of a later time is left out; nothing is without a moment.
    pub moment: Option<Timestamp>,
}

/// What was found, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Whether earlier ones were left out.
    pub truncated: bool,
}

impl From<LogPosition> for KnownUntil {
    /// Everything up to a position, whatever time it speaks of.
    fn from(position: LogPosition) -> Self {
        Self {
            position,
            moment: None,
        }
    }
}

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
        self.statements(keys::CHANGES, change.as_bytes(), until.into())
    }

    /// What was said of an incident up to a position.
    pub fn incident_statements(
        &self,
        incident: IncidentId,
        until: LogPosition,
    ) -> Result<Statements<Incident>, IndexError> {
        self.statements(keys::INCIDENTS, incident.as_bytes(), until.into())
    }

    /// What a source said of what it calls by this key.
    pub fn item_observations(
        &self,
        source: &SourceName,
        key: &SourceKey,
        until: KnownUntil,
    ) -> Result<Statements<ObservedItem>, IndexError> {
        self.statements(keys::ITEMS, &keys::item_subject(source, key), until)
    }

    /// The last entries about items before a key.
    pub(crate) fn last_items(&self, before: &[u8], limit: usize) -> Result<Vec<Entry>, IndexError> {
        self.shared.last_between(keys::ITEMS, &[], before, limit)
    }

    /// Where the events stand that are evidence of this, the newest first, no more than `limit`.
    pub fn evidence(
        &self,
        subject: &EvidenceSubject,
        until: KnownUntil,
        limit: usize,
    ) -> Result<Found<LogPosition>, IndexError> {
        let subject = subject.digest();
        let found = self.newest_first(keys::EVIDENCE, &subject, until, limit)?;
        let mut positions = Vec::with_capacity(found.entries.len());
        for (key, _) in &found.entries {
            positions.push(keys::position_of(key).ok_or(IndexError::Form)?);
        }
        Ok(Found {
            entries: positions,
            truncated: found.truncated,
        })
    }

    fn statements<T: DeserializeOwned>(
        &self,
        tree: &'static str,
        subject: &Subject,
        until: KnownUntil,
    ) -> Result<Statements<T>, IndexError> {
        let found = self.newest_first(tree, subject, until, STATEMENTS_MAX)?;
        let mut statements = Vec::with_capacity(found.entries.len());
        for (key, entry) in found.entries.iter().rev() {
            statements.push(read(key, entry)?);
        }
        Ok(Statements {
            statements,
            truncated: found.truncated,
        })
    }

    /// The newest entries of a subject that do not speak of a later time, no more than `limit`.
    fn newest_first(
        &self,
        tree: &'static str,
        subject: &Subject,
        until: KnownUntil,
        limit: usize,
    ) -> Result<Found<Entry>, IndexError> {
        let from = keys::key(subject, LogPosition::ZERO);
        let mut before = keys::key(subject, until.position.next());
        let mut found = Found {
            entries: Vec::new(),
            truncated: false,
        };
        let mut looked_at = 0;
        loop {
            let read_max = (limit + 1 - found.entries.len()).min(READ_MAX);
            let entries = self.shared.last_between(tree, &from, &before, read_max)?;
            let all_read = entries.len() < read_max;
            looked_at += entries.len();
            if let Some((first, _)) = entries.first() {
                before.clone_from(first);
            }
            for entry in entries.into_iter().rev() {
                let (occurred_at, _, _) = keys::split(&entry.1).ok_or(IndexError::Form)?;
                if until.moment.is_none_or(|moment| occurred_at <= moment) {
                    found.entries.push(entry);
                }
            }
            found.truncated =
                limit < found.entries.len() || (!all_read && LOOKED_AT_MAX <= looked_at);
            if all_read || found.truncated {
                found.entries.truncate(limit);
                return Ok(found);
            }
        }
    }
}

pub(crate) fn read<T: DeserializeOwned>(
    key: &[u8],
    entry: &[u8],
) -> Result<Statement<T>, IndexError> {
    let position = keys::position_of(key).ok_or(IndexError::Form)?;
    let (occurred_at, tie, payload) = keys::split(entry).ok_or(IndexError::Form)?;
    let said =
        serde_json::from_slice(payload).map_err(|source| IndexError::Entry { position, source })?;
    Ok(Statement {
        occurred_at,
        tie,
        position,
        said,
    })
}
