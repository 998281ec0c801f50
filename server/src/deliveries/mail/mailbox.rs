//! Addresses of mail that notices may be sent to. Pure.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lettre::Address;
use percent_encoding::percent_decode_str;
use ring::digest::{SHA256, digest};
use thiserror::Error;

/// Most addresses of one subscription.
const MAILBOXES_MAX: usize = 20;

/// An address of mail, in ASCII, of a domain that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mailbox(Address);

/// Which addresses of mail are permitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MailPolicy {
    domains: Vec<String>,
}

/// Why nothing is sent to an address of mail.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum MailboxError {
    /// It is an address of something else.
    #[error("does not begin with mailto:")]
    Scheme,
    /// It says what letters are like.
    #[error("must hold nothing after the addresses")]
    Fields,
    /// There are very many.
    #[error("holds more than {MAILBOXES_MAX} addresses of mail")]
    TooMany,
    /// It is none.
    #[error("holds {0:?}, which is no address of mail in ASCII such as on-call@example.com")]
    Wrong(String),
    /// Its domain is not one that letters go to.
    #[error("holds {0:?}, whose domain is not one of `mail.domains`")]
    Domain(String),
}

impl MailPolicy {
    /// Only these domains, in small letters; all when there are none.
    pub(crate) const fn of(domains: Vec<String>) -> Self {
        Self { domains }
    }

    /// The addresses of a `mailto:`, as RFC 6068 writes it, without header fields.
    pub(crate) fn read(&self, url: &str) -> Result<Vec<Mailbox>, MailboxError> {
        let (scheme, rest) = url.trim().split_once(':').ok_or(MailboxError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("mailto") {
            return Err(MailboxError::Scheme);
        }
        if rest.contains(['?', '#']) {
            return Err(MailboxError::Fields);
        }
        let mut mailboxes = Vec::new();
        for written in rest.split(',') {
            let text = percent_decode_str(written).decode_utf8();
            let text = text.map_err(|_| MailboxError::Wrong(written.to_owned()))?;
            let mailbox = Mailbox(self.address(text.trim())?);
            if !mailboxes.contains(&mailbox) {
                mailboxes.push(mailbox);
            }
        }
        match mailboxes.len() <= MAILBOXES_MAX {
            true => Ok(mailboxes),
            false => Err(MailboxError::TooMany),
        }
    }

    /// One address, its domain in small letters.
    pub(crate) fn address(&self, text: &str) -> Result<Address, MailboxError> {
        let wrong = || MailboxError::Wrong(text.chars().take(100).collect());
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"\\()<>[],:;".contains(&byte);
        if !text.bytes().all(is_plain) {
            return Err(wrong());
        }
        let (user, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
        let domain = domain.to_ascii_lowercase();
        let ends_in_number = domain
            .rsplit('.')
            .next()
            .is_none_or(|end| end.bytes().all(|byte| byte.is_ascii_digit()));
        if domain.parse::<IpAddr>().is_ok() || ends_in_number {
            return Err(wrong());
        }
        let address = Address::new(user, &domain).map_err(|_| wrong())?;
        match self.domains.is_empty() || self.domains.contains(&domain) {
            true => Ok(address),
            false => Err(MailboxError::Domain(text.to_owned())),
        }
    }
}

impl Mailbox {
    /// The whole address.
    pub(crate) const fn address(&self) -> &Address {
        &self.0
    }

    /// What it is known by where the address itself is not written down.
    pub(crate) fn hash(&self) -> String {
        hash_of(self.0.as_ref())
    }

    /// What is told of it: its first letter and its domain.
    pub(crate) fn shown(&self) -> String {
        let first: String = self.0.user().chars().take(1).collect();
        format!("{first}\u{2026}@{}", self.0.domain())
    }
}

/// What stands in the log for addresses of mail: their domains, each once.
pub(crate) fn endpoint(mailboxes: &[Mailbox]) -> String {
    let mut domains: Vec<String> = Vec::new();
    for mailbox in mailboxes {
        let domain = format!("*@{}", mailbox.0.domain());
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    format!("mailto:{}", domains.join(","))
}

/// A hash of what is not to be written down as it is.
pub(super) fn hash_of(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> String {
        let policy = MailPolicy::of(Vec::new());
        match policy.read(url) {
            Ok(mailboxes) => {
                let texts = mailboxes.iter().map(|it| it.0.to_string());
                texts.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn addresses_are_read_as_their_specification_writes_them_and_once() {
        assert_eq!(read("mailto:a@Example.com"), "a@example.com");
        let several = read(" MailTo:a@example.com,b%2bc@x.org,%20a@EXAMPLE.com");
        assert_eq!(several, "a@example.com b+c@x.org");
        assert_eq!(read("mailto:a%25b@example.com"), "a%b@example.com");
        assert_eq!(read("mailto:a@xn--fiq228c.com"), "a@xn--fiq228c.com");
    }

    #[test]
    fn what_is_no_address_of_a_named_domain_is_refused() {
        for other in ["https://example.com", "a@example.com"] {
            assert_eq!(read(other), "does not begin with mailto:", "{other}");
        }
        for fields in ["mailto:a@b.com?subject=x", "mailto:a@b.com#x"] {
            let expected = "must hold nothing after the addresses";
            assert_eq!(read(fields), expected, "{fields}");
        }
        for wrong in [
            "",
            "a",
            "@b.com",
            "a@",
            "a@b.com,",
            "a@10.0.0.1",
            "a@127.1",
            "a@[10.0.0.1]",
            "a@[IPv6:::1]",
            "a%0d%0aRCPT%20TO:%3cb@b.com%3e@b.com",
            "a b@b.com",
            "<a@b.com>",
            "%22a%20b%22@b.com",
            "\u{53d8}@b.com",
            "a@\u{53d8}.com",
            "a%ff@b.com",
            "a@b@c.com",
            "a@-b.com",
        ] {
            let told = read(&format!("mailto:{wrong}"));
            assert!(told.contains("no address of mail"), "{wrong}: {told}");
        }
        let many: Vec<String> = (0..21).map(|it| format!("a{it}@b.com")).collect();
        let told = read(&format!("mailto:{}", many.join(",")));
        assert_eq!(told, "holds more than 20 addresses of mail");
    }

    #[test]
    fn only_permitted_domains_are_taken_where_some_are() {
        let policy = MailPolicy::of(vec!["example.com".to_owned()]);
        assert!(policy.read("mailto:a@EXAMPLE.com").is_ok());
        for other in ["a@sub.example.com", "a@notexample.com", "a@example.com.org"] {
            let told = policy.read(&format!("mailto:b@example.com,{other}"));
            assert_eq!(told, Err(MailboxError::Domain(other.to_owned())));
        }
    }

    #[test]
    fn the_log_learns_the_domains_and_people_the_first_letter() {
        let policy = MailPolicy::default();
        let read = policy.read("mailto:li@example.com,wang@example.com,zhao@x.org");
        let read = read.unwrap();
        assert_eq!(endpoint(&read), "mailto:*@example.com,*@x.org");
        assert_eq!(read[0].shown(), "l\u{2026}@example.com");
        assert_ne!(read[0].hash(), read[1].hash());
    }
}
