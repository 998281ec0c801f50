//! Reads a document and bounds it before the engine sees it. Pure.
//!
//! The engine follows fragments wherever they are used, so a small document can
//! make it walk for hours; here each fragment is measured once, in linear time.

use std::collections::BTreeMap;

use async_graphql::parser::types::{
    ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::parser::{self};
use async_graphql::{Positioned, ServerError, Variables};

use crate::ApiLimits;
use crate::error::{ErrorCode, Refusal};

/// Deepest nesting of brackets, checked before the recursive parser runs.
const NESTING_MAX: usize = 100;
/// Most fragments in a document; walking them recurses.
const FRAGMENTS_MAX: usize = 100;

/// How large a part of a document is once its fragments are in their places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Measure {
    depth: usize,
    fields: usize,
    aliases: usize,
}

/// Parses a document and refuses it if it is beyond the limits.
pub(crate) fn read(text: &str, limits: &ApiLimits) -> Result<ExecutableDocument, Refusal> {
    if limits.document_bytes < text.len() {
        let message = format!("a document has at most {} bytes", limits.document_bytes);
        return Err(Refusal::new(ErrorCode::RequestTooLarge, message));
    }
    if NESTING_MAX < nesting(text) {
        return Err(too_deep(limits));
    }
    let document = parser::parse_query(text).map_err(|error| match error {
        parser::Error::RecursionLimitExceeded => too_deep(limits),
        other => Refusal::at(ErrorCode::ParseFailed, other.into()),
    })?;
    check(&document, limits)?;
    Ok(document)
}

/// The operation a request means, checked for the variables it cannot do without.
pub(crate) fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
    variables: &Variables,
) -> Result<&'a OperationDefinition, Refusal> {
    let mut operations = document.operations.iter();
    let found = match name {
        Some(wanted) => operations.find(|(name, _)| name.is_some_and(|name| name == wanted)),
        None => {
            let first = operations.next();
            first.filter(|_| operations.next().is_none())
        }
    };
    let Some((_, operation)) = found else {
        let message = match name {
            Some(name) => format!("the document has no operation named {name:?}"),
            None => "the document has several operations; operationName says which".to_owned(),
        };
        return Err(Refusal::new(ErrorCode::ValidationFailed, message));
    };
    for definition in &operation.node.variable_definitions {
        let name = &definition.node.name.node;
        let required = !definition.node.var_type.node.nullable;
        let missing = match variables.get(name) {
            None => definition.node.default_value.is_none(),
            Some(value) => *value == async_graphql::Value::Null,
        };
        if required && missing {
            let message = format!(
                "the variable ${name} of type {} needs a value",
                definition.node.var_type.node
            );
            let error = ServerError::new(message, Some(definition.pos));
            return Err(Refusal::at(ErrorCode::ValidationFailed, error));
        }
    }
    Ok(&operation.node)
}

/// The name of an operation's kind, for people.
pub(crate) const fn kind_name(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}

fn check(document: &ExecutableDocument, limits: &ApiLimits) -> Result<(), Refusal> {
    if FRAGMENTS_MAX < document.fragments.len() {
        let message = format!("a document has at most {FRAGMENTS_MAX} fragments");
        return Err(Refusal::new(ErrorCode::CostLimit, message));
    }
    let mut walk = Walk {
        document,
        measured: BTreeMap::new(),
    };
    let mut total = Measure::default();
    for (_, operation) in document.operations.iter() {
        total = total.beside(walk.measure(&operation.node.selection_set)?);
    }
    for fragment in document.fragments.keys() {
        walk.fragment(fragment, document.fragments.get(fragment).map(|it| it.pos))?;
    }
    if limits.depth_max < total.depth {
        return Err(too_deep(limits));
    }
    if limits.aliases_max < total.aliases {
        let message = format!("a document uses at most {} aliases", limits.aliases_max);
        return Err(Refusal::new(ErrorCode::AliasLimit, message));
    }
    if limits.fields_max < total.fields {
        let message = format!("a document asks for at most {} fields", limits.fields_max);
        return Err(Refusal::new(ErrorCode::CostLimit, message));
    }
    Ok(())
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    /// `None` while the fragment is being measured: meeting it again is a cycle.
    measured: BTreeMap<&'a str, Option<Measure>>,
}

impl<'a> Walk<'a> {
    fn measure(&mut self, selections: &'a Positioned<SelectionSet>) -> Result<Measure, Refusal> {
        let mut total = Measure::default();
        for selection in &selections.node.items {
            let part = match &selection.node {
                Selection::Field(field) => {
                    let inside = self.measure(&field.node.selection_set)?;
                    Measure {
                        depth: inside.depth.saturating_add(1),
                        fields: inside.fields.saturating_add(1),
                        aliases: inside
                            .aliases
                            .saturating_add(usize::from(field.node.alias.is_some())),
                    }
                }
                Selection::InlineFragment(fragment) => {
                    self.measure(&fragment.node.selection_set)?
                }
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node, Some(spread.pos))?
                }
            };
            total = total.beside(part);
        }
        Ok(total)
    }

    /// An unknown fragment measures nothing; the engine names it.
    fn fragment(
        &mut self,
        name: &str,
        pos: Option<async_graphql::Pos>,
    ) -> Result<Measure, Refusal> {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            return Ok(Measure::default());
        };
        match self.measured.get(name.as_str()) {
            Some(Some(measure)) => Ok(*measure),
            Some(None) => {
                let message = format!("the fragment {name:?} uses itself");
                let error = ServerError::new(message, pos);
                Err(Refusal::at(ErrorCode::ValidationFailed, error))
            }
            None => {
                self.measured.insert(name.as_str(), None);
                let measure = self.measure(&fragment.node.selection_set)?;
                self.measured.insert(name.as_str(), Some(measure));
                Ok(measure)
            }
        }
    }
}

impl Measure {
    fn beside(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            fields: self.fields.saturating_add(other.fields),
            aliases: self.aliases.saturating_add(other.aliases),
        }
    }
}

/// The deepest nesting of brackets outside of strings and comments. An
/// unfinished string hides the rest, which the parser then refuses.
fn nesting(text: &str) -> usize {
    let mut deepest = 0_usize;
    let mut open = 0_usize;
    let mut rest = text;
    while let Some(at) = rest.find(['{', '[', '(', '}', ']', ')', '"', '#']) {
        let (_, found) = rest.split_at(at);
        let mut skip = 1;
        match found.as_bytes().first() {
            Some(b'{' | b'[' | b'(') => {
                open += 1;
                deepest = deepest.max(open);
            }
            Some(b'}' | b']' | b')') => open = open.saturating_sub(1),
            Some(b'#') => skip = found.find(['\n', '\r']).unwrap_or(found.len()),
            _ => skip = string_length(found),
        }
        rest = found.get(skip..).unwrap_or_default();
    }
    deepest
}

/// How long the string is that `text` begins with.
fn string_length(text: &str) -> usize {
    if let Some(block) = text.strip_prefix("\"\"\"") {
        let mut end = 0;
        while let Some(at) = block.get(end..).and_then(|rest| rest.find("\"\"\"")) {
            end += at + 3;
            if !block.get(..end - 3).is_some_and(|it| it.ends_with('\\')) {
                return end + 3;
            }
        }
        return text.len();
    }
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' | '\n' | '\r' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn too_deep(limits: &ApiLimits) -> Refusal {
    let message = format!("a document is nested at most {} deep", limits.depth_max);
    Refusal::new(ErrorCode::DepthLimit, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::test_limits;

    fn refused(text: &str) -> Option<&'static str> {
        let document = read(text, &test_limits());
        document.err().map(|refusal| refusal.code.as_str())
    }

    #[test]
    fn a_document_is_bounded_before_the_engine_walks_it() {
        let nested = |times: usize| format!("{}a{}", "{a".repeat(times), "}".repeat(times));
        assert_eq!(refused("{ a }"), None);
        assert_eq!(refused(&nested(12)), None);
        assert_eq!(refused(&nested(40)), Some("DEPTH_LIMIT"));
        assert_eq!(refused(&nested(9_000)), Some("DEPTH_LIMIT"));
        assert_eq!(refused(&"[".repeat(50_000)), Some("DEPTH_LIMIT"));
        let aliases: String = (0..60).map(|n| format!("a{n}: a ")).collect();
        assert_eq!(refused(&format!("{{{aliases}}}")), Some("ALIAS_LIMIT"));
        let fields = "a ".repeat(3_000);
        assert_eq!(refused(&format!("{{{fields}}}")), Some("COST_LIMIT"));
        assert_eq!(refused(&" ".repeat(300_000)), Some("REQUEST_TOO_LARGE"));
        assert_eq!(refused("{"), Some("GRAPHQL_PARSE_FAILED"));
    }

    #[test]
    fn a_fragment_bomb_is_measured_in_linear_time() {
        let mut bomb = "{ ...f0 }".to_owned();
        for n in 0..60 {
            let next = n + 1;
            bomb.push_str(&format!("fragment f{n} on Q {{ ...f{next} ...f{next} }}"));
        }
        bomb.push_str("fragment f60 on Q { a }");
        assert_eq!(refused(&bomb), Some("COST_LIMIT"));
        let cycle = "{ ...a } fragment a on Q { ...b ...b } fragment b on Q { ...a ...a }";
        assert_eq!(refused(cycle), Some("GRAPHQL_VALIDATION_FAILED"));
        let unused = "{ a } fragment b on Q { ...b }";
        assert_eq!(refused(unused), Some("GRAPHQL_VALIDATION_FAILED"));
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_nest() {
        assert_eq!(nesting(r#"{ a(b: "{{{[[[\"(((") }"#), 2);
        assert_eq!(nesting("{ a # {{{{\n b }"), 1);
        assert_eq!(nesting(r#"{ a(b: """ {{{ \""" [[ """) { c } }"#), 2);
        assert_eq!(nesting("\"never ends {{{"), 0);
    }
}
