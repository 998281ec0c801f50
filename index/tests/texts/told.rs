//! What the model of changes tells is found, and its own words are no texts.

use index::{ExactTerm, TextQuestion};
use model::Change;

use crate::world::World;

#[test]
fn what_the_change_model_tells_is_found_by_its_words() {
    let said = |id: &str, fields: serde_json::Value| -> Change {
        let mut change = serde_json::json!({ "source": "ci", "sourceId": id });
        change
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        serde_json::from_value(change).unwrap()
    };
    let mut world = World::of(&[
        said(
            "a",
            serde_json::json!({
                "foldKey": "ORDER-7", "exemption": "green_channel OPS-7",
                "batches": [{ "index": 0, "targets": ["host:h1"] }],
                "basic": { "index": "夜间窗口", "result": "canary" },
                "checkResults": [
                    { "name": "slo", "at": "after_batch", "batch": 0, "result": "block", "reason": "错误率升高" }
                ],
            }),
        ),
        said(
            "b",
            serde_json::json!({
                "rollout": { "flow": "traffic_ratio", "onFailure": "ask", "batchPercent": 37 },
                "checkResults": [{ "name": "slo", "result": "pass" }],
            }),
        ),
        said(
            "c",
            serde_json::json!({ "declaredImpact": ["service:prod/checkout"] }),
        ),
    ]);
    world.commit();
    let found = |term| {
        let question = TextQuestion {
            exact: vec![vec![term]],
            ..TextQuestion::default()
        };
        world.both_ways(&question).join(" ")
    };
    assert_eq!(found(ExactTerm::fold_key("order-7")), "a");
    assert_eq!(found(ExactTerm::exemption("green_channel")), "a");
    assert_eq!(found(ExactTerm::flow("machine_batches")), "a");
    assert_eq!(found(ExactTerm::flow("traffic_ratio")), "b");
    assert_eq!(found(ExactTerm::check_result("block")), "a");
    assert_eq!(found(ExactTerm::check_result("pass")), "b");
    for (query, ids) in [
        ("错误率", "a"),
        ("夜间", "a"),
        ("canary", "a"),
        ("name:order-7", "a"),
        ("ops-7", "a"),
        ("name:checkout", "c"),
        // Words and numbers of the product itself are no texts.
        ("block OR ask OR 37 OR after_batch OR traffic*", ""),
    ] {
        assert_eq!(world.search(query), ids, "{query}");
    }
}
