//! What a decoder makes of a body, as text for tests: one line a field.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use serde_json::Value;
use sha2::Sha256;

use crate::decoded::{Malformed, Part};
use crate::intake::{Address, Delivery, MediaType};
use crate::mutate::{any_json, put};
use crate::proof::Claimed;
use crate::sender::{Secret, Sender};

/// How a decoder is called.
pub(crate) type Decode = fn(&Delivery) -> Result<Vec<Part>, Malformed>;

/// A body with these headers, from a sender without an entry in the configuration.
pub(crate) fn delivery(form: &str, headers: &[(&str, &str)], body: &str) -> Delivery {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        map.insert(name, HeaderValue::try_from(*value).unwrap());
    }
    Delivery {
        headers: map,
        media: MediaType::parse("application/json"),
        body: body.as_bytes().to_vec(),
        received_at: "2026-11-20T12:00:00Z".parse().unwrap(),
        sender: Arc::new(Sender::unnamed(form)),
    }
}

/// The same, in an environment that the configuration gives.
pub(crate) fn in_environment(mut delivery: Delivery, environment: &str) -> Delivery {
    let mut sender = Sender::unnamed(&delivery.sender.form);
    sender.environment = Some(environment.to_owned());
    delivery.sender = Arc::new(sender);
    delivery
}

/// Everything a body says.
pub(crate) fn shown(decode: Decode, delivery: &Delivery) -> String {
    let mut text = String::new();
    let parts = match decode(delivery) {
        Ok(parts) => parts,
        Err(malformed) => return format!("malformed: {}\n", malformed.reason),
    };
    for part in parts {
        match part {
            Part::Events(events) => events.iter().for_each(|event| show(event, &mut text)),
            Part::Rejected(problems) => writeln!(text, "rejected: {:?}", problems.told).unwrap(),
            Part::Asked(answer) => writeln!(text, "answered: {answer}").unwrap(),
            Part::Ignored(reason) => writeln!(text, "ignored: {reason}").unwrap(),
            Part::Notice(notice) => writeln!(text, "notice: {notice}").unwrap(),
            Part::Unknown(unknown) => {
                writeln!(text, "kept aside: {}", unknown.reason).unwrap();
                for (name, value) in unknown.headers {
                    writeln!(text, "  with {name}: {value}").unwrap();
                }
            }
        }
    }
    text
}

fn show(event: &model::NewEvent, text: &mut String) {
    let mut payload = Vec::new();
    event.event.encode_payload(&mut payload);
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    let moment = match event.occurred {
        model::Occurred::Stated(at) => format!("at {at}"),
        model::Occurred::Received(_) => "when it came".to_owned(),
    };
    let name = event.actor.name.as_deref().unwrap_or("nobody named");
    let is_hash = event.id.delivery.starts_with("sha_");
    let id = if is_hash {
        "its content"
    } else {
        &event.id.delivery
    };
    writeln!(
        text,
        "{} {moment}, by {name} ({:?}), named by {id}",
        event.event.tag().0,
        event.actor.kind
    )
    .unwrap();
    for (name, value) in payload.as_object().unwrap() {
        writeln!(text, "  {name}: {value}").unwrap();
    }
}

/// Whether a request proves itself to an address by this secret, in words.
pub(crate) fn proved(address: &Address, secret: &str, delivery: &Delivery) -> String {
    let claimed = Claimed {
        headers: &delivery.headers,
        body: &delivery.body,
        received_at: delivery.received_at,
    };
    let secrets: Vec<Secret> = Secret::new(secret.as_bytes()).into_iter().collect();
    match address.proof.check(&claimed, &secrets) {
        Ok(()) => "proved".to_owned(),
        Err(unproven) => unproven.to_string(),
    }
}

/// The HMAC-SHA256 of a text in hex.
pub(crate) fn hex_hmac(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares with the golden file of a form in `testdata`.
pub(crate) fn golden(form: &str, name: &str, told: &str) {
    insta::with_settings!({
        snapshot_path => format!("../../testdata/{form}"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, told) });
}

/// Puts any JSON anywhere into good bodies: a decoder must bear it, and what it says stays within the bounds.
pub(crate) fn bears_anything(decode: Decode, headers: &[(&str, &str)], bodies: &[&str]) {
    let good: Vec<Value> = bodies
        .iter()
        .map(|body| serde_json::from_str(body).unwrap())
        .collect();
    let strategy = (
        0..good.len(),
        prop::collection::vec(any::<u8>(), 0..6),
        any_json(),
    );
    proptest!(ProptestConfig::with_cases(testkit::cases(128)), |((which, steps, value) in strategy)| {
        let mut body = good[which].clone();
        put(&mut body, &steps, value);
        let delivery = delivery("any", headers, &body.to_string());
        for part in decode(&delivery).unwrap() {
            if let Part::Events(events) = part {
                for event in events {
                    let mut payload = Vec::new();
                    event.event.encode_payload(&mut payload);
                    let name = event.event.tag().0;
                    prop_assert!(model::Event::decode_payload(name, &payload).is_ok());
                    prop_assert!(event.id.delivery.len() <= 2 * model::bounds::SOURCE_ID_BYTES);
                }
            }
        }
    });
    let broken = delivery("any", headers, "{");
    assert!(decode(&broken).is_err());
}
