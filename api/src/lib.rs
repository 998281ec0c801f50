//! GraphQL, the page and live subscriptions over one immutable view per request.
//!
//! It never reads the log: events by position and everything else it needs from
//! others come through [`Ports`], which `server` provides.

mod error;
mod feed;
mod limits;
mod page;
mod ports;
mod reading;
mod schema;
mod state;
mod transport;

use axum::Router;
use axum::routing::{any, get};

pub use error::ErrorCode;
pub use limits::ApiLimits;
pub use ports::{
    Access, AddressVerification, Audit, AuditError, AuditPage, AuditPlace, AuditQuestion, Bodies,
    BodiesError, Deliveries, Delivery, DeliveryAttempt, DeliveryError, DeliveryPage,
    DeliveryQuestion, DeliveryStanding, DeliveryStatus, EndpointVerification, Events, EventsError,
    ItemStatements, KeptLevel, KeptMeasurements, KnownAt, MeasuredName, MeasuredStep,
    MeasuredSteps, MeasurementQuestion, Measurements, MeasurementsError, MintedToken, NoRandomness,
    PlanDocument, PlanForm, PlanSurroundings, PlannedAction, PlannedTarget, PlannedWork, Plans,
    PlansError, PortFuture, Ports, Quarantine, QuarantineEntry, QuarantineError, QuarantinePage,
    ReadView, RecordError, RecordOutcome, Recorder, Redelivery, Reprocessed, SealedAddress,
    SealedEndpoint, Suppressed, SuppressedSample, Suppression, TextAnswer, Texts, UnreadPart,
    ViewError, Views,
};
pub use schema::schema_text;
pub use state::ApiState;
pub use transport::{OriginPolicy, TrustedDocuments, TrustedDocumentsError};

/// The routes: `/graphql` (queries, mutations, live streams), `/calendar.ics`, and the page at `/`.
///
/// Build the state once with [`ApiState::new`] and merge the router with the others of the same
/// address. Nothing else is needed; the router brings its own limits of size and time.
pub fn router(state: ApiState) -> Router {
    Router::new()
        .route("/graphql", any(transport::serve))
        .route("/calendar.ics", get(feed::serve))
        .route("/", get(|| async { page::index() }))
        .route("/assets/{*path}", get(page::asset))
        .with_state(state)
}
