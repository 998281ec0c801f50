use super::*;
use crate::import::shown::{assert_golden, shown};
use crate::import::{Format, decode as decode_files};

const SHOP: &str = include_str!("../../../testdata/kubernetes/shop.written-here.yaml");
const WATCH: &str =
    include_str!("../../../testdata/kubernetes/watch.deployments.written-here.jsonl");

fn around() -> Surroundings {
    Surroundings {
        environment: Some("prod".to_owned()),
        cluster: Some("eu1".to_owned()),
        at: "2026-11-20T10:00:00Z".parse().unwrap(),
    }
}

fn listing(text: &str) -> Listing {
    let file = ImportFile {
        name: "objects".to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    decode_files(Format::Kubernetes, &[file], &around()).unwrap()
}

#[test]
fn a_cluster_becomes_items_and_relations() {
    assert_golden(&listing(SHOP), "kubernetes/shop.golden.txt");
}

#[test]
fn no_content_of_a_secret_a_variable_or_an_annotation_leaves() {
    let said = format!("{:?}", listing(SHOP));
    for planted in ["planted", "cGxhbnRlZC", "DB_PASSWORD", "LIMIT"] {
        assert!(!said.contains(planted), "{planted}");
    }
}

#[test]
fn a_watch_ends_with_what_is_there() {
    let text = shown(&listing(WATCH));
    assert!(
        text.starts_with("gone deployment:prod/shop/checkout\n"),
        "{text}"
    );
    assert!(text.contains("rejected objects line"), "{text}");
    let two: String = WATCH
        .lines()
        .take(2)
        .map(|line| format!("{line}\n"))
        .collect();
    let text = shown(&listing(&two));
    assert!(
        text.contains("checkout:1.2.4") && !text.contains("checkout:1.2.3"),
        "{text}"
    );
}

#[test]
fn a_line_that_differs_from_the_one_before_it_is_a_change() {
    let changes = listing(WATCH).changes;
    let told: Vec<String> = changes
        .iter()
        .map(|change| format!("{} {}", change.source, change.title.as_deref().unwrap()))
        .collect();
    let checkout = "kubernetes/eu1 deployment shop/checkout";
    let image = "registry.example/checkout";
    assert_eq!(
        told,
        [
            format!("{checkout}: containers[c].image {image}:1.2.3 -> {image}:1.2.4"),
            format!("{checkout} deleted"),
        ]
    );
    assert!(listing(SHOP).changes.is_empty());
}

#[test]
fn lists_are_opened_and_their_order_does_not_matter() {
    let documents: Vec<&str> = SHOP.split("\n---\n").collect();
    let turned: Vec<&str> = documents.iter().rev().copied().collect();
    let same = |left: &mut Listing, right: &mut Listing| {
        left.rejected.clear();
        right.rejected.clear();
        assert_eq!(left, right);
    };
    same(&mut listing(SHOP), &mut listing(&turned.join("\n---\n")));
    let pods = r#"{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"a","namespace":"n"}}]}"#;
    assert!(shown(&listing(pods)).starts_with("pod:prod/n/a\n"));
}

#[test]
fn a_pod_that_is_through_ends_with_its_address() {
    let pod = r#"{"kind":"Pod","metadata":{"name":"a","namespace":"n","creationTimestamp":"2026-11-20T09:00:00Z"},
      "status":{"phase":"Succeeded","podIP":"10.0.0.9","containerStatuses":[{"state":{"terminated":{"finishedAt":"2026-11-20T09:10:00Z"}}}]}}"#;
    let text = shown(&listing(pod));
    assert!(
        text.contains("ip=10.0.0.9 from 2026-11-20T09:00:00Z until 2026-11-20T09:10:00Z"),
        "{text}"
    );
    assert!(
        text.contains("2026-11-20T09:00:00Z..2026-11-20T09:10:00Z"),
        "{text}"
    );
}

#[test]
fn the_fingerprint_follows_the_content_only() {
    let secret = |uid: &str, value: &str| {
        let object = format!(
            r#"{{"kind":"Secret","metadata":{{"name":"a","namespace":"n","uid":"{uid}"}},"data":{{"x":"{value}"}}}}"#
        );
        listing(&object).items[0].attributes["fingerprint"].clone()
    };
    assert_eq!(secret("1", "a"), secret("1", "a"));
    assert_ne!(secret("1", "a"), secret("1", "b"));
    assert_ne!(secret("1", "a"), secret("2", "a"));
    assert_eq!(secret("1", "a").as_str().map(str::len), Some(4));
}
