//! What every delivery shares: the log, the fold, the seals, the client, and room for attempts.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use ingest::Recorder;
use model::{Event, EventEnvelope, LogPosition, SubscriptionDeclared, Timestamp};
use store::{EventLog, ReadError, ReadLimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::address::AddressPolicy;
use super::chat;
use super::desk::DeskFolder;
use super::post::Post;
use super::proof::{Challenges, VerifiedEndpoints};
use super::retry::Schedule;
use super::seals::Seals;
use crate::adapters::record_about_subscription;
use crate::projector::Published;

/// Of the attempts at once, one in so many is for endpoints that fail or answer slowly.
const UNWELL_SHARE: usize = 4;

/// How deliveries are done.
#[derive(Clone, Debug)]
pub(crate) struct DeliveryLimits {
    /// Most attempts at once.
    pub(crate) attempts_at_once: usize,
    /// How long an endpoint may take to answer.
    pub(crate) timeout: Duration,
    /// The waits between attempts.
    pub(crate) schedule: Schedule,
    /// How long nothing is taken before a subscription is disabled.
    pub(crate) disable_after_ms: f64,
    /// Most notices that are sent to one endpoint in a second.
    pub(crate) per_second_max: u32,
    /// Which endpoints must answer a challenge first.
    pub(crate) verification: VerifiedEndpoints,
    /// Hosts that need not.
    pub(crate) trusted_hosts: Vec<String>,
    /// Where queues and journals lie.
    pub(crate) desks: DeskFolder,
}

/// What every delivery shares.
pub(crate) struct House {
    pub(super) seals: Arc<Seals>,
    pub(super) published: Arc<Published>,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) post: Post,
    pub(super) schedule: Schedule,
    pub(super) disable_after_ms: f64,
    pub(super) desks: DeskFolder,
    recorder: Recorder,
    per_second_max: u32,
    verification: VerifiedEndpoints,
    trusted_hosts: Vec<String>,
    challenges: Mutex<Challenges>,
    well: Arc<Semaphore>,
    unwell: Arc<Semaphore>,
    taken: AtomicU64,
    refused: AtomicU64,
}

impl House {
    pub(crate) fn new(
        limits: DeliveryLimits,
        (seals, policy): (Arc<Seals>, Arc<AddressPolicy>),
        published: Arc<Published>,
        recorder: Recorder,
        log: Arc<dyn EventLog>,
    ) -> anyhow::Result<Self> {
        let folder = &limits.desks.path;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("could not make {}", folder.display()))?;
        let unwell = (limits.attempts_at_once / UNWELL_SHARE).max(1);
        let well = limits.attempts_at_once.saturating_sub(unwell).max(1);
        Ok(Self {
            seals,
            published,
            log,
            post: Post::new(policy, limits.timeout)?,
            schedule: limits.schedule,
            disable_after_ms: limits.disable_after_ms,
            desks: limits.desks,
            recorder,
            per_second_max: limits.per_second_max.max(1),
            verification: limits.verification,
            trusted_hosts: limits.trusted_hosts,
            challenges: Mutex::default(),
            well: Arc::new(Semaphore::new(well)),
            unwell: Arc::new(Semaphore::new(unwell)),
            taken: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    /// Room for one attempt, for as long as it is held.
    pub(super) async fn room(&self, is_well: bool) -> Option<OwnedSemaphorePermit> {
        let room = if is_well { &self.well } else { &self.unwell };
        // Nobody closes it, so there is always room in the end.
        Arc::clone(room).acquire_owned().await.ok()
    }

    /// The least time between two notices of a subscription.
    pub(super) fn apart(&self, declared: &SubscriptionDeclared) -> Duration {
        let most = declared.per_second_max.unwrap_or(u32::MAX);
        let apart = Duration::from_secs(1) / most.min(self.per_second_max).max(1);
        apart.max(chat::apart(declared.format))
    }

    /// Whether an endpoint must answer a challenge before it is sent anything.
    pub(super) fn asks_for_proof(&self, declared: &SubscriptionDeclared) -> bool {
        let asked = match self.verification {
            VerifiedEndpoints::Required => true,
            VerifiedEndpoints::Asked => declared.verify,
            VerifiedEndpoints::Never => false,
        };
        asked && !self.is_trusted(declared)
    }

    /// Whether an endpoint need not answer: its host is trusted, or that of the chat itself, which cannot.
    pub(super) fn is_trusted(&self, declared: &SubscriptionDeclared) -> bool {
        let host = host_of(&declared.endpoint);
        chat::is_home(declared.format, &host) || self.trusted_hosts.contains(&host)
    }

    /// Takes note of a challenge to an endpoint; or says from when on there may be one.
    pub(super) fn may_challenge(&self, endpoint: &str, now: Timestamp) -> Result<(), Timestamp> {
        let mut challenges = self
            .challenges
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        challenges.take(&host_of(endpoint), now)
    }

    /// Something that nobody foresees, so that what failed together does not come again together.
    pub(super) fn chance(&self) -> u64 {
        RandomState::new().hash_one(0)
    }

    /// Writes what is said of a subscription.
    pub(super) async fn say(&self, event: Event) -> Result<LogPosition, api::RecordError> {
        record_about_subscription(&self.recorder, event).await
    }

    /// The event at a position. It waits for the disk.
    pub(super) fn event(&self, at: LogPosition) -> Result<Option<EventEnvelope>, ReadError> {
        let before = LogPosition::new(at.number().saturating_sub(1));
        let one = ReadLimit {
            events: 1,
            bytes: 1,
        };
        Ok(self.log.read(before, one)?.pop())
    }

    pub(super) fn count(&self, taken: bool) {
        let counter = if taken { &self.taken } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// How many attempts were taken, and how many were not.
    pub(super) fn counted(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.taken), read(&self.refused))
    }
}

/// The host of an endpoint; all of it where that cannot be told.
fn host_of(endpoint: &str) -> String {
    let url = reqwest::Url::parse(endpoint).ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str);
    host.unwrap_or(endpoint).to_owned()
}
