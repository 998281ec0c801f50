//! Asks a running server over GraphQL.

use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;

use super::client::client;
use super::serve::runtime;
use crate::access::HouseKey;

/// Which server is asked, and how its answer is shown.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct AskFlags {
    /// The server's address
    #[arg(
        long,
        value_name = "URL",
        env = "EPICENTER_SERVER",
        default_value = "http://127.0.0.1:8080"
    )]
    pub(crate) server: String,
    /// Print the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a command asks: a document, its variables, and how people read the answer.
pub(crate) struct Question<A> {
    /// The document. Lines that end with [`FOR_ALL`] are left out where a token shows a part of the estate only.
    pub(crate) document: &'static str,
    /// Its variables.
    pub(crate) variables: Value,
    /// The answer in words.
    pub(crate) render: fn(&A) -> String,
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<AnswerError>,
}

#[derive(Deserialize)]
struct AnswerError {
    message: String,
    #[serde(default)]
    extensions: Value,
}

/// Ends the lines of a document that are for those who may see everything. To GraphQL it is a remark.
const FOR_ALL: &str = "# whole";
/// What is said where they were left out.
const LEFT_OUT: &str = "The token shows a part of the estate: what tells of more is left out.\n\n";

/// The server tells fields to nobody who sees a part of the estate.
#[derive(Debug, Error)]
#[error("{0}")]
struct ForAll(String);

/// Asks and prints.
pub(crate) fn ask<A: DeserializeOwned>(
    flags: &AskFlags,
    question: &Question<A>,
) -> anyhow::Result<()> {
    let asked = runtime()?.block_on(async {
        let whole = query(&flags.server, question.document, &question.variables).await;
        let part = part(question.document);
        match whole {
            Err(error) if error.is::<ForAll>() && part != question.document => {
                let data = query(&flags.server, &part, &question.variables).await?;
                Ok((data, LEFT_OUT))
            }
            asked => asked.map(|data| (data, "")),
        }
    });
    let (data, remark) = asked?;
    if flags.json {
        return super::print(&format!("{}\n", serde_json::to_string_pretty(&data)?));
    }
    let answer: A = serde_json::from_value(data).context("the server answered something else")?;
    super::print(&format!("{remark}{}", (question.render)(&answer)))
}

/// A document as it is asked with a token that shows a part of the estate.
fn part(document: &str) -> String {
    let lines = document.lines().filter(|line| !line.ends_with(FOR_ALL));
    lines.collect::<Vec<_>>().join("\n")
}

/// Sends one GraphQL request and returns its data.
pub(crate) async fn query(
    server: &str,
    document: &str,
    variables: &Value,
) -> anyhow::Result<Value> {
    query_with(None, server, document, variables).await
}

/// The same, of a server that runs in this process for this process.
pub(crate) async fn query_with(
    key: Option<&HouseKey>,
    server: &str,
    document: &str,
    variables: &Value,
) -> anyhow::Result<Value> {
    let url = format!("{}/graphql", server.trim_end_matches('/'));
    let client = client(Duration::from_secs(60), key)?;
    let response = client
        .post(&url)
        .header("accept", "application/graphql-response+json")
        .json(&json!({ "query": document, "variables": variables }))
        .send()
        .await
        .with_context(|| {
            format!("no server answers at {server}; start one with `epicenter serve`, or name it with --server")
        })?;
    let status = response.status();
    let body = response.bytes().await.context("the answer broke off")?;
    let Ok(answer) = serde_json::from_slice::<Answer>(&body) else {
        bail!("{url} answered {status}, and not in GraphQL");
    };
    if let Some(error) = answer.errors.first() {
        let code = error.extensions.get("code").and_then(Value::as_str);
        let code = code.map_or_else(String::new, |code| format!(" ({code})"));
        let message = format!("{}{code}", error.message);
        match error.extensions.get("fields") {
            Some(_) => return Err(ForAll(message).into()),
            None => bail!(message),
        }
    }
    answer.data.context("the answer holds no data")
}
