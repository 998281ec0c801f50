//! Who is known by the certificate they show.
//!
//! It is called here only with certificates that an authority of the configuration stands for.

use std::fmt::Write as _;
use std::sync::Arc;

use model::{Scopes, Vouched};
use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::config::TlsClientSettings;

/// Everybody whom the configuration knows, in its order.
pub(super) struct Known(Vec<(TlsClientSettings, Arc<Vouched>)>);

impl Known {
    pub(super) fn new(clients: &[TlsClientSettings]) -> Self {
        let known = clients.iter().map(|client| {
            let vouched = Vouched {
                name: format!("certificate:{}", client.name),
                scopes: Scopes::from(client.scopes.clone()),
                sights: None,
                until: None,
            };
            (client.clone(), Arc::new(vouched))
        });
        Self(known.collect())
    }

    /// The first whom a certificate is for. Names are compared as they stand: one with a star is for nobody else.
    pub(super) fn who(&self, certificate: &CertificateDer<'_>) -> Option<Arc<Vouched>> {
        if self.0.is_empty() {
            return None;
        }
        let parsed = EndEntityCert::try_from(certificate).ok()?;
        let mut hash = String::new();
        for byte in digest(&SHA256, certificate).as_ref() {
            write!(hash, "{byte:02x}").expect("a text takes what is written");
        }
        let is_for = |client: &TlsClientSettings| {
            let names = parsed.valid_dns_names();
            let uris = parsed.valid_uri_names();
            let mut names = names.filter(|_| !client.dns.is_empty());
            let mut uris = uris.filter(|_| !client.uri.is_empty());
            names.any(|name| name.eq_ignore_ascii_case(&client.dns))
                || uris.any(|uri| uri == client.uri)
                || client.sha256.eq_ignore_ascii_case(&hash)
        };
        let mut known = self.0.iter();
        let (_, who) = known.find(|(client, _)| is_for(client))?;
        Some(Arc::clone(who))
    }
}

#[cfg(test)]
mod tests {
    use model::Scope;
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn shown(names: Vec<SanType>) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().into()
    }

    fn dns(name: &str) -> SanType {
        SanType::DnsName(name.try_into().unwrap())
    }

    fn uri(name: &str) -> SanType {
        SanType::URI(name.try_into().unwrap())
    }

    fn client(name: &str, dns: &str, uri: &str, sha256: &str) -> TlsClientSettings {
        TlsClientSettings {
            name: name.to_owned(),
            dns: dns.to_owned(),
            uri: uri.to_owned(),
            sha256: sha256.to_owned(),
            scopes: vec![Scope::Ingest],
        }
    }

    #[test]
    fn a_client_is_known_by_the_whole_name_of_its_certificate_and_by_nothing_else() {
        let pinned = shown(Vec::new());
        let mut hash = String::new();
        for byte in digest(&SHA256, &pinned).as_ref() {
            write!(hash, "{byte:02X}").unwrap();
        }
        let known = Known::new(&[
            client("collector", "collector.shop", "", ""),
            client("mesh", "", "spiffe://shop/mesh", ""),
            client("pinned", "", "", &hash),
        ]);
        let who = |names| known.who(&shown(names)).map(|who| who.name.clone());
        let said = |name: &str| Some(format!("certificate:{name}"));
        assert_eq!(
            who(vec![dns("other"), dns("Collector.shop")]),
            said("collector")
        );
        assert_eq!(who(vec![uri("spiffe://shop/mesh")]), said("mesh"));
        assert_eq!(
            known.who(&pinned).map(|who| who.name.clone()),
            said("pinned")
        );
        for stranger in [
            Vec::new(),
            vec![dns("*.shop")],
            vec![dns("a.collector.shop")],
            vec![dns("collector.shop.evil")],
            vec![uri("spiffe://shop/mesh/more")],
            vec![uri("SPIFFE://shop/mesh")],
        ] {
            assert_eq!(who(stranger), None);
        }
    }
}
