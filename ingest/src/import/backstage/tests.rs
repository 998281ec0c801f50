use super::*;
use crate::import::shown::{assert_golden, shown};
use crate::import::{Format, decode as decode_files};

const PETSTORE: &str = include_str!("../../../testdata/backstage/component.petstore.yaml");
const SHOP: &str = include_str!("../../../testdata/backstage/shop.written-here.yaml");

fn listing(text: &str) -> Listing {
    let around = Surroundings {
        environment: None,
        cluster: None,
        at: "2026-11-20T10:00:00Z".parse().unwrap(),
    };
    let file = ImportFile {
        name: "catalog".to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    decode_files(Format::Backstage, &[file], &around).unwrap()
}

#[test]
fn the_published_component_is_read() {
    assert_golden(&listing(PETSTORE), "backstage/petstore.golden.txt");
}

#[test]
fn a_catalog_becomes_items_and_relations() {
    assert_golden(&listing(SHOP), "backstage/shop.golden.txt");
}

#[test]
fn a_reference_from_another_file_means_the_same_item() {
    let only_one = "kind: Component\nmetadata: {name: a}\nspec: {type: service, dependsOn: [\"resource:orders\"]}";
    let text = shown(&listing(only_one));
    assert!(
        text.contains("service:a depends_on resource:orders"),
        "{text}"
    );
    let other = "kind: Resource\nmetadata: {name: orders}\nspec: {type: database}";
    let text = shown(&listing(other));
    assert!(text.starts_with("database:orders\n"), "{text}");
    assert!(text.contains("also key=resource:orders\n"), "{text}");
}
