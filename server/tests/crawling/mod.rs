//! Asks everything that can be asked: every root of the schema, and every field of what it answers.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// How deep answers are asked for.
const DEPTH: usize = 7;

/// A field as the schema tells it.
struct Field {
    name: String,
    /// Its type without lists around it.
    of: String,
    /// Arguments that it does not go without.
    needs: Vec<String>,
    arguments: BTreeSet<String>,
}

/// What can be asked.
pub(crate) struct Crawler {
    types: BTreeMap<String, Vec<Field>>,
    possible: BTreeMap<String, Vec<String>>,
}

/// What one root answered.
pub(crate) enum Crawled {
    /// Everything that may be shown of it.
    Answered(Value),
    /// Nothing: it is not for this token.
    Refused,
}

pub(crate) const INTROSPECTION: &str = "{ __schema { types { name kind possibleTypes { name } \
    fields { name args { name defaultValue type { kind } } \
    type { name ofType { name ofType { name ofType { name } } } } } } } }";

impl Crawler {
    /// Of what a server tells of its schema.
    pub(crate) fn of(told: &Value) -> Self {
        let mut crawler = Self {
            types: BTreeMap::new(),
            possible: BTreeMap::new(),
        };
        for one in list(told, "/data/__schema/types") {
            let name = text(one, "/name");
            let fields = list(one, "/fields").iter().map(field);
            crawler.types.insert(name.clone(), fields.collect());
            let possible = list(one, "/possibleTypes").iter();
            let possible = possible.map(|one| text(one, "/name")).collect();
            crawler.possible.insert(name, possible);
        }
        crawler
    }

    /// The names of the roots.
    pub(crate) fn roots(&self) -> Vec<&str> {
        let roots = self.types["Query"].iter();
        roots.map(|field| field.name.as_str()).collect()
    }

    /// A root's document with these arguments, without the fields that are left out.
    pub(crate) fn document(
        &self,
        root: &str,
        arguments: &str,
        left_out: &BTreeSet<String>,
    ) -> Option<String> {
        if left_out.contains(&format!("Query.{root}")) {
            return None;
        }
        let mut roots = self.types["Query"].iter();
        let field = roots.find(|field| field.name == root).unwrap();
        let called = match arguments {
            "" => root.to_owned(),
            given => format!("{root}({given})"),
        };
        let inner = self.selection(&field.of, &mut Vec::new(), left_out);
        Some(format!("{{ {called} {inner} }}"))
    }

    /// Everything below a type. A type that is being asked for already shows what it has by itself only.
    fn selection<'s>(
        &'s self,
        of: &'s str,
        path: &mut Vec<&'s str>,
        left_out: &BTreeSet<String>,
    ) -> String {
        let is_again = path.contains(&of);
        let possible = &self.possible[of];
        if !possible.is_empty() {
            let each = possible.iter();
            let each =
                each.map(|one| format!("... on {one} {}", self.selection(one, path, left_out)));
            return format!("{{ __typename {} }}", each.collect::<Vec<_>>().join(" "));
        }
        let fields = &self.types[of];
        if fields.is_empty() {
            return String::new();
        }
        path.push(of);
        let mut asked = vec!["__typename".to_owned()];
        for field in fields {
            if left_out.contains(&format!("{of}.{}", field.name)) {
                continue;
            }
            let is_leaf = self.types[&field.of].is_empty() && self.possible[&field.of].is_empty();
            if !is_leaf && (is_again || DEPTH < path.len()) {
                continue;
            }
            // The same entries stand under `nodes`.
            let inner = match of.ends_with("Edge") && field.name == "node" {
                true => "{ __typename }".to_owned(),
                false => self.selection(&field.of, path, left_out),
            };
            // Two types of an interface may call different things alike.
            let name = &field.name;
            asked.push(format!("{name}{} {inner}", arguments(field)));
        }
        path.pop();
        format!("{{ {} }}", asked.join(" "))
    }
}

/// Arguments of a field within an answer.
fn arguments(field: &Field) -> String {
    let mut given = Vec::new();
    if field.arguments.contains("first") {
        given.push("first: 10".to_owned());
    }
    if field.name == "comparison" {
        given.push("at: \"2026-11-20T10:00:00Z\"".to_owned());
    }
    assert!(field.needs.is_empty(), "{}: {:?}", field.name, field.needs);
    match given.is_empty() {
        true => String::new(),
        false => format!("({})", given.join(" ")),
    }
}

fn field(told: &Value) -> Field {
    let arguments = list(told, "/args").iter();
    let needed = |it: &&Value| {
        text(it, "/type/kind") == "NON_NULL" && it.pointer("/defaultValue").unwrap().is_null()
    };
    let needs = arguments.clone().filter(needed);
    let named = ["", "/ofType", "/ofType/ofType", "/ofType/ofType/ofType"];
    let mut named = named.into_iter().filter_map(|at| {
        let name = told.pointer(&format!("/type{at}/name"))?;
        name.as_str().map(str::to_owned)
    });
    Field {
        name: text(told, "/name"),
        of: named.next().unwrap(),
        needs: needs.map(|it| text(it, "/name")).collect(),
        arguments: arguments.map(|it| text(it, "/name")).collect(),
    }
}

/// The texts of an answer, and what those say that are written in Base64.
pub(crate) fn texts(answer: &Value) -> Vec<String> {
    let mut texts = Vec::new();
    let mut open = vec![answer];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(list) => open.extend(list),
            Value::Object(fields) => {
                // Values of a source's own form have names of its own.
                texts.extend(fields.keys().cloned());
                open.extend(fields.values());
            }
            Value::String(text) => {
                let bare = text.trim_end_matches('=');
                let decoded = [URL_SAFE_NO_PAD.decode(bare), STANDARD_NO_PAD.decode(bare)];
                let decoded = decoded.into_iter().flatten();
                texts.extend(decoded.map(|it| String::from_utf8_lossy(&it).into_owned()));
                texts.push(text.clone());
            }
            _ => {}
        }
    }
    texts
}

/// The texts of an answer that hold a marker.
pub(crate) fn marked(answer: &Value, markers: &[String]) -> Vec<String> {
    let texts = texts(answer).into_iter();
    let marked = texts.filter(|text| {
        let lower = text.to_lowercase();
        markers.iter().any(|marker| lower.contains(marker.as_str()))
    });
    marked.collect()
}

fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.map(Vec::as_slice).unwrap_or_default()
}
