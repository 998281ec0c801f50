//! Backstage's catalog files: components, APIs, resources, systems, domains, groups, users. Pure.
//!
//! A reference names a kind, a namespace and a name, but not the type behind it.
//! So every entity also answers to the key a bare reference makes, and whoever
//! refers to it from another file means the same item.

mod entity;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use model::KeyParts;
use serde_json::Value;

use super::ImportFile;
use super::listing::{ItemWriter, Listing, Surroundings};
use super::read::pieces;
use entity::{Entity, Reference};

/// Everything that catalog files say.
pub(super) fn decode(files: &[ImportFile], around: &Surroundings) -> Listing {
    let mut listing = Listing::default();
    let mut read = Vec::new();
    for file in files {
        read.extend(pieces(&file.name, &file.bytes, &mut listing));
    }
    let mut catalog = Catalog {
        around,
        keys: BTreeMap::new(),
    };
    let mut entities = Vec::new();
    for piece in &read {
        match Entity::read(&piece.value) {
            Ok(Some(entity)) => {
                let key = catalog.key_of_entity(&entity);
                catalog.keys.insert(entity.reference.clone(), key);
                entities.push(entity);
            }
            Ok(None) => listing.passed_over += 1,
            Err((field, reason)) => listing.reject(&piece.place, field, reason),
        }
    }
    for entity in &entities {
        catalog.item(entity, &mut listing);
        catalog.relations(entity, &mut listing);
    }
    listing
}

/// The entities that were read, by reference.
struct Catalog<'a> {
    around: &'a Surroundings,
    keys: BTreeMap<Reference, KeyParts>,
}

impl Catalog<'_> {
    fn key_of_entity(&self, entity: &Entity<'_>) -> KeyParts {
        let stated = entity.text("/spec/type").map(plain);
        let kind = match (entity.reference.kind.as_str(), stated) {
            ("component" | "resource", Some(stated)) if !stated.is_empty() => known_kind(&stated),
            _ => bare_kind(&entity.reference.kind).to_owned(),
        };
        self.key(&kind, &entity.reference)
    }

    fn key(&self, kind: &str, reference: &Reference) -> KeyParts {
        let namespace =
            Some(reference.namespace.clone()).filter(|namespace| namespace != "default");
        let is_people = matches!(kind, "team" | "person");
        let environment = self.around.environment.clone().filter(|_| !is_people);
        KeyParts::new(kind, reference.name.clone())
            .in_environment(environment)
            .in_namespace(namespace)
    }

    /// The key that a bare reference makes.
    fn bare_key(&self, reference: &Reference) -> KeyParts {
        self.key(bare_kind(&reference.kind), reference)
    }

    fn key_of(&self, reference: &Reference) -> KeyParts {
        let known = self.keys.get(reference).cloned();
        known.unwrap_or_else(|| self.bare_key(reference))
    }

    fn item(&self, entity: &Entity<'_>, listing: &mut Listing) {
        let key = self.key_of(&entity.reference);
        let mut item = ItemWriter::new(key.clone());
        item.also_called(self.bare_key(&entity.reference));
        item.claim("backstage", Some(&entity.reference.to_string()));
        if let Some(id) = entity.annotation("backstage.io/kubernetes-id") {
            let named = KeyParts::new(key.kind.clone(), id).in_environment(key.environment.clone());
            item.also_called(named);
        }
        let profile = entity.text("/spec/profile/displayName");
        item.display_name(entity.text("/metadata/title").or(profile));
        item.owner(entity.owner().as_deref());
        item.criticality(entity.text("/metadata/labels/criticality"));
        item.attribute("backstage.kind", entity.kind);
        for (name, pointer) in [
            ("backstage.type", "/spec/type"),
            ("backstage.lifecycle", "/spec/lifecycle"),
            ("description", "/metadata/description"),
            ("email", "/spec/profile/email"),
        ] {
            item.attribute(name, entity.text(pointer).unwrap_or_default());
        }
        for (name, pointer) in [
            ("labels", "/metadata/labels"),
            ("tags", "/metadata/tags"),
            ("links", "/metadata/links"),
        ] {
            item.attribute(
                name,
                entity.value.pointer(pointer).cloned().unwrap_or_default(),
            );
        }
        item.attribute(
            "repository",
            entity
                .annotation("github.com/project-slug")
                .unwrap_or_default(),
        );
        listing.items.push(item.done());
    }

    fn relations(&self, entity: &Entity<'_>, listing: &mut Listing) {
        if let Some(repository) = entity.repository() {
            listing.relate(
                self.key_of(&entity.reference),
                "deployed_from",
                repository.key(),
            );
        }
        for rule in RULES {
            for reference in entity.references(rule.field, rule.names) {
                let (own, other) = (self.key_of(&entity.reference), self.key_of(&reference));
                match rule.other_is {
                    Role::Provider => listing.relate(own, rule.kind, other),
                    Role::Dependent => listing.relate(other, rule.kind, own),
                }
            }
        }
    }
}

/// Which end of a relation the named entity is.
#[derive(Clone, Copy)]
enum Role {
    Provider,
    Dependent,
}

/// How a field of `spec` is written as a relation.
struct Rule {
    field: &'static str,
    /// The kind it names where the reference does not say.
    names: &'static str,
    other_is: Role,
    kind: &'static str,
}

const fn rule(
    field: &'static str,
    names: &'static str,
    other_is: Role,
    kind: &'static str,
) -> Rule {
    Rule {
        field,
        names,
        other_is,
        kind,
    }
}

/// The whole knowledge of relations. A whole includes its parts, and an API needs who provides it.
const RULES: [Rule; 11] = [
    rule("dependsOn", "component", Role::Provider, "depends_on"),
    rule("dependencyOf", "component", Role::Dependent, "depends_on"),
    rule("providesApis", "api", Role::Dependent, "provided_by"),
    rule("consumesApis", "api", Role::Provider, "uses"),
    rule("system", "system", Role::Dependent, "includes"),
    rule("subcomponentOf", "component", Role::Dependent, "includes"),
    rule("domain", "domain", Role::Dependent, "includes"),
    rule("parent", "group", Role::Dependent, "has_member"),
    rule("children", "group", Role::Provider, "has_member"),
    rule("members", "user", Role::Provider, "has_member"),
    rule("memberOf", "group", Role::Dependent, "has_member"),
];

/// What an entity is called here when its type is not known.
fn bare_kind(kind: &str) -> &'static str {
    match kind {
        "component" => "component",
        "api" => "api",
        "resource" => "resource",
        "system" => "system",
        // `domain` is a name in the DNS.
        "domain" => "business",
        "group" => "team",
        _ => "person",
    }
}

/// Types of components and resources that others call otherwise.
fn known_kind(stated: &str) -> String {
    let known = match stated {
        "backend" | "microservice" => "service",
        "db" | "rds" | "postgres" | "mysql" => "database",
        "redis" | "memcached" => "cache",
        "topic" | "kafka_topic" | "sqs" => "queue",
        "s3_bucket" | "s3" => "bucket",
        "kubernetes_cluster" => "cluster",
        other => other,
    };
    known.to_owned()
}

/// A type as the kind of an item: lower case with underscores.
fn plain(stated: &str) -> String {
    let lower = stated.trim().to_lowercase();
    let letters = lower.chars().map(|letter| {
        if letter.is_alphanumeric() {
            letter
        } else {
            '_'
        }
    });
    letters.take(64).collect()
}

/// A field of `spec` that names one or several others.
fn named(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
