//! Flyway: `/ingest/flyway` takes what `flyway info` and `flyway migrate` write with
//! `-outputType=json`, and rows of the schema history.

#[cfg(test)]
mod tests;

use model::{ChangeStatus, ContentHash};
use serde_json::Value;

use crate::decoded::{Malformed, Part};
use crate::fields::shortened;
use crate::intake::{Address, Delivery};
use crate::migrated::{self, Database, Migrated, field};
use crate::moment;
use crate::said::Said;
use crate::told;

/// How the quarantine calls this form.
const FORMAT: &str = "flyway";

/// Where a pipeline posts what Flyway wrote.
pub(crate) const ADDRESS: Address = Address {
    takes: |media, _| media.is_json() || media.is_json_lines(),
    expects: "application/json or application/x-ndjson",
    ..Address::of_json(FORMAT, "/ingest/flyway", decode)
};

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    migrated::decode(delivery, part_of)
}

/// A report, a wrapped list of rows, or one row.
fn part_of(value: &Value, delivery: &Delivery) -> Part {
    let database = Database::of(value, delivery);
    let rows = Said(value).entries("/schemaHistory");
    if !rows.is_empty() {
        let rows = rows.iter().filter_map(row).collect();
        return database.part(FORMAT, rows, delivery);
    }
    if field(value, "script").is_some() && field(value, "success").is_some() {
        let one = row(value).into_iter().collect();
        return database.part(FORMAT, one, delivery);
    }
    if value.get("migrations").is_some() {
        return report(value, &database, delivery);
    }
    if let Some(message) = Said(value).written("/error/message") {
        return failure(value, message, &database, delivery);
    }
    let body = value.to_string();
    let reason = "is neither a report of Flyway nor a row of its schema history";
    told::unknown(delivery, FORMAT, body.as_bytes(), reason)
}

/// What `info` or `migrate` reports.
fn report(value: &Value, database: &Database, delivery: &Delivery) -> Part {
    let schema = Said(value).written("/schemaName").unwrap_or_default();
    let reported_at = Said(value).time_in_millis("/timestamp");
    let migrates = Said(value).written("/operation") == Some("migrate");
    let migrations = Said(value)
        .entries("/migrations")
        .iter()
        .filter_map(|migration| {
            let state = match migrates {
                true => "Success",
                false => Said(migration).written("/state")?,
            };
            let status = status(state)?;
            let stated = ["/installedOnUTC", "/installedOn"];
            let at = stated
                .iter()
                .find_map(|name| Said(migration).time_in_millis(name));
            let at = at.or(reported_at.filter(|_| migrates));
            let version = Said(migration).line("/version");
            let description = Said(migration).written("/description").unwrap_or_default();
            Some(Migrated {
                id: id(schema, version.as_deref(), description, at, status)?,
                title: title(version.as_deref(), description, status),
                status,
                at,
                took_ms: migration.get("executionTime").and_then(Value::as_u64),
                by: Said(migration).written("/installedBy").map(str::to_owned),
                script: Said(migration).written("/filepath").map(file_name),
                description: None,
            })
        });
    database.part(FORMAT, migrations.collect(), delivery)
}

/// A command that failed without saying at which migration.
fn failure(value: &Value, message: &str, database: &Database, delivery: &Delivery) -> Part {
    let at = Said(value).time_in_millis("/timestamp");
    let named = match at {
        Some(at) => at.to_string(),
        None => ContentHash::of(message.as_bytes()).to_string(),
    };
    let failed = Migrated {
        id: format!("failure@{named}"),
        title: "Flyway failed".to_owned(),
        status: ChangeStatus::Failed,
        at,
        took_ms: None,
        by: None,
        script: None,
        description: Some(shortened(message, 4_096)),
    };
    database.part(FORMAT, vec![failed], delivery)
}

/// A row of the schema history, its columns in whatever case.
fn row(value: &Value) -> Option<Migrated> {
    let text_of = |name: &str| field(value, name).and_then(Value::as_str);
    let success = match field(value, "success")? {
        Value::Bool(success) => *success,
        Value::Number(success) => success.as_i64() != Some(0),
        Value::String(success) => matches!(success.as_str(), "true" | "t" | "1"),
        _ => return None,
    };
    let undone = text_of("type").is_some_and(|kind| kind.starts_with("UNDO"));
    let status = match (success, undone) {
        (false, _) => ChangeStatus::Failed,
        (true, true) => ChangeStatus::RolledBack,
        (true, false) => ChangeStatus::Succeeded,
    };
    let at = field(value, "installed_on").and_then(moment::in_millis);
    let version = text_of("version").filter(|version| !version.is_empty());
    let description = text_of("description").unwrap_or_default();
    let schema = text_of("schema").unwrap_or_default();
    Some(Migrated {
        id: id(schema, version, description, at, status)?,
        title: title(version, description, status),
        status,
        at,
        took_ms: field(value, "execution_time").and_then(Value::as_u64),
        by: text_of("installed_by").map(str::to_owned),
        script: text_of("script").map(file_name),
        description: None,
    })
}

/// What the state of a migration comes to; `None` for what is neither done nor to be done.
fn status(state: &str) -> Option<ChangeStatus> {
    match state {
        "Success" | "Out of Order" | "Missing" | "Missing Success" | "Future"
        | "Future Success" | "Outdated" | "Superseded" => Some(ChangeStatus::Succeeded),
        "Failed" | "Missing Failed" | "Future Failed" | "Failed Missing" | "Failed Future" => {
            Some(ChangeStatus::Failed)
        }
        "Pending" => Some(ChangeStatus::Planned),
        "Undone" => Some(ChangeStatus::RolledBack),
        _ => None,
    }
}

/// A version runs once. What repeats is another change each time, and none before it ran.
fn id(
    schema: &str,
    version: Option<&str>,
    description: &str,
    at: Option<model::Timestamp>,
    status: ChangeStatus,
) -> Option<String> {
    let within = match schema.is_empty() {
        true => String::new(),
        false => format!("{schema}/"),
    };
    match version.filter(|version| !version.is_empty()) {
        Some(version) => Some(format!("{within}V{version}")),
        None if status == ChangeStatus::Planned => None,
        None => Some(format!("{within}R {description}@{}", at?)),
    }
}

fn title(version: Option<&str>, description: &str, status: ChangeStatus) -> String {
    let undone = match status {
        ChangeStatus::RolledBack => "undo of ",
        _ => "",
    };
    match version.filter(|version| !version.is_empty()) {
        Some(version) => format!("{undone}migration {version} {description}"),
        None => format!("{undone}repeated migration {description}"),
    }
}

/// The file without the folder of the machine it lay on.
fn file_name(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    shortened(name, model::bounds::LINE_BYTES)
}
