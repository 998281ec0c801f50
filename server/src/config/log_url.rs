//! Names the log that holds the truth.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Which log holds the truth, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogUrl {
    /// In memory; gone when the process ends.
    Memory,
    /// Segment files, in `log` under the data directory unless a folder is given.
    Segments(Option<PathBuf>),
}

/// Why a text names no log.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a log: {0:?}; write `segments:`, `segments:FOLDER` or `memory:`")]
pub struct LogUrlError(String);

impl FromStr for LogUrl {
    type Err = LogUrlError;

    fn from_str(text: &str) -> Result<Self, LogUrlError> {
        match text.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("segments", "")) => Ok(Self::Segments(None)),
            Some(("segments", folder)) => Ok(Self::Segments(Some(PathBuf::from(folder)))),
            _ => Err(LogUrlError(text.to_owned())),
        }
    }
}

impl fmt::Display for LogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Segments(None) => f.write_str("segments:"),
            Self::Segments(Some(folder)) => write!(f, "segments:{}", folder.display()),
        }
    }
}

impl Serialize for LogUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LogUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
