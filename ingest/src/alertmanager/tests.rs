use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::mutate::{any_json, put};
use crate::trial::delivery;

const FIRING: &str = include_str!("../../testdata/alertmanager/firing.json");
const RESOLVED: &str = include_str!("../../testdata/alertmanager/resolved.json");

fn parts(body: &str) -> Vec<Part> {
    decode(&delivery(&ADDRESS, body), FORMAT).unwrap()
}

fn only_event(body: &str) -> NewEvent {
    match parts(body).pop() {
        Some(Part::Events(mut events)) => events.pop().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// One line a field.
fn told(event: &NewEvent) -> String {
    let mut payload = Vec::new();
    event.event.encode_payload(&mut payload);
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    let mut told = format!("{} {:?}\n", event.event.tag().0, event.occurred);
    for (name, value) in payload.as_object().unwrap() {
        writeln!(told, "{name}: {value}").unwrap();
    }
    told
}

/// A notification of one alert with these labels and annotations.
fn notification(labels: &str, annotations: &str, more: &str) -> String {
    format!(
        r#"{{"version":"4","alerts":[{{"status":"firing","labels":{labels},"annotations":{annotations},"startsAt":"2026-11-20T10:00:00Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"f1"}}]{more}}}"#
    )
}

#[test]
fn a_firing_alert_opens_an_incident() {
    insta::assert_snapshot!(told(&only_event(FIRING)), @r#"
    incident.opened Stated(Timestamp(1795171007632000000))
    description: "Runbook: https://example.org/rb"
    environment: "prod"
    items: [{"kind":"service","name":"checkout"}]
    link: "http://vm:14804/graph?g0.expr=up%7Bjob%3D%22checkout%22%7D+%3D%3D+0&g0.tab=1"
    severity: "critical"
    source: "alertmanager"
    sourceId: "10cbb78033023af3/2026-11-20T10:36:47.632Z"
    startedAt: "2026-11-20T10:36:47.632Z"
    status: "open"
    title: "checkout is down on 127.0.0.1:14899"
    "#);
}

#[test]
fn a_resolved_alert_ends_the_same_incident() {
    insta::assert_snapshot!(told(&only_event(RESOLVED)), @r#"
    incident.updated Stated(Timestamp(1795171014632000000))
    description: "Runbook: https://example.org/rb"
    environment: "prod"
    items: [{"kind":"service","name":"checkout"}]
    link: "http://vm:14804/graph?g0.expr=up%7Bjob%3D%22checkout%22%7D+%3D%3D+0&g0.tab=1"
    resolvedAt: "2026-11-20T10:36:54.632Z"
    severity: "critical"
    source: "alertmanager"
    sourceId: "10cbb78033023af3/2026-11-20T10:36:47.632Z"
    startedAt: "2026-11-20T10:36:47.632Z"
    status: "resolved"
    title: "checkout is down on 127.0.0.1:14899"
    "#);
    let (opened, ended) = (only_event(FIRING), only_event(RESOLVED));
    let (Event::IncidentOpened(opened), Event::IncidentUpdated(ended)) =
        (opened.event, ended.event)
    else {
        panic!("another event");
    };
    assert_eq!(opened.reference(), ended.reference());
}

#[test]
fn a_repeated_notification_is_the_same_event_and_other_words_are_another() {
    assert_eq!(only_event(FIRING), only_event(FIRING));
    let repeated = FIRING.replace("\"receiver\": \"cmdb\"", "\"receiver\": \"other\"");
    assert_eq!(only_event(FIRING).id, only_event(&repeated).id);
    let reworded = FIRING.replace("checkout is down on", "checkout is still down on");
    assert_ne!(only_event(FIRING).id, only_event(&reworded).id);
}

#[test]
fn the_next_firing_is_another_incident() {
    let later = FIRING.replace("2026-11-20T10:36:47.632Z", "2026-11-20T11:00:00Z");
    let reference = |body: &str| match only_event(body).event {
        Event::IncidentOpened(incident) => incident.reference(),
        other => panic!("{other:?}"),
    };
    assert_ne!(reference(FIRING), reference(&later));
}

#[test]
fn an_alert_without_an_item_is_still_an_incident_and_says_so() {
    let body = notification(r#"{"alertname":"Watchdog","severity":"none"}"#, "{}", "");
    insta::assert_snapshot!(told(&only_event(&body)), @r#"
    incident.opened Stated(Timestamp(1795168800000000000))
    description: "No label of this alert names an item: alertname, severity."
    severity: "none"
    source: "alertmanager"
    sourceId: "f1/2026-11-20T10:00:00Z"
    startedAt: "2026-11-20T10:00:00Z"
    status: "open"
    title: "Watchdog"
    "#);
}

#[test]
fn what_was_left_out_and_where_to_read_more_is_noted() {
    let annotations = r#"{"description":"too slow","runbook_url":"https://example.org/rb"}"#;
    let more = r#","truncatedAlerts":7,"groupLabels":{"alertname":"Slow"}"#;
    let body = notification(r#"{"alertname":"Slow","service":"a"}"#, annotations, more);
    insta::assert_snapshot!(told(&only_event(&body)), @r#"
    incident.opened Stated(Timestamp(1795168800000000000))
    description: "too slow\nRunbook: https://example.org/rb\n7 more alerts of the group (alertname=Slow) were left out by Alertmanager."
    items: [{"kind":"service","name":"a"}]
    source: "alertmanager"
    sourceId: "f1/2026-11-20T10:00:00Z"
    startedAt: "2026-11-20T10:00:00Z"
    status: "open"
    title: "Slow"
    "#);
}

#[test]
fn a_bad_alert_does_not_hide_a_good_one() {
    let good = r#"{"status":"firing","labels":{},"startsAt":"2026-11-20T10:00:00Z"}"#;
    let body = format!(
        r#"{{"alerts":[{good},7,{{"status":"pending","labels":[],"startsAt":"yesterday"}}]}}"#
    );
    let mut told = String::new();
    for part in parts(&body) {
        match part {
            Part::Events(events) => writeln!(told, "{} event", events.len()).unwrap(),
            Part::Rejected(problems) => writeln!(told, "{:?}", problems.told).unwrap(),
            Part::Unknown(unknown) => writeln!(told, "{}", unknown.reason).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    insta::assert_snapshot!(told, @r#"
    1 event
    [("alerts[1]", "expected an object, found a number")]
    [("alerts[2].status", "is not one of firing, resolved"), ("alerts[2].labels", "expected an object"), ("alerts[2].startsAt", "not an RFC 3339 time: \"yesterday\"")]
    "#);
}

#[test]
fn an_alert_too_large_for_an_event_does_not_hide_a_good_one() {
    let good = r#"{"status":"firing","labels":{},"startsAt":"2026-11-20T10:00:00Z"}"#;
    let padding = "x".repeat(bounds::EVENT_BYTES);
    let body = format!(r#"{{"alerts":[{good},{{"status":"firing","annotations":"{padding}"}}]}}"#);
    let parts = parts(&body);
    assert!(matches!(
        parts.as_slice(),
        [Part::Events(_), Part::Rejected(_)]
    ));
}

#[test]
fn what_is_no_notification_goes_to_the_quarantine() {
    for body in ["{}", "[]", "7", r#"{"alerts":{}}"#] {
        assert!(
            matches!(parts(body).as_slice(), [Part::Unknown(_)]),
            "{body}"
        );
    }
    assert!(decode(&delivery(&ADDRESS, "{"), FORMAT).is_err());
    assert!(parts(r#"{"alerts":[]}"#).is_empty());
}

proptest! {
    #[test]
    fn nothing_makes_it_fall_over(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        steps in prop::collection::vec(any::<u8>(), 1..5),
        value in any_json(),
    ) {
        let mut raw = delivery(&ADDRESS, "");
        raw.body = bytes;
        let _refused = decode(&raw, FORMAT);
        let mut notification: Value = serde_json::from_str(FIRING).unwrap();
        put(&mut notification, &steps, value);
        parts(&notification.to_string());
    }
}
