//! What each root field is for. One that is not in these tables is for nobody.
//!
//! The tables are read before the engine sees the document, so nothing of a
//! request that is not allowed is resolved.

use std::collections::BTreeSet;

use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Positioned, ServerError};
use model::{Caller, Scope};

use crate::error::{ErrorCode, Refusal};
use Scope::{Admin, Ingest, Operate, Read};

/// What is asked.
const QUERIES: [(&str, Scope); 49] = [
    ("anomalies", Read),
    ("assessChange", Read),
    ("blastRadius", Read),
    ("calendar", Read),
    ("change", Read),
    ("changeGroups", Read),
    ("changeMeasures", Read),
    ("changes", Read),
    ("changesFolded", Read),
    ("changesNearby", Read),
    ("coverage", Read),
    ("dataQuality", Read),
    ("deliveries", Read),
    ("dependencyCycles", Read),
    ("diff", Read),
    ("drift", Read),
    ("groups", Read),
    ("incident", Read),
    ("incidentGroups", Read),
    ("incidents", Read),
    ("item", Read),
    ("items", Read),
    ("itemsGrouped", Read),
    ("kind", Read),
    ("kinds", Read),
    ("levels", Read),
    ("mayChange", Read),
    ("measurementStore", Read),
    ("node", Read),
    ("platforms", Read),
    ("previewChange", Read),
    ("previewSubscription", Read),
    ("priorityInversions", Read),
    ("quality", Read),
    // What senders sent and nobody understood: nobody knows what it tells.
    ("quarantine", Operate),
    // Who asked what.
    ("questionsAsked", Admin),
    ("relationKinds", Read),
    ("retirementCheck", Read),
    ("riskRules", Read),
    ("scene", Read),
    ("scenes", Read),
    ("sharedInfrastructure", Read),
    ("simulateRisk", Read),
    ("sources", Read),
    ("subscriptions", Read),
    ("teams", Read),
    ("timeline", Read),
    ("tokens", Admin),
    ("why", Read),
];

/// What is stated.
const MUTATIONS: [(&str, Scope); 44] = [
    ("createToken", Admin),
    ("declareFreeze", Operate),
    ("declareRiskRule", Operate),
    ("declareRule", Operate),
    ("defineGroup", Operate),
    ("defineKind", Operate),
    ("defineLevel", Operate),
    ("defineRelationKind", Operate),
    ("grantExemption", Operate),
    ("judgeCause", Operate),
    ("judgeCheck", Operate),
    ("judgeIncidents", Operate),
    ("mergeItems", Operate),
    ("openIncident", Operate),
    ("recordChange", Ingest),
    ("recordRiskScore", Ingest),
    ("redeliver", Operate),
    ("registerPlatform", Operate),
    ("registerScene", Operate),
    ("reprocessQuarantine", Operate),
    // They make everything void that a source ever said, or bring it back.
    ("restoreSource", Admin),
    ("resumeSubscription", Operate),
    ("retractSource", Admin),
    ("revertDecision", Operate),
    ("revokeToken", Admin),
    ("rotateSecret", Operate),
    ("splitItem", Operate),
    ("subscribe", Operate),
    ("testSubscription", Operate),
    ("unsubscribe", Operate),
    ("updateIncident", Operate),
    ("updateSubscription", Operate),
    ("upsertItems", Ingest),
    ("upsertRelations", Ingest),
    ("verifySubscription", Operate),
    ("withdrawExemption", Operate),
    ("withdrawGroup", Operate),
    ("withdrawKind", Operate),
    ("withdrawLevel", Operate),
    ("withdrawPlatform", Operate),
    ("withdrawRelationKind", Operate),
    ("withdrawRiskRule", Operate),
    ("withdrawRule", Operate),
    ("withdrawScene", Operate),
];

/// What is followed.
const SUBSCRIPTIONS: [(&str, Scope); 2] = [("changes", Read), ("incidents", Read)];

/// What the schema tells of itself. The name of a type is no secret to anybody who is known.
const META: [(&str, Option<Scope>); 3] = [
    ("__typename", None),
    ("__schema", Some(Read)),
    ("__type", Some(Read)),
];

/// Refuses an operation unless the caller may do all of it.
pub(crate) fn check(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    caller: &Caller,
) -> Result<(), Refusal> {
    caller.known()?;
    for field in fields(document, &operation.selection_set) {
        let name = field.node.name.node.as_str();
        if let Some((_, wanted)) = META.iter().find(|(meta, _)| *meta == name) {
            wanted.map_or(Ok(()), |wanted| caller.may(wanted))?;
            continue;
        }
        let Some(wanted) = scope_of(operation.ty, name) else {
            // Which fields there are is told to those who may ask.
            caller.may(Read)?;
            let message = format!(
                "Unknown field {name:?} on type {:?}.",
                type_of(operation.ty)
            );
            let error = ServerError::new(message, Some(field.pos));
            return Err(Refusal::at(ErrorCode::ValidationFailed, error));
        };
        caller.may(wanted)?;
        if !wanted.includes(Read) && shows_more(document, &field.node) {
            caller.may(Read)?;
        }
    }
    Ok(())
}

/// Whether a field tells of the schema alone.
pub(crate) fn is_of_the_schema(name: &str) -> bool {
    META.iter().any(|(meta, _)| *meta == name)
}

/// The names of an operation's roots, each once.
pub(crate) fn names<'a>(
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
) -> BTreeSet<&'a str> {
    let fields = fields(document, &operation.selection_set).into_iter();
    fields.map(|field| field.node.name.node.as_str()).collect()
}

/// Refuses an operation that asks for the schema.
pub(crate) fn tell_no_schema(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
) -> Result<(), Refusal> {
    let mut fields = fields(document, &operation.selection_set).into_iter();
    let asks = |field: &&Positioned<Field>| {
        let name = field.node.name.node.as_str();
        name == "__schema" || name == "__type"
    };
    match fields.find(asks) {
        None => Ok(()),
        Some(field) => {
            let error = ServerError::new("this server does not tell its schema", Some(field.pos));
            Err(Refusal::at(ErrorCode::ValidationFailed, error))
        }
    }
}

/// What a root field is for.
fn scope_of(kind: OperationType, name: &str) -> Option<Scope> {
    let table: &[(&str, Scope)] = match kind {
        OperationType::Query => &QUERIES,
        OperationType::Mutation => &MUTATIONS,
        OperationType::Subscription => &SUBSCRIPTIONS,
    };
    let found = table.iter().find(|(root, _)| *root == name);
    found.map(|(_, scope)| *scope)
}

/// What the schema calls the type of an operation's roots.
pub(crate) const fn type_of(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

/// Whether an answer would show more than how a statement was taken: whoever only states does not get to see what
/// others stated by it.
fn shows_more(document: &ExecutableDocument, root: &Field) -> bool {
    let parts = fields(document, &root.selection_set);
    let mut parts = parts.iter();
    parts.any(|part| !part.node.selection_set.node.items.is_empty())
}

/// The fields of a selection, those of its fragments among them. Each fragment is walked once.
fn fields<'a>(
    document: &'a ExecutableDocument,
    selections: &'a Positioned<SelectionSet>,
) -> Vec<&'a Positioned<Field>> {
    let mut found = Vec::new();
    let mut walked: BTreeSet<&str> = BTreeSet::new();
    let mut open = vec![selections];
    while let Some(selections) = open.pop() {
        for selection in &selections.node.items {
            match &selection.node {
                Selection::Field(field) => found.push(field),
                Selection::InlineFragment(fragment) => open.push(&fragment.node.selection_set),
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    let fragment = document.fragments.get(name);
                    if walked.insert(name)
                        && let Some(fragment) = fragment
                    {
                        open.push(&fragment.node.selection_set);
                    }
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use async_graphql::Variables;
    use async_graphql::parser::parse_schema;
    use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
    use model::{Scopes, TokenId};

    use super::*;
    use crate::transport::{document, test_limits};

    /// The root fields of the schema, by the name of their type.
    fn roots(wanted: &str) -> BTreeSet<String> {
        let schema = parse_schema(crate::schema_text()).unwrap();
        let mut fields = BTreeSet::new();
        for definition in schema.definitions {
            if let TypeSystemDefinition::Type(definition) = definition
                && definition.node.name.node.as_str() == wanted
                && let TypeKind::Object(object) = definition.node.kind
            {
                let names = object.fields.into_iter();
                fields.extend(names.map(|it| it.node.name.node.to_string()));
            }
        }
        fields
    }

    fn declared(table: &[(&str, Scope)]) -> BTreeSet<String> {
        table.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    #[test]
    fn every_root_of_the_schema_has_a_scope_and_nothing_else_has() {
        assert_eq!(declared(&QUERIES), roots("Query"));
        assert_eq!(declared(&MUTATIONS), roots("Mutation"));
        assert_eq!(declared(&SUBSCRIPTIONS), roots("Subscription"));
    }

    /// The code and the missing scope of a refusal; nothing when the operation may run.
    fn refused(scopes: &[Scope], text: &str) -> Option<String> {
        let read = document::read(text, &test_limits()).unwrap();
        let operation = document::operation(&read, None, &Variables::default()).unwrap();
        let caller = Caller::Holder {
            token: TokenId::from_bytes([1; 16]),
            scopes: Scopes::from(scopes.to_vec()),
            sights: None,
        };
        let refusal = check(&read, operation, &caller).err()?;
        let scope = refusal.error.extensions.as_ref()?.get("scope").cloned();
        let scope = scope.map(|scope| format!(" {scope}"));
        Some(refusal.code.as_str().to_owned() + &scope.unwrap_or_default())
    }

    #[test]
    fn aliases_and_fragments_hide_no_root() {
        let lacks = |scope: &str| Some(format!("FORBIDDEN \"{scope}\""));
        let read = |text| refused(&[Read], text);
        assert_eq!(
            read("{ items { totalCount } __schema { description } }"),
            None
        );
        assert_eq!(read("{ items: tokens { totalCount } }"), lacks("admin"));
        assert_eq!(
            read("{ ...a } fragment a on Query { ... { tokens { totalCount } } }"),
            lacks("admin")
        );
        assert_eq!(
            read("{ ... on Query { quarantine { totalCount } } }"),
            lacks("operate")
        );
        assert_eq!(
            read("mutation { revokeToken(id: 1) { position } }"),
            lacks("admin")
        );
        assert_eq!(
            read("{ nonsense }"),
            Some("GRAPHQL_VALIDATION_FAILED".to_owned())
        );
        assert_eq!(refused(&[Ingest], "{ nonsense }"), lacks("read"));
        assert_eq!(
            refused(&[Ingest], "{ __type(name: 1) { name } }"),
            lacks("read")
        );
        assert_eq!(refused(&[Ingest], "{ __typename }"), None);
    }

    #[test]
    fn who_only_states_sees_how_it_was_taken_and_nothing_of_others() {
        let change = |shown: &str| format!("mutation {{ recordChange(input: 1) {{ {shown} }} }}");
        assert_eq!(refused(&[Ingest], &change("position duplicate")), None);
        let lacks = Some("FORBIDDEN \"read\"".to_owned());
        assert_eq!(refused(&[Ingest], &change("node { id }")), lacks);
        let hidden = change("...r") + "fragment r on Recorded { node { id } }";
        assert_eq!(refused(&[Ingest], &hidden), lacks);
        assert_eq!(refused(&[Ingest, Read], &hidden), None);
    }
}
