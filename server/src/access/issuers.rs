//! Who somebody is by the word of an issuer: JSON Web Tokens, as providers of `OpenID` Connect make them.
//!
//! Keys come from where the configuration says and from nowhere else: what a
//! token says of keys, but the name of one, is not looked at.

mod keys;
mod ring_provider;
mod token;

use std::sync::Arc;
use std::time::Duration;

use model::Vouched;
use tokio::sync::watch;

use crate::config::AuthSettings;
use crate::metrics::Metrics;
use keys::{KeySource, Looked};
use token::{Claims, Unread};

/// How long a request waits for keys that a token names and nobody knows yet.
const PATIENCE: Duration = Duration::from_secs(3);

/// Every issuer whose word is taken.
pub(crate) struct Issuers {
    issuers: Vec<Arc<KeySource>>,
    skew_s: u64,
}

impl Issuers {
    /// The issuers of the configuration. Their keys come later.
    pub(crate) fn new(settings: &AuthSettings) -> anyhow::Result<Self> {
        ring_provider::provide();
        let pause = Duration::from_millis(settings.keys_pause_ms);
        let sources = settings.issuers.iter();
        let issuers = sources.map(|issuer| KeySource::new(issuer, pause).map(Arc::new));
        Ok(Self {
            issuers: issuers.collect::<Result<_, _>>()?,
            skew_s: settings.clock_skew_s,
        })
    }

    /// Who a token says its holder is, if it counts.
    pub(super) fn who(&self, token: &str) -> Option<Arc<Vouched>> {
        let unread = Unread::of(token)?;
        let source = self.source(&unread)?;
        let key = match source.key(&unread) {
            Looked::Found(key) => key,
            Looked::Unknown => {
                source.want();
                return None;
            }
        };
        let claims = Claims::of(token, &key, source.settings(), self.skew_s)?;
        claims.vouched(source.settings(), self.skew_s).map(Arc::new)
    }

    /// Waits for keys to be fetched if a token names one that is not known.
    pub(super) async fn prepare(&self, token: &str) {
        let Some(unread) = Unread::of(token) else {
            return;
        };
        let Some(source) = self.source(&unread) else {
            return;
        };
        if matches!(source.key(&unread), Looked::Unknown) {
            let fetched = source.wanted();
            // Without an answer the token is judged by what is known.
            let _late = tokio::time::timeout(PATIENCE, fetched).await;
        }
    }

    /// What keeps keys of each issuer up to date.
    pub(crate) fn tending(
        &self,
        working: &watch::Receiver<bool>,
    ) -> Vec<impl Future<Output = ()> + use<>> {
        let sources = self.issuers.iter();
        let tending = sources.map(|source| Arc::clone(source).tend(working.clone()));
        tending.collect()
    }

    /// The issuers whose keys could not be fetched when that was last tried, and why.
    pub(crate) fn faults(&self) -> Vec<String> {
        let sources = self.issuers.iter();
        let faults = sources.filter_map(|source| {
            let fault = source.fault()?;
            let issuer = &source.settings().issuer;
            Some(format!(
                "the keys of {issuer} could not be fetched: {fault}"
            ))
        });
        faults.collect()
    }

    /// Registers what it counts.
    pub(crate) fn register(self: &Arc<Self>, metrics: &Metrics) {
        let issuers = Arc::clone(self);
        metrics.register(move |scrape| {
            for source in &issuers.issuers {
                let issuer = source.settings().issuer.as_str();
                for (outcome, count) in source.counts() {
                    let labels = [("issuer", issuer), ("outcome", outcome)];
                    let help = "Times that keys of an issuer were fetched, by what came of it.";
                    scrape.counter("access_key_fetches_total", help, &labels, count);
                }
            }
        });
    }

    fn source(&self, unread: &Unread) -> Option<&Arc<KeySource>> {
        let mut sources = self.issuers.iter();
        sources.find(|source| source.settings().issuer == unread.issuer)
    }
}
