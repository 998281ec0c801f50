//! Calendars of other programs, taken and given, through the whole process.

use serde_json::{Value, json};
use server::config::{CalendarSettings, SenderSettings, Settings};

use crate::running::{Running, event, folder};

const TIME: &str = "2026-11-20T10:00:00Z";

/// A feed of events, each given as its lines.
fn feed(events: &[&str]) -> String {
    let events = events
        .iter()
        .map(|event| format!("BEGIN:VEVENT\n{event}\nEND:VEVENT\n"));
    let events: String = events.collect();
    format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//written here//EN\n{events}END:VCALENDAR\n")
        .replace('\n', "\r\n")
}

fn freezes() -> SenderSettings {
    let calendar = CalendarSettings {
        reach: model::RuleReach::DependsOn,
        time_zone: "Europe/Berlin".to_owned(),
        ..CalendarSettings::meaning_of(model::RuleEffect::Freeze)
    };
    SenderSettings {
        form: "ical".to_owned(),
        name: "ops".to_owned(),
        source: String::new(),
        environment: String::new(),
        items: vec!["service:payments".to_owned()],
        secret_files: Vec::new(),
        proof: String::new(),
        calendar: Some(calendar),
    }
}

async fn rules(server: &Running) -> Value {
    let asked = r#"{ calendar(from: "2026-12-01T00:00:00Z", to: "2026-12-31T00:00:00Z") {
        rules { name effect title } spans { rule span { from until } }
    } }"#;
    server.ask(asked).await["calendar"].clone()
}

#[tokio::test]
async fn a_feed_freezes_what_the_configuration_says_and_a_later_one_takes_it_back() {
    let folder = folder();
    let mut settings = Settings::defaults();
    settings.senders.push(freezes());
    let server = Running::with(settings, folder.path()).await;
    let needs =
        json!({ "dependent": "service:payments", "provider": "service:ledger", "kind": "calls" });
    server
        .take(&[event("relation.observed", TIME, &needs)])
        .await;
    let xmas =
        "UID:xmas\nSUMMARY:Christmas\nDTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227";
    let audit = "UID:audit\nSUMMARY:Audit\nDTSTART:20261201T080000Z\nDURATION:PT8H";
    let unclear = "UID:unclear\nDTSTART:20261201T080000Z";
    let (status, answer) = server
        .post_calendar("/ingest/ical/ops", None, &feed(&[xmas, audit, unclear]))
        .await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        (&answer["accepted"], &answer["quarantined"]),
        (&json!(2), &json!(1))
    );
    let may = r#"{ mayChange(planned: { source: "cd", sourceId: "1", title: "t", targets: ["service:ledger"],
        plannedStartAt: "2026-12-25T08:00:00Z", plannedFinishAt: "2026-12-25T09:00:00Z" }) { allowed reasons } }"#;
    let frozen = server.ask(may).await["mayChange"].clone();
    assert_eq!(
        (&frozen["allowed"], &frozen["reasons"][0]),
        (
            &json!(false),
            &json!(
                "the freeze Christmas is in force until 2026-12-26T23:00:00Z; it reaches service:ledger: service:payments calls service:ledger"
            )
        )
    );
    let (_, again) = server
        .post_calendar("/ingest/ical/ops", None, &feed(&[audit, xmas, unclear]))
        .await;
    assert_eq!(
        (&again["accepted"], &again["duplicates"]),
        (&json!(0), &json!(2))
    );
    let (_, less) = server
        .post_calendar("/ingest/ical/ops", None, &feed(&[audit]))
        .await;
    assert_eq!(
        (&less["accepted"], &less["duplicates"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(server.ask(may).await["mayChange"]["allowed"], json!(true));
    let (_, back) = server
        .post_calendar("/ingest/ical/ops", None, &feed(&[audit, xmas]))
        .await;
    assert_eq!(
        back["accepted"],
        json!(1),
        "what was withdrawn can come again"
    );
    assert_eq!(
        rules(&server).await["rules"],
        json!([
            { "name": "ical/ops/audit", "effect": "FREEZE", "title": "Audit" },
            { "name": "ical/ops/xmas", "effect": "FREEZE", "title": "Christmas" },
        ])
    );
    server.stop().await;
}

#[tokio::test]
async fn two_feeds_of_windows_do_not_end_each_other() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    let meaning = |source: &str| json!({ "effect": "window", "source": source, "scope": { "environments": ["prod"] } });
    let night = "UID:night\nDTSTART:20261201T200000Z\nDURATION:PT4H";
    let day = "UID:day\nDTSTART:20261202T080000Z\nDURATION:PT1H";
    for (source, events) in [
        ("a", [night, day].as_slice()),
        ("b", &[night]),
        ("a", &[night]),
    ] {
        let (status, answer) = server
            .post_calendar("/ingest/ical", Some(&meaning(source)), &feed(events))
            .await;
        assert_eq!(
            (status.as_u16(), &answer["accepted"]),
            (200, &json!(1)),
            "{answer}"
        );
    }
    assert_eq!(
        rules(&server).await["spans"],
        json!([
            { "rule": "a/window", "span": { "from": "2026-12-01T20:00:00Z", "until": "2026-12-02T00:00:00Z" } },
            { "rule": "b/window", "span": { "from": "2026-12-01T20:00:00Z", "until": "2026-12-02T00:00:00Z" } },
        ])
    );
    let (status, answer) = server
        .post_calendar("/ingest/ical", None, &feed(&[night]))
        .await;
    assert_eq!(status, 400, "{answer}");
    server.stop().await;
}

/// Title and times of each event of a calendar.
fn events(text: &str) -> Vec<String> {
    let unfolded = text.replace("\r\n ", "");
    let value = |event: &str, name: &str| {
        let mut lines = event.lines();
        let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found.unwrap_or("-").to_owned()
    };
    let events = unfolded.split("BEGIN:VEVENT").skip(1);
    events
        .map(|event| {
            let said = ["SUMMARY", "DTSTART", "DTEND", "STATUS", "SEQUENCE"];
            said.map(|name| value(event, name)).join(" ")
        })
        .collect()
}

/// Two plans, a freeze with times and one without, and an exemption.
async fn december(server: &Running) {
    let needs = json!({ "dependent": "service:prod/web", "provider": "service:prod/ledger", "kind": "calls" });
    let planned = json!({ "sourceId": "7", "title": "ledger 2.1", "targets": ["service:prod/ledger"], "status": "planned",
        "plannedStartAt": "2026-12-24T10:00:00Z", "plannedFinishAt": "2026-12-24T11:00:00Z" });
    let other = json!({ "sourceId": "8", "title": "mail 3", "targets": ["service:test/mail"], "status": "planned",
        "plannedStartAt": "2026-12-20T10:00:00Z" });
    let freeze = json!({ "name": "audit", "effect": "freeze", "title": "Audit", "times": { "spans": [{ "from": "2026-12-01T00:00:00Z", "until": "2026-12-02T00:00:00Z" }] },
        "scope": { "items": ["service:prod/web"], "reach": "depends_on", "levels": ["G4"] } });
    let always =
        json!({ "name": "always", "effect": "freeze", "scope": { "environments": ["attic"] } });
    let exempt = json!({ "name": "regulator", "kind": "white_list", "reason": "asked for", "approver": "ann",
        "from": "2026-12-01T08:00:00Z", "until": "2026-12-01T10:00:00Z" });
    server
        .take(&[
            event("relation.observed", TIME, &needs),
            event("change.recorded", TIME, &planned),
            event("change.recorded", TIME, &other),
            event("calendar_rule.declared", TIME, &freeze),
            event("calendar_rule.declared", TIME, &always),
            event("exemption.granted", TIME, &exempt),
        ])
        .await;
}

#[tokio::test]
async fn the_calendar_shows_plans_and_rules_and_is_sent_again_only_when_it_changed() {
    let folder = folder();
    let server = Running::over(folder.path()).await;
    december(&server).await;
    let time = "from=2026-11-01T00:00:00Z&to=2027-01-01T00:00:00Z";
    let (status, tag, media, text) = server.calendar(time, "").await;
    assert_eq!(
        (status, media.as_str()),
        (200, "text/calendar; charset=utf-8")
    );
    assert_eq!(
        events(&text),
        [
            "Freeze: Audit 20261201T000000Z 20261202T000000Z CONFIRMED 0",
            "White list: regulator 20261201T080000Z 20261201T100000Z CONFIRMED 0",
            "mail 3 20261220T100000Z - CONFIRMED 0",
            "ledger 2.1 20261224T100000Z 20261224T110000Z CONFIRMED 0",
        ]
    );
    assert_eq!(server.calendar(time, &tag).await.0, 304);
    let of_item = server
        .calendar(&format!("item=service:prod/ledger&{time}"), "")
        .await
        .3;
    assert_eq!(
        events(&of_item),
        [
            "Freeze: Audit 20261201T000000Z 20261202T000000Z CONFIRMED 0",
            "White list: regulator 20261201T080000Z 20261201T100000Z CONFIRMED 0",
            "ledger 2.1 20261224T100000Z 20261224T110000Z CONFIRMED 0",
        ],
        "the freeze reaches it"
    );
    let of_mail = server
        .calendar(&format!("item=service:test/mail&{time}"), "")
        .await
        .3;
    assert!(
        !of_mail.contains("Audit") && of_mail.contains("mail 3"),
        "{of_mail}"
    );
    let test = server
        .calendar(&format!("environment=test&{time}"), "")
        .await
        .3;
    assert!(
        test.contains("mail 3") && !test.contains("ledger"),
        "{test}"
    );
    let off = json!({ "sourceId": "7", "status": "cancelled" });
    server
        .take(&[event("change.recorded", "2026-11-20T11:00:00Z", &off)])
        .await;
    let (status, _, _, text) = server.calendar(time, &tag).await;
    assert_eq!(status, 200);
    assert_eq!(
        events(&text)[3],
        "ledger 2.1 20261224T100000Z 20261224T110000Z CANCELLED 1"
    );
    assert_eq!(server.calendar("items=a", "").await.0, 400);
    assert_eq!(server.calendar("item=service:nobody", "").await.0, 404);
    server.stop().await;
}
