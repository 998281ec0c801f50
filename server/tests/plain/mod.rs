//! A client of servers without TLS.

/// A client that believes no certificate.
pub(crate) fn client() -> reqwest::Client {
    server::provide_cryptography();
    let builder = reqwest::Client::builder().tls_certs_only([]);
    builder.build().unwrap()
}
