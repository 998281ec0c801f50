//! What happened: deployments as the pipeline says them, other changes, and the alert.

use anyhow::bail;
use model::Timestamp;
use serde_json::{Value, json};

use super::lines::rows;
use super::moment::{ago, fill};

/// The deployments, as `CDEvents` inside `CloudEvents`.
pub(super) fn deploys(now: Timestamp) -> anyhow::Result<Vec<Value>> {
    let mut events = Vec::new();
    for words in rows(include_str!("deploys.txt")) {
        let [length, environment, service, version] = words.as_slice() else {
            bail!("a deployment is AGO ENVIRONMENT SERVICE VERSION: {words:?}");
        };
        let at = ago(now, length)?;
        let id = format!("deploy-{environment}-{service}-{version}-{at}");
        let kind = "dev.cdevents.service.deployed.0.2.0";
        let source = "/pipelines/deploy";
        events.push(json!({
            "specversion": "1.0",
            "id": id,
            "source": source,
            "type": kind,
            "subject": service,
            "time": at,
            "datacontenttype": "application/json",
            "data": {
                "context": {
                    "version": "0.4.1", "id": id, "source": source, "type": kind, "timestamp": at,
                },
                "subject": {
                    "id": service,
                    "type": "service",
                    "content": {
                        "environment": { "id": environment },
                        "artifactId": format!("pkg:oci/{service}@{version}"),
                    },
                },
            },
        }));
    }
    Ok(events)
}

/// The other changes, as own events; each stands in its file without what all have in common.
pub(super) fn changes(now: Timestamp) -> anyhow::Result<Vec<Value>> {
    let Value::Array(mut changes) = fill(include_str!("changes.json"), now)? else {
        bail!("the changes are a list");
    };
    for change in &mut changes {
        let id = change.get("id").and_then(Value::as_str).unwrap_or_default();
        let delivery = format!("{id}/{now}");
        let id = id.to_owned();
        if let Some(data) = change.get_mut("data").and_then(Value::as_object_mut) {
            data.insert("sourceId".to_owned(), id.into());
        }
        if let Some(event) = change.as_object_mut() {
            event.insert("id".to_owned(), delivery.into());
            event.insert("type".to_owned(), "change.recorded".into());
        }
    }
    Ok(changes)
}

/// The alert, as Alertmanager posts it.
pub(super) fn alert(now: Timestamp) -> anyhow::Result<Value> {
    fill(include_str!("alert.json"), now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_lies_before_now_and_the_cause_before_the_alert() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let time = |event: &Value, path: &str| -> Timestamp {
            event
                .pointer(path)
                .unwrap()
                .as_str()
                .unwrap()
                .parse()
                .unwrap()
        };
        let changes = changes(now).unwrap();
        let cause = changes
            .iter()
            .find(|change| change["data"]["sourceId"] == "ticket-4433")
            .unwrap();
        let alerted = time(&alert(now).unwrap(), "/alerts/0/startsAt");
        assert_eq!(
            alerted.millis_since(time(cause, "/data/startedAt")),
            12.0 * 60_000.0
        );
        let deploys = deploys(now).unwrap();
        let times = deploys
            .iter()
            .chain(&changes)
            .map(|event| time(event, "/time"));
        assert!(times.clone().all(|at| at < now));
        assert_eq!(times.count(), 29);
    }
}
