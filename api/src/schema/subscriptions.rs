//! Who wants to hear of what: subscriptions as they are declared and listed, and what they would have heard.

mod input;
mod preview;
mod shown;

use async_graphql::connection::{Connection, EmptyFields, OpaqueCursor};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use model::{Event, Lookback, SubscriptionDeclared, SubscriptionWithdrawn};

use super::Shared;
use super::paging::{PageArguments, page_cost, question_size};
use super::recording::{record_error, standpoint_after};
use super::scalars::{Duration, LogPosition};
use super::standpoint::{AsOfInput, Standpoint};
use crate::DeliveryError;
use crate::error::ErrorCode;
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

/// The declaration of a subscription.
fn require(at: &Standpoint, id: &ID) -> Result<SubscriptionDeclared> {
    let found = at.view.graph.subscription(id);
    let declared = found.map(|found| found.declared.clone());
    declared.ok_or_else(|| delivery_error(&DeliveryError::Unknown(id.to_string())))
}

/// What a client is told when an endpoint was not taken.
fn delivery_error(error: &DeliveryError) -> async_graphql::Error {
    match error {
        DeliveryError::Address(_) => ErrorCode::BadInput.error(error.to_string()),
        DeliveryError::Unknown(_) => ErrorCode::SubscriptionNotFound.error(error.to_string()),
        DeliveryError::Kept(cause) => {
            tracing::error!(error = %cause, "{error}: {cause}");
            ErrorCode::Internal.error("internal error")
        }
    }
}
