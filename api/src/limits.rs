//! What one client may ask for at once.

use std::time::Duration;

/// The named limits of the GraphQL surface; the server's configuration gives their values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ApiLimits {
    /// Largest body of a request, in bytes.
    pub body_bytes: usize,
    /// Largest document, in bytes; the variables do not count.
    pub document_bytes: usize,
    /// Deepest nesting of fields in a document. The engine's own limit of 32 cannot be exceeded.
    pub depth_max: usize,
    /// Most aliases in a document, fragments counted wherever they are used.
    pub aliases_max: usize,
    /// Most fields in a document, fragments counted wherever they are used.
    pub fields_max: usize,
    /// Highest cost of a document: one for every field, times the page sizes around it.
    pub cost_max: usize,
    /// Most requests in one batch; 0 refuses batches.
    pub batch_max: usize,
    /// Whether the schema is told over GraphQL itself.
    pub introspection: bool,
    /// Largest page of a list, and most answers of a question.
    pub page_max: usize,
    /// Most changes a ranking weighs.
    pub nearby_considered_max: usize,
    /// Most changes a ranking looks at to find them.
    pub nearby_looked_at_max: usize,
    /// Most items a ranking walks over.
    pub nearby_visited_max: usize,
    /// Most items a blast radius looks at before it is cut short.
    pub radius_visited_max: usize,
    /// Most items of which two states are compared.
    pub diff_items_max: usize,
    /// Most differences of which it is found out which changes explain them.
    pub diff_explained_max: usize,
    /// Harm less likely than this, from 0 to 1, is not followed further.
    pub radius_score_min: f64,
    /// Most statements about items that are looked through for attributes.
    pub attribute_statements_max: usize,
    /// How long the answer to one request may take.
    pub request_time: Duration,
    /// How long a request waits for the fold to reach what was acknowledged before it.
    pub view_wait: Duration,
    /// Most questions that are computed at once; the others wait within their time.
    pub questions_max: usize,
    /// Most WebSocket connections and event streams open at once, together.
    pub live_max: usize,
    /// Most operations at once on one WebSocket connection.
    pub live_operations_max: usize,
    /// How long a WebSocket client may take to introduce itself.
    pub init_time: Duration,
    /// How long a client of a live stream may take to accept a message before it is let go.
    pub send_time: Duration,
    /// How often a silent live stream shows that it lives.
    pub keep_alive: Duration,
    /// Most documents remembered by their hash.
    pub persisted_max: usize,
}
