//! Tokens and locked doors, with the real binary.

#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

mod serving;

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use serving::{Serving, epicenter};

fn run(arguments: &[&str]) -> Output {
    epicenter(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The JSON that a command prints.
fn json(arguments: &[&str]) -> Value {
    let output = run(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whether any file below a folder holds a text.
fn is_written(folder: &Path, wanted: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => is_written(&path, wanted),
            false => {
                let bytes = fs::read(&path).unwrap();
                let mut windows = bytes.windows(wanted.len());
                windows.any(|window| window == wanted.as_bytes())
            }
        }
    })
}

#[test]
fn a_token_is_made_listed_and_revoked_over_a_server_and_over_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut serving = Serving::over(folder.path());
    let http = serving.http.clone();
    let server = ["--server", &http];
    let create = ["token", "create", "collector", "--scope", "ingest"];
    let made = json(&[&create[..], &server].concat());
    let secret = made["secret"].as_str().unwrap().to_owned();
    let id = made["token"]["id"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("epicenter_") && secret.len() == 74);

    let refused = run(&[&create[..], &["--expires-in", "P400D"], &server].concat());
    assert!(!refused.status.success());
    let told = text(&refused.stderr);
    assert!(told.contains("expiresIn is from PT1M to P366D"), "{told}");

    let listed = text(&run(&[&["token", "list"], &server[..]].concat()).stdout);
    assert!(listed.contains("collector") && listed.contains("ingest") && listed.contains("active"));
    assert!(!listed.contains(&secret));
    serving.signal("-TERM");
    assert!(serving.child.wait().unwrap().success());

    let over_folder = ["--data-dir", data];
    let revoke = ["token", "revoke", &id, "--reason", "lost"];
    json(&[&revoke[..], &over_folder].concat());
    let all = json(&[&["token", "list", "--all"], &over_folder[..]].concat());
    assert_eq!(all[0]["status"], "REVOKED");
    assert_eq!(all[0]["revokedReason"], "lost");
    let counting = json(&[&["token", "list"], &over_folder[..]].concat());
    assert_eq!(counting, serde_json::json!([]));
    assert!(is_written(folder.path(), "token.revoked"));
    assert!(!is_written(folder.path(), &secret));
    assert!(!is_written(folder.path(), &secret["epicenter_".len()..]));
}
