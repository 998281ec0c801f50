//! Values written after a name that announces a secret: `password=…`, `"token": "…"`, `--api-key …`.

use std::ops::Range;

use super::names::{names_count, names_header, names_secret};

/// How far before a separator a name may begin, word by word.
const NAME_BYTES_MAX: usize = 80;

/// A text with what is true of all of it.
struct Written<'t> {
    text: &'t str,
    /// It has lines, so a line may be a setting.
    is_document: bool,
    /// It is the key of an item of the kind *secret*.
    is_item_key: bool,
}

/// A name and where its value begins.
struct Named {
    name: Range<usize>,
    value_begin: usize,
    by_colon: bool,
}

/// The ranges of such values in their order.
pub(super) fn named_spans(text: &str) -> Vec<Range<usize>> {
    let written = Written {
        text,
        is_document: text.trim_end().contains('\n'),
        is_item_key: is_item_key(text),
    };
    let mut spans = Vec::new();
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if at < from {
            continue;
        }
        let named = match byte {
            b'=' | b':' => before_separator(text, at),
            b' ' | b'\t' => flag_before(text, at),
            _ => None,
        };
        if let Some(span) = named.and_then(|named| secret_value(&written, &named)) {
            from = span.end;
            spans.push(span);
        }
    }
    spans
}

/// The value, if its name is that of a secret.
fn secret_value(written: &Written<'_>, named: &Named) -> Option<Range<usize>> {
    let name = written.text.get(named.name.clone())?;
    let item_key = written.is_item_key && name == "secret";
    if item_key || !names_secret(name) {
        return None;
    }
    let span = value_span(written, named)?;
    let value = written.text.get(span.clone())?;
    (!is_plain(name, value)).then_some(span)
}

/// The name that ends before a separator, perhaps of two words, perhaps in quotes.
fn before_separator(text: &str, at: usize) -> Option<Named> {
    let separator = text.get(at..)?;
    let written = separator.trim_start_matches([':', '=']);
    let written = written.strip_prefix('>').unwrap_or(written);
    let value_begin = text.len() - written.trim_start_matches([' ', '\t']).len();
    let before = text.get(..at)?.trim_end_matches([' ', '\t']);
    let before = before.strip_suffix(['"', '\'']).unwrap_or(before);
    let before = before.trim_end_matches('\\');
    let last = word_before(before)?;
    let other = before
        .get(..last.start)
        .and_then(|front| front.strip_suffix(' '))
        .and_then(word_before);
    let begin = other.map_or(last.start, |other| other.start);
    Some(Named {
        name: begin..last.end,
        value_begin,
        by_colon: separator.starts_with(':'),
    })
}

/// The flag of a command line that ends before a space; its value follows.
fn flag_before(text: &str, at: usize) -> Option<Named> {
    let before = text.get(..at)?;
    let name = word_before(before)?;
    let dashes = before.get(name.clone())?.starts_with('-');
    let begins = before
        .get(..name.start)?
        .chars()
        .next_back()
        .is_none_or(|letter| letter.is_whitespace() || "\"'`(".contains(letter));
    if !dashes || !begins {
        return None;
    }
    let value_begin = text.len() - text.get(at..)?.trim_start_matches([' ', '\t']).len();
    Some(Named {
        name,
        value_begin,
        by_colon: false,
    })
}

/// The word a text ends with.
fn word_before(text: &str) -> Option<Range<usize>> {
    let length = text
        .bytes()
        .rev()
        .take(NAME_BYTES_MAX)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte))
        .count();
    (0 < length).then(|| text.len() - length..text.len())
}

/// `secret:prod/shop/db` is the key of an item of the kind *secret*, if nothing else stands in the text.
fn is_item_key(text: &str) -> bool {
    text.strip_prefix("secret:")
        .is_some_and(|rest| !rest.contains([' ', '\t', '\n', '"', '\'', '=', ',', ':']))
}

/// A switch or a count is no secret.
fn is_plain(name: &str, value: &str) -> bool {
    let switch = matches!(
        value.to_ascii_lowercase().as_str(),
        "" | "true" | "false" | "null" | "none" | "{" | "[" | "{}" | "[]"
    );
    let count = names_count(name) && value.bytes().all(|byte| byte.is_ascii_digit());
    switch || count
}

/// The value, which ends by how it is written.
fn value_span(written: &Written<'_>, named: &Named) -> Option<Range<usize>> {
    let (text, from) = (written.text, named.value_begin);
    let rest = text.get(from..)?;
    let backslashes = rest.len() - rest.trim_start_matches('\\').len();
    let quoted = rest.get(backslashes..)?.starts_with(['"', '\'', '`']);
    if quoted {
        let opening = rest.get(..=backslashes)?;
        let begin = from + opening.len();
        return Some(begin..begin + quoted_length(text.get(begin..)?, opening));
    }
    if rest.starts_with('{') {
        return None;
    }
    if let Some(list) = rest.strip_prefix('[') {
        return Some(from..from + 1 + list.find(']').map_or(list.len(), |end| end + 1));
    }
    let length = if named.by_colon && written.is_document && begins_line(text, named.name.start) {
        let line = rest.find(['\r', '\n']).unwrap_or(rest.len());
        line + block_length(rest, line)
    } else if named.by_colon && names_header(text.get(named.name.clone())?) {
        rest.find(['\r', '\n', '"', '\'']).unwrap_or(rest.len())
    } else {
        let ends = |letter: char| letter.is_whitespace() || "\"'`&;\\".contains(letter);
        rest.find(ends).unwrap_or(rest.len())
    };
    Some(from..from + length)
}

/// Whether only space, or the dash of a list, stands before it on its line.
fn begins_line(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let margin = before.trim_end_matches([' ', '\t', '-']);
    margin.is_empty() || margin.ends_with('\n')
}

/// Up to the quote that closes: the same one, behind as many backslashes.
fn quoted_length(inner: &str, opening: &str) -> usize {
    let mut begin = 0;
    while let Some(at) = inner.get(begin..).and_then(|rest| rest.find(opening)) {
        let end = begin + at;
        let before = inner.get(..end).unwrap_or_default();
        let escapes = before.len() - before.trim_end_matches('\\').len();
        let escaped = if opening.len() == 1 {
            escapes % 2 == 1
        } else {
            0 < escapes
        };
        if !escaped {
            return end;
        }
        begin = end + 1;
    }
    inner.len()
}

/// The further lines of a YAML block (`password: |`), those indented below it.
fn block_length(rest: &str, line: usize) -> usize {
    let is_block = rest
        .get(..line)
        .is_some_and(|value| value.starts_with(['|', '>']) && value.len() <= 3);
    if !is_block {
        return 0;
    }
    let below = rest.get(line..).unwrap_or_default();
    below
        .split_inclusive('\n')
        .skip(1)
        .take_while(|next| next.starts_with([' ', '\t']) || next.trim().is_empty())
        .map(str::len)
        .sum::<usize>()
        + below.split_inclusive('\n').next().map_or(0, str::len)
}
