//! The addresses as a sender meets them: a request in, a status and an answer out.

mod bench;
mod packed;
mod senders;

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::{Request as HttpRequest, StatusCode};
use model::SourceName;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
pub(crate) use bench::Bench;

/// `200 at 2: 1 accepted, 1 duplicate; [3] data.title: is not known`.
fn told(status: StatusCode, answer: &Value) -> String {
    let mut line = status.as_u16().to_string();
    if let Some(position) = answer["position"].as_str() {
        write!(line, " at {position}").unwrap();
    }
    line.push(':');
    for counted in ["accepted", "duplicates", "quarantined"] {
        let count = answer[counted].as_u64().unwrap();
        if 0 < count {
            write!(line, " {count} {counted}").unwrap();
        }
    }
    for rejection in answer["rejected"].as_array().unwrap() {
        let (index, field) = (&rejection["index"], rejection["field"].as_str().unwrap());
        let reason = rejection["reason"].as_str().unwrap();
        write!(line, "\n  [{index}] {field}: {reason}").unwrap();
    }
    line
}

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";

fn item(id: &str, key: &str) -> String {
    format!(r#"{{"id":"{id}","source":"test","type":"item.observed","data":{{"key":"{key}"}}}}"#)
}

#[tokio::test]
async fn an_event_an_array_and_lines_are_taken() {
    let bench = Bench::new();
    let (one, two) = (item("1", "service:a"), item("2", "service:b"));
    assert_eq!(
        bench.send("/ingest/events", JSON, one.clone()).await,
        "200 at 1: 1 accepted"
    );
    let array = format!("[{one},{two}]");
    assert_eq!(
        bench.send("/ingest/events", JSON, array).await,
        "200 at 2: 1 accepted 1 duplicates"
    );
    let lines = format!("{one}\n\n{}\r\n", item("3", "service:c"));
    assert_eq!(
        bench.send("/ingest/events", LINES, lines).await,
        "200 at 3: 1 accepted 1 duplicates"
    );
    assert_eq!(
        bench.send("/ingest/events", JSON, one).await,
        "200 at 1: 1 duplicates"
    );
    assert_eq!(bench.send("/ingest/events", JSON, "[]").await, "200:");
}

#[tokio::test]
async fn the_good_parts_of_a_request_are_kept_and_the_bad_ones_named() {
    let bench = Bench::new();
    let wrong = r#"{"source":"test","type":"change.recorded","data":{"sourceId":"d1","titel":"x","targets":["service:a",7]}}"#;
    let body = format!("[{},{wrong},7,{}]", item("1", "service:a"), item("2", ""));
    insta::assert_snapshot!(bench.send("/ingest/events", JSON, body).await, @r#"
    200 at 1: 1 accepted
      [1] data.targets[1]: expected a key as text or in parts, found a number
      [1] data.titel: is not known; did you mean title?
      [2] : expected an object, found a number
      [3] data.key: must not be empty
    "#);
    assert_eq!(bench.events().len(), 1);
}

#[tokio::test]
async fn the_same_id_with_other_content_is_a_conflict() {
    let bench = Bench::new();
    bench
        .send("/ingest/events", JSON, item("1", "service:a"))
        .await;
    insta::assert_snapshot!(bench.send("/ingest/events", JSON, item("1", "service:b")).await, @r#"
    409:
      [0] id: test/1 was recorded at position 1 with other content
    "#);
    let mixed = format!("[{},{}]", item("1", "service:b"), item("2", "service:b"));
    insta::assert_snapshot!(bench.send("/ingest/events", JSON, mixed).await, @r#"
    200 at 2: 1 accepted
      [0] id: test/1 was recorded at position 1 with other content
    "#);
}

#[tokio::test]
async fn without_an_id_equal_content_is_a_duplicate_and_other_content_an_update() {
    let bench = Bench::new();
    let change = |title: &str| {
        format!(
            r#"{{"source":"cd","type":"change.recorded","data":{{"sourceId":"d1","title":"{title}"}}}}"#
        )
    };
    let reordered =
        r#"{"type":"change.recorded","data":{"title":"one","sourceId":"d1"},"source":"cd"}"#;
    let send = |body: String| async { bench.send("/ingest/events", JSON, body).await };
    assert_eq!(send(change("one")).await, "200 at 1: 1 accepted");
    assert_eq!(send(reordered.to_owned()).await, "200 at 1: 1 duplicates");
    assert_eq!(send(change("two")).await, "200 at 2: 1 accepted");
}

#[tokio::test]
async fn what_is_no_event_at_all_is_refused() {
    let bench = Bench::new();
    let mut told = String::new();
    for (media, body) in [
        (JSON, ""),
        (JSON, "{"),
        (JSON, "{}{}"),
        (JSON, "{}"),
        (JSON, "null"),
        (LINES, "{}\nnonsense"),
        ("text/plain", "{}"),
        ("application/x-www-form-urlencoded", "{}"),
        ("application/json; charset=latin1", "{}"),
    ] {
        writeln!(told, "{}", bench.send("/ingest/events", media, body).await).unwrap();
    }
    insta::assert_snapshot!(told, @r#"
    400:
      [0] : the body is not JSON: EOF while parsing a value at line 1 column 0
    400:
      [0] : the body is not JSON: EOF while parsing an object at line 1 column 1
    400:
      [0] : the body is not JSON: trailing characters at line 1 column 3; several events are a JSON array, or JSON lines sent as application/x-ndjson
    400:
      [0] source: is required
      [0] type: is required
      [0] data: is required
    400:
      [0] : expected an object, found null
    400:
      [0] source: is required
      [0] type: is required
      [0] data: is required
      [1] : is not JSON: expected ident at line 1 column 2
    415:
      [0] : expected application/json or application/x-ndjson, found text/plain
    415:
      [0] : expected application/json or application/x-ndjson, found application/x-www-form-urlencoded
    415:
      [0] : expected application/json or application/x-ndjson, found application/json in another charset than utf-8
    "#);
    assert!(bench.events().is_empty());
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_however_it_is_sent() {
    let bench = Bench::new();
    let large = vec![b' '; 1024 * 1024 + 1];
    let announced = bench.send("/ingest/events", JSON, large.clone()).await;
    let pieces = large
        .chunks(1000)
        .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()));
    let pieces: Vec<_> = pieces.collect();
    let streamed = Body::from_stream(futures_util::stream::iter(pieces));
    assert_eq!(
        announced,
        "413:\n  [0] : the body has more than 1048576 bytes after decompression"
    );
    assert_eq!(
        bench.send("/ingest/events", JSON, streamed).await,
        announced
    );
}

#[tokio::test]
async fn without_room_for_another_body_the_sender_is_told_to_come_again() {
    let limits = IntakeLimits {
        body_bytes: 1000,
        bodies_in_flight_bytes: 1000,
        body_timeout: Duration::from_secs(10),
    };
    let bench = Bench::with_limits(limits);
    let (sender, slow) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    sender.send(Ok(vec![b' '; 999])).await.unwrap();
    let slow = futures_util::stream::unfold(slow, |mut slow| async {
        let piece = slow.recv().await?;
        Some((piece, slow))
    });
    let request = HttpRequest::post("/ingest/events").header("content-type", JSON);
    let request = request.body(Body::from_stream(slow));
    let mut waiting = Box::pin(bench.routes.clone().oneshot(request.unwrap()));
    assert!(futures_util::poll!(&mut waiting).is_pending());

    let request = HttpRequest::post("/ingest/events").header("content-type", JSON);
    let request = request.body(Body::from("[]"));
    let refused = bench
        .routes
        .clone()
        .oneshot(request.unwrap())
        .await
        .unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    drop(waiting);
    assert_eq!(bench.send("/ingest/events", JSON, "[]").await, "200:");
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_given_up() {
    let limits = IntakeLimits {
        body_bytes: 1000,
        bodies_in_flight_bytes: 1000,
        body_timeout: Duration::ZERO,
    };
    let bench = Bench::with_limits(limits);
    let never = Body::from_stream(futures_util::stream::pending::<
        Result<Vec<u8>, std::io::Error>,
    >());
    assert_eq!(
        bench.send("/ingest/events", JSON, never).await,
        "408:\n  [0] : the body took too long"
    );
}

#[tokio::test]
async fn secrets_do_not_reach_the_log() {
    let bench = Bench::new();
    let body = r#"{"source":"t","type":"item.observed","data":{"key":"service:a","attributes":{"password":"hunter2"}}}"#;
    bench.send("/ingest/events", JSON, body).await;
    assert!(!format!("{:?}", bench.events()).contains("hunter2"));
}

const CLOUDEVENTS: &str = "application/cloudevents+json";

#[tokio::test]
async fn the_published_events_can_be_sent_one_after_the_other_and_again() {
    let bench = Bench::new();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/cdevents");
    for (round, expected) in ["accepted", "duplicates"].into_iter().enumerate() {
        let (mut taken, mut kept_aside) = (0, 0);
        for version in ["v0.4.1", "v0.5.1"] {
            for entry in std::fs::read_dir(folder.join(version)).unwrap() {
                let body = std::fs::read_to_string(entry.unwrap().path()).unwrap();
                let told = bench.send("/ingest/cloudevents", JSON, body).await;
                assert!(told.starts_with("200 at"), "{told}");
                taken += usize::from(told.contains(&format!(" 1 {expected}")));
                kept_aside += usize::from(told.contains(" 1 quarantined"));
            }
        }
        assert_eq!((taken, kept_aside), (62, 28), "round {round}");
    }
}

#[tokio::test]
async fn what_is_not_understood_is_kept_and_the_log_learns_of_it() {
    let bench = Bench::new();
    let event = |id: &str, kind: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"{kind}","data":{{"password":"hunter2"}}}}"#
        )
    };
    let told = bench
        .send(
            "/ingest/cloudevents",
            CLOUDEVENTS,
            event("1", "com.example.x"),
        )
        .await;
    assert_eq!(told, "200 at 1: 1 quarantined");
    let events = bench.events();
    let model::Event::InputQuarantined(quarantined) = &events[0].event else {
        panic!("{events:?}");
    };
    let kept = bench
        .intake
        .quarantine
        .get(quarantined.hash)
        .unwrap()
        .unwrap();
    assert!(!String::from_utf8_lossy(&kept.body).contains("hunter2"));
    assert_eq!(kept.reason, quarantined.reason);

    let again = bench.intake.reprocess(quarantined.hash).await;
    assert!(
        matches!(again, Err(ReprocessError::NotUnderstood(_))),
        "{again:?}"
    );
    assert!(
        bench
            .intake
            .quarantine
            .get(quarantined.hash)
            .unwrap()
            .is_some()
    );
    let unknown = model::ContentHash::of(b"other");
    let missing = bench.intake.reprocess(unknown).await;
    assert!(
        matches!(missing, Err(ReprocessError::NotFound(_))),
        "{missing:?}"
    );
}

#[tokio::test]
async fn a_body_that_is_understood_at_last_leaves_the_quarantine() {
    let bench = Bench::new();
    let body = include_str!("../../testdata/cdevents/v0.5.1/service_deployed.json");
    let keep = |format: &str| crate::QuarantinedBody {
        source: SourceName::new("/event/source/123"),
        format: format.to_owned(),
        content_type: None,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
        reason: "an older program did not know it".to_owned(),
    };
    let quarantine = Arc::clone(&bench.intake.quarantine);
    let hash = quarantine.keep(&keep(crate::cdevents::FORMAT)).unwrap();
    let understood = bench.intake.reprocess(hash).await.unwrap();
    assert_eq!(understood.events, 2);
    assert_eq!(bench.events().len(), 2);
    assert!(quarantine.get(hash).unwrap().is_none());

    let hash = quarantine.keep(&keep("fax")).unwrap();
    let undecoded = bench.intake.reprocess(hash).await;
    assert!(
        matches!(undecoded, Err(ReprocessError::NoDecoder(_))),
        "{undecoded:?}"
    );
}

#[tokio::test]
async fn a_time_of_the_data_counts_once_it_has_come() {
    let bench = Bench::new();
    let change = |id: &str, started_at: &str| {
        format!(
            r#"{{"id":"{id}","source":"cd","type":"change.recorded","data":{{"startedAt":"{started_at}"}}}}"#
        )
    };
    for body in [
        change("past", "2026-11-20T11:00:00Z"),
        change("to come", "2026-11-20T13:00:00Z"),
    ] {
        bench.send("/ingest/events", JSON, body).await;
    }
    let occurred: Vec<String> = bench
        .events()
        .iter()
        .map(|event| event.occurred_at.to_string())
        .collect();
    assert_eq!(occurred, ["2026-11-20T11:00:00Z", "2026-11-20T12:00:00Z"]);
}
