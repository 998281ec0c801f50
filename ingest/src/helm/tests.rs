use serde_json::Value;

use super::*;
use crate::webhook::shown::{bears_anything, delivery, golden, in_environment, proved, shown};

const PRINTED: &str = include_str!("../../testdata/helm/printed.from-specification.json");

fn printed() -> Vec<String> {
    let printed: Vec<Value> = serde_json::from_str(PRINTED).unwrap();
    printed.iter().map(Value::to_string).collect()
}

fn told(body: &str) -> String {
    let delivery = delivery("helm", &[], body);
    shown(ADDRESS.decode, &in_environment(delivery, "prod"))
}

#[test]
fn every_form_that_helm_prints_speaks_of_revisions() {
    let all: Vec<String> = printed().iter().map(|body| told(body)).collect();
    let all = all.join("==\n");
    assert!(!all.contains("hunter2") && !all.contains("aHVudGVyMg"));
    golden("helm", "printed", &all);
}

#[test]
fn a_chart_is_told_from_its_version() {
    let read = |written: &str| {
        let value = serde_json::json!({"chart": written});
        let (name, version) = chart(Said(&value));
        format!(
            "{} {}",
            name.unwrap_or_default(),
            version.unwrap_or_default()
        )
    };
    assert_eq!(read("ingress-nginx-4.11.3"), "ingress-nginx 4.11.3");
    assert_eq!(read("k8s-1password-2.0.0-rc.1"), "k8s 1password-2.0.0-rc.1");
    assert_eq!(read("plain"), "plain ");
}

#[test]
fn what_names_no_release_is_kept() {
    assert_eq!(told("{}"), "kept aside: name is required\n");
    assert_eq!(
        told(r#"{"name":"a","namespace":"b","revision":1,"status":"odd"}"#),
        "kept aside: status \"odd\" has no meaning here\n"
    );
}

#[test]
fn a_token_proves_a_body() {
    let with =
        |headers: &[(&str, &str)]| proved(&ADDRESS, "s3cret", &delivery("helm", headers, "{}"));
    assert_eq!(with(&[("authorization", "Bearer s3cret")]), "proved");
    assert_ne!(with(&[]), "proved");
}

#[test]
fn nothing_makes_it_fall_over() {
    let bodies = printed();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    bears_anything(ADDRESS.decode, &[], &bodies);
}
