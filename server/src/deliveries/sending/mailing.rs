//! Sends addresses of mail the code by which they confirm, and says which of them hear.

use std::sync::Arc;
use std::time::Duration;

use model::{Clock, IdSource, LogPosition, SubscriptionDeclared, Timestamp};
use tokio::task::JoinError;

use super::{REST, SAVE_EVERY, Sending, between, failed, later};
use crate::clock::{RandomIds, SystemClock};
use crate::deliveries::desk::Desk;
use crate::deliveries::house::House;
use crate::deliveries::mail::{Mailbox, Recipients, of_code};
use crate::deliveries::notice::enclosed;
use crate::deliveries::post::{Answer, Attempted};
use crate::deliveries::queue::{Done, Queue};
use crate::deliveries::seals::Endpoint;

/// A code that was sent to an address.
pub(in crate::deliveries) struct Coded {
    /// The hash of the address.
    address: String,
    code: String,
    pub(in crate::deliveries) attempted: Attempted,
}

impl Sending {
    /// Takes note of the addresses that an endpoint holds, if it is of mail.
    pub(super) async fn learn_mailboxes(&mut self, endpoint: &Endpoint) {
        if !self.subscription.declared.format.is_mail() {
            return;
        }
        match self.house.mailboxes(endpoint) {
            Ok(mailboxes) => {
                keep(&self.house, &self.desk, &mailboxes);
                self.mailboxes = mailboxes;
            }
            Err(error) => self.disable(format!("its address {error}")).await,
        }
    }

    /// Whether some address of mail hears.
    pub(super) fn somebody_hears(&self) -> bool {
        !hearers(&self.house, &self.desk, &self.mailboxes).is_empty()
    }

    /// Whom a notice goes to by mail.
    pub(super) fn recipients(&self, position: LogPosition) -> Recipients {
        let done = |queue: &mut Queue| queue.find(position).map(|it| it.done.clone());
        let done = self.desk.with(done).unwrap_or_default();
        let mut open = hearers(&self.house, &self.desk, &self.mailboxes);
        open.retain(|mailbox| !done.addresses.contains(&mailbox.hash()));
        Recipients {
            open,
            was_taken: done.was_taken,
        }
    }

    /// Some addresses of a notice are done with it, the others are not.
    pub(super) fn postponed(
        &mut self,
        position: LogPosition,
        now: Timestamp,
        (addresses, was_taken): (Vec<String>, bool),
    ) {
        self.fail(position, now, None);
        let done = Done {
            addresses,
            was_taken,
        };
        self.desk.with(|queue| queue.done(position, done));
        if was_taken {
            // The others took it, so the subscription does not fail.
            self.failures = 0;
            self.desk.with(|queue| queue.failing_since = None);
        }
    }

    /// No address ever takes a notice. Where there is nobody, nothing else is sent either, and it waits.
    pub(super) async fn rejected(&mut self, position: LogPosition, now: Timestamp, is_gone: bool) {
        if is_gone {
            self.fail(position, now, None);
            let reason = "the mail server says that there is nobody at its addresses";
            self.disable(reason.to_owned()).await;
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.desk.with(|queue| queue.fail(position, now, |_| None));
        tracing::warn!("{} refused the notice of position {position}", self.id());
        self.rest(now, None);
    }

    /// Sends a code to the address that is due first, and says when to look again.
    pub(super) fn send_codes(&mut self, endpoint: &Arc<Endpoint>, now: Timestamp) -> Duration {
        if !self.codes.is_empty() {
            return REST;
        }
        let next = |queue: &mut Queue| {
            let next = queue.confirmations.next();
            next.map(|(due_at, address)| (due_at, address.to_owned()))
        };
        let Some((due_at, address)) = self.desk.with(next) else {
            return REST;
        };
        if now < due_at {
            return between(now, due_at).min(REST);
        }
        let mailbox = self.mailboxes.iter().find(|it| it.hash() == address);
        let Some(mailbox) = mailbox.cloned() else {
            return REST;
        };
        if let Err(until) = self.house.may_send_code(&address, now) {
            let desk = &self.desk;
            desk.with(|queue| queue.confirmations.postpone(&address, until));
            return SAVE_EVERY;
        }
        let (house, endpoint) = (Arc::clone(&self.house), Arc::clone(endpoint));
        let declared = self.subscription.declared.clone();
        let coded = async move { send_code(&house, &mailbox, &endpoint, &declared).await };
        self.codes.spawn(coded);
        REST
    }

    /// Takes note of what came of a code.
    pub(super) fn coded(&mut self, joined: Result<Coded, JoinError>) {
        match joined {
            Ok(coded) => note(&self.house, &self.desk, &coded),
            Err(error) => tracing::error!("a code was not sent: {error}"),
        }
    }
}

/// Takes note of the addresses that have to confirm.
pub(in crate::deliveries) fn keep(house: &House, desk: &Desk, mailboxes: &[Mailbox]) {
    let open = mailboxes.iter().filter(|it| !house.is_trusted_domain(it));
    let open: Vec<Mailbox> = open.cloned().collect();
    desk.with(|queue| queue.confirmations.keep(&open, SystemClock.now()));
}

/// Those of some addresses that hear: they confirmed, or need not.
pub(in crate::deliveries) fn hearers(
    house: &House,
    desk: &Desk,
    mailboxes: &[Mailbox],
) -> Vec<Mailbox> {
    let confirmed = |it: &Mailbox| desk.with(|queue| queue.confirmations.holds(it));
    let hear = mailboxes
        .iter()
        .filter(|it| house.is_trusted_domain(it) || confirmed(it));
    hear.cloned().collect()
}

/// Sends a code to one address.
pub(in crate::deliveries) async fn send_code(
    house: &House,
    mailbox: &Mailbox,
    endpoint: &Endpoint,
    declared: &SubscriptionDeclared,
) -> Coded {
    let (code, attempted) = match house.seals.challenge() {
        Ok(code) => {
            let id = format!("msg_{}", RandomIds.fresh());
            let message = enclosed(id, of_code(&code, &declared.id));
            let to = Recipients {
                open: vec![mailbox.clone()],
                was_taken: false,
            };
            let sent = house.send(message, (declared, false), endpoint, &to).await;
            (code, sent)
        }
        Err(error) => (String::new(), failed(error.to_string())),
    };
    Coded {
        address: mailbox.hash(),
        code,
        attempted,
    }
}

/// Takes note of what came of a code: one that was refused for good is not sent again.
pub(in crate::deliveries) fn note(house: &House, desk: &Desk, coded: &Coded) {
    let now = SystemClock.now();
    let Coded {
        address,
        code,
        attempted,
    } = coded;
    let is_final = matches!(attempted.answer, Answer::Rejected { .. });
    desk.with(|queue| match attempted.answer.reason() {
        None => queue.confirmations.sent(address, code, now),
        Some(reason) => queue.confirmations.missed(address, reason, |attempts| {
            let wait = house.schedule.wait_after(attempts, house.chance());
            wait.filter(|_| !is_final).map(|wait| later(now, wait))
        }),
    });
}
