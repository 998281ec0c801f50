use proptest::prelude::*;

use super::*;
use crate::mutate::{any_json, put};
use crate::told::testing;

const FLAG: &str = include_str!("../../testdata/launchdarkly/flag.from-specification.json");

fn told(body: &str) -> String {
    testing::told(&ADDRESS, body)
}

#[test]
fn an_entry_of_a_flag_is_a_change_with_what_differs() {
    testing::golden("launchdarkly", "flag.golden", &told(FLAG));
}

#[test]
fn other_entries_are_no_change() {
    let member = FLAG.replace(r#""kind": "flag""#, r#""kind": "member""#);
    assert_eq!(told(&member), "ignored: an entry that is of no flag\n");
    assert!(told("{}").starts_with("kept aside: "));
    assert!(told(r#"{"kind":"flag"}"#).starts_with("rejected "));
    assert!(decode(&testing::delivery(FORMAT, &[], "{")).is_err());
}

#[test]
fn both_events_of_an_entry_are_named_within_bounds_however_long_its_id_is() {
    let mut entry: Value = serde_json::from_str(FLAG).unwrap();
    entry["_id"] = "x".repeat(5_000).into();
    let parts = decode(&testing::delivery(FORMAT, &[], &entry.to_string())).unwrap();
    let [Part::Events(events)] = parts.as_slice() else {
        panic!("an entry of a flag is one part");
    };
    let names: Vec<usize> = events.iter().map(|event| event.id.delivery.len()).collect();
    assert_eq!(names, [1_024, 1_024 + "#item.observed".len()]);
}

#[test]
fn an_entry_is_proved_by_its_signature() {
    // printf %s '{}' | openssl dgst -sha256 -hmac planted
    let signature = "8ba3ff6b8a7fc184eb5f5bee134bffb39be49fa8a5b02afebbc9ef74d0701b70";
    assert!(testing::proved(
        &ADDRESS,
        Some(("x-ld-signature", signature)),
        "{}"
    ));
    assert!(!testing::proved(
        &ADDRESS,
        Some(("x-ld-signature", signature)),
        "{} "
    ));
    assert!(!testing::proved(&ADDRESS, None, "{}"));
}

proptest! {
    #[test]
    fn nothing_makes_it_fall_over(
        bytes in ".{0,200}",
        steps in prop::collection::vec(any::<u8>(), 1..6),
        value in any_json(),
    ) {
        let _refused = decode(&testing::delivery(FORMAT, &[], &bytes));
        let mut body: Value = serde_json::from_str(FLAG).unwrap();
        put(&mut body, &steps, value);
        let _malformed = decode(&testing::delivery(FORMAT, &[], &body.to_string()));
    }
}
