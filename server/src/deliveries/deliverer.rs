//! Holds every event against every subscription, and keeps a task for each.
//!
//! The log is the queue: a desk remembers up to where it was read for it. Desks that stand at one
//! place are read for together; one whose endpoint lags behind is read for again when it has room.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use graph::{GraphView, Subscription, Telling};
use index::{TextQuestion, TextReader};
use model::{Clock, EventEnvelope, LogPosition};
use store::{ReadError, ReadLimit};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::desk::Desk;
use super::house::House;
use super::queue::{Heard, Waiting};
use super::sending::Sending;
use crate::clock::SystemClock;
use crate::metrics::Metrics;
use crate::shutdown::{stopped, switch};

/// Events read from the log at once.
const READ: ReadLimit = ReadLimit {
    events: 256,
    bytes: 4 * 1024 * 1024,
};
/// How often it is looked whether a desk has room again.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long to wait after a failure.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Everything that is sent to endpoints.
pub(crate) struct Deliverer {
    pub(super) house: Arc<House>,
    texts: TextReader,
    desks: Mutex<BTreeMap<String, Arc<Desk>>>,
    /// Somebody sent a desk back.
    pub(super) again: Notify,
}

/// A subscription with its desk and what it asks of texts.
#[derive(Clone)]
struct Listener {
    subscription: Arc<Subscription>,
    desk: Arc<Desk>,
    question: Arc<TextQuestion>,
}

/// Somebody for whom the log is read.
struct Reader<'l> {
    listener: &'l Listener,
    /// Whether only what is urgent fits.
    is_ahead: bool,
}

/// The task of a subscription as it was declared at a position.
struct Task {
    declared: LogPosition,
    stop: watch::Sender<bool>,
    handle: JoinHandle<()>,
}

/// What a round of reading came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    /// There is more to read.
    More,
    /// Some desks are full.
    Full,
    /// Everything is read.
    Done,
}

impl Deliverer {
    pub(crate) fn new(house: House, texts: TextReader) -> Self {
        Self {
            house: Arc::new(house),
            texts,
            desks: Mutex::default(),
            again: Notify::new(),
        }
    }

    /// The desk of a subscription.
    pub(super) fn desk(&self, id: &str) -> Option<Arc<Desk>> {
        self.all_desks().get(id).map(Arc::clone)
    }

    /// Every desk by the id of its subscription.
    pub(super) fn all_desks(&self) -> BTreeMap<String, Arc<Desk>> {
        self.desks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Registers what is measured.
    pub(crate) fn register(self: &Arc<Self>, metrics: &Metrics) {
        let deliverer = Arc::clone(self);
        metrics.register(move |scrape| {
            let (taken, refused) = deliverer.house.counted();
            let help = "Notices that endpoints were sent, by whether they took them.";
            let name = "deliveries_attempts_total";
            scrape.counter(name, help, &[("taken", "yes")], taken);
            scrape.counter(name, help, &[("taken", "no")], refused);
            let (mut waiting, mut dead) = (0, 0);
            for desk in deliverer.all_desks().values() {
                desk.with(|queue| {
                    waiting += queue.waiting.len();
                    dead += queue.dead.len();
                });
            }
            let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
            scrape.gauge(
                "deliveries_waiting",
                "Notices that wait to be sent.",
                &[],
                count(waiting),
            );
            scrape.gauge(
                "deliveries_dead",
                "Notices that were given up and are remembered.",
                &[],
                count(dead),
            );
        });
    }

    /// Reads and sends until it is told to stop.
    pub(crate) async fn run(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let mut tasks: BTreeMap<String, Task> = BTreeMap::new();
        let mut listeners: Vec<Listener> = Vec::new();
        let mut said = None;
        while !*stop.borrow() {
            let view = self.house.published.newest();
            if said != Some(view.subscriptions_said()) {
                said = Some(view.subscriptions_said());
                listeners = self.settle(&view, &mut tasks).await;
            }
            let seen = view.position();
            let round = self.round(view, listeners.clone()).await;
            let patience = match round {
                Ok(Round::More) => continue,
                Ok(Round::Full) => LOOK_EVERY,
                Ok(Round::Done) => AGAIN_AFTER,
                Err(error) => {
                    tracing::error!("subscriptions could not be read for: {error}");
                    tokio::time::sleep(AGAIN_AFTER).await;
                    continue;
                }
            };
            tokio::select! {
                _ = self.house.published.at_least(seen.next(), patience) => {}
                () = self.again.notified() => {}
                () = stopped(stop.clone()) => {}
            }
        }
        for task in tasks.values() {
            task.stop.send_replace(true);
        }
        for (_, task) in tasks {
            ended(task.handle).await;
        }
    }

    /// Opens a desk for each subscription, and sees to it that those that are enabled have a task.
    async fn settle(&self, view: &GraphView, tasks: &mut BTreeMap<String, Task>) -> Vec<Listener> {
        let enabled = |id: &str, declared: LogPosition| {
            let found = view.subscription(id);
            found.is_some_and(|it| it.disabled.is_none() && it.position == declared)
        };
        let over = tasks
            .iter()
            .filter(|(id, task)| !enabled(id, task.declared));
        let over: Vec<String> = over.map(|(id, _)| id.clone()).collect();
        for id in over {
            if let Some(task) = tasks.remove(&id) {
                task.stop.send_replace(true);
                ended(task.handle).await;
            }
        }
        for (id, desk) in self.all_desks() {
            if view.subscription(&id).is_none() {
                self.desks
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&id);
                desk.remove();
            }
        }
        let mut listeners = Vec::new();
        for subscription in view.subscriptions() {
            let declared = &subscription.declared;
            let desk = self.open(&declared.id, subscription.since);
            if subscription.disabled.is_some() {
                continue;
            }
            let question = TextQuestion::of_filter(&declared.wanted.filter).unwrap_or_default();
            let listener = Listener {
                subscription: Arc::new(subscription.clone()),
                desk,
                question: Arc::new(question),
            };
            tasks
                .entry(declared.id.clone())
                .or_insert_with(|| self.start(&listener));
            listeners.push(listener);
        }
        listeners
    }

    fn open(&self, id: &str, since: LogPosition) -> Arc<Desk> {
        let mut desks = self.desks.lock().unwrap_or_else(PoisonError::into_inner);
        let desk = desks.entry(id.to_owned());
        Arc::clone(desk.or_insert_with(|| Arc::new(self.house.desks.open(id, since))))
    }

    fn start(&self, listener: &Listener) -> Task {
        let (stop, stopping) = switch();
        let declared = listener.subscription.position;
        let now = SystemClock.now();
        listener.desk.with(|queue| queue.begin(declared, now));
        let sending = tended(Arc::clone(&self.house), listener.clone(), stopping);
        Task {
            declared,
            stop,
            handle: tokio::spawn(sending),
        }
    }

    /// Reads a part of the log for those that stand at each place, off the async threads.
    async fn round(
        &self,
        view: Arc<GraphView>,
        listeners: Vec<Listener>,
    ) -> Result<Round, RoundError> {
        if listeners.is_empty() {
            return Ok(Round::Done);
        }
        let (house, texts) = (Arc::clone(&self.house), self.texts.clone());
        let read = tokio::task::spawn_blocking(move || read(&house, &texts, &view, &listeners));
        Ok(read.await??)
    }
}

/// Sends what waits on a desk until it is told to stop; after a panic it begins again.
async fn tended(house: Arc<House>, listener: Listener, stop: watch::Receiver<bool>) {
    loop {
        let (house, desk) = (Arc::clone(&house), Arc::clone(&listener.desk));
        let sending = Sending::new(house, desk, Arc::clone(&listener.subscription));
        let Err(error) = tokio::spawn(sending.run(stop.clone())).await else {
            return;
        };
        let id = &listener.subscription.declared.id;
        tracing::error!("the task of {id} ended badly and begins again: {error}");
        tokio::select! {
            () = tokio::time::sleep(AGAIN_AFTER) => {}
            () = stopped(stop.clone()) => return,
        }
    }
}

/// Why a round was given up.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// It panicked, or the server goes down.
    #[error("the work was not finished")]
    Ended(#[from] tokio::task::JoinError),
}

async fn ended(handle: JoinHandle<()>) {
    if let Err(error) = handle.await {
        tracing::error!("the task of a subscription ended badly: {error}");
    }
}

fn read(
    house: &House,
    texts: &TextReader,
    view: &GraphView,
    listeners: &[Listener],
) -> Result<Round, ReadError> {
    let end = view.position();
    let mut places: BTreeMap<LogPosition, Vec<Reader<'_>>> = BTreeMap::new();
    let mut round = Round::Done;
    for listener in listeners {
        let wants = listener.desk.wants_after();
        let is_ahead = wants.is_none();
        let urgent = &listener.subscription.declared.urgent;
        let wants = match is_ahead && !urgent.is_nothing() {
            true => listener.desk.wants_urgent_after(),
            false => wants,
        };
        if is_ahead {
            round = Round::Full;
        }
        if let Some(place) = wants.filter(|place| *place < end) {
            let reader = Reader { listener, is_ahead };
            places.entry(place).or_default().push(reader);
        }
    }
    for (place, mut reading) in places {
        round = Round::More;
        let mut after = place;
        for envelope in house.log.read(place, READ)? {
            if end < envelope.position || reading.is_empty() {
                break;
            }
            tell(texts, view, &envelope, after, &mut reading);
            after = envelope.position;
        }
    }
    Ok(round)
}

/// Holds an event against those that stand before it, and leaves those that go on.
fn tell(
    texts: &TextReader,
    view: &GraphView,
    envelope: &EventEnvelope,
    after: LogPosition,
    reading: &mut Vec<Reader<'_>>,
) {
    let mut telling = Telling::of(view, envelope);
    let mut touched = None;
    let now = SystemClock.now();
    reading.retain(|reader| {
        let listener = reader.listener;
        let judge = |_: &model::ChangeFilter, said: &model::Change| {
            texts.holds(&listener.question, envelope.occurred_at, said)
        };
        let declared = &listener.subscription.declared;
        let fits = telling
            .as_mut()
            .is_some_and(|it| it.fits(&declared.wanted, &judge).is_some());
        let told = telling.as_ref().filter(|_| fits);
        let is_urgent = told.is_some_and(|it| it.is_urgent(&declared.urgent));
        let mut notice = || {
            let items = touched.get_or_insert_with(|| touched_by(told));
            Waiting::new(envelope.position, items.clone(), now)
        };
        if reader.is_ahead {
            let urgent = is_urgent.then(|| notice().at_once());
            return listener.desk.read_ahead(after, envelope.position, urgent);
        }
        let heard = match (fits, is_urgent, &declared.digest) {
            (false, _, _) => Heard::Nothing,
            (true, true, _) => Heard::Notice(notice().at_once()),
            (true, false, Some(_)) => Heard::Gathers(now),
            (true, false, None) => Heard::Notice(notice()),
        };
        listener.desk.read(after, envelope.position, heard)
    });
}

/// What an event touches, as short hashes: itself, and every item.
pub(super) fn touched_by(telling: Option<&Telling<'_>>) -> Vec<u64> {
    let short = |bytes: &[u8; 16]| {
        let first = bytes.first_chunk();
        u64::from_be_bytes(*first.expect("a hash has 16 bytes"))
    };
    let mut touched = Vec::new();
    if let Some(row) = telling.and_then(Telling::change) {
        touched.push(short(row.id().as_bytes()));
        touched.extend(row.items().iter().map(|item| short(item.id().as_bytes())));
    }
    if let Some(row) = telling.and_then(Telling::incident) {
        touched.push(short(row.id().as_bytes()));
        touched.extend(row.items().iter().map(|item| short(item.id().as_bytes())));
    }
    touched
}
