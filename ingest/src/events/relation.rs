//! What a sender states of a relation, always `dependent -> provider`.

use model::{ListedRelation, ObservedRelation, RelationDeviated, RelationEnded, Strength, bounds};
use serde_json::Value;

use super::item;
use crate::fields::{self, Fields, Path, Problems};

const STRENGTHS: [(&str, Strength); 2] = [("strong", Strength::Strong), ("weak", Strength::Weak)];

/// `relation.observed`.
pub(super) fn observed(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<ObservedRelation> {
    let mut fields = Fields::open(data, path, problems)?;
    let dependent = fields.must("dependent", fields::key);
    let provider = fields.must("provider", fields::key);
    let kind = fields.must("kind", fields::relation_kind);
    let strength = fields.may("strength", |value, path, problems| {
        fields::word(&STRENGTHS, value, path, problems)
    });
    let valid_from = fields.may("validFrom", fields::time);
    let valid_until = fields.may("validUntil", fields::time);
    let report_interval_ms = fields.may("reportIntervalMs", fields::duration_ms);
    fields.in_order(("validFrom", valid_from), ("validUntil", valid_until));
    fields.close();
    Some(ObservedRelation {
        dependent: dependent?,
        provider: provider?,
        kind: kind?,
        strength,
        valid_from,
        valid_until,
        report_interval_ms,
    })
}

/// All relations that an item's source states by it; what an earlier list had and this one has not, has ended.
pub(super) fn listed(
    value: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<Vec<ListedRelation>> {
    let Value::Array(entries) = value else {
        problems.add(path, "expected a list");
        return None;
    };
    if bounds::LISTED_RELATIONS_MAX < entries.len() {
        let (found, limit) = (entries.len(), bounds::LISTED_RELATIONS_MAX);
        problems.add(
            path,
            format!("has {found} entries, at most {limit} are taken"),
        );
        return None;
    }
    let entries = entries.into_iter().enumerate();
    let read = entries.filter_map(|(index, entry)| {
        let path = Path::Entry(path, index);
        let mut fields = Fields::open(entry, &path, problems)?;
        let dependent = fields.must("dependent", fields::key);
        let provider = fields.must("provider", fields::key);
        let kind = fields.must("kind", fields::relation_kind);
        let strength = fields.may("strength", |value, path, problems| {
            fields::word(&STRENGTHS, value, path, problems)
        });
        fields.close();
        Some(ListedRelation {
            dependent: dependent?,
            provider: provider?,
            kind: kind?,
            strength,
        })
    });
    Some(read.collect())
}

/// `relation.ended`.
pub(super) fn ended(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<RelationEnded> {
    let mut fields = Fields::open(data, path, problems)?;
    let dependent = fields.must("dependent", fields::key);
    let provider = fields.must("provider", fields::key);
    let kind = fields.must("kind", fields::relation_kind);
    let reason = fields.may("reason", fields::line);
    fields.close();
    Some(RelationEnded {
        dependent: dependent?,
        provider: provider?,
        kind: kind?,
        reason,
    })
}

/// `relation.deviated`.
pub(super) fn deviated(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<RelationDeviated> {
    let mut fields = Fields::open(data, path, problems)?;
    let dependent = fields.must("dependent", fields::key);
    let provider = fields.must("provider", fields::key);
    let kind = fields.may("kind", fields::relation_kind);
    let deviation = fields.must("deviation", item::deviation);
    fields.close();
    Some(RelationDeviated {
        dependent: dependent?,
        provider: provider?,
        kind,
        deviation: deviation?,
    })
}
