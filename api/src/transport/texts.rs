//! Every text that a request holds: any of them may name an item that was put away on the disk. Pure.

use std::convert::Infallible;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Value, Variables};
use model::bounds;

/// The texts in the document and in its variables that are short enough for a key.
pub(crate) fn texts(document: &ExecutableDocument, variables: &Variables) -> Vec<String> {
    let mut found = Vec::new();
    for (_, operation) in document.operations.iter() {
        let defined = operation.node.variable_definitions.iter();
        for value in defined.filter_map(|it| it.node.default_value.as_ref()) {
            of_value(&value.node, &mut found);
        }
        of_selections(&operation.node.selection_set.node, &mut found);
    }
    for fragment in document.fragments.values() {
        of_selections(&fragment.node.selection_set.node, &mut found);
    }
    for value in variables.values() {
        of_value(value, &mut found);
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn of_selections(selections: &SelectionSet, found: &mut Vec<String>) {
    for selection in &selections.items {
        match &selection.node {
            Selection::Field(field) => {
                for (_, value) in &field.node.arguments {
                    let no_variable = |_| Ok::<_, Infallible>(Value::Null);
                    let Ok(value) = value.node.clone().into_const_with(no_variable);
                    of_value(&value, found);
                }
                of_selections(&field.node.selection_set.node, found);
            }
            Selection::InlineFragment(fragment) => {
                of_selections(&fragment.node.selection_set.node, found);
            }
            // Fragments are looked at once, wherever they are used.
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn of_value(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() <= bounds::KEY_BYTES => found.push(text.clone()),
        Value::List(values) => values.iter().for_each(|value| of_value(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| of_value(value, found)),
        Value::String(_)
        | Value::Null
        | Value::Number(_)
        | Value::Boolean(_)
        | Value::Binary(_)
        | Value::Enum(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn every_text_is_found_wherever_it_stands() {
        let document = parse_query(
            r#"query($a: String = "pod:a", $b: [String!]) {
                item(key: "pod:b") { ... on Item { one(of: {x: ["pod:c", $a]}) } ...more }
            }
            fragment more on Item { other(key: """pod:d""", count: 7) }"#,
        )
        .unwrap();
        let variables = Variables::from_json(serde_json::json!({"b": ["pod:e", {"k": "pod:a"}]}));
        let found = texts(&document, &variables);
        assert_eq!(found, ["pod:a", "pod:b", "pod:c", "pod:d", "pod:e"]);
    }
}
