//! Which tenant a request is for: by how its path begins, `/t/NAME/…`, or by a header.
//!
//! A tenant is a node of its own ([`crate::node`]), so nothing behind its routes knows of another one. What is said
//! here is which routes are asked, and as whom: a certificate that the server knows says nothing to a tenant.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderName, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;

use crate::config::TenantName;
use crate::listen::Peer;

/// The header that names a tenant where the path cannot, as in gRPC.
const HEADER: HeaderName = HeaderName::from_static("epicenter-tenant");
/// How paths begin that name a tenant.
const PATH: &str = "/t/";

/// Says to a client that a request is for nobody.
type Refusal = fn(StatusCode, &str) -> Response;

/// The routes of every tenant, those of the server itself among them.
struct Tenants {
    own: Router,
    named: BTreeMap<String, Router>,
    refuse: Refusal,
}

/// A request that names its tenant, and nobody by that name, or two.
#[derive(Debug, PartialEq)]
enum Astray {
    Unknown,
    Two,
    /// The path ends with the name, so what it leads to would take itself to be elsewhere.
    Unended(String),
}

/// Routes that lead to those of the tenant which a request names.
pub(crate) fn by_tenant(
    own: Router,
    named: impl Iterator<Item = (TenantName, Router)>,
    refuse: Refusal,
) -> Router {
    let named = named.map(|(name, router)| (name.as_str().to_owned(), router));
    let tenants = Arc::new(Tenants {
        own,
        named: named.collect(),
        refuse,
    });
    Router::new().fallback(move |request: Request| {
        let tenants = Arc::clone(&tenants);
        async move { tenants.answer(request).await }
    })
}

impl Tenants {
    async fn answer(&self, mut request: Request) -> Response {
        let router = match self.find(&mut request) {
            Ok(router) => router.clone(),
            Err(Astray::Unknown) => {
                return (self.refuse)(StatusCode::NOT_FOUND, "no tenant is called so");
            }
            Err(Astray::Two) => {
                let reason = "the path and the header `epicenter-tenant` name two tenants";
                return (self.refuse)(StatusCode::BAD_REQUEST, reason);
            }
            Err(Astray::Unended(path)) => {
                let there = [(header::LOCATION, path)];
                return (StatusCode::PERMANENT_REDIRECT, there).into_response();
            }
        };
        let answered = router.oneshot(request.map(Body::new)).await;
        answered.unwrap_or_else(|never| match never {})
    }

    /// The routes that a request is for; it is left as if it had been sent to that tenant alone.
    fn find(&self, request: &mut Request) -> Result<&Router, Astray> {
        let path = request.uri().path();
        let by_path = path
            .strip_prefix(PATH)
            .map(|rest| match rest.split_once('/') {
                Some((name, _)) => (name.to_owned(), true),
                None => (rest.to_owned(), false),
            });
        let mut headers = request.headers().get_all(HEADER).iter();
        let by_header = match (headers.next(), headers.next()) {
            (None, _) => None,
            (Some(name), None) => Some(name.to_str().map_err(|_| Astray::Unknown)?.to_owned()),
            (Some(_), Some(_)) => return Err(Astray::Two),
        };
        let name = match (&by_path, by_header) {
            (Some((path, _)), Some(header)) if *path != header => return Err(Astray::Two),
            (Some((path, _)), _) => path.clone(),
            (None, Some(header)) => header,
            (None, None) => return Ok(&self.own),
        };
        let router = self.named.get(&name).ok_or(Astray::Unknown)?;
        if let Some((_, is_ended)) = by_path {
            if !is_ended {
                return Err(Astray::Unended(format!("{PATH}{name}/")));
            }
            let within = PATH.len() + name.len();
            *request.uri_mut() = shortened(request.uri(), within);
        }
        request.headers_mut().remove(HEADER);
        request.extensions_mut().insert(Peer::default());
        Ok(router)
    }
}

/// A URI without the first so many bytes of its path.
fn shortened(uri: &Uri, bytes: usize) -> Uri {
    let whole = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let rest = whole.get(bytes..).unwrap_or("/");
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(
        rest.parse()
            .expect("a part of a path that begins with a slash"),
    );
    Uri::from_parts(parts).expect("only the path became shorter")
}

#[cfg(test)]
mod tests {
    use axum::Extension;
    use axum::body::to_bytes;
    use axum::routing::any;
    use model::{Scopes, Vouched};

    use super::*;

    /// Routes that answer who they are, what was asked, and whether the certificate of the client is known there.
    fn routes(name: &'static str) -> Router {
        let answer = move |Extension(peer): Extension<Peer>, uri: Uri| async move {
            let known = if peer.0.is_some() { " known" } else { "" };
            format!("{name} {uri}{known}")
        };
        Router::new().fallback(any(answer))
    }

    async fn asked(path: &str, headers: &[&str]) -> String {
        let named = ["acme", "beta"].map(|name| (name.parse().unwrap(), routes(name)));
        let refuse: Refusal = |status, reason| (status, reason.to_owned()).into_response();
        let router = by_tenant(routes("own"), named.into_iter(), refuse);
        let mut request = Request::get(path);
        for header in headers {
            request = request.header(HEADER, *header);
        }
        let mut request = request.body(Body::empty()).unwrap();
        let known = Vouched {
            name: "certificate:collector".to_owned(),
            scopes: Scopes::from(Vec::new()),
            sights: None,
            until: None,
        };
        let peer = Peer(Some(Arc::new(known)));
        request.extensions_mut().insert(peer);
        let response = router.oneshot(request).await.unwrap();
        let there = response.headers().get(header::LOCATION).cloned();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1_000).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        match there {
            Some(there) => format!("{} {}", status.as_u16(), there.to_str().unwrap()),
            None if status == StatusCode::OK => text,
            None => format!("{} {text}", status.as_u16()),
        }
    }

    #[tokio::test]
    async fn a_request_goes_to_the_tenant_it_names_and_to_no_other() {
        assert_eq!(asked("/graphql?a=1", &[]).await, "own /graphql?a=1 known");
        assert_eq!(asked("/t/acme/graphql?a=1", &[]).await, "acme /graphql?a=1");
        assert_eq!(asked("/t/beta/", &[]).await, "beta /");
        assert_eq!(asked("/v1/traces", &["beta"]).await, "beta /v1/traces");
        assert_eq!(
            asked("/t/beta/v1/traces", &["beta"]).await,
            "beta /v1/traces"
        );
        assert_eq!(asked("/t/acme?a=1", &[]).await, "308 /t/acme/");
        // The name ends where the path says so: no tenant is within another one.
        assert_eq!(asked("/t/acme/t/beta/x", &[]).await, "acme /t/beta/x");
        assert_eq!(asked("/tea", &[]).await, "own /tea known");
    }

    #[tokio::test]
    async fn who_names_nobody_or_two_is_told_so() {
        let unknown = "404 no tenant is called so";
        for path in [
            "/t/",
            "/t/gamma/x",
            "/t/Acme/x",
            "/t/acme%2fx",
            "/t/%61cme/x",
        ] {
            assert_eq!(asked(path, &[]).await, unknown, "{path}");
        }
        for name in ["", "gamma", "acme, beta", "../acme"] {
            assert_eq!(asked("/x", &[name]).await, unknown, "{name}");
        }
        let two = "400 the path and the header `epicenter-tenant` name two tenants";
        assert_eq!(asked("/t/acme/x", &["beta"]).await, two);
        assert_eq!(asked("/x", &["acme", "acme"]).await, two);
    }
}
