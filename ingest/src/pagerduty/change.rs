//! Change events of the Events API v2: one body, one change that has happened.

use model::{Change, ChangeStatus, SourceRef, bounds};
use serde_json::json;

use super::{PROOF, answer, not_understood, shown, source};
use crate::decoded::{Malformed, Part};
use crate::fields::{Problems, shortened};
use crate::intake::{Address, Delivery};
use crate::labels;
use crate::said::{Said, digest, whole};
use crate::told::Told;

const FORMAT: &str = "pagerduty-change";

/// Where change events are taken.
pub(crate) const ADDRESS: Address = Address {
    also: &["/v2/change/enqueue"],
    proof: PROOF,
    echo: Part::subject,
    respond: answer::to_change,
    refuse: answer::refuse,
    ..Address::of_json(FORMAT, "/ingest/pagerduty/change", decode)
};

fn decode(delivery: &Delivery) -> Result<Vec<Part>, Malformed> {
    let body = match whole(&delivery.body)? {
        Ok(body) => body,
        Err(refused) => return Ok(vec![refused]),
    };
    if !body.is_object() {
        let reason = "a change event is an object";
        return Ok(vec![not_understood(delivery, FORMAT, body, reason)]);
    }
    let mut problems = Problems::default();
    let told = read(Said(&body), delivery, &mut problems);
    Ok(vec![match told {
        Some(told) if problems.is_empty() => Part::Events(vec![told.seal(delivery.received_at)]),
        _ => Part::Rejected(problems),
    }])
}

fn read(said: Said<'_>, delivery: &Delivery, problems: &mut Problems) -> Option<Told> {
    let title = said.must_line("/payload/summary", problems);
    let at = said.moment("/payload/timestamp", problems);
    let reference = SourceRef {
        source: source(delivery),
        source_id: name(said),
    };
    let links = said.entries("/links");
    let mut change = Change {
        title: Some(title?),
        description: description(said),
        started_at: at,
        link: links.iter().find_map(|link| Said(link).line("/href")),
        ..Change::new(&reference)
    };
    labels::describe(&mut change, &said.named("/payload/custom_details"));
    // A change event tells of what was done, unless its details say otherwise.
    let status = *change.status.get_or_insert(ChangeStatus::Succeeded);
    if !matches!(status, ChangeStatus::Planned | ChangeStatus::Running) {
        change.finished_at = at;
    }
    change.targets = delivery.sender.items_or(change.targets);
    change.environment = delivery.sender.environment_or(change.environment);
    Some(Told {
        delivery: None,
        at,
        change,
    })
}

/// PagerDuty's clients give a change no id: the same words make the same one.
fn name(said: Said<'_>) -> String {
    digest(&json!([
        said.value("/payload"),
        said.value("/links"),
        said.value("/images")
    ]))
}

fn description(said: Said<'_>) -> Option<String> {
    let mut lines = shown(said.value("/payload/custom_details"));
    let source = said.line("/payload/source");
    lines.extend(source.map(|source| format!("Told by {source}.")));
    for link in said.entries("/links") {
        let href = Said(link).line("/href");
        let text = Said(link).line("/text");
        lines.extend(href.map(|href| match text {
            Some(text) => format!("{text}: {href}"),
            None => href,
        }));
    }
    let text = shortened(&lines.join("\n"), bounds::TEXT_BYTES);
    (!text.is_empty()).then_some(text)
}
