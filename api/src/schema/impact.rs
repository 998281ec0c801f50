//! What a change's author expects to be affected, against what harm would reach.

use async_graphql::{Context, Result, SimpleObject};
use graph::{BlastLimits, Resolution, compare_impact};
use model::CiId;

use super::Shared;
use super::asking::ask;
use super::change::Change;
use super::details::whole_change;
use super::item::ConfigurationItem;
use super::radius::Impact;
use super::standpoint::Standpoint;

/// How many harmed items are compared.
const COMPARED_MAX: usize = 2_000;

/// What a change's author expects to be affected, against what harm would reach as the estate is at the standpoint.
#[derive(SimpleObject)]
pub(crate) struct ImpactComparison {
    /// Expected, and touched or reached by harm.
    confirmed: Vec<ConfigurationItem>,
    /// Reached by harm and not expected: the worst of them.
    missed: Vec<Impact>,
    /// How many were missed.
    missed_count: usize,
    /// Expected, and neither touched nor reached.
    unreached: Vec<ConfigurationItem>,
    /// Expected, and not known or not clear.
    unknown: Vec<String>,
    /// Whether more was reached than was looked at.
    truncated: bool,
}

impl ImpactComparison {
    /// Of a change; nothing where its author expects nothing.
    pub(crate) async fn of(
        ctx: &Context<'_>,
        at: Standpoint,
        change: Change,
        least: f64,
        first: usize,
    ) -> Result<Option<Self>> {
        let (id, origins, statements, environment) = {
            let row = change.row();
            let origins: Vec<CiId> = row.items().iter().map(graph::Item::id).collect();
            let environment = row.environment().map(str::to_owned);
            (row.id(), origins, row.statements().to_vec(), environment)
        };
        let said = whole_change(ctx, id, &statements).await?;
        let stated = said
            .map(|change| change.declared_impact)
            .unwrap_or_default();
        if stated.is_empty() {
            return Ok(None);
        }
        let limits = &ctx.data::<Shared>()?.limits;
        let limits = BlastLimits {
            hops_max: None,
            impacts_max: COMPARED_MAX,
            visited_max: limits.radius_visited_max,
            score_min: limits.radius_score_min,
        };
        ask(ctx, move || {
            let graph = &at.view.graph;
            let (mut items, mut unknown) = (Vec::new(), Vec::new());
            for key in &stated {
                match graph.resolve(key, environment.as_deref(), at.valid_at) {
                    Resolution::Item(item) => items.push(item.id()),
                    Resolution::Ambiguous(_) | Resolution::Unknown => unknown.push(key.to_string()),
                }
            }
            let found = compare_impact(graph, &origins, &items, at.as_of(), limits, least);
            let shown = |items: &[CiId]| {
                let items = items
                    .iter()
                    .filter_map(|id| ConfigurationItem::find(&at, *id));
                items.collect()
            };
            Some(Self {
                confirmed: shown(&found.confirmed),
                unreached: shown(&found.unreached),
                missed_count: found.missed.len(),
                missed: found
                    .missed
                    .into_iter()
                    .take(first)
                    .map(|impact| Impact::of(&at, impact))
                    .collect(),
                unknown,
                truncated: found.truncated,
            })
        })
        .await
    }
}
