//! The client by which commands ask a server, with the token that they show.

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use crate::access::HouseKey;

/// The variable that holds a token.
const TOKEN: &str = "EPICENTER_TOKEN";
/// The variable that names a file which begins with one.
const TOKEN_FILE: &str = "EPICENTER_TOKEN_FILE";

/// A client that shows the key of a house, else the token of the environment, if there is one.
pub(crate) fn client(timeout: Duration, key: Option<&HouseKey>) -> anyhow::Result<reqwest::Client> {
    let secret = match key {
        Some(key) => Some(key.secret().to_owned()),
        None => token()?,
    };
    let mut headers = HeaderMap::new();
    if let Some(secret) = secret {
        let value = HeaderValue::try_from(format!("Bearer {secret}"));
        let mut value = value.context("a token is one line of plain text")?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    reqwest::Client::builder()
        .timeout(timeout)
        .default_headers(headers)
        .build()
        .context("could not make an HTTP client")
}

/// The token of the environment.
fn token() -> anyhow::Result<Option<String>> {
    let given = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    if let Some(token) = given(TOKEN) {
        return Ok(Some(token.trim().to_owned()));
    }
    let Some(path) = given(TOKEN_FILE) else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(&path);
    let text = text.with_context(|| format!("could not read {path} (`{TOKEN_FILE}`)"))?;
    let token = text.lines().next().unwrap_or_default().trim();
    ensure!(
        !token.is_empty(),
        "{path} (`{TOKEN_FILE}`) begins with an empty line"
    );
    Ok(Some(token.to_owned()))
}
