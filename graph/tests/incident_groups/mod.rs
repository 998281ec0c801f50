//! Which incidents are one, and why.
#![expect(clippy::unwrap_used, reason = "a test fails where it is wrong")]

mod judged;

use std::collections::BTreeMap;
use std::sync::Arc;

use graph::{Estate, GROUPING, GraphView, GroupsAsked, IncidentGroup, IncidentGroups, Projection};
use insta::assert_snapshot;
use model::{CiId, IncidentId, NewEvent, Timestamp};
use proptest::prelude::*;
use testkit::{at, envelopes_of, shuffled};

const ALL: GroupsAsked = GroupsAsked {
    from: Timestamp::MIN,
    to: Timestamp::MAX,
    seen_until: Timestamp::MAX,
    looked_at_max: 100_000,
};

fn view_of(events: Vec<NewEvent>) -> Arc<GraphView> {
    let mut estate = Estate::default();
    for envelope in envelopes_of(events) {
        estate.apply(&envelope);
    }
    estate.publish()
}

fn found(view: &GraphView, asked: GroupsAsked) -> Vec<IncidentGroup> {
    let groups = IncidentGroups::find(view, asked);
    groups.numbers().map(|group| groups.group(group)).collect()
}

fn name(view: &GraphView, id: IncidentId) -> String {
    view.incident(id).unwrap().source_id().to_owned()
}

fn key(view: &GraphView, id: CiId) -> String {
    view.item(id).unwrap().key()
}

/// A group in one line: its head, then its members, the lowest component first.
fn line(view: &GraphView, group: &IncidentGroup) -> String {
    let members = group.members.iter().map(|it| name(view, it.incident));
    let members: Vec<String> = members.collect();
    format!("{}: {}", name(view, group.head), members.join(" "))
}

/// The groups, one a line.
fn groups(text: &str) -> String {
    let view = view_of(testkit::events(text));
    let groups = found(&view, ALL);
    let lines = groups.iter().map(|group| line(&view, group));
    lines.collect::<Vec<String>>().join("\n")
}

/// Each group with its components and why each member belongs.
fn told(text: &str) -> String {
    let view = view_of(testkit::events(text));
    let mut lines = Vec::new();
    for group in found(&view, ALL) {
        lines.push(format!("{} {}", line(&view, &group), group.level.name()));
        for component in &group.components {
            let shown = match component.alerts {
                0 => "silent".to_owned(),
                alerts => format!("{alerts} on it"),
            };
            let item = key(&view, component.item);
            lines.push(format!(
                "  {item} explains {} ({shown})",
                component.explains
            ));
        }
        for member in &group.members {
            for reason in &member.reasons {
                let (member, with) = (name(&view, member.incident), name(&view, reason.with));
                lines.push(format!("  {member} with {with}: {}", reason.sentence));
            }
        }
    }
    lines.join("\n")
}

#[test]
fn harm_from_one_item_makes_its_symptoms_one_and_the_lowest_comes_first() {
    let text = "
        web -> api -> db
        worker -> db
        incident on-web web 10:00
        incident on-worker worker 10:01
        incident on-db db 10:02
    ";
    assert_snapshot!(told(text), @r"
    on-db: on-db on-web on-worker P3
      service:db explains 3 (1 on it)
      service:web explains 1 (1 on it)
      service:worker explains 1 (1 on it)
      on-db with on-worker: service:worker calls service:db; service:worker showed a symptom 60 s before
      on-worker with on-web: service:worker calls service:db, and service:web calls service:api, service:api calls service:db, 60 s before; symptoms show at or behind 2 of the 2 that service:db harms directly
    ");
}

#[test]
fn what_no_relation_connects_stays_apart_however_near_in_time() {
    let text = "
        web -> api -> db
        mail -> queue
        incident a web 10:00
        incident b mail 10:00
        incident c api 10:01
        incident d queue 10:01
        incident e stranger 10:01
    ";
    assert_snapshot!(groups(text), @r"
    c: c a
    d: d b
    e: e
    ");
}

#[test]
fn what_is_connected_stays_apart_when_it_begins_long_after() {
    let text = "
        web -> db
        incident a db 10:00
        incident b web 10:15
        incident c web 10:31
    ";
    assert_snapshot!(groups(text), @r"
    a: a b
    c: c
    ");
}

#[test]
fn a_silent_item_is_the_cause_once_half_of_what_needs_it_shows_symptoms() {
    let text = "
        pod:a -runs_on-> node:n
        pod:b -runs_on-> node:n
        pod:c -runs_on-> node:n
        pod:d -runs_on-> node:n
        incident one pod:a 10:00
        incident two pod:b 10:03
    ";
    assert_snapshot!(told(text), @r"
    one: one two P3
      node:n explains 2 (silent)
      pod:a explains 1 (1 on it)
      pod:b explains 1 (1 on it)
      two with one: pod:b runs on node:n, and pod:a runs on node:n, 3 min before; symptoms show at or behind 2 of the 4 that node:n harms directly
    ");
}

#[test]
fn a_silent_item_that_most_need_without_a_symptom_explains_nothing() {
    let text = "
        a -> dns
        b -> dns
        c -> dns
        d -> dns
        e -> dns
        incident one a 10:00
        incident two b 10:00
    ";
    assert_snapshot!(groups(text), @r"
    two: two
    one: one
    ");
}

#[test]
fn harm_does_not_travel_from_callers_to_what_they_share_no_harm_with() {
    let text = "
        web -> api
        web -> search
        incident one api 10:00
        incident two search 10:00
    ";
    assert_snapshot!(groups(text), @r"
    two: two
    one: one
    ");
}

#[test]
fn harm_travels_towards_the_provider_where_the_table_says_so() {
    let text = "
        gateway -routes_to-> shop
        incident one gateway 10:00
        incident two shop 10:01
    ";
    assert_snapshot!(told(text), @r"
    one: one two P3
      service:gateway explains 2 (1 on it)
      service:shop explains 2 (1 on it)
      two with one: service:shop gets what service:gateway routes to it; service:gateway showed a symptom 60 s before
    ");
}

#[test]
fn weak_relations_link_once_and_not_twice() {
    let text = "
        web -calls?-> api
        api -calls?-> db
        incident on-db db 10:00
        incident on-api api 10:01
        incident other-db db 12:00
        incident on-web web 12:01
    ";
    assert_snapshot!(groups(text), @r"
    on-db: on-db on-api
    other-db: other-db
    on-web: on-web
    ");
}

#[test]
fn relations_count_that_held_when_the_later_one_began() {
    let text = "
        old -> db
        end old -> db 09:00
        incident a db 10:00
        incident b old 10:01
    ";
    assert_snapshot!(groups(text), @r"
    a: a
    b: b
    ");
}

#[test]
fn a_long_cascade_is_one_and_its_end_explains_all() {
    let text = "
        a -> b -> c -> d -> e -> f
        incident on-a a 10:10
        incident on-b b 10:08
        incident on-c c 10:06
        incident on-d d 10:04
        incident on-e e 10:02
        incident on-f f 10:00
    ";
    assert_snapshot!(told(text), @r"
    on-f: on-f on-e on-d on-c on-b on-a P3
      service:f explains 6 (1 on it)
      service:e explains 5 (1 on it)
      service:d explains 4 (1 on it)
      service:c explains 3 (1 on it)
      service:b explains 2 (1 on it)
      service:a explains 1 (1 on it)
      on-e with on-f: service:e calls service:f; service:f showed a symptom 2 min before
      on-d with on-e: service:d calls service:e; service:e showed a symptom 2 min before
      on-c with on-d: service:c calls service:d; service:d showed a symptom 2 min before
      on-b with on-c: service:b calls service:c; service:c showed a symptom 2 min before
      on-a with on-b: service:a calls service:b; service:b showed a symptom 2 min before
    ");
}

#[test]
fn items_that_need_each_other_explain_the_same() {
    let text = "
        a -> b
        b -> a
        c -> a
        incident on-c c 10:00
        incident on-b b 10:01
        incident on-a a 10:02
    ";
    assert_snapshot!(told(text), @r"
    on-a: on-a on-b on-c P3
      service:a explains 3 (1 on it)
      service:b explains 3 (1 on it)
      service:c explains 1 (1 on it)
      on-a with on-b: service:b calls service:a; service:b showed a symptom 60 s before
      on-b with on-c: service:c calls service:a, service:a calls service:b; service:c showed a symptom 60 s before
    ");
}

#[test]
fn what_people_declared_leads_and_is_never_hidden() {
    let text = "
        web -> db
        incident alert-db db 10:00
        incident alert-web web 10:01
        incident people-web web 10:05 declared=yes
        incident people-db db 10:06 declared=yes
    ";
    let view = view_of(testkit::events(text));
    let groups = found(&view, ALL);
    let declared = groups[0].declared.iter();
    let declared: Vec<String> = declared.map(|id| name(&view, *id)).collect();
    assert_eq!(declared, ["people-web", "people-db"]);
    assert_snapshot!(line(&view, &groups[0]), @"people-web: alert-db people-db alert-web people-web");
}

#[test]
fn an_alert_that_flaps_does_not_chain_for_ever() {
    let lines = (0..30).map(|n| {
        let minute = n * 10;
        format!(
            "incident i{n:02} web {:02}:{:02}\n",
            4 + minute / 60,
            minute % 60
        )
    });
    let text: String = lines.collect();
    assert_snapshot!(groups(&text), @r"
    i00: i00 i01 i02 i03 i04 i05 i06 i07 i08 i09 i10 i11 i12
    i13: i13 i14 i15 i16 i17 i18 i19 i20 i21 i22 i23 i24 i25
    i26: i26 i27 i28 i29
    ");
    let view = view_of(testkit::events(&text));
    let adjoining: Vec<usize> = found(&view, ALL)
        .iter()
        .map(|it| it.adjoining.len())
        .collect();
    assert_eq!(adjoining, [1, 2, 1], "each says what it would be one with");
}

#[test]
fn an_incident_that_names_no_item_is_a_group_of_its_own() {
    let mut events =
        testkit::events("incident a web 10:00\nincident b web 10:00\nincident c web 10:00");
    for event in &mut events {
        if let model::Event::IncidentOpened(incident) = &mut event.event
            && incident.source_id != "a"
        {
            incident.items.clear();
        }
    }
    let view = view_of(events);
    assert_eq!(found(&view, ALL).len(), 3);
}

#[test]
fn how_bad_the_whole_is_follows_the_worst_member_and_the_most_critical_item() {
    let level = |text: &str| {
        let view = view_of(testkit::events(text));
        found(&view, ALL)[0].level_reason.clone()
    };
    let web = "web -> db\n incident a web 10:00 severity=warning\n";
    let worse = format!("{web} incident b db 10:01 severity=critical\n");
    assert_snapshot!(level(web), @r#"the worst is stated as "warning": P3"#);
    assert_snapshot!(level(&worse), @r#"the worst is stated as "critical": P1"#);
    assert_snapshot!(level(&format!("{worse} item service:db criticality=critical")), @r#"the worst is stated as "critical": P1; the most critical that shows symptoms is service:db (P0), one worse: P0"#);
    assert_snapshot!(level(&format!("{worse} item service:db criticality=low")), @r#"the worst is stated as "critical": P1; the most critical that shows symptoms is service:db (P2), one better: P2"#);
    assert_snapshot!(level("incident a web 10:00 severity=purple"), @"no stated severity is known: P3");
}

#[test]
fn it_is_over_when_all_of_it_is() {
    let state = |text: &str| {
        let view = view_of(testkit::events(text));
        let group = found(&view, ALL).remove(0);
        (group.open, group.ended_at.map(|at| at.to_string()))
    };
    let one = "web -> db\n incident a web 10:00 until=10:30\n";
    let ended = Some("2026-01-01T10:40:00Z".to_owned());
    assert_eq!(state(&format!("{one} incident b db 10:01")), (1, None));
    assert_eq!(
        state(&format!("{one} incident b db 10:01 until=10:40")),
        (0, ended)
    );
}

#[test]
fn a_storm_of_hundreds_is_one_and_two_storms_are_two() {
    let mut text = String::new();
    for n in 0..300 {
        let second = n % 10;
        text += &format!("left{n} -> left-db\nright{n} -> right-db\n");
        text +=
            &format!("incident l{n} left{n} 10:0{second}\nincident r{n} right{n} 10:0{second}\n");
    }
    text += "incident l left-db 10:05\nincident r right-db 10:09\n";
    let view = view_of(testkit::events(&text));
    let groups = found(&view, ALL);
    let mut counts: Vec<(String, usize, usize)> = groups
        .iter()
        .map(|it| {
            (
                name(&view, it.head),
                it.members.len(),
                it.components[0].explains,
            )
        })
        .collect();
    counts.sort();
    assert_eq!(
        counts,
        [("l".to_owned(), 301, 301), ("r".to_owned(), 301, 301)]
    );
}

#[test]
fn a_moment_that_is_asked_for_hides_what_began_after_it() {
    let text = "web -> db\n incident a db 10:00\n incident b web 10:05";
    let view = view_of(testkit::events(text));
    let asked = GroupsAsked {
        seen_until: at("10:04"),
        ..ALL
    };
    assert_eq!(found(&view, asked)[0].members.len(), 1);
}

/// Events of an estate of ten services and some incidents on them.
fn estates() -> impl Strategy<Value = String> {
    let relation = (0..10_u8, 0..10_u8).prop_map(|(one, other)| format!("s{one} -> s{other}\n"));
    let incident = (0..10_u8, 0..600_u32, any::<bool>());
    let relations = prop::collection::vec(relation, 0..14);
    let incidents = prop::collection::vec(incident, 0..40);
    let word = prop_oneof![Just("together"), Just("apart"), Just("withdrawn")];
    let said = (0..40_u8, 0..40_u8, word).prop_filter("of two", |(one, other, _)| one != other);
    let said = said.prop_map(|(one, other, word)| format!("belong i{one} i{other} {word} 11:59\n"));
    let said = prop::collection::vec(said, 0..6);
    (relations, incidents, said).prop_map(|(relations, incidents, said)| {
        let incidents = incidents
            .iter()
            .enumerate()
            .map(|(n, (item, minute, declared))| {
                let time = format!("{:02}:{:02}", 1 + minute / 60, minute % 60);
                let declared = if *declared { " declared=yes" } else { "" };
                format!("incident i{n} s{item} {time}{declared}\n")
            });
        relations.into_iter().chain(incidents).chain(said).collect()
    })
}

proptest! {
    #[test]
    fn the_order_of_arrival_changes_no_group(text in estates(), seed: u64) {
        let events = testkit::events(&text);
        let one = view_of(events.clone());
        let other = view_of(shuffled(events, seed));
        prop_assert_eq!(found(&one, ALL), found(&other, ALL));
    }

    #[test]
    fn every_incident_is_in_exactly_one_group_and_each_names_the_same(text in estates()) {
        let view = view_of(testkit::events(&text));
        let mut group_of: BTreeMap<IncidentId, IncidentGroup> = BTreeMap::new();
        for group in found(&view, ALL) {
            for member in &group.members {
                let before = group_of.insert(member.incident, group.clone());
                prop_assert!(before.is_none(), "one group each");
            }
        }
        prop_assert_eq!(group_of.len(), view.incidents().len());
        for incident in view.incidents() {
            let start = incident.started_at();
            let asked = GroupsAsked { from: start, to: start.plus_nanos(1), ..ALL };
            let groups = IncidentGroups::find(&view, asked);
            let number = groups.number_of(incident.id());
            let group = number.map(|number| groups.group(number));
            if !group_of[&incident.id()].truncated {
                prop_assert_eq!(group.as_ref(), group_of.get(&incident.id()));
            }
        }
    }

    #[test]
    fn no_group_grows_beyond_its_span_and_all_but_the_first_have_a_reason(text in estates()) {
        let view = view_of(testkit::events(&text));
        for group in found(&view, ALL) {
            let span = group.last_started_at.millis_since(group.started_at);
            #[expect(clippy::cast_precision_loss, reason = "minutes")]
            let most = GROUPING.span_minutes as f64 * 60_000.0;
            prop_assert!(span <= most);
            let without = group.members.iter().filter(|it| it.reasons.is_empty()).count();
            prop_assert_eq!(without, 1);
            prop_assert!(group.components[0].explains <= group.members.len());
        }
    }
}
