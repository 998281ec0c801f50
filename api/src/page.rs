//! The page: GraphiQL, served from the binary without any request to elsewhere.
//!
//! The policy it is sent with lets the browser ask nobody but this server.

use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{Embed, EmbeddedFile};

/// What `web/` was built into. Empty when it was built without the page.
#[derive(Embed)]
#[folder = "web/dist"]
#[allow_missing = true]
#[exclude = ".*"]
struct Built;

/// The editor sets styles of its own while it runs, and its fonts lie in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    font-src 'self' data:; img-src 'self' data:; connect-src 'self'; worker-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const WITHOUT_PAGE: &str = "<!doctype html><meta charset=\"utf-8\"><title>Epicenter</title>\
    <p>This binary was built without the page. GraphQL answers at <code>/graphql</code>.";

/// The page itself.
pub(crate) fn index() -> Response {
    match Built::get("index.html") {
        Some(file) => respond("index.html", file, "no-cache"),
        None => {
            let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
            (kind, WITHOUT_PAGE).into_response()
        }
    }
}

/// A part of the page. Its name holds the hash of its content, so it never changes.
pub(crate) async fn asset(Path(path): Path<String>) -> Response {
    let path = format!("assets/{path}");
    match Built::get(&path) {
        Some(file) => respond(&path, file, "public, max-age=31536000, immutable"),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn respond(path: &str, file: EmbeddedFile, cache: &'static str) -> Response {
    let mut response = file.data.into_response();
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_TYPE, media_type(path));
    set(header::CACHE_CONTROL, cache);
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    response
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "ttf" => "font/ttf",
        "woff2" => "font/woff2",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}
