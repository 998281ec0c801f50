//! Ids that print their kind. Every one that a fold makes is derived from data, so a replay makes the same ones.

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::{Claim, SourceRef};

/// The text is not an id of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not an id of the form {prefix}_<32 hex digits>: {text:?}")]
pub struct IdParseError {
    prefix: &'static str,
    text: String,
}

macro_rules! derived_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// What its text begins with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// The id's bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// An id from its bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{:032x}"), u128::from_be_bytes(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdParseError;

            fn from_str(text: &str) -> Result<Self, IdParseError> {
                parse_hex(text, $prefix).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                } else {
                    <[u8; 16]>::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

derived_id!(
    /// An item's id: the hash of its least identifying claim. Former ids stay aliases.
    CiId,
    "ci"
);
derived_id!(
    /// A change's id: the hash of (source, `source_id`).
    ChangeId,
    "chg"
);
derived_id!(
    /// An incident's id: the hash of (source, `source_id`).
    IncidentId,
    "inc"
);
derived_id!(
    /// The hash of some content: of a payload without an id of its own, or of a quarantined body.
    ContentHash,
    "sha"
);
derived_id!(
    /// A token's id: given when it is made, and no part of its secret.
    TokenId,
    "tok"
);

impl CiId {
    /// The id of the item whose least identifying claim is `claim`.
    pub fn of(claim: &Claim) -> Self {
        Self::of_name(&claim.scheme, &claim.value)
    }

    /// The same of a claim in its two parts.
    pub fn of_name(scheme: &str, value: &str) -> Self {
        Self(digest("ci", &[scheme, value]))
    }
}

impl ChangeId {
    /// The id of the change that its source calls `reference`.
    pub fn of(reference: &SourceRef) -> Self {
        Self(digest(
            "chg",
            &[reference.source.as_str(), &reference.source_id],
        ))
    }
}

impl IncidentId {
    /// The id of the incident that its source calls `reference`.
    pub fn of(reference: &SourceRef) -> Self {
        Self(digest(
            "inc",
            &[reference.source.as_str(), &reference.source_id],
        ))
    }
}

impl ContentHash {
    /// The hash of the given bytes.
    pub fn of(content: &[u8]) -> Self {
        Self(first_half(blake3::hash(content)))
    }
}

/// Bytes that are hashed without asking for memory.
const SHORT: usize = 256;

/// BLAKE3 of the parts, each with its length before it so that no two lists collide, cut to 128 bits.
fn digest(kind: &str, parts: &[&str]) -> [u8; 16] {
    let all = || std::iter::once(&kind).chain(parts);
    let length: usize = all().map(|part| part.len() + size_of::<u64>()).sum();
    let (mut short, mut long) = ([0; SHORT], Vec::new());
    let bytes = short.get_mut(..length).unwrap_or_else(|| {
        long.resize(length, 0);
        &mut long
    });
    let mut rest = &mut *bytes;
    for part in all() {
        for piece in [&(part.len() as u64).to_be_bytes(), part.as_bytes()] {
            let written = rest.write_all(piece);
            written.expect("the length was counted just now");
        }
    }
    first_half(blake3::hash(bytes))
}

fn first_half(hash: blake3::Hash) -> [u8; 16] {
    let (half, _) = hash
        .as_bytes()
        .split_first_chunk()
        .expect("a BLAKE3 hash has 32 bytes");
    *half
}

fn parse_hex(text: &str, prefix: &'static str) -> Result<[u8; 16], IdParseError> {
    let wrong = || IdParseError {
        prefix,
        text: text.to_owned(),
    };
    let digits = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .ok_or_else(wrong)?;
    let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if digits.len() != 32 || !digits.bytes().all(lower_hex) {
        return Err(wrong());
    }
    u128::from_str_radix(digits, 16)
        .map(u128::to_be_bytes)
        .map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_prints_its_kind_and_only_that_kind_parses() {
        let id = CiId::of(&Claim::new("key", "service:checkout"));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().parse::<ChangeId>().is_err());
        assert!(id.to_string().to_uppercase().parse::<CiId>().is_err());
        assert!(
            "ci_+1111111111111111111111111111111"
                .parse::<CiId>()
                .is_err()
        );
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(
            CiId::of(&Claim::new("a", "bc")),
            CiId::of(&Claim::new("ab", "c"))
        );
    }
}
