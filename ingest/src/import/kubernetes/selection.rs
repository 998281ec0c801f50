//! Which workloads a service selects: what no object says by itself.

use std::collections::BTreeMap;

use model::KeyParts;
use serde_json::Value;

use super::object::Object;
use super::workload::template_labels;
use super::{Listing, Surroundings};

type Labels = BTreeMap<String, String>;

/// Selectors and the labels they select, as far as objects were noted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// What each service selects, by its key.
    services: BTreeMap<KeyParts, Labels>,
    /// The labels of the pods that each workload runs, by its key.
    workloads: BTreeMap<KeyParts, Labels>,
    /// What each catalog name is attached to, by the item's key.
    catalogued: BTreeMap<KeyParts, String>,
}

/// The label or annotation by which the catalog's plugin finds the objects of a component.
pub(crate) const CATALOG_ID: &str = "backstage.io/kubernetes-id";

impl Selection {
    /// Takes note of an object that selects, or is selected.
    pub fn note(&mut self, value: &Value, around: &Surroundings) {
        let kind = value
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default();
        self.note_object(&Object::new(value, kind, around));
    }

    /// Forgets an object that is gone.
    pub fn forget(&mut self, value: &Value, around: &Surroundings) {
        let kind = value
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default();
        self.forget_object(&Object::new(value, kind, around));
    }

    pub(super) fn note_object(&mut self, object: &Object<'_>) {
        let Some(key) = object.key() else { return };
        let stands_alone = object.kind == "Pod" && object.controller().is_none();
        match object.kind {
            "Service" => {
                let selector = object.at("/spec/selector").map(labels).unwrap_or_default();
                self.services.insert(key.clone(), selector);
            }
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" => {
                let labels = template_labels(object).map(labels).unwrap_or_default();
                self.workloads.insert(key.clone(), labels);
            }
            "Pod" if stands_alone => {
                let labels = object
                    .at("/metadata/labels")
                    .map(labels)
                    .unwrap_or_default();
                self.workloads.insert(key.clone(), labels);
            }
            _ => {}
        }
        let id = object
            .label(CATALOG_ID)
            .or_else(|| object.annotation(CATALOG_ID));
        let is_workload = self.workloads.contains_key(&key);
        if let Some(id) = id.filter(|_| is_workload) {
            self.catalogued.insert(key, id.to_owned());
        }
    }

    pub(super) fn forget_object(&mut self, object: &Object<'_>) {
        if let Some(key) = object.key() {
            self.services.remove(&key);
            self.workloads.remove(&key);
            self.catalogued.remove(&key);
        }
    }

    /// Adds `service routes_to workload` for everything that is selected now.
    pub fn relate(&self, around: &Surroundings, listing: &mut Listing) {
        for (service, selector) in &self.services {
            // An empty selector selects nothing: somebody else names the addresses.
            let selects = |(workload, labels): &(&KeyParts, &Labels)| {
                !selector.is_empty()
                    && workload.namespace == service.namespace
                    && selector
                        .iter()
                        .all(|(name, value)| labels.get(name) == Some(value))
            };
            for (workload, _) in self.workloads.iter().filter(selects) {
                listing.relate(service.clone(), "routes_to", workload.clone());
            }
        }
        for (workload, id) in &self.catalogued {
            let component =
                KeyParts::new("service", id.clone()).in_environment(around.environment.clone());
            listing.relate(component, "runs_on", workload.clone());
        }
    }
}

fn labels(value: &Value) -> Labels {
    let stated = value.as_object().into_iter().flatten();
    stated
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}
