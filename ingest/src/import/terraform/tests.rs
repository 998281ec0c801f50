use super::*;
use crate::import::shown::{assert_golden, shown};
use crate::import::{Format, decode as decode_files};

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../../testdata/terraform/", $name))
    };
}

fn listing(text: &str) -> Listing {
    let around = Surroundings {
        environment: Some("prod".to_owned()),
        cluster: None,
        at: "2026-11-20T10:00:00Z".parse().unwrap(),
    };
    let file = ImportFile {
        name: "state".to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    decode_files(Format::Terraform, &[file], &around).unwrap()
}

/// The events as the log would hold them.
fn events(listing: &Listing) -> String {
    let mut text = Vec::new();
    for (event, _) in listing.events() {
        event.encode_payload(&mut text);
        text.push(b'\n');
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn a_state_becomes_items_and_relations() {
    assert_golden(
        &listing(sample!("shop.written-here.tfstate")),
        "terraform/shop.golden.txt",
    );
}

#[test]
fn a_plan_becomes_a_planned_change() {
    let text = events(&listing(sample!("orders.written-here.plan.json")));
    let change: Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(change["title"], "Terraform plan: 1 to replace, 1 to update");
    assert_eq!(change["status"], "planned");
    let targets: Vec<&str> = change["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["name"].as_str().unwrap())
        .collect();
    assert_eq!(targets, ["orders", "i-0fff1234567890def"]);
    let shown = change["values"]
        .as_array()
        .unwrap()
        .iter()
        .find(|value| value.get("after").is_some())
        .unwrap();
    assert_eq!(
        (&shown["before"], &shown["after"]),
        (&"db.m7g.large".into(), &"db.m7g.xlarge".into())
    );
}

#[test]
fn nothing_sensitive_leaves() {
    for text in [
        sample!("shop.written-here.tfstate"),
        sample!("orders.written-here.plan.json"),
    ] {
        let said = format!("{:?}", listing(text));
        assert!(!said.contains("planted"), "{said}");
    }
}

#[test]
fn published_states_and_plans_are_read() {
    let random = shown(&listing(sample!("moved_block.show.json")));
    assert_eq!(random, "passed over 1\n");
    let state = shown(&listing(sample!("no_changes.terraform.tfstate")));
    assert_eq!(state, "passed over 6\n");
    let titles: Vec<String> = [
        sample!("basic.plan.json"),
        sample!("has_changes.plan.json"),
        sample!("deep_module.plan.json"),
        sample!("moved_block.plan.json"),
    ]
    .into_iter()
    .flat_map(|plan| listing(plan).changes)
    .filter_map(|change| change.title)
    .collect();
    assert_eq!(
        titles,
        [
            "Terraform plan: 7 to create",
            "Terraform plan: nothing to do",
            "Terraform plan: 1 to create",
            "Terraform plan: nothing to do",
        ]
    );
}

#[test]
fn show_and_state_say_the_same() {
    let shown_form = r#"{"format_version":"1.0","values":{"root_module":{"resources":[
        {"address":"aws_lb.a[0]","mode":"managed","type":"aws_lb","name":"a","index":0,"values":{"name":"a","arn":"arn:aws:x:r:1:lb/a"},"sensitive_values":{}}],
        "child_modules":[{"address":"module.m","resources":[
        {"address":"module.m.aws_sqs_queue.q","mode":"managed","type":"aws_sqs_queue","name":"q","values":{"name":"q","port":7},"sensitive_values":{"port":true}}]}]}}}"#;
    let state_form = r#"{"version":4,"resources":[
        {"mode":"managed","type":"aws_lb","name":"a","instances":[{"index_key":0,"attributes":{"name":"a","arn":"arn:aws:x:r:1:lb/a"}}]},
        {"module":"module.m","mode":"managed","type":"aws_sqs_queue","name":"q","instances":[{"attributes":{"name":"q","port":7},"sensitive_attributes":[[{"type":"get_attr","value":"port"}]]}]}]}"#;
    assert_eq!(shown(&listing(shown_form)), shown(&listing(state_form)));
    assert!(shown(&listing("{\"version\":3}")).contains("rejected state line 1: version"));
}
