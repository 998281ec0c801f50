//! Ways to log in to a cluster, over TLS: tokens, certificates, and plugins that hand them out.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::api::{Access, Api, certificate, pem};
use super::cluster::Cluster;
use super::{Following, LISTS, Running, folder, settings};

const VERSION: &str = "client.authentication.k8s.io/v1";

/// A plugin that counts its runs in a folder and prints what the script says.
fn plugin(folder: &Path, prints: &str) -> Value {
    let script = format!(
        "runs=$(($(cat \"$FOLDER/runs\" 2>/dev/null || echo 0) + 1)); \
         echo $runs > \"$FOLDER/new\"; mv \"$FOLDER/new\" \"$FOLDER/runs\"; {prints}"
    );
    json!({ "exec": {
        "apiVersion": VERSION, "command": "sh", "args": ["-c", script],
        "env": [{ "name": "FOLDER", "value": folder }], "interactiveMode": "IfAvailable",
    } })
}

/// A plugin whose tokens end at a moment.
fn tokens(folder: &Path, ends_at: &str) -> Value {
    let status = format!(r#"{{"token":"token-%s","expirationTimestamp":"{ends_at}"}}"#);
    let printed =
        format!(r#"{{"kind":"ExecCredential","apiVersion":"{VERSION}","status":{status}}}"#);
    plugin(folder, &format!("printf '{printed}' $runs"))
}

fn runs(folder: &Path) -> u64 {
    let counted = std::fs::read_to_string(folder.join("runs"));
    counted.map_or(0, |text| text.trim().parse().expect("a number"))
}

/// Follows a cluster as a user, and goes on when its watches break.
async fn follow(access: Access, user: &Value) {
    let api = Api::start_for(access).await;
    let mut following = Following::logged_in(api, 100, user).await;
    following.cluster.api.break_watches();
    following.cluster.happen(0);
    following.all_is_said().await;
    assert_eq!(following.cluster.api.did().unauthorized, 0);
    following.server.stop().await;
}

#[tokio::test]
async fn a_cluster_is_followed_with_a_token_of_the_kubeconfig_or_of_a_file() {
    follow(Access::TokensFrom(1), &json!({ "token": "token-1" })).await;
    let files = folder();
    let file = files.path().join("token");
    std::fs::write(&file, "token-2").expect("a file");
    follow(Access::TokensFrom(2), &json!({ "tokenFile": file })).await;
}

#[tokio::test]
async fn a_cluster_is_followed_with_a_certificate() {
    let user = json!({ "client-certificate-data": certificate("client.pem"),
        "client-key-data": certificate("client.key") });
    follow(Access::Certificate, &user).await;
}

#[tokio::test]
async fn a_cluster_is_followed_with_what_a_plugin_hands_out() {
    let files = folder();
    let far = "2126-01-01T00:00:00Z";
    follow(Access::TokensFrom(1), &tokens(files.path(), far)).await;
    assert_eq!(runs(files.path()), 1, "what lasts is asked for once");
    let printed = json!({ "kind": "ExecCredential", "apiVersion": VERSION, "status": {
        "clientCertificateData": pem("client.pem"), "clientKeyData": pem("client.key") } });
    let credential = files.path().join("credential");
    std::fs::write(&credential, printed.to_string()).expect("a file");
    let prints = format!("cat '{}'", credential.display());
    follow(Access::Certificate, &plugin(files.path(), &prints)).await;
}

#[tokio::test]
async fn a_token_that_is_no_longer_taken_is_asked_for_anew_and_costs_no_list() {
    let api = Api::start_for(Access::TokensFrom(1)).await;
    let files = folder();
    let user = tokens(files.path(), "2126-01-01T00:00:00Z");
    let mut following = Following::logged_in(api, 100, &user).await;
    let lists = following.cluster.api.did().lists;
    for round in 2..5_u64 {
        following.cluster.api.take_tokens_from(round);
        following.cluster.api.break_watches();
        following
            .cluster
            .happen(usize::try_from(round).expect("a small number"));
        following.all_is_said().await;
    }
    let did = following.cluster.api.did();
    assert_eq!(did.lists, lists);
    assert!(3 <= did.unauthorized, "{did:?}");
    let runs = runs(files.path());
    assert!((4..10).contains(&runs), "{runs}");
    following.server.stop().await;
}

#[tokio::test]
async fn a_token_is_asked_for_anew_at_its_end() {
    let api = Api::start_for(Access::TokensFrom(1)).await;
    let files = folder();
    let user = tokens(files.path(), "2026-01-01T00:00:00Z");
    let mut following = Following::logged_in(api, 100, &user).await;
    let begun = Instant::now();
    while runs(files.path()) < 3 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody asked");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    following.cluster.api.break_watches();
    following.cluster.happen(0);
    following.all_is_said().await;
    assert_eq!(following.cluster.api.did().unauthorized, 0);
    following.server.stop().await;
}

/// Starts a server that cannot log in, and waits until it tried so often.
async fn fails(
    api: Api,
    attempts: u64,
    kubeconfig: impl FnOnce(&Api, &Path) -> std::path::PathBuf,
) {
    let data = folder();
    let settings = settings(kubeconfig(&api, data.path()));
    let server = Running::with(settings, data.path()).await;
    let following = Following {
        server,
        folder: data,
        cluster: Cluster::with(api, 50),
        before: 0,
    };
    following
        .at_least("kubernetes_errors_total", attempts)
        .await;
    assert_eq!(following.measure("kubernetes_objects").await, 0);
    assert_eq!(following.cluster.api.did().lists, 0);
    following.server.stop().await;
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_believed() {
    let api = Api::start_for(Access::Anybody).await;
    let stranger = certificate("client.pem");
    fails(api, 3 * LISTS, |api, folder| {
        api.kubeconfig_believing(folder, &json!({ "token": "token-1" }), &stranger)
    })
    .await;
}

#[tokio::test]
async fn what_a_plugin_prints_that_fails_is_no_login() {
    let api = Api::start_for(Access::TokensFrom(1)).await;
    fails(api, 3, |api, folder| {
        let printed = format!(
            r#"{{"kind":"ExecCredential","apiVersion":"{VERSION}","status":{{"token":"token-1"}}}}"#
        );
        let broken = plugin(folder, &format!("echo '{printed}'; exit 3"));
        api.kubeconfig(folder, &broken)
    })
    .await;
}
