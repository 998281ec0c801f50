//! Live lists: every event about a change or incident, in the order of the log, from a position on.
//!
//! It reads the log forward and never ahead of the fold, so a client that resumes from the position of
//! the last message it saw misses nothing and sees nothing twice.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, Result, SimpleObject, Subscription};
use futures_util::stream::{self, Stream};
use model::{
    ChangeId, Event, EventEnvelope, IncidentId, Judgement, LogPosition as Position, Topic,
};
use tokio::sync::watch;

use super::Shared;
use super::change::Change;
use super::change_filter::ChangeFilter;
use super::change_meaning::ChangeMeaning;
use super::incident::{Incident, IncidentCriteria, IncidentFilter};
use super::scalars::LogPosition;
use super::standpoint::Standpoint;
use crate::error::ErrorCode;
use crate::{Ports, ReadView, ViewError};

/// Events read from the log at once.
const READ_EVENTS: usize = 256;

/// The subscriptions.
pub(crate) struct Subscription;

/// Something new about a change.
#[derive(SimpleObject)]
pub(crate) struct LiveChange {
    /// Where the event stands in the log. Resume from here.
    position: LogPosition,
    /// The change, as it stands once the event is folded, or later.
    change: Change,
}

/// Something new about an incident.
#[derive(SimpleObject)]
pub(crate) struct LiveIncident {
    /// Where the event stands in the log. Resume from here.
    position: LogPosition,
    /// The incident, as it stands once the event is folded, or later.
    incident: Incident,
}

/// Live lists. Each message carries the position to resume from.
#[Subscription(name = "Subscription")]
impl Subscription {
    /// Every event about a change that passes the filter.
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which changes; all when missing.")] filter: Option<ChangeFilter>,
        #[graphql(
            desc = "Begin after this position: 0 tells everything, the position of the last \
                          message continues without a gap. Only what is new when missing."
        )]
        from_position: Option<LogPosition>,
    ) -> Result<impl Stream<Item = Result<LiveChange>> + use<>> {
        let following = Following::begin(ctx, from_position)?;
        let texts = Arc::clone(&ctx.data::<Shared>()?.ports.texts);
        if let Some(filter) = &filter {
            filter.check()?;
            filter.queries()?;
            filter.exact()?;
        }
        // What a filter means is looked up once for each view.
        let meant = Mutex::new(None::<(Position, Arc<ChangeMeaning>)>);
        Ok(following.messages(move |at, envelope| {
            let told = envelope.event.change()?;
            let id = ChangeId::of(&told.reference());
            let row = at.view.graph.change(id)?;
            let position = at.view.position();
            let mut last = meant.lock().unwrap_or_else(PoisonError::into_inner);
            let meaning = match last.as_ref().filter(|(of, _)| *of == position) {
                Some((_, meaning)) => Arc::clone(meaning),
                None => Arc::new(ChangeMeaning::read(filter.as_ref(), at).ok()?),
            };
            *last = Some((position, Arc::clone(&meaning)));
            drop(last);
            let passes = meaning.passes_telling(at, &row, (envelope, told), &*texts);
            passes.then(|| LiveChange {
                position: LogPosition(envelope.position),
                change: Change::of(at, id),
            })
        }))
    }

    /// Every event about an incident that passes the filter.
    async fn incidents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which incidents; all when missing.")] filter: Option<IncidentFilter>,
        #[graphql(
            desc = "Begin after this position: 0 tells everything, the position of the last \
                          message continues without a gap. Only what is new when missing."
        )]
        from_position: Option<LogPosition>,
    ) -> Result<impl Stream<Item = Result<LiveIncident>> + use<>> {
        let following = Following::begin(ctx, from_position)?;
        Ok(following.messages(move |at, envelope| {
            let id = incident_of(&envelope.event)?;
            let row = at.view.graph.incident(id)?;
            let criteria = IncidentCriteria::read(filter.as_ref(), at);
            criteria.passes(&row).then(|| LiveIncident {
                position: LogPosition(envelope.position),
                incident: Incident::of(at, id),
            })
        }))
    }
}

/// The log being read forward, never ahead of the fold.
struct Following {
    ports: Ports,
    patience: std::time::Duration,
    head: watch::Receiver<Position>,
    /// The last event that was read.
    read_to: Position,
    waiting: VecDeque<EventEnvelope>,
    /// Where the waiting events are seen from. A list that waits for news holds no view.
    standpoint: Option<Standpoint>,
    failed: bool,
}

impl Following {
    fn begin(ctx: &Context<'_>, from: Option<LogPosition>) -> Result<Self> {
        let shared = ctx.data::<Shared>()?;
        let head = shared.ports.events.watch_head();
        let newest = *head.borrow();
        if let Some(from) = &from
            && newest < from.0
        {
            let message = format!("the log ends at position {newest}");
            return Err(ErrorCode::PositionUnknown.error(message));
        }
        Ok(Self {
            ports: shared.ports.clone(),
            patience: shared.limits.view_wait,
            head,
            read_to: from.map_or(newest, |from| from.0),
            waiting: VecDeque::new(),
            standpoint: None,
            failed: false,
        })
    }

    /// What `message` makes of the events, in their order. An error is the last message.
    fn messages<T, F>(self, message: F) -> impl Stream<Item = Result<T>> + use<T, F>
    where
        F: Fn(&Standpoint, &EventEnvelope) -> Option<T> + Send + Sync + 'static,
    {
        stream::unfold((self, message), |(mut following, message)| async move {
            if following.failed {
                return None;
            }
            loop {
                if let Some(told) = following.next_message(&message) {
                    return Some((Ok(told), (following, message)));
                }
                match following.read_on().await {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(error) => {
                        following.failed = true;
                        return Some((Err(error), (following, message)));
                    }
                }
            }
        })
    }

    fn next_message<T>(
        &mut self,
        message: impl Fn(&Standpoint, &EventEnvelope) -> Option<T>,
    ) -> Option<T> {
        let at = self.standpoint.as_ref()?;
        while let Some(envelope) = self.waiting.pop_front() {
            if let Some(told) = message(at, &envelope) {
                return Some(told);
            }
        }
        self.standpoint = None;
        None
    }

    /// Reads the next events and waits for the fold to pass them; `false` when the log was closed.
    async fn read_on(&mut self) -> Result<bool> {
        let read = self.ports.events.after(self.read_to, READ_EVENTS).await;
        let events = read.map_err(|error| {
            tracing::error!(error = %error.0, "a live list could not read the log: {}", error.0);
            ErrorCode::Internal.error("internal error")
        })?;
        let Some(last) = events.last().map(|envelope| envelope.position) else {
            let read_to = self.read_to;
            let moved = self.head.wait_for(|head| read_to < *head).await;
            return Ok(moved.is_ok());
        };
        self.standpoint = Some(Standpoint {
            view: self.folded_to(last).await?,
            valid_at: self.ports.clock.now(),
            stated: false,
            // Callers of limited sight are refused before anything is followed.
            sight: None,
        });
        self.read_to = last;
        self.waiting = events.into();
        Ok(true)
    }

    /// A live list is in no hurry: it waits for a fold that lags.
    async fn folded_to(&self, position: Position) -> Result<ReadView> {
        loop {
            match self.ports.views.at_least(position, self.patience).await {
                Ok(view) => return Ok(view),
                Err(ViewError::Behind { .. }) => {}
                Err(error) => return Err(crate::reading::view_error(&error)),
            }
        }
    }
}

fn incident_of(event: &Event) -> Option<IncidentId> {
    match event.topic() {
        Topic::Incident(incident) => Some(IncidentId::of(&incident.reference())),
        Topic::Judgement(Judgement::Cause(judged)) => Some(IncidentId::of(&judged.incident)),
        Topic::Judgement(Judgement::Incidents(judged)) => Some(IncidentId::of(&judged.incident)),
        Topic::Judgement(Judgement::Check(_) | Judgement::Risk(_))
        | Topic::Observation(_)
        | Topic::Identity(_)
        | Topic::Deviation(_)
        | Topic::Change(_)
        | Topic::Intake
        | Topic::Definition
        | Topic::Access => None,
    }
}
