//! What a GraphQL client may ask for at once.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use api::{ApiLimits, OriginPolicy, TrustedDocuments};
use serde::{Deserialize, Serialize};

/// Largest file that lists documents.
const DOCUMENTS_BYTES: u64 = 16 * 1024 * 1024;

/// The GraphQL surface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphQlSettings {
    /// Host names, besides those of the loopback, under which the server answers.
    pub hosts: Vec<String>,
    /// Pages of other origins that may ask, as `https://host[:port]`.
    pub origins: Vec<String>,
    /// Largest body of a request, in bytes.
    pub body_bytes: usize,
    /// Largest document, in bytes.
    pub document_bytes: usize,
    /// Deepest nesting of fields in a document.
    pub depth_max: usize,
    /// Most aliases in a document.
    pub aliases_max: usize,
    /// Most fields in a document.
    pub fields_max: usize,
    /// Highest cost of a document: its fields times the page sizes around them.
    pub cost_max: usize,
    /// Most requests in one batch; 0 refuses batches.
    pub batch_max: usize,
    /// Whether the schema is told over GraphQL itself, to those who may `read`.
    pub introspection: bool,
    /// Largest page of a list.
    pub page_max: usize,
    /// Most changes a ranking weighs.
    pub nearby_considered_max: usize,
    /// Most changes a ranking looks at.
    pub nearby_looked_at_max: usize,
    /// Most items a ranking walks over.
    pub nearby_visited_max: usize,
    /// Most items a blast radius looks at.
    pub radius_visited_max: usize,
    /// Most items of which two states are compared.
    pub diff_items_max: usize,
    /// Most differences of which it is found out which changes explain them.
    pub diff_explained_max: usize,
    /// Most statements about items that are looked through for attributes.
    pub attribute_statements_max: usize,
    /// Harm less likely than this is not followed further.
    pub radius_score_min: f64,
    /// How long the answer to one request may take.
    pub request_timeout_ms: u64,
    /// Most questions that are computed at once.
    pub questions_max: usize,
    /// Most WebSocket connections and event streams open at once.
    pub live_max: usize,
    /// Most operations at once on one WebSocket connection.
    pub live_operations_max: usize,
    /// How long a WebSocket client may take to introduce itself.
    pub init_timeout_ms: u64,
    /// How long a client of a live stream may take to accept a message.
    pub send_timeout_ms: u64,
    /// How often a silent live stream shows that it lives.
    pub keep_alive_ms: u64,
    /// Most documents remembered by their hash.
    pub persisted_max: usize,
    /// A file that lists documents by their id or hash; none when empty.
    pub documents: PathBuf,
    /// Whether no other documents are answered.
    pub documents_only: bool,
}

impl GraphQlSettings {
    /// The defaults.
    pub(super) fn defaults() -> Self {
        Self {
            hosts: Vec::new(),
            origins: Vec::new(),
            body_bytes: 4 * 1024 * 1024,
            document_bytes: 64 * 1024,
            depth_max: 20,
            aliases_max: 60,
            fields_max: 1_000,
            cost_max: 50_000,
            batch_max: 0,
            introspection: true,
            page_max: 500,
            nearby_considered_max: 2_000,
            nearby_looked_at_max: 200_000,
            nearby_visited_max: 20_000,
            radius_visited_max: 1_000_000,
            diff_items_max: 200_000,
            diff_explained_max: 10_000,
            attribute_statements_max: 1_000_000,
            radius_score_min: 0.001,
            request_timeout_ms: 10_000,
            questions_max: 4,
            live_max: 512,
            live_operations_max: 64,
            init_timeout_ms: 3_000,
            send_timeout_ms: 10_000,
            keep_alive_ms: 12_000,
            persisted_max: 1_000,
            documents: PathBuf::new(),
            documents_only: false,
        }
    }

    /// The limits as `api` takes them; `view_wait_ms` is the projector's.
    pub(crate) fn limits(&self, view_wait_ms: u64) -> ApiLimits {
        let millis = Duration::from_millis;
        ApiLimits {
            body_bytes: self.body_bytes,
            document_bytes: self.document_bytes,
            depth_max: self.depth_max,
            aliases_max: self.aliases_max,
            fields_max: self.fields_max,
            cost_max: self.cost_max,
            batch_max: self.batch_max,
            introspection: self.introspection,
            page_max: self.page_max,
            nearby_considered_max: self.nearby_considered_max,
            nearby_looked_at_max: self.nearby_looked_at_max,
            nearby_visited_max: self.nearby_visited_max,
            radius_visited_max: self.radius_visited_max,
            diff_items_max: self.diff_items_max,
            diff_explained_max: self.diff_explained_max,
            attribute_statements_max: self.attribute_statements_max,
            radius_score_min: self.radius_score_min,
            request_time: millis(self.request_timeout_ms),
            view_wait: millis(view_wait_ms),
            questions_max: self.questions_max,
            live_max: self.live_max,
            live_operations_max: self.live_operations_max,
            init_time: millis(self.init_timeout_ms),
            send_time: millis(self.send_timeout_ms),
            keep_alive: millis(self.keep_alive_ms),
            persisted_max: self.persisted_max,
        }
    }

    /// The documents of the list, if there is one.
    pub(crate) fn trusted(&self) -> anyhow::Result<TrustedDocuments> {
        if self.documents.as_os_str().is_empty() {
            return Ok(TrustedDocuments::none());
        }
        let name = self.documents.display();
        let mut text = String::new();
        let file = File::open(&self.documents)
            .with_context(|| format!("could not open {name} (`graphql.documents`)"))?;
        file.take(DOCUMENTS_BYTES + 1)
            .read_to_string(&mut text)
            .with_context(|| format!("could not read {name} (`graphql.documents`)"))?;
        ensure!(
            u64::try_from(text.len())? <= DOCUMENTS_BYTES,
            "{name} (`graphql.documents`) has more than {DOCUMENTS_BYTES} bytes"
        );
        TrustedDocuments::read(&text, self.documents_only)
            .with_context(|| format!("could not use {name} (`graphql.documents`)"))
    }

    /// Who may ask a server that listens on loopback only, or not.
    pub(crate) fn origins(&self, loopback_only: bool) -> OriginPolicy {
        OriginPolicy {
            loopback_only,
            hosts: self.hosts.clone(),
            origins: self.origins.clone(),
        }
    }
}
