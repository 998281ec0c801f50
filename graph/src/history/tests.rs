use model::{AttributeRule, KindDefined, SourceKey};
use proptest::prelude::*;

use super::*;
use crate::stamped::Stamp;

/// One statement for each line: `second source name=value ...`, a value being JSON.
fn statements(text: &str) -> Vec<ItemStatement> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .zip(1..);
    lines
        .map(|(line, position)| {
            let mut words = line.split_whitespace();
            let second: i64 = words.next().unwrap().parse().unwrap();
            let source = SourceName::new(words.next().unwrap());
            let mut item = ObservedItem::new(SourceKey::text("service:a"));
            for word in words {
                let (name, value) = word.split_once('=').unwrap();
                let value: Value = serde_json::from_str(value).unwrap();
                match name {
                    "owner" if value.is_null() => {
                        item.taken_back.get_or_insert_default().owner = true;
                    }
                    "owner" => item.owner = Some(value.as_str().unwrap().to_owned()),
                    _ => drop(item.attributes.insert(name.to_owned(), value)),
                }
            }
            ItemStatement {
                source,
                occurred_at: Timestamp::from_unix_millis(second * 1_000),
                tie: position,
                position: LogPosition::new(position),
                item,
            }
        })
        .collect()
}

fn of_services(kinds: &KindBook) -> Precedence<'_> {
    Precedence {
        kinds,
        kind: "service",
        moment: Timestamp::from_unix_millis(50_000),
    }
}

/// The values at a second as lines: `name=value by source, then what others say`.
fn values(text: &str, second: i64, kinds: &KindBook) -> String {
    let at = Some(Timestamp::from_unix_millis(second * 1_000));
    let said = attributes_at(
        &statements(text),
        at,
        Wanted::Attributes,
        of_services(kinds),
    );
    lines(&said)
}

fn lines(said: &[ItemAttribute]) -> String {
    let word = |stated: &StatedValue| format!("{} by {}", stated.value, stated.source);
    let line = |attribute: &ItemAttribute| {
        let mut line = format!("{}={}", attribute.name, word(&attribute.shown));
        for other in &attribute.others {
            line.push_str(&format!(", {}", word(other)));
        }
        let disputed = if attribute.is_disputed() { " !" } else { "" };
        line + disputed
    };
    let lines: Vec<String> = said.iter().map(line).collect();
    lines.join("\n")
}

const TWO_SOURCES: &str = r#"
    10 cmdb tier=1 room="a"
    20 scan tier=2
    30 cmdb tier=3 room=null
    40 scan tier=null
"#;

#[test]
fn a_moment_sees_what_was_stated_up_to_it() {
    let none = KindBook::default();
    assert_eq!(values(TWO_SOURCES, 9, &none), "");
    assert_eq!(
        values(TWO_SOURCES, 10, &none),
        "room=\"a\" by cmdb\ntier=1 by cmdb"
    );
    assert_eq!(
        values(TWO_SOURCES, 20, &none),
        "room=\"a\" by cmdb\ntier=2 by scan, 1 by cmdb !"
    );
    assert_eq!(
        values(TWO_SOURCES, 30, &none),
        "tier=3 by cmdb, 2 by scan !"
    );
    assert_eq!(values(TWO_SOURCES, 40, &none), "tier=3 by cmdb");
}

#[test]
fn a_declared_order_stands_before_the_latest_statement() {
    let mut tier = AttributeRule::new("tier");
    tier.precedence = vec![SourceName::new("scan")];
    let mut service = KindDefined::new("service");
    service.attributes.push(tier);
    let stamp = Stamp {
        at: Timestamp::from_unix_millis(0),
        tie: 0,
    };
    let mut scan_first = KindBook::default();
    scan_first.define(&service, stamp, LogPosition::new(1));
    assert_eq!(
        values(TWO_SOURCES, 30, &scan_first),
        "tier=2 by scan, 3 by cmdb !"
    );
    assert_eq!(values(TWO_SOURCES, 40, &scan_first), "tier=3 by cmdb");
}

#[test]
fn a_null_takes_back_only_the_word_of_its_own_source() {
    let text = "10 a tier=1 \n 11 b tier=1 \n 12 b tier=null";
    assert_eq!(values(text, 12, &KindBook::default()), "tier=1 by a");
}

#[test]
fn sources_that_agree_dispute_nothing() {
    let text = "10 a tier=1 \n 11 b tier=1";
    assert_eq!(
        values(text, 11, &KindBook::default()),
        "tier=1 by b, 1 by a"
    );
}

#[test]
fn a_field_that_is_taken_back_has_no_value_any_more() {
    let said = statements("10 a owner=\"shop\"\n 20 a owner=null\n 30 a owner=\"front\"");
    let names = ["owner".to_owned()];
    let none = KindBook::default();
    let at = |second: i64| {
        let at = Some(Timestamp::from_unix_millis(second * 1_000));
        lines(&attributes_at(
            &said,
            at,
            Wanted::Named(&names),
            of_services(&none),
        ))
    };
    assert_eq!(
        [at(15), at(25), at(35)],
        ["owner=\"shop\" by a", "", "owner=\"front\" by a"]
    );
}

#[test]
fn a_field_is_a_value_when_it_is_asked_for_by_name() {
    let said = statements("10 a owner=\"shop\" tier=1\n 20 b owner=\"front\"");
    let names = ["owner".to_owned()];
    let none = KindBook::default();
    let asked = attributes_at(&said, None, Wanted::Named(&names), of_services(&none));
    assert_eq!(lines(&asked), "owner=\"front\" by b, \"shop\" by a !");
}

#[test]
fn a_repeat_is_no_change_and_the_cut_is_told() {
    let said =
        statements("10 a tier=1 \n 20 a tier=1 \n 15 b tier=1 \n 30 a tier=2 \n 40 a tier=null");
    let told = |changes_max| {
        let history = history(&said, None, Wanted::Attributes, changes_max);
        let change = |change: &ValueChange| {
            let value = |value: &Option<Value>| {
                value
                    .as_ref()
                    .map_or_else(|| "-".to_owned(), Value::to_string)
            };
            let (before, after) = (value(&change.before), value(&change.after));
            let (source, position) = (&change.source, change.position);
            format!("{before}->{after} by {source} at {position}")
        };
        let changes: Vec<String> = history.changes.iter().map(change).collect();
        (changes.join(", "), history.truncated)
    };
    let all = "2->- by a at 5, 1->2 by a at 4, -->1 by b at 3, -->1 by a at 1";
    assert_eq!(told(9), (all.to_owned(), false));
    assert_eq!(told(1), ("2->- by a at 5".to_owned(), true));
}

/// A slow and obvious oracle: every source is asked for its last word before the moment.
fn oracle(statements: &[ItemStatement], at: Timestamp) -> String {
    let mut names: Vec<&String> = statements
        .iter()
        .flat_map(|it| it.item.attributes.keys())
        .collect();
    names.sort();
    names.dedup();
    let mut sources: Vec<&SourceName> = statements.iter().map(|it| &it.source).collect();
    sources.sort();
    sources.dedup();
    let mut lines = Vec::new();
    for name in names {
        let mut words: Vec<((Timestamp, u64), String)> = Vec::new();
        for source in &sources {
            let last = statements
                .iter()
                .filter(|it| it.source == **source && it.occurred_at <= at)
                .filter(|it| it.item.attributes.contains_key(name))
                .max_by_key(|it| (it.occurred_at, it.tie));
            if let Some(last) = last
                && !last.item.attributes[name].is_null()
            {
                let word = format!("{} by {source}", last.item.attributes[name]);
                words.push(((last.occurred_at, last.tie), word));
            }
        }
        words.sort();
        words.reverse();
        let words: Vec<String> = words.into_iter().map(|(_, word)| word).collect();
        if !words.is_empty() {
            lines.push(format!("{name}={}", words.join(", ")));
        }
    }
    lines.join("\n")
}

fn any_statements() -> impl Strategy<Value = Vec<ItemStatement>> {
    let value = prop_oneof!["null", "1", "2"];
    let line = (0..9_i64, "[ab]", "[xy]", value)
        .prop_map(|(second, source, name, value)| format!("{second} {source} {name}={value}"));
    prop::collection::vec(line, 0..24).prop_map(|lines| statements(&lines.join("\n")))
}

proptest! {
    #[test]
    fn the_values_of_a_moment_are_every_sources_last_word(said in any_statements(), second in 0..9_i64) {
        let at = Timestamp::from_unix_millis(second * 1_000);
        let found = attributes_at(&said, Some(at), Wanted::Attributes, of_services(&KindBook::default()));
        let found = lines(&found).replace(" !", "");
        prop_assert_eq!(found, oracle(&said, at));
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(said in any_statements(), seed in any::<u64>()) {
        let mut shuffled = said.clone();
        shuffled.sort_by_key(|it| it.position.number().wrapping_mul(seed | 1));
        let none = KindBook::default();
        let of = |said: &[ItemStatement]| attributes_at(said, None, Wanted::Attributes, of_services(&none));
        prop_assert_eq!(of(&said), of(&shuffled));
        let told = |said: &[ItemStatement]| history(said, None, Wanted::Attributes, 99);
        prop_assert_eq!(told(&said), told(&shuffled));
    }

    #[test]
    fn the_history_of_a_value_ends_in_the_value(said in any_statements()) {
        let told = history(&said, None, Wanted::Attributes, 99).changes;
        let now = attributes_at(&said, None, Wanted::Attributes, of_services(&KindBook::default()));
        for attribute in now {
            let last = told.iter().find(|change| {
                change.name == attribute.name && change.source == attribute.shown.source
            });
            prop_assert_eq!(last.unwrap().after.as_ref(), Some(&attribute.shown.value));
        }
    }
}
