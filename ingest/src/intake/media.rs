//! What a sender says its body is.

use std::fmt;

use axum::http::{HeaderMap, header};

/// A media type without its parameters, in lower case; empty when none was stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaType {
    essence: String,
    utf8: bool,
}

impl MediaType {
    /// The media type of a request.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let stated = headers.get(header::CONTENT_TYPE);
        Self::parse(stated.and_then(|value| value.to_str().ok()).unwrap_or(""))
    }

    /// A media type as a sender writes it.
    pub(crate) fn parse(text: &str) -> Self {
        let mut parts = text.split(';');
        let essence = parts.next().unwrap_or("").trim().to_ascii_lowercase();
        let mut charsets = parts.filter_map(|part| {
            let (name, value) = part.split_once('=')?;
            let charset = name.trim().eq_ignore_ascii_case("charset");
            charset.then(|| value.trim().trim_matches('"').to_ascii_lowercase())
        });
        let utf8 = charsets.all(|charset| charset == "utf-8" || charset == "utf8");
        Self { essence, utf8 }
    }

    /// What was stated, without parameters.
    pub(crate) fn stated(&self) -> Option<&str> {
        (!self.essence.is_empty()).then_some(&self.essence)
    }

    /// A whole CloudEvents envelope, in whatever format.
    pub(crate) fn is_cloudevents(&self) -> bool {
        self.essence.starts_with("application/cloudevents")
    }

    /// Exactly this media type, named in lower case.
    pub(crate) fn is(&self, essence: &str) -> bool {
        self.essence == essence
    }

    /// JSON of any kind, in UTF-8.
    pub(crate) fn is_json(&self) -> bool {
        let json = self.essence == "application/json"
            || self.essence == "text/json"
            || self.essence.ends_with("+json");
        json && self.utf8
    }

    /// One JSON value a line, in UTF-8.
    pub(crate) fn is_json_lines(&self) -> bool {
        const NAMES: [&str; 4] = [
            "application/x-ndjson",
            "application/ndjson",
            "application/jsonl",
            "application/json-lines",
        ];
        self.utf8 && NAMES.contains(&self.essence.as_str())
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.essence.as_str(), self.utf8) {
            ("", _) => f.write_str("no content type"),
            (essence, true) => f.write_str(essence),
            (essence, false) => write!(f, "{essence} in another charset than utf-8"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MediaType;

    #[test]
    fn parameters_and_case_do_not_matter_but_the_charset_does() {
        assert!(MediaType::parse("Application/JSON; charset=UTF-8").is_json());
        assert!(MediaType::parse("application/cloudevents+json").is_json());
        assert!(MediaType::parse("application/x-ndjson").is_json_lines());
        assert!(!MediaType::parse("application/json; charset=latin1").is_json());
        assert!(!MediaType::parse("text/plain").is_json());
        assert!(!MediaType::parse("").is_json());
    }
}
