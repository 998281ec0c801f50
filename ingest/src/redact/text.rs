//! Where secrets stand in a text: credentials of known shape, and values written after a telling name.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::named::named_spans;
use super::names::{NAME_HINT, hints_at_name};

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

/// Any of the clues: most texts hold none, and one pass tells.
static CLUE: LazyLock<Regex> = LazyLock::new(|| {
    let name = format!("(?i-u:{NAME_HINT})");
    let userinfo = "@".to_owned();
    let scheme = r"(?i-u:\b(?:bearer|basic|negotiate)[ \t])".to_owned();
    let signed = "sig=".to_owned();
    compile(&[SHAPES.join("|"), name, userinfo, scheme, signed].join("|"))
});

/// Words end where ASCII words end, which keeps the fast search engines usable on any text.
fn compile(pattern: &str) -> Regex {
    let ascii = pattern.replace(r"\b", r"(?-u:\b)");
    Regex::new(&ascii).expect("the pattern is a constant that the tests compile")
}

/// The byte ranges of all secrets in their order, none touching another.
pub(super) fn secret_spans(text: &str) -> Vec<Range<usize>> {
    if !CLUE.is_match(text) {
        return Vec::new();
    }
    let mut spans: Vec<Range<usize>> = SHAPE.find_iter(text).map(|found| found.range()).collect();
    if text.contains('@') {
        spans.extend(groups(&USERINFO, text).filter(|span| !is_login_name(text, span)));
        spans.extend(groups(&DRIVER_USERINFO, text));
    }
    spans.extend(groups(&SIGNED_QUERY, text));
    spans.extend(scheme_spans(text));
    if hints_at_name(text) {
        spans.extend(named_spans(text));
    }
    merged(spans)
}

/// `ssh://deploy@host` names who logs in and no secret; so does `git@` anywhere.
fn is_login_name(text: &str, userinfo: &Range<usize>) -> bool {
    let name = text.get(userinfo.clone()).unwrap_or_default();
    let before = text.get(..userinfo.start).unwrap_or_default();
    name == "git" || (before.ends_with("ssh://") && !name.contains(':'))
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
