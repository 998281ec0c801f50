//! Sends nothing but a challenge to an endpoint that has to show that it wants to hear from us.

use std::sync::Arc;
use std::time::Duration;

use model::{Clock, IdSource, SubscriptionDeclared, Timestamp};
use tokio::task::JoinError;

use super::{REST, Sending, between, failed, later};
use crate::clock::{RandomIds, SystemClock};
use crate::deliveries::house::House;
use crate::deliveries::mail::Recipients;
use crate::deliveries::notice::verification;
use crate::deliveries::post::Attempted;
use crate::deliveries::proof::Proof;
use crate::deliveries::queue::Queue;
use crate::deliveries::seals::Endpoint;

impl Sending {
    /// Whether the endpoint is sent notices: it showed that it wants to hear from us, or does not have to.
    pub(super) fn may_hear(&self, now: Timestamp) -> bool {
        let declared = &self.subscription.declared;
        if declared.format.is_mail() {
            return self.somebody_hears();
        }
        let is_proven = |queue: &mut Queue| {
            let proof = Proof::of(&mut queue.proof, &declared.endpoint, now);
            proof.verified_at.is_some()
        };
        !self.house.asks_for_proof(declared) || self.desk.with(is_proven)
    }

    /// Sends a challenge when it is due, and says when to look again.
    pub(super) fn send_challenge(&mut self, endpoint: &Arc<Endpoint>, now: Timestamp) -> Duration {
        let declared = &self.subscription.declared;
        let due = |queue: &mut Queue| Proof::of(&mut queue.proof, &declared.endpoint, now).due_at;
        let due_at = self.desk.with(due);
        let Some(due_at) = due_at.filter(|_| self.challenge.is_empty()) else {
            return REST;
        };
        if now < due_at {
            return between(now, due_at).min(REST);
        }
        if let Err(until) = self.house.may_challenge(&declared.endpoint, now) {
            return between(now, until).min(REST);
        }
        let (house, endpoint) = (Arc::clone(&self.house), Arc::clone(endpoint));
        let declared = declared.clone();
        let asked = async move { challenge(&house, &endpoint, &declared).await };
        self.challenge.spawn(asked);
        REST
    }

    /// Takes note of what came of it.
    pub(super) fn challenged(&mut self, joined: Result<Attempted, JoinError>) {
        let attempted = joined.unwrap_or_else(|error| failed(error.to_string()));
        let now = SystemClock.now();
        let schedule = &self.house.schedule;
        let endpoint = &self.subscription.declared.endpoint;
        self.desk.with(|queue| {
            let proof = Proof::of(&mut queue.proof, endpoint, now);
            match attempted.answer.reason() {
                None => proof.hold(now),
                Some(reason) => proof.miss(reason, |attempts| {
                    let wait = schedule.wait_after(attempts, self.house.chance())?;
                    Some(later(now, wait))
                }),
            }
        });
    }
}

/// Sends one challenge. Success is an answer that holds it.
pub(in crate::deliveries) async fn challenge(
    house: &House,
    endpoint: &Endpoint,
    declared: &SubscriptionDeclared,
) -> Attempted {
    let challenge = match house.seals.challenge() {
        Ok(challenge) => challenge,
        Err(error) => return failed(error.to_string()),
    };
    let id = format!("msg_{}", RandomIds.fresh());
    let message = verification(declared, &id, challenge, SystemClock.now());
    let nobody = Recipients::default();
    house
        .send(message, (declared, false), endpoint, &nobody)
        .await
}
