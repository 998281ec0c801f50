//! What a sender defines: kinds of items and of relations.

use model::{
    AttributeRule, Cardinality, DefinitionFault, HalfLife, Harm, KindDefined, KindWithdrawn,
    RelationKindDefined, RelationKindWithdrawn, ValueType, bounds, kind_faults,
    relation_kind_faults,
};
use serde_json::Value;

use super::withdrawal::withdrawal;
use crate::fields::{self, Fields, Path, Problems};

/// `kind.defined`.
pub(super) fn defined(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<KindDefined> {
    let mut fields = Fields::open(data, path, problems)?;
    let name = fields.must("name", fields::name);
    let title = fields.may("title", fields::line);
    let description = fields.may("description", fields::text);
    let closed = fields.may("closed", fields::truth);
    let authority = fields.may("authority", fields::source_name);
    let half_life = fields.may("halfLife", half_life);
    let attributes = fields.list("attributes", bounds::ATTRIBUTES_MAX, attribute);
    fields.close();
    let kind = KindDefined {
        name: name?,
        title,
        description,
        closed: closed.unwrap_or(false),
        authority,
        half_life,
        attributes,
    };
    told(kind_faults(&kind), path, problems);
    Some(kind)
}

/// `kind.withdrawn`.
pub(super) fn withdrawn(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<KindWithdrawn> {
    let read = (fields::name as _, fields::line as _);
    let (name, reason) = withdrawal(data, path, problems, read)?;
    Some(KindWithdrawn { name, reason })
}

/// `relation_kind.defined`.
pub(super) fn relation_defined(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<RelationKindDefined> {
    let mut fields = Fields::open(data, path, problems)?;
    let name = fields.must("name", fields::relation_kind);
    let sentence = fields.must("sentence", fields::line);
    let description = fields.may("description", fields::text);
    let dependents = fields.list("dependents", bounds::DEFINED_NAMES_MAX, fields::name);
    let providers = fields.list("providers", bounds::DEFINED_NAMES_MAX, fields::name);
    let cardinality = fields.may("cardinality", |value, path, problems| {
        fields::word(&Cardinality::WRITTEN, value, path, problems)
    });
    let harm = fields.may("harm", harm);
    fields.close();
    let kind = RelationKindDefined {
        name: name?.as_str().to_owned(),
        sentence: sentence?,
        description,
        dependents,
        providers,
        cardinality: cardinality.unwrap_or_default(),
        harm,
    };
    told(relation_kind_faults(&kind), path, problems);
    Some(kind)
}

fn harm(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<Harm> {
    let mut fields = Fields::open(value, path, problems)?;
    let to_dependent = fields.must("toDependent", percent);
    let to_provider = fields.must("toProvider", percent);
    fields.close();
    Some(Harm {
        to_dependent: to_dependent?,
        to_provider: to_provider?,
    })
}

fn percent(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<u8> {
    let percent = fields::quantity(value, path, problems)?;
    let fitting = u8::try_from(percent).ok().filter(|percent| *percent <= 100);
    if fitting.is_none() {
        problems.add(path, "is more than 100 percent");
    }
    fitting
}

/// `relation_kind.withdrawn`.
pub(super) fn relation_withdrawn(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<RelationKindWithdrawn> {
    let read = (fields::relation_kind as _, fields::line as _);
    let (name, reason) = withdrawal(data, path, problems, read)?;
    let name = model::RelationKind::as_str(&name).to_owned();
    let is_built_in = model::BUILT_IN_RELATION_KINDS
        .iter()
        .any(|built_in| built_in.name == name);
    if is_built_in {
        let reason = format!("{name} is built in and cannot be withdrawn");
        problems.add(&Path::Field(path, "name"), reason);
    }
    Some(RelationKindWithdrawn { name, reason })
}

fn half_life(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<HalfLife> {
    let mut fields = Fields::open(value, path, problems)?;
    let ageing = fields.must("ageing", count);
    let unconfirmed = fields.must("unconfirmed", count);
    let closed = fields.must("closed", count);
    fields.close();
    Some(HalfLife {
        ageing: ageing?,
        unconfirmed: unconfirmed?,
        closed: closed?,
    })
}

pub(super) fn attribute(
    value: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<AttributeRule> {
    let mut fields = Fields::open(value, path, problems)?;
    let name = fields.must("name", fields::name);
    let description = fields.may("description", fields::text);
    let value_type = fields.may("type", value_type);
    let elements = fields.may("elements", value_type_of_elements);
    let required = fields.may("required", fields::truth);
    let unique = fields.may("unique", fields::truth);
    let length_min = fields.may("lengthMin", count);
    let length_max = fields.may("lengthMax", count);
    let minimum = fields.may("minimum", fields::number);
    let maximum = fields.may("maximum", fields::number);
    let pattern = fields.may("pattern", fields::text);
    let values = fields.list("values", bounds::DEFINED_NAMES_MAX, fields::line);
    let kinds = fields.list("kinds", bounds::DEFINED_NAMES_MAX, fields::name);
    let precedence = fields.list("precedence", bounds::DEFINED_NAMES_MAX, fields::source_name);
    fields.close();
    Some(AttributeRule {
        description,
        value_type: value_type.unwrap_or_default(),
        elements: elements.unwrap_or_default(),
        required: required.unwrap_or(false),
        unique: unique.unwrap_or(false),
        length_min,
        length_max,
        minimum,
        maximum,
        pattern,
        values,
        kinds,
        precedence,
        ..AttributeRule::new(name?)
    })
}

fn value_type(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<ValueType> {
    fields::word(&ValueType::WRITTEN, value, path, problems)
}

/// Lists do not nest: nobody could say which entry of which list broke a rule.
fn value_type_of_elements(
    value: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<ValueType> {
    let elements = value_type(value, path, problems)?;
    if elements == ValueType::List {
        problems.add(path, "a list of lists cannot be defined");
        return None;
    }
    Some(elements)
}

fn count(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<u32> {
    let quantity = fields::quantity(value, path, problems)?;
    let count = u32::try_from(quantity).ok();
    if count.is_none() {
        problems.add(path, "is too large");
    }
    count
}

pub(super) fn told(faults: Vec<DefinitionFault>, path: &Path<'_>, problems: &mut Problems) {
    for fault in faults {
        problems.add(&Path::Field(path, &fault.field), fault.reason);
    }
}
