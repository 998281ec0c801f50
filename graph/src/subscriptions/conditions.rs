//! What a kept filter asks of a change, of an incident, and of where they are.

use model::{ChangeFilter, CiId, RuleReach, SourceKey};

use crate::changes::{ChangeConditions, ChangeSelection};
use crate::view::{ChangeRow, GraphView, IncidentRow};

/// Somewhere in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'s> {
    pub(super) items: &'s [SourceKey],
    pub(super) inside: &'s [SourceKey],
    pub(super) teams: &'s [String],
    pub(super) direction: RuleReach,
    pub(super) hops_max: u32,
}

impl<'s> Place<'s> {
    pub(super) const NOWHERE: Place<'static> = Place {
        items: &[],
        inside: &[],
        teams: &[],
        direction: RuleReach::Itself,
        hops_max: 0,
    };

    /// The places that a filter names, each of which asks for itself.
    pub(super) fn of_filter(filter: &'s ChangeFilter) -> Vec<Self> {
        let mut places = Vec::new();
        if !filter.items.is_empty() {
            places.push(Place {
                items: &filter.items,
                ..Place::NOWHERE
            });
        }
        if !filter.inside.is_empty() {
            places.push(Place {
                inside: &filter.inside,
                ..Place::NOWHERE
            });
        }
        if !filter.teams.is_empty() {
            places.push(Place {
                teams: &filter.teams,
                ..Place::NOWHERE
            });
        }
        if let Some(around) = &filter.impact {
            places.push(Place {
                items: &around.items,
                direction: around.direction,
                hops_max: around.hops_max.unwrap_or(u32::MAX),
                ..Place::NOWHERE
            });
        }
        places
    }
}

/// Whether a change passes what is asked of itself; texts and places aside.
pub(super) fn change_passes(view: &GraphView, filter: &ChangeFilter, row: &ChangeRow<'_>) -> bool {
    let conditions = ChangeConditions {
        sources: filter.sources.clone(),
        kinds: filter.kinds.clone(),
        scenes: filter.scenes.clone(),
        environments: filter.environments.clone(),
        levels: filter.levels.clone(),
        operators: filter.operators.clone(),
        actors: filter.operator_kinds.clone(),
        statuses: filter.statuses.clone(),
        emergency: filter.emergency,
        bookkeeping: filter.bookkeeping,
        from: filter.from,
        until: filter.until,
        finished_from: filter.finished_from,
        finished_until: filter.finished_until,
        among: Vec::new(),
    };
    let of_kind = || {
        let items = row.items();
        items
            .iter()
            .any(|item| is_one(&filter.item_kinds, item.kind()))
    };
    ChangeSelection::new(view, conditions).passes(row)
        && (filter.item_kinds.is_empty() || of_kind())
}

/// Whether an incident passes what is asked of its source, environment and kinds of items.
pub(super) fn incident_passes(filter: &ChangeFilter, incident: &IncidentRow<'_>) -> bool {
    let items = incident.items();
    let wanted = |environment: &str| is_one(&filter.environments, environment);
    let in_environment = match incident.environment() {
        Some(environment) => wanted(environment),
        None => items
            .iter()
            .any(|item| item.environment().is_some_and(wanted)),
    };
    let of_kind = items
        .iter()
        .any(|item| is_one(&filter.item_kinds, item.kind()));
    (filter.sources.is_empty() || is_one(&filter.sources, incident.source()))
        && (filter.environments.is_empty() || in_environment)
        && (filter.item_kinds.is_empty() || of_kind)
}

fn is_one(wanted: &[String], given: &str) -> bool {
    wanted.iter().any(|wanted| wanted == given)
}

/// Whether one of the changed fields is wanted: by name, or by what it lies below.
pub(super) fn field_is_wanted(wanted: &[String], field: &str) -> bool {
    wanted.iter().any(|wanted| match wanted.strip_suffix('*') {
        Some(beginning) => field.starts_with(beginning),
        None => wanted == field,
    })
}

/// What ids keys mean at a moment.
pub(super) fn meant(
    view: &GraphView,
    keys: &[SourceKey],
    environment: Option<&str>,
    at: model::Timestamp,
) -> Vec<CiId> {
    let items = keys.iter();
    let items = items.filter_map(|key| view.resolve(key, environment, at).item());
    items.map(|item| item.id()).collect()
}
