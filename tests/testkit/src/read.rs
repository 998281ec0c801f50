//! Reads an estate written as text. A line that cannot be read panics: it is a mistake in the test.

use std::collections::BTreeMap;

use model::{
    Actor, Alias, Change, ChangeStatus, Claim, Event, EventId, Incident, NewEvent, ObservedItem,
    ObservedRelation, Occurred, RelationEnded, RelationKind, SourceKey, SourceName, SourceRef,
    Timestamp,
};

use crate::at;

/// The facts of a text, in the order of its lines.
pub fn events(text: &str) -> Vec<NewEvent> {
    let lines = text
        .lines()
        .map(|line| line.split(" #").next().unwrap_or_default().trim());
    let mut events = Vec::new();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        for (occurred_at, event) in read(line) {
            let number = events.len();
            events.push(NewEvent {
                id: EventId {
                    source: SourceName::new("test"),
                    delivery: format!("{number}: {line}"),
                },
                occurred: Occurred::Stated(occurred_at),
                actor: Actor::default(),
                event,
            });
        }
    }
    events
}

fn read(line: &str) -> Vec<(Timestamp, Event)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["item", key, rest @ ..] => vec![(at("00:00"), item(key, &options(rest)))],
        ["change", id, targets, time, rest @ ..] => {
            vec![(at(time), change(id, targets, time, &options(rest)))]
        }
        ["incident", id, items, time, rest @ ..] => {
            vec![(at(time), incident(id, items, time, &options(rest)))]
        }
        ["end", dependent, "->", provider, time] => {
            let ended = RelationEnded {
                dependent: key(dependent),
                provider: key(provider),
                kind: RelationKind::new("calls"),
                reason: None,
            };
            vec![(at(time), Event::RelationEnded(ended))]
        }
        chain => relations(chain, line),
    }
}

fn options<'a>(words: &[&'a str]) -> BTreeMap<&'a str, String> {
    let pairs = words.iter().map(|word| {
        word.split_once('=')
            .expect("an option is written name=value")
    });
    pairs
        .map(|(name, value)| (name, value.replace('_', " ")))
        .collect()
}

fn key(text: &str) -> SourceKey {
    let written = if text.contains(':') || text.contains('=') {
        text.to_owned()
    } else {
        format!("service:{text}")
    };
    SourceKey::Text(written)
}

fn keys(text: &str) -> Vec<SourceKey> {
    text.split(',').map(key).collect()
}

fn item(written: &str, options: &BTreeMap<&str, String>) -> Event {
    let mut item = ObservedItem::new(key(written));
    for (name, value) in options {
        match *name {
            "owner" => item.owner = Some(value.clone()),
            "criticality" => item.criticality = Some(value.clone()),
            "from" => item.valid_from = Some(at(value)),
            "until" => item.valid_until = Some(at(value)),
            "alias" => {
                let (scheme, value) = value
                    .split_once(':')
                    .expect("an alias is written scheme:value");
                let (value, time) = value.split_once('@').unwrap_or((value, ""));
                let (from, until) = time.split_once('-').unwrap_or_default();
                let moment = |text: &str| (!text.is_empty()).then(|| at(text));
                item.aliases.push(Alias {
                    scheme: scheme.to_owned(),
                    value: value.to_owned(),
                    valid_from: moment(from),
                    valid_until: moment(until),
                });
            }
            scheme => item.claims.push(Claim::new(scheme, value.clone())),
        }
    }
    Event::ItemObserved(item)
}

fn relations(words: &[&str], line: &str) -> Vec<(Timestamp, Event)> {
    let mut facts = Vec::new();
    let steps = words.windows(3).step_by(2);
    for step in steps {
        let [dependent, arrow, provider] = step else {
            panic!("cannot read {line:?}")
        };
        let kind = match *arrow {
            "->" => "calls",
            arrow => arrow
                .strip_prefix('-')
                .and_then(|arrow| arrow.strip_suffix("->"))
                .unwrap_or_else(|| panic!("cannot read {line:?}")),
        };
        let relation = ObservedRelation {
            dependent: key(dependent),
            provider: key(provider),
            kind: RelationKind::new(kind),
            strength: None,
            valid_from: None,
            valid_until: None,
            report_interval_ms: None,
        };
        facts.push((at("00:00"), Event::RelationObserved(relation)));
    }
    assert!(!facts.is_empty(), "cannot read {line:?}");
    facts
}

fn change(id: &str, targets: &str, time: &str, options: &BTreeMap<&str, String>) -> Event {
    let mut change = Change::new(&SourceRef {
        source: SourceName::new("test"),
        source_id: id.to_owned(),
    });
    change.targets = keys(targets);
    change.started_at = Some(at(time));
    for (name, value) in options {
        match *name {
            "kind" => change.kind = Some(value.clone()),
            "env" => change.environment = Some(value.clone()),
            "until" => change.finished_at = Some(at(value)),
            "title" => change.title = Some(value.clone()),
            "description" => change.description = Some(value.clone()),
            "source" => change.source = SourceName::new(value.clone()),
            "status" => change.status = Some(status(value)),
            other => panic!("a change has no option {other:?}"),
        }
    }
    Event::ChangeRecorded(Box::new(change))
}

fn status(text: &str) -> ChangeStatus {
    match text {
        "planned" => ChangeStatus::Planned,
        "running" => ChangeStatus::Running,
        "succeeded" => ChangeStatus::Succeeded,
        "failed" => ChangeStatus::Failed,
        "cancelled" => ChangeStatus::Cancelled,
        "rolled back" => ChangeStatus::RolledBack,
        other => panic!("no such status: {other:?}"),
    }
}

fn incident(id: &str, items: &str, time: &str, options: &BTreeMap<&str, String>) -> Event {
    let reference = SourceRef {
        source: SourceName::new("test"),
        source_id: id.to_owned(),
    };
    let mut incident = Incident::new(reference);
    incident.items = keys(items);
    incident.started_at = Some(at(time));
    incident.environment = options.get("env").cloned();
    incident.title = options.get("title").cloned();
    Event::IncidentOpened(incident)
}
