//! What the router holds: the schema with its ports, the limits, and what lives only while the server does.

use std::sync::{Arc, OnceLock};

use tokio::sync::{Semaphore, watch};

use crate::schema::{Engine, engine};
use crate::transport::{OriginPolicy, PersistedDocuments, Shapes, TrustedDocuments};
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
    /// The types of the schema's fields, once somebody of limited sight asked.
    shapes: OnceLock<Shapes>,
}

impl Inner {
    /// The types of the schema's fields.
    pub(crate) fn shapes(&self) -> &Shapes {
        self.shapes.get_or_init(|| Shapes::of(&self.engine.sdl()))
    }
}

impl ApiState {
    /// The state of a server that answers over `ports` until `closing` becomes `true`.
    pub fn new(
        ports: Ports,
        limits: ApiLimits,
        origins: OriginPolicy,
        trusted: TrustedDocuments,
        closing: watch::Receiver<bool>,
    ) -> Self {
        let (most, longest) = (limits.persisted_max, limits.document_bytes);
        Self {
            inner: Arc::new(Inner {
                engine: engine(&ports, limits),
                ports,
                limits,
                origins,
                documents: PersistedDocuments::new(trusted, most, longest),
                live: Arc::new(Semaphore::new(limits.live_max)),
                closing,
                shapes: OnceLock::new(),
            }),
        }
    }

    /// Returns when no WebSocket and no event stream is open any more. They end by themselves once
    /// `closing` is `true`; a server that does not wait cuts them off before they say so.
    pub async fn live_ended(&self) {
        let all = u32::try_from(self.inner.limits.live_max).unwrap_or(u32::MAX);
        // An error means that nobody can open another one, which will do.
        let _all_free = self.inner.live.acquire_many(all).await;
    }
}
