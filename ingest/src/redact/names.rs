//! Which names announce a secret.

use std::sync::LazyLock;

use regex::Regex;

/// A pattern that every name of a secret matches, whatever its case; cheaper than reading the name in words.
pub(super) const NAME_HINT: &str =
    "pass|pwd|secret|token|key|authorization|cookie|cred|session|string|signature";

static HINT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!("(?i-u){NAME_HINT}")).expect("the pattern is a constant"));

/// Words that name a secret wherever they stand in a name.
const SECRET_WORDS: [&str; 20] = [
    "password",
    "passwords",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "secrets",
    "token",
    "tokens",
    "apikey",
    "apikeys",
    "privatekey",
    "authorization",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "cred",
    "creds",
];

/// What stands before `key` in the name of a secret one; a public or a partition key is none.
const SECRET_KEYS: [&str; 14] = [
    "api",
    "private",
    "access",
    "account",
    "auth",
    "signing",
    "encryption",
    "shared",
    "master",
    "ssh",
    "storage",
    "license",
    "host",
    "hmac",
];

/// Endings of words that were run together: `PGPASSWORD`, `clientsecret`.
const SECRET_ENDINGS: [&str; 7] = [
    "password",
    "passwd",
    "secret",
    "apikey",
    "token",
    "privatekey",
    "accesskey",
];

/// Last words of names that speak about a secret without holding it: `secretName`, `token_ttl`, `token-service`.
const HARMLESS_LAST_WORDS: [&str; 77] = [
    "name",
    "names",
    "namespace",
    "ref",
    "refs",
    "reference",
    "arn",
    "count",
    "counts",
    "total",
    "type",
    "types",
    "kind",
    "path",
    "paths",
    "file",
    "filename",
    "dir",
    "mode",
    "version",
    "policy",
    "policies",
    "length",
    "size",
    "limit",
    "limits",
    "budget",
    "usage",
    "used",
    "expiry",
    "expires",
    "expiration",
    "expired",
    "at",
    "ttl",
    "age",
    "seconds",
    "days",
    "enabled",
    "required",
    "rotation",
    "endpoint",
    "url",
    "issuer",
    "service",
    "server",
    "svc",
    "api",
    "app",
    "worker",
    "controller",
    "manager",
    "store",
    "vault",
    "gateway",
    "reset",
    "refresh",
    "handling",
    "cache",
    "check",
    "leak",
    "migration",
    "support",
    "fix",
    "bug",
    "update",
    "cleanup",
    "proxy",
    "provider",
    "exchange",
    "handler",
    "generator",
    "rotator",
    "operator",
    "reviewer",
    "sync",
    "db",
];

/// Whether a value of this name is a secret: `db.password`, `X-Api-Key`, `clientSecret`.
///
/// Names are read in words, whatever joins them; `secretName` and `token_ttl` are no secrets.
pub fn names_secret(name: &str) -> bool {
    if !hints_at_name(name) {
        return false;
    }
    let words = words_of(name);
    let harmless = words
        .last()
        .is_some_and(|last| HARMLESS_LAST_WORDS.contains(&last.as_str()));
    !harmless && holds_secret_word(&words)
}

/// Whether a name of a secret may stand in the text; without that no name is looked for.
pub(super) fn hints_at_name(text: &str) -> bool {
    HINT.is_match(text)
}

/// Whether a number of this name only counts: `max_tokens`.
pub(super) fn names_count(name: &str) -> bool {
    const PLURALS: [&str; 5] = ["tokens", "secrets", "cookies", "passwords", "credentials"];
    words_of(name)
        .last()
        .is_some_and(|last| PLURALS.contains(&last.as_str()))
}

/// Whether the value of this header goes to the end of its line.
pub(super) fn names_header(name: &str) -> bool {
    let words = words_of(name);
    words
        .iter()
        .any(|word| word == "authorization" || word == "cookie")
}

fn holds_secret_word(words: &[String]) -> bool {
    let alone = words.iter().any(|word| {
        SECRET_WORDS.contains(&word.as_str())
            || SECRET_ENDINGS.iter().any(|ending| word.ends_with(ending))
    });
    let pair = |first: &str, second: &str| match second {
        "key" | "keys" => SECRET_KEYS.contains(&first),
        "string" => first == "connection",
        "id" => first == "session",
        "signature" => first == "amz",
        _ => false,
    };
    let paired = words
        .iter()
        .zip(words.iter().skip(1))
        .any(|(first, second)| pair(first, second));
    alone || paired
}

/// Lower-case words: cut at everything but letters, and where a capital begins a word (`dbPassword`, `APIKey`).
fn words_of(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut letters = name.chars().peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        let small_follows = letters.peek().is_some_and(|next| next.is_lowercase());
        let begins = letter.is_uppercase()
            && (before.is_lowercase() || (before.is_uppercase() && small_follows));
        if (begins || !letter.is_alphabetic()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphabetic() {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_in_words() {
        assert_eq!(
            words_of("spring.dataSource.DBPassword2"),
            ["spring", "data", "source", "db", "password"]
        );
    }

    #[test]
    fn names_of_credentials_are_secret() {
        for name in [
            "password",
            "DB_PASSWORD",
            "db.password",
            "PGPASSWORD",
            "userPassword",
            "MYSQL_PWD",
            "secret",
            "client_secret",
            "clientSecret",
            "SECRET_PAYMENTS",
            "token",
            "X-Auth-Token",
            "apiKey",
            "X-API-Key",
            "APIKey",
            "api key",
            "aws_secret_access_key",
            "private_key",
            "Authorization",
            "Set-Cookie",
            "AccountKey",
            "connectionString",
            "session_id",
            "X-Amz-Signature",
            "credentials",
            "dbpassword",
            "token_github",
            "passwordHash",
        ] {
            assert!(names_secret(name), "{name}");
        }
    }

    #[test]
    fn names_about_credentials_are_not() {
        for name in [
            "secretName",
            "secretKeyRef",
            "passwordPolicy",
            "token_ttl",
            "tokenType",
            "password_expires_at",
            "key",
            "publicKey",
            "partition_key",
            "tokenizer",
            "secretary",
            "passenger",
            "keyboard",
            "compass",
            "cookieName",
            "authorizationMode",
            "author",
            "name",
            "environment",
            "monkey",
            "session",
        ] {
            assert!(!names_secret(name), "{name}");
        }
    }
}
