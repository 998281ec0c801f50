//! Credentials that a plugin hands out: the `exec` of a kubeconfig.
//!
//! The plugin is run here and not by the client, which would wait for it without an end, run it
//! several times, and write what it printed into its error. What it prints to stderr is dropped:
//! nobody knows what is in it.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, ExecConfig};
use model::Timestamp;
use serde::Deserialize;
use serde_json::json;
use thiserror::Error;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;

/// The most that a plugin may print.
const OUTPUT_BYTES_MAX: u64 = 1024 * 1024;

/// What a plugin handed out. It is never shown.
#[derive(Clone)]
pub(super) struct Credential {
    token: Option<String>,
    /// A certificate and its key, in PEM.
    certificate: Option<(String, String)>,
    /// When it ends; never when missing.
    pub(super) expires_at: Option<Timestamp>,
}

/// Why a plugin handed nothing out.
#[derive(Debug, Error)]
pub(crate) enum ExecError {
    #[error("the kubeconfig names no command for its plugin")]
    NoCommand,
    #[error("the plugin {command:?} cannot be run")]
    Start { command: String, source: io::Error },
    #[error("the plugin {command:?} ended with {status}")]
    Failed { command: String, status: ExitStatus },
    #[error("the plugin {command:?} took longer than {limit:?}")]
    TooSlow { command: String, limit: Duration },
    #[error("the plugin {command:?} printed something else than a credential")]
    Unreadable { command: String },
    #[error("the plugin {command:?} printed neither a token nor a certificate with its key")]
    Nothing { command: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Printed {
    kind: String,
    api_version: String,
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<Timestamp>,
}

/// Runs the plugin, and ends it where it takes too long.
pub(super) async fn run(exec: &ExecConfig, limit: Duration) -> Result<Credential, ExecError> {
    let command = exec.command.clone().ok_or(ExecError::NoCommand)?;
    match timeout(limit, printed(exec, &command)).await {
        Ok(printed) => read(exec, &printed?, command),
        Err(_) => Err(ExecError::TooSlow { command, limit }),
    }
}

async fn printed(exec: &ExecConfig, command: &str) -> Result<Vec<u8>, ExecError> {
    let start = |source| ExecError::Start {
        command: command.to_owned(),
        source,
    };
    let cluster = exec.cluster.as_ref().filter(|_| exec.provide_cluster_info);
    let info = json!({
        "apiVersion": exec.api_version,
        "kind": "ExecCredential",
        "spec": { "interactive": false, "cluster": cluster },
    });
    let variables = exec.env.iter().flatten();
    let variables = variables.filter_map(|it| Some((it.get("name")?, it.get("value")?)));
    let mut child = Command::new(command)
        .args(exec.args.iter().flatten())
        .envs(variables)
        .env("KUBERNETES_EXEC_INFO", info.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(start)?;
    let mut printed = Vec::new();
    if let Some(output) = child.stdout.take() {
        let mut output = output.take(OUTPUT_BYTES_MAX);
        output.read_to_end(&mut printed).await.map_err(start)?;
    }
    let status = child.wait().await.map_err(start)?;
    match status.success() {
        true => Ok(printed),
        false => Err(ExecError::Failed {
            command: command.to_owned(),
            status,
        }),
    }
}

fn read(exec: &ExecConfig, printed: &[u8], command: String) -> Result<Credential, ExecError> {
    let Ok(read) = serde_json::from_slice::<Printed>(printed) else {
        return Err(ExecError::Unreadable { command });
    };
    let asked_for = exec.api_version.as_deref();
    let is_asked_for = asked_for.is_none_or(|version| version == read.api_version);
    if read.kind != "ExecCredential" || !is_asked_for {
        return Err(ExecError::Unreadable { command });
    }
    let status = read.status;
    let named = |text: Option<String>| text.filter(|text| !text.is_empty());
    let certificate = named(status.client_certificate_data).zip(named(status.client_key_data));
    let token = named(status.token);
    if token.is_none() && certificate.is_none() {
        return Err(ExecError::Nothing { command });
    }
    Ok(Credential {
        token,
        certificate,
        expires_at: status.expiration_timestamp,
    })
}

impl Credential {
    /// Puts it in place of the plugin.
    pub(super) fn log_in(&self, login: &mut AuthInfo) {
        login.token = self.token.clone().map(Into::into);
        if let Some((certificate, key)) = &self.certificate {
            login.client_certificate_data = Some(STANDARD.encode(certificate));
            login.client_key_data = Some(STANDARD.encode(key).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "planted-secret";

    /// What becomes of a script's output, in words; `took` when it is a credential.
    async fn told(script: &str) -> String {
        let exec = ExecConfig {
            api_version: Some("client.authentication.k8s.io/v1".to_owned()),
            command: Some("sh".to_owned()),
            args: Some(vec!["-c".to_owned(), script.to_owned()]),
            ..ExecConfig::default()
        };
        match run(&exec, Duration::from_millis(500)).await {
            Ok(_) => "took".to_owned(),
            Err(error) => format!("{error} {error:?}"),
        }
    }

    fn printing(version: &str, status: &str) -> String {
        format!(
            r#"echo '{{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/{version}","status":{status}}}'"#
        )
    }

    #[tokio::test]
    async fn a_credential_is_read_and_anything_else_is_told_without_what_was_printed() {
        let good = printing("v1", &format!(r#"{{"token":"{SECRET}"}}"#));
        assert_eq!(told(&good).await, "took");
        let other = printing("v1beta1", &format!(r#"{{"token":"{SECRET}"}}"#));
        let half = printing("v1", &format!(r#"{{"clientKeyData":"{SECRET}"}}"#));
        let never = printing(
            "v1",
            &format!(r#"{{"token":"{SECRET}","expirationTimestamp":"soon"}}"#),
        );
        for (script, expected) in [
            (format!("{good}; exit 3"), "ended with exit status: 3"),
            (
                format!("echo {SECRET}; echo {SECRET} >&2"),
                "something else than a credential",
            ),
            (other, "something else than a credential"),
            (never, "something else than a credential"),
            (half, "neither a token nor a certificate"),
            (format!("{good}; exec sleep 60"), "took longer than 500ms"),
        ] {
            let told = told(&script).await;
            assert!(told.contains(expected), "{told}");
            assert!(!told.contains(SECRET), "{told}");
        }
    }

    #[tokio::test]
    async fn a_plugin_learns_that_nobody_is_there_to_be_asked() {
        let script = format!(
            r#"case "$KUBERNETES_EXEC_INFO" in *'"interactive":false'*) {};; esac"#,
            printing("v1", r#"{"token":"t"}"#)
        );
        assert_eq!(told(&script).await, "took");
    }
}
