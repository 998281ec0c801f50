//! Sends what waits for one endpoint, in its order, as fast as it takes it and no faster than it may.
//!
//! One task for each subscription. What fails often or answers slowly gets one attempt at a time out of
//! a room of its own, so that it never stands in the way of the others.

mod challenging;
mod mailing;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use graph::Subscription;
use model::{Clock, LogPosition, SubscriptionDisabled, Timestamp, quiet_until};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::desk::Desk;
use super::digest::digest;
use super::gathering::Gathered;
use super::house::House;
use super::journal::Line;
use super::mail::{Mailbox, Recipients};
use super::notice::{Message, message};
use super::post::{Answer, Attempted};
use super::queue::Queue;
use super::retry::pause_after;
use super::seals::Endpoint;
use crate::clock::SystemClock;
use crate::shutdown::stopped;

pub(super) use challenging::challenge;
use mailing::Coded;
pub(super) use mailing::{hearers, keep, note, send_code};

/// Most attempts at once for an endpoint that takes what it is sent.
const AT_ONCE: usize = 4;
/// An answer slower than this keeps an endpoint out of the room of the quick ones.
const SLOW: Duration = Duration::from_secs(2);
/// The queue is brought to the disk no more often than this.
const SAVE_EVERY: Duration = Duration::from_millis(100);
/// How often it is looked at when nothing happens.
const REST: Duration = Duration::from_secs(10);
/// How long open attempts may go on when the server stops.
const FAREWELL: Duration = Duration::from_secs(3);
/// Gone for good, says the specification.
const GONE: u16 = 410;

/// The task of one subscription.
pub(super) struct Sending {
    house: Arc<House>,
    desk: Arc<Desk>,
    subscription: Arc<Subscription>,
    endpoint: Option<Arc<Endpoint>>,
    attempts: JoinSet<(LogPosition, Option<Attempted>)>,
    /// The challenge that is under way.
    challenge: JoinSet<Attempted>,
    /// Its addresses of mail, and the code that is under way to one.
    mailboxes: Vec<Mailbox>,
    codes: JoinSet<Coded>,
    sent: BTreeSet<LogPosition>,
    /// Failures in a row.
    failures: u32,
    /// Whether the last answer was quick.
    is_quick: bool,
    /// Whether it ever answered well since the start.
    is_proven: bool,
    paused_until: Option<Timestamp>,
    next_send: Instant,
    saved: Instant,
    is_over: bool,
}

impl Sending {
    pub(super) fn new(house: Arc<House>, desk: Arc<Desk>, subscription: Arc<Subscription>) -> Self {
        let now = Instant::now();
        Self {
            house,
            desk,
            subscription,
            endpoint: None,
            attempts: JoinSet::new(),
            challenge: JoinSet::new(),
            mailboxes: Vec::new(),
            codes: JoinSet::new(),
            sent: BTreeSet::new(),
            failures: 0,
            is_quick: true,
            is_proven: false,
            paused_until: None,
            next_send: now,
            saved: now,
            is_over: false,
        }
    }

    /// Sends until it is told to stop, or the endpoint is gone.
    pub(super) async fn run(mut self, stop: watch::Receiver<bool>) {
        while !self.is_over && !*stop.borrow() {
            if self.endpoint.is_none() {
                self.open().await;
            }
            let wake = self.send_what_is_ready();
            let desk = Arc::clone(&self.desk);
            tokio::select! {
                Some(joined) = self.attempts.join_next() => self.answered(joined).await,
                Some(joined) = self.challenge.join_next() => self.challenged(joined),
                Some(joined) = self.codes.join_next() => self.coded(joined),
                () = desk.news.notified() => {}
                () = tokio::time::sleep(wake) => {}
                () = stopped(stop.clone()) => {}
            }
            let is_due = SAVE_EVERY <= self.saved.elapsed();
            if is_due && self.desk.is_ahead_of_disk() {
                self.save().await;
            }
        }
        let farewell = async {
            while let Some(joined) = self.attempts.join_next().await {
                self.answered(joined).await;
            }
        };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            self.attempts.shutdown().await;
        }
        self.save().await;
    }

    /// Unseals the address and the keys.
    async fn open(&mut self) {
        let (house, seal) = (
            Arc::clone(&self.house),
            self.subscription.declared.seal.clone(),
        );
        let opened = tokio::task::spawn_blocking(move || house.seals.unseal(&seal)).await;
        match opened {
            Ok(Ok(endpoint)) => {
                self.learn_mailboxes(&endpoint).await;
                self.endpoint = Some(Arc::new(endpoint));
            }
            Ok(Err(error)) => {
                self.disable(format!("its address and keys cannot be opened: {error}"))
                    .await;
            }
            Err(_) => self.is_over = true,
        }
    }

    fn id(&self) -> &str {
        &self.subscription.declared.id
    }

    /// Whether it goes with the quick ones.
    fn is_well(&self) -> bool {
        self.failures == 0 && self.is_quick
    }

    /// Begins as many attempts as there may be, and says when to look again.
    fn send_what_is_ready(&mut self) -> Duration {
        let now = SystemClock.now();
        if let Some(until) = self.paused_until.filter(|until| now < *until) {
            return between(now, until).min(REST);
        }
        self.paused_until = None;
        let Some(endpoint) = self.endpoint.clone() else {
            return REST;
        };
        let may_hear = self.may_hear(now);
        let asks = match (self.subscription.declared.format.is_mail(), may_hear) {
            (true, _) => self.send_codes(&endpoint, now),
            (false, true) => REST,
            (false, false) => self.send_challenge(&endpoint, now),
        };
        if !may_hear {
            return asks;
        }
        let most = match self.is_well() && self.is_proven {
            true => AT_ONCE,
            false => 1,
        };
        let (sent, declared) = (&self.sent, &self.subscription.declared);
        let quiet = quiet_until(&declared.quiet_hours, now);
        let looked = |queue: &mut Queue| {
            let closes = queue.close_digest(declared.digest.as_ref(), sent, now);
            let mut ready = queue.ready(now, sent);
            if quiet.is_some() {
                queue.retain_urgent(&mut ready);
            }
            let next = [queue.next_due(now), closes, quiet];
            (ready, next.into_iter().flatten().min())
        };
        let (ready, next_due) = self.desk.with(looked);
        let apart = self.house.apart(declared);
        for position in ready {
            if most <= self.sent.len() {
                break;
            }
            let moment = Instant::now();
            if moment < self.next_send {
                return self.next_send - moment;
            }
            self.next_send = moment + apart;
            self.sent.insert(position);
            let listed = |queue: &mut Queue| queue.find(position).and_then(|it| it.digest.clone());
            let told = (position, self.desk.with(listed), self.recipients(position));
            let attempt = attempt(
                Arc::clone(&self.house),
                Arc::clone(&self.desk),
                Arc::clone(&self.subscription),
                Arc::clone(&endpoint),
                told,
                self.is_well(),
            );
            self.attempts.spawn(attempt);
        }
        let due = next_due.map_or(REST, |due| between(now, due));
        let save = match self.desk.is_ahead_of_disk() {
            true => SAVE_EVERY,
            false => REST,
        };
        due.min(save).min(asks)
    }

    async fn answered(
        &mut self,
        joined: Result<(LogPosition, Option<Attempted>), tokio::task::JoinError>,
    ) {
        let Ok((position, attempted)) = joined else {
            // It panicked; what was sent is forgotten, so that it is sent again.
            tracing::error!("an attempt for {} panicked", self.id());
            self.sent.clear();
            self.paused_until = Some(SystemClock.now().plus_millis(10_000));
            return;
        };
        self.sent.remove(&position);
        let now = SystemClock.now();
        let Some(attempted) = attempted else {
            self.desk.with(|queue| queue.settle(position));
            return;
        };
        let taken = attempted.answer.reason().is_none();
        let sent = self.desk.with(|queue| queue.find(position).cloned());
        let number = sent.as_ref().map_or(0, |notice| notice.attempts) + 1;
        let is_digest = sent.is_some_and(|notice| notice.digest.is_some());
        let written = line(position, number, &attempted, taken);
        self.desk.note(Line {
            digest: is_digest,
            ..written
        });
        self.house.count(taken);
        self.is_quick = attempted.took < SLOW;
        match attempted.answer {
            Answer::Taken(_) | Answer::TakenPartly { .. } => {
                let was_down = pause_after(self.failures, 0).is_some();
                (self.failures, self.is_proven) = (0, true);
                self.desk.with(|queue| {
                    queue.settle(position);
                    if was_down {
                        queue.hasten(now);
                    }
                });
            }
            Answer::Refused(GONE, _) => {
                self.fail(position, now, None);
                self.disable("the endpoint answered 410 Gone".to_owned())
                    .await;
            }
            Answer::Refused(_, asked) => self.fail(position, now, asked),
            Answer::Failed(_) => self.fail(position, now, None),
            Answer::Postponed {
                done, was_taken, ..
            } => self.postponed(position, now, (done, was_taken)),
            Answer::Rejected { is_gone, .. } => self.rejected(position, now, is_gone).await,
        }
        let since = self.desk.with(|queue| queue.failing_since);
        let for_ms = since.map_or(0.0, |since| now.millis_since(since));
        if self.house.disable_after_ms <= for_ms {
            let reason = "nothing was taken for longer than `deliveries.disable_after_ms`";
            self.disable(reason.to_owned()).await;
        }
    }

    fn fail(&mut self, position: LogPosition, now: Timestamp, asked: Option<Duration>) {
        self.failures = self.failures.saturating_add(1);
        let schedule = &self.house.schedule;
        let failed = self.desk.with(|queue| {
            queue.fail(position, now, |attempts| {
                let wait = schedule.wait_after(attempts, self.house.chance())?;
                Some(later(now, wait.max(asked.unwrap_or_default())))
            })
        });
        if failed.is_some_and(|failed| failed.given_up) {
            tracing::warn!("{} never took the notice of position {position}", self.id());
        }
        self.rest(now, asked);
    }

    /// Whoever asks for a rest gets it for everything, and so does what fails again and again.
    fn rest(&mut self, now: Timestamp, asked: Option<Duration>) {
        let pause = pause_after(self.failures, self.house.chance());
        if let Some(pause) = asked.into_iter().chain(pause).max() {
            self.paused_until = Some(later(now, pause));
        }
    }

    /// Says in the log that nothing is sent any more, and ends. Of what was declared anew meanwhile it says nothing.
    async fn disable(&mut self, reason: String) {
        let newest = self.house.published.newest();
        let newest = newest.subscription(self.id()).map(|it| it.position);
        if newest != Some(self.subscription.position) {
            self.is_over = true;
            return;
        }
        tracing::warn!("{} is disabled: {reason}", self.id());
        let disabled = SubscriptionDisabled {
            id: self.id().to_owned(),
            reason,
        };
        match self
            .house
            .say(model::Event::SubscriptionDisabled(disabled))
            .await
        {
            Ok(_) => self.is_over = true,
            Err(error) => {
                tracing::error!("{} could not be disabled: {error}", self.id());
                self.paused_until = Some(SystemClock.now().plus_millis(60_000));
            }
        }
    }

    async fn save(&mut self) {
        self.saved = Instant::now();
        let desk = Arc::clone(&self.desk);
        match tokio::task::spawn_blocking(move || desk.save()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!("what was sent to {} could not be kept: {error}", self.id());
            }
            Err(error) => tracing::error!("what was sent could not be kept: {error}"),
        }
    }
}

/// One attempt: makes the message, waits for room, sends. Nothing where there is nothing to tell any more.
async fn attempt(
    house: Arc<House>,
    desk: Arc<Desk>,
    subscription: Arc<Subscription>,
    endpoint: Arc<Endpoint>,
    (position, listed, to): (LogPosition, Option<Gathered>, Recipients),
    is_well: bool,
) -> (LogPosition, Option<Attempted>) {
    if subscription.declared.format.is_mail() && to.open.is_empty() {
        // Those who are still to have it are not among its addresses any more.
        return (position, None);
    }
    let (making, about) = (Arc::clone(&house), Arc::clone(&subscription));
    let made = tokio::task::spawn_blocking(move || match listed {
        Some(gathered) => {
            // Were it made anew after a crash, it would be another message, which nobody knows again.
            desk.save().map_err(|error| error.to_string())?;
            make_digest(&making, &about, &gathered)
        }
        None => make(&making, &about, position),
    });
    let made = made.await;
    let message = match made {
        Ok(Ok(Some(message))) => message,
        Ok(Ok(None)) => return (position, None),
        Ok(Err(reason)) => return (position, Some(failed(reason))),
        Err(error) => return (position, Some(failed(error.to_string()))),
    };
    let from = (&subscription.declared, is_well);
    let attempted = house.send(message, from, &endpoint, &to).await;
    (position, Some(attempted))
}

fn make(
    house: &House,
    subscription: &Subscription,
    position: LogPosition,
) -> Result<Option<Message>, String> {
    let envelope = house.event(position).map_err(|error| error.to_string())?;
    let view = house.published.newest();
    Ok(envelope.and_then(|envelope| message(&view, &envelope, &subscription.declared)))
}

fn make_digest(
    house: &House,
    subscription: &Subscription,
    gathered: &Gathered,
) -> Result<Option<Message>, String> {
    let mut said = Vec::with_capacity(gathered.positions.len());
    for position in &gathered.positions {
        let envelope = house.event(*position).map_err(|error| error.to_string())?;
        said.extend(envelope);
    }
    let view = house.published.newest();
    Ok(digest(&view, &said, gathered, &subscription.declared))
}

fn failed(reason: String) -> Attempted {
    Attempted {
        at: SystemClock.now(),
        took: Duration::ZERO,
        answer: Answer::Failed(reason),
    }
}

fn line(position: LogPosition, number: u32, attempted: &Attempted, taken: bool) -> Line {
    Line {
        position,
        at: attempted.at,
        number,
        ms: u64::try_from(attempted.took.as_millis()).unwrap_or(u64::MAX),
        status: attempted.answer.status(),
        error: attempted.answer.note(),
        taken,
        digest: false,
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.plus_nanos(i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX))
}

fn between(now: Timestamp, later: Timestamp) -> Duration {
    let nanos = later.unix_nanos().saturating_sub(now.unix_nanos());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}
