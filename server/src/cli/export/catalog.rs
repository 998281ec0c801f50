//! Items as entities of a catalog: what `import backstage` reads. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json};

/// Every item that a catalog knows, and every service, as a stream of YAML documents.
pub(super) fn catalog(items: &[Value]) -> String {
    let mut entities: BTreeMap<String, Value> = BTreeMap::new();
    for item in items {
        if let Some((reference, entity)) = entity(item) {
            entities.insert(reference, entity);
        }
    }
    let mut text = String::new();
    for entity in entities.values() {
        text.push_str("---\n");
        write_value(entity, 0, &mut text);
    }
    text
}

fn entity(item: &Value) -> Option<(String, Value)> {
    let reference = reference(item)?;
    let (kind, rest) = reference.split_once(':')?;
    let (namespace, name) = rest.split_once('/').unwrap_or(("default", rest));
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), name.into());
    if namespace != "default" {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    let mut spec = Map::new();
    let profile = text(item, "displayName");
    match (kind, profile) {
        ("user", Some(name)) => {
            let mut profile = json!({ "displayName": name });
            if let (Value::Object(profile), Some(email)) = (&mut profile, attribute(item, "email"))
            {
                profile.insert("email".to_owned(), email.clone());
            }
            spec.insert("profile".to_owned(), profile);
        }
        (_, Some(title)) => {
            metadata.insert("title".to_owned(), title.into());
        }
        (_, None) => {}
    }
    for name in ["description", "labels", "tags", "links"] {
        let stated = attribute(item, name);
        metadata.extend(stated.map(|value| (name.to_owned(), value.clone())));
    }
    if let Some(repository) = attribute(item, "repository") {
        let annotations = json!({ "github.com/project-slug": repository });
        metadata.insert("annotations".to_owned(), annotations);
    }
    let stated_type = attribute(item, "backstage.type").cloned();
    let is_service = text(item, "kind") == Some("service");
    let found_type = stated_type.or_else(|| is_service.then(|| json!("service")));
    spec.extend(found_type.map(|found| ("type".to_owned(), found)));
    let lifecycle = attribute(item, "backstage.lifecycle").cloned();
    spec.extend(lifecycle.map(|lifecycle| ("lifecycle".to_owned(), lifecycle)));
    if let Some(owner) = text(item, "owner") {
        spec.insert("owner".to_owned(), owner.into());
    }
    relations(item, kind, &mut spec);
    let entity = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": written_kind(kind),
        "metadata": metadata,
        "spec": spec,
    });
    Some((reference, entity))
}

/// How what an entity needs is written: the kind of relation, of the other entity, and the field.
const NEEDS: [(&str, &str, &str); 4] = [
    ("depends_on", "", "dependsOn"),
    ("uses", "api", "consumesApis"),
    ("has_member", "group", "children"),
    ("has_member", "user", "members"),
];
/// How who needs it is written; `true` where there may be several.
const NEEDED: [(&str, &str, &str, bool); 5] = [
    ("provided_by", "api", "providesApis", true),
    ("includes", "system", "system", false),
    ("includes", "component", "subcomponentOf", false),
    ("includes", "domain", "domain", false),
    ("has_member", "group", "memberOf", true),
];

fn relations(item: &Value, own: &str, spec: &mut Map<String, Value>) {
    let mut lists: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (kind, other) in others(item, "dependsOn", "provider") {
        let is = other.split(':').next().unwrap_or_default();
        let row = NEEDS
            .iter()
            .find(|(name, of, _)| *name == kind && (of.is_empty() || *of == is));
        if let Some((_, _, field)) = row {
            lists.entry(field).or_default().push(other);
        }
    }
    for (kind, other) in others(item, "usedBy", "dependent") {
        let is = other.split(':').next().unwrap_or_default();
        let row = NEEDED
            .iter()
            .find(|(name, of, _, _)| *name == kind && *of == is);
        match row {
            // A group tells its members itself.
            Some((_, _, "memberOf", _)) if own == "group" => {}
            Some((_, _, field, true)) => lists.entry(field).or_default().push(other),
            Some((_, _, field, false)) => {
                spec.insert((*field).to_owned(), other.into());
            }
            // Who needs it may be in no catalog file of its own.
            None if kind == "depends_on" && own == "resource" => {
                lists.entry("dependencyOf").or_default().push(other);
            }
            None => {}
        }
    }
    for (field, mut names) in lists {
        names.sort();
        names.dedup();
        spec.insert(field.to_owned(), names.into());
    }
}

/// The kinds of an item's relations, and the references of those at their other end.
fn others(item: &Value, field: &str, end: &str) -> Vec<(String, String)> {
    let nodes = item.get(field).and_then(|found| found.get("nodes"));
    let nodes = nodes.and_then(Value::as_array).into_iter().flatten();
    let named = nodes.filter_map(|node| {
        let kind = text(node, "kind")?.to_owned();
        Some((kind, reference(node.get(end)?)?))
    });
    named.collect()
}

/// `kind:namespace/name`, as a catalog states it, or as it would.
fn reference(item: &Value) -> Option<String> {
    let aliases = item.get("aliases").and_then(Value::as_array);
    let stated = aliases.into_iter().flatten().find_map(|alias| {
        let value = text(alias, "value")?;
        (text(alias, "scheme") == Some("backstage")).then(|| value.to_owned())
    });
    let kind = match text(item, "kind")? {
        "service" | "component" => "component",
        "api" => "api",
        "resource" => "resource",
        "system" => "system",
        "business" => "domain",
        "team" => "group",
        "person" => "user",
        _ => return stated,
    };
    let name = text(item, "name")?;
    stated.or_else(|| Some(format!("{kind}:default/{name}")))
}

fn written_kind(kind: &str) -> &str {
    match kind {
        "component" => "Component",
        "api" => "API",
        "resource" => "Resource",
        "system" => "System",
        "domain" => "Domain",
        "group" => "Group",
        "user" => "User",
        other => other,
    }
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    let text = value.get(name)?.as_str()?;
    Some(text).filter(|text| !text.is_empty())
}

fn attribute<'v>(item: &'v Value, name: &str) -> Option<&'v Value> {
    let attributes = item.get("attributes")?.as_array()?;
    let found = attributes
        .iter()
        .find(|stated| text(stated, "name") == Some(name))?;
    found.get("value").filter(|value| !value.is_null())
}

/// Block YAML. Texts are written as JSON writes them, which YAML reads alike.
fn write_value(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = Value::from(name.as_str());
                write_field(&format!("{indent}{name}:"), field, depth, out);
            }
        }
        Value::Array(entries) => {
            for entry in entries {
                // Lists hold texts or small objects; both fit in one line.
                let _written = writeln!(out, "{indent}- {entry}");
            }
        }
        plain => {
            let _written = writeln!(out, "{indent}{plain}");
        }
    }
}

fn write_field(name: &str, field: &Value, depth: usize, out: &mut String) {
    let is_empty = match field {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        _ => true,
    };
    if is_empty {
        let _written = writeln!(out, "{name} {field}");
        return;
    }
    out.push_str(name);
    out.push('\n');
    write_value(field, depth + 1, out);
}
