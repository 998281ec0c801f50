//! Events of Flux's notification-controller: `/ingest/flux`, by a provider `generic` or `generic-hmac`.
//!
//! One revision of one `Kustomization` or `HelmRelease` is one change; what Flux fetched is not yet applied.

#[cfg(test)]
mod tests;

use model::{Actor, ActorKind, ChangeBatch, ChangeStatus, CodeRef, KeyParts, SourceKey, bounds};

use crate::fields::shortened;
use crate::intake::Address;
use crate::proof::{HashFunction, Proof};
use crate::said::Said;
use crate::webhook::{self, Fact, Facts, Form, Nothing, Webhook, is_workload};

const FORM: Form = Form {
    name: "flux",
    delivery_id: "",
    kept: &[],
};

const SIGNATURE: Proof = Proof::Hmac {
    header: "x-signature",
    prefix: "sha256=",
    hash: HashFunction::Sha256,
};

/// Where events are taken.
pub(crate) const ADDRESS: Address = Address {
    proof: Proof::AnyOf(&[SIGNATURE, Proof::Token]),
    ..Address::of_json(FORM.name, "/ingest/flux", |delivery| {
        webhook::decode(delivery, &FORM, read)
    })
};

fn read(webhook: &Webhook<'_>) -> Facts {
    let body = webhook.body;
    let kind = body.must_name("/involvedObject/kind")?;
    if !matches!(kind.as_str(), "Kustomization" | "HelmRelease") {
        return Err(Nothing::Ignored(
            "an object of Flux that fetches or checks; a Kustomization or HelmRelease applies",
        ));
    }
    let name = body.must_name("/involvedObject/name")?;
    let namespace = body.must_name("/involvedObject/namespace")?;
    let at = body.time("/timestamp");
    let reason = body.name("/reason").unwrap_or_default();
    let status = match reason.as_str() {
        "DependencyNotReady" | "TestSucceeded" => {
            return Err(Nothing::Ignored("an event of Flux that changes nothing"));
        }
        _ if body.written("/severity") == Some("error") => ChangeStatus::Failed,
        "RollbackSucceeded" => ChangeStatus::RolledBack,
        "Progressing" | "ProgressingWithRetry" | "DriftDetected" => ChangeStatus::Running,
        reason if reason.ends_with("Succeeded") => ChangeStatus::Succeeded,
        _ => return Err(Nothing::Ignored("an event of Flux that changes nothing")),
    };
    let revision = stated(body, "revision");
    let revision = revision.ok_or_else(|| "metadata.revision is required".to_owned())?;
    let environment = ["environment", "env"]
        .iter()
        .find_map(|name| stated(body, name));
    let environment = environment.or_else(|| webhook.environment());
    let id = format!("{}/{namespace}/{name}/{revision}", kind.to_lowercase());
    let mut change = webhook.change(&id);
    change.kind = Some("deployment".to_owned());
    change.category = Some(kind);
    let title = format!("{namespace}/{name} applied at {revision}");
    change.title = Some(shortened(&title, bounds::LINE_BYTES));
    change.description = body.text("/message");
    change.status = Some(status);
    change.started_at = at.filter(|_| status == ChangeStatus::Running);
    change.finished_at = at.filter(|_| status != ChangeStatus::Running);
    let service = stated(body, "service").unwrap_or(name);
    let service = KeyParts::new("service", service).in_environment(environment.clone());
    change.targets = vec![service.into()];
    let applied = applied(body, environment.as_deref());
    if !applied.is_empty() {
        change.batches.push(ChangeBatch {
            targets: applied,
            started_at: at,
            ..ChangeBatch::new(0)
        });
    }
    change.environment = environment;
    change.code_refs.push(code(&revision));
    let by = Actor {
        kind: ActorKind::Automatic,
        name: Some(FORM.name.to_owned()),
    };
    Ok(vec![Fact::change(change, at, by)])
}

/// A name in the metadata, with or without the group that Flux puts before it.
fn stated(body: Said<'_>, name: &str) -> Option<String> {
    let metadata = body.at("/metadata")?;
    let entries = metadata.0.as_object()?;
    let found = entries.iter().find(|(key, _)| {
        let bare = key.rsplit('/').next().unwrap_or(key);
        bare == name
    });
    found.and_then(|(_, value)| Said(value).name(""))
}

/// The workloads in lines such as `Deployment/shop/checkout configured`.
fn applied(body: Said<'_>, environment: Option<&str>) -> Vec<SourceKey> {
    let message = body.written("/message").unwrap_or_default();
    let keys = message.lines().filter_map(|line| {
        let (object, done) = line.trim().split_once(' ')?;
        let mut parts = object.split('/');
        let (kind, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
        let kind = kind.to_lowercase();
        let is_changed = matches!(done, "created" | "configured" | "deleted");
        let fits = is_changed && is_workload(&kind) && object.len() <= bounds::KEY_BYTES;
        let key = KeyParts::new(kind, name)
            .in_namespace(Some(namespace.to_owned()))
            .in_environment(environment.map(str::to_owned));
        fits.then(|| key.into())
    });
    keys.take(100).collect()
}

/// `main@sha1:53e28ff2`, a version of a chart, or a digest.
fn code(revision: &str) -> CodeRef {
    let (reference, commit) = match revision.split_once('@') {
        Some((reference, digest)) => (Some(reference), digest.strip_prefix("sha1:")),
        None => (Some(revision), None),
    };
    CodeRef {
        repository: None,
        commit: commit.map(str::to_owned),
        merge_request: None,
        reference: reference.map(str::to_owned),
    }
}
