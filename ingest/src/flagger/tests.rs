use serde_json::Value;

use super::*;
use crate::webhook::shown::{bears_anything, delivery, golden, in_environment, proved, shown};

const EVENTS: &str = include_str!("../../testdata/flagger/events.from-specification.json");

fn events() -> Vec<String> {
    let events: Vec<Value> = serde_json::from_str(EVENTS).unwrap();
    events.iter().map(Value::to_string).collect()
}

fn told(body: &str) -> String {
    let delivery = delivery("flagger", &[], body);
    shown(ADDRESS.decode, &in_environment(delivery, "prod"))
}

#[test]
fn every_weight_of_a_canary_is_a_batch_of_one_change() {
    let all: Vec<String> = events().iter().map(|event| told(event)).collect();
    golden("flagger", "events", &all.join("==\n"));
}

#[test]
fn a_phase_nobody_knows_is_kept() {
    let odd = events().remove(1).replace("Progressing", "Odd");
    assert_eq!(
        told(&odd),
        "kept aside: phase \"Odd\" has no meaning here\n"
    );
    let without = events().remove(1).replace("checksum", "other");
    assert_eq!(told(&without), "kept aside: checksum is required\n");
}

#[test]
fn a_token_proves_a_body() {
    let with =
        |headers: &[(&str, &str)]| proved(&ADDRESS, "s3cret", &delivery("flagger", headers, "{}"));
    assert_eq!(with(&[("authorization", "Basic eDpzM2NyZXQ=")]), "proved");
    assert_ne!(with(&[("authorization", "Bearer other")]), "proved");
    assert_ne!(with(&[]), "proved");
}

#[test]
fn nothing_makes_it_fall_over() {
    let bodies = events();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    bears_anything(ADDRESS.decode, &[], &bodies);
}
