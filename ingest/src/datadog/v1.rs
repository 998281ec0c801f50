//! `POST /api/v1/events`: a title, a text, tags.

use model::{Change, ChangeStatus, NewEvent, SourceRef};

use super::{PROOF, answer, source, tags};
use crate::decoded::Part;
use crate::fields::Problems;
use crate::intake::{Address, Delivery};
use crate::labels;
use crate::said::{Said, digest};
use crate::told::Told;

/// Where they are taken.
pub(crate) const ADDRESS: Address = Address {
    also: &["/api/v1/events"],
    proof: PROOF,
    echo: Part::subject,
    respond: answer::v1,
    refuse: answer::refuse,
    ..Address::of_json("datadog", "/ingest/datadog", |delivery| {
        super::decode(delivery, read)
    })
};

fn read(said: Said<'_>, delivery: &Delivery, problems: &mut Problems) -> Option<NewEvent> {
    let title = said.must_line("/title", problems);
    let at = said.moment("/date_happened", problems);
    let reference = SourceRef {
        source: source(delivery),
        source_id: digest(said.0),
    };
    let tags = tags::named(said.entries("/tags"), said.name("/host"));
    let mut change = Change {
        title: Some(title?),
        description: said.text("/text"),
        entry_channel: said.line("/source_type_name"),
        status: (said.word("/alert_type") == "error").then_some(ChangeStatus::Failed),
        ..Change::new(&reference)
    };
    labels::describe(&mut change, &tags);
    Some(seal(change, at, delivery))
}

/// A change that has happened, unless its tags say otherwise.
pub(super) fn seal(
    mut change: Change,
    at: Option<model::Timestamp>,
    delivery: &Delivery,
) -> NewEvent {
    let status = *change.status.get_or_insert(ChangeStatus::Succeeded);
    change.started_at = at;
    if !matches!(status, ChangeStatus::Planned | ChangeStatus::Running) {
        change.finished_at = at;
    }
    change.targets = delivery.sender.items_or(change.targets);
    change.environment = delivery.sender.environment_or(change.environment);
    let told = Told {
        delivery: None,
        at,
        change,
    };
    told.seal(delivery.received_at)
}
