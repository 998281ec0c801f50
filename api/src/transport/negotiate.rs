//! Which media type an answer is given in. Pure; knows nothing of GraphQL but its media types.

use axum::http::{HeaderMap, header};

use crate::error::{ErrorCode, Refusal};

/// The media types of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerType {
    /// `application/json`: the older one, whose status is 200 for every well-formed request.
    Json,
    /// `application/graphql-response+json`: the status tells a refused document apart.
    GraphQlResponse,
    /// `text/event-stream`: each result as an event.
    EventStream,
    /// `text/html`: a person in a browser.
    Page,
}

/// What a client accepts, best first.
#[derive(Debug)]
pub(crate) struct Accepted(Vec<AnswerType>);

impl AnswerType {
    /// The value of `Content-Type`.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphQlResponse => "application/graphql-response+json; charset=utf-8",
            Self::EventStream => "text/event-stream",
            Self::Page => "text/html; charset=utf-8",
        }
    }

    fn of_range(range: &str) -> Option<Self> {
        match range {
            "*/*" | "application/*" | "application/json" => Some(Self::Json),
            "application/graphql-response+json" => Some(Self::GraphQlResponse),
            "text/event-stream" => Some(Self::EventStream),
            "text/html" | "application/xhtml+xml" => Some(Self::Page),
            _ => None,
        }
    }
}

impl Accepted {
    /// Reads `Accept`. Higher weights win, then the client's order; no header means JSON.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut weighted: Vec<(u16, AnswerType)> = Vec::new();
        let mut stated = false;
        for value in headers.get_all(header::ACCEPT) {
            let Ok(text) = value.to_str() else { continue };
            for range in text.split(',').filter(|range| !range.trim().is_empty()) {
                stated = true;
                weighted.extend(read_range(range));
            }
        }
        if !stated {
            return Self(vec![AnswerType::Json]);
        }
        weighted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        Self(weighted.into_iter().map(|(_, answer)| answer).collect())
    }

    /// The best type for an answer that is given once.
    pub(crate) fn single(&self) -> Result<AnswerType, Refusal> {
        let mut types = self.0.iter().copied();
        types
            .find(|answer| *answer != AnswerType::Page)
            .ok_or_else(not_acceptable)
    }

    /// The type for an error that stands outside of any stream.
    pub(crate) fn for_refusal(&self) -> AnswerType {
        let mut types = self.0.iter().copied();
        types
            .find(|answer| matches!(answer, AnswerType::Json | AnswerType::GraphQlResponse))
            .unwrap_or(AnswerType::Json)
    }

    /// Whether the client takes an event stream.
    pub(crate) fn event_stream(&self) -> bool {
        self.0.contains(&AnswerType::EventStream)
    }

    /// Whether a person's browser asks, rather than a program.
    pub(crate) fn prefers_page(&self) -> bool {
        self.0.first() == Some(&AnswerType::Page)
    }
}

/// One media range with its weight in thousandths; a weight of 0 refuses it.
fn read_range(range: &str) -> Option<(u16, AnswerType)> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next()?.to_ascii_lowercase();
    let mut weight = 1000;
    for parameter in parts {
        let Some((name, value)) = parameter.split_once('=') else {
            continue;
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "q" => weight = read_weight(value.trim())?,
            "charset" if !is_utf_8(value) => return None,
            _ => {}
        }
    }
    let answer = AnswerType::of_range(&name)?;
    (0 < weight).then_some((weight, answer))
}

/// A weight from `0` to `1` with at most three digits, in thousandths.
fn read_weight(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || 3 < fraction.len() || !matches!(whole, "0" | "1") {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    let whole = if whole == "1" { 1000 } else { 0 };
    Some((whole + thousandths).min(1000))
}

/// Whether the body is JSON in UTF-8, as its header says.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let refused = |message: &str| Err(Refusal::new(ErrorCode::UnsupportedMediaType, message));
    let text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let Some(text) = text else {
        return refused("a POST request needs the header Content-Type: application/json");
    };
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    if !name.eq_ignore_ascii_case("application/json") {
        return refused("the body of a POST request is application/json");
    }
    for parameter in parts {
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("charset")
            && !is_utf_8(value)
        {
            return refused("the body is encoded in UTF-8");
        }
    }
    let plain = headers
        .get(header::CONTENT_ENCODING)
        .is_none_or(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if !plain {
        return refused("the body is not compressed");
    }
    Ok(())
}

fn is_utf_8(charset: &str) -> bool {
    let charset = charset.trim().trim_matches('"');
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

fn not_acceptable() -> Refusal {
    Refusal::new(
        ErrorCode::NotAcceptable,
        "answers are application/graphql-response+json, application/json or text/event-stream",
    )
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn accept(text: &'static str) -> Accepted {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(text));
        Accepted::of(&headers)
    }

    fn single(text: &'static str) -> Option<AnswerType> {
        accept(text).single().ok()
    }

    #[test]
    fn the_heaviest_range_wins_and_then_the_first() {
        let both = "application/graphql-response+json; charset=utf-8, application/json; q=0.9";
        assert_eq!(single(both), Some(AnswerType::GraphQlResponse));
        let json_first = "application/json, application/graphql-response+json";
        assert_eq!(single(json_first), Some(AnswerType::Json));
        assert_eq!(single("*/*"), Some(AnswerType::Json));
        assert_eq!(single("application/json;q=0, text/plain"), None);
        assert_eq!(single("application/json; charset=latin1"), None);
        assert_eq!(
            single("text/html;q=0.2, */*;q=0.1"),
            Some(AnswerType::Json),
            "a page is never the answer to a query"
        );
    }

    #[test]
    fn a_browser_asks_for_a_page_and_a_stream_must_be_named() {
        assert!(accept("text/html,application/xml;q=0.9,*/*;q=0.8").prefers_page());
        assert!(!accept("*/*").prefers_page());
        assert!(!accept("*/*").event_stream());
        assert!(accept("application/json, text/event-stream").event_stream());
    }

    #[test]
    fn a_body_is_json_in_utf_8_or_refused() {
        let check = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(text));
            require_json(&headers).is_ok()
        };
        assert!(check("application/json"));
        assert!(check("Application/JSON; charset=\"UTF-8\""));
        assert!(!check("application/json; charset=utf-16"));
        assert!(!check("text/plain"));
        assert!(!check("multipart/form-data; boundary=x"));
        assert!(require_json(&HeaderMap::new()).is_err());
    }
}
