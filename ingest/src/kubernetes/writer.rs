//! The one writer of a cluster: takes what its watchers read, and writes what differs.

use std::sync::Arc;
use std::time::Duration;

use model::{NewEvent, SourceName};
use tokio::sync::mpsc::Receiver;

use super::cluster::Cluster;
use super::counters::{Counters, add};
use super::resources::Scope;
use super::watcher::{Change, Told};
use crate::Intake;
use crate::import::Surroundings;
use crate::known::{Known, Stated};

/// Most events of one write.
const EVENTS_AT_ONCE: usize = 1_000;
/// Most messages that are taken together.
const MESSAGES_AT_ONCE: usize = 16;
/// Why most of what is read is not written: an object was written anew, and the item that it tells of is as it was.
const UNCHANGED: &str = "what is kept of the object is as it was";
/// How long until the estate is asked again that has not caught up.
const WAIT: Duration = Duration::from_millis(200);

/// Writes what a cluster tells.
pub(super) struct Writer {
    source: SourceName,
    known: Arc<dyn Known>,
    intake: Arc<Intake>,
    counters: Arc<Counters>,
    /// Missing only while another thread has it.
    cluster: Option<Cluster>,
}

impl Writer {
    pub(super) fn new(
        source: SourceName,
        around: Surroundings,
        known: Arc<dyn Known>,
        scopes: Vec<Scope>,
        intake: Arc<Intake>,
        counters: Arc<Counters>,
    ) -> Self {
        let cluster = Cluster::new(source.clone(), around, Arc::clone(&known), scopes);
        Self {
            source,
            known,
            intake,
            counters,
            cluster: Some(cluster),
        }
    }

    /// Writes until the log takes no more, and says why it does not.
    pub(super) async fn run(mut self, mut told: Receiver<(usize, Told)>) -> String {
        loop {
            let mut messages = Vec::new();
            let taken = told.recv_many(&mut messages, MESSAGES_AT_ONCE).await;
            if taken == 0 {
                return "its watchers ended".to_owned();
            }
            if let Err(reason) = self.take(messages).await {
                return reason;
            }
        }
    }

    async fn take(&mut self, messages: Vec<(usize, Told)>) -> Result<(), String> {
        let intake = Arc::clone(&self.intake);
        let events = self
            .work(move |cluster| {
                let mut events = Vec::new();
                for (scope, told) in messages {
                    hear(cluster, scope, told, &intake, &mut events);
                }
                events
            })
            .await?;
        self.write(events).await?;
        if self.cluster.as_ref().is_some_and(Cluster::waits_for_stated) {
            let stated = self.stated().await;
            self.work(move |cluster| cluster.start(stated)).await?;
        }
        loop {
            let intake = Arc::clone(&self.intake);
            let more = self.work(move |cluster| cluster.events(intake.now(), EVENTS_AT_ONCE));
            let more = more.await?;
            if more.is_empty() {
                return Ok(());
            }
            self.write(more).await?;
        }
    }

    /// Lends the cluster to a thread that may take its time.
    async fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Cluster) -> T + Send + 'static,
    ) -> Result<T, String> {
        let Some(mut cluster) = self.cluster.take() else {
            return Err("its state was lost".to_owned());
        };
        let worked = tokio::task::spawn_blocking(move || {
            let result = work(&mut cluster);
            (cluster, result)
        });
        let (mut cluster, result) = worked.await.map_err(|error| error.to_string())?;
        if let Some((count, last)) = cluster.unchanged.take() {
            let name = (&self.source, "kubernetes", UNCHANGED);
            self.intake.passed_over(name, count, &last);
        }
        self.counters.set(cluster.len(), cluster.counts);
        self.cluster = Some(cluster);
        Ok(result)
    }

    async fn write(&self, mut events: Vec<NewEvent>) -> Result<(), String> {
        while !events.is_empty() {
            let rest = events.split_off(EVENTS_AT_ONCE.min(events.len()));
            let written = events.len() as u64;
            let refused = self.intake.write_patiently(events).await;
            let refused = refused.map_err(|refusal| refusal.to_string())?;
            add(&self.counters.events, written - refused.min(written));
            add(&self.counters.refused, refused);
            events = rest;
        }
        Ok(())
    }

    /// What the source stated before, as soon as the estate holds all of it.
    async fn stated(&self) -> Stated {
        loop {
            match self.known.stated_by(&self.source).await {
                Ok(stated) => return stated,
                Err(behind) => tracing::info!("{} waits: {behind}", self.source),
            }
            tokio::time::sleep(WAIT).await;
        }
    }
}

fn hear(
    cluster: &mut Cluster,
    scope: usize,
    told: Told,
    intake: &Intake,
    events: &mut Vec<NewEvent>,
) {
    match told {
        Told::ListBegins => cluster.begin_list(scope),
        Told::Page(page) => cluster.page(scope, page),
        Told::ListEnds => cluster.end_list(scope),
        Told::Forbidden => cluster.refuse(scope),
        Told::Changes(changes) => {
            for change in changes {
                match change {
                    Change::Seen(seen) => cluster.see(*seen),
                    Change::Gone(id) => cluster.forget(&id),
                }
                // One after the other: what lives for a moment only is a fact as well.
                events.extend(cluster.events(intake.now(), usize::MAX));
            }
        }
    }
}
