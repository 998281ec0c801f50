use super::*;
use crate::webhook::shown::{bears_anything, delivery, golden, in_environment, proved, shown};

const PAUSED: &str = include_str!("../../testdata/argo-rollouts/paused.from-specification.json");

fn told(body: &str) -> String {
    let delivery = delivery("argo-rollouts", &[], body);
    shown(ADDRESS.decode, &in_environment(delivery, "prod"))
}

#[test]
fn steps_that_set_a_weight_are_batches_by_traffic() {
    let next = PAUSED.replace("\"currentStepIndex\": 1", "\"currentStepIndex\": 3");
    let aborted = next
        .replace(
            "\"abort\": false",
            "\"abort\": true, \"abortedAt\": \"2026-11-20T10:20:00Z\"",
        )
        .replace("\"Paused\"", "\"Degraded\"");
    let done = PAUSED
        .replace("\"Paused\"", "\"Healthy\"")
        .replace("\"False\"", "\"True\"");
    let all: Vec<String> = [PAUSED, &next, &aborted, &done]
        .into_iter()
        .map(told)
        .collect();
    golden("argo-rollouts", "steps", &all.join("==\n"));
}

#[test]
fn a_rollout_without_a_revision_is_kept() {
    let without = PAUSED
        .replace("rollout.argoproj.io/revision", "other")
        .replace("currentPodHash", "other");
    assert!(told(&without).starts_with("kept aside: rollout.metadata.annotations"));
    let odd = PAUSED.replace("\"Paused\"", "\"Odd\"");
    assert!(told(&odd).starts_with("kept aside: rollout.status.phase \"Odd\""));
}

#[test]
fn a_token_proves_a_body() {
    let with = |headers: &[(&str, &str)]| {
        proved(
            &ADDRESS,
            "s3cret",
            &delivery("argo-rollouts", headers, "{}"),
        )
    };
    assert_eq!(with(&[("authorization", "Bearer s3cret")]), "proved");
    assert_ne!(with(&[("authorization", "Bearer other")]), "proved");
    assert_ne!(with(&[]), "proved");
}

#[test]
fn nothing_makes_it_fall_over() {
    bears_anything(ADDRESS.decode, &[], &[PAUSED]);
}
