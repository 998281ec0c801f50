//! What notices of subscriptions are sent with.

use std::sync::Arc;

use anyhow::Context;
use index::TextReader;
use ingest::Recorder;
use store::EventLog;

use crate::config::Settings;
use crate::data_dir::DataDir;
use crate::deliveries::{Deliverer, Destinations, House, Mail, Seals};
use crate::metrics::Metrics;
use crate::projector::Published;

/// Addresses and keys of endpoints, where notices may go, and what is sent.
pub(crate) struct Delivering {
    pub(crate) seals: Arc<Seals>,
    pub(crate) destinations: Arc<Destinations>,
    pub(crate) key_overlap_ms: i64,
    pub(crate) deliverer: Arc<Deliverer>,
    pub(crate) recorder: Recorder,
}

/// What deliveries read from and write to.
pub(super) struct Sources<'a> {
    pub(super) log: &'a Arc<dyn EventLog>,
    pub(super) published: &'a Arc<Published>,
    pub(super) texts: TextReader,
    pub(super) recorder: Recorder,
}

impl Delivering {
    /// Opens the seals and gets ready to send.
    pub(super) fn open(
        settings: &Settings,
        data_dir: &DataDir,
        metrics: &Metrics,
        from: Sources<'_>,
    ) -> anyhow::Result<Self> {
        let key_file = settings.deliveries.key_file_of(data_dir.path());
        let seals = Seals::open(data_dir.seals(), &key_file);
        let seals = Arc::new(seals.context("could not open the keys of subscriptions")?);
        let loopback_only = settings.listen.ip().is_loopback();
        let mail = settings.mail.client()?.map(Mail::new).transpose()?;
        let destinations = Arc::new(Destinations {
            web: Arc::new(settings.deliveries.policy(loopback_only)?),
            mail: mail.is_some().then(|| settings.mail.policy()),
        });
        let house = House::new(
            settings.deliveries.limits(data_dir.deliveries())?,
            (Arc::clone(&seals), Arc::clone(&destinations), mail),
            Arc::clone(from.published),
            from.recorder.clone(),
            Arc::clone(from.log),
        )?;
        let deliverer = Arc::new(Deliverer::new(house, from.texts));
        deliverer.register(metrics);
        Ok(Self {
            seals,
            destinations,
            key_overlap_ms: settings.deliveries.overlap_ms(),
            deliverer,
            recorder: from.recorder,
        })
    }
}
