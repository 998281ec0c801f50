//! Cases in the neutral form of the yardstick, folded here as a server would fold them. Nothing of it is kept.
//!
//! The events are those that `tests/yardstick` sends through a server's intake.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, bail};
use graph::{
    Estate, GraphView, Judgements, NearbyLimits, NearbyQuestion, Projection, RankingModel,
    RefitCase, changes_nearby,
};
use model::{
    Actor, ChangeId, Event, EventEnvelope, EventId, IncidentId, LogPosition, Lookback, SourceName,
    SourceRef, Timestamp,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

const TOPOLOGY: &str = "yardstick/topology";
/// How long before the question a deviation began where nobody recorded it.
const ONSET_MILLIS: i64 = 5 * 60_000;

#[derive(Deserialize)]
struct CaseLine {
    case: String,
    dataset: String,
    topology: Value,
    incident: IncidentLine,
    changes: Vec<ChangeLine>,
    #[serde(default)]
    signals: Option<Signals>,
}

#[derive(Deserialize)]
struct IncidentLine {
    affected: Vec<String>,
    detected_at: Timestamp,
    onset_at: Option<Timestamp>,
    symptom: String,
}

#[derive(Deserialize)]
struct ChangeLine {
    id: String,
    time: Timestamp,
    kind: String,
    targets: Vec<String>,
    environment: Option<String>,
    title: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Signals {
    nodes: Vec<NodeSignal>,
    edges: Vec<EdgeSignal>,
    versions: Vec<VersionSignal>,
}

#[derive(Deserialize)]
struct NodeSignal {
    id: String,
    baseline: Map<String, Value>,
    incident: Map<String, Value>,
}

#[derive(Deserialize)]
struct EdgeSignal {
    src: String,
    dst: String,
    #[serde(default)]
    reported_by: Option<String>,
    baseline: Map<String, Value>,
    incident: Map<String, Value>,
}

#[derive(Deserialize)]
struct VersionSignal {
    service: String,
    #[serde(default)]
    old: Map<String, Value>,
    #[serde(default)]
    new: Map<String, Value>,
}

#[derive(Deserialize)]
struct TruthLine {
    case: String,
    truth: Truth,
}

#[derive(Deserialize)]
struct Truth {
    changes: Vec<String>,
}

/// The cases of a folder with everything the ranking sees of their candidates.
pub(super) fn cases(
    folder: &Path,
    model: &RankingModel,
    limits: NearbyLimits,
) -> anyhow::Result<Vec<RefitCase>> {
    let cases: Vec<CaseLine> = lines(&folder.join("cases.jsonl"))?;
    let truth: Vec<TruthLine> = lines(&folder.join("truth.jsonl"))?;
    let truth: BTreeMap<&str, &Vec<String>> = truth
        .iter()
        .map(|line| (line.case.as_str(), &line.truth.changes))
        .collect();
    let mut shared: BTreeMap<String, Folded> = BTreeMap::new();
    let mut found = Vec::with_capacity(cases.len());
    for case in &cases {
        let causes = truth
            .get(case.case.as_str())
            .with_context(|| format!("truth.jsonl says nothing of {}", case.case))?;
        let of_case = |folded: &mut Folded| folded.read(case, causes, model, limits);
        found.push(match &case.topology {
            Value::String(name) => {
                if !shared.contains_key(name) {
                    let rows: Vec<Value> = lines(&folder.join(format!("topology-{name}.jsonl")))?;
                    shared.insert(name.clone(), Folded::over(&rows)?);
                }
                let folded = shared.get_mut(name).context("it was just put there")?;
                of_case(folded)?
            }
            own => of_case(&mut Folded::over(&rows_of(own))?)?,
        });
    }
    Ok(found)
}

fn lines<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("{} cannot be read", path.display()))?;
    let written = text.lines().enumerate();
    let written = written.filter(|(_, line)| !line.trim().is_empty());
    let read = written.map(|(number, line)| {
        let read = serde_json::from_str(&without_words_for_numbers(line));
        read.with_context(|| format!("{}:{}", path.display(), number + 1))
    });
    read.collect()
}

/// Measures that were none are written as `NaN`, which is no JSON; here they are nothing.
fn without_words_for_numbers(line: &str) -> String {
    let words = ["NaN", "-Infinity", "Infinity"].iter();
    words.fold(line.to_owned(), |line, word| {
        let line = line.replace(&format!(":{word}"), ":null");
        line.replace(&format!(": {word}"), ": null")
    })
}

/// The rows of a topology that stands in its case.
fn rows_of(topology: &Value) -> Vec<Value> {
    let of = |field: &str, kind: &str| {
        let rows = topology.get(field).and_then(Value::as_array);
        let rows = rows.cloned().unwrap_or_default().into_iter();
        let named: Vec<Value> = rows
            .map(|mut row| {
                if let Value::Object(row) = &mut row {
                    row.insert("type".to_owned(), json!(kind));
                }
                row
            })
            .collect();
        named
    };
    [of("nodes", "node"), of("edges", "edge")].concat()
}

/// A topology, and the cases that were told of it so far.
struct Folded {
    estate: Estate,
}

impl Folded {
    fn over(rows: &[Value]) -> anyhow::Result<Self> {
        let mut folded = Self {
            estate: Estate::default(),
        };
        for (number, row) in rows.iter().enumerate() {
            folded.take_row(number, row)?;
        }
        Ok(folded)
    }

    /// An item or a relation with the times at which it held; always, where none are stated.
    fn take_row(&mut self, number: usize, row: &Value) -> anyhow::Result<()> {
        let text = |field: &str| row.get(field).and_then(Value::as_str);
        let always = vec![json!(["2000-01-01T00:00:00Z", null])];
        let valid = row.get("valid").and_then(Value::as_array);
        for (place, span) in valid.unwrap_or(&always).iter().enumerate() {
            let since = span.get(0).cloned().unwrap_or_default();
            let at: Timestamp = serde_json::from_value(since.clone())?;
            let mut data = json!({ "validFrom": since });
            if let Some(until) = span.get(1).filter(|until| !until.is_null()) {
                set(&mut data, "validUntil", until.clone());
            }
            let name = match (text("type"), text("id"), text("src"), text("dst")) {
                (Some("node"), Some(id), _, _) => {
                    set(&mut data, "key", key(id));
                    "item.observed"
                }
                (Some("edge"), _, Some(dependent), Some(provider)) => {
                    set(&mut data, "dependent", key(dependent));
                    set(&mut data, "provider", key(provider));
                    set(&mut data, "kind", json!(text("kind").unwrap_or("uses")));
                    "relation.observed"
                }
                _ => bail!(
                    "row {} of the topology is neither node nor edge",
                    number + 1
                ),
            };
            self.take(TOPOLOGY, format!("{number}/{place}"), name, at, &data)?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        source: &str,
        delivery: String,
        name: &str,
        at: Timestamp,
        data: &Value,
    ) -> anyhow::Result<()> {
        let position = LogPosition::new(self.estate.position().number() + 1);
        let event = Event::decode_payload(name, data.to_string().as_bytes());
        self.estate.apply(&EventEnvelope {
            position,
            recorded_at: at,
            id: EventId {
                source: SourceName::new(source),
                delivery,
            },
            occurred_at: at,
            actor: Actor::default(),
            event: event.with_context(|| format!("{name} of {source}"))?,
        });
        Ok(())
    }

    /// Takes what a case tells and asks what changed near its incident.
    fn read(
        &mut self,
        case: &CaseLine,
        causes: &[String],
        model: &RankingModel,
        limits: NearbyLimits,
    ) -> anyhow::Result<RefitCase> {
        let source = format!("yardstick/{}", case.case);
        self.take_changes(case, &source)?;
        self.take_signals(case, &source)?;
        let at = case.incident.detected_at;
        let items: Vec<Value> = case.incident.affected.iter().map(|it| key(it)).collect();
        let data = json!({ "source": source, "sourceId": case.case, "items": items,
            "title": case.incident.symptom, "startedAt": at });
        self.take(&source, "incident".to_owned(), "incident.opened", at, &data)?;
        let reference = |id: &str| SourceRef {
            source: SourceName::new(&source),
            source_id: id.to_owned(),
        };
        let question = NearbyQuestion {
            items: Vec::new(),
            incidents: vec![IncidentId::of(&reference(&case.case))],
            unknown_items: Vec::new(),
            at,
            lookback: Lookback::hours(72),
            judgements: Judgements::LeftOut,
            model: model.clone(),
        };
        let causes: BTreeSet<ChangeId> = causes
            .iter()
            .map(|id| ChangeId::of(&reference(id)))
            .collect();
        let view: std::sync::Arc<GraphView> = self.estate.publish();
        let admits =
            |change: &graph::ChangeRow<'_>| change.source() == source && !change.is_bookkeeping();
        let answer = changes_nearby(&view, &question, &admits, limits);
        let named = (case.case.clone(), system_of(case), part_of(case));
        Ok(RefitCase::read(named, &answer, &model.weights, &causes))
    }

    fn take_changes(&mut self, case: &CaseLine, source: &str) -> anyhow::Result<()> {
        for change in &case.changes {
            let targets: Vec<Value> = change.targets.iter().map(|it| key(it)).collect();
            let mut data = json!({ "source": source, "sourceId": change.id, "targets": targets,
                "startedAt": change.time, "kind": change.kind, "environment": change.environment });
            if let Some(title) = change.title.as_ref().filter(|title| !title.is_empty()) {
                set(&mut data, "title", json!(title));
            }
            let delivery = format!("change/{}", change.id);
            self.take(source, delivery, "change.recorded", change.time, &data)?;
        }
        Ok(())
    }

    fn take_signals(&mut self, case: &CaseLine, source: &str) -> anyhow::Result<()> {
        let Some(signals) = &case.signals else {
            return Ok(());
        };
        for node in &signals.nodes {
            for (metric, value) in &node.incident {
                let of = json!({ "key": key(&node.id) });
                let place = format!("{}/{metric}", node.id);
                self.deviated(
                    case,
                    source,
                    of,
                    &place,
                    metric,
                    (node.baseline.get(metric), Some(value)),
                )?;
            }
        }
        for edge in &signals.edges {
            let seen_by = edge.reported_by.as_ref();
            let seen_by = seen_by.map_or_else(String::new, |by| format!("_seen_by_{by}"));
            for (metric, value) in &edge.incident {
                let of = json!({ "dependent": key(&edge.src), "provider": key(&edge.dst) });
                let place = format!("{}/{}/{metric}{seen_by}", edge.src, edge.dst);
                let metric_seen = format!("{metric}{seen_by}");
                let values = (edge.baseline.get(metric), Some(value));
                self.deviated(case, source, of, &place, &metric_seen, values)?;
            }
        }
        for release in &signals.versions {
            let metric = "success_of_new_version";
            let of = json!({ "key": key(&format!("service:{}", release.service)) });
            let place = format!("{}/{metric}", release.service);
            let values = (release.old.get("success"), release.new.get("success"));
            self.deviated(case, source, of, &place, metric, values)?;
        }
        Ok(())
    }

    /// One measure against its baseline; nothing where either was not measured.
    fn deviated(
        &mut self,
        case: &CaseLine,
        source: &str,
        mut data: Value,
        place: &str,
        metric: &str,
        (baseline, value): (Option<&Value>, Option<&Value>),
    ) -> anyhow::Result<()> {
        let measured = |value: Option<&Value>| value.and_then(Value::as_f64);
        let Some((baseline, value)) = measured(baseline).zip(measured(value)) else {
            return Ok(());
        };
        let until = case.incident.detected_at;
        let since = case.incident.onset_at.unwrap_or(until).min(until);
        let since = if since == until {
            until.plus_millis(-ONSET_MILLIS)
        } else {
            since
        };
        let name = match data.get("key") {
            Some(_) => "item.deviated",
            None => "relation.deviated",
        };
        let deviation = json!({ "metric": metric, "baseline": baseline, "value": value,
            "window": { "from": since, "until": until } });
        set(&mut data, "deviation", deviation);
        self.take(source, format!("signal/{place}"), name, until, &data)
    }
}

fn set(data: &mut Value, field: &str, value: Value) {
    if let Some(fields) = data.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

/// An entity `kind:name` in parts, for names hold slashes and colons.
fn key(entity: &str) -> Value {
    let (kind, name) = entity.split_once(':').unwrap_or(("entity", entity));
    json!({ "kind": kind.to_lowercase(), "name": name })
}

/// The estate a case is of: its topology's name, else the data set with the names of what it holds.
fn system_of(case: &CaseLine) -> String {
    let Some(name) = case.topology.as_str() else {
        let id = case.case.strip_prefix(&case.dataset).unwrap_or(&case.case);
        // Data sets of several systems name the system after the data set, before the first number.
        let words = id.split('-').filter(|word| !word.is_empty());
        let words = words.take_while(|word| word.chars().all(char::is_alphabetic));
        let named: Vec<&str> = words.collect();
        return match named.is_empty() {
            true => case.dataset.clone(),
            false => format!("{} {}", case.dataset, named.join("-")),
        };
    };
    name.to_owned()
}

/// What of an estate is left out together: the month of real incidents, else the day and what is affected first.
fn part_of(case: &CaseLine) -> String {
    let at = case.incident.detected_at.to_string();
    if case.topology.is_string() {
        return at.chars().take(7).collect();
    }
    let affected = case.incident.affected.first().map_or("", String::as_str);
    let day: String = at.chars().take(10).collect();
    format!("{day} {affected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: &str = r#"{"case":"toy-2026-01-01-1","dataset":"toy","topology":{"nodes":[{"id":"service:web","kind":"service"},{"id":"service:db","kind":"service"}],"edges":[{"src":"service:web","dst":"service:db","kind":"calls"}]},"incident":{"affected":["service:web"],"detected_at":"2026-01-01T10:00:00Z","onset_at":null,"symptom":"latency up"},"changes":[{"id":"c1","time":"2026-01-01T09:50:00Z","kind":"config","targets":["service:db"],"environment":"production","title":""},{"id":"c2","time":"2026-01-01T09:00:00Z","kind":"config","targets":["service:elsewhere"],"environment":"production","title":""}],"signals":{"nodes":[{"id":"service:db","baseline":{"latency_ms":10.0,"success":NaN},"incident":{"latency_ms":70.0,"success": NaN}}]}}"#;
    const TRUTH: &str = r#"{"case":"toy-2026-01-01-1","truth":{"changes":["c1"]}}"#;

    #[test]
    fn a_case_is_read_with_what_its_candidates_show() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cases.jsonl"), CASE).unwrap();
        std::fs::write(folder.path().join("truth.jsonl"), TRUTH).unwrap();
        let limits = NearbyLimits {
            first: usize::MAX,
            considered_max: 100,
            looked_at_max: 100,
            visited_max: 100,
        };
        let found = cases(folder.path(), &RankingModel::default(), limits).unwrap();
        let shown: Vec<String> = found
            .iter()
            .flat_map(|case| {
                let place = format!("{} / {} / {}", case.name, case.system, case.part);
                let candidates = case.candidates.iter().map(|it| {
                    let measured: Vec<&str> = graph::FITTED
                        .iter()
                        .zip(it.values)
                        .filter(|(_, value)| *value != 0.0)
                        .map(|(one, _)| one.signal)
                        .collect();
                    format!("cause {}: {}", it.is_cause, measured.join(" "))
                });
                [place]
                    .into_iter()
                    .chain(candidates)
                    .collect::<Vec<String>>()
            })
            .collect();
        assert_eq!(
            shown,
            [
                "toy-2026-01-01-1 / toy / 2026-01-01 service:web",
                "cause true: nearness recency same_measure",
                "cause false: recency",
            ]
        );
    }
}
