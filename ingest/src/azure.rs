//! Azure's activity log: `/ingest/azure` takes the records of a diagnostic setting as an Event
//! Hub carries them, and the events of a subscription as Event Grid sends them, its handshake
//! included.
//!
//! What an operation says at its end counts, and that it was accepted; what was begun and
//! not allowed is no change.

#[cfg(test)]
mod tests;

use model::{Actor, ActorKind, ChangeStatus, SourceKey, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::decoded::{Malformed, Part};
use crate::intake::{Address, Delivery};
use crate::said::Said;
use crate::split::{Wrapping, split, unfold};
use crate::told::{self, Told, actor, source_of};

/// How the quarantine calls this form.
const FORMAT: &str = "azure";

/// Where they are taken.
pub(crate) const ADDRESS: Address = Address::of_json(FORMAT, "/ingest/azure", decode);

/// The claim of a token that holds a person's sign-in name.
const UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";

/// The records of an Event Hub's message, not yet unfolded.
#[derive(Deserialize)]
struct Exported<'a> {
    #[serde(borrow)]
    records: Vec<&'a RawValue>,
}

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    let mut parts = Vec::new();
    for part in split(&delivery.body, Wrapping::Json)? {
        match serde_json::from_str::<Exported<'_>>(part) {
            Ok(Exported { records }) => {
                let records = records.iter().map(|record| record.get());
                parts.extend(records.map(|record| part_of(record, delivery).made_of(record)));
            }
            Err(_) => parts.push(part_of(part, delivery).made_of(part)),
        }
        if model::bounds::EVENTS_PER_REQUEST_MAX < parts.len() {
            return Err(Malformed::because(
                "more records in one body than are taken",
            ));
        }
    }
    Ok(parts)
}

fn part_of(part: &str, delivery: &Delivery) -> Part {
    let value = match unfold(part) {
        Ok(value) => value,
        Err(refused) => return refused,
    };
    match Said(&value).written("/eventType") {
        Some("Microsoft.EventGrid.SubscriptionValidationEvent") => handshake(&value),
        Some("Microsoft.EventGrid.SubscriptionDeletedEvent") => {
            Part::ignored("a subscription of Event Grid ended")
        }
        Some(event_type) => match Operation::of_grid(&value, event_type) {
            Some(operation) => operation.part(delivery),
            None => told::unknown(
                delivery,
                FORMAT,
                part.as_bytes(),
                "an event of Event Grid that is not of a resource",
            ),
        },
        None => match Operation::of_log(&value) {
            Some(operation) => operation.part(delivery),
            None => told::unknown(
                delivery,
                FORMAT,
                part.as_bytes(),
                "has neither eventType nor operationName and resourceId",
            ),
        },
    }
}

/// The code goes back in the answer; the address beside it is not fetched.
fn handshake(value: &Value) -> Part {
    match Said(value).written("/data/validationCode") {
        Some(code) => Part::Asked(json!({ "validationResponse": code })),
        None => Part::refused("data.validationCode", "is required"),
    }
}

/// How an operation stands by one record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Begun,
    Accepted,
    Succeeded,
    Failed,
    Cancelled,
    Denied,
    Unclear,
}

/// One record, whichever way it came.
struct Operation<'v> {
    id: Option<&'v str>,
    name: &'v str,
    resource: &'v str,
    category: Option<&'v str>,
    standing: Standing,
    at: Option<Timestamp>,
    correlation: Option<&'v str>,
    authorization: Option<&'v Value>,
    claims: Option<&'v Value>,
    caller: Option<&'v str>,
}

impl<'v> Operation<'v> {
    fn of_log(value: &'v Value) -> Option<Self> {
        let name = Said(value)
            .written("/operationName")
            .or_else(|| Said(value).written("/operationName/value"))?;
        let status = Said(value)
            .written("/resultType")
            .or_else(|| Said(value).written("/status/value"));
        let why = Said(value)
            .written("/resultSignature")
            .or_else(|| Said(value).written("/subStatus/value"));
        Some(Self {
            id: Said(value).written("/eventDataId"),
            name,
            resource: Said(value).written("/resourceId")?,
            category: Said(value)
                .written("/category")
                .or_else(|| Said(value).written("/category/value")),
            standing: standing(status.unwrap_or_default(), why.unwrap_or_default()),
            at: Said(value)
                .time_in_millis("/time")
                .or_else(|| Said(value).time_in_millis("/eventTimestamp")),
            correlation: Said(value).written("/correlationId"),
            authorization: value
                .pointer("/identity/authorization")
                .or_else(|| value.get("authorization")),
            claims: value
                .pointer("/identity/claims")
                .or_else(|| value.get("claims")),
            caller: Said(value).written("/caller"),
        })
    }

    fn of_grid(value: &'v Value, event_type: &str) -> Option<Self> {
        let what = event_type.strip_prefix("Microsoft.Resources.Resource")?;
        let standing = match what {
            _ if what.ends_with("Success") => Standing::Succeeded,
            _ if what.ends_with("Cancel") => Standing::Cancelled,
            _ if what.ends_with("Failure") => {
                let why = Said(value).written("/data/httpRequest/statusCode");
                standing("Failed", why.unwrap_or_default())
            }
            _ => return None,
        };
        Some(Self {
            id: Said(value).written("/id"),
            name: Said(value).written("/data/operationName")?,
            resource: Said(value)
                .written("/data/resourceUri")
                .or_else(|| Said(value).written("/subject"))?,
            category: None,
            standing,
            at: Said(value).time_in_millis("/eventTime"),
            correlation: Said(value).written("/data/correlationId"),
            authorization: value.pointer("/data/authorization"),
            claims: value.pointer("/data/claims"),
            caller: None,
        })
    }

    fn part(&self, delivery: &Delivery) -> Part {
        if let Some(reason) = self.no_change() {
            return Part::ignored(reason);
        }
        let Some(at) = self.at else {
            return Part::refused("time", "is required, as RFC 3339");
        };
        let resource = self.resource.trim_end_matches('/').to_lowercase();
        let operation = self.name.to_lowercase();
        // One request of a person may do several things, each of which has the same correlation.
        let id = match self.correlation {
            Some(correlation) => format!("{correlation}/{operation}{resource}"),
            None => format!("{at}/{operation}{resource}"),
        };
        let source = source_of(delivery, FORMAT);
        let mut change = told::change(&source, id, "infrastructure");
        let (status, is_over) = match self.standing {
            Standing::Succeeded => (ChangeStatus::Succeeded, true),
            Standing::Failed => (ChangeStatus::Failed, true),
            Standing::Cancelled => (ChangeStatus::Cancelled, true),
            _ => (ChangeStatus::Running, false),
        };
        change.status = Some(status);
        change.started_at = (!is_over).then_some(at);
        change.finished_at = is_over.then_some(at);
        let called = resource.rsplit('/').next().unwrap_or(&resource);
        change.title = Some(format!("{} {called}", self.name));
        change.category = self.name.split('/').next().map(str::to_owned);
        change.environment.clone_from(&delivery.sender.environment);
        let operator = self.operator();
        change.operator = (operator != Actor::default()).then_some(operator);
        change.targets = vec![SourceKey::Claim {
            scheme: "cloud.resource_id".to_owned(),
            value: resource,
        }];
        let told = Told {
            delivery: self.id.map(str::to_owned),
            at: Some(at),
            change,
        };
        Part::Events(vec![told.seal(delivery.received_at)])
    }

    fn no_change(&self) -> Option<&'static str> {
        const CATEGORIES: [&str; 4] = ["Administrative", "Write", "Delete", "Action"];
        let operation = self.name.to_lowercase();
        let last_but_one = operation.rsplit('/').nth(1).unwrap_or_default();
        let only_lists = operation.ends_with("/action") && last_but_one.starts_with("list");
        let category = self.category.unwrap_or("Administrative");
        if !CATEGORIES.contains(&category) {
            Some("a record of another category than what people and machines do to resources")
        } else if operation.ends_with("/read") || only_lists {
            Some("the operation only reads")
        } else {
            match self.standing {
                Standing::Begun => {
                    Some("the operation begins; whether it is let through comes later")
                }
                Standing::Denied => Some("the operation was refused, and changed nothing"),
                Standing::Unclear => Some("the record tells no result"),
                _ => None,
            }
        }
    }

    fn operator(&self) -> Actor {
        let claim = |name: &str| {
            let claimed = self.claims?.get(name)?.as_str()?;
            (!claimed.is_empty()).then_some(claimed)
        };
        let principal = self
            .authorization
            .and_then(|authorization| Said(authorization).written("/evidence/principalType"));
        let person = claim(UPN).or_else(|| self.caller.filter(|caller| caller.contains('@')));
        if let Some(person) = person {
            return actor(ActorKind::Human, Some(person));
        }
        let named = claim("name").or_else(|| claim("appid")).or(self.caller);
        match (claim("idtyp"), principal) {
            (Some("app"), _) | (_, Some("ServicePrincipal")) => actor(ActorKind::Automatic, named),
            (Some("user"), _) | (_, Some("User")) => actor(ActorKind::Human, named),
            _ => actor(ActorKind::Unknown, named),
        }
    }
}

fn standing(status: &str, why: &str) -> Standing {
    let denied = [
        "forbidden",
        "unauthorized",
        "403",
        "401",
        "authorizationfailed",
    ];
    let why = why.to_lowercase();
    match status.to_lowercase().as_str() {
        "start" | "started" => Standing::Begun,
        "accept" | "accepted" => Standing::Accepted,
        "success" | "succeeded" => Standing::Succeeded,
        "failure" | "failed" if denied.iter().any(|word| why.contains(word)) => Standing::Denied,
        "failure" | "failed" => Standing::Failed,
        "cancel" | "canceled" | "cancelled" => Standing::Cancelled,
        _ => Standing::Unclear,
    }
}
