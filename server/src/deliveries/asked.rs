//! What people ask of deliveries: how they stand, what was tried, and that something is sent again.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{
    Delivery, DeliveryAttempt, DeliveryError, DeliveryPage, DeliveryQuestion, DeliveryStanding,
    DeliveryStatus, EndpointVerification, Redelivery,
};
use graph::Telling;
use model::{Clock, IdSource, LogPosition, SubscriptionDeclared, quiet_until};

use super::deliverer::{Deliverer, touched_by};
use super::desk::Desk;
use super::digest::digest_id;
use super::gathering::Gathered;
use super::notice::{message_id, trial};
use super::post::{Answer, Attempted};
use super::proof::Proof;
use super::queue::Queue;
use super::seals::Endpoint;
use super::sending::challenge;
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
        let proven = desk.is_some_and(|desk| {
            let is_of = |proof: &Proof| proof.endpoint == declared.endpoint;
            desk.with(|queue| {
                queue
                    .proof
                    .as_ref()
                    .filter(|it| is_of(it))
                    .and_then(|it| it.verified_at)
            })
            .is_some()
        });
        if self.house.asks_for_proof(&declared) && !proven {
            return Err(DeliveryError::Unverified);
        }
        let endpoint = self.unsealed(&declared).await?;
        let id = format!("msg_{}", RandomIds.fresh());
        let message = trial(&declared, &id, SystemClock.now());
        let _room = self.house.room(false).await;
        Ok(told(1, self.house.post.send(&endpoint, message).await))
    }

    /// Sends a challenge at once, and lets the endpoint hear if it answers with it.
    pub(crate) async fn verify(
        &self,
        declared: SubscriptionDeclared,
    ) -> Result<DeliveryAttempt, DeliveryError> {
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
        Ok(told(number, attempted))
    }

    async fn unsealed(&self, declared: &SubscriptionDeclared) -> Result<Endpoint, DeliveryError> {
        let (house, seal) = (Arc::clone(&self.house), declared.seal.clone());
        let unsealed = tokio::task::spawn_blocking(move || house.seals.unseal(&seal)).await;
        unsealed.map_err(kept)?.map_err(kept)
    }
}

/// An attempt as it is told.
fn told(number: u32, attempted: Attempted) -> DeliveryAttempt {
    DeliveryAttempt {
        number,
        at: attempted.at,
        duration_ms: u64::try_from(attempted.took.as_millis()).unwrap_or(u64::MAX),
        status: attempted.answer.status(),
        error: match attempted.answer {
            Answer::Failed(reason) => Some(reason),
            Answer::Taken(_) | Answer::Refused(..) => None,
        },
    }
}

/// Whether the endpoint of a subscription showed that it wants to hear.
fn verification_of(
    queue: &Queue,
    declared: Option<&SubscriptionDeclared>,
    is_required: bool,
) -> EndpointVerification {
    let proof = queue.proof.as_ref();
    let proof = proof.filter(|proof| declared.is_some_and(|it| it.endpoint == proof.endpoint));
    EndpointVerification {
        is_required,
        verified_at: proof.and_then(|proof| proof.verified_at),
        attempts: proof.map_or(0, |proof| proof.attempts),
        next_at: proof.and_then(|proof| proof.due_at).filter(|_| is_required),
        error: proof.and_then(|proof| proof.error.clone()),
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
