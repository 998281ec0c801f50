use std::collections::HashMap;

use model::{CiId, Claim, Event, ObservedItem, SourceKey};

use super::reconcile::Ending;
use super::*;
use crate::known::{Known, KnownFuture, Stated, StatedItem};

/// A source's earlier statements, by the text of their keys.
struct Before(HashMap<CiId, ObservedItem>);

fn name(key: &SourceKey) -> CiId {
    CiId::of(&Claim::new("key", key.to_string()))
}

impl Known for Before {
    fn name_of(&self, key: &SourceKey) -> CiId {
        name(key)
    }

    fn stated_by<'a>(&'a self, _: &'a SourceName) -> KnownFuture<'a> {
        Box::pin(async { Ok(Stated::default()) })
    }

    fn calendar(&self) -> crate::CalendarFuture<'_> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn observation(&self, position: LogPosition) -> Option<ObservedItem> {
        self.0
            .values()
            .find(|item| position_of(item) == position)
            .cloned()
    }
}

fn position_of(item: &ObservedItem) -> LogPosition {
    LogPosition::new(item.digest() >> 1)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn item(line: &str) -> ObservedItem {
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    let mut problems = crate::fields::Problems::default();
    let envelope = crate::events::Envelope {
        delivery: None,
        source: SourceName::new("s"),
        time: None,
    };
    let data = value["data"].clone();
    let path = crate::fields::Path::Root;
    let event = crate::events::read_data("item.observed", data, &envelope, &path, &mut problems);
    match event {
        Some(Event::ItemObserved(item)) => item,
        other => panic!("{other:?} {:?}", problems.told),
    }
}

/// What was said before and what is listed now, one item a line; what becomes of it.
fn listed(before: &[&str], now: &[&str], ends_all: bool) -> (Vec<String>, Ending) {
    let before: Vec<ObservedItem> = before.iter().map(|line| item(line)).collect();
    let stated = before.iter().map(|item| {
        let stated = StatedItem {
            key: item.key.clone(),
            digest: item.digest(),
            position: position_of(item),
            is_ended: false,
            is_open: true,
        };
        (name(&item.key), stated)
    });
    let stated = Stated {
        listed_at: Some(at("2026-11-20T09:00:00Z")),
        items: stated.collect(),
    };
    let known = before
        .into_iter()
        .map(|item| (name(&item.key), item))
        .collect();
    let now_at = at("2026-11-20T11:00:00Z");
    let when = When::of(at("2026-11-20T10:00:00Z"), stated.listed_at, now_at).unwrap();
    let mut reconciler =
        Reconciler::new(Arc::new(Before(known)), SourceName::new("s"), when, stated);
    let mut said = Vec::new();
    for line in now {
        match reconciler.take(line) {
            None => {}
            Some(Part::Events(events)) => said.extend(events.into_iter().map(|event| {
                let mut payload = Vec::new();
                event.event.encode_payload(&mut payload);
                String::from_utf8(payload).unwrap()
            })),
            Some(_) => said.push("refused".to_owned()),
        }
    }
    (said, reconciler.end(ends_all))
}

fn observed(key: &str, more: &str) -> String {
    format!(r#"{{"type":"item.observed","data":{{"key":"{key}"{more}}}}}"#)
}

const COMPLETE: &str = r#"{"complete":true}"#;

#[test]
fn a_repeated_listing_says_nothing_but_that_it_was_listed() {
    let (one, two) = (
        observed("host:a", ""),
        observed("host:b", r#","attributes":{"x":1}"#),
    );
    let (said, ending) = listed(&[&one, &two], &[&two, &one, COMPLETE], false);
    assert!(said.is_empty(), "{said:?}");
    assert_eq!((ending.ended, ending.events.len()), (0, 1));
    let Event::SourceListed(listed) = &ending.events[0].event else {
        panic!("{ending:?}");
    };
    assert_eq!((listed.listed, listed.changed, listed.ended), (2, 0, 0));
}

#[test]
fn only_differences_are_said_and_what_is_no_longer_said_is_taken_back() {
    let before = observed(
        "host:a",
        r#","attributes":{"x":1,"y":2},"relations":[{"dependent":"host:a","provider":"zone:z","kind":"runs_on"}]"#,
    );
    let now = observed("host:a", r#","attributes":{"x":3}"#);
    let (said, _) = listed(&[&before], &[&now], false);
    assert_eq!(
        said,
        [
            r#"{"key":"host:a","attributes":{"x":3,"y":null},"relations":{"of":"host:a","relations":[]}}"#
        ]
    );
    let again = item(&now).digest();
    let taken_back: ObservedItem = serde_json::from_str(&said[0]).unwrap();
    assert_eq!(
        taken_back.digest(),
        again,
        "the next listing finds nothing new"
    );
}

#[test]
fn an_owner_a_claim_and_an_alias_that_are_no_longer_listed_are_taken_back() {
    let before = observed(
        "host:a",
        r#","owner":"shop","criticality":"P0","displayName":"A","claims":[{"scheme":"asset","value":"1"},{"scheme":"serial","value":"s"}],"aliases":[{"scheme":"hostname","value":"a.example"}]"#,
    );
    let now = observed(
        "host:a",
        r#","displayName":"A","claims":[{"scheme":"serial","value":"s"}]"#,
    );
    let (said, _) = listed(&[&before], &[&now], false);
    let said: ObservedItem = serde_json::from_str(&said[0]).unwrap();
    let back = said.taken_back.clone().unwrap();
    let names: Vec<&str> = back.names.iter().map(|name| name.value.as_str()).collect();
    assert_eq!(names, ["1", "a.example"]);
    assert_eq!(
        (back.owner, back.criticality, back.display_name),
        (true, true, false)
    );
    assert_eq!(said.digest(), item(&now).digest());
    let whole = serde_json::json!({ "type": "item.observed", "data": said }).to_string();
    let (again, _) = listed(&[&whole], &[&now], false);
    assert!(again.is_empty(), "the next listing finds nothing new");
}

#[test]
fn a_name_that_it_still_has_is_no_difference() {
    let with = |from: &str| {
        observed(
            "host:a",
            &format!(r#","aliases":[{{"scheme":"ip","value":"10.0.0.1","validFrom":"{from}"}}]"#),
        )
    };
    let (before, same, other) = (
        with("2026-11-19T10:00:00Z"),
        with("2026-11-20T10:00:00Z"),
        with("2026-11-20T09:30:00Z"),
    );
    assert!(listed(&[&before], &[&same], false).0.is_empty());
    assert_eq!(
        listed(&[&before], &[&other], false).0.len(),
        1,
        "another start was meant"
    );
}

#[test]
fn what_is_no_longer_listed_ends() {
    let (one, two) = (observed("host:a", ""), observed("host:b", ""));
    let (_, ending) = listed(&[&one, &two], &[&one, COMPLETE], false);
    assert_eq!((ending.ended, ending.events.len()), (1, 2));
    let Event::ItemRetired(retired) = &ending.events[0].event else {
        panic!("{ending:?}");
    };
    assert_eq!(retired.key, SourceKey::text("host:b"));
}

#[test]
fn an_incomplete_listing_ends_nothing() {
    let (one, two) = (observed("host:a", ""), observed("host:b", ""));
    let ends = |now: &[&str]| listed(&[&one, &two], now, false).1.events.len();
    assert_eq!(ends(&[&one]), 0, "no last line");
    assert_eq!(
        ends(&[&one, r#"{"complete":true,"listed":2}"#]),
        0,
        "another number"
    );
    assert_eq!(ends(&[&one, r#"{"complete":false}"#]), 0);
    assert_eq!(ends(&[&one, "{", COMPLETE]), 0, "a part was refused");
    assert_eq!(
        ends(&[&one, r#"{"type":"incident.opened","data":{}}"#, COMPLETE]),
        0
    );
    assert_eq!(ends(&[&one, COMPLETE, &two]), 0, "something follows");
}

#[test]
fn a_listing_that_lacks_nearly_everything_is_not_believed() {
    let hosts: Vec<String> = (0..30)
        .map(|number| observed(&format!("host:{number}"), ""))
        .collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let (_, empty) = listed(&hosts, &[COMPLETE], false);
    assert_eq!(
        (empty.ended, empty.held_back, empty.events.len()),
        (0, 30, 0)
    );
    let (_, nearly) = listed(&hosts, &[hosts[0], COMPLETE], false);
    assert_eq!((nearly.ended, nearly.held_back), (0, 29));
    let (_, meant) = listed(&hosts, &[hosts[0], COMPLETE], true);
    assert_eq!((meant.ended, meant.held_back), (29, 0));
    let half: Vec<&str> = hosts.iter().take(15).copied().chain([COMPLETE]).collect();
    let (_, half) = listed(&hosts, &half, false);
    assert_eq!((half.ended, half.held_back), (15, 0));
}

#[test]
fn an_older_listing_is_refused_and_the_same_moment_is_not() {
    let (before, now) = (at("2026-11-20T10:00:00.005Z"), at("2026-11-20T12:00:00Z"));
    let same = When::of(at("2026-11-20T10:00:00Z"), Some(before), now).unwrap();
    assert_eq!(
        (same.unchanged_at, same.at),
        (before, before.plus_millis(1))
    );
    assert_eq!(
        When::of(at("2026-11-20T09:59:00Z"), Some(before), now),
        None
    );
    let early = When::of(at("2027-01-01T00:00:00Z"), Some(before), now).unwrap();
    assert_eq!(early.at, now, "nothing is known of the time to come");
}

#[test]
fn secrets_are_compared_as_they_are_kept() {
    let line = observed("host:a", r#","attributes":{"password":"planted"}"#);
    let mut kept = Event::ItemObserved(item(&line));
    crate::scrub::scrub(&mut kept);
    let Event::ItemObserved(kept) = kept else {
        panic!("{kept:?}");
    };
    let kept = serde_json::json!({ "type": "item.observed", "data": kept }).to_string();
    let (said, _) = listed(&[&kept], &[&line], false);
    assert!(said.is_empty(), "{said:?}");
}
