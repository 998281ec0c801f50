//! What runs pods: deployments and their like.

use std::collections::BTreeMap;

use model::KeyParts;
use serde_json::Value;

use super::object::{Object, kind_of_item, list, text};
use super::pod::{images, needs};
use super::{ItemWriter, Listing, item, neighbour};

/// A workload; `false` if it is only a revision of another one.
pub(super) fn workload(object: &Object<'_>, listing: &mut Listing) -> bool {
    let owner = object.controller();
    let is_revision = object.kind == "ReplicaSet" && owner.is_some();
    let (Some(mut workload), Some(key)) = (item(object), object.key()) else {
        return false;
    };
    if is_revision {
        return false;
    }
    let spec = template(object);
    workload.attribute("images", images(spec));
    workload.attribute(
        "service.version",
        object
            .label("app.kubernetes.io/version")
            .unwrap_or_default(),
    );
    workload.attribute(
        "k8s.replicas",
        object.at("/spec/replicas").cloned().unwrap_or_default(),
    );
    workload.attribute(
        "k8s.cronjob.schedule",
        object.text("/spec/schedule").unwrap_or_default(),
    );
    if object.kind == "Job" {
        let from = object.time("/status/startTime");
        let from = from.or_else(|| object.time("/metadata/creationTimestamp"));
        workload.exists(from, object.time("/status/completionTime"));
    }
    listing.items.push(workload.done());
    if let Some((kind @ "CronJob", name)) = owner {
        let owner = neighbour(object, kind_of_item(kind), name);
        listing.relate(owner, "includes", key.clone());
    }
    needs(object, spec, listing);
    if let Some(service) = service_by_telemetry(object, spec) {
        let mut named = ItemWriter::new(service.clone());
        named.criticality(annotated(object, "service.criticality"));
        listing.items.push(named.done());
        listing.relate(service, "runs_on", key);
    }
    true
}

/// The specification of the pods it runs.
pub(super) fn template<'v>(object: &Object<'v>) -> Option<&'v Value> {
    object
        .at("/spec/template/spec")
        .or_else(|| object.at("/spec/jobTemplate/spec/template/spec"))
}

/// The labels of the pods it runs.
pub(super) fn template_labels<'v>(object: &Object<'v>) -> Option<&'v Value> {
    object
        .at("/spec/template/metadata/labels")
        .or_else(|| object.at("/spec/jobTemplate/spec/template/metadata/labels"))
}

/// The service that its spans will name, where it configures their resource itself.
///
/// Of all environment variables these two are read, because OpenTelemetry defines
/// them and they hold names.
fn service_by_telemetry(object: &Object<'_>, spec: Option<&Value>) -> Option<KeyParts> {
    let containers = list(spec.and_then(|spec| spec.get("containers")));
    let variables: Vec<&Value> = containers
        .iter()
        .flat_map(|container| list(container.get("env")))
        .collect();
    let variable = |name: &str| {
        let found = variables
            .iter()
            .find(|variable| variable.get("name").and_then(text) == Some(name));
        found?.get("value").and_then(text)
    };
    let resource = resource_attributes(variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default());
    let known = |name: &str| annotated(object, name).or_else(|| resource.get(name).copied());
    let name = annotated(object, "service.name")
        .or_else(|| variable("OTEL_SERVICE_NAME"))
        .or_else(|| known("service.name"))
        // `$(VARIABLE)` is filled in only when the container starts.
        .filter(|name| !name.contains("$("))?;
    let environment = known("deployment.environment.name")
        .or_else(|| known("deployment.environment"))
        .map(str::to_owned);
    let namespace = known("service.namespace").filter(|name| !name.contains("$("));
    Some(
        KeyParts::new("service", name)
            .in_environment(environment.or_else(|| object.around.environment.clone()))
            .in_namespace(namespace.map(str::to_owned)),
    )
}

/// An attribute of its spans' resource, as an annotation of its pods states it.
fn annotated<'v>(object: &Object<'v>, name: &str) -> Option<&'v str> {
    let annotations = object
        .at("/spec/template/metadata/annotations")
        .or_else(|| object.at("/metadata/annotations"))?;
    let name = format!("resource.opentelemetry.io/{name}");
    annotations.get(&name).and_then(text)
}

/// `service.namespace=shop,service.version=1` in its parts.
fn resource_attributes(text: &str) -> BTreeMap<&str, &str> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect()
}
