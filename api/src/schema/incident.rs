//! Incidents as handles, and lists of them.

use std::cmp::Reverse;

use async_graphql::connection::{Connection, EmptyFields, OpaqueCursor};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use model::{CiId, IncidentId, Timestamp};

use super::change::word;
use super::details::incident_said;
use super::incident_groups::IncidentGroup;
use super::item::ConfigurationItem;
use super::keys;
use super::paging::{page_cost, question_size};
use super::scalars::{DateTime, LogPosition};
use super::similar::SimilarIncidents;
use super::standpoint::Standpoint;
use crate::error::ErrorCode;

/// An unplanned disturbance.
#[derive(Clone)]
pub(crate) struct Incident {
    at: Standpoint,
    id: IncidentId,
}

/// Which incidents to show. Everything that is given must hold.
#[derive(InputObject, Default)]
pub(crate) struct IncidentFilter {
    /// Title or the source's id holds this text, whatever its case.
    text: Option<String>,
    /// One of these items shows the symptom. Keys, aliases or ids.
    items: Option<Vec<String>>,
    /// It happens in this environment.
    environment: Option<String>,
    /// It stands at one of these: `open`, `acknowledged`, `resolved`.
    status: Option<Vec<String>>,
    /// The source calls it as severe as this.
    severity: Option<String>,
    /// This system raised it.
    source: Option<String>,
    /// It began at this moment or later.
    from: Option<DateTime>,
    /// It began before this moment.
    to: Option<DateTime>,
}

/// The order of a list of incidents: the newest first, then by id.
pub(crate) type IncidentOrder = (Reverse<Timestamp>, IncidentId);

/// Additional fields of a list of incidents.
#[derive(SimpleObject)]
pub(crate) struct IncidentTotals {
    /// How many incidents there are on all pages.
    pub(crate) total_count: usize,
    /// How many more began by the moment asked about that the token does not show, whatever the filter.
    pub(crate) hidden_count: usize,
    /// The last position that was known when this was answered.
    pub(crate) position: LogPosition,
}

/// A page of incidents, the newest first.
pub(crate) type IncidentConnection =
    Connection<OpaqueCursor<IncidentOrder>, Incident, IncidentTotals, EmptyFields>;

impl Incident {
    /// A handle to an incident of a view, if it is there and shown to whoever asks.
    pub(crate) fn find(at: &Standpoint, id: IncidentId) -> Option<Self> {
        let row = at.view.graph.incident(id)?;
        if !at.sees_incident(&row) {
            return None;
        }
        Some(Self { at: at.clone(), id })
    }

    /// A handle to an incident that is in the standpoint's view.
    pub(crate) fn of(at: &Standpoint, id: IncidentId) -> Self {
        Self { at: at.clone(), id }
    }

    /// The incident an id names; an error when there is none.
    pub(crate) fn require<'v>(at: &'v Standpoint, id: &ID) -> Result<graph::IncidentRow<'v>> {
        let not_found =
            || ErrorCode::IncidentNotFound.error(format!("no incident has the id {}", &**id));
        let id: IncidentId = id.parse().map_err(|_| not_found())?;
        let row = at.view.graph.incident(id);
        row.filter(|row| at.sees_incident(row))
            .ok_or_else(not_found)
    }

    fn row(&self) -> graph::IncidentRow<'_> {
        let row = self.at.view.graph.incident(self.id);
        row.expect("a handle is made of an incident of its own view")
    }
}

/// An unplanned disturbance, as all statements of its source together describe it.
#[Object]
impl Incident {
    /// The global id: derived from `source` and `sourceId`.
    pub(crate) async fn id(&self) -> ID {
        ID(self.id.to_string())
    }

    /// The system that raised it.
    async fn source(&self) -> &str {
        self.row().source()
    }

    /// That system's own id.
    async fn source_id(&self) -> &str {
        self.row().source_id()
    }

    /// A line for people; the source's id where nobody gave one.
    async fn title(&self) -> &str {
        self.row().title()
    }

    /// What was seen, in full, if its source said it.
    #[graphql(complexity = 5)]
    async fn description(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let said = incident_said(ctx, self.id, self.row().statements()).await?;
        Ok(said.and_then(|incident| incident.description))
    }

    /// Where people read more, if its source said it.
    #[graphql(complexity = 5)]
    async fn link(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let said = incident_said(ctx, self.id, self.row().statements()).await?;
        Ok(said.and_then(|incident| incident.link))
    }

    /// Where it stands: `open`, `acknowledged` or `resolved`.
    async fn status(&self) -> String {
        word(&self.row().status())
    }

    /// The source's word for how bad it is.
    async fn severity(&self) -> Option<&str> {
        self.row().severity()
    }

    /// Where it happens, if known.
    async fn environment(&self) -> Option<&str> {
        self.row().environment()
    }

    /// The items that show the symptom.
    async fn items(&self) -> Vec<ConfigurationItem> {
        let items = self.row().items().into_iter();
        items
            .map(|item| ConfigurationItem::of(&self.at, item))
            .collect()
    }

    /// When it began.
    async fn started_at(&self) -> DateTime {
        DateTime(self.row().started_at())
    }

    /// When it ended, if it did.
    async fn resolved_at(&self) -> Option<DateTime> {
        self.row().resolved_at().map(DateTime)
    }

    /// Whether people declared it, rather than a monitor having raised an alert.
    async fn declared(&self) -> bool {
        self.row().is_declared()
    }

    /// The incidents that are one with it, by time and graph; null when it began after the moment that is asked for.
    #[graphql(complexity = "50 + child_complexity")]
    async fn group(&self, ctx: &Context<'_>) -> Result<Option<IncidentGroup>> {
        IncidentGroup::around(ctx, self.at.clone(), self.id).await
    }

    /// Incidents that began before and are like it, without those of its own group: on the same items, with harm from
    /// the same places, in the same words, with a cause of the same sort.
    #[graphql(complexity = "page_cost(first, None, child_complexity) + 50")]
    async fn similar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many are listed; 20 when missing.")] first: Option<i32>,
    ) -> Result<SimilarIncidents> {
        let first = question_size(ctx, first)?;
        SimilarIncidents::of(ctx, self.at.clone(), self.id, first).await
    }
}

/// A filter with its items resolved in one view.
pub(crate) struct IncidentCriteria<'f> {
    filter: Option<&'f IncidentFilter>,
    text: Option<String>,
    items: Option<Vec<CiId>>,
    until: Timestamp,
}

impl<'f> IncidentCriteria<'f> {
    /// Reads a filter at a standpoint. A moment that was asked for hides what began after it.
    pub(crate) fn read(filter: Option<&'f IncidentFilter>, at: &Standpoint) -> Self {
        let environment = filter.and_then(|filter| filter.environment.as_deref());
        let items = filter.and_then(|filter| filter.items.as_ref()).map(|keys| {
            let found = keys.iter().map(|key| keys::meant(at, key, environment));
            found.filter_map(keys::Meant::into_id).collect()
        });
        let to = filter.and_then(|filter| filter.to.as_ref());
        let to = to.map_or(Timestamp::MAX, |to| to.0);
        let until = if at.stated {
            to.min(at.valid_at.plus_nanos(1))
        } else {
            to
        };
        Self {
            filter,
            text: filter.and_then(|filter| Some(filter.text.as_ref()?.to_lowercase())),
            items,
            until,
        }
    }

    /// The incidents that pass, in no order, each with its place in the order.
    pub(crate) fn passing<'v>(
        &'v self,
        at: &'v Standpoint,
    ) -> impl Iterator<Item = (IncidentOrder, IncidentId)> + 'v {
        let incidents = at.view.graph.incidents_unsorted();
        let shown = incidents.filter(|incident| at.sees_incident(incident));
        let passing = shown.filter(|incident| self.passes(incident));
        passing.map(|incident| {
            let id = incident.id();
            ((Reverse(incident.started_at()), id), id)
        })
    }

    /// How many incidents began by the moment that are hidden from whoever asks.
    pub(crate) fn hidden_count(at: &Standpoint) -> usize {
        if at.sight.is_none() {
            return 0;
        }
        let every = Self::read(None, at);
        let incidents = at.view.graph.incidents_unsorted();
        let hidden = incidents.filter(|incident| !at.sees_incident(incident));
        hidden.filter(|incident| every.passes(incident)).count()
    }

    /// From when, if it says so, and until when what passes begins.
    pub(crate) fn times(&self) -> (Option<Timestamp>, Timestamp) {
        let from = self.filter.and_then(|filter| filter.from.as_ref());
        (from.map(|from| from.0), self.until)
    }

    /// Whether an incident passes.
    pub(crate) fn passes(&self, incident: &graph::IncidentRow<'_>) -> bool {
        let start = incident.started_at();
        let touches = |ids: &Vec<CiId>| {
            let mut items = incident.items().into_iter();
            items.any(|item| ids.contains(&item.id()))
        };
        start < self.until
            && self.filter.is_none_or(|filter| filter.passes(incident))
            && self.text.as_ref().is_none_or(|text| holds(incident, text))
            && self.items.as_ref().is_none_or(touches)
    }
}

impl IncidentFilter {
    /// Whether an incident has what the filter names word by word.
    fn passes(&self, incident: &graph::IncidentRow<'_>) -> bool {
        let from = self.from.as_ref().map_or(Timestamp::MIN, |it| it.0);
        let equal = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| is == Some(wanted))
        };
        let status = self.status.as_ref();
        from <= incident.started_at()
            && equal(&self.environment, incident.environment())
            && equal(&self.severity, incident.severity())
            && equal(&self.source, Some(incident.source()))
            && status.is_none_or(|wanted| wanted.contains(&word(&incident.status())))
    }
}

/// Whether an incident's line holds a text in lower case.
fn holds(incident: &graph::IncidentRow<'_>, text: &str) -> bool {
    let holds = |line: &str| line.to_lowercase().contains(text);
    holds(incident.title()) || holds(incident.source_id())
}
