//! The client by which commands ask a server, with the token that they show.

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Certificate, Identity};

use crate::access::HouseKey;
use crate::tls;

/// The variable that holds a token.
const TOKEN: &str = "EPICENTER_TOKEN";
/// The variable that names a file which begins with one.
const TOKEN_FILE: &str = "EPICENTER_TOKEN_FILE";
/// The variable that names a file of the authorities by which a server is checked, instead of the system's.
const SERVER_CA: &str = "EPICENTER_SERVER_CA";
/// The variable that names a file of the certificate to show to a server, with its key.
const SERVER_IDENTITY: &str = "EPICENTER_SERVER_IDENTITY";

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
    tls::provide();
    let mut builder = reqwest::Client::builder()
        .timeout(timeout)
        .default_headers(headers);
    if let Some(pem) = pem(SERVER_CA)? {
        let authorities = Certificate::from_pem_bundle(&pem);
        let authorities = authorities.with_context(|| format!("`{SERVER_CA}` is not PEM"))?;
        builder = builder.tls_certs_only(authorities);
    }
    if let Some(pem) = pem(SERVER_IDENTITY)? {
        let identity = Identity::from_pem(&pem);
        let wanted = "needs a certificate and its key, in PEM";
        builder =
            builder.identity(identity.with_context(|| format!("`{SERVER_IDENTITY}` {wanted}"))?);
    }
    builder.build().context("could not make an HTTP client")
}

/// The file that a variable names.
fn pem(variable: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let Some(path) = given(variable) else {
        return Ok(None);
    };
    let read = std::fs::read(&path);
    let read = read.with_context(|| format!("could not read {path} (`{variable}`)"))?;
    Ok(Some(read))
}

fn given(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|text| !text.is_empty())
}

/// The token of the environment.
fn token() -> anyhow::Result<Option<String>> {
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
