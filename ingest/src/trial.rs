//! Tries an address out: a body in, text out. For the tests of what the senders' tools say.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use axum::http::HeaderMap;
use proptest::prelude::*;
use serde_json::Value;

use crate::Sender;
use crate::decoded::Part;
use crate::intake::{Address, Delivery, MediaType};
use crate::mutate::{any_json, put};

/// A body as it comes to an address at noon.
pub(crate) fn delivery(address: &Address, body: &str) -> Delivery {
    Delivery {
        headers: HeaderMap::new(),
        media: MediaType::parse("application/json"),
        body: body.as_bytes().to_vec(),
        received_at: "2026-11-20T12:00:00Z".parse().unwrap(),
        sender: Arc::new(Sender::unnamed(address.form)),
    }
}

/// What a body becomes, one line for each field of each event.
pub(crate) fn told(address: &Address, body: &str) -> String {
    told_of(address, &delivery(address, body))
}

/// The same from a sender that the configuration names.
pub(crate) fn told_from(address: &Address, sender: Sender, body: &str) -> String {
    let mut delivery = delivery(address, body);
    delivery.sender = Arc::new(sender);
    told_of(address, &delivery)
}

fn told_of(address: &Address, delivery: &Delivery) -> String {
    let mut told = String::new();
    match (address.decode)(delivery) {
        Ok(parts) => parts.into_iter().for_each(|part| tell(part, &mut told)),
        Err(malformed) => writeln!(told, "malformed: {}", malformed.reason).unwrap(),
    }
    told
}

fn tell(part: Part, told: &mut String) {
    match part {
        Part::Notice(notice) => writeln!(told, "notice: {notice}").unwrap(),
        Part::Ignored(reason) => writeln!(told, "ignored: {reason}").unwrap(),
        Part::Asked(answer) => writeln!(told, "asked: {answer}").unwrap(),
        Part::Unknown(unknown) => {
            let body = String::from_utf8(unknown.body).unwrap();
            let headers = unknown.headers;
            writeln!(told, "unknown: {}\n  {body} {headers:?}", unknown.reason).unwrap();
        }
        Part::Rejected(problems) => {
            for (field, reason) in problems.told {
                writeln!(told, "rejected: {field} {reason}").unwrap();
            }
        }
        Part::Events(events) => {
            for event in events {
                let mut payload = Vec::new();
                event.event.encode_payload(&mut payload);
                let payload: Value = serde_json::from_slice(&payload).unwrap();
                let (tag, at) = (event.event.tag().0, event.occurred.at());
                let how = match event.occurred {
                    model::Occurred::Stated(_) => "stated",
                    model::Occurred::Received(_) => "received",
                };
                writeln!(
                    told,
                    "{tag} {how} {at} by {:?} {:?}",
                    event.actor.kind, event.actor.name
                )
                .unwrap();
                writeln!(told, "  as {}", event.id).unwrap();
                for (name, value) in payload.as_object().unwrap() {
                    writeln!(told, "  {name}: {value}").unwrap();
                }
            }
        }
    }
}

/// A file of `testdata`.
pub(crate) fn sample(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name);
    std::fs::read_to_string(&path).unwrap()
}

/// Compares what samples become with a golden file in `testdata`; `EPICENTER_GOLDEN=write` writes it anew.
pub(crate) fn assert_golden(golden: &str, samples: &[(&Address, &str)]) {
    let mut found = String::new();
    for (address, name) in samples {
        writeln!(found, "== {name}\n{}", told(address, &sample(name))).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(golden);
    if std::env::var("EPICENTER_GOLDEN").as_deref() == Ok("write") {
        std::fs::write(&path, &found).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(found, golden, "{}", path.display());
}

/// No bytes and no sample with one value exchanged makes an address fall over.
pub(crate) fn nothing_makes_it_fall_over(address: &Address, sample: &str) {
    let sample: Value = serde_json::from_str(sample).unwrap();
    let steps = prop::collection::vec(any::<u8>(), 1..7);
    let input = (
        prop::collection::vec(any::<u8>(), 0..200),
        steps,
        any_json(),
    );
    let mut runner = proptest::test_runner::TestRunner::default();
    let outcome = runner.run(&input, |(bytes, steps, value)| {
        let mut raw = delivery(address, "");
        raw.body = bytes;
        let _refused = (address.decode)(&raw);
        told(address, &value.to_string());
        let mut mutated = sample.clone();
        put(&mut mutated, &steps, value);
        told(address, &mutated.to_string());
        Ok(())
    });
    outcome.unwrap();
}
