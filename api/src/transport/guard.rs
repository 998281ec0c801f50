//! Which hosts and pages may talk to this server.
//!
//! A browser sends the requests of any page it shows. Bound to loopback, the
//! server therefore answers only to names of the loopback (a foreign name that
//! resolves to 127.0.0.1 is another page's attack), and everywhere it answers a
//! page only if that page came from the server itself or is allowed by name.
//! Programs that send no `Origin` are not concerned.

use axum::http::{HeaderMap, HeaderName, Uri, header};

use crate::error::{ErrorCode, Refusal};

/// The hosts and origins a server answers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPolicy {
    /// Whether every address the server listens on is a loopback address.
    pub loopback_only: bool,
    /// Further host names it is reached by, without port; needed behind a proxy when bound to loopback.
    pub hosts: Vec<String>,
    /// Further pages that may ask, as `https://host[:port]`.
    pub origins: Vec<String>,
}

impl OriginPolicy {
    /// Refuses a request to a foreign name or from a foreign page.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = uri
            .authority()
            .map(axum::http::uri::Authority::as_str)
            .or_else(|| text(headers, &header::HOST))
            .unwrap_or_default();
        let name = host_name(host);
        let known = is_loopback(name) || self.hosts.iter().any(|it| it.eq_ignore_ascii_case(name));
        if self.loopback_only && !known {
            return Err(refused("this server does not answer under that host name"));
        }
        if !headers.contains_key(header::ORIGIN) {
            return Ok(());
        }
        let origin = text(headers, &header::ORIGIN).unwrap_or("null");
        let same = origin
            .split_once("://")
            .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
        let allowed = same
            || self
                .origins
                .iter()
                .any(|it| it.eq_ignore_ascii_case(origin));
        if !allowed {
            return Err(refused("pages of another origin may not ask this server"));
        }
        Ok(())
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The host of `host:port`, without the brackets of an IPv6 address.
fn host_name(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(name, _)| name);
    }
    host.split_once(':').map_or(host, |(name, _)| name)
}

fn is_loopback(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn refused(message: &str) -> Refusal {
    Refusal::new(ErrorCode::ForbiddenOrigin, message)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn allowed(policy: &OriginPolicy, host: &'static str, origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(host));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        policy
            .check(&Uri::from_static("/graphql"), &headers)
            .is_ok()
    }

    #[test]
    fn on_loopback_only_loopback_names_are_answered() {
        let policy = OriginPolicy {
            loopback_only: true,
            hosts: vec!["epicenter.example".to_owned()],
            origins: vec!["https://portal.example".to_owned()],
        };
        assert!(allowed(&policy, "127.0.0.1:8080", None));
        assert!(allowed(
            &policy,
            "localhost:8080",
            Some("http://localhost:8080")
        ));
        assert!(allowed(&policy, "[::1]:8080", Some("http://[::1]:8080")));
        assert!(allowed(
            &policy,
            "epicenter.example",
            Some("https://portal.example")
        ));
        assert!(!allowed(&policy, "evil.example:8080", None));
        assert!(!allowed(&policy, "127.0.0.1.evil.example", None));
        assert!(!allowed(&policy, "", None));
        assert!(!allowed(
            &policy,
            "localhost:8080",
            Some("http://evil.example")
        ));
        assert!(!allowed(
            &policy,
            "localhost:8080",
            Some("http://localhost:9999")
        ));
        assert!(!allowed(&policy, "localhost:8080", Some("null")));
    }

    #[test]
    fn elsewhere_pages_must_still_be_the_servers_own() {
        let policy = OriginPolicy {
            loopback_only: false,
            hosts: Vec::new(),
            origins: Vec::new(),
        };
        assert!(allowed(&policy, "cmdb.example", None));
        assert!(allowed(
            &policy,
            "cmdb.example",
            Some("https://cmdb.example")
        ));
        assert!(!allowed(
            &policy,
            "cmdb.example",
            Some("https://evil.example")
        ));
    }
}
