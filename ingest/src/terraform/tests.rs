use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::intake::MediaType;
use crate::mutate::{any_json, put};
use crate::told::testing;

const RUN: &str = include_str!("../../testdata/terraform/run.from-specification.json");
const LOG: &str = include_str!("../../testdata/terraform/apply.from-specification.jsonl");
const PLAN: &str = include_str!("../../testdata/terraform/orders.written-here.plan.json");

fn told(body: &str) -> String {
    testing::told(&ADDRESS, body)
}

fn log(body: &str) -> String {
    let delivery = Delivery {
        media: MediaType::parse("application/x-ndjson"),
        ..testing::delivery(FORMAT, &[], body)
    };
    testing::shown(decode(&delivery).unwrap())
}

/// The same run at another step.
fn step(trigger: &str, status: &str) -> String {
    let mut run: Value = serde_json::from_str(RUN).unwrap();
    run["notifications"] = json!([{ "trigger": trigger, "run_status": status, "run_updated_at": "2026-11-20T10:05:00Z" }]);
    let told = told(&run.to_string());
    let status = told.lines().find(|line| line.starts_with("  status"));
    status.unwrap_or(&told).trim().to_owned()
}

#[test]
fn a_run_that_applies_is_a_change_under_way() {
    testing::golden("terraform", "run.golden", &told(RUN));
}

#[test]
fn each_step_of_a_run_says_where_it_stands() {
    let shown = [
        ("run:created", "pending"),
        ("run:planning", "planning"),
        ("run:needs_attention", "planned"),
        ("run:applying", "applying"),
        ("run:completed", "applied"),
        ("run:completed", "planned_and_finished"),
        ("run:errored", "errored"),
        ("run:errored", "canceled"),
        ("verification", ""),
        ("assessment:drifted", ""),
    ]
    .map(|(trigger, status)| format!("{trigger} {status}: {}", step(trigger, status)));
    insta::assert_snapshot!(shown.join("\n"), @r#"
    run:created pending: status: "planned"
    run:planning planning: status: "planned"
    run:needs_attention planned: status: "planned"
    run:applying applying: status: "running"
    run:completed applied: status: "succeeded"
    run:completed planned_and_finished: status: "cancelled"
    run:errored errored: status: "failed"
    run:errored canceled: status: "cancelled"
    verification : ignored: a test of the address
    assessment:drifted : ignored: a notification that is of no run
    "#);
}

#[test]
fn a_log_of_an_apply_is_one_change_however_much_of_it_is_there() {
    testing::golden("terraform", "apply.golden", &log(LOG));
    let until_half: String = LOG
        .lines()
        .take(4)
        .map(|line| format!("{line}\n"))
        .collect();
    let half = log(&until_half);
    let id = |told: &str| {
        told.lines()
            .find(|line| line.contains("sourceId"))
            .unwrap()
            .to_owned()
    };
    assert_eq!(id(&half), id(&log(LOG)));
    assert!(half.contains("status: \"running\""), "{half}");
}

#[test]
fn a_diagnostic_of_an_error_fails_the_apply() {
    let error = r#"{"@level":"error","@message":"planted","@module":"terraform.ui","@timestamp":"2026-11-20T10:09:00Z","type":"diagnostic","diagnostic":{"severity":"error","summary":"planted"}}"#;
    let told = log(&format!("{LOG}{error}\n"));
    assert!(
        told.contains("status: \"failed\"") && !told.contains("planted"),
        "{told}"
    );
}

#[test]
fn a_plan_is_a_planned_change_without_its_secrets() {
    let told = told(PLAN);
    assert!(
        told.contains("status: \"planned\"") && !told.contains("planted"),
        "{told}"
    );
}

#[test]
fn a_notification_is_proved_by_its_signature() {
    // printf %s '{}' | openssl dgst -sha512 -hmac planted
    let signature = SIGNATURE;
    let header = "x-tfe-notification-signature";
    assert!(testing::proved(&ADDRESS, Some((header, signature)), "{}"));
    assert!(!testing::proved(&ADDRESS, Some((header, signature)), "{} "));
    assert!(!testing::proved(&ADDRESS, None, "{}"));
    assert!(testing::proved(
        &ADDRESS,
        Some(("authorization", "Bearer planted")),
        "{}"
    ));
}

const SIGNATURE: &str = "c0ff010e8e453fa490c57788f98fe11e9b1b359557efc77a04983de5bdde290835da7d535bcac832f7072a0a5727a817474c24f9e1d5fe4a03f639c772a1d596";

#[test]
fn what_is_neither_goes_to_the_quarantine() {
    assert!(told("{}").starts_with("kept aside: "));
    assert!(log("{}").starts_with("kept aside: "));
    assert!(decode(&testing::delivery(FORMAT, &[], "{")).is_err());
}

proptest! {
    #[test]
    fn nothing_makes_it_fall_over(
        bytes in ".{0,200}",
        steps in prop::collection::vec(any::<u8>(), 1..6),
        value in any_json(),
    ) {
        let _refused = decode(&testing::delivery(FORMAT, &[], &bytes));
        for good in [RUN, PLAN] {
            let mut body: Value = serde_json::from_str(good).unwrap();
            put(&mut body, &steps, value.clone());
            let _malformed = decode(&testing::delivery(FORMAT, &[], &body.to_string()));
        }
        let mut lines: Vec<Value> = LOG.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let at = usize::from(steps[0]) % lines.len();
        put(&mut lines[at], &steps, value);
        let body: Vec<String> = lines.iter().map(Value::to_string).collect();
        log(&body.join("\n"));
    }
}
