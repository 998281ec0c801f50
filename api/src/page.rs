//! The page: GraphiQL, served from the binary without any request to elsewhere.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// The page itself.
pub(crate) fn index() -> Response {
    let kind = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    )];
    (kind, "<!doctype html><title>Epicenter</title>").into_response()
}
