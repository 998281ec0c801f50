use serde_json::Value;

use super::*;
use crate::webhook::shown::{bears_anything, delivery, golden, proved, shown};

const RUNNING: &str = include_str!("../../testdata/gitlab/deployment.running.json");
const EVENTS: &str = include_str!("../../testdata/gitlab/events.from-specification.json");
const HEADERS: [(&str, &str); 1] = [("idempotency-key", "13792a34-cac6-4fda-95a8-c58e00a3954e")];

fn events() -> Vec<String> {
    let events: Vec<Value> = serde_json::from_str(EVENTS).unwrap();
    events.iter().map(Value::to_string).collect()
}

fn told(body: &str) -> String {
    shown(ADDRESS.decode, &delivery("gitlab", &HEADERS, body))
}

#[test]
fn payloads_become_changes() {
    let mut all = told(RUNNING);
    for event in events() {
        all.push_str("==\n");
        all.push_str(&told(&event));
    }
    assert!(!all.contains("hunter2"));
    golden("gitlab", "events", &all);
}

#[test]
fn every_status_of_a_deployment_speaks_of_one_change() {
    let done = events().remove(0);
    for (state, status) in [
        ("created", "planned"),
        ("running", "running"),
        ("failed", "failed"),
        ("canceled", "cancelled"),
    ] {
        let told = told(&done.replace("\"success\"", &format!("\"{state}\"")));
        assert!(
            told.contains("sourceId: \"shop/checkout/deployments/15\""),
            "{told}"
        );
        assert!(told.contains(&format!("status: \"{status}\"")), "{told}");
    }
    let odd = told(&done.replace("\"success\"", "\"paused\""));
    assert!(
        odd.starts_with("kept aside: status \"paused\" has no meaning here\n"),
        "{odd}"
    );
}

#[test]
fn what_is_not_told_of_the_default_branch_is_passed_over() {
    let push = events().remove(2);
    let elsewhere = told(&push.replace("refs/heads/main", "refs/heads/try"));
    assert!(elsewhere.starts_with("ignored: "), "{elsewhere}");
    assert!(told("{}").starts_with("kept aside: object_kind is required\n"));
}

#[test]
fn a_token_or_a_signature_proves_a_body_and_nothing_else_does() {
    let with = |headers: &[(&str, &str)], secret: &str| {
        proved(
            &ADDRESS,
            secret,
            &delivery("gitlab", headers, "{\"test\": 2432232314}"),
        )
    };
    assert_eq!(with(&[("x-gitlab-token", "s3cret")], "s3cret"), "proved");
    assert_eq!(
        with(&[("x-gitlab-token", "other")], "s3cret"),
        "the proof in the header x-gitlab-token does not fit the body"
    );
    assert_eq!(
        with(&[], "s3cret"),
        "the request carries no proof of its sender; expected the header x-gitlab-token"
    );
    let vectors = include_str!("../../testdata/standard-webhooks/vectors.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let part = |name: &str| vectors["vectors"][0][name].as_str().unwrap().to_owned();
    let signed = [
        ("webhook-id", part("webhook-id")),
        ("webhook-timestamp", part("webhook-timestamp")),
        ("webhook-signature", part("webhook-signature")),
    ];
    let signed: Vec<(&str, &str)> = signed
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    let mut signed = delivery("gitlab", &signed, &part("body"));
    signed.received_at = "2021-02-25T15:02:10Z".parse().unwrap();
    assert_eq!(proved(&ADDRESS, &part("secret"), &signed), "proved");
    signed.body.push(b' ');
    assert_eq!(
        proved(&ADDRESS, &part("secret"), &signed),
        "the proof in the header webhook-signature does not fit the body"
    );
}

#[test]
fn nothing_makes_it_fall_over() {
    let mut bodies = events();
    bodies.push(RUNNING.to_owned());
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    bears_anything(ADDRESS.decode, &HEADERS, &bodies);
}
