use super::*;
use crate::import::shown::{assert_golden, shown};
use crate::import::{Format, decode_with};

const MAPPING: &str = include_str!("../../../testdata/rows/hosts.mapping.yaml");
const HOSTS: &str = include_str!("../../../testdata/rows/hosts.csv");

fn listing(format: Format, mapping: &str, text: &str) -> Listing {
    let around = Surroundings {
        environment: None,
        cluster: None,
        at: "2026-11-20T10:00:00Z".parse().unwrap(),
    };
    let file = ImportFile {
        name: "hosts".to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    let mapping = Mapping::read(mapping).unwrap();
    decode_with(&mapping, format, &[file], &around).unwrap()
}

#[test]
fn a_table_becomes_items_and_every_wrong_cell_is_named() {
    assert_golden(
        &listing(Format::Csv, MAPPING, HOSTS),
        "rows/hosts.golden.txt",
    );
}

#[test]
fn a_column_that_is_missing_is_named_once() {
    let text = shown(&listing(Format::Csv, MAPPING, "主机名,等级\nweb-1,P1\n"));
    assert!(
        text.contains("rejected hosts row 1: CPU is no column of this table\n"),
        "{text}"
    );
    assert!(!text.contains("row 2"), "{text}");
}

#[test]
fn json_lines_are_mapped_by_pointers() {
    let mapping = "key: {kind: /type, name: /meta/name}\nattributes: {size: {column: /size, type: number}, tags: /tags}\n\
        relations: [{kind: runs_on, provider: {kind: {value: host}, name: /hosts}}]";
    let lines = "{\"type\":\"Database\",\"meta\":{\"name\":\"orders\"},\"size\":\"1.5\",\"tags\":[\"a\"],\"hosts\":[\"h1\",\"h2\"]}\n\
        {\"type\":\"database\",\"meta\":{},\"size\":1}\n{\"type\":\"x\",\"meta\":{\"name\":\"y\"},\"size\":\"big\"}\n";
    assert_eq!(
        shown(&listing(Format::JsonLines, mapping, lines)),
        "database:orders\n  size: 1.5\n  tags: [\"a\"]\n\
         database:orders runs_on host:h1\ndatabase:orders runs_on host:h2\n\
         rejected hosts line 2: /meta/name is empty, and names the item\n\
         rejected hosts line 3: /size is no number\n"
    );
}

#[test]
fn a_mapping_that_cannot_be_used_says_why() {
    let why = |text: &str| Mapping::read(text).unwrap_err().to_string();
    assert!(why("key: {kind: a}").contains("key.name is required"));
    assert!(
        why("key: {kind: a, name: b}\nowners: x")
            .contains("owners is not known; did you mean owner?")
    );
    let both = "key: {kind: a, name: {column: b, value: c}}";
    assert!(why(both).contains("key.name.column or value"));
    assert!(why("key: {kind: a, name: {column: b, type: int}}").contains("key.name.type is not"));
    assert!(why("key: [").contains("is not YAML"));
}
