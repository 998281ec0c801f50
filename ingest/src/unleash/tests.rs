use proptest::prelude::*;

use super::*;
use crate::mutate::{any_json, put};
use crate::told::testing;

const EVENTS: &str = include_str!("../../testdata/unleash/events.from-specification.json");

fn told(body: &str) -> String {
    testing::told(&ADDRESS, body)
}

#[test]
fn events_that_change_what_a_flag_answers_are_changes() {
    testing::golden("unleash", "events.golden", &told(EVENTS));
}

#[test]
fn what_is_no_event_goes_to_the_quarantine() {
    assert!(told("{}").starts_with("kept aside: "));
    assert!(told(r#"{"type":"feature-created"}"#).starts_with("rejected "));
    assert!(decode(&testing::delivery(FORMAT, &[], "{")).is_err());
    assert!(testing::proved(
        &ADDRESS,
        Some(("authorization", "planted")),
        "{}"
    ));
    assert!(!testing::proved(
        &ADDRESS,
        Some(("authorization", "other")),
        "{}"
    ));
}

proptest! {
    #[test]
    fn nothing_makes_it_fall_over(
        bytes in ".{0,200}",
        steps in prop::collection::vec(any::<u8>(), 1..6),
        value in any_json(),
    ) {
        let _refused = decode(&testing::delivery(FORMAT, &[], &bytes));
        let mut body: Value = serde_json::from_str(EVENTS).unwrap();
        put(&mut body, &steps, value);
        let _malformed = decode(&testing::delivery(FORMAT, &[], &body.to_string()));
    }
}
