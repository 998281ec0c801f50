//! What a subscription would have heard of: the statements of some time, held against it as deliveries do.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::{Context, Result, SimpleObject};
use graph::Telling;
use model::{CiId, Lookback, SubscriptionMatch, Timestamp};

use crate::error::ErrorCode;
use crate::schema::Shared;
use crate::schema::asking::ask;
use crate::schema::change::Change;
use crate::schema::change_filter::texts_of;
use crate::schema::incident::Incident;
use crate::schema::item::ConfigurationItem;
use crate::schema::scalars::LogPosition;
use crate::schema::standpoint::Standpoint;

/// Most statements that are looked at, the newest.
const STATEMENTS_MAX: usize = 5_000;

/// What a subscription would have heard of.
#[derive(SimpleObject)]
pub(crate) struct SubscriptionPreview {
    /// The notices, the newest first.
    notices: Vec<PreviewedNotice>,
    /// How many notices there would have been.
    total: usize,
    /// How many statements were looked at.
    considered: usize,
    /// Whether more was said in that time than is looked at.
    truncated: bool,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// A notice that would have been sent.
#[derive(SimpleObject)]
pub(crate) struct PreviewedNotice {
    /// Where the statement stands in the log.
    position: LogPosition,
    /// The change it speaks of.
    change: Option<Change>,
    /// The incident it speaks of.
    incident: Option<Incident>,
    /// Where the subscription stands, if it stands somewhere.
    origin: Option<ConfigurationItem>,
    /// What of it is touched.
    touched: Option<ConfigurationItem>,
    /// How many relations lie between them.
    hops: Option<u32>,
}

impl SubscriptionPreview {
    pub(super) async fn of(
        ctx: &Context<'_>,
        at: Standpoint,
        wanted: SubscriptionMatch,
        lookback: Lookback,
        first: usize,
    ) -> Result<Self> {
        let from = at.valid_at.plus_nanos(-lookback.nanos());
        let looking = at.clone();
        let (positions, truncated) = ask(ctx, move || statements(&looking, from)).await?;
        let considered = positions.len();
        let ports = &ctx.data::<Shared>()?.ports;
        let read = ports.events.at(positions).await;
        let read = read.map_err(|error| {
            tracing::error!(error = %error, "a preview could not read the log: {error}");
            ErrorCode::Internal.error("internal error")
        })?;
        let question = texts_of(&wanted.filter)?;
        let texts = Arc::clone(&ports.texts);
        ask(ctx, move || {
            let mut notices = Vec::new();
            let mut total = 0;
            for envelope in &read {
                let judge = |_: &model::ChangeFilter, said: &model::Change| {
                    texts.holds(&question, envelope.occurred_at, said)
                };
                let telling = Telling::of(&at.view.graph, envelope);
                let Some(mut telling) = telling else { continue };
                let Some(near) = telling.fits(&wanted, &judge) else {
                    continue;
                };
                total += 1;
                if notices.len() < first {
                    let item = |id: CiId| ConfigurationItem::find(&at, id);
                    notices.push(PreviewedNotice {
                        position: LogPosition(envelope.position),
                        change: telling.change().map(|row| Change::of(&at, row.id())),
                        incident: telling.incident().map(|row| Incident::of(&at, row.id())),
                        origin: near.and_then(|near| item(near.origin)),
                        touched: near.and_then(|near| item(near.touched)),
                        hops: near.map(|near| near.hops),
                    });
                }
            }
            Self {
                notices,
                total,
                considered,
                truncated,
                position: at.position(),
            }
        })
        .await
    }
}

/// Where the statements of changes and incidents since a moment stand, the newest first, and whether there are more.
fn statements(at: &Standpoint, from: Timestamp) -> (Vec<model::LogPosition>, bool) {
    let graph = &at.view.graph;
    let changes = graph.changes_between(from, Timestamp::MAX);
    let mut positions = BTreeSet::new();
    let mut more = false;
    for row in changes {
        positions.extend(row.statements());
        if STATEMENTS_MAX < positions.len() {
            more = true;
            break;
        }
    }
    let incidents = graph.incidents_unsorted();
    for row in incidents.filter(|row| from <= row.started_at()) {
        positions.extend(row.statements());
    }
    let newest = positions.iter().rev().take(STATEMENTS_MAX).copied();
    let newest: Vec<model::LogPosition> = newest.collect();
    more |= newest.len() < positions.len();
    (newest, more)
}
