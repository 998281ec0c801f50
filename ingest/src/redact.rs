//! Removes secrets before anything is kept: from JSON, from text, from bodies nobody understood.
//!
//! Three clues count: the name of a value, the known shape of a credential, and
//! marks that formats set themselves (a Kubernetes `Secret`, Terraform's `sensitive`).
//! It rather removes too much than too little, and it does not guess by randomness:
//! commit ids, digests and keys of items stay as they are.

mod named;
mod names;
mod text;
mod tree;

use std::borrow::Cow;

use serde_json::Value;

pub use names::names_secret;

/// What stands where a secret was.
pub const REDACTED: &str = "[redacted]";

/// Removes the secrets in a JSON value and says how many there were.
pub fn redact_value(value: &mut Value) -> usize {
    tree::redact(value, 0)
}

/// The text without its secrets; borrowed when it holds none.
pub fn redact_text(text: &str) -> Cow<'_, str> {
    redact_text_within(text, 0)
}

fn redact_text_within(text: &str, embedded: usize) -> Cow<'_, str> {
    if let Some(json) = tree::redact_embedded(text, embedded) {
        return Cow::Owned(json);
    }
    let spans = text::secret_spans(text);
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut done = 0;
    for span in spans {
        kept.push_str(text.get(done..span.start).unwrap_or_default());
        kept.push_str(REDACTED);
        done = span.end;
    }
    kept.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(kept)
}

/// A body without its secrets: JSON, JSON lines, other text, or bytes.
///
/// Bytes that are no UTF-8 keep their length (a secret is overwritten with `*`),
/// so that lengths inside a binary format stay true.
pub fn redact_body(body: &[u8]) -> Cow<'_, [u8]> {
    let Ok(text) = std::str::from_utf8(body) else {
        return redact_bytes(body);
    };
    if let Some(json) = tree::redact_embedded(text, 0) {
        return Cow::Owned(json.into_bytes());
    }
    let is_json_lines = text.lines().any(tree::looks_like_json);
    if !is_json_lines {
        return match redact_text(text) {
            Cow::Borrowed(same) => Cow::Borrowed(same.as_bytes()),
            Cow::Owned(kept) => Cow::Owned(kept.into_bytes()),
        };
    }
    let mut by_line = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\r', '\n']);
        match tree::redact_embedded(content, 0) {
            Some(json) => by_line.push_str(&json),
            None => by_line.push_str(content),
        }
        by_line.push_str(line.get(content.len()..).unwrap_or_default());
    }
    Cow::Owned(redact_text(&by_line).into_owned().into_bytes())
}

/// Each byte becomes the character of its number, and back: spans of characters are found in any bytes.
fn redact_bytes(body: &[u8]) -> Cow<'_, [u8]> {
    let as_text: String = body.iter().copied().map(char::from).collect();
    let spans = text::secret_spans(&as_text);
    if spans.is_empty() {
        return Cow::Borrowed(body);
    }
    let mut spans = spans.into_iter().peekable();
    let kept = as_text.char_indices().zip(body).map(|((offset, _), byte)| {
        while spans.next_if(|span| span.end <= offset).is_some() {}
        let secret = spans.peek().is_some_and(|span| span.contains(&offset));
        if secret { b'*' } else { *byte }
    });
    Cow::Owned(kept.collect())
}

#[cfg(test)]
mod tests;
