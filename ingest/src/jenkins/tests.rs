use serde_json::Value;

use super::*;
use crate::webhook::shown::{bears_anything, delivery, golden, in_environment, proved, shown};

const BUILDS: &str = include_str!("../../testdata/jenkins/builds.from-specification.json");

fn builds() -> Vec<String> {
    let builds: Vec<Value> = serde_json::from_str(BUILDS).unwrap();
    builds.iter().map(Value::to_string).collect()
}

fn told(body: &str) -> String {
    let delivery = delivery("jenkins", &[], body);
    shown(ADDRESS.decode, &in_environment(delivery, "staging"))
}

#[test]
fn a_build_that_deploys_is_one_change_whichever_plugin_tells() {
    let all: Vec<String> = builds().iter().map(|body| told(body)).collect();
    let all = all.join("==\n");
    assert!(!all.contains("hunter2"));
    golden("jenkins", "builds", &all);
}

#[test]
fn the_name_of_a_job_without_what_it_does_is_the_service() {
    for job in [
        "deploy-checkout",
        "checkout-deployment",
        "checkout_release",
        "deploy checkout pipeline",
    ] {
        assert_eq!(without_deploying(job), "checkout", "{job}");
    }
    assert_eq!(without_deploying("deploy"), "deploy");
}

#[test]
fn what_is_no_build_is_kept() {
    assert_eq!(told("{}"), "kept aside: type is required\n");
    let odd = builds().remove(0).replace("STARTED", "ODD");
    assert_eq!(
        told(&odd),
        "kept aside: build.phase \"ODD\" has no meaning here\n"
    );
}

#[test]
fn a_token_proves_a_body() {
    let with =
        |headers: &[(&str, &str)]| proved(&ADDRESS, "s3cret", &delivery("jenkins", headers, "{}"));
    assert_eq!(with(&[("authorization", "Bearer s3cret")]), "proved");
    assert_ne!(with(&[]), "proved");
}

#[test]
fn nothing_makes_it_fall_over() {
    let bodies = builds();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    bears_anything(ADDRESS.decode, &[], &bodies);
}
