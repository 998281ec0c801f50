//! TLS on every address, with the real binary and real clients. Certificates are made anew for each test.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is what it is for"
)]

use std::borrow::Cow;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hyper_util::rt::TokioIo;
use opentelemetry::InstrumentationScope;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry_otlp::{SpanExporter, WithTonicConfig};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use reqwest::{Certificate, Client, Identity};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tempfile::TempDir;
use tokio_rustls::TlsConnector;

use crate::certified::{Authority, Identified};

/// A server with TLS.
struct Secured {
    child: Child,
    addresses: Vec<(String, String)>,
    folder: TempDir,
    authority: Authority,
}

impl Secured {
    /// Starts one whose certificate is of the authority, with more in the configuration; `{ca}` there is its file.
    fn new(authority: Authority, tls: &str, rest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::within(folder, authority, tls, rest)
    }

    fn within(folder: TempDir, authority: Authority, tls: &str, rest: &str) -> Self {
        let shown = authority.issue(&["localhost", "127.0.0.1"]);
        present(folder.path(), &shown);
        let ca = folder.path().join("ca.pem");
        fs::write(&ca, &authority.pem).unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let tls = tls.replace("{ca}", &file("ca.pem"));
        let config = format!(
            "{rest}\n[tls]\ncertificate = '{}'\nkey = '{}'\nreload_every_ms = 20\n{tls}",
            file("server.pem"),
            file("server.key"),
        );
        fs::write(folder.path().join("epicenter.toml"), config).unwrap();
        let mut command = epicenter(&["serve", "--config", &file("epicenter.toml")]);
        command.args(["--data-dir", &file("data")]);
        for address in ["--listen", "--otlp-grpc", "--otlp-http"] {
            command.args([address, "127.0.0.1:0"]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut addresses = Vec::new();
        for line in stdout.lines() {
            let line = line.unwrap();
            match line.split_once(' ') {
                Some((name, url)) => addresses.push((name.to_owned(), url.trim().to_owned())),
                None if line == "ready" => break,
                None => panic!("the server says {line:?}"),
            }
        }
        assert_eq!(addresses.len(), 3, "the server ended before it was ready");
        Self {
            child,
            addresses,
            folder,
            authority,
        }
    }

    fn url(&self, name: &str) -> &str {
        let mut addresses = self.addresses.iter();
        let (_, url) = addresses.find(|(known, _)| known == name).unwrap();
        url
    }

    fn address(&self, name: &str) -> &str {
        self.url(name).strip_prefix("https://").unwrap()
    }

    fn client(&self, shown: Option<&Identified>) -> Client {
        client(&self.authority.pem, shown)
    }

    /// The status of an answer, or that there was none.
    async fn get(&self, path: &str, shown: Option<&Identified>) -> Option<u16> {
        let url = format!("{}{path}", self.url("http"));
        let answer = self.client(shown).get(url).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    async fn readiness(&self) -> Value {
        let url = format!("{}/readyz", self.url("http"));
        let answer = self.client(None).get(url).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// The certificate that a new connection is met with.
    async fn presented(&self) -> CertificateDer<'static> {
        let stream = self.handshake("http", b"http/1.1", None).await.unwrap();
        let (_, session) = stream.get_ref();
        session.peer_certificates().unwrap()[0].clone().into_owned()
    }

    async fn handshake(
        &self,
        name: &str,
        protocol: &[u8],
        shown: Option<&Identified>,
    ) -> std::io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
        handshake(self.address(name), &self.authority.pem, protocol, shown).await
    }

    /// Sends a span as the SDK of OpenTelemetry does.
    async fn export(&self, shown: Option<&Identified>) -> Result<(), String> {
        let address = self.address("otlp-grpc").to_owned();
        let (authority, shown) = (
            self.authority.pem.clone(),
            shown.map(|shown| (shown.certificate.clone(), shown.key.clone())),
        );
        let connector = tower::service_fn(move |_| {
            let (address, authority, shown) = (address.clone(), authority.clone(), shown.clone());
            async move {
                let shown = shown.map(|(certificate, key)| Identified { certificate, key });
                let met = handshake(&address, &authority, b"h2", shown.as_ref()).await;
                met.map(TokioIo::new)
            }
        });
        let endpoint = tonic::transport::Endpoint::from_static("http://localhost");
        let channel = endpoint.connect_with_connector_lazy(connector);
        let exporter = SpanExporter::builder().with_tonic().with_channel(channel);
        let exporter = exporter.build().unwrap();
        let exported = exporter.export(vec![span()]).await;
        exported.map_err(|error| error.to_string())
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn epicenter(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_epicenter"));
    command.args(arguments).stderr(Stdio::null());
    command
}

/// Puts a certificate and its key where the server reads them.
fn present(folder: &Path, shown: &Identified) {
    fs::write(folder.join("server.key"), &shown.key).unwrap();
    fs::write(folder.join("server.pem"), &shown.certificate).unwrap();
}

fn client(authority: &str, shown: Option<&Identified>) -> Client {
    server::provide_cryptography();
    let authority = Certificate::from_pem(authority.as_bytes()).unwrap();
    let mut builder = Client::builder().tls_certs_only([authority]);
    if let Some(shown) = shown {
        builder = builder.identity(Identity::from_pem(shown.pem().as_bytes()).unwrap());
    }
    builder.build().unwrap()
}

async fn handshake(
    address: &str,
    authority: &str,
    protocol: &[u8],
    shown: Option<&Identified>,
) -> std::io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    server::provide_cryptography();
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();
    roots.add(authority).unwrap();
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let mut config = match shown {
        None => builder.with_no_client_auth(),
        Some(shown) => {
            let certificate = CertificateDer::from_pem_slice(shown.certificate.as_bytes());
            let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
            builder
                .with_client_auth_cert(vec![certificate.unwrap()], key)
                .unwrap()
        }
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = tokio::net::TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

fn span() -> SpanData {
    let now = SystemTime::now();
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(7_u128),
            SpanId::from(7_u64),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Server,
        name: Cow::Borrowed("GET /"),
        start_time: now,
        end_time: now,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}

/// Waits until something holds; panics after long.
async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < patience, "never came: {what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_speaks_tls_and_nothing_else() {
    let server = Secured::new(Authority::new(), "", "");
    assert_eq!(server.get("/healthz", None).await, Some(200));
    let traces = format!("{}/v1/traces", server.url("otlp-http"));
    let sent = server
        .client(None)
        .post(&traces)
        .header("content-type", "application/x-protobuf");
    assert_eq!(sent.body(Vec::new()).send().await.unwrap().status(), 200);
    assert_eq!(server.export(None).await, Ok(()));

    for name in ["http", "otlp-http", "otlp-grpc"] {
        let plain = format!("http://{}/healthz", server.address(name));
        let other = client(&Authority::new().pem, None);
        assert!(
            other.get(plain).send().await.is_err(),
            "{name} speaks without TLS"
        );
        let secured = format!("https://{}/healthz", server.address(name));
        assert!(
            other.get(secured).send().await.is_err(),
            "{name} is believed without its authority"
        );
        for (protocol, is_spoken) in [
            (&b"http/1.1"[..], name != "otlp-grpc"),
            (b"h2", name == "otlp-grpc"),
        ] {
            let met = server.handshake(name, protocol, None).await;
            assert_eq!(met.is_ok(), is_spoken, "{name} {protocol:?}");
        }
    }

    let mut list = epicenter(&["token", "list", "--server", server.url("http")]);
    assert!(
        !list.status().unwrap().success(),
        "the system's authorities do not know this one"
    );
    let ca: PathBuf = server.folder.path().join("ca.pem");
    list.env("EPICENTER_SERVER_CA", ca);
    assert!(list.status().unwrap().success());
}

#[test]
fn no_version_before_1_2_is_spoken() {
    let server = Secured::new(Authority::new(), "", "");
    let talks = |version: &str| {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", server.address("http"), version]);
        command.args(["-cipher", "ALL:@SECLEVEL=0"]);
        let ended = command.stdin(Stdio::null()).output();
        ended.map(|output| output.status.success())
    };
    let Ok(newest) = talks("-tls1_3") else {
        testkit::skip("there is no `openssl` here to ask with older versions of TLS");
        return;
    };
    assert!(newest);
    assert!(talks("-tls1_2").unwrap());
    assert!(!talks("-tls1_1").unwrap());
    assert!(!talks("-tls1").unwrap());
}

/// A server that wants certificates, locked by a token that nobody is told.
fn wanting(certificates: &str) -> Secured {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let create = [
        "token",
        "create",
        "x",
        "--scope",
        "admin",
        "--data-dir",
        &data,
    ];
    assert!(epicenter(&create).status().unwrap().success());
    let tls = format!(
        "client_ca = '{{ca}}'\nclient_certificates = '{certificates}'\n\
         [[tls.clients]]\nname = 'collector'\ndns = 'collector.shop'\nscopes = ['ingest']\n\
         [[tls.clients]]\nname = 'page'\ndns = 'page.shop'\nscopes = ['read']\n"
    );
    Secured::within(folder, Authority::new(), &tls, "auth.required = true")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_certificate_that_counts_is_not_heard() {
    let server = wanting("required");
    let good = server.authority.issue(&["collector.shop"]);
    let old = server.authority.issue_until(&["collector.shop"], 2021);
    let foreign = Authority::new().issue(&["collector.shop"]);
    assert_eq!(server.get("/healthz", Some(&good)).await, Some(200));
    assert_eq!(server.export(Some(&good)).await, Ok(()));
    for (stranger, why) in [
        (None, "none"),
        (Some(&old), "expired"),
        (Some(&foreign), "foreign"),
    ] {
        assert_eq!(server.get("/healthz", stranger).await, None, "{why}");
        assert!(server.export(stranger).await.is_err(), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_lets_in_by_the_scopes_of_its_client() {
    let server = wanting("optional");
    let collector = server.authority.issue(&["collector.shop"]);
    let page = server.authority.issue(&["page.shop"]);
    let unknown = server.authority.issue(&["unknown.shop"]);
    let foreign = Authority::new().issue(&["page.shop"]);
    assert_eq!(server.get("/metrics", None).await, Some(401));
    assert_eq!(server.get("/metrics", Some(&unknown)).await, Some(401));
    assert_eq!(server.get("/metrics", Some(&collector)).await, Some(403));
    assert_eq!(server.get("/metrics", Some(&page)).await, Some(200));
    assert_eq!(server.get("/metrics", Some(&foreign)).await, None);
    assert_eq!(server.export(Some(&collector)).await, Ok(()));
    assert!(server.export(Some(&page)).await.is_err());
    assert!(server.export(None).await.is_err());

    let identity = server.folder.path().join("page.pem");
    fs::write(&identity, page.pem()).unwrap();
    let mut items = epicenter(&["items", "--server", server.url("http")]);
    items.env("EPICENTER_SERVER_CA", server.folder.path().join("ca.pem"));
    assert!(!items.status().unwrap().success());
    items.env("EPICENTER_SERVER_IDENTITY", identity);
    assert!(items.status().unwrap().success());

    // A credential that does not count is not helped by a certificate that does.
    let url = format!("{}/metrics", server.url("http"));
    let request = server.client(Some(&page)).get(url).bearer_auth("wrong");
    assert_eq!(request.send().await.unwrap().status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_certificates_are_taken_without_a_restart_and_broken_ones_are_not() {
    let server = Secured::new(Authority::new(), "", "");
    let before = server.presented().await;
    assert_eq!(server.readiness().await.get("remarks"), None);
    let kept = server.client(None);
    let url = format!("{}/healthz", server.url("http"));
    assert_eq!(kept.get(&url).send().await.unwrap().status(), 200);

    let folder = server.folder.path();
    let next = server.authority.issue(&["localhost", "127.0.0.1"]);
    // The key of another certificate.
    fs::write(folder.join("server.key"), &next.key).unwrap();
    until("a remark", || async {
        server.readiness().await.get("remarks").is_some()
    })
    .await;
    let told = server.readiness().await["remarks"][0].to_string();
    assert!(told.contains("cannot be used with its key"), "{told}");
    assert_eq!(server.presented().await, before);

    present(folder, &next);
    until("the next certificate", || async {
        server.presented().await != before
    })
    .await;
    assert_eq!(server.readiness().await.get("remarks"), None);
    assert_eq!(kept.get(&url).send().await.unwrap().status(), 200);
    let url = format!("{}/metrics", server.url("http"));
    let metrics = kept.get(url).send().await.unwrap().text().await.unwrap();
    let counted = |line: &str| metrics.lines().any(|counted| counted == line);
    assert!(
        counted(r#"tls_reloads_total{outcome="taken"} 1"#),
        "{metrics}"
    );
    // A file may have been looked at while it was written.
    let refused = r#"tls_reloads_total{outcome="refused"}"#;
    assert!(
        metrics.contains(refused) && !counted(&format!("{refused} 0")),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_say_nothing_hold_up_nobody_and_are_let_go() {
    let server = Secured::new(Authority::new(), "handshake_timeout_ms = 2000\n", "");
    let silent = |name: &str| TcpStream::connect(server.address(name)).unwrap();
    let mut waiting: Vec<TcpStream> = ["http", "otlp-grpc"]
        .repeat(40)
        .into_iter()
        .map(silent)
        .collect();
    assert_eq!(server.get("/healthz", None).await, Some(200));
    assert_eq!(server.export(None).await, Ok(()));
    for stream in &mut waiting {
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let ended = stream.read(&mut [0; 1]);
        assert!(matches!(ended, Ok(0)), "{ended:?}");
    }
}

#[test]
fn a_server_whose_certificate_cannot_be_read_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let config = format!(
        "[tls]\ncertificate = '{}'\nkey = '{}'",
        path("none.pem"),
        path("none.key")
    );
    fs::write(path("epicenter.toml"), config).unwrap();
    let mut command = epicenter(&["serve", "--config", &path("epicenter.toml")]);
    command
        .args(["--data-dir", &path("data")])
        .stderr(Stdio::piped());
    let output = command.output().unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("none.pem"), "{told}");
}
