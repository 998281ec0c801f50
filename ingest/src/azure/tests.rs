use proptest::prelude::*;

use super::*;
use crate::mutate::{any_json, put};
use crate::told::testing;

const RECORDS: &str = include_str!("../../testdata/azure/records.from-specification.json");
const GRID: &str = include_str!("../../testdata/azure/grid.from-specification.json");

fn told(body: &str) -> String {
    testing::told(&ADDRESS, body)
}

#[test]
fn an_operation_is_one_change_from_its_acceptance_to_its_end() {
    testing::golden("azure", "records.golden", &told(RECORDS));
}

#[test]
fn an_event_of_event_grid_is_a_change() {
    testing::golden("azure", "grid.golden", &told(GRID));
}

#[test]
fn the_handshake_of_event_grid_is_answered_with_its_code() {
    let body = r#"[{"id":"1","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d38b6","validationUrl":"https://example.org/"}}]"#;
    assert_eq!(
        told(body),
        "answered {\"validationResponse\":\"512d38b6\"}\n"
    );
    assert!(told(&body.replace("512d38b6", "")).starts_with("rejected"));
}

#[test]
fn what_is_neither_goes_to_the_quarantine() {
    assert!(told("{}").starts_with("kept aside: "));
    assert!(told(r#"[{"eventType":"Microsoft.Storage.BlobCreated"}]"#).starts_with("kept aside: "));
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
        for good in [RECORDS, GRID] {
            let mut body: Value = serde_json::from_str(good).unwrap();
            put(&mut body, &steps, value.clone());
            let _malformed = decode(&testing::delivery(FORMAT, &[], &body.to_string()));
        }
    }
}
