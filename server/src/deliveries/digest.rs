//! What gathered, as one message: each change and incident once, with how it stands and how often something was said of it.

use std::collections::BTreeMap;

use graph::{GraphView, Telling};
use model::{EventEnvelope, LogPosition, SubscriptionDeclared};
use serde_json::{Map, Value, json};

use super::chat;
use super::gathering::Gathered;
use super::mail;
use super::notice::{self, Message};

/// Most bytes of the list; what is beyond is counted.
const LIST_BYTES_MAX: usize = 256 * 1024;
/// Most targets or items that are listed of one change or incident.
const ITEMS_MAX: usize = 10;
/// Most bytes of the text for people: less than every chat takes.
const TEXT_BYTES_MAX: usize = 1_800;
/// Most lines of a letter.
const LINES_MAX: usize = 200;
/// Most letters of one line of it.
const LINE_LETTERS_MAX: usize = 200;

/// A change or an incident of which something was said.
struct Entry {
    about: &'static str,
    told: Value,
    near: Option<Value>,
    line: String,
    name: &'static str,
    position: LogPosition,
    statements: u64,
}

/// The id of the message that lists notices up to a position.
pub(crate) fn digest_id(subscription: &str, last: LogPosition) -> String {
    let name = subscription.trim_start_matches("sub_");
    format!("msg_{name}_digest_{last}")
}

/// The message of what gathered; nothing where a view knows of none of it any more.
pub(super) fn digest(
    view: &GraphView,
    said: &[EventEnvelope],
    gathered: &Gathered,
    to: &SubscriptionDeclared,
) -> Option<Message> {
    let entries = entries(view, said, to);
    let last = said.last()?;
    if entries.is_empty() {
        return None;
    }
    let told = entries.iter().map(|entry| entry.statements).sum::<u64>();
    let total = told.saturating_add(gathered.more);
    let id = digest_id(&to.id, gathered.last()?);
    if to.format.is_mail() {
        let (lines, untold) = lines(&entries, total);
        let letter = mail::of_digest(lines, (total, untold), to);
        return Some(notice::enclosed(id, letter));
    }
    if let Some(body) = chat::body(to.format, &text(&entries, total)) {
        return Some(notice::written(id, to.format, &body));
    }
    let mut listed = Vec::new();
    let (mut bytes, mut statements) = (0, 0);
    for entry in &entries {
        let shown = shown(entry);
        bytes += shown.to_string().len();
        if LIST_BYTES_MAX < bytes {
            break;
        }
        statements += entry.statements;
        listed.push(shown);
    }
    let mut data = Map::new();
    data.insert("position".to_owned(), json!(last.position.to_string()));
    let subscription = json!({ "id": to.id, "name": to.name });
    data.insert("subscription".to_owned(), subscription);
    data.insert("since".to_owned(), json!(gathered.since));
    data.insert("total".to_owned(), json!(total));
    data.insert("more".to_owned(), json!(total - statements));
    data.insert("notices".to_owned(), Value::Array(listed));
    let event = notice::cloud_event(&id, "epicenter.digest", &to.id, last.occurred_at, &data);
    Some(notice::written(id, to.format, &event))
}

/// What was said, by what it was said of, in the order of the first word on each.
fn entries(view: &GraphView, said: &[EventEnvelope], to: &SubscriptionDeclared) -> Vec<Entry> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut entries: Vec<Entry> = Vec::new();
    for envelope in said {
        let Some(mut telling) = Telling::of(view, envelope) else {
            continue;
        };
        let (name, _) = envelope.event.tag();
        let (subject, about, told, line) = match (telling.change(), telling.incident()) {
            (Some(row), _) => {
                let told = notice::change(&row, ITEMS_MAX);
                let line = notice::line_of_change(&row);
                (row.id().to_string(), "change", told, line)
            }
            (None, Some(row)) => {
                let told = notice::incident(&row, ITEMS_MAX);
                let line = notice::line_of_incident(&row);
                (row.id().to_string(), "incident", told, line)
            }
            (None, None) => continue,
        };
        let place = *places.entry(subject).or_insert(entries.len());
        if let Some(entry) = entries.get_mut(place) {
            entry.name = name;
            entry.position = envelope.position;
            entry.statements += 1;
            continue;
        }
        let near = telling.fits(&to.wanted, &|_, _| true).flatten();
        entries.push(Entry {
            about,
            told,
            near: near.map(|near| notice::nearness(view, near)),
            line,
            name,
            position: envelope.position,
            statements: 1,
        });
    }
    entries
}

fn shown(entry: &Entry) -> Value {
    let mut shown = json!({
        "type": format!("epicenter.{}", entry.name),
        "position": entry.position.to_string(),
        "statements": entry.statements,
        entry.about: entry.told,
    });
    if let (Some(near), Some(fields)) = (&entry.near, shown.as_object_mut()) {
        fields.insert("near".to_owned(), near.clone());
    }
    shown
}

/// The first line of each change and incident, as many as a letter has, and how many statements are not told.
fn lines(entries: &[Entry], total: u64) -> (Vec<String>, u64) {
    let told = entries.get(..LINES_MAX).unwrap_or(entries);
    let lines = told.iter().map(|entry| {
        let line = entry.line.lines().next().unwrap_or_default();
        line.chars().take(LINE_LETTERS_MAX).collect()
    });
    let statements: u64 = told.iter().map(|entry| entry.statements).sum();
    (lines.collect(), total.saturating_sub(statements))
}

/// A line for each change and incident, as many as a chat takes, and how much is not told.
fn text(entries: &[Entry], total: u64) -> String {
    let mut text = match total {
        1 => "1 notice".to_owned(),
        more => format!("{more} notices"),
    };
    let mut told = 0;
    for entry in entries {
        let line = entry.line.lines().next().unwrap_or_default();
        let line: String = line.chars().take(LINE_LETTERS_MAX).collect();
        if TEXT_BYTES_MAX < text.len() + line.len() {
            break;
        }
        text.push('\n');
        text.push_str(&line);
        told += entry.statements;
    }
    if told < total {
        text.push_str(&format!("\nand {} more", total - told));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64, line: &str) -> Entry {
        Entry {
            about: "change",
            told: json!({}),
            near: None,
            line: format!("{line}\nservice:a"),
            name: "change.recorded",
            position: LogPosition::new(number),
            statements: 2,
        }
    }

    #[test]
    fn a_text_says_how_much_it_does_not_tell() {
        let few = [entry(1, "a: running"), entry(2, "b: failed")];
        assert_eq!(text(&few, 4), "4 notices\na: running\nb: failed");
        let long = "\u{53d8}".repeat(1_000);
        let many: Vec<Entry> = (1..=10).map(|number| entry(number, &long)).collect();
        let text = text(&many, 520);
        assert!(text.len() <= TEXT_BYTES_MAX + 20, "{}", text.len());
        assert!(text.ends_with("\nand 516 more"), "{text}");
        assert_eq!(text.lines().count(), 4);
    }

    #[test]
    fn a_letter_says_how_much_it_does_not_tell() {
        let few = [entry(1, "a: running"), entry(2, "b: failed")];
        let told = ["a: running", "b: failed"].map(str::to_owned).to_vec();
        assert_eq!(lines(&few, 5), (told, 1));
        let many: Vec<Entry> = (1..=201).map(|number| entry(number, "c")).collect();
        let (told, untold) = lines(&many, 402);
        assert_eq!((told.len(), untold), (200, 2));
    }

    #[test]
    fn an_id_is_not_that_of_a_notice() {
        let id = digest_id("sub_ab12", LogPosition::new(42));
        assert_eq!(id, "msg_ab12_digest_42");
    }
}
