//! GraphQL over HTTP, WebSocket and event streams.
//!
//! The engine parses, validates and resolves; everything between the socket and
//! the engine is here: media types, methods, limits, persisted documents, origins,
//! and the two live protocols. It knows nothing of what the schema means.

mod answer;
mod asking;
mod document;
mod events;
mod execute;
mod guard;
mod http;
mod negotiate;
mod params;
mod persisted;
mod protocol;
mod roots;
mod shown;
mod texts;
mod trusted;
mod websocket;

pub use guard::OriginPolicy;
pub(crate) use http::serve;
pub(crate) use persisted::PersistedDocuments;
pub(crate) use shown::Shapes;
pub use trusted::{TrustedDocuments, TrustedDocumentsError};

/// Small limits for tests of this folder.
#[cfg(test)]
pub(crate) const fn test_limits() -> crate::ApiLimits {
    use std::time::Duration;
    crate::ApiLimits {
        body_bytes: 1 << 20,
        document_bytes: 200_000,
        depth_max: 20,
        aliases_max: 50,
        fields_max: 2_000,
        cost_max: 20_000,
        batch_max: 2,
        introspection: true,
        page_max: 500,
        nearby_considered_max: 1_000,
        nearby_looked_at_max: 100_000,
        nearby_visited_max: 10_000,
        radius_visited_max: 100_000,
        diff_items_max: 10_000,
        diff_explained_max: 1_000,
        attribute_statements_max: 100_000,
        radius_score_min: 0.001,
        request_time: Duration::from_secs(10),
        view_wait: Duration::from_secs(1),
        questions_max: 2,
        live_max: 10,
        live_operations_max: 4,
        init_time: Duration::from_secs(3),
        send_time: Duration::from_secs(10),
        keep_alive: Duration::from_secs(12),
        persisted_max: 10,
    }
}
