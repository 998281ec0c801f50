//! Incidents as the fold keeps them.

use model::{Incident, IncidentId, IncidentStatus, LogPosition, SourceRef, Timestamp};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::cow::CowVec;
use crate::identity::Renamed;
use crate::intern::{WordIx, Words};
use crate::mention::MentionIx;
use crate::stamped::{Stamp, Stamped};
use crate::table::Table;

/// The number of an incident, in order of its first appearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct IncidentIx(pub(crate) u32);

/// An incident, merged from every statement about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) source: WordIx,
    pub(crate) source_id: Box<str>,
    pub(crate) title: Stamped<Box<str>>,
    pub(crate) severity: Stamped<WordIx>,
    pub(crate) environment: Stamped<WordIx>,
    pub(crate) items: Stamped<Vec<MentionIx>>,
    /// The keys it means by its environment.
    pub(crate) hinted: SmallVec<[MentionIx; 2]>,
    pub(crate) started_at: Stamped<Timestamp>,
    pub(crate) resolved_at: Stamped<Timestamp>,
    pub(crate) status: Stamped<IncidentStatus>,
    pub(crate) declared: Stamped<bool>,
    /// The earliest moment any statement speaks of.
    pub(crate) spoken_at: Timestamp,
    /// Where its statements stand in the log.
    pub(crate) statements: Vec<LogPosition>,
}

/// Incidents by number and id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Incidents {
    pub(crate) rows: CowVec<Row, 32>,
    by_id: Table,
}

/// One statement about an incident, its keys already mentions.
pub(crate) struct Statement<'a> {
    pub(crate) incident: &'a Incident,
    pub(crate) stamp: Stamp,
    pub(crate) position: LogPosition,
    pub(crate) items: Vec<MentionIx>,
    /// What the statement means when it names no status itself.
    pub(crate) implied: Option<IncidentStatus>,
}

impl Row {
    /// When the disturbance began: as stated, else the first word of it.
    pub(crate) fn start(&self) -> Timestamp {
        self.started_at.get().copied().unwrap_or(self.spoken_at)
    }

    /// When it ended: as stated, else when it was said to be resolved; nothing while it is open.
    pub(crate) fn end(&self) -> Option<Timestamp> {
        if self.status() != IncidentStatus::Resolved {
            return None;
        }
        self.resolved_at
            .get()
            .copied()
            .or_else(|| self.status.stamp().map(|stamp| stamp.at))
    }

    pub(crate) fn status(&self) -> IncidentStatus {
        self.status.get().copied().unwrap_or_default()
    }

    fn say(&mut self, said: &Statement<'_>, words: &mut Words) {
        let (incident, stamp) = (said.incident, said.stamp);
        let mut word = |text: &Option<String>| text.as_deref().map(|text| words.add(text));
        self.title
            .say(stamp, incident.title.as_deref().map(Box::from));
        self.severity.say(stamp, word(&incident.severity));
        self.environment.say(stamp, word(&incident.environment));
        self.items
            .say(stamp, (!said.items.is_empty()).then(|| said.items.clone()));
        self.started_at.say(stamp, incident.started_at);
        self.resolved_at.say(stamp, incident.resolved_at);
        self.declared.say(stamp, incident.declared);
        let status = incident.status.or(said.implied);
        self.status.say(in_life(stamp, status), status);
        self.spoken_at = self.spoken_at.min(stamp.at);
        if let Err(place) = self.statements.binary_search(&said.position) {
            self.statements.insert(place, said.position);
        }
    }
}

impl Incidents {
    pub(crate) fn find(&self, id: IncidentId) -> Option<IncidentIx> {
        self.by_id.get(id.as_bytes()).map(IncidentIx)
    }

    pub(crate) fn row(&self, incident: IncidentIx) -> &Row {
        self.rows
            .get(incident.0 as usize)
            .expect("an incident's number comes from this view")
    }

    /// Takes one statement about an incident, made if it is new.
    pub(crate) fn say(
        &mut self,
        reference: &SourceRef,
        said: &Statement<'_>,
        words: &mut Words,
    ) -> IncidentIx {
        let id = IncidentId::of(reference);
        let incident = self.find(id).unwrap_or_else(|| {
            let row = Row {
                source: words.add(reference.source.as_str()),
                source_id: reference.source_id.as_str().into(),
                title: Stamped::default(),
                severity: Stamped::default(),
                environment: Stamped::default(),
                items: Stamped::default(),
                hinted: SmallVec::new(),
                started_at: Stamped::default(),
                resolved_at: Stamped::default(),
                status: Stamped::default(),
                declared: Stamped::default(),
                spoken_at: said.stamp.at,
                statements: Vec::new(),
            };
            let number = u32::try_from(self.rows.push(row)).expect("fewer than 2^32 incidents");
            self.by_id.insert(*id.as_bytes(), number);
            IncidentIx(number)
        });
        if let Some(row) = self.rows.get_mut(incident.0 as usize) {
            row.say(said, words);
        }
        incident
    }

    /// Takes the keys that an incident means by its environment; returns those it meant before.
    pub(crate) fn hint(
        &mut self,
        incident: IncidentIx,
        hinted: SmallVec<[MentionIx; 2]>,
    ) -> SmallVec<[MentionIx; 2]> {
        let row = self.rows.get_mut(incident.0 as usize);
        row.map_or_else(SmallVec::new, |row| {
            std::mem::replace(&mut row.hinted, hinted)
        })
    }

    /// The same with other numbers of names. What incidents are about is never gone.
    pub(crate) fn renamed(&self, renamed: &Renamed, words: &Words) -> Self {
        let rows = self.rows.iter().map(|row| {
            let mut row = row.clone();
            let items = row.items.get_mut().into_iter().flatten();
            let named = items.chain(&mut row.hinted);
            named.for_each(|name| *name = renamed.of(*name));
            row
        });
        Self::restore(rows.collect(), words)
    }

    /// The incidents as they were saved, their table made again.
    pub(crate) fn restore(rows: CowVec<Row, 32>, words: &Words) -> Self {
        let mut incidents = Self {
            rows,
            by_id: Table::default(),
        };
        for (number, row) in incidents.rows.iter().enumerate() {
            let reference = SourceRef {
                source: model::SourceName::new(words.text(row.source)),
                source_id: row.source_id.to_string(),
            };
            let number = u32::try_from(number).expect("it was a u32 when saved");
            incidents
                .by_id
                .insert(*IncidentId::of(&reference).as_bytes(), number);
        }
        incidents
    }
}

/// Of two statements of one moment the one further on in life counts.
fn in_life(stamp: Stamp, status: Option<IncidentStatus>) -> Stamp {
    let rank: u64 = match status {
        None | Some(IncidentStatus::Open) => 0,
        Some(IncidentStatus::Acknowledged) => 1,
        Some(IncidentStatus::Resolved) => 2,
    };
    Stamp {
        at: stamp.at,
        tie: (rank << 56) | (stamp.tie >> 8),
    }
}
