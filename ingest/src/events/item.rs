//! What a sender states of an item.

use model::{
    Alias, Claim, Deviation, ItemDeviated, ItemRetired, ListedRelations, ObservedItem, TakenBack,
    ValidInterval, bounds,
};
use serde_json::Value;

use super::relation;
use crate::fields::{self, Fields, Path, Problems};

/// `item.observed`.
pub(super) fn observed(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<ObservedItem> {
    let mut fields = Fields::open(data, path, problems)?;
    let key = fields.must("key", fields::key);
    let claims = fields.list("claims", bounds::ATTRIBUTES_MAX, claim);
    let aliases = fields.list("aliases", bounds::ATTRIBUTES_MAX, alias);
    let display_name = fields.may("displayName", fields::line);
    let attributes = fields.may("attributes", fields::attributes);
    let owner = fields.may("owner", fields::line);
    let criticality = fields.may("criticality", fields::statement);
    let valid_from = fields.may("validFrom", fields::time);
    let valid_until = fields.may("validUntil", fields::time);
    let report_interval_ms = fields.may("reportIntervalMs", fields::duration_ms);
    let listed = fields.may("relations", |value, path, problems| {
        relation::listed(value, path, problems)
    });
    let taken_back = fields.may("takenBack", taken_back);
    fields.in_order(("validFrom", valid_from), ("validUntil", valid_until));
    let back = taken_back.clone().unwrap_or_default();
    for (name, is_both) in [
        ("owner", back.owner && owner.is_some()),
        ("criticality", back.criticality && criticality.is_some()),
        ("displayName", back.display_name && display_name.is_some()),
    ] {
        if is_both {
            fields.problem(name, "is stated and taken back at once");
        }
    }
    fields.close();
    let key = key?;
    let relations = listed.map(|relations| ListedRelations {
        of: key.clone(),
        by: None,
        relations,
    });
    Some(ObservedItem {
        key,
        claims,
        aliases,
        display_name,
        attributes: attributes.unwrap_or_default(),
        owner,
        criticality,
        valid_from,
        valid_until,
        report_interval_ms,
        relations,
        taken_back,
    })
}

/// What the source says no longer.
fn taken_back(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<TakenBack> {
    let mut fields = Fields::open(value, path, problems)?;
    let mut truth = |name| fields.may(name, fields::truth).unwrap_or_default();
    let (owner, criticality) = (truth("owner"), truth("criticality"));
    let display_name = truth("displayName");
    let names = fields.list("names", 2 * bounds::ATTRIBUTES_MAX, claim);
    fields.close();
    Some(TakenBack {
        owner,
        criticality,
        display_name,
        names,
    })
}

/// `item.retired`.
pub(super) fn retired(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<ItemRetired> {
    let mut fields = Fields::open(data, path, problems)?;
    let key = fields.must("key", fields::key);
    let reason = fields.may("reason", fields::line);
    fields.close();
    Some(ItemRetired { key: key?, reason })
}

/// `item.deviated`.
pub(super) fn deviated(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<ItemDeviated> {
    let mut fields = Fields::open(data, path, problems)?;
    let key = fields.must("key", fields::key);
    let deviation = fields.must("deviation", deviation);
    fields.close();
    Some(ItemDeviated {
        key: key?,
        deviation: deviation?,
    })
}

/// A measure against its baseline.
pub(super) fn deviation(
    value: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<Deviation> {
    let mut fields = Fields::open(value, path, problems)?;
    let metric = fields.must("metric", fields::name);
    let baseline = fields.must("baseline", fields::number);
    let value = fields.must("value", fields::number);
    let window = fields.must("window", window);
    let samples = fields.may("samples", fields::quantity);
    fields.close();
    Some(Deviation {
        metric: metric?,
        baseline: baseline?,
        value: value?,
        window: window?,
        samples,
    })
}

fn window(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<ValidInterval> {
    let mut fields = Fields::open(value, path, problems)?;
    let from = fields.must("from", fields::time);
    let until = fields.may("until", fields::time);
    fields.close();
    let interval = ValidInterval::new(from?, until);
    if interval.is_none() {
        problems.add(path, "ends no later than it begins");
    }
    interval
}

fn claim(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<Claim> {
    let mut fields = Fields::open(value, path, problems)?;
    let scheme = fields.must("scheme", fields::name);
    let claimed = fields.must("value", fields::key_part);
    fields.close();
    Some(Claim {
        scheme: scheme?,
        value: claimed?,
    })
}

fn alias(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<Alias> {
    let mut fields = Fields::open(value, path, problems)?;
    let scheme = fields.must("scheme", fields::name);
    let named = fields.must("value", fields::key_part);
    let valid_from = fields.may("validFrom", fields::time);
    let valid_until = fields.may("validUntil", fields::time);
    fields.in_order(("validFrom", valid_from), ("validUntil", valid_until));
    fields.close();
    Some(Alias {
        scheme: scheme?,
        value: named?,
        valid_from,
        valid_until,
    })
}
