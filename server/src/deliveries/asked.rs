//! What people ask of deliveries: how they stand, what was tried, and that something is sent again.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{
    Delivery, DeliveryAttempt, DeliveryError, DeliveryPage, DeliveryQuestion, DeliveryStanding,
    DeliveryStatus, Redelivery,
};
use graph::Telling;
use model::{Clock, IdSource, LogPosition, SubscriptionDeclared, quiet_until};

use super::deliverer::{Deliverer, touched_by};
use super::desk::Desk;
use super::digest::digest_id;
use super::gathering::Gathered;
use super::notice::{message_id, trial};
use super::post::Answer;
use crate::clock::{RandomIds, SystemClock};

impl Deliverer {
    /// How deliveries of a subscription stand.
    pub(crate) fn standing(&self, id: &str) -> Option<DeliveryStanding> {
        let desk = self.desk(id)?;
        let view = self.house.published.newest();
        let declared = view.subscription(id).map(|it| &it.declared);
        let now = SystemClock.now();
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
        let (house, seal) = (Arc::clone(&self.house), declared.seal.clone());
        let unsealed = tokio::task::spawn_blocking(move || house.seals.unseal(&seal)).await;
        let endpoint = unsealed.map_err(kept)?;
        let endpoint = endpoint.map_err(kept)?;
        let id = format!("msg_{}", RandomIds.fresh());
        let message = trial(&declared, &id, SystemClock.now());
        let _room = self.house.room(false).await;
        let attempted = self.house.post.send(&endpoint, message).await;
        Ok(DeliveryAttempt {
            number: 1,
            at: attempted.at,
            duration_ms: u64::try_from(attempted.took.as_millis()).unwrap_or(u64::MAX),
            status: attempted.answer.status(),
            error: match attempted.answer {
                Answer::Failed(reason) => Some(reason),
                Answer::Taken(_) | Answer::Refused(..) => None,
            },
        })
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
