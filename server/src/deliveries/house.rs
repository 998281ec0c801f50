//! What every delivery shares: the log, the fold, the seals, the client, and room for attempts.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use ingest::Recorder;
use model::{Clock, Event, EventEnvelope, LogPosition, SubscriptionDeclared, Timestamp};
use store::{EventLog, ReadError, ReadLimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::chat;
use super::desk::DeskFolder;
use super::destination::Destinations;
use super::mail::{Mail, Mailbox, MailboxError, Recipients};
use super::notice::{Content, Message};
use super::post::{Answer, Attempted, Post};
use super::proof::{Challenges, VerifiedEndpoints};
use super::retry::Schedule;
use super::seals::{Endpoint, Seals};
use crate::adapters::record_about_subscription;
use crate::clock::SystemClock;
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
    post: Post,
    mail: Option<Mail>,
    destinations: Arc<Destinations>,
    pub(super) schedule: Schedule,
    pub(super) disable_after_ms: f64,
    pub(super) desks: DeskFolder,
    recorder: Recorder,
    per_second_max: u32,
    verification: VerifiedEndpoints,
    trusted_hosts: Vec<String>,
    challenges: Mutex<Challenges>,
    codes: Mutex<Challenges>,
    of_web: Rooms,
    of_mail: Rooms,
    taken: AtomicU64,
    refused: AtomicU64,
}

/// Room for attempts: for those who take what they are sent, and for the others.
struct Rooms {
    well: Arc<Semaphore>,
    unwell: Arc<Semaphore>,
}

impl Rooms {
    fn of(at_once: usize) -> Self {
        let unwell = (at_once / UNWELL_SHARE).max(1);
        let well = at_once.saturating_sub(unwell).max(1);
        Self {
            well: Arc::new(Semaphore::new(well)),
            unwell: Arc::new(Semaphore::new(unwell)),
        }
    }

    /// Room for one attempt, for as long as it is held.
    async fn room(&self, is_well: bool) -> Option<OwnedSemaphorePermit> {
        let room = if is_well { &self.well } else { &self.unwell };
        // Nobody closes it, so there is always room in the end.
        Arc::clone(room).acquire_owned().await.ok()
    }
}

impl House {
    pub(crate) fn new(
        limits: DeliveryLimits,
        (seals, destinations, mail): (Arc<Seals>, Arc<Destinations>, Option<Mail>),
        published: Arc<Published>,
        recorder: Recorder,
        log: Arc<dyn EventLog>,
    ) -> anyhow::Result<Self> {
        let folder = &limits.desks.path;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("could not make {}", folder.display()))?;
        Ok(Self {
            seals,
            published,
            log,
            post: Post::new(Arc::clone(&destinations.web), limits.timeout)?,
            of_web: Rooms::of(limits.attempts_at_once),
            of_mail: Rooms::of(mail.as_ref().map_or(1, Mail::at_once)),
            mail,
            destinations,
            schedule: limits.schedule,
            disable_after_ms: limits.disable_after_ms,
            desks: limits.desks,
            recorder,
            per_second_max: limits.per_second_max.max(1),
            verification: limits.verification,
            trusted_hosts: limits.trusted_hosts,
            challenges: Mutex::new(Challenges::to_hosts()),
            codes: Mutex::new(Challenges::to_addresses()),
            taken: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    /// Sends a message once there is room: to an endpoint, or to addresses of mail.
    pub(super) async fn send(
        &self,
        message: Message,
        (declared, is_well): (&SubscriptionDeclared, bool),
        endpoint: &Endpoint,
        to: &Recipients,
    ) -> Attempted {
        let Message { id, content } = message;
        let id = id.as_str();
        let rooms = match content {
            Content::Posted(_) => &self.of_web,
            Content::Letter(_) => &self.of_mail,
        };
        let _room = rooms.room(is_well).await;
        match (content, &self.mail) {
            (Content::Posted(posted), _) => self.post.send(endpoint, id, posted).await,
            (Content::Letter(letter), Some(mail)) => {
                mail.send((id, &declared.id), &letter, to).await
            }
            (Content::Letter(_), None) => Attempted {
                at: SystemClock.now(),
                took: Duration::ZERO,
                answer: Answer::Failed("`mail.server` is not set".to_owned()),
            },
        }
    }

    /// The addresses of mail of an endpoint, as far as they are permitted.
    pub(super) fn mailboxes(&self, endpoint: &Endpoint) -> Result<Vec<Mailbox>, MailboxError> {
        // Without a server of mail what is sent fails, and says so.
        let policy = self.destinations.mail.clone();
        policy.unwrap_or_default().read(&endpoint.url)
    }

    /// The least time between two notices of a subscription.
    pub(super) fn apart(&self, declared: &SubscriptionDeclared) -> Duration {
        let most = declared.per_second_max.unwrap_or(u32::MAX);
        let apart = Duration::from_secs(1) / most.min(self.per_second_max).max(1);
        apart.max(chat::apart(declared.format))
    }

    /// Whether an endpoint must answer a challenge before it is sent anything.
    pub(super) fn asks_for_proof(&self, declared: &SubscriptionDeclared) -> bool {
        if declared.format.is_mail() {
            // People who never asked for it would read it.
            return true;
        }
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

    /// Whether an address of mail need not confirm.
    pub(super) fn is_trusted_domain(&self, mailbox: &Mailbox) -> bool {
        let is_it = |host: &String| host == mailbox.address().domain();
        self.trusted_hosts.iter().any(is_it)
    }

    /// Takes note of a code to an address of mail; or says from when on there may be one.
    pub(super) fn may_send_code(&self, address: &str, now: Timestamp) -> Result<(), Timestamp> {
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.take(address, now)
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
