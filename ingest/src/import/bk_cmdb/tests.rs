use super::*;
use crate::import::shown::{assert_golden, shown};
use crate::import::{Format, decode as decode_files};

const HOSTS: &str = include_str!("../../../testdata/bk-cmdb/hosts.from-specification.json");
const TOPOLOGY: &str = include_str!("../../../testdata/bk-cmdb/topology.from-specification.json");

fn listing(texts: &[&str]) -> Listing {
    let around = Surroundings {
        environment: None,
        cluster: None,
        at: "2026-11-20T10:00:00Z".parse().unwrap(),
    };
    let files: Vec<ImportFile> = texts
        .iter()
        .map(|text| ImportFile {
            name: "answer".to_owned(),
            bytes: text.as_bytes().to_vec(),
        })
        .collect();
    decode_files(Format::BkCmdb, &files, &around).unwrap()
}

#[test]
fn hosts_and_topology_become_items_and_relations() {
    assert_golden(&listing(&[HOSTS, TOPOLOGY]), "bk-cmdb/shop.golden.txt");
}

#[test]
fn levels_of_any_number_are_read() {
    let text = r#"{"data":{"info":[{"host":{"bk_host_id":7},"topo":[{"inst":{"obj":"region","name":"南","id":8},"children":[
        {"inst":{"obj":"module","name":"m","id":11},"children":null}]}]}]}}"#;
    assert_eq!(
        shown(&listing(&[text])),
        "host:7\n  is bk.host_id=7\nmodule:-/bk-cmdb/11\n  called m\nregion:-/bk-cmdb/8\n  called 南\n\
         module:-/bk-cmdb/11 includes host:7\nregion:-/bk-cmdb/8 includes module:-/bk-cmdb/11\n"
    );
    assert!(
        shown(&listing(&[r#"{"result":false,"data":null}"#])).contains("is an answer that failed")
    );
}
