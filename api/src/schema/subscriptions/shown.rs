//! Subscriptions as they are shown: never with a key, nor with the path of an address.

use async_graphql::{Context, ID, Json, Object, Result};
use graph::Subscription;
use serde_json::Value;

use super::deliveries::DeliveryStanding;
use super::input::NoticeFormat;
use super::timing::{Digest, Urgent};
use crate::schema::Shared;
use crate::schema::calendar::WeeklyTime;
use crate::schema::scalars::{DateTime, LogPosition};

/// A subscription of an endpoint to what is recorded.
pub(crate) struct WebhookSubscription(Subscription);

impl From<Subscription> for WebhookSubscription {
    fn from(subscription: Subscription) -> Self {
        Self(subscription)
    }
}

/// A subscription of an endpoint to what is recorded.
#[Object]
impl WebhookSubscription {
    /// Its id.
    async fn id(&self) -> ID {
        ID(self.0.declared.id.clone())
    }

    /// A line for people.
    async fn name(&self) -> &str {
        &self.0.declared.name
    }

    /// Scheme, host and port of the endpoint. Path and query are kept sealed, for many of them are secrets. Of addresses of
    /// mail the domains.
    async fn url(&self) -> &str {
        &self.0.declared.endpoint
    }

    /// How notices are written.
    async fn format(&self) -> NoticeFormat {
        self.0.declared.format.into()
    }

    /// What it is about, as the event has it.
    #[graphql(name = "match")]
    async fn wanted(&self) -> Json<Value> {
        Json(serde_json::to_value(&self.0.declared.wanted).unwrap_or_default())
    }

    /// Most notices sent in a second, if it says so.
    async fn per_second_max(&self) -> Option<u32> {
        self.0.declared.per_second_max
    }

    /// Hours of every week in which only what is urgent is sent.
    async fn quiet_hours(&self) -> Vec<WeeklyTime> {
        let hours = self.0.declared.quiet_hours.iter();
        hours.map(Into::into).collect()
    }

    /// When what is not urgent is sent as one message, if it gathers.
    async fn digest(&self) -> Option<Digest> {
        self.0.declared.digest.as_ref().map(Digest::from)
    }

    /// What waits for no hour and does not gather.
    async fn urgent(&self) -> Urgent {
        Urgent::from(&self.0.declared.urgent)
    }

    /// Whether the endpoint was to answer a challenge before it is sent anything.
    async fn verify(&self) -> bool {
        self.0.declared.verify
    }

    /// When the endpoint answered a challenge, if it did.
    async fn verified_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime>> {
        let deliveries = &ctx.data::<Shared>()?.ports.deliveries;
        let standing = deliveries.standing(&self.0.declared.id);
        let verified_at = standing.and_then(|it| it.verification.verified_at);
        Ok(verified_at.map(DateTime))
    }

    /// Whether anything is sent: it was not disabled since it was declared.
    async fn enabled(&self) -> bool {
        self.0.disabled.is_none()
    }

    /// Why nothing is sent.
    async fn disabled_reason(&self) -> Option<&str> {
        let disabled = self.0.disabled.as_ref();
        disabled.map(|(disabled, _)| disabled.reason.as_str())
    }

    /// Since when nothing is sent.
    async fn disabled_at(&self) -> Option<DateTime> {
        self.0.disabled.as_ref().map(|(_, at)| DateTime(*at))
    }

    /// How its deliveries stand.
    async fn deliveries(&self, ctx: &Context<'_>) -> Result<Option<DeliveryStanding>> {
        let deliveries = &ctx.data::<Shared>()?.ports.deliveries;
        let standing = deliveries.standing(&self.0.declared.id);
        Ok(standing.map(DeliveryStanding::from))
    }

    /// When it was declared last.
    async fn declared_at(&self) -> DateTime {
        DateTime(self.0.declared_at)
    }

    /// Where that stands in the log.
    async fn position(&self) -> LogPosition {
        LogPosition(self.0.position)
    }
}
