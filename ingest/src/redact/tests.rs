use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn redacted(mut value: Value) -> String {
    redact_value(&mut value);
    value.to_string()
}

#[test]
fn a_secret_is_known_by_its_name() {
    assert_eq!(
        redacted(
            json!({"user": "bob", "db": {"password": "hunter2", "port": 5432}, "tokens": ["a", "b"]})
        ),
        r#"{"db":{"password":"[redacted]","port":5432},"tokens":["[redacted]","[redacted]"],"user":"bob"}"#
    );
    assert_eq!(
        redacted(
            json!({"volume": {"secret": {"secretName": "tls"}}, "env": [{"name": "DB_PASSWORD", "value": "hunter2"}]})
        ),
        r#"{"env":[{"name":"DB_PASSWORD","value":"[redacted]"}],"volume":{"secret":{"secretName":"tls"}}}"#
    );
    assert_eq!(
        redacted(json!({"field": "spring.datasource.password", "before": "old", "after": "new"})),
        r#"{"after":"[redacted]","before":"[redacted]","field":"spring.datasource.password"}"#
    );
    assert_eq!(
        redacted(json!({"args": ["run", "--password", "hunter2", "--verbose"]})),
        r#"{"args":["run","--password","[redacted]","--verbose"]}"#
    );
}

#[test]
fn a_secret_is_known_by_the_marks_of_its_format() {
    assert_eq!(
        redacted(
            json!({"kind": "Secret", "metadata": {"name": "db"}, "data": {"x": "aHVudGVyMg=="}})
        ),
        r#"{"data":{"x":"[redacted]"},"kind":"Secret","metadata":{"name":"db"}}"#
    );
    assert_eq!(
        redacted(
            json!({"after": {"a": "hunter2", "b": "shown", "c": [{"d": "hunter2"}]},
            "after_sensitive": {"a": true, "c": [{"d": true}]}})
        ),
        r#"{"after":{"a":"[redacted]","b":"shown","c":[{"d":"[redacted]"}]},"after_sensitive":{"a":true,"c":[{"d":true}]}}"#
    );
    assert_eq!(
        redacted(json!({"sensitive": true, "value": "hunter2"})),
        r#"{"sensitive":true,"value":"[redacted]"}"#
    );
}

#[test]
fn json_inside_a_text_is_json() {
    let annotation = json!({"last-applied": json!({"password": "hunter2", "port": 1}).to_string()});
    assert_eq!(
        redacted(annotation),
        r#"{"last-applied":"{\"password\":\"[redacted]\",\"port\":1}"}"#
    );
}

#[test]
fn a_secret_in_a_text_is_known_by_the_name_before_it() {
    for (text, kept) in [
        ("password=hunter2 user=bob", "password=[redacted] user=bob"),
        ("DB_PASSWORD: hunter2, next", "DB_PASSWORD: [redacted] next"),
        ("API Key: abc and more", "API Key: [redacted] and more"),
        (
            "run --api-key abc --verbose",
            "run --api-key [redacted] --verbose",
        ),
        (
            r#"said {"secret":"a\"b","n":1} twice"#,
            r#"said {"secret":"[redacted]","n":1} twice"#,
        ),
        (
            r#"{\"secret\":\"abc\",\"n\":1}, broken"#,
            r#"{\"secret\":\"[redacted]\",\"n\":1}, broken"#,
        ),
        ("Cookie: a=b; c=d\nHost: x", "Cookie: [redacted]\nHost: x"),
        (
            "curl -H 'Authorization: Basic abc def' x",
            "curl -H 'Authorization: [redacted]' x",
        ),
        (
            "a: 1\npassphrase: correct horse staple\nb: 2",
            "a: 1\npassphrase: [redacted]\nb: 2",
        ),
        (
            "password: |\n  one\n  two\nb: 2",
            "password: [redacted]b: 2",
        ),
        (
            "Server=x;Password=abc;Database=y",
            "Server=x;Password=[redacted];Database=y",
        ),
        ("/path?token=abc&x=1", "/path?token=[redacted]&x=1"),
    ] {
        assert_eq!(redact_text(text), kept);
        assert_eq!(redact_text(kept), kept, "what is redacted stays as it is");
    }
}

#[test]
fn a_credential_is_known_by_its_shape() {
    for (text, kept) in [
        (
            "https://bob:hunter2@db:5432/x",
            "https://[redacted]@db:5432/x",
        ),
        (
            "git clone https://abcdef@github.com/x",
            "git clone https://[redacted]@github.com/x",
        ),
        ("ssh://bob:hunter2@host/x", "ssh://[redacted]@host/x"),
        ("bob:hunter2@tcp(db:3306)/x", "[redacted]@tcp(db:3306)/x"),
        ("Bearer abc.def123", "Bearer [redacted]"),
        ("basic dXNlcjpwYXNz", "basic [redacted]"),
        (
            "see https://x/y?sig=abc%2F&z=1",
            "see https://x/y?sig=[redacted]&z=1",
        ),
        (
            "a -----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- b",
            "a [redacted] b",
        ),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\ncut off", "[redacted]"),
    ] {
        assert_eq!(redact_text(text), kept);
        assert_eq!(redact_text(kept), kept, "what is redacted stays as it is");
    }
}

#[test]
fn ordinary_words_stay() {
    for text in [
        "deploy checkout v1.2.3 to prod",
        "fix(token): handle expiry in the basic implementation",
        "token-service: deployed by alice",
        "service:prod/token-service",
        "secret:prod/shop/db-credentials",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "9fceb02d0ae598e95dc970b74767f19372d61af8",
        "git@github.com:org/repo.git and ssh://git@github.com/org/repo",
        "ssh://deploy@localhost:2222/org/repo.git",
        "https://example.com/path?mail=a@b#c",
        "max_tokens=4096 and secretName: tls and tokens: 17",
        "the bearer of this, basic functionality, token service-v2",
        "{\"a\": 1, \"b\": [true, null]}",
        "password: true",
    ] {
        assert!(
            matches!(redact_text(text), Cow::Borrowed(same) if same == text),
            "{text}"
        );
    }
}

#[test]
fn a_body_keeps_its_form() {
    let lines = b"{\"password\":\"hunter2\"}\n{\"n\": 1}\nnot json, token=abc\n";
    assert_eq!(
        String::from_utf8_lossy(&redact_body(lines)),
        "{\"password\":\"[redacted]\"}\n{\"n\": 1}\nnot json, token=[redacted]\n"
    );
    let bytes = b"\xff\x00\x14AKIAABCDEFGHIJKLMNOP\xfe tail";
    assert_eq!(
        &*redact_body(bytes),
        b"\xff\x00\x14********************\xfe tail"
    );
}

/// Credentials made up by their makers' rules.
fn shaped() -> impl Strategy<Value = String> {
    prop_oneof![
        "(AKIA|ASIA)[A-Z0-9]{16}",
        "gh[pousr]_[A-Za-z0-9]{36}",
        "github_pat_[A-Za-z0-9_]{40}",
        "glpat-[A-Za-z0-9]{20}",
        "xox[bp]-[0-9]{10}-[A-Za-z0-9]{24}",
        "eyJ[A-Za-z0-9]{12}\\.eyJ[A-Za-z0-9]{20}\\.[A-Za-z0-9_]{20}",
        "sk_live_[A-Za-z0-9]{24}",
        "hvs\\.[A-Za-z0-9]{24}",
        "-----BEGIN (RSA |EC )?PRIVATE KEY-----\n[A-Za-z0-9+/]{64}\n-----END (RSA |EC )?PRIVATE KEY-----",
    ]
}

fn secret_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,6}_password",
        "(DB|AWS|MY)_(SECRET|TOKEN|PASSWD|API_KEY|PRIVATE_KEY)",
        "(db|client|user)(Password|Secret|Token|ApiKey)",
        Just("Authorization".to_owned()),
        Just("Cookie".to_owned()),
        Just("X-Api-Key".to_owned()),
    ]
}

/// JSON around a planted value, as deep and as wrapped as webhooks are.
fn planted(secret: Value) -> impl Strategy<Value = Value> {
    Just(secret).prop_recursive(5, 16, 3, |inner| {
        prop_oneof![
            ("[a-z]{1,8}", inner.clone())
                .prop_map(|(name, value)| json!({name: value, "other": 1})),
            inner
                .clone()
                .prop_map(|value| json!(["first", value, null])),
            inner
                .clone()
                .prop_map(|value| json!({"text": value.to_string()})),
            inner.prop_map(|value| json!({"text": format!("before {value} after")})),
        ]
    })
}

proptest! {
    #[test]
    fn no_named_secret_survives((secret, value) in ("Zz[a-zA-Z0-9!%*+/_-]{8,24}zZ", secret_name())
        .prop_flat_map(|(secret, name)| (Just(secret.clone()), planted(json!({name: secret}))))) {
        let kept = redacted(value.clone());
        prop_assert!(!kept.contains(&secret), "{kept}");
        let body = redact_body(value.to_string().as_bytes()).into_owned();
        prop_assert!(!String::from_utf8(body).unwrap().contains(&secret));
    }

    #[test]
    fn no_secret_of_known_shape_survives((secret, value) in shaped()
        .prop_flat_map(|secret| (Just(secret.clone()), planted(json!(secret))))) {
        let kept = redacted(value);
        let core: String = secret.chars().skip(20).filter(|letter| *letter != '\n').take(12).collect();
        prop_assert!(!kept.contains(&secret), "{kept}");
        prop_assert!(core.len() < 6 || !kept.contains(&core), "{kept}");
    }

    #[test]
    fn no_written_secret_survives(name in secret_name(), secret in "Zz[a-zA-Z0-9!%*+/_-]{8,24}zZ",
        separator in "(=|: | = |=\"|: \"|='|:)", before in "[a-z ,]{0,20}", after in "[a-z ,\"\n]{0,20}") {
        let text = format!("{before} {name}{separator}{secret} {after}");
        let kept = redact_text(&text);
        prop_assert!(!kept.contains(&secret), "{kept}");
    }

    #[test]
    fn words_and_numbers_stay(value in planted(json!({"title": "deploy checkout", "n": 7, "on": true, "id": "a1b2c3"}))) {
        let mut kept = value.clone();
        prop_assert_eq!(redact_value(&mut kept), 0);
        prop_assert_eq!(kept, value);
    }

    #[test]
    fn any_text_is_taken_and_settles(text in "\\PC*") {
        let once = redact_text(&text).into_owned();
        prop_assert_eq!(redact_text(&once), once.as_str());
    }

    #[test]
    fn any_bytes_are_taken(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let kept = redact_body(&body);
        if std::str::from_utf8(&body).is_err() {
            prop_assert_eq!(kept.len(), body.len());
        }
    }
}

/// Once these took time by the square of their length; at this one they would take minutes.
#[test]
fn long_texts_full_of_beginnings_are_read_to_their_end() {
    let beginnings = [
        "token: ",
        "password=\"",
        "tokens: 1 ",
        "- secret ",
        "\\\\\\\" key: [",
        "a@b://",
    ];
    for beginning in beginnings {
        let text = format!("{} password=hunter22", beginning.repeat(40_000));
        assert!(!redact_text(&text).contains("hunter22"), "{beginning:?}");
    }
}
