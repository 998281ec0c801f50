//! The committed schema is the one the code builds, and everything in it is described.

use std::path::Path;

#[test]
fn the_committed_schema_is_the_one_the_code_builds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    let built = api::schema_text();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &built).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == built,
        "api/schema.graphql is not the schema of the code; run UPDATE_SCHEMA=1 cargo test -p api --test schema"
    );
}

#[test]
fn every_error_code_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/graphql.md");
    let documented = std::fs::read_to_string(path).unwrap();
    let missing: Vec<&str> = api::ErrorCode::ALL
        .iter()
        .map(|code| code.as_str())
        .filter(|code| !documented.contains(&format!("`{code}`")))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn everything_in_the_schema_is_described() {
    let schema = api::schema_text();
    let (types, _roots) = schema.split_once("schema {").unwrap();
    let lines: Vec<&str> = types.lines().map(str::trim).collect();
    let opens = |line: &str| {
        ["type ", "input ", "enum ", "interface ", "scalar "]
            .iter()
            .any(|word| line.starts_with(word))
    };
    let is_member = |line: &str| {
        let name = line.split([':', '(']).next().unwrap_or_default();
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let mut undescribed = Vec::new();
    let mut in_text = false;
    for (at, line) in lines.iter().enumerate() {
        if *line == "\"\"\"" {
            in_text = !in_text;
            continue;
        }
        let described = at
            .checked_sub(1)
            .is_some_and(|before| lines[before] == "\"\"\"");
        let concerns = !in_text && (opens(line) || is_member(line));
        if concerns && !described {
            undescribed.push(*line);
        }
    }
    assert_eq!(undescribed, [""; 0]);
}
