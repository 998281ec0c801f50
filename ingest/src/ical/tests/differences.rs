//! A feed beside what it declared before, and lines in which anything may stand.

use super::*;
use crate::ical::differences;

#[test]
fn only_differences_are_said_and_what_is_gone_is_withdrawn() {
    let one = "UID:one\nDTSTART:20261223T000000Z\nDURATION:P1D";
    let two = "UID:two\nDTSTART:20261224T000000Z\nDURATION:P1D";
    let moved = "UID:two\nDTSTART:20261225T000000Z\nDURATION:P1D";
    let unclear = "UID:two\nDTSTART:20261225T000000Z";
    let after = |before: &[&str], now: &[&str]| {
        let before = delivery(sender(RuleEffect::Freeze), &calendar(before));
        let mut declared = rules(&decode(&before).unwrap());
        // Those of somebody else are nobody's business here.
        let other = declared[0].clone();
        declared.push(CalendarRuleDeclared {
            name: "ical/opsi".to_owned(),
            ..other
        });
        let now = delivery(sender(RuleEffect::Freeze), &calendar(now));
        let parts = decode(&now).unwrap();
        shown(&differences::between(&now, parts, &declared))
    };
    assert_eq!(after(&[one, two], &[two, one]), "unchanged\nunchanged\n");
    insta::assert_snapshot!(after(&[one, two], &[one, moved]), @r#"
    unchanged
    ical/ops/two "-"
      2026-12-25T00:00:00Z to 2026-12-26T00:00:00Z
    "#);
    assert_eq!(
        after(&[one, two], &[one]),
        "unchanged\nwithdrawn ical/ops/two\n"
    );
    let cancelled = format!("{two}\nSTATUS:CANCELLED");
    assert_eq!(
        after(&[one, two], &[one, &cancelled]),
        "unchanged\nignored: an event that is cancelled\nwithdrawn ical/ops/two\n"
    );
    assert_eq!(
        after(&[one, two], &[one, unclear]),
        "unchanged\nkept aside: has neither DTEND nor DURATION, so it takes no time\n",
        "what can no longer be read stays as it was"
    );
}

#[test]
fn a_feed_that_lacks_nearly_all_that_is_to_come_is_not_believed() {
    let events = |year: u32| -> Vec<String> {
        let days = (1..=25).map(|day| {
            format!("UID:{day}\nDTSTART;VALUE=DATE:{year}12{day:02}\nDTEND;VALUE=DATE:{year}1226")
        });
        days.collect()
    };
    let after = |year: u32| {
        let events = events(year);
        let texts: Vec<&str> = events.iter().map(String::as_str).collect();
        let before = delivery(sender(RuleEffect::Freeze), &calendar(&texts));
        let declared = rules(&decode(&before).unwrap());
        let now = delivery(sender(RuleEffect::Freeze), &calendar(&texts[..1]));
        let parts = decode(&now).unwrap();
        shown(&differences::between(&now, parts, &declared))
    };
    insta::assert_snapshot!(after(2026), @r#"
    unchanged
    rejected [("", "lacks 24 events that were in it and are still to come, nearly all; nothing is withdrawn")]
    "#);
    assert_eq!(after(2025).matches("withdrawn").count(), 24, "it is over");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(testkit::cases(200)))]

    /// Lines of an event in any order and with anything in them.
    #[test]
    fn any_lines_are_read_without_a_panic(lines in proptest::collection::vec(
        (proptest::sample::select(vec![
            "DTSTART", "DTEND", "DURATION", "RRULE", "EXDATE", "RDATE", "RECURRENCE-ID", "UID",
            "DTSTART;VALUE=DATE", "DTSTART;TZID=Europe/Berlin", "SEQUENCE", "STATUS", "BEGIN", "END",
        ]), proptest::sample::select(vec![
            "20261223T000000Z", "20261223", "PT1H", "-P1D", "P99999999W", "FREQ=DAILY", "FREQ=YEARLY;BYDAY=53MO",
            "FREQ=WEEKLY;UNTIL=20270101", "FREQ=MONTHLY;BYMONTHDAY=31;COUNT=400", "99991231T235959Z", "00000101",
            "20261223T000000Z/PT1H", "CANCELLED", "-1", "VEVENT", "VTIMEZONE", "a,b;c:d", "FREQ=SECONDLY",
        ])), 0..12)) {
        let lines: Vec<String> = lines.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        let body = calendar(&[&lines.join("\n")]);
        let _ = decode(&delivery(sender(RuleEffect::Freeze), &body));
        let _ = decode(&delivery(sender(RuleEffect::Window), &body));
    }
}
