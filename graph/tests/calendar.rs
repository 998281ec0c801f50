//! The calendar: which rules are about a change, what they say, and which changes get in its way.

#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

use graph::{
    AskedChange, BlastLimits, ConflictLimits, Estate, GraphView, MayLimits, Projection, conflicts,
    may_change,
};
use insta::assert_snapshot;
use model::{
    Actor, AsOf, Event, EventId, LogPosition, NewEvent, Occurred, SourceKey, SourceName, Timestamp,
};
use proptest::prelude::*;
use testkit::{at, envelopes_of, events};

const ESTATE: &str = "
    web -> payments -> ledger
    payments -> db:orders
    search -> index
    pod:a -located_in-> zone:a
    pod:b -located_in-> zone:b
";

const FREEZE: &str = r#"calendar_rule.declared {"name":"nov","effect":"freeze","title":"Singles' Day",
    "scope":{"items":["service:payments"],"reach":"depends_on"},
    "times":{"spans":[{"from":"2026-01-01T09:00:00Z","until":"2026-01-01T18:00:00Z"}]}}"#;

/// The text estate, then declarations at 08:00: a stored name and its payload.
fn told(estate: &str, declared: &[&str]) -> Vec<NewEvent> {
    let mut all = events(estate);
    for (number, declaration) in declared.iter().enumerate() {
        let (name, payload) = declaration.split_once(' ').unwrap();
        all.push(NewEvent {
            id: EventId {
                source: SourceName::new("test"),
                delivery: format!("declared {number}"),
            },
            occurred: Occurred::Stated(at("08:00").plus_millis(i64::try_from(number).unwrap())),
            actor: Actor::default(),
            event: Event::decode_payload(name, payload.as_bytes()).unwrap(),
        });
    }
    all
}

fn folded(events: Vec<NewEvent>) -> std::sync::Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes_of(events) {
        estate.apply(&envelope);
    }
    estate.publish()
}

fn asked(view: &GraphView, target: &str, start: &str, finish: &str) -> AskedChange {
    let mut asked = AskedChange {
        change: None,
        targets: Vec::new(),
        unknown_targets: Vec::new(),
        environment: None,
        kind: Some("deployment".to_owned()),
        level: Some("G2".to_owned()),
        scene: None,
        goal: None,
        by_administrator: false,
        start: at(start),
        finish: at(finish),
    };
    asked.aim(view, &[SourceKey::text(target)]);
    asked
}

fn as_of(valid_at: Timestamp) -> AsOf {
    AsOf {
        valid_at,
        known_at: LogPosition::ZERO,
    }
}

/// The answer, a rule a line.
fn judged(view: &GraphView, asked: &AskedChange) -> String {
    let limits = MayLimits {
        visited_max: 100,
        changes_max: 100,
    };
    let may = may_change(view, asked, as_of(at("08:30")), limits);
    let mut lines: Vec<String> = may
        .findings
        .iter()
        .map(|finding| finding.sentence.clone())
        .collect();
    lines.extend(may.unseen.iter().map(|unseen| format!("unseen: {unseen}")));
    let verdict = if may.blocked { "no" } else { "yes" };
    let next = may.next_at.map_or("?".to_owned(), |next| next.to_string());
    lines.push(format!("{verdict}, next {next}"));
    lines
        .join("\n")
        .replace("2026-01-01T", "")
        .replace(":00Z", "")
}

fn may(declared: &[&str], target: &str, start: &str, finish: &str) -> String {
    let view = folded(told(ESTATE, declared));
    judged(&view, &asked(&view, target, start, finish))
}

#[test]
fn a_freeze_holds_what_the_frozen_needs_and_nothing_else() {
    assert_snapshot!(may(&[FREEZE], "service:ledger", "10:00", "10:30"), @r"
    the freeze Singles' Day is in force until 18:00; it reaches service:ledger: service:payments calls service:ledger
    no, next 18:00
    ");
    assert_snapshot!(may(&[FREEZE], "service:payments", "17:59", "18:10"), @r"
    the freeze Singles' Day is in force until 18:00; it names service:payments
    no, next 18:00
    ");
    assert_snapshot!(may(&[FREEZE], "service:ledger", "18:00", "18:30"), @r"
    the freeze Singles' Day is over or not yet in force then; it reaches service:ledger: service:payments calls service:ledger
    yes, next 18:00
    ");
    assert_snapshot!(may(&[FREEZE], "service:web", "10:00", "10:30"), @"yes, next 10:00");
    assert_snapshot!(may(&[FREEZE], "service:search", "10:00", "10:30"), @"yes, next 10:00");
}

#[test]
fn a_window_holds_the_whole_of_the_planned_time() {
    let window = r#"calendar_rule.declared {"name":"hours","effect":"window","scope":{"levels":["G2","G3"]},
        "times":{"weekly":[{"days":["thursday"],"from":"09:00","until":"11:00","timeZone":"UTC"}]}}"#;
    assert_snapshot!(may(&[window], "service:web", "09:30", "10:30"), @r"
    the window hours is open until 11:00
    yes, next 09:30
    ");
    assert_snapshot!(may(&[window], "service:web", "10:30", "11:30"), @r"
    the window hours does not hold the whole of the planned time
    no, next 2026-01-08T09:00
    ");
    assert_snapshot!(may(&[window], "service:web", "06:00", "07:00"), @r"
    the window hours does not hold the whole of the planned time
    no, next 09:00
    ");
}

#[test]
fn exemptions_goals_and_administrators_lift_a_rule_and_say_so() {
    let green = r#"exemption.granted {"name":"outage-7","kind":"green_channel","reason":"stop the loss","from":"2026-01-01T09:30:00Z"}"#;
    assert_snapshot!(may(&[FREEZE, green], "service:ledger", "10:00", "10:30"), @r"
    the freeze Singles' Day is in force until 18:00, but does not count: the green channel outage-7 until 10:30; it reaches service:ledger: service:payments calls service:ledger
    yes, next 10:00
    ");
    assert_snapshot!(may(&[FREEZE, green], "service:ledger", "10:30", "10:40"), @r"
    the freeze Singles' Day is in force until 18:00; it reaches service:ledger: service:payments calls service:ledger
    no, next 18:00
    ");
    let ended = r#"exemption.withdrawn {"name":"outage-7"}"#;
    assert_snapshot!(may(&[FREEZE, green, ended], "service:ledger", "10:00", "10:30"), @r"
    the freeze Singles' Day is in force until 18:00; it reaches service:ledger: service:payments calls service:ledger
    no, next 18:00
    ");
    let other = r#"exemption.granted {"name":"w","kind":"white_list","rules":["other"],"reason":"r","approver":"ann","until":"2026-02-01T00:00:00Z"}"#;
    assert_snapshot!(may(&[FREEZE, other], "service:ledger", "10:00", "10:30"), @r"
    the freeze Singles' Day is in force until 18:00; it reaches service:ledger: service:payments calls service:ledger
    no, next 18:00
    ");
    let lenient = FREEZE.replace(
        r#""effect""#,
        r#""bindsAdministrators":false,"liftedFor":["fault_handling"],"effect""#,
    );
    let view = folded(told(ESTATE, &[&lenient]));
    let mut change = asked(&view, "service:ledger", "10:00", "10:30");
    change.by_administrator = true;
    assert_snapshot!(judged(&view, &change), @r"
    the freeze Singles' Day is in force until 18:00, but does not count: it does not bind administrators; it reaches service:ledger: service:payments calls service:ledger
    yes, next 10:00
    ");
    change.by_administrator = false;
    change.goal = Some("fault_handling".to_owned());
    assert_snapshot!(judged(&view, &change), @r"
    the freeze Singles' Day is in force until 18:00, but does not count: it does not count for the goal fault_handling; it reaches service:ledger: service:payments calls service:ledger
    yes, next 10:00
    ");
}

#[test]
fn changes_of_two_zones_keep_their_distance() {
    let spacing = r#"calendar_rule.declared {"name":"zones","effect":"spacing","between":"zone","apartMs":3600000}"#;
    let estate = format!("{ESTATE}\nchange one pod:a 10:00 until=10:20");
    let view = folded(told(&estate, &[spacing]));
    assert_snapshot!(judged(&view, &asked(&view, "pod:b", "11:00", "11:10")), @r"
    the spacing rule zones is not kept: one is too near
    no, next 12:00
    ");
    assert_snapshot!(judged(&view, &asked(&view, "pod:a", "11:00", "11:10")), @r"
    the spacing rule zones is kept
    yes, next 11:00
    ");
    assert_snapshot!(judged(&view, &asked(&view, "pod:b", "12:00", "12:10")), @r"
    the spacing rule zones is kept
    yes, next 12:00
    ");
}

#[test]
fn what_cannot_be_seen_is_told() {
    assert_snapshot!(may(&[FREEZE], "service:nobody", "10:00", "10:30"), @r"
    unseen: nobody knows these targets: service:nobody
    yes, next 10:00
    ");
    let unknown = FREEZE.replace("service:payments", "service:gone");
    assert_snapshot!(may(&[&unknown], "service:web", "10:00", "10:30"), @r"
    the freeze Singles' Day: the rule names what nobody knows: service:gone
    unseen: the freeze Singles' Day: the rule names what nobody knows: service:gone
    yes, next 10:00
    ");
}

#[test]
fn a_withdrawn_rule_says_nothing_and_a_later_word_replaces_it() {
    let withdrawn = r#"calendar_rule.withdrawn {"name":"nov"}"#;
    assert_snapshot!(may(&[FREEZE, withdrawn], "service:ledger", "10:00", "10:30"), @"yes, next 10:00");
    let moved = FREEZE.replace("18:00:00Z", "09:30:00Z");
    assert_snapshot!(may(&[FREEZE, &moved], "service:ledger", "10:00", "10:30"), @r"
    the freeze Singles' Day is over or not yet in force then; it reaches service:ledger: service:payments calls service:ledger
    yes, next 10:00
    ");
}

/// How a change meets others, one a line.
fn met(estate: &str, target: &str, start: &str, finish: &str) -> String {
    let view = folded(told(estate, &[]));
    let limits = ConflictLimits {
        changes_max: 10,
        radius: BlastLimits {
            hops_max: None,
            impacts_max: 100,
            visited_max: 100,
            score_min: 0.01,
        },
    };
    let change = asked(&view, target, start, finish);
    let found = conflicts(&view, &change, as_of(at("08:30")), limits);
    let key = |id| view.item(id).unwrap().key();
    let mut lines: Vec<String> = found
        .conflicts
        .iter()
        .map(|it| {
            let (own, others) = (it.path.len(), it.other_path.len());
            format!(
                "{:?} {:?} at {} ({own} and {others} steps)",
                it.change,
                it.kind,
                key(it.item)
            )
        })
        .collect();
    lines.push(format!(
        "{} overlap, truncated: {}",
        found.overlapping, found.truncated
    ));
    lines.join("\n")
}

#[test]
fn changes_meet_where_their_harm_does_at_any_distance() {
    let estate = "
        web -> payments -> ledger
        web -> search
        change same ledger 10:10 until=10:20
        change above web 10:10 until=10:20
        change below db 10:10 until=10:20
        ledger -> db
        change beside search 10:10 until=10:20
        change early ledger 08:00 until=08:10
        change off ledger 10:10 status=cancelled
        change elsewhere mail 10:10 until=10:20
    ";
    assert_snapshot!(met(estate, "service:ledger", "10:00", "10:30"), @r"
    test/same SameItem at service:ledger (0 and 0 steps)
    test/above Reaches at service:web (2 and 0 steps)
    test/below ReachedBy at service:ledger (0 and 1 steps)
    test/beside Shared at service:web (2 and 1 steps)
    5 overlap, truncated: false
    ");
    assert_snapshot!(met(estate, "service:ledger", "09:00", "09:30"), @"0 overlap, truncated: false");
}

proptest! {
    /// Declarations decide by their time, not by when they arrive; and a saved calendar is the same.
    #[test]
    fn the_order_of_arrival_changes_no_answer(order in Just(vec![0_usize, 1, 2, 3]).prop_shuffle()) {
        let green = r#"exemption.granted {"name":"g","kind":"green_channel","reason":"r","from":"2026-01-01T09:30:00Z"}"#;
        let withdrawn = r#"exemption.withdrawn {"name":"g"}"#;
        let moved = FREEZE.replace("18:00:00Z", "17:30:00Z");
        let all = told(ESTATE, &[FREEZE, green, withdrawn, &moved]);
        let declared = all.len() - 4;
        let mut shuffled = all.clone();
        shuffled.truncate(declared);
        for place in order {
            shuffled.push(all.get(declared + place).unwrap().clone());
        }
        let (one, other) = (folded(all), folded(shuffled));
        let answer = |view: &GraphView| judged(view, &asked(view, "service:ledger", "10:00", "10:30"));
        prop_assert_eq!(answer(&one), answer(&other));
        let restored = Estate::restore(&Estate::save_view(&other)).unwrap().publish();
        prop_assert_eq!(answer(&one), answer(&restored));
    }
}
