mod differences;

use std::fmt::Write as _;

use model::{CalendarRuleDeclared, ChangeScope, Event, RuleEffect, SourceKey};

use super::*;
use crate::Sender;
use crate::intake::MediaType;
use crate::intake::tests::Bench;

fn meaning(effect: RuleEffect) -> CalendarMeaning {
    CalendarMeaning {
        effect,
        scope: ChangeScope::default(),
        lifted_for: Vec::new(),
        binds_administrators: true,
        time_zone: None,
    }
}

fn sender(effect: RuleEffect) -> Sender {
    Sender {
        name: "ops".to_owned(),
        items: vec![SourceKey::text("service:payments")],
        calendar: Some(meaning(effect)),
        ..Sender::unnamed(FORMAT)
    }
}

fn delivery(sender: Sender, body: &str) -> Delivery {
    Delivery {
        headers: axum::http::HeaderMap::new(),
        media: MediaType::parse("text/calendar"),
        body: body.as_bytes().to_vec(),
        received_at: "2026-11-20T12:00:00Z".parse().unwrap(),
        sender: std::sync::Arc::new(sender),
    }
}

/// A calendar of these events, one a text; its lines end as the standard says.
fn calendar(events: &[&str]) -> String {
    let mut text = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//written here//EN\n".to_owned();
    for event in events {
        writeln!(text, "BEGIN:VEVENT\n{}\nEND:VEVENT", event.trim()).unwrap();
    }
    text.push_str("END:VCALENDAR\n");
    text.replace('\n', "\r\n")
}

fn rules(parts: &[Part]) -> Vec<CalendarRuleDeclared> {
    let events = parts.iter().filter_map(|part| match part {
        Part::Events(events) => events.first(),
        _ => None,
    });
    events
        .filter_map(|event| {
            if let Event::CalendarRuleDeclared(rule) = &event.event {
                return Some((**rule).clone());
            }
            None
        })
        .collect()
}

fn said(event: &Event) -> String {
    if let Event::CalendarRuleWithdrawn(rule) = event {
        return format!("withdrawn {}\n", rule.name);
    }
    let Event::CalendarRuleDeclared(rule) = event else {
        panic!("{event:?}");
    };
    let mut told = format!("{} {:?}", rule.name, rule.title.as_deref().unwrap_or("-"));
    let spans = &rule.times.spans;
    for span in spans.iter().take(4) {
        write!(told, "\n  {} to {}", span.from, span.until).unwrap();
    }
    if let Some(last) = spans.last().filter(|_| 4 < spans.len()) {
        let count = spans.len();
        write!(told, "\n  .. {count} in all, the last {}", last.from).unwrap();
    }
    for weekly in &rule.times.weekly {
        let (from, until) = (&weekly.from, &weekly.until);
        let (days, zone) = (&weekly.days, &weekly.time_zone);
        write!(told, "\n  {days:?} {from} to {until} {zone}").unwrap();
    }
    if let Some(reason) = &rule.reason {
        write!(told, "\n  because {reason:?}").unwrap();
    }
    told + "\n"
}

/// The parts, one a line.
fn shown(parts: &[Part]) -> String {
    let mut told = String::new();
    for part in parts {
        match part {
            Part::Events(events) if events.is_empty() => told.push_str("unchanged\n"),
            Part::Events(events) => told.push_str(&said(&events[0].event)),
            Part::Unknown(unknown) => writeln!(told, "kept aside: {}", unknown.reason).unwrap(),
            Part::Rejected(problems) => writeln!(told, "rejected {:?}", problems.told).unwrap(),
            Part::Ignored(reason) => writeln!(told, "ignored: {reason}").unwrap(),
            other => panic!("{other:?}"),
        }
    }
    told
}

fn freezes(events: &[&str]) -> String {
    shown(&decode(&delivery(sender(RuleEffect::Freeze), &calendar(events))).unwrap())
}

#[test]
fn an_event_is_a_freeze_with_its_title_reason_and_time() {
    insta::assert_snapshot!(freezes(&["UID:xmas\nSUMMARY:Christmas\\, all of\n  it\nDESCRIPTION:Nobody is in\nDTSTART:20261223T000000Z\nDTEND:20261227T000000Z"]), @r#"
    ical/ops/xmas "Christmas, all of it"
      2026-12-23T00:00:00Z to 2026-12-27T00:00:00Z
      because "Nobody is in"
    "#);
}

#[test]
fn days_and_floating_times_are_read_in_the_zone_that_was_given() {
    let mut sender = sender(RuleEffect::Freeze);
    let events = [
        "UID:day\nDTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227",
        "UID:one-day\nDTSTART;VALUE=DATE:20261231",
        "UID:floating\nDTSTART:20261224T080000\nDURATION:PT90M",
    ];
    let told =
        |sender: &Sender| shown(&decode(&delivery(sender.clone(), &calendar(&events))).unwrap());
    insta::assert_snapshot!(told(&sender), @r#"
    ical/ops/day "-"
      2026-12-24T00:00:00Z to 2026-12-27T00:00:00Z
    ical/ops/floating "-"
      2026-12-24T08:00:00Z to 2026-12-24T09:30:00Z
    ical/ops/one-day "-"
      2026-12-31T00:00:00Z to 2027-01-01T00:00:00Z
    "#);
    let calendar = sender.calendar.as_mut().unwrap();
    calendar.time_zone = Some("Asia/Shanghai".to_owned());
    insta::assert_snapshot!(told(&sender), @r#"
    ical/ops/day "-"
      2026-12-23T16:00:00Z to 2026-12-26T16:00:00Z
    ical/ops/floating "-"
      2026-12-24T00:00:00Z to 2026-12-24T01:30:00Z
    ical/ops/one-day "-"
      2026-12-30T16:00:00Z to 2026-12-31T16:00:00Z
    "#);
}

#[test]
fn a_zone_is_found_by_its_iana_name_by_that_of_windows_and_by_what_the_feed_says_of_it() {
    insta::assert_snapshot!(freezes(&[
        "UID:iana\nDTSTART;TZID=Europe/Berlin:20260701T090000\nDTEND;TZID=Europe/Berlin:20260701T100000",
        "UID:windows\nDTSTART;TZID=W. Europe Standard Time:20260701T090000\nDURATION:PT1H",
        "UID:long\nDTSTART;TZID=/softwarestudio.org/Olson_20011030_5/America/Chicago:20260701T090000\nDURATION:PT1H",
        "UID:two\nDTSTART;TZID=Europe/Berlin:20260701T090000\nDTEND;TZID=Europe/London:20260701T090000",
        "UID:unknown\nDTSTART;TZID=Our Office:20260701T090000\nDURATION:PT1H",
    ]), @r#"
    ical/ops/iana "-"
      2026-07-01T07:00:00Z to 2026-07-01T08:00:00Z
    ical/ops/long "-"
      2026-07-01T14:00:00Z to 2026-07-01T15:00:00Z
    ical/ops/two "-"
      2026-07-01T07:00:00Z to 2026-07-01T08:00:00Z
    kept aside: names the time zone "Our Office", which the IANA database does not know
    ical/ops/windows "-"
      2026-07-01T07:00:00Z to 2026-07-01T08:00:00Z
    "#);
}

#[test]
fn what_repeats_every_week_without_an_end_is_hours_of_the_week() {
    insta::assert_snapshot!(freezes(&[
        "UID:trading\nDTSTART;TZID=Asia/Shanghai:20260105T093000\nDTEND;TZID=Asia/Shanghai:20260105T150000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
        "UID:night\nDTSTART:20260102T220000Z\nDURATION:PT6H\nRRULE:FREQ=WEEKLY",
        "UID:weekend\nDTSTART;VALUE=DATE:20260103\nRRULE:FREQ=WEEKLY;BYDAY=SA,SU",
        "UID:daily\nDTSTART:20260101T120000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY",
    ]), @r#"
    ical/ops/daily "-"
      [] 12:00 to 13:00 UTC
    ical/ops/night "-"
      [Friday] 22:00 to 04:00 UTC
    ical/ops/trading "-"
      [Monday, Tuesday, Wednesday, Thursday, Friday] 09:30 to 15:00 Asia/Shanghai
    ical/ops/weekend "-"
      [Saturday, Sunday] 00:00 to 00:00 UTC
    "#);
}

#[test]
fn other_repeats_are_written_out_until_a_told_moment() {
    insta::assert_snapshot!(freezes(&[
        "UID:month-end\nDTSTART;TZID=Europe/Berlin:20260130T180000\nDURATION:PT12H\nRRULE:FREQ=MONTHLY;BYDAY=-1FR",
        "UID:twice\nDTSTART;TZID=Europe/Berlin:20261019T090000\nDTEND;TZID=Europe/Berlin:20261019T100000\nRRULE:FREQ=WEEKLY;UNTIL=20261102T080000Z",
        "UID:counted\nDTSTART:20261201T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3",
        "UID:later\nDTSTART:20270901T090000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY",
        "UID:yearly\nDTSTART;VALUE=DATE:20201224\nRRULE:FREQ=YEARLY",
    ]), @r#"
    ical/ops/counted "-"
      2026-12-01T09:00:00Z to 2026-12-01T10:00:00Z
      2026-12-02T09:00:00Z to 2026-12-02T10:00:00Z
      2026-12-03T09:00:00Z to 2026-12-03T10:00:00Z
    ical/ops/later "-"
      2027-09-01T09:00:00Z to 2027-09-01T10:00:00Z
      2027-09-08T09:00:00Z to 2027-09-08T10:00:00Z
      2027-09-15T09:00:00Z to 2027-09-15T10:00:00Z
      2027-09-22T09:00:00Z to 2027-09-22T10:00:00Z
      .. 18 in all, the last 2027-12-29T09:00:00Z
      because "Repeats are written out until 2028-01-01T00:00:00Z."
    ical/ops/month-end "-"
      2026-01-30T17:00:00Z to 2026-01-31T05:00:00Z
      2026-02-27T17:00:00Z to 2026-02-28T05:00:00Z
      2026-03-27T17:00:00Z to 2026-03-28T05:00:00Z
      2026-04-24T16:00:00Z to 2026-04-25T04:00:00Z
      .. 24 in all, the last 2027-12-31T17:00:00Z
      because "Repeats are written out until 2028-01-01T00:00:00Z."
    ical/ops/twice "-"
      2026-10-19T07:00:00Z to 2026-10-19T08:00:00Z
      2026-10-26T08:00:00Z to 2026-10-26T09:00:00Z
      2026-11-02T08:00:00Z to 2026-11-02T09:00:00Z
    ical/ops/yearly "-"
      2020-12-24T00:00:00Z to 2020-12-25T00:00:00Z
      2021-12-24T00:00:00Z to 2021-12-25T00:00:00Z
      2022-12-24T00:00:00Z to 2022-12-25T00:00:00Z
      2023-12-24T00:00:00Z to 2023-12-25T00:00:00Z
      .. 8 in all, the last 2027-12-24T00:00:00Z
      because "Repeats are written out until 2028-01-01T00:00:00Z."
    "#);
}

#[test]
fn repeats_that_are_left_out_added_moved_and_cancelled_are_so() {
    insta::assert_snapshot!(freezes(&[
        "UID:r\nSUMMARY:Friday\nDTSTART;TZID=Europe/Berlin:20261106T160000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=5\nEXDATE;TZID=Europe/Berlin:20261113T160000\nRDATE;TZID=Europe/Berlin:20261230T160000\nRDATE;VALUE=PERIOD:20261231T100000Z/PT3H",
        "UID:r\nSEQUENCE:3\nRECURRENCE-ID;TZID=Europe/Berlin:20261120T160000\nDTSTART;TZID=Europe/Berlin:20261121T100000\nDURATION:PT2H",
        "UID:r\nRECURRENCE-ID:20261127T150000Z\nSTATUS:CANCELLED\nDTSTART:20261127T150000Z",
        "UID:alone\nRECURRENCE-ID:20261201T100000Z\nDTSTART:20261201T110000Z\nDURATION:PT1H",
        "UID:days\nDTSTART:20261201T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20261202",
    ]), @r#"
    ical/ops/alone "-"
      2026-12-01T11:00:00Z to 2026-12-01T12:00:00Z
    ical/ops/days "-"
      2026-12-01T10:00:00Z to 2026-12-01T11:00:00Z
      2026-12-03T10:00:00Z to 2026-12-03T11:00:00Z
    ical/ops/r "Friday"
      2026-11-06T15:00:00Z to 2026-11-06T16:00:00Z
      2026-11-21T09:00:00Z to 2026-11-21T11:00:00Z
      2026-12-04T15:00:00Z to 2026-12-04T16:00:00Z
      2026-12-30T15:00:00Z to 2026-12-30T16:00:00Z
      .. 5 in all, the last 2026-12-31T10:00:00Z
    "#);
}

#[test]
fn of_one_event_told_twice_the_higher_sequence_counts() {
    insta::assert_snapshot!(freezes(&[
        "UID:a\nSEQUENCE:2\nSUMMARY:new\nDTSTART:20261223T000000Z\nDURATION:P1D",
        "UID:a\nSEQUENCE:1\nSUMMARY:old\nDTSTART:20261222T000000Z\nDURATION:P1D",
        "UID:b\nDTSTAMP:20261001T000000Z\nSUMMARY:old\nDTSTART:20261222T000000Z\nDURATION:P1D",
        "UID:b\nDTSTAMP:20261002T000000Z\nSUMMARY:new\nDTSTART:20261223T000000Z\nDURATION:P1D",
    ]), @r#"
    ical/ops/a "new"
      2026-12-23T00:00:00Z to 2026-12-24T00:00:00Z
    ical/ops/b "new"
      2026-12-23T00:00:00Z to 2026-12-24T00:00:00Z
    "#);
}

#[test]
fn what_is_cancelled_or_tentative_is_no_freeze() {
    insta::assert_snapshot!(freezes(&[
        "UID:a\nSTATUS:CANCELLED\nDTSTART:20261223T000000Z\nDURATION:P1D",
        "UID:b\nSTATUS:TENTATIVE\nDTSTART:20261223T000000Z\nDURATION:P1D",
        "UID:c\nSTATUS:CONFIRMED\nTRANSP:TRANSPARENT\nDTSTART:20261223T000000Z\nDURATION:P1D",
        "UID:d\nDTSTART:20261223T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=1\nEXDATE:20261223T000000Z",
    ]), @r#"
    ignored: an event that is cancelled
    ignored: an event that is tentative
    ical/ops/c "-"
      2026-12-23T00:00:00Z to 2026-12-24T00:00:00Z
    ignored: an event of which every repeat is cancelled or further away
    "#);
}

#[test]
fn what_cannot_be_expressed_is_kept_aside_with_the_reason() {
    insta::assert_snapshot!(freezes(&[
        "SUMMARY:no id\nDTSTART:20261223T000000Z\nDURATION:P1D",
        "UID:a\nSUMMARY:no time",
        "UID:b\nDTSTART:20261223T000000Z",
        "UID:c\nDTSTART:20261223T000000Z\nDTEND:20261222T000000Z",
        "UID:d\nDTSTART:tomorrow\nDURATION:P1D",
        "UID:e\nDTSTART:20261223T000000Z\nDURATION:PT1H\nRRULE:FREQ=SOMETIMES",
        "UID:f\nDTSTART:20261223T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY",
        "UID:g\nDTSTART:20200101T000000Z\nDURATION:PT1M\nRRULE:FREQ=MINUTELY",
        "UID:h\nDTSTART:20261123T000000Z\nDURATION:PT1M\nRRULE:FREQ=HOURLY;INTERVAL=2",
        "UID:i\nDTSTART:20261223T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=9",
        "UID:i\nRECURRENCE-ID;RANGE=THISANDFUTURE:20261225T000000Z\nDTSTART:20261225T020000Z\nDURATION:PT1H",
    ]), @r"
    kept aside: has no DTSTART
    kept aside: has neither DTEND nor DURATION, so it takes no time
    kept aside: does not end after it begins
    kept aside: has a DTSTART that is no time
    kept aside: has an RRULE that cannot be read
    kept aside: has an EXRULE, which is not read
    kept aside: repeats more than 20000 times before 2028-01-01T00:00:00Z
    kept aside: comes to more than 1000 spans of time
    kept aside: changes one repeat and all later ones (RANGE), which is not read
    kept aside: has no UID, by which it could be changed or withdrawn
    ");
}

#[test]
fn an_event_that_is_kept_aside_is_a_calendar_of_its_own_with_its_zone() {
    let body = calendar(&[
        "UID:a\nDTSTART:20261223T000000Z\nDURATION:P1D",
        "UID:b\nDTSTART;TZID=Our Office:20261223T000000\nDURATION:P1D",
    ]);
    let zone = "BEGIN:VTIMEZONE\r\nTZID:Our Office\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0017\r\nTZOFFSETTO:+0017\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT";
    let body = body.replacen("BEGIN:VEVENT", zone, 1);
    let parts = decode(&delivery(sender(RuleEffect::Freeze), &body)).unwrap();
    let Part::Unknown(unknown) = &parts[1] else {
        panic!("{parts:?}");
    };
    let kept = String::from_utf8(unknown.body.clone()).unwrap();
    assert!(
        kept.contains("TZOFFSETTO:+0017") && kept.contains("UID:b"),
        "{kept}"
    );
    assert!(!kept.contains("UID:a"), "{kept}");
    let again = decode(&delivery(sender(RuleEffect::Freeze), &kept)).unwrap();
    assert_eq!(shown(&again), shown(&parts[1..]));
}

#[test]
fn all_windows_of_a_feed_are_one_rule() {
    let body = calendar(&[
        "UID:b\nDTSTART:20261208T200000Z\nDURATION:PT4H",
        "UID:a\nDTSTART:20261201T200000Z\nDURATION:PT4H",
        "UID:c\nDTSTART:20260102T220000Z\nDURATION:PT6H\nRRULE:FREQ=WEEKLY",
    ]);
    let body = body.replacen(
        "BEGIN:VEVENT",
        "X-WR-CALNAME:Maintenance\r\nBEGIN:VEVENT",
        1,
    );
    let parts = decode(&delivery(sender(RuleEffect::Window), &body)).unwrap();
    insta::assert_snapshot!(shown(&parts), @r#"
    ical/ops/window "Maintenance"
      2026-12-01T20:00:00Z to 2026-12-02T00:00:00Z
      2026-12-08T20:00:00Z to 2026-12-09T00:00:00Z
      [Friday] 22:00 to 04:00 UTC
    "#);
    let scope = &rules(&parts)[0].scope;
    assert_eq!(scope.items, [SourceKey::text("service:payments")]);
}

#[test]
fn a_body_that_is_no_whole_feed_is_refused() {
    let told = |body: &str| {
        let refused = decode(&delivery(sender(RuleEffect::Freeze), body));
        refused.map(|parts| shown(&parts)).unwrap_err().reason
    };
    assert_eq!(told(""), "the body holds no VCALENDAR");
    let whole = calendar(&["UID:one\nDTSTART:20261223T000000Z\nDURATION:P1D"]);
    insta::assert_snapshot!(told(&whole[..whole.len() - 15]), @"the body breaks off: it does not end with END:VCALENDAR");
    insta::assert_snapshot!(told(&whole.replace("VERSION", "METHOD:CANCEL\r\nVERSION")), @r#"METHOD is "CANCEL": a message about single events is no feed; only PUBLISH is taken"#);
    insta::assert_snapshot!(told("<html></html>"), @"the body is no iCalendar");
    insta::assert_snapshot!(told("BEGIN:VCARD\r\nEND:VCARD\r\n"), @"the body is no iCalendar");
    let nobody = decode(&delivery(Sender::unnamed(FORMAT), &whole)).unwrap_err();
    insta::assert_snapshot!(nobody.reason, @"nobody says what the events mean: give the sender a table `calendar` in the configuration, or send the header epicenter-calendar");
}

#[test]
fn a_request_may_say_what_its_events_mean() {
    let body = calendar(&["UID:one\nDTSTART:20261223T000000Z\nDURATION:P1D"]);
    let said = |header: &str| {
        let mut delivery = delivery(Sender::unnamed(FORMAT), &body);
        let value = axum::http::HeaderValue::from_str(header).unwrap();
        delivery.headers.insert(MEANING_HEADER, value);
        decode(&delivery).map_err(|refused| refused.reason)
    };
    let parts = said(
        r#"{"effect":"freeze","scope":{"environments":["prod"],"levels":["G4"]},"source":"holidays"}"#,
    );
    let rule = rules(&parts.unwrap()).remove(0);
    assert_eq!(
        (rule.name.as_str(), rule.effect),
        ("holidays/one", RuleEffect::Freeze)
    );
    assert_eq!(
        (rule.scope.environments, rule.scope.levels),
        (vec!["prod".to_owned()], vec!["G4".to_owned()])
    );
    insta::assert_snapshot!(said(r#"{"effect":"spacing"}"#).unwrap_err(), @"the header epicenter-calendar: effect is not one of freeze, window");
    insta::assert_snapshot!(said(r#"{"effect":"freeze","scope":{"item":[]}}"#).unwrap_err(), @"the header epicenter-calendar: scope.item is not known; did you mean items?");
    insta::assert_snapshot!(said("freeze").unwrap_err(), @"the header epicenter-calendar is not JSON");
}

#[tokio::test]
async fn the_address_takes_calendars_only_and_answers_in_parts() {
    let bench = Bench::with_senders(vec![sender(RuleEffect::Freeze)]);
    let body = calendar(&[
        "UID:one\nSUMMARY:token=hunter2hunter2\nDTSTART:20261223T000000Z\nDURATION:P1D",
        "UID:two\nDTSTART:20261223T000000Z",
    ]);
    let answer = bench
        .send(
            "/ingest/ical/ops",
            "text/calendar; charset=utf-8",
            body.clone(),
        )
        .await;
    insta::assert_snapshot!(answer, @"200 at 2: 1 accepted 1 quarantined");
    insta::assert_snapshot!(bench.send("/ingest/ical/ops", "application/json", body).await, @r"
    415:
      [0] : expected text/calendar, found application/json
    ");
    let names: Vec<&str> = bench
        .events()
        .iter()
        .map(|event| event.event.tag().0)
        .collect();
    assert_eq!(names, ["calendar_rule.declared", "input.quarantined"]);
    let log = format!("{:?}", bench.events());
    assert!(!log.contains("hunter2"), "{log}");
}
