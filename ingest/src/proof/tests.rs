//! The published vectors of each scheme, and what does not fit them.

use serde_json::Value;

use super::*;

const GITHUB: Proof = Proof::Hmac {
    header: "x-hub-signature-256",
    prefix: "sha256=",
    hash: HashFunction::Sha256,
};

/// Checks one request and tells the outcome in words.
fn check(proof: Proof, secret: &str, headers: &[(&'static str, &str)], body: &[u8]) -> String {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    let claimed = Claimed {
        headers: &map,
        body,
        received_at: "2021-02-25T15:02:10Z".parse().unwrap(),
    };
    let secrets: Vec<Secret> = Secret::new(secret.as_bytes()).into_iter().collect();
    match proof.check(&claimed, &secrets) {
        Ok(()) => "proved".to_owned(),
        Err(unproven) => unproven.to_string(),
    }
}

#[test]
fn the_vector_of_githubs_documentation_fits() {
    let secret = "It's a Secret to Everybody";
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let signed = [("x-hub-signature-256", signature)];
    assert_eq!(check(GITHUB, secret, &signed, b"Hello, World!"), "proved");
    assert_eq!(
        check(GITHUB, secret, &signed, b"Hello, World?"),
        "the proof in the header x-hub-signature-256 does not fit the body"
    );
    assert_eq!(
        check(GITHUB, secret, &[], b"Hello, World!"),
        "the request carries no proof of its sender; expected the header x-hub-signature-256"
    );
    for broken in [
        "sha256=",
        "sha256=zz",
        "sha256=+7",
        "757107ea",
        "sha256=75710",
    ] {
        let outcome = check(
            GITHUB,
            secret,
            &[("x-hub-signature-256", broken)],
            b"Hello, World!",
        );
        assert!(outcome.ends_with("does not fit the body"), "{broken}");
    }
}

#[test]
fn the_vector_of_standard_webhooks_fits_within_five_minutes() {
    let vectors = include_str!("../../testdata/standard-webhooks/vectors.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let vector = &vectors["vectors"][0];
    let part = |name: &str| vector[name].as_str().unwrap();
    let body = part("body").as_bytes();
    let signed = [
        ("webhook-id", part("webhook-id")),
        ("webhook-timestamp", part("webhook-timestamp")),
        ("webhook-signature", part("webhook-signature")),
    ];
    let proof = Proof::StandardWebhooks;
    assert_eq!(check(proof, part("secret"), &signed, body), "proved");
    let mut rotated = signed;
    let two = format!("v1,AAAA v1a,BBBB {}", part("webhook-signature"));
    rotated[2].1 = &two;
    assert_eq!(check(proof, part("secret"), &rotated, body), "proved");
    let mut late = signed;
    late[1].1 = "1614265931";
    assert_eq!(
        check(proof, part("secret"), &late, body),
        "the proof is of another time: webhook-timestamp is more than five minutes away"
    );
    assert_eq!(
        check(proof, "whsec_AAAA", &signed, body),
        "the proof in the header webhook-signature does not fit the body"
    );
}

#[test]
fn a_token_is_taken_as_bearer_and_as_password() {
    let bearer = [("authorization", "Bearer s3cret")];
    assert_eq!(check(Proof::Token, "s3cret", &bearer, b""), "proved");
    let basic = format!("Basic {}", STANDARD.encode("anybody:s3cret"));
    assert_eq!(
        check(Proof::Token, "s3cret", &[("authorization", &basic)], b""),
        "proved"
    );
    for wrong in ["Bearer s3cre", "Basic s3cret", "Bearer", ""] {
        let outcome = check(Proof::Token, "s3cret", &[("authorization", wrong)], b"");
        assert_eq!(
            outcome,
            "the proof in the header authorization does not fit the body"
        );
    }
}

#[test]
fn of_several_schemes_the_one_that_the_request_carries_decides() {
    let proof = Proof::AnyOf(&[Proof::StandardWebhooks, Proof::Header("x-gitlab-token")]);
    let token = [("x-gitlab-token", "s3cret")];
    assert_eq!(check(proof, "s3cret", &token, b""), "proved");
    assert_eq!(
        check(proof, "other", &token, b""),
        "the proof in the header x-gitlab-token does not fit the body"
    );
    let both = [
        ("x-gitlab-token", "s3cret"),
        ("webhook-signature", "v1,AAAA"),
    ];
    assert_eq!(check(proof, "s3cret", &both, b""), "proved");
    assert!(check(proof, "s3cret", &[], b"").starts_with("the request carries no proof"));
}

#[test]
fn without_secrets_nothing_is_asked() {
    assert_eq!(check(GITHUB, "", &[], b"anything"), "proved");
}

#[test]
fn a_secret_shows_itself_to_nobody() {
    let secret = Secret::new(*b"s3cret").unwrap();
    assert_eq!(format!("{secret:?}"), "Secret(..)");
}
