use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::mutate::{any_json, put};
use crate::told::testing;

const ENTRIES: &str = include_str!("../../testdata/gcp/entries.from-specification.json");

fn told(body: &str) -> String {
    testing::told(&ADDRESS, body)
}

#[test]
fn a_long_operation_is_one_change_and_what_was_refused_is_none() {
    testing::golden("gcp", "entries.golden", &told(ENTRIES));
}

#[test]
fn a_push_of_pub_sub_holds_the_same_entry() {
    let entries: Value = serde_json::from_str(ENTRIES).unwrap();
    let entry = entries[2].to_string();
    let pushed = json!({ "message": { "data": STANDARD.encode(&entry), "messageId": "1" }, "subscription": "projects/p/subscriptions/s" });
    assert_eq!(told(&pushed.to_string()), told(&entry));
    let broken = json!({ "message": { "data": "%" }, "subscription": "s" });
    assert_eq!(
        told(&broken.to_string()),
        "rejected [(\"message.data\", \"is not base64\")]\n"
    );
}

#[test]
fn an_operation_that_failed_at_its_end_is_a_failed_change() {
    let mut entries: Value = serde_json::from_str(ENTRIES).unwrap();
    entries[1]["protoPayload"]["status"] = json!({ "code": 8, "message": "quota" });
    assert!(told(&entries[1].to_string()).contains("status: \"failed\""));
}

#[test]
fn what_is_no_entry_goes_to_the_quarantine() {
    assert!(told("{}").starts_with("kept aside: "));
    assert!(decode(&testing::delivery(FORMAT, &[], "{")).is_err());
}

proptest! {
    #[test]
    fn nothing_makes_it_fall_over(
        bytes in ".{0,200}",
        steps in prop::collection::vec(any::<u8>(), 1..6),
        value in any_json(),
    ) {
        let _refused = decode(&testing::delivery(FORMAT, &[], &bytes));
        let mut body: Value = serde_json::from_str(ENTRIES).unwrap();
        put(&mut body, &steps, value);
        let _malformed = decode(&testing::delivery(FORMAT, &[], &body.to_string()));
    }
}
