//! AWS `CloudTrail`: `/ingest/cloudtrail` takes its files, its events by `EventBridge`, and both
//! in an envelope of SNS.
//!
//! Only a call that wrote something and was let through is a change. An address that a body
//! names is never fetched: the subscription of a topic is for a person to confirm.

mod envelope;
mod identity;
mod target;
#[cfg(test)]
mod tests;

use model::{SourceKey, ValueChange};
use serde_json::Value;

use crate::decoded::{Malformed, Part};
use crate::intake::{Address, Delivery};
use crate::said::Said;
use crate::split::unfold;
use crate::told::{self, Told, done, source_of};
use envelope::Envelope;

/// How the quarantine calls this form, and the source that it speaks for.
const FORMAT: &str = "cloudtrail";

/// Where records are taken. SNS writes them as plain text.
pub(crate) const ADDRESS: Address = Address {
    takes: |media, headers| media.is_json() || headers.contains_key("x-amz-sns-message-type"),
    expects: "application/json, or text/plain with x-amz-sns-message-type",
    ..Address::of_json(FORMAT, "/ingest/cloudtrail", decode)
};

/// Services of which every call is bookkeeping: who one is, what a session may, how a secret is read.
const PASSED_SERVICES: [&str; 3] = [
    "sts.amazonaws.com",
    "signin.amazonaws.com",
    "sso.amazonaws.com",
];

/// Calls that write, and change nothing that runs: what agents report of themselves, keys in use, questions.
const PASSED_CALLS: [&str; 22] = [
    "CreateLogStream",
    "PutLogEvents",
    "PutMetricData",
    "UpdateInstanceInformation",
    "UpdateInstanceAssociationStatus",
    "PutInventory",
    "PutComplianceItems",
    "SubmitContainerStateChange",
    "SubmitTaskStateChange",
    "SubmitAttachmentStateChanges",
    "DiscoverPollEndpoint",
    "Encrypt",
    "Decrypt",
    "ReEncrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "CreateGrant",
    "RetireGrant",
    "StartQuery",
    "StartQueryExecution",
    "InitiateLayerUpload",
    "UploadLayerPart",
];

/// Names that begin so only read, where a record of an old version does not say.
const READS: [&str; 8] = [
    "Get", "List", "Describe", "Head", "Lookup", "Search", "BatchGet", "Query",
];

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    match envelope::open(&delivery.body)? {
        Envelope::Records(records) => Ok(records
            .iter()
            .map(|record| match unfold(record.get()) {
                Ok(said) => part_of(&said, delivery).made_of(record.get()),
                Err(refused) => refused,
            })
            .collect()),
        Envelope::One(record) => Ok(vec![part_of(&record, delivery)]),
        Envelope::Says(part) => Ok(vec![part]),
        Envelope::Other(reason) => Ok(vec![told::unknown(
            delivery,
            FORMAT,
            &delivery.body,
            reason,
        )]),
    }
}

fn part_of(record: &Value, delivery: &Delivery) -> Part {
    let (Some(name), Some(service)) = (
        Said(record).written("/eventName"),
        Said(record).written("/eventSource"),
    ) else {
        let body = record.to_string();
        return told::unknown(
            delivery,
            FORMAT,
            body.as_bytes(),
            "a record has no eventName or no eventSource",
        );
    };
    if let Some(reason) = no_change(record, name, service) {
        return Part::ignored(reason);
    }
    let Some(id) = Said(record).written("/eventID") else {
        return Part::refused("eventID", "is required");
    };
    let at = Said(record).time_in_millis("/eventTime");
    if at.is_none() {
        return Part::refused("eventTime", "is required, as RFC 3339");
    }
    let source = source_of(delivery, FORMAT);
    let service = service.split('.').next().unwrap_or(service);
    let targets = target::targets(record, service);
    let said = told::change(&source, id, "infrastructure");
    let mut said = done(said, at);
    said.title = Some(title(name, service, &targets));
    said.category = Some(service.to_owned());
    said.entry_channel = identity::channel(record).map(str::to_owned);
    said.operator = Some(identity::operator(record));
    said.environment.clone_from(&delivery.sender.environment);
    said.values = asked_for(record);
    said.link = link(record, id);
    said.targets = targets;
    let told = Told {
        delivery: Some(id.to_owned()),
        at,
        change: said,
    };
    Part::Events(vec![told.seal(delivery.received_at)])
}

/// Why a record is no change; `None` if it is one.
fn no_change(record: &Value, name: &str, service: &str) -> Option<&'static str> {
    let category = Said(record).written("/eventCategory");
    let reads = match record.get("readOnly") {
        Some(Value::Bool(reads)) => *reads,
        Some(Value::String(reads)) => reads == "true",
        _ => READS.iter().any(|prefix| name.starts_with(prefix)),
    };
    if reads {
        Some("the call only reads")
    } else if Said(record).written("/errorCode").is_some() {
        Some("the call was refused or failed, and changed nothing")
    } else if category.is_some_and(|category| category != "Management") {
        Some("the call is about data, not about what runs")
    } else if matches!(Said(record).written("/eventType"), Some("AwsConsoleSignIn")) {
        Some("a sign-in changes nothing")
    } else if PASSED_SERVICES.contains(&service) || PASSED_CALLS.contains(&name) {
        Some("the call is bookkeeping")
    } else {
        None
    }
}

fn title(name: &str, service: &str, targets: &[SourceKey]) -> String {
    let called = targets.first().map(|key| match key {
        SourceKey::Claim { value, .. } => {
            let last = value.rsplit([':', '/']).next();
            last.unwrap_or(value).to_owned()
        }
        SourceKey::Parts(parts) => parts.name.clone(),
        SourceKey::Text(text) => text.clone(),
    });
    match called {
        Some(called) => format!("{service} {name} {called}"),
        None => format!("{service} {name}"),
    }
}

/// What the call asked for: plain values, as they were written. What was before, nobody says.
fn asked_for(record: &Value) -> Vec<ValueChange> {
    let Some(Value::Object(parameters)) = record.get("requestParameters") else {
        return Vec::new();
    };
    let mut values = Vec::new();
    for (name, value) in parameters {
        match value {
            Value::Object(inner) => {
                for (inner_name, value) in inner {
                    asked_value(format!("{name}.{inner_name}"), value, &mut values);
                }
            }
            plain => asked_value(name.clone(), plain, &mut values),
        }
    }
    values
}

fn asked_value(field: String, value: &Value, values: &mut Vec<ValueChange>) {
    let is_plain = !value.is_object() && !value.is_array();
    if let (true, Some(after)) = (is_plain, told::shown(value)) {
        values.push(ValueChange {
            field,
            before: None,
            after: Some(after),
        });
    }
}

fn link(record: &Value, id: &str) -> Option<String> {
    let region = Said(record).written("/awsRegion")?;
    let plain = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    (plain(region) && plain(id)).then(|| {
        format!(
            "https://{region}.console.aws.amazon.com/cloudtrailv2/home?region={region}#/events/{id}"
        )
    })
}
