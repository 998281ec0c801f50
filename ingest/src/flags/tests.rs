use proptest::prelude::*;

use super::*;
use crate::mutate::any_json;
use crate::told::testing;

fn told(body: &str) -> String {
    testing::told(&ADDRESS, body)
}

#[test]
fn a_change_of_a_flag_names_its_values() {
    let body = r#"{"id":"7","time":"2026-11-20T10:00:00Z","flagKey":"new-checkout","project":"shop","environment":"eu",
        "before":{"variant":"off"},"after":{"variant":"on","value":true},"actor":"alice","actorKind":"human","reason":"rollout"}"#;
    insta::assert_snapshot!(told(body), @r#"
    change.recorded at 2026-11-20T10:00:00Z by Human
      description: "rollout"
      environment: "eu"
      finishedAt: "2026-11-20T10:00:00Z"
      kind: "flag"
      operator: {"kind":"human","name":"alice"}
      source: "flags"
      sourceId: "7"
      startedAt: "2026-11-20T10:00:00Z"
      status: "succeeded"
      targets: [{"environment":"eu","kind":"flag","name":"shop/new-checkout"}]
      title: "new-checkout changed in eu"
      values: [{"after":true,"field":"value"},{"after":"on","before":"off","field":"variant"}]
    item.observed at 2026-11-20T10:00:00Z by Human
      key: {"environment":"eu","kind":"flag","name":"shop/new-checkout"}
    "#);
}

#[test]
fn what_is_wrong_is_told_by_field() {
    assert_eq!(
        told(r#"{"flagkey":"a","time":"soon"}"#),
        "rejected [(\"time\", \"not an RFC 3339 time: \\\"soon\\\"\"), (\"flagKey\", \"is required\"), (\"flagkey\", \"is not known; did you mean flagKey?\")]\n"
    );
}

proptest! {
    #[test]
    fn nothing_makes_it_fall_over(value in any_json()) {
        let _malformed = decode(&testing::delivery(FORMAT, &[], &value.to_string()));
        let body = serde_json::json!({ "flagKey": "a", "time": "2026-11-20T10:00:00Z", "before": value, "after": 1 });
        told(&body.to_string());
    }
}
