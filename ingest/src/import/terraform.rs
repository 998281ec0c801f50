//! Terraform: raw state (version 4), and `terraform show -json` of a state or a plan. Pure.
//!
//! A state becomes items and relations, a plan a change that is planned. What
//! Terraform marks as sensitive is taken out before anything else looks at it,
//! and of the rest only named attributes leave: outputs and variables never do.

mod depends;
mod kinds;
mod mask;
mod plan;
mod resource;
#[cfg(test)]
mod tests;

use model::{KeyParts, Timestamp};
use serde_json::{Value, json};

use super::ImportFile;
use super::listing::{Listing, Surroundings};
use super::read::{Piece, pieces};
pub(super) use plan::previewed;
use resource::Resource;

/// Everything that files of Terraform say.
pub(super) fn decode(files: &[ImportFile], around: &Surroundings) -> Listing {
    let mut listing = Listing::default();
    for file in files {
        for piece in pieces(&file.name, &file.bytes, &mut listing) {
            document(piece, around, &mut listing);
        }
    }
    listing
}

/// The key of a resource of which only its type, its address and its id are known.
pub(crate) fn key(
    kind: &str,
    address: &str,
    id: Option<&str>,
    environment: Option<String>,
) -> Option<KeyParts> {
    let resource = Resource {
        address: address.to_owned(),
        base: String::new(),
        kind: kind.to_owned(),
        values: id.map_or(Value::Null, |id| json!({ "id": id })),
        depends_on: Vec::new(),
    };
    resource.key(&Surroundings {
        environment,
        cluster: None,
        at: Timestamp::MIN,
    })
}

fn document(piece: Piece, around: &Surroundings, listing: &mut Listing) {
    let value = piece.value;
    if value.get("resource_changes").is_some() || value.get("planned_values").is_some() {
        listing.changes.push(plan::planned(&value, around));
        return;
    }
    let resources = match value.get("version").and_then(Value::as_u64) {
        Some(4) => state(&value, &piece.place, listing),
        Some(_) => {
            return listing.reject(&piece.place, "version", "only version 4 of a state is read");
        }
        None if value.get("format_version").is_some() => {
            shown(value.pointer("/values/root_module"), &piece.place, listing)
        }
        None => {
            let reason = "is neither a state of version 4 nor the output of terraform show -json";
            return listing.reject(&piece.place, "", reason);
        }
    };
    for resource in &resources {
        resource.say(around, listing);
    }
    depends::relate(&resources, around, listing);
}

/// The resources of a raw state.
fn state(value: &Value, place: &str, listing: &mut Listing) -> Vec<Resource> {
    let mut resources = Vec::new();
    for (index, block) in list(value.get("resources")).iter().enumerate() {
        let text = |name: &str| block.get(name).and_then(Value::as_str);
        if text("mode") != Some("managed") {
            continue;
        }
        let (Some(kind), Some(name)) = (text("type"), text("name")) else {
            listing.reject(
                place,
                &format!("resources[{index}]"),
                "has no type or no name",
            );
            continue;
        };
        let module = text("module").map_or_else(String::new, |module| format!("{module}."));
        for instance in list(block.get("instances")) {
            let mut values = instance.get("attributes").cloned().unwrap_or_default();
            mask::by_paths(&mut values, instance.get("sensitive_attributes"));
            let base = format!("{module}{kind}.{name}");
            resources.push(Resource {
                address: indexed(&base, instance.get("index_key")),
                base,
                kind: kind.to_owned(),
                values,
                depends_on: texts(instance.get("dependencies")),
            });
        }
    }
    resources
}

/// The resources of a module as `show -json` writes it, and of those within it.
fn shown(module: Option<&Value>, place: &str, listing: &mut Listing) -> Vec<Resource> {
    let Some(module) = module else {
        return Vec::new();
    };
    let mut resources = Vec::new();
    for (index, resource) in list(module.get("resources")).iter().enumerate() {
        let text = |name: &str| resource.get(name).and_then(Value::as_str);
        if text("mode") != Some("managed") {
            continue;
        }
        let (Some(kind), Some(address)) = (text("type"), text("address")) else {
            listing.reject(
                place,
                &format!("resources[{index}]"),
                "has no type or no address",
            );
            continue;
        };
        let mut values = resource.get("values").cloned().unwrap_or_default();
        mask::by_form(&mut values, resource.get("sensitive_values"));
        let within = module.get("address").and_then(Value::as_str);
        let within = within.map_or_else(String::new, |within| format!("{within}."));
        let depends_on = texts(resource.get("depends_on"));
        resources.push(Resource {
            address: address.to_owned(),
            base: address.split('[').next().unwrap_or(address).to_owned(),
            kind: kind.to_owned(),
            values,
            depends_on: depends_on
                .iter()
                .map(|name| format!("{within}{name}"))
                .collect(),
        });
    }
    for inner in list(module.get("child_modules")) {
        resources.extend(shown(Some(inner), place, listing));
    }
    resources
}

/// An address with the index of one instance.
fn indexed(base: &str, index: Option<&Value>) -> String {
    match index {
        None | Some(Value::Null) => base.to_owned(),
        Some(index) => format!("{base}[{index}]"),
    }
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let texts = list(value).iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}
