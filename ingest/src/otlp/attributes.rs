//! The attributes that say who a span belongs to and whom it names, in the
//! names of semantic conventions 1.44 and those they replaced.
//!
//! It maps names to facts; what a fact means for the graph is said in
//! [`peers`](super::peers), [`places`](super::places) and [`interfaces`](super::interfaces).

mod peer;
mod resource;

pub(crate) use peer::{PeerFacts, PeerKey};
pub(crate) use resource::{Proxy, ResourceFacts, ResourceKey};

/// A decoded attribute value; other kinds say nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttributeValue<'a> {
    /// A text.
    Text(&'a str),
    /// A whole number.
    Number(i64),
    /// A truth value.
    Flag(bool),
    /// Anything else.
    Other,
}

impl<'a> AttributeValue<'a> {
    fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A part of a text; nothing where the text has none.
    fn part(self, of: impl FnOnce(&'a str) -> Option<&'a str>) -> Self {
        self.text().and_then(of).map_or(Self::Other, Self::Text)
    }

    fn port(self) -> Option<u16> {
        match self {
            Self::Number(number) => u16::try_from(number).ok(),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
        .filter(|port| *port != 0)
    }

    fn is_true(self) -> bool {
        matches!(self, Self::Flag(true) | Self::Text("true"))
    }
}

/// A fact that several attribute names state; the better name wins, whatever the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Fact<'a> {
    text: &'a str,
    rank: u8,
}

impl<'a> Fact<'a> {
    /// The text, if any name stated it.
    pub(crate) fn get(self) -> Option<&'a str> {
        (!self.text.is_empty()).then_some(self.text)
    }

    /// Whether only the socket stated it.
    pub(crate) const fn is_of_the_socket(self) -> bool {
        self.rank <= OF_THE_SOCKET
    }

    fn set(&mut self, rank: u8, value: AttributeValue<'a>) {
        if let Some(text) = value.text()
            && self.rank < rank
        {
            *self = Self { text, rank };
        }
    }
}

/// Names of a fact: the one in force first, then what it replaced, then what says it less well.
const NOW: u8 = 5;
const BEFORE: u8 = 4;
const LONG_BEFORE: u8 = 3;
/// An address as the socket had it: it may be that of a proxy or a balancer.
const OF_THE_SOCKET: u8 = 2;
const OF_THE_SOCKET_BEFORE: u8 = 1;

/// Each stated fact under its place, and an end that is no place.
fn write_facts(facts: &[Fact<'_>], bytes: &mut Vec<u8>) {
    for (place, fact) in facts.iter().enumerate() {
        if !fact.text.is_empty() {
            bytes.push(place as u8);
            write_text(fact.text, bytes);
        }
    }
    bytes.push(u8::MAX);
}

fn write_text(text: &str, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(names: &[(&'static str, &'static str)]) -> Option<&'static str> {
        let mut peer = PeerFacts::default();
        for (name, text) in names {
            if let Some(key) = PeerKey::of(name.as_bytes()) {
                peer.set(key, AttributeValue::Text(text));
            }
        }
        peer.address.get()
    }

    #[test]
    fn the_newer_name_wins_whatever_the_order() {
        let new = ("server.address", "new");
        let old = ("net.peer.name", "old");
        assert_eq!(address(&[new, old]), Some("new"));
        assert_eq!(address(&[old, new]), Some("new"));
        assert_eq!(address(&[old]), Some("old"));
        assert_eq!(address(&[("server.address", "")]), None);
    }

    #[test]
    fn the_steadiest_workload_wins() {
        let workload = |names: &[&'static str]| {
            let mut resource = ResourceFacts::default();
            for name in names {
                let key = ResourceKey::of(name.as_bytes()).unwrap();
                resource.set(key, AttributeValue::Text("x"));
            }
            resource.workload.unwrap().0.as_str()
        };
        assert_eq!(workload(&["k8s.job.name", "k8s.cronjob.name"]), "cronjob");
        assert_eq!(workload(&["k8s.cronjob.name", "k8s.job.name"]), "cronjob");
        assert_eq!(workload(&["k8s.deployment.name"]), "deployment");
    }
}
