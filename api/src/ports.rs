//! What the API needs from others. `server` provides it over the log, the fold and the quarantine.
//!
//! Every port is asynchronous and none blocks the thread it is called on.

mod access;
mod audit;
mod deliveries;
mod measurements;
mod plans;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use graph::{Asked, AttributeStatement, GraphView, ItemStatement, Observation, Retractions};
use index::{EvidenceSubject, Found, Fragment, KnownUntil, TextFound, TextQuery, TextQuestion};
use model::{
    Change, ChangeId, ContentHash, Event, EventEnvelope, EventId, Incident, IncidentId,
    LogPosition, Rejection, SourceName, Timestamp,
};
use serde_json::Value;
use thiserror::Error;
use tokio::sync::watch;

pub use access::{Access, MintedToken, NoRandomness};
pub use audit::{Audit, AuditError, AuditPage, AuditPlace, AuditQuestion};
pub use deliveries::{
    AddressVerification, Deliveries, Delivery, DeliveryAttempt, DeliveryError, DeliveryPage,
    DeliveryQuestion, DeliveryStanding, DeliveryStatus, EndpointVerification, Redelivery,
    SealedAddress, SealedEndpoint,
};
pub use measurements::{
    KeptLevel, KeptMeasurements, MeasuredName, MeasuredStep, MeasuredSteps, MeasurementQuestion,
    Measurements, MeasurementsError,
};
pub use plans::{
    PlanDocument, PlanForm, PlanSurroundings, PlannedAction, PlannedTarget, PlannedWork, Plans,
    PlansError, UnreadPart,
};

/// What a port answers with.
pub type PortFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Everything the API needs from others.
#[derive(Clone)]
pub struct Ports {
    /// Immutable views of the estate.
    pub views: Arc<dyn Views>,
    /// The one door of every write.
    pub recorder: Arc<dyn Recorder>,
    /// The events themselves, for live subscriptions.
    pub events: Arc<dyn Events>,
    /// Input that was not understood.
    pub quarantine: Arc<dyn Quarantine>,
    /// The long part of changes and items.
    pub bodies: Arc<dyn Bodies>,
    /// Tokens.
    pub access: Arc<dyn Access>,
    /// Who asked what.
    pub audit: Arc<dyn Audit>,
    /// Where notices of subscriptions go.
    pub deliveries: Arc<dyn Deliveries>,
    /// Plans and manifests of what is to be changed.
    pub plans: Arc<dyn Plans>,
    /// The full text of changes.
    pub texts: Arc<dyn Texts>,
    /// What was measured of calls, beside the log.
    pub measurements: Arc<dyn Measurements>,
    /// The weights that rank causes.
    pub ranking: Arc<graph::RankingModel>,
    /// The time.
    pub clock: Arc<dyn model::Clock>,
}

/// The state of everything at one position.
#[derive(Clone)]
pub struct ReadView {
    /// The items, relations, changes and incidents.
    pub graph: Arc<GraphView>,
}

impl ReadView {
    /// The last position that is folded into it.
    pub fn position(&self) -> LogPosition {
        self.graph.position()
    }
}

/// What counts as known in a question about the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownAt {
    /// Everything up to and including this position.
    Position(LogPosition),
    /// Everything that was recorded at or before this moment.
    Moment(Timestamp),
}

/// Immutable views of the estate.
pub trait Views: Send + Sync + 'static {
    /// The last position this node has acknowledged or seen in the log.
    fn acknowledged(&self) -> LogPosition;

    /// The newest view, as soon as it holds `position`; fails when that takes longer than `patience`.
    fn at_least(
        &self,
        position: LogPosition,
        patience: Duration,
    ) -> PortFuture<'_, Result<ReadView, ViewError>>;

    /// The view that holds exactly what was known then.
    fn as_known_at(&self, known_at: KnownAt) -> PortFuture<'_, Result<ReadView, ViewError>>;

    /// A view with what was put away on the disk and a question may look at; the same one if that is nothing.
    fn with_past(
        &self,
        view: ReadView,
        asked: Asked,
    ) -> PortFuture<'_, Result<ReadView, ViewError>>;

    /// The view at a position as it would be if these sources were retracted. It is folded from the
    /// beginning of the log, which takes its time.
    fn knowing(
        &self,
        position: LogPosition,
        retractions: Retractions,
    ) -> PortFuture<'_, Result<ReadView, ViewError>>;
}

/// Why there is no such view.
#[derive(Debug, Error)]
pub enum ViewError {
    /// The fold has not come so far in time.
    #[error("the view stands at position {reached}, not yet at {wanted}")]
    Behind {
        /// What was asked for.
        wanted: LogPosition,
        /// Where the view stands.
        reached: LogPosition,
    },
    /// The log is shorter than that.
    #[error("the log ends at position {head}")]
    BeyondLog {
        /// The last position of the log.
        head: LogPosition,
    },
    /// As many past views are being folded as may be; try again.
    #[error("too many questions about the past at once")]
    Busy,
    /// More of what closed long ago would have to be read than one question may look at.
    #[error(
        "{wanted} items that closed long ago would have to be read, and one question reads {most} at most; ask for less of them, by name or at another moment"
    )]
    TooMuch {
        /// How many.
        wanted: usize,
        /// How many may be.
        most: usize,
    },
    /// The past could not be read.
    #[error("the past could not be folded")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The one door of every write, in the form of our own events: `{id?, source, type, time?, data}`.
///
/// A mutation thus means exactly what the same event sent to the intake means: the same bounds,
/// the same removal of secrets, the same id, the same log.
pub trait Recorder: Send + Sync + 'static {
    /// Writes all events or, when one is refused, none; answers after the sync, with one outcome
    /// for each event in its order.
    fn record(&self, events: Vec<Value>)
    -> PortFuture<'_, Result<Vec<RecordOutcome>, RecordError>>;

    /// What events would say, or all that is wrong with them. Nothing is written.
    fn read(&self, events: Vec<Value>) -> PortFuture<'_, Result<Vec<Event>, RecordError>>;
}

/// What became of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordOutcome {
    /// It was written here.
    Recorded(LogPosition),
    /// The same event was written there before.
    Duplicate(LogPosition),
    /// Another event with the same id was written there before; this one was not.
    Conflict {
        /// The id that came twice.
        id: EventId,
        /// Where the first one stands.
        first: LogPosition,
    },
}

/// Why nothing of a batch was written.
#[derive(Debug, Error)]
pub enum RecordError {
    /// Something is wrong with the events; it names which, and which of their fields.
    #[error("the events are not as they must be")]
    Rejected(Vec<Rejection>),
    /// Too much waits for the disk already; try again.
    #[error("too many writes are waiting for the disk")]
    Busy,
    /// One event is larger than an event may be.
    #[error("event {id} has {bytes} bytes, which is too many")]
    TooLarge {
        /// Which event.
        id: EventId,
        /// Its encoded size.
        bytes: usize,
    },
    /// The log takes no writes.
    #[error("the log takes no writes")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The events of the log by position.
pub trait Events: Send + Sync + 'static {
    /// The events after a position in their order: no more than `limit`, at least one unless there is none.
    fn after(
        &self,
        position: LogPosition,
        limit: usize,
    ) -> PortFuture<'_, Result<Vec<EventEnvelope>, EventsError>>;

    /// The events at these positions, in that order; a position beyond the log has none.
    fn at(
        &self,
        positions: Vec<LogPosition>,
    ) -> PortFuture<'_, Result<Vec<EventEnvelope>, EventsError>>;

    /// Follows the last position of the log.
    fn watch_head(&self) -> watch::Receiver<LogPosition>;
}

/// Why events could not be read; the details are for our log.
#[derive(Debug, Error)]
#[error("the events could not be read")]
pub struct EventsError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What sources said in full, too large for memory.
pub trait Bodies: Send + Sync + 'static {
    /// A change as its statements at these positions describe it together; `None` without any.
    fn change(
        &self,
        id: ChangeId,
        statements: Vec<LogPosition>,
    ) -> PortFuture<'_, Result<Option<Change>, BodiesError>>;

    /// The same of several changes, in the order they are asked for.
    fn changes(
        &self,
        wanted: Vec<(ChangeId, Vec<LogPosition>)>,
    ) -> PortFuture<'_, Result<Vec<Option<Change>>, BodiesError>>;

    /// An incident as its statements at these positions describe it together; `None` without any.
    fn incident(
        &self,
        id: IncidentId,
        statements: Vec<LogPosition>,
    ) -> PortFuture<'_, Result<Option<Incident>, BodiesError>>;

    /// Everything that was said of an item by the sources and keys of these observations.
    fn items(
        &self,
        observations: Vec<Observation>,
        until: KnownUntil,
    ) -> PortFuture<'_, Result<ItemStatements, BodiesError>>;

    /// What every source said of some attributes of any item, in no order. No more than about
    /// `read_max` statements are looked at.
    fn attributes(
        &self,
        names: Vec<String>,
        until: KnownUntil,
        read_max: usize,
    ) -> PortFuture<'_, Result<Found<AttributeStatement>, BodiesError>>;

    /// Where the events stand that are evidence of any of these, the newest first, no more than `limit`.
    ///
    /// What is left out for the limit alone is not told as a cut.
    fn evidence(
        &self,
        subjects: Vec<EvidenceSubject>,
        until: KnownUntil,
        limit: usize,
    ) -> PortFuture<'_, Result<Found<LogPosition>, BodiesError>>;
}

/// The full text of changes.
pub trait Texts: Send + Sync + 'static {
    /// The changes of a view that hold what is asked for.
    fn find(
        &self,
        question: TextQuestion,
        view: Arc<GraphView>,
    ) -> PortFuture<'_, Result<TextAnswer, BodiesError>>;

    /// Whether one statement, which speaks of a moment, holds what is asked for. It waits for nothing.
    fn holds(&self, question: &TextQuestion, occurred_at: Timestamp, said: &Change) -> bool;

    /// Where the texts of a change, as its statements at these positions describe it, hold what is
    /// looked for; no more than `most`.
    fn fragments(
        &self,
        query: TextQuery,
        id: ChangeId,
        statements: Vec<LogPosition>,
        most: usize,
    ) -> PortFuture<'_, Result<Vec<Fragment>, BodiesError>>;
}

/// What a search of texts comes to.
#[derive(Clone, Debug)]
pub struct TextAnswer {
    /// What was found.
    pub found: TextFound,
    /// Up to where texts were seen; as far as the view unless it is cut.
    pub seen: LogPosition,
    /// Whether something that the view knows was not seen.
    pub cut: bool,
}

/// What sources said of one item, in no order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemStatements {
    /// The statements.
    pub statements: Vec<ItemStatement>,
    /// Whether there are more than could be read.
    pub truncated: bool,
}

/// Why a body could not be read; the details are for our log.
#[derive(Debug, Error)]
#[error("the body could not be read")]
pub struct BodiesError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Input that parsed but was not understood.
pub trait Quarantine: Send + Sync + 'static {
    /// What lies there, newest first, no more than `first`, after the entry of that hash.
    fn list(
        &self,
        after: Option<ContentHash>,
        first: usize,
    ) -> PortFuture<'_, Result<QuarantinePage, QuarantineError>>;

    /// What is kept of an entry's bytes, secrets removed; `None` when nothing lies under the hash.
    fn body(&self, hash: ContentHash) -> PortFuture<'_, Result<Option<Vec<u8>>, QuarantineError>>;

    /// Decodes an entry again; `None` when nothing lies under the hash.
    fn reprocess(
        &self,
        hash: ContentHash,
    ) -> PortFuture<'_, Result<Option<Reprocessed>, QuarantineError>>;

    /// What was understood and not written because it says nothing.
    fn suppressed(&self) -> Suppressed;
}

/// All that was understood and not written because it says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// Since when it is counted.
    pub since: Timestamp,
    /// How many rows had to go for newer ones.
    pub forgotten: u64,
    /// A row for each source, form and reason.
    pub rows: Vec<Suppression>,
}

/// What one source sent of one kind that says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Who sent it.
    pub source: SourceName,
    /// Which intake took it.
    pub intake: String,
    /// Why it says nothing.
    pub reason: String,
    /// How often it came.
    pub count: u64,
    /// When it came first.
    pub first_at: Timestamp,
    /// When it came last.
    pub last_at: Timestamp,
    /// Some of it, the newest first.
    pub samples: Vec<SuppressedSample>,
}

/// One input that says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressedSample {
    /// When it came.
    pub at: Timestamp,
    /// How long it was.
    pub bytes: usize,
    /// Its beginning, without its secrets.
    pub text: Arc<str>,
}

/// A part of the quarantine's list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuarantinePage {
    /// The entries, newest first.
    pub entries: Vec<QuarantineEntry>,
    /// Whether there are more after them.
    pub more: bool,
    /// How many there are altogether.
    pub total: usize,
}

/// One input that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineEntry {
    /// The hash of its bytes, which names it.
    pub hash: ContentHash,
    /// Who sent it.
    pub source: SourceName,
    /// Which intake took it.
    pub intake: String,
    /// What was not understood.
    pub reason: String,
    /// When it came.
    pub received_at: Timestamp,
    /// How many bytes are kept of it.
    pub bytes: u64,
    /// How often it came again since.
    pub repeats: u64,
}

/// What became of an entry that was decoded again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reprocessed {
    /// It was understood: its events are in the log, and it has left the quarantine.
    Understood {
        /// How many events it holds.
        events: usize,
        /// The last of their positions, if it says anything.
        position: Option<LogPosition>,
    },
    /// It stays where it is.
    Refused {
        /// Why, in words for people.
        reason: String,
    },
}

/// Why the quarantine did not answer; the details are for our log.
#[derive(Debug, Error)]
#[error("the quarantine could not be read or written")]
pub struct QuarantineError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
