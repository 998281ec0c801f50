//! Tokens of other issuers, with the real binary and an issuer with real keys.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::signature::RSA_PSS_SHA256;
use serde_json::{Value, json};

use crate::issuing::{Key, Pair, rsa_signature, signed, url};
use crate::plain;
use crate::serving::Serving;

const AUDIENCE: &str = "epicenter";

/// An issuer: what it publishes, and how often it was asked.
struct Issuer {
    url: String,
    keys: Mutex<Vec<Value>>,
    asked: AtomicUsize,
}

impl Issuer {
    async fn new(keys: &[&Key]) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/realm", listener.local_addr().unwrap());
        let issuer = Arc::new(Self {
            url,
            keys: Mutex::default(),
            asked: AtomicUsize::new(0),
        });
        issuer.publish(keys);
        let router = Router::new()
            .route("/realm/.well-known/openid-configuration", get(described))
            .route("/realm/keys", get(keys_of))
            .with_state(Arc::clone(&issuer));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        issuer
    }

    fn publish(&self, keys: &[&Key]) {
        let keys = keys.iter().map(|key| key.jwk());
        *self.keys.lock().unwrap() = keys.collect();
    }

    /// What a token says that counts.
    fn claims(&self, groups: &[&str]) -> Value {
        let now = now();
        json!({
            "iss": self.url, "aud": AUDIENCE, "sub": "alice", "groups": groups,
            "iat": now, "nbf": now, "exp": now + 300,
        })
    }
}

async fn described(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    let keys = format!("{}/keys", issuer.url);
    Json(json!({ "issuer": issuer.url, "jwks_uri": keys }))
}

async fn keys_of(State(issuer): State<Arc<Issuer>>) -> Json<Value> {
    issuer.asked.fetch_add(1, Ordering::SeqCst);
    Json(json!({ "keys": *issuer.keys.lock().unwrap() }))
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// A locked server that takes the word of issuers.
struct Trusting {
    serving: Serving,
    _folder: tempfile::TempDir,
}

impl Trusting {
    fn new(issuers: &[&str], rest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = format!("[auth]\nrequired = true\n{rest}\n");
        for issuer in issuers {
            config += &format!(
                "[[auth.issuers]]\nissuer = '{issuer}'\naudience = '{AUDIENCE}'\n\
                 algorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']\n\
                 scopes = {{ sre = ['operate'], feeds = ['ingest'], boss = ['admin'], shop = ['read'] }}\n\
                 sights = {{ shop = {{ teams = ['team-shop'], kinds = ['service'] }} }}\n"
            );
        }
        let path = folder.path().join("epicenter.toml");
        fs::write(&path, config).unwrap();
        let data = folder.path().join("data");
        let serving = Serving::with(&data, &["--config", path.to_str().unwrap()]);
        Self {
            serving,
            _folder: folder,
        }
    }

    /// The status of a question that needs `read`.
    async fn status(&self, token: &str) -> u16 {
        self.status_of("/metrics", token).await
    }

    async fn status_of(&self, path: &str, token: &str) -> u16 {
        let url = format!("{}{path}", self.serving.http);
        let request = plain::client().get(url).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    }

    async fn ask(&self, token: &str, document: &str) -> Value {
        let url = format!("{}/graphql", self.serving.http);
        let request = plain::client().post(url).bearer_auth(token);
        let answer = request.json(&json!({ "query": document })).send().await;
        answer.unwrap().json().await.unwrap()
    }
}

const TOKENS: &str = "{ tokens { totalCount } }";
const ITEMS: &str = "{ items { totalCount } }";

#[tokio::test(flavor = "multi_thread")]
async fn who_an_issuer_vouches_for_may_do_what_their_groups_are_for() {
    let keys = [Key::p256("a"), Key::p384("b"), Key::ed("c"), Key::rsa("d")];
    let issuer = Issuer::new(&keys.each_ref()).await;
    let server = Trusting::new(&[&issuer.url], "");
    for key in &keys {
        let token = key.token(&issuer.claims(&["sre", "others"]));
        assert_eq!(server.status(&token).await, 200, "{}", key.algorithm());
    }
    let token = |groups: &[&str]| keys[0].token(&issuer.claims(groups));
    assert_eq!(server.status(&token(&["feeds"])).await, 403);
    assert_eq!(server.status(&token(&["others"])).await, 403);
    assert_eq!(server.status(&token(&[])).await, 403);
    let refused = server.ask(&token(&["sre"]), TOKENS).await;
    assert_eq!(refused["errors"][0]["extensions"]["scope"], "admin");
    let asked = server.ask(&token(&["boss"]), TOKENS).await;
    assert_eq!(asked["data"]["tokens"]["totalCount"], 0);
    let asked = server.ask(&token(&["sre"]), ITEMS).await;
    assert_eq!(asked["data"]["items"]["totalCount"], 0);

    // Times a little off are no reason to send anybody away, and neither is an audience among others.
    let mut near = issuer.claims(&["sre"]);
    near["exp"] = json!(now() - 30);
    near["nbf"] = json!(now() + 30);
    near["aud"] = json!(["others", AUDIENCE]);
    assert_eq!(server.status(&keys[0].token(&near)).await, 200);
    let mut access = keys[0].header();
    access["typ"] = json!("at+jwt");
    let access = keys[0].token_of(&access.to_string(), &issuer.claims(&["sre"]).to_string());
    assert_eq!(server.status(&access).await, 200);
    let Pair::Rsa(rsa) = &keys[3].pair else {
        unreachable!("it is made so")
    };
    let header = json!({ "alg": "PS256", "kid": "d" }).to_string();
    let claims = issuer.claims(&["sre"]).to_string();
    let pss = signed(&header, &claims, |message| {
        rsa_signature(rsa, &RSA_PSS_SHA256, message)
    });
    assert_eq!(server.status(&pss).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_group_that_is_limited_is_limited_whatever_other_groups_they_have() {
    let key = Key::p256("a");
    let issuer = Issuer::new(&[&key]).await;
    let server = Trusting::new(&[&issuer.url], "");
    let token = |groups: &[&str]| key.token(&issuer.claims(groups));
    let boss = token(&["boss"]);
    let item =
        |name: &str, owner: &str| format!("{{ key: \"service:{name}\", owner: \"{owner}\" }}");
    let items = format!("[{}, {}]", item("a", "team-shop"), item("b", "team-pay"));
    let said = format!(
        "mutation {{ upsertItems(input: {{ source: \"test\", items: {items} }}) {{ accepted }} }}"
    );
    let told = server.ask(&boss, &said).await;
    assert_eq!(told["data"]["upsertItems"]["accepted"], 2, "{told}");
    let seen = "{ items { totalCount hiddenCount nodes { key } } }";
    for groups in [&["shop"][..], &["shop", "sre"], &["boss", "shop", "feeds"]] {
        let limited = token(groups);
        let told = server.ask(&limited, seen).await;
        let part = json!({ "totalCount": 1, "hiddenCount": 1, "nodes": [{ "key": "service:a" }] });
        assert_eq!(told["data"]["items"], part, "{told}");
        let told = server.ask(&limited, &said).await;
        assert_eq!(
            told["errors"][0]["message"],
            "this is not for tokens of limited sight"
        );
        assert_eq!(server.status(&limited).await, 403);
    }
    let told = server.ask(&boss, seen).await;
    assert_eq!(told["data"]["items"]["totalCount"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_fetched_when_a_token_names_it_and_one_that_is_gone_counts_no_more() {
    let (old, new) = (Key::p256("old"), Key::p256("new"));
    let issuer = Issuer::new(&[&old]).await;
    let server = Trusting::new(&[&issuer.url], "keys_pause_ms = 20");
    let (by_old, by_new) = (
        old.token(&issuer.claims(&["sre"])),
        new.token(&issuer.claims(&["sre"])),
    );
    assert_eq!(server.status(&by_old).await, 200);
    assert_eq!(server.status(&by_new).await, 401);
    issuer.publish(&[&new]);
    let patience = Instant::now() + Duration::from_secs(60);
    while server.status(&by_new).await != 200 {
        assert!(Instant::now() < patience, "the new key never came");
    }
    assert_eq!(server.status(&by_old).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_issuer_is_silent_starts_says_so_and_stops() {
    let key = Key::p256("a");
    let elsewhere = Issuer::new(&[&key]).await;
    // Nobody listens there.
    let silent = "http://127.0.0.1:9/realm";
    let mut server = Trusting::new(&[silent, &elsewhere.url], "");
    let token = key.token(&elsewhere.claims(&["sre"]));
    assert_eq!(server.status(&token).await, 200);
    let mut lost = elsewhere.claims(&["sre"]);
    lost["iss"] = json!(silent);
    assert_eq!(server.status(&key.token(&lost)).await, 401);
    let url = format!("{}/readyz", server.serving.http);
    let ready = plain::client().get(url).bearer_auth(&token).send().await;
    let ready: Value = ready.unwrap().json().await.unwrap();
    assert_eq!(ready["status"], "ready");
    let remark = ready["remarks"][0].as_str().unwrap();
    assert!(remark.contains(silent), "{remark}");
    server.serving.signal("-TERM");
    assert!(server.serving.child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_is_asked_who_they_are_no_token_is_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::over(folder.path());
    let url = format!("{}/metrics", serving.http);
    let request = plain::client().get(url).bearer_auth("ey.any.thing");
    assert_eq!(request.send().await.unwrap().status(), 200);
}

/// Tokens that must not count, each with what is wrong with it.
fn forged(issuer: &Issuer, ours: &Key, rsa: &Key) -> Vec<(String, String)> {
    let good = issuer.claims(&["boss"]);
    let (header, claims) = (ours.header().to_string(), good.to_string());
    let mut forged: Vec<(String, String)> = Vec::new();
    let mut add = |why: &str, token: String| forged.push((why.to_owned(), token));

    for none in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({ "typ": "JWT", "alg": none, "kid": "ours" }).to_string();
        add("no algorithm", signed(&header, &claims, |_| Vec::new()));
        add("no algorithm, signed", ours.token_of(&header, &claims));
    }
    let jwk = rsa.jwk();
    let public = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    for secret in [public, jwk.to_string().into_bytes(), Vec::new()] {
        for (name, way) in [("HS256", hmac::HMAC_SHA256), ("HS512", hmac::HMAC_SHA512)] {
            let header = json!({ "alg": name, "kid": "rsa" }).to_string();
            let key = hmac::Key::new(way, &secret);
            let sign = |message: &[u8]| hmac::sign(&key, message).as_ref().to_vec();
            add("the public key as a secret", signed(&header, &claims, sign));
        }
    }
    let token = ours.token(&good);
    let (message, signature) = token.rsplit_once('.').unwrap();
    add("unsigned", format!("{message}."));
    add("two parts", message.to_owned());
    add("four parts", format!("{token}.{signature}"));
    add(
        "a signature of zeros",
        signed(&header, &claims, |_| vec![0; 64]),
    );
    add(
        "half a signature",
        format!("{message}.{}", &signature[..40]),
    );
    add("another padding", format!("{token}=="));
    let (head, _) = message.split_once('.').unwrap();
    let other = url(issuer.claims(&["boss", "sre"]).to_string().as_bytes());
    add("changed claims", format!("{head}.{other}.{signature}"));

    forged
}

/// The same, by what they say of the key that signed them.
fn misled(issuer: &Issuer, ours: &Key, foreign: &Key) -> Vec<(String, String)> {
    let good = issuer.claims(&["boss"]);
    let claims = good.to_string();
    let mut forged: Vec<(String, String)> = Vec::new();
    let mut add = |why: &str, token: String| forged.push((why.to_owned(), token));

    for kid in [
        "../../etc/passwd",
        "' OR 1=1 --",
        "rsa",
        "foreign",
        "",
        "\u{0}",
        &"k".repeat(4_000),
    ] {
        let header = json!({ "alg": "ES256", "kid": kid }).to_string();
        add("another key's name", ours.token_of(&header, &claims));
    }
    let swapped = json!({ "alg": "RS256", "kid": "ours" }).to_string();
    add("a key of another sort", ours.token_of(&swapped, &claims));
    let taken = json!({ "alg": "ES256", "kid": "ours" });
    add(
        "another issuer's key",
        foreign.token_of(&taken.to_string(), &claims),
    );
    add("another issuer's key by its name", foreign.token(&good));
    for (name, value) in [
        ("jku", json!(format!("{}/keys", issuer.url))),
        ("x5u", json!(format!("{}/keys", issuer.url))),
        ("jwk", foreign.jwk()),
        ("x5c", json!([url(b"certificate")])),
    ] {
        let mut header = taken.clone();
        header[name] = value.clone();
        add(name, foreign.token_of(&header.to_string(), &claims));
        header["kid"] = json!("foreign");
        add(name, foreign.token_of(&header.to_string(), &claims));
    }
    for (name, value) in [
        ("typ", json!("logout+jwt")),
        ("typ", json!("dpop+jwt")),
        ("crit", json!(["exp"])),
        ("enc", json!("A128GCM")),
        ("alg", json!(["ES256"])),
        ("alg", json!("ES384")),
    ] {
        let mut header = ours.header();
        header[name] = value.clone();
        add(
            &format!("{name} {value}"),
            ours.token_of(&header.to_string(), &claims),
        );
    }
    forged
}

/// Tokens whose signature is good and whose claims are not.
fn unfit(issuer: &Issuer, ours: &Key) -> Vec<(String, String)> {
    let good = issuer.claims(&["boss"]);
    let header = ours.header().to_string();
    let mut unfit: Vec<(String, String)> = Vec::new();
    let now = now();
    for (name, value) in [
        ("exp", json!(now - 120)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!("tomorrow")),
        ("exp", json!(1e300)),
        ("exp", Value::Null),
        ("nbf", json!(now + 120)),
        ("nbf", json!("now")),
        ("iat", json!(now + 120)),
        ("iat", json!("now")),
        ("aud", json!("others")),
        ("aud", json!(["others"])),
        ("aud", json!([])),
        ("aud", json!({ "epicenter": true })),
        ("aud", Value::Null),
        ("iss", json!("https://login.example")),
        ("iss", json!([issuer.url])),
        ("iss", Value::Null),
        ("sub", json!("")),
        ("sub", json!("a".repeat(300))),
        ("sub", json!(["alice"])),
        ("sub", Value::Null),
    ] {
        let mut claims = good.clone();
        claims[name] = value.clone();
        let shown = value.to_string().chars().take(40).collect::<String>();
        unfit.push((format!("{name} is {shown}"), ours.token(&claims)));
        claims.as_object_mut().unwrap().remove(name);
        if !["nbf", "iat"].contains(&name) {
            unfit.push((format!("no {name}"), ours.token(&claims)));
        }
    }
    let text = good.to_string();
    for twice in [
        "\"sub\":\"root\"",
        "\"groups\":[\"boss\"]",
        "\"exp\":99999999999",
        "\"iss\":\"x\"",
    ] {
        let claims = text.replacen('{', &format!("{{{twice},"), 1);
        unfit.push((format!("{twice} twice"), ours.token_of(&header, &claims)));
    }
    let doubled = header.replacen('{', "{\"alg\":\"ES256\",", 1);
    unfit.push((
        "a header that says a thing twice".to_owned(),
        ours.token_of(&doubled, &text),
    ));
    let mut huge = good;
    huge["padding"] = json!("p".repeat(20_000));
    unfit.push(("huge".to_owned(), ours.token(&huge)));
    for claims in ["", "[]", "null", "{", "1"] {
        unfit.push((format!("claims {claims:?}"), ours.token_of(&header, claims)));
    }
    unfit
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_counts_that_is_not_wholly_an_issuers_own() {
    let (ours, rsa, foreign) = (Key::p256("ours"), Key::rsa("rsa"), Key::p256("foreign"));
    let issuer = Issuer::new(&[&ours, &rsa]).await;
    let other = Issuer::new(&[&foreign]).await;
    let server = Trusting::new(&[&issuer.url, &other.url], "keys_pause_ms = 600000");
    let good = ours.token(&issuer.claims(&["boss"]));
    assert_eq!(server.status(&good).await, 200);
    let foreign_good = foreign.token(&other.claims(&["boss"]));
    assert_eq!(server.status(&foreign_good).await, 200);

    let mut bad = forged(&issuer, &ours, &rsa);
    bad.extend(misled(&issuer, &ours, &foreign));
    bad.extend(unfit(&issuer, &ours));
    assert!(80 < bad.len());
    for (why, token) in &bad {
        assert_eq!(server.status(token).await, 401, "{why}");
    }
    let answer = server.ask(&bad[0].1, ITEMS).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    // Whatever names of keys they invent, the issuers are asked for nothing more.
    let asked = |issuer: &Issuer| issuer.asked.load(Ordering::SeqCst);
    assert_eq!((asked(&issuer), asked(&other)), (1, 1));
    assert_eq!(server.status(&good).await, 200);
}
