//! What Helm says of its releases: `/ingest/helm`.
//!
//! Helm sends nothing by itself; whoever runs it posts what `helm get metadata`, `helm history`,
//! `helm status` or `helm list` print as JSON, or the labels of the secrets it keeps. One
//! revision of a release is one change. Values, manifests and the contents of secrets are not read.

#[cfg(test)]
mod tests;

use model::{Actor, Artifact, ChangeLink, ChangeStatus, KeyParts, Timestamp, bounds};
use serde_json::Value;

use crate::decoded::{Malformed, Part};
use crate::fields::shortened;
use crate::intake::{Address, Delivery};
use crate::said::{Said, whole};
use crate::webhook::{Fact, Facts, Form, Nothing, Webhook, decode_value};

const FORM: Form = Form {
    name: "helm",
    delivery_id: "",
    kept: &[],
};

/// Where releases are taken.
pub(crate) const ADDRESS: Address = Address::of_json(FORM.name, "/ingest/helm", decode);

/// One release each; every revision of a history, every line of a list, every secret.
fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    let value = match whole(&delivery.body)? {
        Ok(value) => value,
        Err(refused) => return Ok(vec![refused]),
    };
    let body = Said(&value);
    let entries: Vec<Value> = match &value {
        Value::Array(releases) => releases.clone(),
        _ if body.at("/history").is_some() => body
            .list("/history")
            .map(|revision| of_history(body, revision))
            .collect(),
        _ if body.at("/items").is_some() => {
            body.list("/items").map(|item| item.0.clone()).collect()
        }
        _ => vec![value.clone()],
    };
    if bounds::EVENTS_PER_REQUEST_MAX < entries.len() {
        let limit = bounds::EVENTS_PER_REQUEST_MAX;
        return Err(Malformed::because(format!(
            "more than {limit} releases in one request"
        )));
    }
    let parts = entries
        .iter()
        .map(|entry| decode_value(delivery, &FORM, entry, read).made_of(&entry.to_string()));
    Ok(parts.collect())
}

/// A line of a history names neither release nor namespace; who sends it adds them.
fn of_history(whole: Said<'_>, revision: Said<'_>) -> Value {
    let mut revision = revision.0.clone();
    if let Value::Object(fields) = &mut revision {
        for name in ["name", "namespace"] {
            let stated = whole.0.get(name).cloned();
            fields.extend(stated.map(|stated| (name.to_owned(), stated)));
        }
    }
    revision
}

/// A revision of a release, in whichever form it was printed.
struct Release {
    name: String,
    namespace: String,
    revision: u32,
    state: String,
    description: Option<String>,
    at: Option<Timestamp>,
}

impl Release {
    fn read(body: Said<'_>) -> Result<Self, String> {
        let name = |places: &[&str]| places.iter().find_map(|place| body.name(place));
        let must = |found: Option<String>, field: &str| {
            found.ok_or_else(|| format!("{field} is required"))
        };
        // `helm get metadata` calls the version of its chart what `helm status` calls the revision.
        let revisions = ["/metadata/labels/version", "/revision", "/version"];
        let mut revisions = revisions.iter().filter_map(|place| body.name(place));
        let revision = revisions.find_map(|revision| revision.parse().ok());
        let times = [
            "/metadata/labels/modifiedAt",
            "/deployedAt",
            "/info/last_deployed",
            "/updated",
        ];
        let texts = ["/info/description", "/description"];
        Ok(Self {
            name: must(name(&["/metadata/labels/name", "/name"]), "name")?,
            namespace: must(name(&["/metadata/namespace", "/namespace"]), "namespace")?,
            revision: revision.ok_or_else(|| "revision is required".to_owned())?,
            state: must(
                name(&["/metadata/labels/status", "/info/status", "/status"]),
                "status",
            )?,
            description: texts.iter().find_map(|place| body.text(place)),
            at: times.iter().find_map(|place| body.time(place)),
        })
    }

    fn id(&self, revision: u32) -> String {
        format!("{}/{}/revisions/{revision}", self.namespace, self.name)
    }

    fn is_rollback(&self) -> bool {
        let description = self.description.as_deref();
        description.is_some_and(|text| text.starts_with("Rollback to "))
    }

    /// The kind of the change, and where it stands.
    fn stands(&self) -> Result<(&'static str, Option<ChangeStatus>), Nothing> {
        let kind = if self.is_rollback() {
            "rollback"
        } else {
            "deployment"
        };
        match self.state.as_str() {
            "deployed" | "superseded" => Ok((kind, Some(ChangeStatus::Succeeded))),
            "failed" => Ok((kind, Some(ChangeStatus::Failed))),
            "pending-install" | "pending-upgrade" | "pending-rollback" => {
                Ok((kind, Some(ChangeStatus::Running)))
            }
            "uninstalled" => Ok(("removal", Some(ChangeStatus::Succeeded))),
            "uninstalling" => Ok(("removal", Some(ChangeStatus::Running))),
            "unknown" => Ok((kind, None)),
            other => {
                let reason = format!("status {other:?} has no meaning here");
                Err(Nothing::NotUnderstood(reason))
            }
        }
    }
}

fn read(webhook: &Webhook<'_>) -> Facts {
    let body = webhook.body;
    let is_secret = body.written("/kind") == Some("Secret");
    if is_secret && body.written("/metadata/labels/owner") != Some("helm") {
        return Err(Nothing::Ignored("a secret that Helm does not keep"));
    }
    let release = Release::read(body)?;
    let (kind, status) = release.stands()?;
    let environment = webhook.environment();
    let service = KeyParts::new("service", release.name.clone());
    let (chart, version) = chart(body);
    let what = chart.as_deref().map(|chart| format!(" with {chart}"));
    let title = format!(
        "release {}/{} revision {}{}",
        release.namespace,
        release.name,
        release.revision,
        what.unwrap_or_default()
    );
    let mut change = webhook.change(&release.id(release.revision));
    change.kind = Some(kind.to_owned());
    change.title = Some(shortened(&title, bounds::LINE_BYTES));
    change.status = status;
    change.started_at = release.at;
    change.targets = vec![service.in_environment(environment.clone()).into()];
    change.environment = environment;
    let undone = release.revision.checked_sub(1);
    let undone = undone.filter(|undone| release.is_rollback() && 0 < *undone);
    change.links.extend(undone.map(|undone| ChangeLink {
        kind: "rollback_of".to_owned(),
        change: webhook.reference(&release.id(undone)),
    }));
    change.artifacts.extend(chart.map(|name| Artifact {
        name,
        version,
        ..Artifact::default()
    }));
    change.description = release.description;
    Ok(vec![Fact::change(change, release.at, Actor::default())])
}

/// The chart and its version; `helm list` and `helm history` write them as one word.
fn chart(body: Said<'_>) -> (Option<String>, Option<String>) {
    let Some(written) = body.name("/chart") else {
        return (None, None);
    };
    let version = body
        .name("/version")
        .filter(|version| version.contains('.'));
    if version.is_some() {
        return (Some(written), version);
    }
    let is_version = |at: &usize| {
        let next = written.get(at + 1..).and_then(|rest| rest.chars().next());
        next.is_some_and(|next| next.is_ascii_digit())
    };
    let hyphens = written.match_indices('-').map(|(at, _)| at);
    match hyphens
        .filter(is_version)
        .find(|at| written.get(*at..).is_some_and(|rest| rest.contains('.')))
    {
        Some(at) => {
            let (name, version) = written.split_at(at);
            (
                Some(name.to_owned()),
                Some(version.trim_start_matches('-').to_owned()),
            )
        }
        None => (Some(written), None),
    }
}
