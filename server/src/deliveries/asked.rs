//! What people ask of deliveries: how they stand, what was tried, and that something is sent again.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{
    AddressVerification, Delivery, DeliveryAttempt, DeliveryError, DeliveryPage, DeliveryQuestion,
    DeliveryStanding, DeliveryStatus, EndpointVerification, Redelivery,
};
use graph::Telling;
use model::{Clock, IdSource, LogPosition, SubscriptionDeclared, quiet_until};

use super::deliverer::{Deliverer, touched_by};
use super::desk::Desk;
use super::digest::digest_id;
use super::gathering::Gathered;
use super::mail::{Mailbox, Recipients};
use super::notice::{message_id, trial};
use super::post::Attempted;
use super::proof::Proof;
use super::queue::Queue;
use super::seals::Endpoint;
use super::sending::{challenge, hearers, keep, note, send_code};
use crate::clock::{RandomIds, SystemClock};

impl Deliverer {
    /// How deliveries of a subscription stand.
    pub(crate) fn standing(&self, id: &str) -> Option<DeliveryStanding> {
        let desk = self.desk(id)?;
        let view = self.house.published.newest();
        let declared = view.subscription(id).map(|it| &it.declared);
        let now = SystemClock.now();
        let is_required = declared.is_some_and(|it| self.house.asks_for_proof(it));
        let digest_at = |gathering: &Gathered| {
            let digest = declared.and_then(|it| it.digest.as_ref());
            digest.map_or(now, |digest| digest.due_at(gathering.since))
        };
        Some(desk.with(|queue| DeliveryStanding {
            read_to: queue.read_to,
            waiting: queue.waiting.len(),
            dead: queue.dead.len(),
            failing_since: queue.failing_since,
            gathered: queue.gathering.as_ref().map_or(0, Gathered::count),
            digest_at: queue.gathering.as_ref().map(digest_at),
            verification: verification_of(queue, declared, is_required),
            quiet_until: declared.and_then(|it| quiet_until(&it.quiet_hours, now)),
        }))
    }

    /// A page of deliveries. It waits for the disk.
    pub(crate) fn list(&self, wanted: &DeliveryQuestion) -> Result<DeliveryPage, DeliveryError> {
        let desks = match &wanted.subscription {
            Some(id) => {
                let desk = self.desk(id);
                let desk = desk.ok_or_else(|| DeliveryError::Unknown(id.clone()))?;
                BTreeMap::from([(id.clone(), desk)])
            }
            None => self.all_desks(),
        };
        let mut all = Vec::new();
        for (id, desk) in &desks {
            all.extend(deliveries_of(id, desk)?);
        }
        all.retain(|delivery| wanted.status.is_none_or(|status| delivery.status == status));
        let place = |delivery: &Delivery| {
            (
                std::cmp::Reverse(delivery.position),
                delivery.subscription.clone(),
            )
        };
        all.sort_by_cached_key(place);
        let total = all.len();
        if let Some((position, id)) = &wanted.after {
            let after = (std::cmp::Reverse(*position), id.clone());
            all.retain(|delivery| after < place(delivery));
        }
        let more = wanted.first < all.len();
        all.truncate(wanted.first);
        Ok(DeliveryPage {
            deliveries: all,
            more,
            total,
        })
    }

    /// Sends again. It waits for the disk.
    pub(crate) fn redeliver(&self, id: &str, what: Redelivery) -> Result<(), DeliveryError> {
        let desk = self.desk(id);
        let desk = desk.ok_or_else(|| DeliveryError::Unknown(id.to_owned()))?;
        let head = self.house.log.head();
        let (Redelivery::After(position) | Redelivery::One(position)) = what;
        if head < position {
            return Err(DeliveryError::BeyondLog(head));
        }
        match what {
            Redelivery::After(position) => desk.with(|queue| queue.rewind(position)),
            Redelivery::One(position) => {
                let items = self.items_of(position)?;
                desk.with(|queue| queue.again(position, items, SystemClock.now()));
            }
        }
        desk.save().map_err(kept)?;
        desk.news.notify_one();
        self.again.notify_one();
        Ok(())
    }

    /// What the event at a position touches.
    fn items_of(&self, position: LogPosition) -> Result<Vec<u64>, DeliveryError> {
        let nothing = || DeliveryError::NoNotice(position);
        let envelope = self.house.event(position).map_err(kept)?;
        let envelope = envelope.ok_or_else(nothing)?;
        let view = self.house.published.newest();
        let telling = Telling::of(&view, &envelope).ok_or_else(nothing)?;
        Ok(touched_by(Some(&telling)))
    }

    /// Sends a message that says nothing.
    pub(crate) async fn test(
        &self,
        declared: SubscriptionDeclared,
    ) -> Result<DeliveryAttempt, DeliveryError> {
        let desk = self.desk(&declared.id);
        let endpoint = self.unsealed(&declared).await?;
        let to = match declared.format.is_mail() {
            true => self.hearing(&declared, &endpoint)?,
            false => Recipients::default(),
        };
        let proven = match declared.format.is_mail() {
            true => !to.open.is_empty(),
            false => desk.is_some_and(|desk| is_proven(&desk, &declared)),
        };
        if self.house.asks_for_proof(&declared) && !proven {
            return Err(DeliveryError::Unverified);
        }
        let id = format!("msg_{}", RandomIds.fresh());
        let message = trial(&declared, &id, SystemClock.now());
        let sent = self.house.send(message, (&declared, false), &endpoint, &to);
        Ok(told(1, &sent.await))
    }

    /// The addresses of mail that hear of a subscription.
    fn hearing(
        &self,
        declared: &SubscriptionDeclared,
        endpoint: &Endpoint,
    ) -> Result<Recipients, DeliveryError> {
        let (desk, mailboxes) = self.addresses(declared, endpoint)?;
        Ok(Recipients {
            open: hearers(&self.house, &desk, &mailboxes),
            was_taken: false,
        })
    }

    /// The desk of a subscription by mail, which knows every address, and the addresses.
    fn addresses(
        &self,
        declared: &SubscriptionDeclared,
        endpoint: &Endpoint,
    ) -> Result<(Arc<Desk>, Vec<Mailbox>), DeliveryError> {
        let desk = self.desk(&declared.id);
        let desk = desk.ok_or_else(|| DeliveryError::Unknown(declared.id.clone()))?;
        let mailboxes = self.house.mailboxes(endpoint);
        let mailboxes = mailboxes.map_err(|error| DeliveryError::Address(error.to_string()))?;
        keep(&self.house, &desk, &mailboxes);
        Ok((desk, mailboxes))
    }

    /// Whoever was sent a code has confirmed.
    fn confirm(
        &self,
        declared: &SubscriptionDeclared,
        code: &str,
    ) -> Result<DeliveryAttempt, DeliveryError> {
        let desk = self.desk(&declared.id);
        let desk = desk.ok_or_else(|| DeliveryError::Unknown(declared.id.clone()))?;
        let at = SystemClock.now();
        let place = desk.with(|queue| queue.confirmations.confirm(code, at));
        place.ok_or(DeliveryError::WrongCode)?;
        desk.save().map_err(kept)?;
        desk.news.notify_one();
        Ok(DeliveryAttempt {
            number: 1,
            at,
            duration_ms: 0,
            status: None,
            error: None,
        })
    }

    /// Sends a code to every address of mail that has not confirmed, and tells of the last, or of the first in vain.
    async fn send_codes(
        &self,
        declared: &SubscriptionDeclared,
    ) -> Result<DeliveryAttempt, DeliveryError> {
        let endpoint = self.unsealed(declared).await?;
        let (desk, mailboxes) = self.addresses(declared, &endpoint)?;
        let hear = hearers(&self.house, &desk, &mailboxes);
        let open = mailboxes.iter().filter(|it| !hear.contains(it));
        let (mut sent, mut too_often) = (None, None);
        for mailbox in open {
            let now = SystemClock.now();
            if let Err(until) = self.house.may_send_code(&mailbox.hash(), now) {
                too_often.get_or_insert(until);
                continue;
            }
            let coded = send_code(&self.house, mailbox, &endpoint, declared).await;
            note(&self.house, &desk, &coded);
            let is_in_vain = coded.attempted.answer.reason().is_some();
            sent = Some(coded.attempted);
            if is_in_vain {
                break;
            }
        }
        desk.save().map_err(kept)?;
        match (sent, too_often) {
            (Some(attempted), _) => Ok(told(1, &attempted)),
            (None, Some(until)) => Err(DeliveryError::TooOften(until)),
            (None, None) => Err(DeliveryError::AllConfirmed),
        }
    }

    /// Sends a challenge at once, and lets the endpoint hear if it answers with it.
    pub(crate) async fn verify(
        &self,
        declared: SubscriptionDeclared,
        code: Option<String>,
    ) -> Result<DeliveryAttempt, DeliveryError> {
        match (declared.format.is_mail(), code) {
            (true, Some(code)) => return self.confirm(&declared, &code),
            (true, None) => return self.send_codes(&declared).await,
            (false, Some(_)) => return Err(DeliveryError::NoCode),
            (false, None) => {}
        }
        if declared.format.is_chat() && self.house.is_trusted(&declared) {
            return Err(DeliveryError::NoEcho);
        }
        let desk = self.desk(&declared.id);
        let desk = desk.ok_or_else(|| DeliveryError::Unknown(declared.id.clone()))?;
        let endpoint = self.unsealed(&declared).await?;
        let asked = self
            .house
            .may_challenge(&declared.endpoint, SystemClock.now());
        asked.map_err(DeliveryError::TooOften)?;
        let attempted = challenge(&self.house, &endpoint, &declared).await;
        let now = SystemClock.now();
        let number = desk.with(|queue| {
            let proof = Proof::of(&mut queue.proof, &declared.endpoint, now);
            let number = proof.attempts.saturating_add(1);
            let due_at = proof.due_at;
            match attempted.answer.reason() {
                None => proof.hold(now),
                // Those that come by themselves come as they would have come.
                Some(reason) => proof.miss(reason, |_| due_at),
            }
            number
        });
        desk.save().map_err(kept)?;
        desk.news.notify_one();
        Ok(told(number, &attempted))
    }

    async fn unsealed(&self, declared: &SubscriptionDeclared) -> Result<Endpoint, DeliveryError> {
        let (house, seal) = (Arc::clone(&self.house), declared.seal.clone());
        let unsealed = tokio::task::spawn_blocking(move || house.seals.unseal(&seal)).await;
        unsealed.map_err(kept)?.map_err(kept)
    }
}

/// An attempt as it is told.
fn told(number: u32, attempted: &Attempted) -> DeliveryAttempt {
    DeliveryAttempt {
        number,
        at: attempted.at,
        duration_ms: u64::try_from(attempted.took.as_millis()).unwrap_or(u64::MAX),
        status: attempted.answer.status(),
        error: attempted.answer.note(),
    }
}

/// Whether an endpoint of the web answered a challenge.
fn is_proven(desk: &Desk, declared: &SubscriptionDeclared) -> bool {
    let is_of = |proof: &&Proof| proof.endpoint == declared.endpoint;
    desk.with(|queue| {
        let proof = queue.proof.as_ref().filter(is_of);
        proof.is_some_and(|proof| proof.verified_at.is_some())
    })
}

/// Whether addresses of mail confirmed.
fn confirmation_of(queue: &Queue) -> EndpointVerification {
    let known = || queue.confirmations.iter();
    EndpointVerification {
        is_required: true,
        verified_at: known().filter_map(|it| it.confirmed_at).min(),
        attempts: known().map(|it| it.attempts).sum(),
        next_at: queue.confirmations.next().map(|(due_at, _)| due_at),
        error: known().find_map(|it| it.error.clone()),
        addresses: known()
            .map(|it| AddressVerification {
                address: it.shown.clone(),
                verified_at: it.confirmed_at,
                sent_at: it.sent_at,
                error: it.error.clone(),
            })
            .collect(),
    }
}

/// Whether the endpoint of a subscription showed that it wants to hear.
fn verification_of(
    queue: &Queue,
    declared: Option<&SubscriptionDeclared>,
    is_required: bool,
) -> EndpointVerification {
    if declared.is_some_and(|it| it.format.is_mail()) {
        return confirmation_of(queue);
    }
    let proof = queue.proof.as_ref();
    let proof = proof.filter(|proof| declared.is_some_and(|it| it.endpoint == proof.endpoint));
    EndpointVerification {
        is_required,
        verified_at: proof.and_then(|proof| proof.verified_at),
        attempts: proof.map_or(0, |proof| proof.attempts),
        next_at: proof.and_then(|proof| proof.due_at).filter(|_| is_required),
        error: proof.and_then(|proof| proof.error.clone()),
        addresses: Vec::new(),
    }
}

/// Every delivery of a desk: what waits, what was given up, and what the journal still tells.
fn deliveries_of(id: &str, desk: &Desk) -> Result<Vec<Delivery>, DeliveryError> {
    let mut found: BTreeMap<LogPosition, Delivery> = BTreeMap::new();
    let delivery = |position| Delivery {
        id: message_id(id, position),
        subscription: id.to_owned(),
        position,
        is_digest: false,
        status: DeliveryStatus::Delivered,
        next_at: None,
        attempts: Vec::new(),
    };
    let (waiting, dead) = desk.with(|queue| (queue.waiting.clone(), queue.dead.clone()));
    for line in desk.lines().map_err(kept)? {
        let position = line.position;
        let told = found.entry(position).or_insert_with(|| delivery(position));
        told.is_digest = line.digest;
        told.attempts.push(line.into());
    }
    for notice in dead {
        let position = notice.position;
        let told = found.entry(position).or_insert_with(|| delivery(position));
        told.is_digest = notice.digest.is_some();
        told.status = DeliveryStatus::Dead;
    }
    for notice in waiting {
        let position = notice.position;
        let told = found.entry(position).or_insert_with(|| delivery(position));
        told.is_digest = notice.digest.is_some();
        told.status = DeliveryStatus::Waiting;
        told.next_at = Some(notice.due_at);
    }
    for (position, told) in &mut found {
        if told.is_digest {
            told.id = digest_id(id, *position);
        }
    }
    Ok(found.into_values().collect())
}

fn kept(error: impl std::error::Error + Send + Sync + 'static) -> DeliveryError {
    DeliveryError::Kept(Box::new(error))
}
