//! What people say of incidents comes before what harm says.

use graph::GroupsAsked;
use insta::assert_snapshot;
use testkit::at;

use super::{ALL, found, groups, name, told, view_of};

const SHOP: &str = "
    web -> db
    report -> db
    incident on-db db 10:00
    incident on-web web 10:02
    incident on-report report 10:04
";

#[test]
fn an_incident_that_does_not_belong_leaves_its_group_and_both_say_so() {
    assert_snapshot!(groups(SHOP), @"on-db: on-db on-web on-report");
    let said = |more: &str| groups(&format!("{SHOP}\n{more}"));
    assert_snapshot!(said("belong on-report on-db,on-web apart 11:00"), @r"
    on-db: on-db on-web
    on-report: on-report
    ");
    // The others stay together even without the one that began first and explained them.
    assert_snapshot!(said("belong on-db on-web,on-report apart 11:00"), @r"
    on-db: on-db
    on-web: on-web on-report
    ");
    // Of one other alone it is enough to say so: whoever comes later goes with those that belong.
    assert_snapshot!(said("belong on-db on-web apart 11:00"), @r"
    on-db: on-db
    on-web: on-web on-report
    ");
    let view = view_of(testkit::events(&format!(
        "{SHOP}\nbelong on-report on-db,on-web apart 11:00"
    )));
    let found = found(&view, ALL);
    let adjoining = found.iter().flat_map(|group| &group.adjoining);
    let adjoining: Vec<String> = adjoining
        .map(|(id, why)| format!("{} {why:?}", name(&view, *id)))
        .collect();
    assert_eq!(adjoining, ["on-report Judged", "on-db Judged"]);
}

#[test]
fn incidents_that_belong_together_are_one_whatever_harm_says_and_the_reason_is_told() {
    let text = "
        web -> db
        incident a db 10:00
        incident b web 10:01
        incident c mail 11:30
        @ann belong c a together 11:00 the_same_certificate
    ";
    assert_snapshot!(told(text), @r"
    a: a c b P3
      service:db explains 2 (1 on it)
      service:mail explains 1 (1 on it)
      service:web explains 1 (1 on it)
      c with a: ann says that both are one: the same certificate
      b with a: service:web calls service:db; service:db showed a symptom 60 s before
    ");
}

#[test]
fn what_somebody_says_is_bound_by_the_longest_group() {
    let apart = |time: &str| {
        groups(&format!(
            "incident a db 10:00\nincident b db {time}\nbelong b a together 12:30"
        ))
    };
    assert_eq!(apart("12:00"), "a: a b");
    assert_eq!(apart("12:01"), "a: a\nb: b");
}

/// Looking at less of the past must change nothing: what is said of two that can never be of one group says nothing.
#[test]
fn what_is_said_of_an_incident_long_ago_changes_no_reason() {
    let text = "s7 -> s4\n s4 -> s8\n s0 -> s1\n s1 -> s7
        incident old s0 01:00\n incident a s8 10:20\n incident b s0 10:34\n incident c s7 10:35
        belong b old apart 11:00";
    let view = view_of(testkit::events(text));
    let since = |from: &str| {
        let asked = GroupsAsked {
            from: at(from),
            ..ALL
        };
        found(&view, asked).pop()
    };
    assert_eq!(since("00:30"), since("10:35"));
    let not_said = view_of(testkit::events(text.split_once("belong").unwrap().0));
    assert_eq!(since("00:30"), found(&not_said, ALL).pop());
}

#[test]
fn the_latest_word_on_two_incidents_counts_and_can_be_taken_back() {
    let said = |more: &str| groups(&format!("{SHOP}\n{more}"));
    let one = groups(SHOP);
    assert_eq!(
        said(
            "@ann belong on-report on-db,on-web apart 11:00\n@ben belong on-web on-report withdrawn 11:01\n@ben belong on-db on-report withdrawn 11:01"
        ),
        one
    );
    assert_eq!(
        groups(&format!(
            "retract ann 11:00\n{SHOP}\n@ann belong on-report on-db,on-web apart 11:00"
        )),
        one
    );
    let ben = |others: &str| {
        said(&format!(
            "@ann belong on-report on-db,on-web apart 11:00\n@ben belong on-report {others} together 11:01"
        ))
    };
    assert_eq!(ben("on-db,on-web"), one);
    // What ann says of the other one still stands, and nobody is in one group with whom it is apart from.
    assert_eq!(ben("on-db"), "on-db: on-db on-web\non-report: on-report");
}
