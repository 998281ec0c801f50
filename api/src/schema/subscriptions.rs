//! Who wants to hear of what: subscriptions as they are declared and listed, and what they would have heard.

mod deliveries;
mod edit;
mod input;
mod preview;
mod shown;
mod timing;

use async_graphql::connection::{Connection, EmptyFields, OpaqueCursor};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use model::{Event, Lookback, SubscriptionDeclared, SubscriptionWithdrawn};

use super::Shared;
use super::paging::{PageArguments, page_cost, question_size};
use super::recording::{record_error, standpoint_after};
use super::scalars::{Duration, LogPosition};
use super::standpoint::{AsOfInput, Standpoint};
use crate::error::ErrorCode;
use crate::{Deliveries, DeliveryError, DeliveryQuestion, PortFuture, Redelivery};
pub(crate) use deliveries::DeliveryConnection;
use deliveries::{DeliveryAttempt, DeliveryPlace, DeliveryStatus, DeliveryTotals};
use edit::UpdateSubscriptionInput;
use input::{SubscribeInput, SubscriptionMatch};
use preview::SubscriptionPreview;
use shown::WebhookSubscription;

/// Most subscriptions at once.
const SUBSCRIPTIONS_MAX: usize = 10_000;
/// How far a preview looks back when nobody says: a week.
const PREVIEW_DEFAULT: Lookback = Lookback::hours(7 * 24);

/// Additional fields of the list of subscriptions.
#[derive(SimpleObject)]
pub(crate) struct SubscriptionTotals {
    /// How many there are on all pages.
    total_count: usize,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// A page of subscriptions.
pub(crate) type SubscriptionConnection =
    Connection<OpaqueCursor<String>, WebhookSubscription, SubscriptionTotals, EmptyFields>;

/// A new subscription.
#[derive(SimpleObject)]
pub(crate) struct Subscribed {
    /// Its id.
    id: ID,
    /// The key that signs with `v1` (HMAC-SHA256), shown this once: it begins with `whsec_`.
    secret: String,
    /// The public key of the signature `v1a` (Ed25519): it begins with `whpk_`.
    public_key: String,
    /// Where its declaration stands in the log. What is recorded after it is sent.
    position: LogPosition,
}

/// A subscription that ended.
#[derive(SimpleObject)]
pub(crate) struct Unsubscribed {
    /// Its id.
    id: ID,
    /// Where that stands in the log.
    position: LogPosition,
}

/// Questions about subscriptions.
#[derive(Default)]
pub(crate) struct SubscriptionQuery;

/// Questions about subscriptions.
#[Object]
impl SubscriptionQuery {
    /// The subscriptions to webhooks, in order of id.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn subscriptions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What counts as known.")] as_of: Option<AsOfInput>,
        #[graphql(desc = "The size of the page from its beginning; 20 when missing.")]
        first: Option<i32>,
        #[graphql(desc = "Begin after the entry with this cursor.")] after: Option<String>,
        #[graphql(desc = "The size of the page from its end.")] last: Option<i32>,
        #[graphql(desc = "End before the entry with this cursor.")] before: Option<String>,
    ) -> Result<SubscriptionConnection> {
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let arguments = PageArguments {
            first,
            after,
            last,
            before,
        };
        let page = arguments.check::<String>(ctx.data::<Shared>()?.limits.page_max)?;
        let graph = &at.view.graph;
        let each = graph.subscriptions();
        let page = page.select(each.map(|it| (it.declared.id.clone(), it.clone())));
        let totals = SubscriptionTotals {
            total_count: graph.subscriptions().count(),
            position: at.position(),
        };
        Ok(page.connection(totals, WebhookSubscription::from))
    }

    /// What was sent to endpoints, what waits and what was given up, the newest event first. What was taken is told as far
    /// back as attempts are written down.
    #[graphql(complexity = "page_cost(first, None, child_complexity) + 50")]
    async fn deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of this subscription; of all when missing.")] subscription: Option<ID>,
        #[graphql(desc = "Only those that stand so.")] status: Option<DeliveryStatus>,
        #[graphql(desc = "The size of the page; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "Begin after the entry with this cursor.")] after: Option<String>,
    ) -> Result<DeliveryConnection> {
        let shared = ctx.data::<Shared>()?;
        // A subscription that was just declared is known once the fold has passed it.
        Standpoint::of(ctx, None).await?;
        let arguments = PageArguments {
            first,
            after,
            ..PageArguments::default()
        };
        let page = arguments.check::<DeliveryPlace>(shared.limits.page_max)?;
        let asked = DeliveryQuestion {
            subscription: subscription.map(|id| id.to_string()),
            status: status.map(Into::into),
            after: page.after.clone(),
            first: page.size(),
        };
        let listed = shared.ports.deliveries.list(asked).await;
        let listed = listed.map_err(|error| delivery_error(&error))?;
        let totals = DeliveryTotals {
            total_count: listed.total,
        };
        let entries = listed.deliveries.into_iter();
        let entries = entries.map(|it| ((it.position, it.subscription.clone()), it));
        let page = page.taken(entries.collect(), listed.more);
        Ok(page.connection(totals, deliveries::Delivery::from))
    }

    /// What a subscription would have heard of, the newest first. Nothing is declared and nothing is sent.
    #[graphql(complexity = "page_cost(first, None, child_complexity) + 100")]
    async fn preview_subscription(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "match", desc = "What the subscription is about.")]
        wanted: SubscriptionMatch,
        #[graphql(desc = "How far to look back; `P7D` when missing.")] lookback: Option<Duration>,
        #[graphql(desc = "How many notices to list; 20 when missing.")] first: Option<i32>,
    ) -> Result<SubscriptionPreview> {
        let at = Standpoint::of(ctx, None).await?;
        let wanted = wanted.into_kept(&at)?;
        let first = question_size(ctx, first)?;
        let lookback = lookback.map_or(PREVIEW_DEFAULT, |lookback| lookback.0);
        SubscriptionPreview::of(ctx, at, wanted, lookback, first).await
    }
}

/// Statements about subscriptions.
#[derive(Default)]
pub(crate) struct SubscriptionMutation;

/// Statements about subscriptions.
#[Object]
impl SubscriptionMutation {
    /// Subscribes an endpoint to what is recorded from now on. The answer shows the key that signs; nothing shows it again.
    async fn subscribe(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The subscription.")] input: SubscribeInput,
    ) -> Result<Subscribed> {
        let at = Standpoint::of(ctx, None).await?;
        if SUBSCRIPTIONS_MAX <= at.view.graph.subscriptions().count() {
            let message = format!("there are {SUBSCRIPTIONS_MAX} subscriptions, which is the most");
            return Err(ErrorCode::BadInput.error(message));
        }
        let input = input.check()?;
        let wanted = input.wanted.into_kept(&at)?;
        let deliveries = &ctx.data::<Shared>()?.ports.deliveries;
        let sealed = deliveries.seal(input.url).await;
        let sealed = sealed.map_err(|error| delivery_error(&error))?;
        let id = format!("sub_{}", deliveries.fresh_name());
        let declared = SubscriptionDeclared {
            id: id.clone(),
            name: input.name,
            endpoint: sealed.endpoint,
            seal: sealed.seal.clone(),
            format: input.format,
            wanted,
            per_second_max: input.per_second_max,
            quiet_hours: input.quiet_hours,
            digest: input.digest,
            urgent: input.urgent,
            verify: input.verify,
        };
        let event = Event::SubscriptionDeclared(Box::new(declared));
        let position = match deliveries.record(event).await {
            Ok(position) => position,
            Err(error) => {
                deliveries.forget(sealed.seal).await;
                return Err(record_error(&error));
            }
        };
        standpoint_after(ctx, position).await?;
        Ok(Subscribed {
            id: ID(id),
            secret: sealed.secret,
            public_key: sealed.public_key,
            position: LogPosition(position),
        })
    }

    /// Changes what is given of a subscription. Its keys, what waits and how far the log was read for it stay; the new match
    /// is asked of what has not been read yet. A subscription that was disabled goes on.
    async fn update_subscription(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The subscription.")] id: ID,
        #[graphql(desc = "What changes.")] input: UpdateSubscriptionInput,
    ) -> Result<WebhookSubscription> {
        let at = Standpoint::of(ctx, None).await?;
        let before = require(&at, &id)?;
        let (declared, url) = input.onto(before.clone(), &at)?;
        let at = edit::replace(ctx, at, before, declared, url).await?;
        shown_at(&at, &id)
    }

    /// Makes new keys. Those before sign beside them for `deliveries.key_overlap_ms`, so that receivers can be changed over.
    async fn rotate_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The subscription.")] id: ID,
    ) -> Result<Subscribed> {
        let at = Standpoint::of(ctx, None).await?;
        let mut declared = require(&at, &id)?;
        let deliveries = &ctx.data::<Shared>()?.ports.deliveries;
        let sealed = deliveries.renew(declared.seal.clone()).await;
        let sealed = sealed.map_err(|error| delivery_error(&error))?;
        let before = std::mem::replace(&mut declared.seal, sealed.seal);
        let position = declare(ctx, declared).await?;
        deliveries.forget(before).await;
        Ok(Subscribed {
            id,
            secret: sealed.secret,
            public_key: sealed.public_key,
            position,
        })
    }

    /// Lets a subscription go on that was disabled. What would have been sent meanwhile is sent.
    async fn resume_subscription(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The subscription.")] id: ID,
    ) -> Result<WebhookSubscription> {
        let at = Standpoint::of(ctx, None).await?;
        let declared = require(&at, &id)?;
        let position = declare(ctx, declared).await?;
        let at = standpoint_after(ctx, position.0).await?;
        shown_at(&at, &id)
    }

    /// Sends again: everything that the subscription is about after a position, or one delivery by the position of its event.
    async fn redeliver(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The subscription.")] subscription: ID,
        #[graphql(desc = "Everything after this position; 0 begins with the log.")]
        from_position: Option<LogPosition>,
        #[graphql(desc = "The delivery of the event at this position alone.")] position: Option<
            LogPosition,
        >,
    ) -> Result<WebhookSubscription> {
        let at = Standpoint::of(ctx, None).await?;
        require(&at, &subscription)?;
        let what = match (from_position, position) {
            (Some(from), None) => Redelivery::After(from.0),
            (None, Some(one)) => Redelivery::One(one.0),
            _ => {
                let message = "give fromPosition or position, one of them";
                return Err(ErrorCode::BadInput.error(message));
            }
        };
        let deliveries = &ctx.data::<Shared>()?.ports.deliveries;
        let sent = deliveries.redeliver(subscription.to_string(), what).await;
        sent.map_err(|error| delivery_error(&error))?;
        shown_at(&at, &subscription)
    }

    /// Sends a signed message that says nothing to the endpoint, once, and tells how it answered.
    async fn test_subscription(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The subscription.")] id: ID,
    ) -> Result<DeliveryAttempt> {
        attempt(ctx, &id, |deliveries, declared| deliveries.test(declared)).await
    }

    /// Sends the endpoint a challenge, and tells how it answered. One that answers with the challenge is verified. Addresses
    /// of mail that have not confirmed are sent a code each; given here it confirms the address that was sent it.
    async fn verify_subscription(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The subscription.")] id: ID,
        #[graphql(desc = "What an address of mail was sent.")] code: Option<String>,
    ) -> Result<DeliveryAttempt> {
        attempt(ctx, &id, |deliveries, declared| {
            deliveries.verify(declared, code)
        })
        .await
    }

    /// Ends a subscription: nothing more is sent, and its keys are forgotten.
    async fn unsubscribe(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The subscription.")] id: ID,
        #[graphql(desc = "Why.")] reason: Option<String>,
    ) -> Result<Unsubscribed> {
        let at = Standpoint::of(ctx, None).await?;
        let declared = require(&at, &id)?;
        let deliveries = &ctx.data::<Shared>()?.ports.deliveries;
        let event = Event::SubscriptionWithdrawn(SubscriptionWithdrawn {
            id: id.to_string(),
            reason: reason
                .map(|reason| input::line("reason", &reason))
                .transpose()?,
        });
        let position = deliveries.record(event).await;
        let position = position.map_err(|error| record_error(&error))?;
        deliveries.forget(declared.seal).await;
        standpoint_after(ctx, position).await?;
        Ok(Unsubscribed {
            id,
            position: LogPosition(position),
        })
    }
}

/// Declares a subscription again, and waits for the fold.
async fn declare(ctx: &Context<'_>, declared: SubscriptionDeclared) -> Result<LogPosition> {
    let deliveries = &ctx.data::<Shared>()?.ports.deliveries;
    let event = Event::SubscriptionDeclared(Box::new(declared));
    let position = deliveries.record(event).await;
    let position = position.map_err(|error| record_error(&error))?;
    standpoint_after(ctx, position).await?;
    Ok(LogPosition(position))
}

/// The declaration of a subscription.
fn require(at: &Standpoint, id: &ID) -> Result<SubscriptionDeclared> {
    let found = at.view.graph.subscription(id);
    let declared = found.map(|found| found.declared.clone());
    declared.ok_or_else(|| delivery_error(&DeliveryError::Unknown(id.to_string())))
}

/// What comes of one message to an endpoint.
type Sent<'d> = PortFuture<'d, Result<crate::DeliveryAttempt, DeliveryError>>;

/// Sends something to the endpoint of a subscription at once, and tells how it answered.
async fn attempt(
    ctx: &Context<'_>,
    id: &ID,
    send: impl for<'d> FnOnce(&'d dyn Deliveries, SubscriptionDeclared) -> Sent<'d> + Send,
) -> Result<DeliveryAttempt> {
    let at = Standpoint::of(ctx, None).await?;
    let declared = require(&at, id)?;
    let deliveries = &ctx.data::<Shared>()?.ports.deliveries;
    let attempt = send(deliveries.as_ref(), declared).await;
    Ok(attempt.map_err(|error| delivery_error(&error))?.into())
}

/// A subscription as it stands.
fn shown_at(at: &Standpoint, id: &ID) -> Result<WebhookSubscription> {
    let found = at.view.graph.subscription(id).cloned();
    let gone = || delivery_error(&DeliveryError::Unknown(id.to_string()));
    found.map(WebhookSubscription::from).ok_or_else(gone)
}

/// What a client is told when an endpoint was not taken.
fn delivery_error(error: &DeliveryError) -> async_graphql::Error {
    match error {
        DeliveryError::Address(_)
        | DeliveryError::NoNotice(_)
        | DeliveryError::Unverified
        | DeliveryError::WrongCode
        | DeliveryError::NoCode
        | DeliveryError::AllConfirmed
        | DeliveryError::NoEcho => ErrorCode::BadInput.error(error.to_string()),
        DeliveryError::TooOften(_) => ErrorCode::Busy.error(error.to_string()),
        DeliveryError::BeyondLog(_) => ErrorCode::PositionUnknown.error(error.to_string()),
        DeliveryError::Unknown(_) => ErrorCode::SubscriptionNotFound.error(error.to_string()),
        DeliveryError::Kept(cause) => {
            tracing::error!(error = %cause, "{error}: {cause}");
            ErrorCode::Internal.error("internal error")
        }
    }
}
