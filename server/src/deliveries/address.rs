//! Where notices may be sent: not into networks that only this machine can reach.
//!
//! What is checked is the address that is connected to: names are resolved by a resolver that lets
//! only permitted addresses through, and no answer leads anywhere else.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use reqwest::Url;
use thiserror::Error;

/// Which addresses are permitted besides public ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AddressPolicy {
    /// Whether this machine itself is.
    pub(crate) loopback: bool,
    /// Networks that are, whatever they are.
    pub(crate) networks: Vec<Network>,
}

/// A network: an address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u32,
}

/// Why a text is no network.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0:?} is no network such as 10.1.0.0/16")]
pub(crate) struct NetworkError(String);

/// An address that notices may be sent to, as far as its text tells.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) url: Url,
}

/// Why nothing is sent somewhere.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum AddressError {
    /// It is not an address of the web.
    #[error("is not an address: {0}")]
    NoUrl(String),
    /// It is of another scheme.
    #[error("begins with https:// or http://")]
    Scheme,
    /// A name or a password stands in it.
    #[error("must not hold a name or a password")]
    UserInfo,
    /// A fragment stands in it.
    #[error("must not hold a fragment")]
    Fragment,
    /// It lies where nothing is sent.
    #[error(
        "leads to {address}, {what}; nothing is sent there unless `deliveries.loopback` or `deliveries.networks` permits it"
    )]
    Private {
        /// The address.
        address: IpAddr,
        /// What it is.
        what: &'static str,
    },
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.endpoint())
    }
}

impl Target {
    /// Reads the text of an address, and refuses what can be seen of it.
    pub(crate) fn read(text: &str, policy: &AddressPolicy) -> Result<Self, AddressError> {
        let url = Url::parse(text.trim());
        let url = url.map_err(|error| AddressError::NoUrl(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AddressError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(AddressError::Fragment);
        }
        // Every way to write a number as an address has become the address by now.
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let is_this_machine = host == "localhost" || host.ends_with(".localhost");
        let address = literal.or(is_this_machine.then_some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        if let Some(address) = address {
            policy.check(address)?;
        }
        Ok(Self { url })
    }

    /// Scheme, host and port.
    pub(crate) fn endpoint(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

impl AddressPolicy {
    /// Refuses an address that nothing is sent to.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), AddressError> {
        let address = plain(address);
        if self.networks.iter().any(|network| network.holds(address)) {
            return Ok(());
        }
        match nature(address) {
            None => Ok(()),
            Some(LOOPBACK) if self.loopback => Ok(()),
            Some(what) => Err(AddressError::Private { address, what }),
        }
    }
}

const LOOPBACK: &str = "this machine";
const PRIVATE: &str = "a private network";
const LINK: &str = "a neighbour on the wire, such as the metadata service of a cloud";
const SHARED: &str = "a network of the provider";
const SPECIAL: &str = "an address of no single machine";
const WRAPPED: &str = "an address that wraps one which is not public";

/// An IPv4 address in the clothes of IPv6 is the IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
    }
}

/// What an address is, if it is not public.
fn nature(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => nature_of_v4(v4),
        IpAddr::V6(v6) => nature_of_v6(v6),
    }
}

fn nature_of_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127, _, _) => Some(LOOPBACK),
        (10, _, _) | (172, 16..=31, _) | (192, 168, _) => Some(PRIVATE),
        (169, 254, _) => Some(LINK),
        (100, 64..=127, _) => Some(SHARED),
        (0 | 224..=255, _, _)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18 | 19, _)
        | (198, 51, 100)
        | (203, 0, 113) => Some(SPECIAL),
        _ => None,
    }
}

fn nature_of_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address == Ipv6Addr::LOCALHOST {
        return Some(LOOPBACK);
    }
    let [a, b, c, d, e, f, g, h] = address.segments();
    let inside = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        nature_of_v4(Ipv4Addr::new(a, b, c, d)).map(|_| WRAPPED)
    };
    match (a, b) {
        // Translated by a gateway to the address at its end.
        (0x64, 0xff9b) if [c, d, e, f] == [0; 4] => inside(g, h),
        (0x64, 0xff9b) => Some(WRAPPED),
        (0x2002, _) => inside(b, c),
        (0xfe80..=0xfebf, _) => Some(LINK),
        (0xfc00..=0xfdff, _) => Some(PRIVATE),
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff) => Some(SPECIAL),
        (0x2000..=0x3fff, _) => None,
        _ => Some(SPECIAL),
    }
}

impl Network {
    fn holds(self, address: IpAddr) -> bool {
        let (own, other) = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let wide = |it: Ipv4Addr| u128::from(it.to_bits()) << 96;
                (wide(own), wide(other))
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits()),
            _ => return false,
        };
        let differs = own ^ other;
        differs.leading_zeros() >= self.bits
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse::<u32>);
        let bits = bits.ok().filter(|bits| *bits <= most).ok_or_else(wrong)?;
        Ok(Self { address, bits })
    }
}

#[cfg(test)]
mod tests;
