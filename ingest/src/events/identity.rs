//! What a sender states of identity: which names are one item, and which source is not to be believed.

use model::{
    EventId, IdentityReverted, ItemSplit, ItemsMerged, SourceRestored, SourceRetracted, bounds,
};
use serde_json::Value;

use crate::fields::{self, Fields, Path, Problems};

/// `items.merged`.
pub(super) fn merged(data: Value, path: &Path<'_>, problems: &mut Problems) -> Option<ItemsMerged> {
    let mut fields = Fields::open(data, path, problems)?;
    let items = fields.list("items", bounds::ATTRIBUTES_MAX, fields::key);
    if items.len() < 2 {
        fields.problem("items", "a merge names two items or more");
    }
    let reason = fields.may("reason", fields::text);
    fields.close();
    Some(ItemsMerged { items, reason })
}

/// `item.split`.
pub(super) fn split(data: Value, path: &Path<'_>, problems: &mut Problems) -> Option<ItemSplit> {
    let mut fields = Fields::open(data, path, problems)?;
    let names = fields.list("names", bounds::ATTRIBUTES_MAX, fields::key);
    let from = fields.list("from", bounds::ATTRIBUTES_MAX, fields::key);
    if names.is_empty() {
        fields.problem("names", "a split says which names leave");
    }
    if from.is_empty() {
        fields.problem("from", "a split says which names stay");
    }
    if names.iter().any(|name| from.contains(name)) {
        fields.problem("names", "no name both leaves and stays");
    }
    let reason = fields.may("reason", fields::text);
    fields.close();
    Some(ItemSplit {
        names,
        from,
        reason,
    })
}

/// `identity.reverted`.
pub(super) fn reverted(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<IdentityReverted> {
    let mut fields = Fields::open(data, path, problems)?;
    let decision = fields.must("decision", event_id);
    let reason = fields.may("reason", fields::text);
    fields.close();
    Some(IdentityReverted {
        decision: decision?,
        reason,
    })
}

/// `source.retracted`.
pub(super) fn retracted(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<SourceRetracted> {
    let mut fields = Fields::open(data, path, problems)?;
    let source = fields.must("source", fields::source_name);
    let until = fields.may("until", fields::time);
    let reason = fields.may("reason", fields::text);
    fields.close();
    Some(SourceRetracted {
        source: source?,
        until,
        reason,
    })
}

/// `source.restored`.
pub(super) fn restored(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<SourceRestored> {
    let mut fields = Fields::open(data, path, problems)?;
    let source = fields.must("source", fields::source_name);
    let reason = fields.may("reason", fields::text);
    fields.close();
    Some(SourceRestored {
        source: source?,
        reason,
    })
}

fn event_id(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<EventId> {
    let mut fields = Fields::open(value, path, problems)?;
    let source = fields.must("source", fields::source_name);
    let delivery = fields.must("delivery", fields::source_id);
    fields.close();
    Some(EventId {
        source: source?,
        delivery: delivery?,
    })
}
