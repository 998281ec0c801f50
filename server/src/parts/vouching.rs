//! Who is known without a token of ours: by certificates, and by the word of issuers.

use std::sync::Arc;

use anyhow::Context;

use crate::access::Issuers;
use crate::config::Settings;
use crate::metrics::Metrics;
use crate::tls::Tls;

/// Both, each made once.
#[derive(Clone)]
pub(crate) struct Vouching {
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) issuers: Arc<Issuers>,
}

impl Vouching {
    pub(super) fn open(settings: &Settings, metrics: &Metrics) -> anyhow::Result<Self> {
        let tls = Tls::open(&settings.tls).context("could not set up TLS")?;
        if let Some(tls) = &tls {
            tls.register(metrics);
        }
        let issuers = Issuers::new(&settings.auth).context("could not set up `auth.issuers`")?;
        let issuers = Arc::new(issuers);
        issuers.register(metrics);
        Ok(Self { tls, issuers })
    }

    /// What somebody should look at.
    pub(super) fn remarks(&self) -> impl Iterator<Item = String> {
        let tls = self.tls.as_ref().and_then(|tls| tls.fault());
        let tls = tls.map(|fault| format!("the certificates of TLS stay as they were: {fault}"));
        tls.into_iter().chain(self.issuers.faults())
    }
}
