//! What the shop's services export: spans as OTLP JSON, one resource for each service.

use std::collections::BTreeMap;

use anyhow::bail;
use model::{IdSource, Timestamp};
use serde_json::{Value, json};

use super::ENVIRONMENTS;
use super::estate::NAMESPACE;
use super::lines::rows;
use super::moment::ago;
use crate::clock::RandomIds;

/// When each call happened, as long ago.
const CALLED_AGO: [&str; 8] = ["23h", "16h", "9h", "4h", "1h30m", "40m", "12m", "1m"];

const SERVER: u8 = 2;
const CLIENT: u8 = 3;
const PRODUCER: u8 = 4;
const CONSUMER: u8 = 5;

/// The spans of each service, by environment and name.
type Spans = BTreeMap<(&'static str, &'static str), Vec<Value>>;

/// One export: how many spans, and the spans.
pub(super) type Export = (usize, Value);

/// What was exported at each moment, in its order.
pub(super) fn exports(now: Timestamp) -> anyhow::Result<Vec<Export>> {
    let exports = CALLED_AGO.map(|length| export(ago(now, length)?));
    exports.into_iter().collect()
}

fn export(begins: Timestamp) -> anyhow::Result<Export> {
    let mut spans = Spans::new();
    for (environment, _) in ENVIRONMENTS {
        for words in rows(include_str!("calls.txt")) {
            call(&mut spans, environment, &words, begins)?;
        }
    }
    let count = spans.values().map(Vec::len).sum();
    let resources: Vec<Value> = spans
        .into_iter()
        .map(|((environment, service), spans)| resource(environment, service, &spans))
        .collect();
    Ok((count, json!({ "resourceSpans": resources })))
}

fn call(
    spans: &mut Spans,
    environment: &'static str,
    words: &[&'static str],
    begins: Timestamp,
) -> anyhow::Result<()> {
    let [caller, verb, callee, rest @ ..] = words else {
        bail!("a call is CALLER VERB CALLEE: {words:?}");
    };
    let trace = Trace::begin(begins);
    let (kind, attributes) = match (*verb, rest) {
        ("calls", []) => {
            let answer = trace.span(SERVER, callee, &[]);
            spans.entry((environment, callee)).or_default().push(answer);
            (CLIENT, vec![("http.request.method", "POST".to_owned())])
        }
        ("asks", [database, host]) => {
            let host = format!("{host}.{environment}.internal");
            let mut attributes = vec![("db.system.name", (*callee).to_owned())];
            if *database != "-" {
                attributes.push(("db.namespace", (*database).to_owned()));
            }
            attributes.push(("server.address", host));
            (CLIENT, attributes)
        }
        ("publishes", []) => (PRODUCER, messaging(callee, "send")),
        ("consumes", []) => (CONSUMER, messaging(callee, "process")),
        ("reaches", []) => (CLIENT, vec![("url.full", (*callee).to_owned())]),
        _ => bail!("nobody knows how to do this: {words:?}"),
    };
    let question = trace.root(kind, callee, &attributes);
    spans
        .entry((environment, caller))
        .or_default()
        .push(question);
    Ok(())
}

fn messaging(queue: &str, operation: &str) -> Vec<(&'static str, String)> {
    vec![
        ("messaging.system", "kafka".to_owned()),
        ("messaging.destination.name", queue.to_owned()),
        ("messaging.operation.type", operation.to_owned()),
    ]
}

/// One call: a span on this side, perhaps one on the other.
struct Trace {
    id: String,
    root: String,
    begins: Timestamp,
}

impl Trace {
    fn begin(begins: Timestamp) -> Self {
        Self {
            id: RandomIds.fresh(),
            root: span_id(),
            begins,
        }
    }

    fn root(&self, kind: u8, name: &str, attributes: &[(&str, String)]) -> Value {
        span(&self.id, &self.root, kind, name, self.begins, attributes)
    }

    fn span(&self, kind: u8, name: &str, attributes: &[(&str, String)]) -> Value {
        let begins = self.begins.plus_millis(1);
        let mut span = span(&self.id, &span_id(), kind, name, begins, attributes);
        if let Some(fields) = span.as_object_mut() {
            fields.insert("parentSpanId".to_owned(), self.root.as_str().into());
        }
        span
    }
}

fn span_id() -> String {
    let mut id = RandomIds.fresh();
    id.truncate(16);
    id
}

fn span(
    trace: &str,
    id: &str,
    kind: u8,
    name: &str,
    begins: Timestamp,
    attributes: &[(&str, String)],
) -> Value {
    let ends = begins.plus_millis(20);
    json!({
        "traceId": trace,
        "spanId": id,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": begins.unix_nanos().to_string(),
        "endTimeUnixNano": ends.unix_nanos().to_string(),
        "attributes": attributes.iter().map(|(key, value)| attribute(key, value)).collect::<Vec<_>>(),
    })
}

fn resource(environment: &str, service: &str, spans: &[Value]) -> Value {
    json!({
        "resource": { "attributes": [
            attribute("service.name", service),
            attribute("service.namespace", NAMESPACE),
            attribute("deployment.environment.name", environment),
        ]},
        "scopeSpans": [{ "scope": { "name": "shop" }, "spans": spans }],
    })
}

fn attribute(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_a_span_on_each_side_with_the_same_trace() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let mut spans = Spans::new();
        call(&mut spans, "prod", &["web", "calls", "api"], now).unwrap();
        let web = &spans[&("prod", "web")][0];
        let api = &spans[&("prod", "api")][0];
        assert_eq!(web["traceId"], api["traceId"]);
        assert_eq!(web["spanId"], api["parentSpanId"]);
        assert_eq!(
            (&web["kind"], &api["kind"]),
            (&json!(CLIENT), &json!(SERVER))
        );
        assert!(call(&mut spans, "prod", &["web", "sings", "api"], now).is_err());
        assert_eq!(exports(now).unwrap().len(), CALLED_AGO.len());
    }
}
