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
