use super::*;
use crate::import::shown::{assert_golden, shown};
use crate::import::{Format, decode as decode_files};

fn listing(name: &str, text: &str) -> Listing {
    let around = Surroundings {
        environment: Some("prod".to_owned()),
        cluster: None,
        at: "2026-11-20T10:00:00Z".parse().unwrap(),
    };
    let file = ImportFile {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    decode_files(Format::Ansible, &[file], &around).unwrap()
}

const INI: &str = include_str!("../../../testdata/ansible/hosts.ini");
const YAML: &str = include_str!("../../../testdata/ansible/hosts.yaml");

#[test]
fn an_inventory_becomes_hosts_with_their_groups() {
    assert_golden(&listing("hosts", INI), "ansible/ini.golden.txt");
    assert_golden(&listing("hosts.yaml", YAML), "ansible/yaml.golden.txt");
}

#[test]
fn no_variable_but_the_address_leaves() {
    for text in [
        shown(&listing("hosts", INI)),
        shown(&listing("hosts.yaml", YAML)),
    ] {
        assert!(!text.contains("planted"), "{text}");
    }
}

#[test]
fn what_the_tool_lists_itself_is_read() {
    let text = r#"{"_meta":{"hostvars":{"a":{"ansible_host":"10.0.0.1"}}},"all":{"children":["web"]},"web":{"hosts":["a","b"]}}"#;
    assert_eq!(
        shown(&listing("list.json", text)),
        "host:prod/a\n  also ip=10.0.0.1 from 2026-11-20T10:00:00Z\n  ansible.groups: [\"web\"]\n\
         host:prod/b\n  ansible.groups: [\"web\"]\n"
    );
}
