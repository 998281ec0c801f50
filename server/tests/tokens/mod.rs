//! Tokens from the command line, as an administrator makes them.

use std::path::Path;

use serde_json::Value;

use crate::serving::epicenter;

/// The id and the secret of a new token.
pub(crate) fn token(data: &Path, scope: &str, more: &[&str]) -> (String, String) {
    let mut create = epicenter(&["token", "create", scope, "--scope", scope, "--json"]);
    let create = create.args(more).arg("--data-dir").arg(data);
    let output = create.output().unwrap();
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let part = |pointer: &str| made.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    (part("/token/id"), part("/secret"))
}
