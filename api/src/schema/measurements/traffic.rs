//! How much traffic harm would meet: what was measured of the calls of a harmed item.

use std::collections::BTreeSet;

use async_graphql::{Context, Result, SimpleObject};
use graph::{Impact, Relation};

use super::{MeasuredName, NAMES_MAX, Span, measurements, names_of_item};
use crate::schema::scalars::DateTime;
use crate::schema::standpoint::Standpoint;

/// What was measured of the calls of a harmed item in the hour before the moment asked about.
#[derive(Clone, SimpleObject)]
pub(crate) struct Traffic {
    /// Calls that the item takes in a minute, from whomever; null when none were measured.
    pub(crate) calls_per_minute: Option<f64>,
    /// Of the calls that the item makes, the share over the last step of its path, from 0 to 1; null when none over it were measured.
    share: Option<f64>,
    /// The first moment of the hour.
    from: DateTime,
    /// The first moment behind it.
    to: DateTime,
    /// What this cannot see, in words; empty when nothing is known to be missing.
    unseen: Vec<String>,
}

/// The hour before the standpoint's moment.
fn the_hour_before() -> Span {
    Span {
        from: None,
        to: None,
        step: None,
    }
}

/// What was measured of the calls of a harmed item, in the hour before the standpoint's moment.
pub(crate) async fn traffic(
    ctx: &Context<'_>,
    at: &Standpoint,
    impact: &Impact,
) -> Result<Traffic> {
    let taken = measurements(ctx, at, names_of_item(at, impact.item), the_hour_before()).await?;
    let mut unseen = taken.unseen;
    let mut share = None;
    if let Some((over, all)) = made(at, impact) {
        if NAMES_MAX < all.len() {
            unseen.push(format!(
                "it makes calls under {} names, and a share is told of {NAMES_MAX} at most",
                all.len()
            ));
        } else {
            let over = measurements(ctx, at, over, the_hour_before()).await?;
            let all = measurements(ctx, at, all, the_hour_before()).await?;
            share = over.total.zip(all.total);
            unseen.extend(over.unseen);
            unseen.extend(all.unseen);
        }
    }
    let mut told = BTreeSet::new();
    unseen.retain(|what| told.insert(what.clone()));
    Ok(Traffic {
        calls_per_minute: taken.total.map(|total| total.calls_per_second * 60.0),
        share: share.and_then(|(over, all)| (0.0 < all.calls).then(|| over.calls / all.calls)),
        from: taken.from,
        to: taken.to,
        unseen,
    })
}

/// The names of the relation by which harm came to an item, and those of all by which the item needs others;
/// nothing where harm came from an item that needs it.
fn made(
    at: &Standpoint,
    impact: &Impact,
) -> Option<(BTreeSet<MeasuredName>, BTreeSet<MeasuredName>)> {
    let step = impact.path.last().filter(|step| step.against_arrow)?;
    let needs = at.view.graph.item(impact.item)?.depends_on(at.valid_at);
    let over = needs
        .iter()
        .find(|it| it.kind() == step.kind && it.provider().id() == step.provider())?;
    Some((
        stated(over).collect(),
        needs.iter().flat_map(stated).collect(),
    ))
}

/// The names between which a relation was stated, which are those that its calls are measured under.
fn stated(relation: &Relation<'_>) -> impl Iterator<Item = MeasuredName> + use<> {
    let kind = relation.kind().to_owned();
    let claims = relation.claims().into_iter();
    claims.map(move |(dependent, provider)| MeasuredName::Relation {
        dependent: dependent.to_text(),
        provider: provider.to_text(),
        kind: kind.clone(),
    })
}
