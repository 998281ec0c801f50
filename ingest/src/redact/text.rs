//! Where secrets stand in a text: credentials of known shape, and values written after a telling name.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::names::{names_count, names_header, names_secret};

/// Credentials that show what they are. The shapes are those their makers document.
const SHAPES: [&str; 24] = [
    r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
    r"\bgh[pousr]_[A-Za-z0-9]{20,}",
    r"\bgithub_pat_[A-Za-z0-9_]{20,}",
    r"\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat)-[A-Za-z0-9_\-]{20,}",
    r"\bxox[a-z]-[A-Za-z0-9\-]{10,}",
    r"\bxapp-[A-Za-z0-9\-]{10,}",
    r"\bhooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_\-]+",
    r"\beyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*",
    r"\bAIza[A-Za-z0-9_\-]{35}",
    r"\bya29\.[A-Za-z0-9_\-]{20,}",
    r"\bGOCSPX-[A-Za-z0-9_\-]{20,}",
    r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",
    r"\bwhsec_[A-Za-z0-9+/=]{16,}",
    r"\bsk-[A-Za-z0-9_\-]{20,}",
    r"\bnpm_[A-Za-z0-9]{30,}",
    r"\bpypi-[A-Za-z0-9_\-]{32,}",
    r"\bSG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}",
    r"\bdo[opr]_v1_[a-f0-9]{64}",
    r"\bhv[sbr]\.[A-Za-z0-9_\-]{20,}",
    r"\bdckr_pat_[A-Za-z0-9_\-]{20,}",
    r"\bgl(?:sa|c)_[A-Za-z0-9_+/=]{20,}",
    r"\bdapi[a-f0-9]{32}",
    r"\bAGE-SECRET-KEY-1[A-Z0-9]{20,}",
];

/// One pattern of all shapes.
static SHAPE: LazyLock<Regex> = LazyLock::new(|| compile(&SHAPES.join("|")));

/// What stands between a URL's scheme and its host.
static USERINFO: LazyLock<Regex> = LazyLock::new(|| {
    compile(r#"[A-Za-z][A-Za-z0-9+.\-]*://([^/?#: \t\r\n"'<>\\]*(?::[^/?# \t\r\n"'<>\\]*)?)@"#)
});

/// The same where a database driver writes it without a scheme: `user:password@tcp(host)`.
static DRIVER_USERINFO: LazyLock<Regex> =
    LazyLock::new(|| compile(r#"([^ \t\r\n/:"'<>\\]+:[^ \t\r\n/"'<>\\]+)@(?:tcp|unix)\("#));

/// An authentication scheme and what follows.
static SCHEME: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"(?i-u)\b(bearer|basic|token|negotiate)[ \t]+([A-Za-z0-9\-._~+/]{8,}=*)")
});

/// A signature in a query: whoever holds the address may fetch.
static SIGNED_QUERY: LazyLock<Regex> =
    LazyLock::new(|| compile(r#"[?&](?:sig|signature)=([^& \t\r\n"'<>]+)"#));

/// A name (perhaps of two words) with a separator after it, or a flag of a command line.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r#"([A-Za-z_][A-Za-z0-9_.\-]*(?: [A-Za-z_][A-Za-z0-9_.\-]*)?)\\*["']?[ \t]*(=>|:=|=|:)[ \t]*|(?:^|[ \t\r\n])--?([A-Za-z][A-Za-z0-9_\-]*)[ \t]+"#,
    )
});

/// Something that may announce a name: without it no name is looked for.
static HINT: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"(?i-u)pass|pwd|secret|token|key|authorization|cookie|cred|session|string|signature")
});

/// Words end where ASCII words end, which keeps the fast search engines usable on any text.
fn compile(pattern: &str) -> Regex {
    let ascii = pattern.replace(r"\b", r"(?-u:\b)");
    Regex::new(&ascii).expect("the pattern is a constant that the tests compile")
}

/// The byte ranges of all secrets in their order, none touching another.
pub(super) fn secret_spans(text: &str) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = SHAPE.find_iter(text).map(|found| found.range()).collect();
    if text.contains('@') {
        spans.extend(groups(&USERINFO, text).filter(|span| text.get(span.clone()) != Some("git")));
        spans.extend(groups(&DRIVER_USERINFO, text));
    }
    spans.extend(groups(&SIGNED_QUERY, text));
    spans.extend(scheme_spans(text));
    if HINT.is_match(text) {
        spans.extend(named_spans(text));
    }
    merged(spans)
}

fn groups<'t>(pattern: &'static Regex, text: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
    pattern
        .captures_iter(text)
        .filter_map(|found| found.get(1))
        .map(|secret| secret.range())
}

fn scheme_spans(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    SCHEME.captures_iter(text).filter_map(|found| {
        let (scheme, credential) = (found.get(1)?, found.get(2)?);
        is_credential(scheme.as_str(), credential.as_str()).then(|| credential.range())
    })
}

/// Tells a credential from the next word of a sentence (`Basic functionality`, `token service-v2`).
fn is_credential(scheme: &str, word: &str) -> bool {
    let any = |test: fn(&u8) -> bool| word.as_bytes().iter().any(test);
    let digit = any(u8::is_ascii_digit);
    let mixed =
        word.bytes().skip(1).any(|byte| byte.is_ascii_uppercase()) && any(u8::is_ascii_lowercase);
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => digit || mixed || 20 <= word.len() || word.contains(['_', '~', '+', '/', '=']),
        "basic" => {
            let base64 = !word.contains(['-', '.', '_', '~']) && word.len().is_multiple_of(4);
            base64 && (digit || mixed || word.ends_with('='))
        }
        _ => digit && 20 <= word.len(),
    }
}

/// Values after names that announce a secret.
fn named_spans(text: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut from = 0;
    while let Some(found) = NAME.captures_at(text, from) {
        let (Some(whole), Some(name)) = (found.get(0), found.get(1).or(found.get(3))) else {
            break;
        };
        from = whole.end();
        let item_key = name.as_str() == "secret" && is_item_key(text);
        if item_key || !names_secret(name.as_str()) {
            continue;
        }
        let separator = found.get(2).map_or("", |separator| separator.as_str());
        let Some(span) = value_span(text, name.range(), separator, whole.end()) else {
            continue;
        };
        let value = text.get(span.clone()).unwrap_or_default();
        if !is_plain(name.as_str(), value) {
            from = span.end.max(from);
            spans.push(span);
        }
    }
    spans
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

/// Where the value that begins at `from` ends, by how it is written.
fn value_span(
    text: &str,
    name: Range<usize>,
    separator: &str,
    from: usize,
) -> Option<Range<usize>> {
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
    let line = rest.find(['\r', '\n']).unwrap_or(rest.len());
    let begins_line = text
        .get(..name.start)?
        .trim_end_matches([' ', '\t', '-'])
        .ends_with('\n')
        || name.start == 0;
    let in_document = separator == ":" && begins_line && text.trim_end().contains('\n');
    let length = if in_document {
        line + block_length(rest, line)
    } else if separator == ":" && names_header(text.get(name)?) {
        rest.find(['\r', '\n', '"', '\'']).unwrap_or(rest.len())
    } else {
        let ends = |letter: char| letter.is_whitespace() || "\"'`&;\\".contains(letter);
        rest.find(ends).unwrap_or(rest.len())
    };
    Some(from..from + length)
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

fn merged(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_by_key(|span| (span.start, span.end));
    let mut disjoint: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match disjoint.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => disjoint.push(span),
        }
    }
    disjoint
}
