//! Reads an estate written as text. A line that cannot be read panics: it is a mistake in the test.

use std::collections::BTreeMap;

use model::{
    Actor, ActorKind, Alias, Belonging, CauseJudged, Change, ChangeLink, ChangeStatus, Claim,
    Deviation, Event, EventId, Evidence, IdentityReverted, Incident, IncidentStatus,
    IncidentsJudged, ItemDeviated, ItemSplit, ItemsMerged, NewEvent, ObservedCall, ObservedCalls,
    ObservedItem, ObservedRelation, Occurred, RelationDeviated, RelationEnded, RelationKind,
    SourceKey, SourceName, SourceRef, SourceRestored, SourceRetracted, Strength, Timestamp,
    ValidInterval, Verdict,
};

use crate::at;

/// The facts of a text, in the order of its lines.
pub fn events(text: &str) -> Vec<NewEvent> {
    let lines = text
        .lines()
        .map(|line| line.split(" #").next().unwrap_or_default().trim());
    let mut events = Vec::new();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (source, fact) = match line.strip_prefix('@').and_then(|rest| rest.split_once(' ')) {
            Some((source, fact)) => (source, fact),
            None => ("test", line),
        };
        for (occurred_at, event) in read(fact) {
            let number = events.len();
            let delivery = match fact.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["merge" | "split", id, ..] => (*id).to_owned(),
                _ => format!("{number}: {line}"),
            };
            events.push(NewEvent {
                id: EventId {
                    source: SourceName::new(source),
                    delivery,
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
        ["item", key, rest @ ..] => {
            let mut options = options(rest);
            let time = options.remove("at");
            let time = time.as_deref().unwrap_or("00:00");
            vec![(at(time), item(key, &options))]
        }
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
        ["saw", dependent, "->", provider, window] => {
            vec![saw((key(dependent), key(provider)), window)]
        }
        ["deviated", item, metric, baseline, "->", value, window] => {
            let item = key(item);
            vec![deviated(item, deviation(metric, baseline, value, window))]
        }
        [
            "deviated",
            dependent,
            "->",
            provider,
            metric,
            baseline,
            "->",
            value,
            window,
        ] => {
            let ends = (key(dependent), key(provider));
            vec![relation_deviated(
                ends,
                deviation(metric, baseline, value, window),
            )]
        }
        ["merge" | "split" | "revert" | "retract" | "restore", ..] => vec![decision(&words, line)],
        ["judged", incident, change, verdict] => {
            vec![(at("11:59"), judged(incident, change, verdict))]
        }
        ["belong", incident, others, verdict, time, reason @ ..] => {
            let said = (*incident, *others, *verdict, reason.first().copied());
            vec![(at(time), belonging(said))]
        }
        chain => relations(chain, line),
    }
}

/// A window of traces with calls from its start to its end, reported each quarter of an hour.
fn saw((dependent, provider): (SourceKey, SourceKey), window: &str) -> (Timestamp, Event) {
    let (from, until) = window
        .split_once('-')
        .expect("a window is written from-until");
    let call = ObservedCall {
        dependent,
        provider,
        kind: RelationKind::new("calls"),
        evidence: Evidence::Paired,
        calls: 1,
        errors: 0,
        duration_p50_ms: None,
        duration_p99_ms: None,
        first_seen_at: at(from),
        last_seen_at: at(until),
    };
    let observed = ObservedCalls {
        window: ValidInterval::new(at(from), Some(at(until))).expect("a window is no empty span"),
        report_interval_ms: 15 * 60 * 1_000,
        items: Vec::new(),
        calls: vec![call],
    };
    (at(until), Event::CallsObserved(observed))
}

fn decision(words: &[&str], line: &str) -> (Timestamp, Event) {
    match words {
        ["merge", _, items, time] => {
            let merged = ItemsMerged {
                items: keys(items),
                reason: None,
            };
            (at(time), Event::ItemsMerged(merged))
        }
        ["split", _, names, "from", from, time] => {
            let split = ItemSplit {
                names: keys(names),
                from: keys(from),
                reason: None,
            };
            (at(time), Event::ItemSplit(split))
        }
        ["revert", decision, time] => {
            let reverted = IdentityReverted {
                decision: EventId {
                    source: SourceName::new("test"),
                    delivery: (*decision).to_owned(),
                },
                reason: None,
            };
            (at(time), Event::IdentityReverted(reverted))
        }
        ["retract", source, time] => {
            let retracted = SourceRetracted {
                source: SourceName::new(*source),
                until: None,
                reason: None,
            };
            (at(time), Event::SourceRetracted(retracted))
        }
        ["restore", source, time] => {
            let restored = SourceRestored {
                source: SourceName::new(*source),
                reason: None,
            };
            (at(time), Event::SourceRestored(restored))
        }
        _ => panic!("cannot read {line:?}"),
    }
}

fn deviation(metric: &str, baseline: &str, value: &str, window: &str) -> Deviation {
    let (from, until) = window
        .split_once('-')
        .expect("a window is written from-until");
    Deviation {
        metric: metric.to_owned(),
        baseline: baseline.parse().expect("a baseline is a number"),
        value: value.parse().expect("a value is a number"),
        window: ValidInterval::new(at(from), Some(at(until))).expect("a window is no empty span"),
        samples: None,
    }
}

fn deviated(key: SourceKey, deviation: Deviation) -> (Timestamp, Event) {
    let at = deviation.window.from();
    (at, Event::ItemDeviated(ItemDeviated { key, deviation }))
}

fn relation_deviated(
    (dependent, provider): (SourceKey, SourceKey),
    deviation: Deviation,
) -> (Timestamp, Event) {
    let at = deviation.window.from();
    let said = RelationDeviated {
        dependent,
        provider,
        kind: None,
        deviation,
    };
    (at, Event::RelationDeviated(said))
}

fn belonging((incident, others, verdict, reason): (&str, &str, &str, Option<&str>)) -> Event {
    let reference = |id: &str| SourceRef {
        source: SourceName::new("test"),
        source_id: id.to_owned(),
    };
    Event::IncidentsJudged(IncidentsJudged {
        incident: reference(incident),
        others: others.split(',').map(reference).collect(),
        verdict: match verdict {
            "together" => Belonging::Together,
            "apart" => Belonging::Apart,
            "withdrawn" => Belonging::Withdrawn,
            other => panic!("no such verdict: {other:?}"),
        },
        reason: reason.map(|reason| reason.replace('_', " ")),
    })
}

fn judged(incident: &str, change: &str, verdict: &str) -> Event {
    let reference = |id: &str| SourceRef {
        source: SourceName::new("test"),
        source_id: id.to_owned(),
    };
    Event::CauseJudged(CauseJudged {
        incident: reference(incident),
        change: reference(change),
        verdict: match verdict {
            "cause" => Verdict::Cause,
            "not_cause" => Verdict::NotCause,
            "unsure" => Verdict::Unsure,
            other => panic!("no such verdict: {other:?}"),
        },
        reason: None,
    })
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
            "name" => item.display_name = Some(value.clone()),
            "criticality" => item.criticality = Some(value.clone()),
            "quorum" => drop(
                item.attributes
                    .insert("quorum".to_owned(), value.clone().into()),
            ),
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
            scheme => match scheme.strip_prefix("not-") {
                Some(taken_back) => take_back(&mut item, taken_back, value),
                None => item.claims.push(Claim::new(scheme, value.clone())),
            },
        }
    }
    Event::ItemObserved(item)
}

/// `not-owner=...`, or `not-SCHEME=NAME`: what a source said before and says no longer.
fn take_back(item: &mut ObservedItem, name: &str, value: &str) {
    let back = item.taken_back.get_or_insert_default();
    match name {
        "owner" => back.owner = true,
        "name" => back.display_name = true,
        "criticality" => back.criticality = true,
        scheme => back.names.push(Claim::new(scheme, value)),
    }
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
        let (kind, strength) = match (kind.strip_suffix('!'), kind.strip_suffix('?')) {
            (Some(kind), _) => (kind, Some(Strength::Strong)),
            (_, Some(kind)) => (kind, Some(Strength::Weak)),
            (None, None) => (kind, None),
        };
        let relation = ObservedRelation {
            dependent: key(dependent),
            provider: key(provider),
            kind: RelationKind::new(kind),
            strength,
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
            "operator" => {
                change.operator = Some(Actor {
                    kind: ActorKind::Human,
                    name: Some(value.clone()),
                });
            }
            "rollback_of" => change.links.push(ChangeLink {
                kind: "rollback_of".to_owned(),
                change: SourceRef {
                    source: SourceName::new("test"),
                    source_id: value.clone(),
                },
            }),
            other => panic!("a change has no option {other:?}"),
        }
    }
    Event::ChangeRecorded(Box::new(change))
}

fn status(text: &str) -> ChangeStatus {
    let word = text.replace(' ', "_");
    let mut statuses = ChangeStatus::WRITTEN.into_iter();
    let known = statuses.find(|(written, _)| *written == word);
    known.map_or_else(|| panic!("no such status: {text:?}"), |(_, status)| status)
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
    incident.severity = options.get("severity").cloned();
    incident.declared = options.contains_key("declared").then_some(true);
    incident.resolved_at = options.get("until").map(|time| at(time));
    if incident.resolved_at.is_some() {
        incident.status = Some(IncidentStatus::Resolved);
    }
    Event::IncidentOpened(incident)
}
