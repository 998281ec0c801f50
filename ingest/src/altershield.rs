//! AlterShield's open API: changes of the levels G0 (one event), G1 (one node) and G2 (order and batches).
//!
//! Which call a body belongs to shows in its fields, so all of them may be sent to one address.
//! What AlterShield decides about a change, its checks, is not done here: every answer lets it run.

mod answer;
mod call;
#[cfg(test)]
mod tests;

use model::{
    Actor, ActorKind, BatchStatus, Change, ChangeBatch, ChangeLink, ChangeStatus, KeyParts,
    Occurred, SourceKey, SourceName, SourceRef, Timestamp, bounds,
};
use serde_json::Value;

use crate::decoded::{Malformed, NotUnderstood, Part};
use crate::fields::{Path, Problems};
use crate::intake::{Address, Delivery};
use crate::said::{Said, whole};
use crate::told::Told;
use call::Call;

const FORMAT: &str = "altershield";

/// How many batches a phase may have before those of the next one are counted.
const BATCHES_OF_A_PHASE: u64 = 1_000;

/// Where they are taken.
pub(crate) const ADDRESS: Address = Address {
    also: &[
        "/openapi/v1/exe/submitChangeEventAction",
        "/openapi/v1/exe/submitChangeExecOrder",
        "/openapi/v1/exe/submitAndStartChangeExecOrder",
        "/openapi/v1/exe/submitChangeExecOrderStartNotify",
        "/openapi/v1/exe/submitChangeExecBatchStartNotify",
        "/openapi/v1/exe/submitChangeActionStartStartNotify",
        "/openapi/v1/exe/submitChangeFinishNotify",
        "/openapi/v1/exe/finishChangeExecOrderAction",
        "/openapi/v1/heartbeat/config",
    ],
    echo: answer::echo,
    respond: answer::respond,
    refuse: answer::refuse,
    ..Address::of_json(FORMAT, "/ingest/altershield", decode)
};

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    let body = match whole(&delivery.body)? {
        Ok(body) => body,
        Err(refused) => return Ok(vec![refused]),
    };
    let said = Said(&body);
    let call = match Call::of(said) {
        Ok(Some(call)) => call,
        Ok(None) => return Ok(vec![Part::ignored("a heartbeat")]),
        Err(reason) => return Ok(vec![not_understood(&body, delivery, reason)]),
    };
    let mut problems = Problems::default();
    let told = read(said, call, delivery, &mut problems);
    Ok(vec![match told {
        Some(told) if problems.is_empty() => Part::Events(vec![told.seal(delivery.received_at)]),
        _ => Part::Rejected(problems),
    }])
}

fn not_understood(body: &Value, delivery: &Delivery, reason: &str) -> Part {
    Part::Unknown(Box::new(NotUnderstood {
        source: source(Said(body), delivery),
        occurred: Occurred::Received(delivery.received_at),
        format: FORMAT,
        body: body.to_string().into_bytes(),
        headers: Vec::new(),
        reason: reason.to_owned(),
    }))
}

/// The platform that executes the change is its source.
fn source(said: Said<'_>, delivery: &Delivery) -> SourceName {
    let platform = said
        .name("/platform")
        .filter(|name| name.len() <= bounds::SOURCE_NAME_BYTES);
    delivery
        .sender
        .source_or(platform.as_deref().unwrap_or(FORMAT))
}

fn read(said: Said<'_>, call: Call, delivery: &Delivery, problems: &mut Problems) -> Option<Told> {
    let source_id = said.must_id("/bizExecOrderId", problems);
    let start = said.moment("/startTime", problems);
    let finish = said.moment("/finishTime", problems);
    let mut change = Change::new(&SourceRef {
        source: source(said, delivery),
        source_id: source_id?,
    });
    let at = match call {
        Call::Event | Call::OrderFinished | Call::NodeFinished => finish.or(start),
        Call::Submitted | Call::Started | Call::BatchStarted => start,
    };
    let spoken_at = at.unwrap_or(delivery.received_at);
    match call {
        Call::Event => {
            describe(&mut change, said, delivery);
            change.level = Some("G0".to_owned());
            change.status = Some(ChangeStatus::Succeeded);
            change.started_at = start;
            change.finished_at = finish;
        }
        Call::Submitted => {
            describe(&mut change, said, delivery);
            change.status = Some(ChangeStatus::Planned);
        }
        Call::Started => {
            describe(&mut change, said, delivery);
            change.status = Some(ChangeStatus::Running);
            change.started_at = Some(spoken_at);
        }
        Call::BatchStarted => start_batch(&mut change, said, spoken_at, problems),
        Call::NodeFinished => finish_node(&mut change, said, spoken_at, problems),
        Call::OrderFinished => {
            change.finished_at = Some(spoken_at);
            change.status = order_status(said, problems);
            change.release_notes = said.text("/msg");
        }
    }
    Some(Told {
        delivery: None,
        at,
        change,
    })
}

/// What the order says of the change as a whole.
fn describe(change: &mut Change, said: Said<'_>, delivery: &Delivery) {
    change.title = said.line("/changeTitle");
    change.link = said.line("/changeUrl");
    change.scene = said.line("/changeSceneKey");
    change.applicant = said.line("/creator");
    change.operator = said.line("/executor").map(operator);
    change.description = said.text("/changeParamJson");
    let targets = said.entries("/changeTargets").iter();
    change.targets = targets
        .filter_map(|it| key(Said(it), "/changeTargetType"))
        .collect();
    let contents = said.entries("/changeContents").iter();
    let contents: Vec<SourceKey> = contents
        .filter_map(|it| key(Said(it), "/changeContentType"))
        .collect();
    if change.targets.is_empty() {
        change.targets = contents;
    }
    change.targets.truncate(bounds::TARGETS_MAX);
    change.targets = delivery
        .sender
        .items_or(std::mem::take(&mut change.targets));
    let apps = said.entries("/changeApps").iter().filter_map(Value::as_str);
    let apps = apps.filter(|name| !name.is_empty() && name.len() <= bounds::KEY_BYTES);
    change.declared_impact = apps
        .take(bounds::TARGETS_MAX)
        .map(|name| KeyParts::new("application", name).into())
        .collect();
    scenario(change, &said.word("/changeScenarioCode"));
    if said
        .value("/emergency")
        .is_some_and(|stated| *stated == Value::Bool(true))
    {
        change.emergency = Some(true);
    }
    change.environment = delivery.sender.environment_or(environment(said));
    if let Some(order) = said.name("/parentOrderInfo/orderId") {
        change.links.push(ChangeLink {
            kind: "part_of".to_owned(),
            change: SourceRef {
                source: change.source.clone(),
                source_id: order,
            },
        });
    }
}

fn scenario(change: &mut Change, code: &str) {
    let goal = match code {
        "00" => "daily operation",
        "01" => "fault handling",
        "02" => "promotion",
        "10" => "fault injection",
        "11" => "promotion drill",
        "12" => "disaster recovery drill",
        "13" => "fault drill",
        "30" => "unattended",
        _ => return,
    };
    change.goal = Some(goal.to_owned());
    change.emergency = (code == "01").then_some(true);
    if matches!(code, "10" | "11" | "12" | "13") {
        change.kind = Some("drill".to_owned());
    }
}

/// The phases are steps of one rollout; one that is only before production is not there.
fn environment(said: Said<'_>) -> Option<String> {
    let phases = said
        .entries("/changePhases")
        .iter()
        .filter_map(Value::as_str);
    let phases: Vec<String> = phases.map(str::to_lowercase).collect();
    let is_before = |phase: &String| phase == "pre_phase";
    match phases.is_empty() {
        true => None,
        false if phases.iter().all(is_before) => Some("pre".to_owned()),
        false => Some("prod".to_owned()),
    }
}

fn start_batch(change: &mut Change, said: Said<'_>, at: Timestamp, problems: &mut Problems) {
    let Some(index) = batch_index(said) else {
        problems.add(
            &Path::Field(&Path::Root, "batchNo"),
            "is no number of a batch from 0 to 999",
        );
        return;
    };
    let kind = said.word("/effectiveTargetType");
    let kind = if kind.is_empty() {
        "host".to_owned()
    } else {
        kind
    };
    let places = said
        .entries("/effectiveTargetLocations")
        .iter()
        .filter_map(Value::as_str);
    let places = places.filter(|name| !name.is_empty() && name.len() <= bounds::KEY_BYTES);
    let targets = places
        .take(bounds::TARGETS_MAX)
        .filter(|_| kind.len() <= bounds::KIND_BYTES)
        .map(|name| KeyParts::new(item_kind(&kind), name).into());
    change.operator = said.line("/executor").map(operator);
    change.level = Some("G2".to_owned());
    change.status = Some(ChangeStatus::Running);
    change.batches.push(ChangeBatch {
        targets: targets.collect(),
        started_at: Some(at),
        status: Some(BatchStatus::Running),
        ..ChangeBatch::new(index)
    });
}

/// Each phase counts its batches from 0; a thousand lie between two phases.
fn batch_index(said: Said<'_>) -> Option<u32> {
    let phase = match said.word("/changePhase").as_str() {
        "gray_phase" => 1,
        "prod_beta_phase" => 2,
        "prod_phase" => 3,
        _ => 0,
    };
    let number = said
        .value("/batchNo")?
        .as_u64()
        .filter(|it| *it < BATCHES_OF_A_PHASE)?;
    u32::try_from(phase * BATCHES_OF_A_PHASE + number).ok()
}

/// The end of a node: of the batch that its id names, else of the change's only one.
fn finish_node(change: &mut Change, said: Said<'_>, at: Timestamp, problems: &mut Problems) {
    let succeeded = said
        .value("/success")
        .is_none_or(|stated| *stated == Value::Bool(true));
    let node = said.must_id("/nodeExecId", problems).unwrap_or_default();
    let batch = node
        .rsplit_once('#')
        .and_then(|(_, index)| index.parse().ok());
    match batch {
        Some(index) => change.batches.push(ChangeBatch {
            finished_at: Some(at),
            status: Some(match succeeded {
                true => BatchStatus::Succeeded,
                false => BatchStatus::Failed,
            }),
            ..ChangeBatch::new(index)
        }),
        None => {
            change.finished_at = Some(at);
            change.status = Some(match succeeded {
                true => ChangeStatus::Succeeded,
                false => ChangeStatus::Failed,
            });
            change.release_notes = said.text("/msg");
        }
    }
}

fn order_status(said: Said<'_>, problems: &mut Problems) -> Option<ChangeStatus> {
    match said.word("/finishState").as_str() {
        "success" | "normal" => Some(ChangeStatus::Succeeded),
        "rollback" => Some(ChangeStatus::RolledBack),
        "cancel" => Some(ChangeStatus::Cancelled),
        "fail" | "failed" => Some(ChangeStatus::Failed),
        _ => {
            let path = Path::Field(&Path::Root, "finishState");
            problems.add(
                &path,
                "is not one of success, normal, rollback, cancel, fail",
            );
            None
        }
    }
}

fn operator(name: String) -> Actor {
    Actor {
        kind: ActorKind::Unknown,
        name: Some(name),
    }
}

fn key(said: Said<'_>, kind: &str) -> Option<SourceKey> {
    let name = said.name("/instanceName")?;
    let kind = said.word(kind);
    let fits = !kind.is_empty() && kind.len() <= bounds::KIND_BYTES;
    fits.then(|| KeyParts::new(item_kind(&kind), name).into())
}

/// Its words for kinds that have another name here.
fn item_kind(kind: &str) -> &str {
    match kind {
        "app" => "application",
        "server" | "machine" | "vm" | "ip" => "host",
        "db" => "database",
        other => other,
    }
}
