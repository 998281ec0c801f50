//! The server that takes our mail: `[mail]`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::sender::first_line;
use crate::deliveries::{MailClient, MailPolicy, MailWay};

/// The server that takes our mail. It is chosen by who runs us, never by who subscribes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// Its name or address; nothing is sent by mail when empty.
    pub server: String,
    /// Its port; 587 for `starttls`, 465 for `implicit` and 25 for `none` when 0.
    pub port: u16,
    /// How what is said to it is protected.
    pub tls: MailTls,
    /// Whether there may be no TLS to another machine.
    pub clear_text: bool,
    /// The authorities of its certificate, in PEM; those of the system when empty.
    pub ca: PathBuf,
    /// The name that it knows us by; none when empty.
    pub user: String,
    /// The file whose first line is the password.
    pub password_file: PathBuf,
    /// The address that letters come from.
    pub from: String,
    /// The name of this machine that it is greeted with; the domain of `from` when empty.
    pub greeting: String,
    /// The only domains that letters go to; all when empty.
    pub domains: Vec<String>,
    /// How long it may take for one letter.
    pub timeout_ms: u64,
    /// Most letters at once; a quarter of them is for subscriptions whose letters fail or take long.
    pub letters_at_once: usize,
}

/// How what is said to a server of mail is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// TLS begins after the greeting, or nothing is sent.
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// Not at all.
    None,
}

impl MailSettings {
    /// The defaults: no mail.
    pub(super) const fn defaults() -> Self {
        Self {
            server: String::new(),
            port: 0,
            tls: MailTls::Starttls,
            clear_text: false,
            ca: PathBuf::new(),
            user: String::new(),
            password_file: PathBuf::new(),
            from: String::new(),
            greeting: String::new(),
            domains: Vec::new(),
            timeout_ms: 30_000,
            letters_at_once: 16,
        }
    }

    /// Whether anything is sent by mail.
    pub(crate) const fn is_on(&self) -> bool {
        !self.server.is_empty()
    }

    /// Refuses what does not go together.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let refused = |reason| Err(ConfigError::Mail { reason });
        if self.timeout_ms == 0 {
            let key = "mail.timeout_ms";
            return Err(ConfigError::Zero { key });
        }
        if self.letters_at_once == 0 {
            let key = "mail.letters_at_once";
            return Err(ConfigError::Zero { key });
        }
        if !self.is_on() {
            return match self.from.is_empty() && self.user.is_empty() {
                true => Ok(()),
                false => refused("`mail.from` and `mail.user` need a `mail.server`"),
            };
        }
        if self.user.is_empty() != self.password_file.as_os_str().is_empty() {
            return refused("`mail.user` and `mail.password_file` go together");
        }
        if self.tls == MailTls::None && !self.is_this_machine() && !self.clear_text {
            return refused(
                "`mail.tls` is none, and `mail.server` is another machine; everybody on the way could read \
                 along. `mail.clear_text = true` permits it",
            );
        }
        let wrong_domain = |domain: &String| domain.is_empty() || domain.contains('@');
        if self.domains.iter().any(wrong_domain) {
            return refused("`mail.domains` holds domains such as example.com");
        }
        match MailPolicy::default().address(&self.from) {
            Ok(_) => Ok(()),
            Err(_) => refused("`mail.from` is an address such as epicenter@example.com"),
        }
    }

    /// Which addresses letters go to.
    pub(crate) fn policy(&self) -> MailPolicy {
        let domains = self.domains.iter();
        MailPolicy::of(domains.map(|domain| domain.to_ascii_lowercase()).collect())
    }

    /// What sends letters, if anything does. May wait for the disk.
    pub(crate) fn client(&self) -> Result<Option<MailClient>, ConfigError> {
        if !self.is_on() {
            return Ok(None);
        }
        let file = |path: &PathBuf| {
            std::fs::read(path).map_err(|source| ConfigError::MailAuthorities {
                path: path.clone(),
                source,
            })
        };
        let is_given = |path: &PathBuf| !path.as_os_str().is_empty();
        let authorities = is_given(&self.ca).then(|| file(&self.ca)).transpose()?;
        let password = is_given(&self.password_file).then(|| first_line(&self.password_file));
        let (way, port) = match self.tls {
            MailTls::Starttls => (MailWay::Starttls, 587),
            MailTls::Implicit => (MailWay::Implicit, 465),
            MailTls::None => (MailWay::Plain, 25),
        };
        let from = MailPolicy::default().address(&self.from);
        let from = from.map_err(|_| ConfigError::Mail {
            reason: "`mail.from` is no address",
        })?;
        let client = MailClient {
            server: self.server.trim_matches(['[', ']']).to_owned(),
            port: if self.port == 0 { port } else { self.port },
            way,
            user: self.user.clone(),
            password: password.transpose()?.unwrap_or_default(),
            greeting: match self.greeting.is_empty() {
                true => from.domain().to_owned(),
                false => self.greeting.clone(),
            },
            from,
            authorities,
            timeout: Duration::from_millis(self.timeout_ms),
            at_once: self.letters_at_once,
        };
        Ok(Some(client))
    }

    fn is_this_machine(&self) -> bool {
        let address = self.server.trim_matches(['[', ']']).parse::<IpAddr>();
        self.server == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> String {
        let mut table = toml::Table::try_from(MailSettings::defaults()).unwrap();
        table.extend(text.parse::<toml::Table>().unwrap());
        let settings: MailSettings = table.try_into().unwrap();
        let checked = settings.check();
        checked.map_or_else(|error| error.to_string(), |()| "taken".to_owned())
    }

    #[test]
    fn what_does_not_go_together_is_refused_by_name() {
        let usual = "server = 'smtp.example.com'\nfrom = 'epicenter@example.com'\n";
        let with = |rest: &str| checked(&format!("{usual}{rest}"));
        assert_eq!(checked(""), "taken");
        assert_eq!(with(""), "taken");
        assert!(checked("from = 'a@example.com'").contains("need a `mail.server`"));
        assert!(checked("server = 'a.b'").contains("`mail.from`"));
        assert!(checked("server = 'a.b'\nfrom = 'me <a@b>'").contains("`mail.from`"));
        assert!(with("user = 'u'").contains("go together"));
        assert!(with("password_file = 'p'").contains("go together"));
        assert_eq!(with("user = 'u'\npassword_file = 'p'"), "taken");
        assert!(with("timeout_ms = 0").contains("mail.timeout_ms"));
        assert!(with("letters_at_once = 0").contains("mail.letters_at_once"));
        assert!(with("domains = ['a@b']").contains("`mail.domains`"));
    }

    #[test]
    fn without_tls_there_is_mail_on_this_machine_only_unless_it_is_said() {
        let plain = |server: &str, more: &str| {
            let from = "from = 'epicenter@example.com'\ntls = 'none'";
            checked(&format!("server = '{server}'\n{from}\n{more}"))
        };
        for here in ["localhost", "127.0.0.1", "::1", "[::1]"] {
            assert_eq!(plain(here, ""), "taken", "{here}");
        }
        assert!(plain("smtp.example.com", "").contains("mail.clear_text"));
        assert!(plain("10.0.0.1", "").contains("mail.clear_text"));
        assert_eq!(plain("10.0.0.1", "clear_text = true"), "taken");
    }
}
