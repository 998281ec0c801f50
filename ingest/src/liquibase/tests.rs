use proptest::prelude::*;

use super::*;
use crate::mutate::{any_json, put};
use crate::told::testing;

const CHANGELOG: &str = include_str!("../../testdata/liquibase/changelog.from-specification.json");

fn told(body: &str) -> String {
    testing::told(&ADDRESS, body)
}

#[test]
fn rows_tell_what_ran_and_a_list_what_is_to_run() {
    testing::golden("liquibase", "changelog.golden", &told(CHANGELOG));
}

#[test]
fn a_row_by_itself_has_the_columns_of_its_database() {
    let row = r#"{"id":"1","author":"a","filename":"f","dateexecuted":"2026-11-20T10:00:00Z","exectype":"EXECUTED"}"#;
    assert!(told(row).contains("sourceId: \"database/f::1::a\""));
    let marked = row.replace("EXECUTED", "MARK_RAN");
    assert_eq!(told(&marked), "ignored: there is no migration in it\n");
}

#[test]
fn what_is_neither_goes_to_the_quarantine() {
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
        let mut body: Value = serde_json::from_str(CHANGELOG).unwrap();
        put(&mut body, &steps, value);
        let _malformed = decode(&testing::delivery(FORMAT, &[], &body.to_string()));
    }
}
