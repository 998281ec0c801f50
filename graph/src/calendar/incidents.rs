//! The incidents that go on where a change is to be made: on what it touches, on what that needs,
//! and on what it may harm.

use std::collections::BTreeMap;

use model::{AsOf, CiId};

use super::reach::Needs;
use crate::blast::{BlastLimits, BlastRadius, Impact, blast_radius};
use crate::identity::ItemIx;
use crate::path::PathStep;
use crate::view::{GraphView, IncidentRow};

/// Where an incident goes on, seen from a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IncidentPlace {
    /// On what the change touches.
    Touched,
    /// On what that needs.
    Needed,
    /// On what the change may harm.
    Harmed,
}

/// An incident that goes on where a change is to be made.
#[derive(Clone, Debug)]
pub struct IncidentNear<'v> {
    /// The incident.
    pub incident: IncidentRow<'v>,
    /// Where it goes on.
    pub place: IncidentPlace,
    /// The item of it that is nearest.
    pub item: CiId,
    /// The way from a target of the change to the item.
    pub path: Vec<PathStep>,
}

/// Explicit limits of one question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IncidentLimits {
    /// How many items are looked at to find what the targets need.
    pub visited_max: usize,
    /// How far harm is followed.
    pub radius: BlastLimits,
}

/// The incidents that go on where a change is to be made.
#[derive(Clone, Debug)]
pub struct IncidentsNear<'v> {
    /// Those on its targets first, then the nearest.
    pub incidents: Vec<IncidentNear<'v>>,
    /// Whether more is needed or harmed than was looked at.
    pub truncated: bool,
}

/// The incidents that go on at a moment where a change with these targets is to be made.
pub fn incidents_near<'v>(
    view: &'v GraphView,
    targets: &[CiId],
    as_of: AsOf,
    limits: IncidentLimits,
) -> IncidentsNear<'v> {
    let radius = blast_radius(view, targets, as_of, limits.radius);
    incidents_within(view, targets, as_of, limits.visited_max, radius)
}

/// The same where the caller knows what the change may harm.
pub(crate) fn incidents_within<'v>(
    view: &'v GraphView,
    targets: &[CiId],
    as_of: AsOf,
    visited_max: usize,
    radius: BlastRadius,
) -> IncidentsNear<'v> {
    let at = as_of.valid_at;
    let origins = targets.iter().filter_map(|target| view.item(*target));
    let origins: Vec<ItemIx> = origins.map(|item| item.item).collect();
    let needs = Needs::of(view, at, &origins, visited_max);
    let truncated = needs.cut_short || radius.truncated;
    let harmed: BTreeMap<CiId, Impact> =
        radius.impacts.into_iter().map(|it| (it.item, it)).collect();
    let going_on = view.incidents_unsorted().filter(|it| it.goes_on(at));
    let mut incidents: Vec<IncidentNear<'v>> = going_on
        .filter_map(|incident| {
            let items = incident.items().into_iter();
            let places = items.filter_map(|item| {
                let id = item.id();
                let (place, path) = match needs.way_to(item.item) {
                    Some(path) if path.is_empty() => (IncidentPlace::Touched, path),
                    Some(path) => (IncidentPlace::Needed, path),
                    None => (IncidentPlace::Harmed, harmed.get(&id)?.path.clone()),
                };
                Some((place, path, id))
            });
            let (place, path, item) = places.min_by_key(|(place, path, id)| {
                let first = *place != IncidentPlace::Touched;
                (first, path.len(), *place, *id)
            })?;
            Some(IncidentNear {
                incident,
                place,
                item,
                path,
            })
        })
        .collect();
    incidents.sort_by_key(|near| (near.path.len(), near.place, near.incident.id()));
    IncidentsNear {
        incidents,
        truncated,
    }
}
