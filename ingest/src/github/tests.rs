use model::{ChangeStatus, Event};

use super::*;
use crate::decoded::Part;
use crate::webhook::shown::{
    bears_anything, delivery, golden, hex_hmac, in_environment, proved, shown,
};

const DEPLOYMENT: &str = include_str!("../../testdata/github/deployment.created.json");
const STATUS: &str = include_str!("../../testdata/github/deployment_status.created.json");
const RELEASE: &str = include_str!("../../testdata/github/release.published.json");
const PUSH: &str = include_str!("../../testdata/github/push.json");
const PULL_REQUEST: &str = include_str!("../../testdata/github/pull_request.closed.json");
const RUN: &str = include_str!("../../testdata/github/workflow_run.completed.json");

fn headers(event: &str) -> [(&str, &str); 2] {
    [
        ("x-github-event", event),
        ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
    ]
}

fn told(event: &str, body: &str) -> String {
    shown(ADDRESS.decode, &delivery("github", &headers(event), body))
}

/// The payload with other words in it.
fn with(body: &str, changes: &[(&str, &str)]) -> String {
    let mut body = body.to_owned();
    for (from, to) in changes {
        assert!(body.contains(from), "{from}");
        body = body.replacen(from, to, 1);
    }
    body
}

#[test]
fn published_payloads_become_changes() {
    let mut all = String::new();
    for (event, body) in [
        ("deployment", DEPLOYMENT),
        ("deployment_status", STATUS),
        ("release", RELEASE),
        ("push", PUSH),
        ("pull_request", PULL_REQUEST),
        ("workflow_run", RUN),
    ] {
        all.push_str(&format!("== {event}\n{}", told(event, body)));
    }
    golden("github", "published", &all);
}

#[test]
fn code_that_landed_is_a_change_of_its_repository() {
    let sha = "\"after\": \"6d96270004515a0486bb7f76196a72b40c55a47f\"";
    let pushed = with(
        PUSH,
        &[
            ("refs/tags/simple-tag", "refs/heads/master"),
            (
                "\"after\": \"0000000000000000000000000000000000000000\"",
                sha,
            ),
            ("\"deleted\": true", "\"deleted\": false"),
            (
                "\"head_commit\": null",
                "\"head_commit\": {\"message\": \"Pay in euros\\n\\nand cents\"}",
            ),
        ],
    );
    let merged = with(
        PULL_REQUEST,
        &[
            ("\"merged\": false", "\"merged\": true"),
            (
                "\"merged_at\": null",
                "\"merged_at\": \"2019-05-15T15:21:18Z\"",
            ),
            (
                "c4295bd74fb0f4fda03689c3df3f2803b658fd85",
                "6d96270004515a0486bb7f76196a72b40c55a47f",
            ),
        ],
    );
    let both = format!("{}{}", told("push", &pushed), told("pull_request", &merged));
    golden("github", "landed", &both);
}

#[test]
fn an_open_pull_request_is_planned_if_a_label_names_an_item() {
    let opened = with(
        PULL_REQUEST,
        &[
            ("\"action\": \"closed\"", "\"action\": \"opened\""),
            ("\"name\": \"bug\"", "\"name\": \"service:checkout\""),
        ],
    );
    golden("github", "planned", &told("pull_request", &opened));
    let closed = with(
        PULL_REQUEST,
        &[("\"name\": \"bug\"", "\"name\": \"service:checkout\"")],
    );
    assert!(told("pull_request", &closed).contains("status: \"cancelled\""));
    assert!(told("pull_request", PULL_REQUEST).starts_with("ignored: "));
}

#[test]
fn a_deployment_may_name_what_it_deploys() {
    let named = |payload: &str| {
        let body = with(
            DEPLOYMENT,
            &[("\"payload\": {}", &format!("\"payload\": {payload}"))],
        );
        let told = told("deployment", &body);
        let line = told.lines().find(|line| line.starts_with("  targets"));
        line.unwrap().to_owned()
    };
    assert_eq!(
        named(r#"{"service": "checkout"}"#),
        r#"  targets: [{"environment":"production","kind":"service","name":"checkout"}]"#
    );
    assert_eq!(
        named(r#"{"targets": ["database:prod/orders"], "services": ["a"]}"#),
        r#"  targets: ["database:prod/orders",{"environment":"production","kind":"service","name":"a"}]"#
    );
    assert_eq!(
        named(r#""{\"app\": \"web\"}""#),
        r#"  targets: [{"environment":"production","kind":"service","name":"web"}]"#
    );
}

/// The statement of each delivery about the change itself, with its time.
fn statements(
    deliveries: &[(&str, &str)],
) -> Vec<(model::Timestamp, model::EventId, model::Change)> {
    let mut said = Vec::new();
    for (event, body) in deliveries {
        let delivery = delivery("github", &headers(event), body);
        for part in (ADDRESS.decode)(&delivery).unwrap() {
            let Part::Events(events) = part else {
                panic!("{part:?}")
            };
            for event in events {
                if let Event::ChangeRecorded(change) = event.event {
                    said.push((event.occurred.at(), event.id, *change));
                }
            }
        }
    }
    said
}

#[test]
fn a_deployment_and_its_statuses_are_one_change_and_its_beginning_is_told_once() {
    let said = statements(&[("deployment_status", STATUS), ("deployment", DEPLOYMENT)]);
    let ids: Vec<&str> = said
        .iter()
        .map(|(_, _, it)| it.source_id.as_str())
        .collect();
    assert_eq!(ids, ["Codertocat/Hello-World/deployments/145988746"; 3]);
    let (repeated, begun) = (&said[0], &said[2]);
    assert_eq!(repeated, begun);
    assert_eq!(repeated.2.status, Some(ChangeStatus::Running));
    assert!(repeated.0 < said[1].0);
    assert_eq!(said[1].2.status, Some(ChangeStatus::Succeeded));
}

#[test]
fn a_run_of_a_workflow_that_deploys_is_a_change_and_a_rerun_another() {
    let body = RUN.replace("\"name\": \"test\"", "\"name\": \"Deploy\"");
    let delivery = delivery("github", &headers("workflow_run"), &body);
    let run = shown(ADDRESS.decode, &in_environment(delivery, "prod"));
    golden("github", "run", &run);
    let again = body.replace("\"run_attempt\": 1", "\"run_attempt\": 2");
    assert!(told("workflow_run", &again).contains("runs/289782451/attempts/2"));
    let tried = body.replace(
        "\"event\": \"repository_dispatch\"",
        "\"event\": \"pull_request\"",
    );
    assert!(told("workflow_run", &tried).starts_with("ignored: "));
}

#[test]
fn what_says_nothing_is_passed_over_and_what_lacks_its_name_is_kept() {
    for event in ["ping", "star", "issue_comment", "check_run"] {
        assert!(told(event, "{\"zen\":\"Keep it logically awesome.\"}").starts_with("ignored: "));
    }
    let without = shown(ADDRESS.decode, &delivery("github", &[], DEPLOYMENT));
    assert_eq!(
        without,
        "kept aside: the header X-GitHub-Event, which says what it is, is missing\n"
    );
    insta::assert_snapshot!(told("deployment", "{\"action\":\"created\"}"), @r"
    kept aside: repository.html_url is required
      with x-github-event: deployment
      with x-github-delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958
    ");
}

#[test]
fn a_body_is_proved_by_its_signature_only() {
    let proof = |signature: &str| {
        let signed = [
            ("x-github-event", "push"),
            ("x-hub-signature-256", signature),
        ];
        proved(&ADDRESS, "s3cret", &delivery("github", &signed, PUSH))
    };
    assert_eq!(
        proof(&format!("sha256={}", hex_hmac("s3cret", PUSH))),
        "proved"
    );
    assert_eq!(
        proof(&format!("sha256={}", hex_hmac("other", PUSH))),
        "the proof in the header x-hub-signature-256 does not fit the body"
    );
    let unsigned = delivery("github", &headers("push"), PUSH);
    assert_eq!(
        proved(&ADDRESS, "s3cret", &unsigned),
        "the request carries no proof of its sender; expected the header x-hub-signature-256"
    );
}

#[test]
fn nothing_makes_it_fall_over() {
    for (event, body) in [
        ("deployment", DEPLOYMENT),
        ("deployment_status", STATUS),
        ("release", RELEASE),
        ("push", PUSH),
        ("pull_request", PULL_REQUEST),
        ("workflow_run", RUN),
    ] {
        bears_anything(ADDRESS.decode, &headers(event), &[body]);
    }
}
