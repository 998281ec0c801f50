//! Liquibase: `/ingest/liquibase` takes rows of `DATABASECHANGELOG` as JSON, and change sets that
//! `status` names as still to run.

#[cfg(test)]
mod tests;

use model::{ChangeStatus, bounds};
use serde_json::Value;

use crate::decoded::{Malformed, Part};
use crate::fields::shortened;
use crate::intake::{Address, Delivery};
use crate::migrated::{self, Database, Migrated, field};
use crate::moment;
use crate::said::Said;
use crate::told;

/// How the quarantine calls this form.
const FORMAT: &str = "liquibase";

/// Where a pipeline posts rows.
pub(crate) const ADDRESS: Address = Address {
    takes: |media, _| media.is_json() || media.is_json_lines(),
    expects: "application/json or application/x-ndjson",
    ..Address::of_json(FORMAT, "/ingest/liquibase", decode)
};

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    migrated::decode(delivery, part_of)
}

fn part_of(value: &Value, delivery: &Delivery) -> Part {
    let database = Database::of(value, delivery);
    let rows = Said(value).entries("/DATABASECHANGELOG");
    let pending = Said(value).entries("/pending");
    let mut all: Vec<Migrated> = rows.iter().filter_map(row).collect();
    all.extend(pending.iter().filter_map(Value::as_str).filter_map(planned));
    let is_wrapped = value.get("DATABASECHANGELOG").is_some() || value.get("pending").is_some();
    if is_wrapped {
        return database.part(FORMAT, all, delivery);
    }
    if field(value, "EXECTYPE").is_some() && field(value, "ID").is_some() {
        return database.part(FORMAT, row(value).into_iter().collect(), delivery);
    }
    let body = value.to_string();
    let reason = "is no row of DATABASECHANGELOG, and holds no list of them";
    told::unknown(delivery, FORMAT, body.as_bytes(), reason)
}

/// A row, its columns in whatever case; `None` for what was not run.
fn row(value: &Value) -> Option<Migrated> {
    let text = |name: &str| {
        field(value, name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let (file, id, author) = (text("FILENAME")?, text("ID")?, text("AUTHOR")?);
    let at = field(value, "DATEEXECUTED").and_then(moment::in_millis);
    let (status, is_again) = match text("EXECTYPE")? {
        "EXECUTED" => (ChangeStatus::Succeeded, false),
        "RERAN" => (ChangeStatus::Succeeded, true),
        "FAILED" => (ChangeStatus::Failed, false),
        _ => return None,
    };
    let name = format!("{file}::{id}::{author}");
    Some(Migrated {
        id: match (is_again, at) {
            (true, Some(at)) => format!("{name}@{at}"),
            _ => name,
        },
        title: match is_again {
            true => format!("change set {id} of {author} again"),
            false => format!("change set {id} of {author}"),
        },
        status,
        at,
        took_ms: None,
        by: None,
        script: Some(shortened(file, bounds::LINE_BYTES)),
        description: text("COMMENTS")
            .or_else(|| text("DESCRIPTION"))
            .map(str::to_owned),
    })
}

/// `FILE::ID::AUTHOR`, as `status --verbose` names what is still to run.
fn planned(name: &str) -> Option<Migrated> {
    let mut parts = name.trim().splitn(3, "::");
    let (file, id, author) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Migrated {
        id: format!("{file}::{id}::{author}"),
        title: format!("change set {id} of {author}"),
        status: ChangeStatus::Planned,
        at: None,
        took_ms: None,
        by: None,
        script: Some(shortened(file, bounds::LINE_BYTES)),
        description: None,
    })
}
