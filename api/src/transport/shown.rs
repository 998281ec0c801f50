//! What may be asked with a token of limited sight, field by field. What is not in the table is refused to it.
//!
//! A field is put here once it keeps to what the caller may see: by itself, or because it tells nothing of items.
//! It is read before the engine sees the document, so a new field tells nothing until somebody thought of it.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::Value;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, FieldDefinition, OperationDefinition, Selection, Type, TypeKind,
    TypeSystemDefinition,
};
use model::Caller;

use super::roots;
use crate::error::{ErrorCode, Refusal};

/// Each type with its fields that keep to what the caller may see.
const SHOWN: &[(&str, &str)] = &[
    (
        "Query",
        "blastRadius change changes changesNearby incident incidents item items node",
    ),
    ("Node", "id"),
    (
        "PageInfo",
        "endCursor hasNextPage hasPreviousPage startCursor",
    ),
    (
        "ItemConnection",
        "cuts edges hiddenCount nodes pageInfo position totalCount truncated",
    ),
    ("ItemEdge", "cursor node"),
    (
        "ConfigurationItem",
        "aliases attributes criticality dependsOn displayName environment freshness hidden id key kind name namespace owner usedBy",
    ),
    ("Alias", "scheme validFrom validUntil value"),
    (
        "ItemAttribute",
        "disputed name others position source statedAt truncated value",
    ),
    ("StatedValue", "position source statedAt value"),
    ("RelationConnection", "edges nodes pageInfo totalCount"),
    ("RelationEdge", "cursor node"),
    (
        "Relation",
        "dependent firstSeenAt freshness kind lastSeenAt provider sources strength",
    ),
    (
        "ChangeConnection",
        "bookkeepingCount edges hiddenCount nodes pageInfo position textsPosition totalCount truncated",
    ),
    ("ChangeEdge", "cursor fragments node score"),
    ("TextFragment", "cutBefore cutBehind field pieces"),
    ("TextPiece", "found text"),
    (
        "Change",
        "batches emergency environment finishedAt hidden id kind level operator plannedFinishAt plannedStartAt source sourceId startedAt status targets title",
    ),
    (
        "ChangeBatch",
        "finishedAt index plannedFinishAt plannedStartAt startedAt status targets trafficPercent",
    ),
    ("ChangeTarget", "item key"),
    (
        "IncidentConnection",
        "edges hiddenCount nodes pageInfo position totalCount",
    ),
    ("IncidentEdge", "cursor node"),
    (
        "Incident",
        "declared description environment id items link resolvedAt severity source sourceId startedAt status title",
    ),
    (
        "NearbyChanges",
        "at changes considered coverage hiddenCount modelVersion position suppressedBookkeeping truncated",
    ),
    (
        "NearbyChange",
        "change contributions foldReason folded foldedCount hops leadMs path rank score",
    ),
    ("Contribution", "contribution signal value"),
    ("Coverage", "itemsWithoutSource unknownItems"),
    ("PathStep", "againstArrow from relation to"),
    (
        "BlastRadius",
        "hiddenCount impacts position total truncated",
    ),
    ("Impact", "contributions hops item path score"),
];

/// Most fields that a refusal names.
const NAMED_MAX: usize = 100;

/// The types of the schema's fields.
pub(crate) struct Shapes(BTreeMap<String, BTreeMap<String, String>>);

impl Shapes {
    /// Of a schema in its own language.
    pub(crate) fn of(schema: &str) -> Self {
        let parsed = parse_schema(schema).expect("the engine writes its schema so");
        let mut shapes = BTreeMap::new();
        for definition in parsed.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Scalar
                | TypeKind::Union(_)
                | TypeKind::Enum(_)
                | TypeKind::InputObject(_) => continue,
            };
            let fields = fields.into_iter().map(|field| named(&field.node));
            shapes.insert(definition.node.name.node.to_string(), fields.collect());
        }
        Self(shapes)
    }

    /// The type of a field.
    fn of_field(&self, of: &str, field: &str) -> Option<&str> {
        self.0.get(of)?.get(field).map(String::as_str)
    }
}

/// A field, and what its type is called without lists around it.
fn named(field: &FieldDefinition) -> (String, String) {
    fn base(of: &Type) -> &str {
        match &of.base {
            BaseType::Named(name) => name,
            BaseType::List(of) => base(of),
        }
    }
    (field.name.node.to_string(), base(&field.ty.node).to_owned())
}

/// Refuses an operation to a caller of limited sight unless every field of it keeps to what they may see.
pub(crate) fn check<'s>(
    shapes: impl FnOnce() -> &'s Shapes,
    document: &'s ExecutableDocument,
    operation: &'s OperationDefinition,
    caller: &Caller,
) -> Result<(), Refusal> {
    if caller.sights().is_none() {
        return Ok(());
    }
    let shapes = shapes();
    let mut refused: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut walked: BTreeSet<&str> = BTreeSet::new();
    let mut open = vec![(roots::type_of(operation.ty), &operation.selection_set)];
    while let Some((of, selections)) = open.pop() {
        for selection in &selections.node.items {
            match &selection.node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    if roots::is_of_the_schema(name) {
                        continue;
                    }
                    if !is_shown(of, name) {
                        refused.insert((of, name));
                    } else if let Some(inner) = shapes.of_field(of, name) {
                        open.push((inner, &field.node.selection_set));
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref();
                    let on = on.map_or(of, |on| on.node.on.node.as_str());
                    open.push((on, &fragment.node.selection_set));
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    let fragment = document.fragments.get(name).filter(|_| walked.insert(name));
                    if let Some(fragment) = fragment {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        open.push((on, &fragment.node.selection_set));
                    }
                }
            }
        }
    }
    match refused.is_empty() {
        true => Ok(()),
        false => Err(not_shown(&refused)),
    }
}

fn is_shown(of: &str, field: &str) -> bool {
    let mut types = SHOWN.iter();
    let shown = types.find(|(name, _)| *name == of);
    shown.is_some_and(|(_, fields)| fields.split(' ').any(|it| it == field))
}

fn not_shown(refused: &BTreeSet<(&str, &str)>) -> Refusal {
    let names = refused.iter().take(NAMED_MAX);
    let names: Vec<String> = names.map(|(of, field)| format!("{of}.{field}")).collect();
    let message = format!("not for tokens of limited sight: {}", names.join(", "));
    let mut refusal = Refusal::new(ErrorCode::Forbidden, message);
    if let Some(extensions) = &mut refusal.error.extensions {
        let names = names.into_iter().map(Value::from).collect();
        extensions.set("fields", Value::List(names));
    }
    refusal
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_graphql::Variables;
    use model::{Scope, Scopes, Sight, TokenId};

    use super::*;
    use crate::transport::{document, test_limits};

    #[test]
    fn what_is_shown_is_in_the_schema() {
        let shapes = Shapes::of(&crate::schema_text());
        for (of, fields) in SHOWN {
            for field in fields.split(' ') {
                assert!(shapes.of_field(of, field).is_some(), "{of}.{field}");
            }
        }
    }

    /// Why an operation is refused to a token of limited sight.
    fn refused(text: &str) -> Option<String> {
        let read = document::read(text, &test_limits()).unwrap();
        let operation = document::operation(&read, None, &Variables::default()).unwrap();
        let sight = Sight {
            teams: vec!["a".to_owned()],
            ..Sight::default()
        };
        let caller = Caller::Holder {
            token: TokenId::from_bytes([1; 16]),
            scopes: Scopes::from(vec![Scope::Read]),
            sights: Some(Arc::from([sight])),
        };
        let shapes = Shapes::of(&crate::schema_text());
        let refusal = check(|| &shapes, &read, operation, &caller).err()?;
        Some(refusal.error.message)
    }

    #[test]
    fn what_is_not_in_the_table_is_refused_however_it_is_asked() {
        let says = |names: &str| Some(format!("not for tokens of limited sight: {names}"));
        assert_eq!(refused("{ __typename __schema { description } }"), None);
        assert_eq!(
            refused("{ a: teams { totalCount } b: kinds { name } }"),
            says("Query.kinds, Query.teams")
        );
        let hidden =
            "{ ...a ...a } fragment a on Query { ... { ... on Query { teams { totalCount } } } }";
        assert_eq!(refused(hidden), says("Query.teams"));
    }
}
