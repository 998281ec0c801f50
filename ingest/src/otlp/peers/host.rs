//! A host and its port, in whatever spelling.

use super::super::attributes::PeerFacts;
use super::part;

/// A host with its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host<'a> {
    pub(super) name: &'a str,
    pub(super) port: Option<u16>,
}

impl Host<'_> {
    /// Name and port, as one writes them.
    pub(super) fn with_port(&self) -> String {
        let name = self.name.to_lowercase();
        match self.port.filter(|port| !USUAL_PORTS.contains(port)) {
            Some(port) if name.contains(':') => format!("[{name}]:{port}"),
            Some(port) => format!("{name}:{port}"),
            None => name,
        }
    }

    fn is_ip(&self) -> bool {
        self.name.parse::<std::net::IpAddr>().is_ok()
    }

    /// Whether the name means the same everywhere: it is qualified and not of a private zone.
    pub(super) fn is_public(&self) -> bool {
        const PRIVATE: [&str; 7] = [
            ".local",
            ".internal",
            ".svc",
            ".lan",
            ".consul",
            ".localdomain",
            ".intranet",
        ];
        let private_zone = PRIVATE.iter().any(|zone| self.name.ends_with(zone));
        self.name.contains('.') && !private_zone && !self.is_ip()
    }
}

/// The host that a span names. What the caller asked for says more than what its socket reached.
pub(super) fn host<'a>(facts: &PeerFacts<'a>) -> Option<Host<'a>> {
    let asked_for = part(facts.authority.get());
    let is_of_the_socket = facts.address.is_of_the_socket();
    let address = part(facts.address.get()).filter(|_| !is_of_the_socket || asked_for.is_none());
    let (name, port) = match address {
        Some(address) => split_port(address.rsplit_once('@').map_or(address, |(_, host)| host)),
        None => split_port(asked_for?),
    };
    let port = facts.port(is_of_the_socket && address.is_some()).or(port);
    part(Some(name)).map(|name| Host { name, port })
}

fn split_port(address: &str) -> (&str, Option<u16>) {
    if let Some(rest) = address.strip_prefix('[')
        && let Some((name, port)) = rest.split_once(']')
    {
        return (
            name,
            port.strip_prefix(':').and_then(|port| port.parse().ok()),
        );
    }
    match address.split_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (name, port.parse().ok())
        }
        _ => (address, None),
    }
}

/// Whether it is the caller's own machine.
pub(super) fn is_loopback(name: &str) -> bool {
    let is_local_socket = name.starts_with('/');
    let ip = name.parse::<std::net::IpAddr>();
    is_local_socket || name == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// Ports that need no mention.
const USUAL_PORTS: [u16; 12] = [
    80, 443, 1433, 1521, 3306, 5432, 6379, 9042, 9200, 11211, 26257, 27017,
];
