//! Rows of ServiceNow's `change_request`: as a business rule sends one, as the Table API or an export lists many.
//!
//! A field may be a text, or an object with `value` and `display_value`, as the caller asked for.

mod row;
#[cfg(test)]
mod tests;

use model::{
    Actor, ActorKind, Change, ChangeStatus, Claim, Event, KeyParts, NewEvent, ObservedItem,
    Occurred, SourceKey, SourceRef, bounds,
};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::decoded::{Malformed, NotUnderstood, Part};
use crate::fields::Problems;
use crate::intake::{Address, Delivery};
use crate::split::{Wrapping, split, unfold};
use row::{Reference, Row};

const FORMAT: &str = "servicenow";

/// Where rows are taken.
pub(crate) const ADDRESS: Address = Address::of_json(FORMAT, "/ingest/servicenow", decode);

/// Rows in the envelope of the Table API or of an export, else the body as it stands.
#[derive(serde::Deserialize)]
struct Enveloped<'a> {
    #[serde(borrow, alias = "records")]
    result: &'a RawValue,
}

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    let rows = match serde_json::from_slice::<Enveloped<'_>>(&delivery.body) {
        Ok(enveloped) => split(enveloped.result.get().as_bytes(), Wrapping::Json)?,
        Err(_) => split(&delivery.body, Wrapping::Json)?,
    };
    Ok(rows.into_iter().map(|row| part_of(row, delivery)).collect())
}

fn part_of(row: &str, delivery: &Delivery) -> Part {
    let value = match unfold(row) {
        Ok(value) => value,
        Err(refused) => return refused,
    };
    let row = Row(&value);
    if let Err(reason) = is_change(row) {
        return Part::Unknown(Box::new(NotUnderstood {
            source: delivery.sender.source_or(FORMAT),
            occurred: Occurred::Received(delivery.received_at),
            format: FORMAT,
            body: value.to_string().into_bytes(),
            headers: Vec::new(),
            reason,
        }));
    }
    let mut problems = Problems::default();
    match read(row, delivery, &mut problems) {
        Some(events) if problems.is_empty() => Part::Events(events),
        _ => Part::Rejected(problems),
    }
}

/// Rows of other tables say so by their class, or by the beginning of their number.
fn is_change(row: Row<'_>) -> Result<(), String> {
    let class = row
        .value("sys_class_name")
        .unwrap_or_default()
        .to_lowercase();
    let number = row.value("number").unwrap_or_default();
    match class.as_str() {
        "change_request" | "change request" => Ok(()),
        "" if number.starts_with("CHG") => Ok(()),
        "" => Err("it is no row of change_request: its number does not begin with CHG".to_owned()),
        other => Err(format!(
            "rows of the class {} have no meaning here",
            crate::fields::shortened(other, 64)
        )),
    }
}

fn read(row: Row<'_>, delivery: &Delivery, problems: &mut Problems) -> Option<Vec<NewEvent>> {
    let Some(number) = row
        .value("number")
        .filter(|it| it.len() <= bounds::SOURCE_ID_BYTES)
    else {
        let path = crate::fields::Path::Field(&crate::fields::Path::Root, "number");
        problems.add(&path, "is required");
        return None;
    };
    let source = delivery.sender.source_or(FORMAT);
    let updated_at = row.moment("sys_updated_on", problems);
    let items = row.configuration_items();
    let mut change = Change::new(&SourceRef {
        source: source.clone(),
        source_id: number,
    });
    course(&mut change, row, problems);
    describe(&mut change, row);
    change.targets = items.iter().filter_map(key).collect();
    if let Some(service) = row.reference("business_service") {
        let service = service.name.as_deref().and_then(name_of);
        change
            .declared_impact
            .extend(service.map(|name| KeyParts::new("service", name).into()));
    }
    if change.targets.is_empty() {
        change.targets.clone_from(&change.declared_impact);
    }
    change.targets = delivery.sender.items_or(change.targets);
    change.environment = delivery.sender.environment_or(row.shown("u_environment"));
    let actor = Actor {
        kind: ActorKind::Unknown,
        name: row.value("sys_updated_by"),
    };
    let event = Event::ChangeRecorded(Box::new(change));
    let occurred = event.occurred(updated_at, delivery.received_at);
    let mut events = vec![NewEvent::named_by_content(
        source.clone(),
        occurred,
        actor,
        event,
    )];
    let received_at = updated_at.unwrap_or(delivery.received_at);
    events.extend(items.iter().filter_map(observed).map(|item| {
        let occurred = Occurred::Received(received_at);
        let event = Event::ItemObserved(item);
        NewEvent::named_by_content(source.clone(), occurred, Actor::default(), event)
    }));
    Some(events)
}

/// Planned and actual times, and where the change stands.
fn course(change: &mut Change, row: Row<'_>, problems: &mut Problems) {
    change.planned_start_at = row.moment("start_date", problems);
    change.planned_finish_at = row.moment("end_date", problems);
    change.started_at = row.moment("work_start", problems);
    change.finished_at = row.moment("work_end", problems);
    change.status = status(row);
}

/// `state` by its number, or by its label where only that is sent.
fn status(row: Row<'_>) -> Option<ChangeStatus> {
    let closed = match row.word("close_code").as_str() {
        "unsuccessful" => ChangeStatus::Failed,
        "backed_out" | "backed out" | "rolled back" => ChangeStatus::RolledBack,
        _ => ChangeStatus::Succeeded,
    };
    match row.word("state").as_str() {
        "-5" | "-4" | "-3" | "-2" | "new" | "assess" | "authorize" | "scheduled" => {
            Some(ChangeStatus::Planned)
        }
        "-1" | "implement" => Some(ChangeStatus::Running),
        "0" | "3" | "review" | "closed" => Some(closed),
        "4" | "canceled" | "cancelled" => Some(ChangeStatus::Cancelled),
        _ => None,
    }
}

fn describe(change: &mut Change, row: Row<'_>) {
    let kind = row.word("type");
    change.title = row.shown("short_description");
    change.description = row.text("description");
    change.goal = row.shown("reason").or_else(|| row.shown("justification"));
    change.category = row.shown("category");
    change.level = row.shown("type");
    change.emergency = (kind == "emergency").then_some(true);
    change.risk_level = row.shown("risk");
    let factors = ["impact", "priority", "risk_impact_analysis"];
    change.risk_factors = factors
        .iter()
        .filter_map(|field| Some(format!("{field}: {}", row.shown(field)?)))
        .collect();
    change.rollout_plan = row.text("implementation_plan");
    change.rollback_plan = row.text("backout_plan");
    change.applicant = row.named("requested_by");
    change.implementer = row.named("assignment_group");
    change.operator = row.named("assigned_to").map(|name| Actor {
        kind: ActorKind::Human,
        name: Some(name),
    });
    change.release_notes = row.text("close_notes");
}

/// A configuration item by its id, else by its class and name.
fn key(item: &Reference) -> Option<SourceKey> {
    match &item.sys_id {
        Some(sys_id) => Some(SourceKey::Claim {
            scheme: "servicenow.sys_id".to_owned(),
            value: sys_id.clone(),
        }),
        None => named(item),
    }
}

fn named(item: &Reference) -> Option<SourceKey> {
    let name = name_of(item.name.as_deref()?)?;
    Some(KeyParts::new(kind_of(&item.class), name).into())
}

fn name_of(name: &str) -> Option<&str> {
    (name.len() <= bounds::KEY_BYTES).then_some(name)
}

/// What a class of the CMDB is called here.
fn kind_of(class: &str) -> &'static str {
    match class.trim_start_matches("cmdb_ci_") {
        "service" | "service_discovered" | "service_auto" | "service_technical" => "service",
        "appl" | "application" | "business_app" => "application",
        "server" | "linux_server" | "win_server" | "unix_server" | "computer" | "vm_instance"
        | "esx_server" => "host",
        "lb" | "lb_service" => "load_balancer",
        "kubernetes_cluster" | "cluster" => "cluster",
        "netgear" | "ip_router" | "ip_switch" | "ip_firewall" => "network_device",
        class if class.starts_with("db_") || class == "database" => "database",
        _ => "ci",
    }
}

/// An item of which id and name are known: from then on both mean the same.
fn observed(item: &Reference) -> Option<ObservedItem> {
    let sys_id = item.sys_id.clone()?;
    let mut observed = ObservedItem::new(named(item)?);
    observed
        .claims
        .push(Claim::new("servicenow.sys_id", sys_id));
    if !item.class.is_empty() {
        let class = Value::from(item.class.clone());
        observed
            .attributes
            .insert("servicenow.class".to_owned(), class);
    }
    Some(observed)
}
