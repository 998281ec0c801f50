//! What an endpoint is sent: a `CloudEvents` event in JSON that tells what was said and how the change or incident stands.

use graph::{
    ChangeRow, GraphView, GroupsAsked, IncidentGroup, IncidentGroups, IncidentRow, Item, Nearness,
    Telling,
};
use model::{CiId, EventEnvelope, LogPosition, NoticeFormat, SubscriptionDeclared, Timestamp};
use serde_json::{Map, Value, json};

use super::mail::{self, Letter};
use super::{cdevents, chat};

/// Most targets or items that are listed.
const ITEMS_MAX: usize = 100;
/// A statement larger than this is left out; its position tells where to read it.
const SAID_BYTES_MAX: usize = 64 * 1024;
/// Who sends events.
pub(super) const SOURCE: &str = "/epicenter";
/// The media type of `CloudEvents` in JSON.
const CLOUD_EVENTS: &str = "application/cloudevents+json; charset=utf-8";
/// The media type of messages of chats.
const JSON: &str = "application/json; charset=utf-8";
/// Most items that a line for people names.
const NAMED_MAX: usize = 5;

/// Most incidents that are looked at for the group of one.
const GROUPED_MAX: usize = 20_000;

/// A message as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its id: the same however often it is sent.
    pub(crate) id: String,
    /// What it holds.
    pub(crate) content: Content,
}

/// What a message holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// What is posted to an endpoint.
    Posted(Posted),
    /// What goes by mail.
    Letter(Box<Letter>),
}

/// What is posted to an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Posted {
    /// How it is written.
    pub(crate) format: NoticeFormat,
    /// Its media type.
    pub(crate) media: &'static str,
    /// Its body.
    pub(crate) body: Vec<u8>,
    /// What the answer must hold, where it is a challenge.
    pub(crate) challenge: Option<String>,
}

/// The id of the message by which a subscription hears of an event.
pub(crate) fn message_id(subscription: &str, position: LogPosition) -> String {
    let name = subscription.trim_start_matches("sub_");
    format!("msg_{name}_{position}")
}

/// The message of an event; nothing where a view knows no longer what it tells of.
pub(crate) fn message(
    view: &GraphView,
    envelope: &EventEnvelope,
    to: &SubscriptionDeclared,
) -> Option<Message> {
    let mut telling = Telling::of(view, envelope)?;
    // The texts were judged when it was decided that it is sent; here the way is asked for alone.
    let near = telling.fits(&to.wanted, &|_, _| true).flatten();
    if to.format.is_mail() {
        return letter(view, (&telling, near), envelope.position, to);
    }
    let (name, _) = envelope.event.tag();
    let (subject, about, told, line) = match (telling.change(), telling.incident()) {
        (Some(row), _) => {
            let line = line_of_change(&row);
            (
                row.id().to_string(),
                "change",
                change(&row, ITEMS_MAX),
                line,
            )
        }
        (None, Some(row)) => {
            let group = group_of(view, &row);
            let line = line_of_incident(&row) + &line_of_group(view, group.as_ref());
            let mut told = incident(&row, ITEMS_MAX);
            if let Some(told) = told.as_object_mut() {
                let group = group.map(|group| shown_group(view, &group));
                told.insert("group".to_owned(), json!(group));
            }
            (row.id().to_string(), "incident", told, line)
        }
        (None, None) => return None,
    };
    let id = message_id(&to.id, envelope.position);
    let line = line + &way(view, near);
    if let Some(body) = chat::body(to.format, &line) {
        return Some(written(id, to.format, &body));
    }
    let mut data = Map::new();
    data.insert("position".to_owned(), json!(envelope.position.to_string()));
    let subscription = json!({ "id": to.id, "name": to.name });
    data.insert("subscription".to_owned(), subscription);
    if let Some(near) = near {
        data.insert("near".to_owned(), nearness(view, near));
    }
    data.insert(about.to_owned(), told);
    let mut said = Vec::new();
    envelope.event.encode_payload(&mut said);
    if said.len() <= SAID_BYTES_MAX
        && let Ok(said) = serde_json::from_slice(&said)
    {
        data.insert("said".to_owned(), said);
    }
    if to.format == NoticeFormat::CdEvents
        && let Some(body) = cdevents::body(&telling, envelope, &id, &data)
    {
        return Some(written(id, to.format, &body));
    }
    let event = cloud_event(
        &id,
        &format!("epicenter.{name}"),
        &subject,
        envelope.occurred_at,
        &data,
    );
    Some(written(id, to.format, &event))
}

/// The same for people who get it by mail.
fn letter(
    view: &GraphView,
    (telling, near): (&Telling<'_>, Option<Nearness>),
    position: LogPosition,
    to: &SubscriptionDeclared,
) -> Option<Message> {
    let group = telling.incident().and_then(|row| group_of(view, &row));
    let notes = [line_of_group(view, group.as_ref()), way(view, near)];
    let notes = notes.iter().map(|note| note.trim().to_owned());
    let notes = notes.filter(|note| !note.is_empty()).collect();
    let letter = mail::letter_of(telling, notes, to)?;
    Some(enclosed(message_id(&to.id, position), letter))
}

/// A letter as a message.
pub(super) fn enclosed(id: String, letter: Letter) -> Message {
    Message {
        id,
        content: Content::Letter(Box::new(letter)),
    }
}

pub(super) fn written(id: String, format: NoticeFormat, body: &Value) -> Message {
    Message {
        id,
        content: Content::Posted(posted(format, body)),
    }
}

fn posted(format: NoticeFormat, body: &Value) -> Posted {
    Posted {
        format,
        media: match format {
            NoticeFormat::CloudEvents | NoticeFormat::CdEvents => CLOUD_EVENTS,
            NoticeFormat::Slack
            | NoticeFormat::Teams
            | NoticeFormat::Feishu
            | NoticeFormat::DingTalk
            | NoticeFormat::WeCom
            | NoticeFormat::Email => JSON,
        },
        body: body.to_string().into_bytes(),
        challenge: None,
    }
}

/// A message that says nothing, to try an endpoint out.
pub(crate) fn trial(to: &SubscriptionDeclared, id: &str, now: Timestamp) -> Message {
    if to.format.is_mail() {
        return enclosed(id.to_owned(), mail::of_trial(to));
    }
    let line = format!("Epicenter tells {} here what it subscribed to.", to.name);
    if let Some(body) = chat::body(to.format, &line) {
        return written(id.to_owned(), to.format, &body);
    }
    let mut data = Map::new();
    let subscription = json!({ "id": to.id, "name": to.name });
    data.insert("subscription".to_owned(), subscription);
    let event = cloud_event(id, "epicenter.subscription.tested", &to.id, now, &data);
    written(id.to_owned(), to.format, &event)
}

/// A message that is to be answered with what it holds.
pub(crate) fn verification(
    to: &SubscriptionDeclared,
    id: &str,
    challenge: String,
    now: Timestamp,
) -> Message {
    let mut data = Map::new();
    let subscription = json!({ "id": to.id, "name": to.name });
    data.insert("subscription".to_owned(), subscription);
    data.insert("challenge".to_owned(), json!(challenge));
    let name = "epicenter.subscription.verification";
    let event = cloud_event(id, name, &to.id, now, &data);
    Message {
        id: id.to_owned(),
        content: Content::Posted(Posted {
            challenge: Some(challenge),
            ..posted(NoticeFormat::CloudEvents, &event)
        }),
    }
}

pub(super) fn cloud_event(
    id: &str,
    name: &str,
    subject: &str,
    at: Timestamp,
    data: &Map<String, Value>,
) -> Value {
    json!({
        "specversion": "1.0",
        "id": id,
        "source": SOURCE,
        "type": name,
        "subject": subject,
        "time": at,
        "datacontenttype": "application/json",
        "data": data,
    })
}

/// A line for people: what happens, where it stands, and what it touches.
pub(super) fn line_of_change(row: &ChangeRow<'_>) -> String {
    let status = json!(row.status());
    let status = status.as_str().unwrap_or_default().replace('_', " ");
    let environment = row.environment().map(|name| format!(" in {name}"));
    let environment = environment.unwrap_or_default();
    let items: Vec<String> = row.items().iter().map(Item::key).collect();
    format!(
        "{}: {status}{environment} ({} {})\n{}",
        row.title(),
        row.source(),
        row.source_id(),
        named(&items),
    )
}

pub(super) fn line_of_incident(row: &IncidentRow<'_>) -> String {
    let status = json!(row.status());
    let severity = row.severity().map(|word| format!(", {word}"));
    let items: Vec<String> = row.items().iter().map(Item::key).collect();
    format!(
        "Incident: {}: {}{} ({} {})\n{}",
        row.title(),
        status.as_str().unwrap_or_default(),
        severity.unwrap_or_default(),
        row.source(),
        row.source_id(),
        named(&items),
    )
}

/// The incidents that one is one with; nothing where it is alone.
fn group_of(view: &GraphView, row: &IncidentRow<'_>) -> Option<IncidentGroup> {
    let from = row.started_at();
    let asked = GroupsAsked {
        from,
        to: from.plus_nanos(1),
        seen_until: Timestamp::MAX,
        looked_at_max: GROUPED_MAX,
    };
    let groups = IncidentGroups::find(view, asked);
    let group = groups.group(groups.number_of(row.id())?);
    (1 < group.members.len()).then_some(group)
}

fn line_of_group(view: &GraphView, group: Option<&IncidentGroup>) -> String {
    let Some(group) = group else {
        return String::new();
    };
    let lead = view.incident(group.head);
    let lead = lead.map_or_else(String::new, |lead| lead.title().to_owned());
    format!(
        "\none of {} incidents that are one ({}): {lead}",
        group.members.len(),
        group.level.name(),
    )
}

fn named(items: &[String]) -> String {
    let shown = items.iter().take(NAMED_MAX).cloned();
    let mut words: Vec<String> = shown.collect();
    let rest = items.len() - words.len();
    if 0 < rest {
        words.push(format!("{rest} more"));
    }
    words.join(", ")
}

/// How far it is from where the subscription stands.
fn way(view: &GraphView, near: Option<Nearness>) -> String {
    let key = |id: CiId| view.item(id).map(|item| item.key()).unwrap_or_default();
    match near {
        Some(near) if 0 < near.hops => {
            let (touched, origin) = (key(near.touched), key(near.origin));
            format!("\n{touched} is {} from {origin}", relations(near.hops))
        }
        Some(_) | None => String::new(),
    }
}

fn relations(hops: u32) -> String {
    match hops {
        1 => "1 relation".to_owned(),
        more => format!("{more} relations"),
    }
}

pub(super) fn nearness(view: &GraphView, near: Nearness) -> Value {
    let key = |id: CiId| view.item(id).map(|item| item.key());
    json!({ "origin": key(near.origin), "touched": key(near.touched), "hops": near.hops })
}

/// How a change stands.
pub(super) fn change(row: &ChangeRow<'_>, items_max: usize) -> Value {
    let targets = row.targets();
    let listed = targets.iter().take(items_max);
    let listed = listed.map(|target| {
        let item = target.item;
        json!({ "key": target.key(), "item": item.key(), "id": item.id().to_string(), "team": item.owner() })
    });
    json!({
        "id": row.id().to_string(),
        "source": row.source(),
        "sourceId": row.source_id(),
        "title": row.title(),
        "kind": row.kind(),
        "scene": row.scene(),
        "environment": row.environment(),
        "level": row.level(),
        "status": row.status(),
        "operator": row.operator(),
        "emergency": row.emergency(),
        "startedAt": row.started_at(),
        "finishedAt": row.finished_at(),
        "targets": listed.collect::<Vec<Value>>(),
        "targetsTotal": targets.len(),
    })
}

/// The incidents that one is one with.
fn shown_group(view: &GraphView, group: &IncidentGroup) -> Value {
    json!({
        "lead": group.head.to_string(),
        "leadTitle": view.incident(group.head).map(|lead| lead.title().to_owned()),
        "members": group.members.len(),
        "open": group.open,
        "level": group.level.name(),
    })
}

/// How an incident stands.
pub(super) fn incident(row: &IncidentRow<'_>, items_max: usize) -> Value {
    let items = row.items();
    let listed = items.iter().take(items_max).map(|item: &Item<'_>| {
        json!({ "item": item.key(), "id": item.id().to_string(), "team": item.owner() })
    });
    json!({
        "id": row.id().to_string(),
        "source": row.source(),
        "sourceId": row.source_id(),
        "title": row.title(),
        "status": row.status(),
        "severity": row.severity(),
        "environment": row.environment(),
        "startedAt": row.started_at(),
        "resolvedAt": row.resolved_at(),
        "items": listed.collect::<Vec<Value>>(),
        "itemsTotal": items.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_of_its_subscription_and_event_and_holds_no_dot() {
        let id = message_id("sub_ab12", LogPosition::new(42));
        assert_eq!(id, "msg_ab12_42");
    }
}
