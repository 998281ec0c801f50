//! The spans of a real system: the calls found are those that the spans show, all of its stated topology.
//! A topology also holds calls that the few spans of its case do not show.
//! The spans are not part of this repository; `EPICENTER_YARDSTICK` names their folder.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;

use super::*;

fn lines(reader: impl std::io::Read) -> impl Iterator<Item = Value> {
    BufReader::new(reader)
        .lines()
        // Python's JSON says NaN where a signal is missing.
        .map(|line| {
            serde_json::from_str(
                &line
                    .unwrap()
                    .replace(":NaN", ":null")
                    .replace(": NaN", ": null"),
            )
            .unwrap()
        })
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}

fn resource_spans(span: &Value) -> ResourceSpans {
    let decoded = Span {
        trace_id: bytes(text(span, "traceId")),
        span_id: bytes(text(span, "spanId")),
        parent_span_id: bytes(text(span, "parentSpanId")),
        start_time_unix_nano: text(span, "startTimeUnixNano").parse().unwrap(),
        end_time_unix_nano: text(span, "endTimeUnixNano").parse().unwrap(),
        ..Span::default()
    };
    ResourceSpans {
        resource: Some(Resource {
            attributes: vec![attribute("service.name", text(span, "service"))],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            spans: vec![decoded],
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    }
}

type Calls = BTreeSet<(String, String)>;

/// The slow and obvious way: every span is looked up by its id.
fn expected(spans: &[Value]) -> Calls {
    let id = |span: &Value, name| {
        (
            text(span, "traceId").to_owned(),
            text(span, name).to_owned(),
        )
    };
    let by_id: HashMap<_, _> = spans
        .iter()
        .map(|span| (id(span, "spanId"), span))
        .collect();
    let key = |span: &Value| format!("service:{}", text(span, "service"));
    let pairs = spans.iter().filter_map(|span| {
        let cause = by_id.get(&id(span, "parentSpanId"))?;
        (key(cause) != key(span)).then(|| (key(cause), key(span)))
    });
    pairs.collect()
}

/// The calls found when the spans are sent in batches from the last to the first.
async fn found(spans: &[Value]) -> Calls {
    let bench = Bench::new();
    let backwards: Vec<&Value> = spans.iter().rev().collect();
    for batch in backwards.chunks(512) {
        let request = ExportTraceServiceRequest {
            resource_spans: batch.iter().map(|span| resource_spans(span)).collect(),
        };
        let body = request.encode_to_vec();
        let (status, _) = bench
            .post("/v1/traces", "application/x-protobuf", body)
            .await;
        assert_eq!(status, StatusCode::OK);
    }
    bench.otlp.flush().await.unwrap();
    let mut calls = Calls::new();
    for event in bench.events() {
        if let Event::CallsObserved(observed) = event.event {
            for call in observed.calls {
                calls.insert((call.dependent.to_string(), call.provider.to_string()));
            }
        }
    }
    calls
}

#[tokio::test]
async fn the_calls_of_the_yardstick_are_those_of_its_topology() {
    let Ok(folder) = std::env::var("EPICENTER_YARDSTICK") else {
        testkit::skip("EPICENTER_YARDSTICK does not name the folder of the yardstick");
        return;
    };
    let folder = Path::new(&folder);
    let (mut compared, mut complete) = (0, 0);
    for case in lines(File::open(folder.join("cases.jsonl")).unwrap()) {
        let file = folder.join(format!("spans/{}.jsonl.gz", text(&case, "case")));
        if !file.exists() {
            continue;
        }
        let spans: Vec<Value> = lines(GzDecoder::new(File::open(&file).unwrap())).collect();
        let found = found(&spans).await;
        assert_eq!(found, expected(&spans), "{}", file.display());
        let edges = case["topology"]["edges"].as_array().unwrap();
        let stated: Calls = edges
            .iter()
            .map(|edge| (text(edge, "src").to_owned(), text(edge, "dst").to_owned()))
            .collect();
        assert!(found.is_subset(&stated), "{}", file.display());
        complete += usize::from(found == stated);
        compared += 1;
    }
    assert!(0 < complete, "no case has spans for its whole topology");
    println!("{compared} cases: all calls found; {complete} of them show their whole topology");
}
