use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::mutate::{any_json, put};
use crate::told::testing;

const INFO: &str = include_str!("../../testdata/flyway/info.from-specification.json");

fn told(body: &str) -> String {
    testing::told(&ADDRESS, body)
}

/// The id and the status of every change.
fn changes(body: &Value) -> String {
    let told = told(&body.to_string());
    let kept = told
        .lines()
        .filter(|line| line.contains("sourceId") || line.contains("status"));
    kept.map(str::trim).collect::<Vec<_>>().join("\n")
}

fn row(rank: u32, success: bool, at: &str) -> Value {
    json!({ "INSTALLED_RANK": rank, "VERSION": "2", "DESCRIPTION": "add index", "TYPE": "SQL", "SCRIPT": "V2__add_index.sql",
        "INSTALLED_BY": "migrator", "INSTALLED_ON": at, "EXECUTION_TIME": 12, "SUCCESS": success })
}

#[test]
fn a_report_tells_what_ran_what_failed_and_what_is_to_run() {
    testing::golden("flyway", "info.golden", &told(INFO));
}

#[test]
fn a_try_that_failed_and_the_next_one_are_one_change() {
    let body = json!({
        "url": "jdbc:postgresql://migrator:planted@db.example:5432/orders?ssl=true",
        "schemaHistory": [row(2, false, "2026-11-20 10:00:00.5"), row(2, true, "2026-11-20 11:00:00")],
    });
    assert_eq!(
        changes(&body),
        "sourceId: \"orders/V2\"\nstatus: \"failed\"\nsourceId: \"orders/V2\"\nstatus: \"succeeded\""
    );
    let said = told(&body.to_string());
    assert!(
        said.contains("database:prod/orders@db.example") && !said.contains("planted"),
        "{said}"
    );
}

#[test]
fn what_repeats_is_another_change_each_time() {
    let again = |at: &str| json!({ "database": "orders", "version": null, "description": "views", "type": "SQL", "script": "R__views.sql", "installed_on": at, "success": 1 });
    let ids = ["2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z"].map(|at| changes(&again(at)));
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn what_migrate_did_is_done_when_it_says_so() {
    let migrated = json!({ "operation": "migrate", "database": "orders", "schemaName": "", "success": true, "timestamp": "2026-11-20T10:00:00Z",
        "migrations": [{ "category": "Versioned", "version": "4", "description": "x", "type": "SQL", "filepath": "V4__x.sql", "executionTime": 7 }] });
    assert_eq!(
        changes(&migrated),
        "sourceId: \"orders/V4\"\nstatus: \"succeeded\""
    );
    let failed = json!({ "database": "orders", "error": { "errorCode": "ERROR", "message": "Unable to connect with password=planted" } });
    assert!(changes(&failed).ends_with("status: \"failed\""));
    assert!(!told(&failed.to_string()).contains("planted"));
}

#[test]
fn what_is_neither_goes_to_the_quarantine() {
    assert!(told("{}").starts_with("kept aside: "));
    assert!(told(r#"{"migrations":[]}"#).starts_with("ignored: "));
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
        let rows = json!({ "url": "jdbc:x://y/z", "schemaHistory": [row(1, true, "2026-11-20 10:00:00")] });
        for good in [serde_json::from_str(INFO).unwrap(), rows] {
            let mut body = good;
            put(&mut body, &steps, value.clone());
            let _malformed = decode(&testing::delivery(FORMAT, &[], &body.to_string()));
        }
    }
}
