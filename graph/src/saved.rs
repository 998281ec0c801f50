//! The estate as bytes: rows alone, every table is made again when they are read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use model::{ChangeId, IncidentId, LogPosition, Timestamp, Verdict};
use serde::{Deserialize, Serialize};

use crate::archive::{Archive, PageError, Pages, SavedArchive};
use crate::calendar::{CalendarBook, SavedCalendar};
use crate::changes::{Changes, Rows};
use crate::cow::CowVec;
use crate::facts::ItemFacts;
use crate::groups::{Groups, SavedGroup};
use crate::identity::{Identity, SavedIdentity};
use crate::incident_groups::JudgedPairs;
use crate::incidents::{self, Incidents};
use crate::intern::Words;
use crate::kinds::{KindBook, SavedKinds};
use crate::listings::Lists;
use crate::relations::{Relations, SavedRelations};
use crate::retractions::Retractions;
use crate::risk::RiskRules;
use crate::shelves::Shelves;
use crate::sources::{GapRow, SourceRow};
use crate::stamped::Stamped;
use crate::subscriptions::{SavedSubscription, Subscriptions};
use crate::tokens::{SavedToken, TokenBook};
use crate::versions::SavedVersion;
use crate::view::{CheckJudgements, GraphView, RiskScores};

/// Why saved bytes are no estate.
#[derive(Debug)]
pub enum RestoreError {
    /// They are of another form.
    Form(postcard::Error),
    /// A page that they refer to is not to be had.
    Page(PageError),
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(_) => f.write_str("the saved estate cannot be read"),
            Self::Page(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RestoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Form(error) => Some(error),
            Self::Page(error) => error.source(),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct SavedEstate {
    position: LogPosition,
    recorded_at: Option<Timestamp>,
    identity: SavedIdentity,
    facts: CowVec<ItemFacts, 32>,
    relations: SavedRelations,
    lists: CowVec<Option<Box<Lists>>, 64>,
    changes: Rows,
    operators: Words,
    incidents: CowVec<incidents::Row, 32>,
    judgements: BTreeMap<(ChangeId, IncidentId), Stamped<Verdict>>,
    judged_pairs: JudgedPairs,
    check_judgements: CheckJudgements,
    risk_scores: RiskScores,
    sources: BTreeMap<String, SourceRow>,
    gaps: BTreeSet<GapRow>,
    quarantined: u64,
    kinds: SavedKinds,
    groups: Vec<SavedGroup>,
    subscriptions: Vec<SavedSubscription>,
    tokens: Vec<SavedToken>,
    calendar: SavedCalendar,
    risk_rules: Vec<SavedVersion>,
    retractions: Retractions,
    numbering: u64,
    outdated: bool,
    archive: SavedArchive,
}

impl SavedEstate {
    pub(crate) fn of(view: &GraphView) -> Self {
        Self {
            position: view.position,
            recorded_at: view.recorded_at,
            identity: view.identity.save(),
            facts: view.facts.clone(),
            relations: view.relations.save(),
            lists: view.lists.clone(),
            changes: view.changes.rows.clone(),
            operators: view.changes.operators.clone(),
            incidents: view.incidents.rows.clone(),
            judgements: (*view.judgements).clone(),
            judged_pairs: (*view.judged_pairs).clone(),
            check_judgements: (*view.check_judgements).clone(),
            risk_scores: (*view.risk_scores).clone(),
            sources: (*view.sources).clone(),
            gaps: (*view.gaps).clone(),
            quarantined: view.quarantined,
            kinds: view.kinds.save(),
            groups: view.groups.save(),
            subscriptions: view.subscriptions.save(),
            tokens: view.tokens.save(),
            calendar: view.calendar.save(),
            risk_rules: view.risk_rules.save(),
            retractions: view.retractions.clone(),
            numbering: view.numbering,
            outdated: view.outdated,
            archive: view.archive.save(),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("every part of an estate has a length and memory takes it")
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RestoreError> {
        postcard::from_bytes(bytes).map_err(RestoreError::Form)
    }

    /// The view that was saved; rows of changes that were put away are read once.
    pub(crate) fn restore(self, pages: Option<&Arc<dyn Pages>>) -> Result<GraphView, RestoreError> {
        let identity = Identity::restore(self.identity);
        let changes = Changes::restore(self.changes, self.operators, &identity.words, pages);
        Ok(GraphView {
            position: self.position,
            recorded_at: self.recorded_at,
            relations: Relations::restore(self.relations, &identity),
            lists: self.lists,
            changes: changes.map_err(RestoreError::Page)?,
            incidents: Incidents::restore(self.incidents, &identity.words),
            identity,
            facts: self.facts,
            judgements: Arc::new(self.judgements),
            judged_pairs: Arc::new(self.judged_pairs),
            check_judgements: Arc::new(self.check_judgements),
            risk_scores: Arc::new(self.risk_scores),
            sources: Arc::new(self.sources),
            gaps: Arc::new(self.gaps),
            quarantined: self.quarantined,
            kinds: Arc::new(KindBook::restore(self.kinds)),
            groups: Arc::new(Groups::restore(self.groups)),
            subscriptions: Arc::new(Subscriptions::restore(self.subscriptions)),
            tokens: Arc::new(TokenBook::restore(self.tokens)),
            calendar: Arc::new(CalendarBook::restore(self.calendar)),
            risk_rules: Arc::new(RiskRules::restore(self.risk_rules)),
            retractions: self.retractions,
            numbering: self.numbering,
            outdated: self.outdated,
            words_then: None,
            shelves: Shelves::default(),
            archive: Archive::restore(self.archive),
        })
    }
}
