//! The parameters of a request as they come over the wire. Pure.

use std::borrow::Cow;

use async_graphql::Variables;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{ErrorCode, Refusal};

/// One GraphQL request before its document is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params {
    /// The document, unless it is named by its hash.
    pub(crate) query: Option<String>,
    /// What the document is called, if it is known here.
    pub(crate) document_id: Option<String>,
    /// Which operation of the document.
    pub(crate) operation_name: Option<String>,
    /// Values of the variables.
    #[serde(default)]
    pub(crate) variables: Variables,
    /// What the request says beside GraphQL.
    #[serde(default)]
    pub(crate) extensions: Option<Map<String, Value>>,
}

/// The body of a POST request.
#[derive(Debug)]
pub(crate) enum Body {
    /// One request, as usual.
    Single(Params),
    /// Several, answered in their order.
    Batch(Vec<Params>),
}

/// Reads the body of a POST request; a batch longer than `batch_max` is refused.
pub(crate) fn read_body(body: &[u8], batch_max: usize) -> Result<Body, Refusal> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        None => Err(Refusal::new(ErrorCode::BadRequest, "the body is empty")),
        Some(b'[') => {
            if batch_max == 0 {
                return Err(Refusal::new(
                    ErrorCode::BatchLimit,
                    "batches are not accepted here",
                ));
            }
            let batch: Vec<Params> = serde_json::from_slice(body).map_err(|error| bad(&error))?;
            if batch.is_empty() || batch_max < batch.len() {
                let message = format!("a batch holds 1 to {batch_max} requests");
                return Err(Refusal::new(ErrorCode::BatchLimit, message));
            }
            Ok(Body::Batch(batch))
        }
        Some(_) => {
            let params = serde_json::from_slice(body).map_err(|error| bad(&error))?;
            Ok(Body::Single(params))
        }
    }
}

/// Reads the query string of a GET request.
pub(crate) fn read_query_string(query: &str) -> Result<Params, Refusal> {
    let mut params = Params::default();
    for (name, value) in pairs(query)? {
        match name.as_ref() {
            "query" => params.query = Some(value.into_owned()),
            "documentId" => params.document_id = Some(value.into_owned()),
            "operationName" if !value.is_empty() => {
                params.operation_name = Some(value.into_owned());
            }
            "variables" if !value.is_empty() => {
                params.variables = serde_json::from_str(&value).map_err(|error| bad(&error))?;
            }
            "extensions" if !value.is_empty() => {
                params.extensions = serde_json::from_str(&value).map_err(|error| bad(&error))?;
            }
            _ => {}
        }
    }
    Ok(params)
}

/// A name and its value, decoded.
type Pair<'q> = (Cow<'q, str>, Cow<'q, str>);

/// The pairs of `application/x-www-form-urlencoded`.
fn pairs(query: &str) -> Result<Vec<Pair<'_>>, Refusal> {
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((decode(name)?, decode(value)?));
    }
    Ok(pairs)
}

/// Undoes `+` and percent-encoding.
fn decode(text: &str) -> Result<Cow<'_, str>, Refusal> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let wrong = || {
        Refusal::new(
            ErrorCode::BadRequest,
            "the query string is not percent-encoded UTF-8",
        )
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut digit = || {
                    let digit = rest.next().map(char::from)?;
                    digit.to_digit(16)
                };
                let high = digit().ok_or_else(wrong)?;
                let low = digit().ok_or_else(wrong)?;
                bytes.push(u8::try_from(high * 16 + low).map_err(|_| wrong())?);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes)
        .map(Cow::Owned)
        .map_err(|_| wrong())
}

fn bad(error: &serde_json::Error) -> Refusal {
    Refusal::new(
        ErrorCode::BadRequest,
        format!("the request is not GraphQL over JSON: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Result<Body, ErrorCode> {
        read_body(text.as_bytes(), 2).map_err(|refusal| refusal.code)
    }

    #[test]
    fn every_parameter_has_its_type() {
        assert!(
            body(r#"{"query":"{a}","variables":null,"operationName":null,"extensions":null}"#)
                .is_ok()
        );
        for wrong in [
            r#"{"query":{}}"#,
            r#"{"query":["a"]}"#,
            r#"{"query":"{a}","variables":"x"}"#,
            r#"{"query":"{a}","variables":["x"]}"#,
            r#"{"query":"{a}","operationName":0}"#,
            r#"{"query":"{a}","extensions":false}"#,
            r#"{"query":"{a}","extensions":["x"]}"#,
            "{",
            "",
            "7",
        ] {
            assert!(matches!(body(wrong), Err(ErrorCode::BadRequest)), "{wrong}");
        }
    }

    #[test]
    fn a_batch_is_bounded() {
        assert!(matches!(body(r#"[{"query":"{a}"}]"#), Ok(Body::Batch(_))));
        assert!(matches!(body("[{},{},{}]"), Err(ErrorCode::BatchLimit)));
        assert!(matches!(body("[]"), Err(ErrorCode::BatchLimit)));
    }

    #[test]
    fn a_query_string_is_decoded() {
        let params = read_query_string("query=%7B+a+%7D&variables=%7B%22x%22%3A1%7D&y").unwrap();
        assert_eq!(params.query.as_deref(), Some("{ a }"));
        assert_eq!(params.variables.len(), 1);
        assert!(read_query_string("query=%7").is_err());
        assert!(read_query_string("query=a&variables=7").is_err());
    }
}
