use super::*;
use crate::webhook::shown::{bears_anything, delivery, golden, in_environment, proved, shown};

const WRITTEN: &str = include_str!("../../testdata/argocd/webhook-body.written-here.json");
const TEMPLATE: &str = include_str!("../../testdata/argocd/template.from-specification.json");

fn told(body: &str) -> String {
    let delivery = delivery("argocd", &[], body);
    shown(ADDRESS.decode, &in_environment(delivery, "staging"))
}

#[test]
fn a_synchronisation_becomes_a_change_of_the_workloads() {
    let all = format!("{}==\n{}", told(WRITTEN), told(TEMPLATE));
    assert!(!all.contains("hunter2"));
    golden("argocd", "synchronised", &all);
}

#[test]
fn every_phase_speaks_of_one_change() {
    for (phase, status) in [
        ("Running", "running"),
        ("Failed", "failed"),
        ("Error", "failed"),
    ] {
        let told = told(&TEMPLATE.replace("\"Succeeded\"", &format!("\"{phase}\"")));
        assert!(
            told.contains("sourceId: \"argocd/shop/2026-11-20T10:00:00Z\""),
            "{told}"
        );
        assert!(told.contains(&format!("status: \"{status}\"")), "{told}");
    }
}

#[test]
fn an_application_without_a_synchronisation_says_nothing() {
    let body = r#"{"app":{"metadata":{"name":"a"},"status":{}}}"#;
    assert_eq!(
        told(body),
        "ignored: an application that was never synchronised\n"
    );
    assert_eq!(told("{}"), "kept aside: metadata.name is required\n");
    let by_hand = r#"{"metadata":{"name":"a"},"status":{"operationState":{"phase":"Succeeded"}}}"#;
    assert_eq!(
        told(by_hand),
        "kept aside: app.status.operationState.startedAt is required\n"
    );
}

#[test]
fn a_token_proves_a_body() {
    let with =
        |headers: &[(&str, &str)]| proved(&ADDRESS, "s3cret", &delivery("argocd", headers, "{}"));
    assert_eq!(with(&[("authorization", "Bearer s3cret")]), "proved");
    assert_ne!(with(&[("authorization", "Bearer other")]), "proved");
    assert_ne!(with(&[]), "proved");
}

#[test]
fn nothing_makes_it_fall_over() {
    bears_anything(ADDRESS.decode, &[], &[WRITTEN, TEMPLATE]);
}
