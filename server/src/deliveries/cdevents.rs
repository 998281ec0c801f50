//! Notices as events of `CDEvents`, where one fits; where none does, they are ours. Pure.
//!
//! What `CDEvents` asks for and nobody stated is not made up: such a notice does not fit.

use graph::{ChangeRow, IncidentRow, Telling};
use model::{
    Artifact, Change, ChangeStatus, Event, EventEnvelope, Incident, IncidentStatus, Topic,
};
use serde_json::{Map, Value, json};

use super::notice::{SOURCE, cloud_event};

/// The version of the specification.
const SPECIFICATION: &str = "0.5.1";

/// An event that fits: its type, and its subject.
struct Fitting {
    name: &'static str,
    subject: String,
    content: Value,
}

/// The event of `CDEvents` in the envelope of `CloudEvents`, with what we have to tell as its own data.
pub(super) fn body(
    telling: &Telling<'_>,
    envelope: &EventEnvelope,
    id: &str,
    data: &Map<String, Value>,
) -> Option<Value> {
    let fitting = match envelope.event.topic() {
        Topic::Change(said) => service(&telling.change()?, said),
        Topic::Incident(said) => {
            let opens = matches!(envelope.event, Event::IncidentOpened(_));
            incident(&telling.incident()?, said, opens)
        }
        Topic::Observation(_)
        | Topic::Identity(_)
        | Topic::Deviation(_)
        | Topic::Judgement(_)
        | Topic::Intake
        | Topic::Definition
        | Topic::Access => None,
    };
    let fitting = fitting?;
    let event = json!({
        "context": {
            "specversion": SPECIFICATION,
            "id": id,
            "source": SOURCE,
            "type": fitting.name,
            "timestamp": envelope.occurred_at,
        },
        "subject": {
            "id": fitting.subject,
            "source": SOURCE,
            "content": fitting.content,
        },
        "customData": data,
        "customDataContentType": "application/json",
    });
    let at = envelope.occurred_at;
    let event = event.as_object()?;
    Some(cloud_event(id, fitting.name, &fitting.subject, at, event))
}

/// A deployment or a rollback of one service that succeeded, of an artifact and in an environment.
fn service(row: &ChangeRow<'_>, said: &Change) -> Option<Fitting> {
    let name = match (said.status?, row.kind()?) {
        (ChangeStatus::Succeeded, "deployment") => "dev.cdevents.service.deployed.0.3.0",
        (ChangeStatus::Succeeded, "rollback") => "dev.cdevents.service.rolledback.0.3.0",
        _ => return None,
    };
    let targets = row.targets();
    let [target] = targets.as_slice() else {
        return None;
    };
    Some(Fitting {
        name,
        subject: target.item.name().to_owned(),
        content: json!({
            "environment": { "id": row.environment()? },
            "artifactId": package_url(said.artifacts.first()?),
        }),
    })
}

/// An incident in an environment that begins, that has a ticket, or that is over.
fn incident(row: &IncidentRow<'_>, said: &Incident, opens: bool) -> Option<Fitting> {
    let is_over = said.status == Some(IncidentStatus::Resolved);
    let mut content = json!({
        "description": row.title(),
        "environment": { "id": row.environment()? },
    });
    let fields = content.as_object_mut()?;
    if let [item] = row.items().as_slice() {
        fields.insert("service".to_owned(), json!({ "id": item.name() }));
    }
    let name = match (is_over, opens, &said.link) {
        (true, _, _) => "dev.cdevents.incident.resolved.0.3.0",
        (false, true, _) => "dev.cdevents.incident.detected.0.3.0",
        (false, false, Some(link)) => {
            fields.insert("ticketURI".to_owned(), json!(link));
            "dev.cdevents.incident.reported.0.3.0"
        }
        (false, false, None) => return None,
    };
    Some(Fitting {
        name,
        subject: row.id().to_string(),
        content,
    })
}

/// The package URL of an artifact: its name, if that is one, or one of no type in particular.
fn package_url(artifact: &Artifact) -> String {
    let version = artifact.digest.as_ref().or(artifact.version.as_ref());
    let version = version.map(|version| format!("@{}", escaped(version, b"")));
    let version = version.unwrap_or_default();
    match artifact.name.starts_with("pkg:") {
        true => format!("{}{version}", artifact.name),
        false => format!("pkg:generic/{}{version}", escaped(&artifact.name, b"/")),
    }
}

/// Everything but plain letters and `kept`, as per cent.
fn escaped(text: &str, kept: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        match is_plain || kept.contains(&byte) {
            true => escaped.push(char::from(byte)),
            false => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_has_a_package_url() {
        let url = |name: &str, version: Option<&str>, digest: Option<&str>| {
            package_url(&Artifact {
                name: name.to_owned(),
                version: version.map(str::to_owned),
                digest: digest.map(str::to_owned),
                url: None,
            })
        };
        assert_eq!(url("shop", Some("2.1+b"), None), "pkg:generic/shop@2.1%2Bb");
        assert_eq!(
            url("registry:5000/a b", None, None),
            "pkg:generic/registry%3A5000/a%20b"
        );
        let by_digest = url("pkg:oci/shop", Some("2"), Some("sha256:0b"));
        assert_eq!(by_digest, "pkg:oci/shop@sha256%3A0b");
    }
}
