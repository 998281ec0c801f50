//! Where an event stands in the log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The gapless place of an event in the log, from 1. The only order there is.
///
/// Written to people and in JSON as a decimal string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPosition(u64);

/// The text is not a log position.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a log position: {0:?}")]
pub struct PositionParseError(String);

impl LogPosition {
    /// Before the first event: what an empty log stands at.
    pub const ZERO: Self = Self(0);

    /// A position from its number; `store` and the wire alone make these.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number, for encoding and for measures of lag.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The position after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl FromStr for LogPosition {
    type Err = PositionParseError;

    fn from_str(text: &str) -> Result<Self, PositionParseError> {
        let decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(number) if decimal => Ok(Self(number)),
            _ => Err(PositionParseError(text.to_owned())),
        }
    }
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for LogPosition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_u64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for LogPosition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            u64::deserialize(deserializer).map(Self)
        }
    }
}
