//! What the router holds: the schema with its ports, the limits, and what lives only while the server does.

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use crate::schema::{Engine, engine};
use crate::transport::{OriginPolicy, PersistedDocuments};
use crate::{ApiLimits, Ports};

/// Everything the routes need. Cloning it is cheap.
#[derive(Clone)]
pub struct ApiState {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) ports: Ports,
    pub(crate) limits: ApiLimits,
    pub(crate) origins: OriginPolicy,
    pub(crate) documents: PersistedDocuments,
    /// Room for WebSocket connections and event streams.
    pub(crate) live: Arc<Semaphore>,
    /// Becomes `true` when the server stops; live streams then end so that clients come back elsewhere.
    pub(crate) closing: watch::Receiver<bool>,
}

impl ApiState {
    /// The state of a server that answers over `ports` until `closing` becomes `true`.
    pub fn new(
        ports: Ports,
        limits: ApiLimits,
        origins: OriginPolicy,
        closing: watch::Receiver<bool>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                engine: engine(&ports, limits),
                ports,
                limits,
                origins,
                documents: PersistedDocuments::remembering(limits.persisted_max),
                live: Arc::new(Semaphore::new(limits.live_max)),
                closing,
            }),
        }
    }
}
