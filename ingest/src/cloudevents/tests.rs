use std::fmt::Write as _;
use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::Sender;
use crate::mutate::{any_json, put};

fn told(parts: Result<Vec<Part>, Malformed>) -> String {
    let mut told = String::new();
    for part in parts.unwrap() {
        match part {
            Part::Events(events) => {
                for event in events {
                    writeln!(told, "{} {}", event.event.tag().0, event.id).unwrap();
                }
            }
            Part::Rejected(problems) => {
                for (field, reason) in problems.told {
                    writeln!(told, "rejected {field}: {reason}").unwrap();
                }
            }
            Part::Unknown(unknown) => {
                let body = String::from_utf8(unknown.body).unwrap();
                writeln!(told, "kept aside: {}\n  {body}", unknown.reason).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    told
}

fn json(body: &str) -> String {
    let received_at = "2026-11-20T12:00:00Z".parse().unwrap();
    told(decode_json(body.as_bytes(), received_at))
}

fn binary(headers: &[(&'static str, &str)], body: &str) -> String {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).unwrap();
        map.append(HeaderName::from_static(name), value);
    }
    let media = MediaType::of(&map);
    assert!(takes(&media, &map));
    told(decode(&Delivery {
        media,
        headers: map,
        body: body.as_bytes().to_vec(),
        received_at: "2026-11-20T12:00:00Z".parse().unwrap(),
        sender: Arc::new(Sender::unnamed(FORMAT)),
    }))
}

const OWN: [(&str, &str); 5] = [
    ("content-type", "application/json"),
    ("ce-specversion", "1.0"),
    ("ce-id", "e1"),
    ("ce-source", "/cd"),
    ("ce-type", "epicenter.change.recorded"),
];

#[test]
fn our_own_types_are_our_own_events_in_every_mode() {
    let data = r#"{"targets":["service:a"],"title":"x"}"#;
    let event = |tag: &str| {
        format!(r#"{{"specversion":"1.0","id":"e1","source":"/cd","type":"{tag}","data":{data}}}"#)
    };
    let expected = "change.recorded /cd/e1\n";
    assert_eq!(json(&event("change.recorded")), expected);
    assert_eq!(json(&event("epicenter.change.recorded")), expected);
    assert_eq!(json(&format!("[{}]", event("change.recorded"))), expected);
    assert_eq!(binary(&OWN, data), expected);
    assert_eq!(json("[]"), "");
}

#[test]
fn the_data_of_our_own_types_is_checked_like_our_own_events() {
    insta::assert_snapshot!(binary(&OWN, r#"{"titel":"x"}"#), @r#"rejected data.titel: is not known; did you mean title?"#);
    insta::assert_snapshot!(binary(&OWN, ""), @r#"rejected data: is required"#);
    insta::assert_snapshot!(binary(&OWN, "{"), @r#"rejected data: is damaged JSON, not JSON"#);
}

#[test]
fn the_captured_events_of_a_sender_are_kept_aside_with_their_reason() {
    let batch = include_str!("../../testdata/cloudevents/batch.json");
    insta::assert_snapshot!(json(batch), @r#"
    kept aside: context is required; subject is required
      {"data":{"hello":1},"id":"ce-1","source":"/ci/pipeline","specversion":"1.0","subject":"checkout","time":"2026-11-20T10:00:00.000Z","type":"dev.cdevents.service.deployed.0.3.0"}
    kept aside: context is required; subject is required
      {"data":{"hello":1},"id":"ce-2","source":"/ci/pipeline","specversion":"1.0","subject":"checkout","time":"2026-11-20T10:00:00.000Z","type":"dev.cdevents.service.rolledback.0.3.0"}
    "#);
    let structured = include_str!("../../testdata/cloudevents/structured.json");
    insta::assert_snapshot!(json(structured), @r#"
    kept aside: context is required; subject is required
      {"data":{"hello":1},"id":"ce-1","source":"/ci/pipeline","specversion":"1.0","subject":"checkout","time":"2026-11-20T10:00:00.000Z","type":"dev.cdevents.service.deployed.0.3.0"}
    "#);
}

#[test]
fn a_cdevent_in_an_envelope_means_what_it_means_without() {
    let bare = include_str!("../../testdata/cdevents/v0.5.1/service_deployed.json");
    let tag = "dev.cdevents.service.deployed.0.3.0";
    let id = "271069a8-fc18-44f1-b38f-9d70a1695819";
    let wrapped = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/event/source/123","type":"{tag}","data":{bare}}}"#
    );
    let headers = [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", id),
        ("ce-source", "/event/source/123"),
        ("ce-type", tag),
    ];
    assert_eq!(json(bare), json(&wrapped));
    assert_eq!(json(bare), binary(&headers, bare));
    insta::assert_snapshot!(json(bare), @r#"
    change.recorded /event/source/123/271069a8-fc18-44f1-b38f-9d70a1695819 dev.cdevents.service.deployed.0.3.0
    item.observed /event/source/123/271069a8-fc18-44f1-b38f-9d70a1695819 dev.cdevents.service.deployed.0.3.0#item.observed
    "#);
}

#[test]
fn an_unknown_type_is_kept_raw() {
    let headers = [
        ("content-type", "text/plain"),
        ("ce-specversion", "1.0"),
        ("ce-id", "4321"),
        ("ce-source", "/mycontext"),
        ("ce-type", "com.example.someevent"),
        ("ce-comexampleextension1", "Euro%20%E2%82%AC"),
        ("ce-time", "2018-04-05T03:56:24Z"),
    ];
    insta::assert_snapshot!(binary(&headers, "hello"), @r#"
    kept aside: the type com.example.someevent has no meaning here
      {"comexampleextension1":"Euro €","data_base64":"aGVsbG8=","datacontenttype":"text/plain","id":"4321","source":"/mycontext","specversion":"1.0","time":"2018-04-05T03:56:24Z","type":"com.example.someevent"}
    "#);
    let again = binary(&headers, "hello");
    let kept = again.lines().last().unwrap().trim();
    assert_eq!(json(kept), again);
}

#[test]
fn the_envelope_is_read_strictly() {
    let mut told = String::new();
    for body in [
        "7",
        "{}",
        r#"{"specversion":"0.3","id":"","source":"/a","type":"t"}"#,
        r#"{"specversion":"1.0","id":1,"source":["/a"],"type":"t"}"#,
        r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","time":"yesterday"}"#,
        r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","Bad_Name":"x","nested":{}}"#,
        r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","data":1,"data_base64":"AA=="}"#,
        r#"{"specversion":"1.0","id":"1","source":"/a","type":"t","data_base64":"?"}"#,
    ] {
        writeln!(told, "{body}\n{}", json(body)).unwrap();
    }
    insta::assert_snapshot!(told, @r#"
    7
    rejected : expected an object, found a number

    {}
    rejected specversion: is required
    rejected id: is required
    rejected source: is required
    rejected type: is required

    {"specversion":"0.3","id":"","source":"/a","type":"t"}
    rejected specversion: is not 1.0
    rejected id: must not be empty

    {"specversion":"1.0","id":1,"source":["/a"],"type":"t"}
    rejected id: expected a text, found a number
    rejected source: expected a text, found a list

    {"specversion":"1.0","id":"1","source":"/a","type":"t","time":"yesterday"}
    rejected time: not an RFC 3339 time: "yesterday"

    {"specversion":"1.0","id":"1","source":"/a","type":"t","Bad_Name":"x","nested":{}}
    rejected Bad_Name: the name of an attribute has lower-case letters and digits only
    rejected nested: expected a plain value, found an object

    {"specversion":"1.0","id":"1","source":"/a","type":"t","data":1,"data_base64":"AA=="}
    rejected data_base64: stands beside data

    {"specversion":"1.0","id":"1","source":"/a","type":"t","data_base64":"?"}
    rejected data_base64: is not base64
    "#);
    let twice = [
        ("ce-id", "1"),
        ("ce-id", "2"),
        ("ce-source", "%ff"),
        ("ce-a-b", "x"),
    ];
    insta::assert_snapshot!(binary(&twice, ""), @r#"
    rejected id: is stated twice
    rejected source: is not a text in ASCII or percent-encoded UTF-8
    rejected a-b: the name of an attribute has lower-case letters and digits only
    "#);
}

const SAMPLES: [&str; 6] = [
    include_str!("../../testdata/cdevents/v0.5.1/service_deployed.json"),
    include_str!("../../testdata/cdevents/v0.5.1/incident_reported.json"),
    include_str!("../../testdata/cdevents/v0.5.1/taskrun_finished.json"),
    include_str!("../../testdata/cdevents/v0.4.1/environment_modified.json"),
    include_str!("../../testdata/cdevents/v0.4.1/ticket_closed.json"),
    include_str!("../../testdata/cloudevents/structured.json"),
];

proptest! {
    #[test]
    fn nothing_makes_it_fall_over(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        sample in prop::sample::select(&SAMPLES[..]),
        steps in prop::collection::vec(any::<u8>(), 1..6),
        value in any_json(),
    ) {
        let _refused = decode_json(&bytes, Timestamp::MIN);
        let mut event: Value = serde_json::from_str(sample).unwrap();
        put(&mut event, &steps, value);
        json(&event.to_string());
    }

    #[test]
    fn no_header_makes_it_fall_over(
        name in prop::sample::select(&["ce-id", "ce-source", "ce-type", "ce-time", "ce-x"][..]),
        value in prop::collection::vec(any::<u8>(), 0..40),
        body in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut headers = HeaderMap::new();
        headers.insert("ce-specversion", HeaderValue::from_static("1.0"));
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            headers.append(name, value);
        }
        let delivery = Delivery {
            media: MediaType::of(&headers),
            headers,
            body,
            received_at: Timestamp::MIN,
            sender: Arc::new(Sender::unnamed(FORMAT)),
        };
        decode(&delivery).unwrap();
    }
}
