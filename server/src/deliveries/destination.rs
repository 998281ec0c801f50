//! Where a subscription may have notices sent: to an endpoint of the web, or to addresses of mail. Pure.

use std::sync::Arc;

use thiserror::Error;

use super::address::{AddressError, AddressPolicy, Target};
use super::mail::{MailPolicy, MailboxError, endpoint};

/// Where notices may be sent at all.
#[derive(Clone, Debug)]
pub(crate) struct Destinations {
    /// On the web.
    pub(crate) web: Arc<AddressPolicy>,
    /// By mail; nowhere without a server of mail.
    pub(crate) mail: Option<MailPolicy>,
}

/// Where the notices of a subscription are sent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    /// The whole address.
    pub(crate) url: String,
    /// What of it may stand in the log.
    pub(crate) endpoint: String,
}

/// Why nothing is sent somewhere.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum DestinationError {
    /// On the web.
    #[error(transparent)]
    Web(#[from] AddressError),
    /// By mail.
    #[error(transparent)]
    Mail(#[from] MailboxError),
    /// There is nobody who would take letters.
    #[error("is of mail, and this server sends none: `mail.server` is not set")]
    NoMail,
}

impl Destinations {
    /// Reads the text of an address, and refuses what can be seen of it.
    pub(crate) fn read(&self, text: &str) -> Result<Destination, DestinationError> {
        let policy = match &self.mail {
            Some(policy) => policy.clone(),
            None => MailPolicy::default(),
        };
        match policy.read(text) {
            Err(MailboxError::Scheme) => {
                let target = Target::read(text, &self.web)?;
                Ok(Destination {
                    endpoint: target.endpoint(),
                    url: target.url.to_string(),
                })
            }
            _ if self.mail.is_none() => Err(DestinationError::NoMail),
            read => Ok(Destination {
                endpoint: endpoint(&read?),
                url: text.trim().to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, mail: Option<MailPolicy>) -> String {
        let web = Arc::default();
        match (Destinations { web, mail }).read(text) {
            Ok(destination) => format!("{} as {}", destination.url, destination.endpoint),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_address_is_of_the_web_or_of_mail() {
        let all = Some(MailPolicy::default());
        let web = "https://hooks.example.com/a as https://hooks.example.com";
        assert_eq!(read("https://hooks.example.com/a", all.clone()), web);
        let mail = "mailto:a@example.com as mailto:*@example.com";
        assert_eq!(read(" mailto:a@example.com ", all.clone()), mail);
        let told = read("mailto:a", all.clone());
        assert!(told.contains("no address of mail"), "{told}");
        assert_eq!(read("ftp://a.b", all), AddressError::Scheme.to_string());
        for text in ["mailto:a@example.com", "mailto:a"] {
            let told = read(text, None);
            assert!(told.contains("`mail.server` is not set"), "{told}");
        }
    }
}
