use serde_json::{Value, json};

use super::*;
use crate::Attributes;

fn kind(definition: Value) -> KindDefined {
    serde_json::from_value(definition).unwrap()
}

/// What a value of an attribute with these rules breaks, or nothing.
fn breach(rule: Value, value: Value) -> String {
    let mut attribute = rule;
    attribute["name"] = json!("a");
    let defined = kind(json!({ "name": "thing", "attributes": [attribute] }));
    assert_eq!(kind_faults(&defined), []);
    let rules = KindRules::of(defined);
    let breaches = rules.breaches(&Attributes::from([("a".to_owned(), value)]));
    let told: Vec<String> = breaches.into_iter().map(|it| it.rule).collect();
    told.join("; ")
}

#[test]
fn a_value_is_held_against_its_type() {
    let text = |what: &str| format!("must be {what}");
    for (value_type, good, bad, rule) in [
        ("any", json!({"x": [1]}), None, String::new()),
        ("string", json!("x"), Some(json!(1)), text("a text")),
        (
            "integer",
            json!(-3),
            Some(json!(1.5)),
            text("a whole number"),
        ),
        (
            "integer",
            json!(3.0),
            Some(json!("3")),
            text("a whole number"),
        ),
        ("number", json!(0.5), Some(json!(true)), text("a number")),
        (
            "boolean",
            json!(false),
            Some(json!(0)),
            text("true or false"),
        ),
        (
            "timestamp",
            json!("2026-11-20T09:00:00Z"),
            Some(json!("soon")),
            text("a moment in RFC 3339"),
        ),
        (
            "reference",
            json!("host:a"),
            Some(json!({"host": "a"})),
            text("the key of an item"),
        ),
        ("list", json!([1, "x"]), Some(json!("x")), text("a list")),
        ("object", json!({}), Some(json!([])), text("an object")),
    ] {
        let of_type = json!({ "type": value_type });
        assert_eq!(breach(of_type.clone(), good), "", "{value_type}");
        if let Some(bad) = bad {
            assert_eq!(breach(of_type, bad), rule, "{value_type}");
        }
    }
}

fn string(rules: &Value) -> Value {
    let mut rule = json!({ "type": "string" });
    let stated = rules.as_object().unwrap().clone();
    rule.as_object_mut().unwrap().extend(stated);
    rule
}

#[test]
fn a_text_is_held_against_its_length_and_pattern() {
    let either = || string(&json!({ "pattern": "[a-z]+|[0-9]+" }));
    let han = string(&json!({ "pattern": r"\p{Han}+" }));
    let two = || string(&json!({ "lengthMin": 2, "lengthMax": 2 }));
    for (rule, value, told) in [
        (two(), "猫", "must have at least 2 characters, has 1"),
        (two(), "猫猫", ""),
        (two(), "猫猫猫", "must have at most 2 characters, has 3"),
        (either(), "abc1", "must match [a-z]+|[0-9]+"),
        (either(), "123", ""),
        (either(), "123\n", "must match [a-z]+|[0-9]+"),
        (han, "防火墙", ""),
    ] {
        assert_eq!(breach(rule.clone(), json!(value)), told, "{rule} {value}");
    }
}

#[test]
fn a_number_a_word_and_a_reference_are_held_against_their_rules() {
    let switch = || json!({ "type": "enumeration", "values": ["on", "off"] });
    let place = || json!({ "type": "reference", "kinds": ["rack", "room"] });
    let least = json!({ "type": "integer", "minimum": 1.0 });
    let most = json!({ "type": "number", "maximum": 1.5 });
    for (rule, value, told) in [
        (least, json!(0), "must be at least 1"),
        (most, json!(1.6), "must be at most 1.5"),
        (switch(), json!("dim"), "must be one of on, off"),
        (switch(), json!("off"), ""),
        (place(), json!("Rack:a"), ""),
        (
            place(),
            json!("host:a"),
            "must be the key of a rack or room",
        ),
        (place(), json!("asset=7"), ""),
        (json!({ "type": "integer" }), Value::Null, ""),
    ] {
        assert_eq!(breach(rule.clone(), value.clone()), told, "{rule} {value}");
    }
}

#[test]
fn a_list_is_held_against_its_rules_and_so_is_each_entry() {
    let list = |mut rules: Value| {
        rules["type"] = json!("list");
        rules
    };
    for (rule, value, told) in [
        (
            json!({ "lengthMax": 1 }),
            json!([1, 2]),
            "must have at most 1 entries, has 2",
        ),
        (
            json!({ "elements": "integer" }),
            json!([1, "x"]),
            "entry 1 must be a whole number",
        ),
        (
            json!({ "elements": "string", "pattern": "[a-z]+" }),
            json!(["a", "B"]),
            "entry 1 must match [a-z]+",
        ),
        (
            json!({ "elements": "enumeration", "values": ["a"] }),
            json!(["a", "b"]),
            "entry 1 must be one of a",
        ),
    ] {
        let rule = list(rule);
        assert_eq!(breach(rule.clone(), value.clone()), told, "{rule} {value}");
    }
}

#[test]
fn a_closed_kind_takes_no_other_attribute() {
    let rules = KindRules::of(kind(json!({
        "name": "thing", "closed": true, "authority": "cmdb",
        "attributes": [{ "name": "a", "required": true }, { "name": "b" }],
    })));
    let stated = Attributes::from([("b".to_owned(), json!(1)), ("c".to_owned(), json!(2))]);
    let breaches = rules.breaches(&stated);
    assert_eq!(breaches.len(), 1);
    assert_eq!(breaches[0].attribute, "c");
    assert_eq!(
        breaches[0].rule,
        "is not one of the attributes of thing, which takes no others"
    );
    assert_eq!(rules.missing(&stated), ["a"]);
}

#[test]
fn what_cannot_be_a_rule_is_named() {
    let long = "a".repeat(2_000);
    for (definition, field, reason) in [
        (
            json!({"name": "Load Balancer"}),
            "name",
            "is written as keys write it: in lower case, without blanks, as in load_balancer",
        ),
        (
            json!({"name": "a", "halfLife": {"ageing": 3, "unconfirmed": 2, "closed": 9}}),
            "halfLife",
            "begins at 1 and grows from ageing over unconfirmed to closed",
        ),
        (
            json!({"name": "a", "halfLife": {"ageing": 3, "unconfirmed": 20, "closed": 97}}),
            "halfLife",
            "closed is at most 96 intervals",
        ),
        (
            json!({"name": "a", "attributes": [{"name": "b"}, {"name": "b"}]}),
            "attributes[1].name",
            "b is listed twice",
        ),
        (
            json!({"name": "a", "attributes": [{"name": "b", "type": "integer", "pattern": "x"}]}),
            "attributes[0].pattern",
            "rules a text only",
        ),
        (
            json!({"name": "a", "attributes": [{"name": "b", "type": "enumeration"}]}),
            "attributes[0].values",
            "an enumeration lists its values",
        ),
        (
            json!({"name": "a", "attributes": [{"name": "b", "type": "string", "lengthMin": 3, "lengthMax": 2}]}),
            "attributes[0].lengthMax",
            "is less than lengthMin",
        ),
        (
            json!({"name": "a", "attributes": [{"name": "b", "type": "string", "pattern": long}]}),
            "attributes[0].pattern",
            "has more than 1024 bytes",
        ),
        (
            json!({"name": "a", "attributes": [{"name": "b", "type": "string", "pattern": "(x{1000}){1000}"}]}),
            "attributes[0].pattern",
            "is too large when compiled",
        ),
        (
            json!({"name": "a", "attributes": [{"name": "b", "type": "string", "pattern": "a)|(?:b"}]}),
            "attributes[0].pattern",
            "is no regular expression: unopened group",
        ),
    ] {
        let faults = kind_faults(&kind(definition.clone()));
        let told: Vec<_> = faults
            .iter()
            .map(|it| (it.field.as_str(), it.reason.as_str()))
            .collect();
        assert_eq!(told, [(field, reason)], "{definition}");
    }
}

#[test]
fn a_built_in_relation_kind_cannot_be_defined_again() {
    let mut defined = BUILT_IN_RELATION_KINDS[0].definition();
    defined.cardinality = Cardinality::OneToOne;
    let faults = relation_kind_faults(&defined);
    assert_eq!(faults[0].reason, "calls is built in and cannot be changed");
    let mut kinds = Kinds::default();
    kinds.define_relation(defined.into());
    let calls = kinds.relation_kind("calls").unwrap();
    assert_eq!(calls.cardinality, Cardinality::ManyToMany);
}

#[test]
fn a_definition_of_a_built_in_kind_adds_to_it() {
    let rules = KindRules::of(kind(json!({
        "name": "host",
        "attributes": [{ "name": "os", "type": "enumeration", "values": ["linux"] }, { "name": "slot" }],
    })));
    assert_eq!(rules.attribute("os").unwrap().values, ["linux"]);
    assert!(rules.attribute("slot").is_some() && rules.attribute("memory").is_some());
    assert_eq!(rules.defined().title.as_deref(), Some("Host"));
}

#[test]
fn a_kind_may_rule_the_fields_of_a_statement() {
    let rules = KindRules::of(kind(json!({
        "name": "thing",
        "attributes": [
            { "name": "owner", "required": true },
            { "name": "criticality", "type": "enumeration", "values": ["P0", "P1"] },
        ],
    })));
    let mut item = crate::ObservedItem::new(crate::SourceKey::text("thing:a"));
    item.criticality = Some("high".to_owned());
    let stated = rules.stated(&item);
    assert_eq!(rules.missing(&stated), ["owner"]);
    assert_eq!(rules.breaches(&stated)[0].rule, "must be one of P0, P1");
    item.owner = Some("shop".to_owned());
    assert!(rules.missing(&rules.stated(&item)).is_empty());
}

/// Every built-in definition is one that could be stated, and states no name twice.
#[test]
fn what_is_built_in_keeps_its_own_rules() {
    let mut names = std::collections::BTreeSet::new();
    for built_in in BUILT_IN_KINDS {
        assert_eq!(kind_faults(&built_in.definition()), [], "{}", built_in.name);
        assert!(names.insert(built_in.name), "{} twice", built_in.name);
        assert!(!KindRules::of(built_in.definition()).rules_something());
    }
    for fleeting in FLEETING_KINDS {
        assert!(names.contains(fleeting), "{fleeting}");
    }
    let relations: std::collections::BTreeSet<_> =
        BUILT_IN_RELATION_KINDS.iter().map(|it| it.name).collect();
    assert_eq!(relations.len(), BUILT_IN_RELATION_KINDS.len());
}
