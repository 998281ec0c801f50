//! What a source calls an item.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Claim, bounds};

/// A source's own name for an item. It may match an item, several, or none: `graph::identity` decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SourceKey {
    /// A written key: `kind:[environment/[namespace/]]name`, or `scheme=value`.
    Text(String),
    /// The parts of a key, never split.
    Parts(KeyParts),
    /// An identifying claim, never split.
    Claim {
        /// The naming scheme, such as `k8s.uid`.
        scheme: String,
        /// The name in that scheme.
        value: String,
    },
}

/// A key in parts; an unknown part is `None` and is not the same as an empty one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyParts {
    /// Lower-case kind, such as `service`.
    pub kind: String,
    /// The environment, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The namespace, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name; it may hold slashes.
    pub name: String,
}

/// Why a written key is no key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Nothing stands before the colon, or there is no colon.
    #[error("a key begins with its kind and a colon, as in service:checkout")]
    NoKind,
    /// The name, or a part before a slash, is empty.
    #[error("a part of the key is empty")]
    EmptyPart,
    /// More than `environment/namespace/name`.
    #[error("a key has at most three parts; write a slash inside a name as %2F")]
    TooManyParts,
    /// A percent sign is not followed by two hex digits of UTF-8.
    #[error("a percent sign in a key begins a percent-encoded byte of UTF-8")]
    BadEncoding,
    /// The key is longer than [`bounds::KEY_BYTES`].
    #[error("a key has at most {} bytes", bounds::KEY_BYTES)]
    TooLong,
}

impl KeyParts {
    /// The parts with only kind and name known.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            environment: None,
            namespace: None,
            name: name.into(),
        }
    }

    /// The same with its environment.
    #[must_use]
    pub fn in_environment(mut self, environment: Option<String>) -> Self {
        self.environment = environment;
        self
    }

    /// The same with its namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: Option<String>) -> Self {
        self.namespace = namespace;
        self
    }

    /// Splits a written key: at the first colon, then at slashes; percent-encoding is undone.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if bounds::KEY_BYTES < text.len() {
            return Err(KeyError::TooLong);
        }
        let (kind, rest) = text.split_once(':').ok_or(KeyError::NoKind)?;
        if kind.is_empty() {
            return Err(KeyError::NoKind);
        }
        let parts: Vec<&str> = rest.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(KeyError::EmptyPart);
        }
        let kind = kind.to_lowercase();
        let (environment, namespace, name) = match parts.as_slice() {
            [name] => (None, None, name),
            [environment, name] => (Some(environment), None, name),
            [environment, namespace, name] => (Some(environment), Some(namespace), name),
            _ => return Err(KeyError::TooManyParts),
        };
        Ok(Self {
            kind,
            environment: environment.map(|part| decode(part)).transpose()?,
            namespace: namespace.map(|part| decode(part)).transpose()?,
            name: decode(name)?,
        })
    }
}

impl KeyParts {
    /// The canonical key. A namespace without an environment is written after `-`, which no environment is called.
    pub fn canonical(&self) -> String {
        let parts = [self.environment.as_deref(), self.namespace.as_deref()];
        let length = |part: Option<&str>| part.map_or(1, str::len) + 1;
        let all: usize = parts.into_iter().map(length).sum();
        let mut key = String::with_capacity(self.kind.len() + 1 + all + self.name.len());
        key.push_str(&self.kind);
        key.push(':');
        if let Some(environment) = self
            .environment
            .as_deref()
            .or(self.namespace.as_ref().map(|_| "-"))
        {
            encode(environment, &mut key);
            key.push('/');
        }
        if let Some(namespace) = &self.namespace {
            encode(namespace, &mut key);
            key.push('/');
        }
        encode(&self.name, &mut key);
        key
    }
}

impl fmt::Display for KeyParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical())
    }
}

impl SourceKey {
    /// A key as somebody wrote it.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The kind that the key states itself; a name in another scheme states none.
    pub fn stated_kind(&self) -> Option<String> {
        match self {
            Self::Parts(parts) => Some(parts.kind.to_lowercase()),
            Self::Text(text) => kind_of_text(text),
            Self::Claim { scheme, value } if scheme == Claim::KEY_SCHEME => kind_of_text(value),
            Self::Claim { .. } => None,
        }
    }
}

impl From<KeyParts> for SourceKey {
    fn from(parts: KeyParts) -> Self {
        Self::Parts(parts)
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Parts(parts) => fmt::Display::fmt(parts, f),
            Self::Claim { scheme, value } => write!(f, "{scheme}={value}"),
        }
    }
}

fn kind_of_text(text: &str) -> Option<String> {
    let (kind, _) = text.split_once(':')?;
    let is_claim = kind.contains('=');
    let parsed = KeyParts::parse(text).map(|parts| parts.kind);
    parsed.ok().filter(|_| !is_claim)
}

/// A slash and a percent sign inside a part are written as percent-encoded bytes.
fn encode(part: &str, key: &mut String) {
    if part.bytes().any(|byte| byte == b'%' || byte == b'/') {
        key.push_str(&part.replace('%', "%25").replace('/', "%2F"));
    } else {
        key.push_str(part);
    }
}

fn decode(part: &str) -> Result<String, KeyError> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            let byte = rest.next().ok_or(KeyError::BadEncoding)?;
            char::from(byte).to_digit(16).ok_or(KeyError::BadEncoding)
        };
        let code = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(code).map_err(|_| KeyError::BadEncoding)?);
    }
    String::from_utf8(bytes).map_err(|_| KeyError::BadEncoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> String {
        match KeyParts::parse(text) {
            Ok(KeyParts {
                kind,
                environment,
                namespace,
                name,
            }) => {
                let part = |part: Option<String>| part.unwrap_or_else(|| "?".to_owned());
                format!("{kind} {} {} {name}", part(environment), part(namespace))
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_key_splits_at_the_first_colon_and_then_at_slashes() {
        assert_eq!(split("service:checkout"), "service ? ? checkout");
        assert_eq!(split("Service:prod/checkout"), "service prod ? checkout");
        assert_eq!(
            split("service:prod/shop/checkout"),
            "service prod shop checkout"
        );
        assert_eq!(
            split("cache:redis://a%2Fb"),
            KeyError::EmptyPart.to_string()
        );
        assert_eq!(split("repo:org%2Fname"), "repo ? ? org/name");
        assert_eq!(split("service:a/b/c/d"), KeyError::TooManyParts.to_string());
        assert_eq!(split("checkout"), KeyError::NoKind.to_string());
        assert_eq!(split("service:a%2"), KeyError::BadEncoding.to_string());
        assert_eq!(split("service:a%é"), KeyError::BadEncoding.to_string());
    }

    #[test]
    fn a_canonical_key_reads_back_as_the_same_parts() {
        let parts = KeyParts::new("repo", "org/50%").in_environment(Some("prod/eu".into()));
        assert_eq!(parts.to_string(), "repo:prod%2Feu/org%2F50%25");
        assert_eq!(KeyParts::parse(&parts.to_string()), Ok(parts));
    }
}
