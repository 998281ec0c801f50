//! A calendar from a file closes the gate to a plan from a file: two commands and a real server.

#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::serving::{Serving, epicenter};

/// Payments needs checkout.
const ESTATE: &str = r#"{"id":"1","source":"cmdb","type":"relation.observed","time":"2026-11-20T10:00:00Z","data":{"dependent":"service:prod/payments","provider":"deployment:prod/shop/checkout","kind":"calls"}}
"#;

const HOLIDAYS: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//holidays//EN\r\n\
BEGIN:VEVENT\r\nUID:year-end\r\nDTSTAMP:20261101T000000Z\r\nSUMMARY:Year-end sale\r\n\
DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20270102\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

const MANIFEST: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout, namespace: shop}
spec: {replicas: 3}
";

fn run(serving: &Serving, arguments: &[&str]) -> Output {
    let server = ["--server", &serving.http];
    epicenter(&[arguments, &server].concat()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn written<'p>(path: &'p Path, content: &str) -> &'p str {
    fs::write(path, content).unwrap();
    path.to_str().unwrap()
}

#[test]
fn a_freeze_from_a_calendar_closes_the_gate_to_a_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Serving::over(&folder.path().join("data"));
    let [events, holidays, manifest] =
        ["estate.jsonl", "holidays.ics", "app.yaml"].map(|name| folder.path().join(name));
    let taken = run(&serving, &["import", "jsonl", written(&events, ESTATE)]);
    assert!(taken.status.success(), "{}", text(&taken.stderr));

    let holidays = written(&holidays, HOLIDAYS);
    let silent = run(&serving, &["import", "ical", holidays]);
    assert!(
        text(&silent.stderr).contains("--means"),
        "{}",
        text(&silent.stderr)
    );
    let freeze = ["--means", "freeze", "--item", "service:prod/payments"];
    let freeze = [&freeze[..], &["--reach", "depends-on", "--json"]].concat();
    let import = || {
        let output = run(
            &serving,
            &[&["import", "ical", holidays], &freeze[..]].concat(),
        );
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        (summary["accepted"].clone(), summary["rejected"].clone())
    };
    assert_eq!(import(), (1.into(), 0.into()));
    assert_eq!(import(), (0.into(), 0.into()), "the same feed again");

    let manifest = written(&manifest, MANIFEST);
    let preview = |from: &str, until: &str| {
        let when = ["--from", from, "--until", until];
        let asked = ["preview", manifest, "--environment", "prod", "--gate"];
        let output = run(&serving, &[&asked[..], &when].concat());
        (output.status.success(), text(&output.stdout))
    };
    let (is_open, said) = preview("2026-12-28T10:00:00Z", "2026-12-28T11:00:00Z");
    assert!(!is_open, "{said}");
    for line in [
        "deployment:prod/shop/checkout",
        "may not run at that time",
        "Year-end sale",
        "may run from 2027-01-02T00:00:00",
        "service:prod/payments",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
    let (is_open, said) = preview("2027-01-04T10:00:00Z", "2027-01-04T11:00:00Z");
    assert!(is_open, "{said}");
    assert!(said.contains("may run at that time"), "{said}");
    serving.signal("-TERM");
    assert!(serving.child.wait().unwrap().success());
}
