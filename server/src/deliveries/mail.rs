//! Sends one letter to the server of mail that the configuration names, and says which addresses it was taken for.

mod confirming;
mod letter;
mod mailbox;
mod telling;

use std::time::{Duration, Instant};

use anyhow::Context;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use model::Clock;

use super::post::{Answer, Attempted};
use crate::clock::SystemClock;
pub(crate) use confirming::Confirmations;
pub(crate) use letter::{Cover, Letter};
pub(crate) use mailbox::{MailPolicy, Mailbox, MailboxError, endpoint};
pub(super) use telling::{letter_of, of_code, of_digest, of_trial};

/// How long a server may take to say good-bye after it took a letter.
const FAREWELL: Duration = Duration::from_secs(1);
/// Most letters of what a server says that are told.
const SAID_LETTERS: usize = 300;
/// Most of all that is told of one attempt.
const REASON_LETTERS: usize = 1_000;
/// Mechanisms by which a password is said, the first that a server knows.
const MECHANISMS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];

/// A server of mail and how it is talked to.
pub(crate) struct MailClient {
    /// Its name or address.
    pub(crate) server: String,
    /// Its port.
    pub(crate) port: u16,
    /// How what is said is protected.
    pub(crate) way: MailWay,
    /// The name that it knows us by; none when empty.
    pub(crate) user: String,
    /// The password of that name.
    pub(crate) password: String,
    /// The name of this machine.
    pub(crate) greeting: String,
    /// Who letters come from.
    pub(crate) from: Address,
    /// The authorities of its certificate in PEM; those of the system when missing.
    pub(crate) authorities: Option<Vec<u8>>,
    /// How long one letter may take.
    pub(crate) timeout: Duration,
    /// Most letters at once.
    pub(crate) at_once: usize,
}

/// How what is said to a server of mail is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MailWay {
    /// TLS after the greeting.
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// Not at all.
    Plain,
}

/// What sends letters.
pub(crate) struct Mail {
    client: MailClient,
    tls: TlsParameters,
    hello: ClientId,
}

/// What a server said of an address that it does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    address: String,
    shown: String,
    code: u16,
    said: String,
}

/// What became of a letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// The code by which it was taken.
    code: u16,
    /// The hashes of those that it was taken for.
    taken: Vec<String>,
    /// The others.
    refused: Vec<Refusal>,
}

/// Addresses that a letter goes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recipients {
    /// Those that are still to have it.
    pub(super) open: Vec<Mailbox>,
    /// Whether it was taken for others already.
    pub(super) was_taken: bool,
}

impl Mail {
    /// Gets ready to talk to a server.
    pub(crate) fn new(client: MailClient) -> anyhow::Result<Self> {
        let mut tls = TlsParameters::builder(client.server.clone());
        if let Some(authorities) = &client.authorities {
            let authorities = Certificate::from_pem(authorities);
            tls = tls
                .certificate_store(CertificateStore::None)
                .add_root_certificate(authorities.context("`mail.ca` holds no certificates")?);
        }
        let tls = tls.build_rustls();
        Ok(Self {
            tls: tls
                .context("could not read the certificates that `mail.server` is checked with")?,
            hello: ClientId::Domain(client.greeting.clone()),
            client,
        })
    }

    /// Most letters at once.
    pub(super) const fn at_once(&self) -> usize {
        self.client.at_once
    }

    /// Sends a letter once.
    pub(super) async fn send(
        &self,
        (id, subscription): (&str, &str),
        letter: &Letter,
        to: &Recipients,
    ) -> Attempted {
        let at = SystemClock.now();
        let began = Instant::now();
        let cover = Cover {
            id,
            subscription,
            from: &self.client.from,
            to: &to.open,
            at,
        };
        let written = letter.written(&cover);
        let sent = tokio::time::timeout(self.client.timeout, self.exchange(&written, &to.open));
        let answer = match sent.await {
            Ok(Ok(outcome)) => judged(outcome, to.was_taken),
            Ok(Err(error)) => of_us(&error),
            Err(_) => {
                let seconds = self.client.timeout.as_secs_f64();
                Answer::Failed(format!("the mail server was not done within {seconds} s"))
            }
        };
        Attempted {
            at,
            took: began.elapsed(),
            answer,
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let MailClient { server, port, .. } = &self.client;
        let server = (server.as_str(), *port);
        let at_first = (self.client.way == MailWay::Implicit).then(|| self.tls.clone());
        let connected =
            AsyncSmtpConnection::connect_tokio1(server, None, &self.hello, at_first, None);
        let mut connection = connected.await?;
        if self.client.way == MailWay::Starttls {
            connection.starttls(self.tls.clone(), &self.hello).await?;
        }
        if !self.client.user.is_empty() {
            let (user, password) = (self.client.user.clone(), self.client.password.clone());
            let credentials = Credentials::new(user, password);
            connection.auth(&MECHANISMS, &credentials).await?;
        }
        Ok(connection)
    }

    /// What is an error is about us or the server; what is said of addresses and of the letter is in the outcome.
    async fn exchange(&self, letter: &[u8], to: &[Mailbox]) -> Result<Outcome, Error> {
        let mut connection = self.connect().await?;
        let from = MailFrom::new(Some(self.client.from.clone()), Vec::new());
        connection.command(from).await?;
        let mut outcome = Outcome::default();
        let mut open = Vec::new();
        for mailbox in to {
            let recipient = Rcpt::new(mailbox.address().clone(), Vec::new());
            match connection.command(recipient).await {
                Ok(_) => open.push(mailbox),
                Err(error) => outcome.refused.push(refusal(mailbox, error)?),
            }
        }
        if !open.is_empty() {
            let taken = match connection.command(Data).await {
                Ok(_) => connection.message(letter).await,
                Err(error) => Err(error),
            };
            match taken {
                Ok(response) => {
                    outcome.code = response.code().into();
                    outcome.taken = open.iter().map(|it| it.hash()).collect();
                }
                Err(error) => outcome.refused.append(&mut refused(&open, error)?),
            }
        }
        // It was taken or not by now, whatever comes.
        let farewell = connection.quit();
        drop(tokio::time::timeout(FAREWELL, farewell).await);
        Ok(outcome)
    }
}

/// What was said of an address; an error that says nothing of it stays one.
fn refusal(mailbox: &Mailbox, error: Error) -> Result<Refusal, Error> {
    let Some(code) = error.status() else {
        return Err(error);
    };
    let address: &str = mailbox.address().as_ref();
    Ok(Refusal {
        address: mailbox.hash(),
        shown: mailbox.shown(),
        code: code.into(),
        said: said(&error).replace(address, &mailbox.shown()),
    })
}

/// What was said of the letter is said of every address that it was for.
fn refused(open: &[&Mailbox], error: Error) -> Result<Vec<Refusal>, Error> {
    let Some(code) = error.status() else {
        return Err(error);
    };
    let each = open.iter().map(|mailbox| Refusal {
        address: mailbox.hash(),
        shown: mailbox.shown(),
        code: code.into(),
        said: said(&error),
    });
    Ok(each.collect())
}

/// What a server said, as one line.
fn said(error: &Error) -> String {
    let source = std::error::Error::source(error);
    let said = source.map(ToString::to_string).unwrap_or_default();
    let shown = said.chars().filter(|letter| !letter.is_control());
    shown.take(SAID_LETTERS).collect()
}

/// What was said before anybody was named is about us: it is tried again.
fn of_us(error: &Error) -> Answer {
    match error.status() {
        Some(code) => Answer::Postponed {
            status: code.into(),
            reason: format!("the mail server answered {code}: {}", said(error)),
            done: Vec::new(),
            was_taken: false,
        },
        None => Answer::Failed(error.to_string()),
    }
}

/// What comes of a letter: 4yz is tried again for those of whom it was said, 5yz is not.
fn judged(outcome: Outcome, was_taken: bool) -> Answer {
    let Outcome {
        code,
        taken,
        refused,
    } = outcome;
    let was_taken = was_taken || !taken.is_empty();
    let is_final = |refusal: &&Refusal| 500 <= refusal.code;
    let never = refused.iter().filter(is_final);
    let later = refused.iter().find(|refusal| !is_final(refusal));
    let reason = reason(&refused);
    match (later, refused.first()) {
        (Some(first), _) => {
            let never = never.map(|it| it.address.clone());
            Answer::Postponed {
                status: first.code,
                reason,
                done: taken.into_iter().chain(never).collect(),
                was_taken,
            }
        }
        (None, None) => Answer::Taken(code),
        (None, Some(first)) if was_taken => Answer::TakenPartly {
            status: if taken.is_empty() { first.code } else { code },
            reason,
        },
        (None, Some(first)) => Answer::Rejected {
            status: first.code,
            is_gone: refused.iter().all(Refusal::is_gone),
            reason,
        },
    }
}

fn reason(refused: &[Refusal]) -> String {
    let each = refused
        .iter()
        .map(|it| format!("{}: {} {}", it.shown, it.code, it.said));
    let all = each.collect::<Vec<String>>().join("; ");
    all.chars().take(REASON_LETTERS).collect()
}

impl Refusal {
    /// Whether the server says by the codes of RFC 3463 that there is no such mailbox, or none any more.
    fn is_gone(&self) -> bool {
        let gone = ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"];
        let first = self.said.split_whitespace().next();
        first.is_some_and(|first| gone.contains(&first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a letter of which `address code said` was said, after 250 for the others.
    fn judgement(said: &[&str], was_taken: bool) -> Answer {
        let mut outcome = Outcome {
            code: 250,
            ..Outcome::default()
        };
        for line in said {
            let mut words = line.splitn(3, ' ');
            let address = words.next().unwrap().to_owned();
            match words.next().unwrap().parse().unwrap() {
                250 => outcome.taken.push(address),
                code => outcome.refused.push(Refusal {
                    shown: address.clone(),
                    address,
                    code,
                    said: words.next().unwrap_or_default().to_owned(),
                }),
            }
        }
        judged(outcome, was_taken)
    }

    #[test]
    fn what_is_refused_for_now_is_tried_again_for_those_alone() {
        let answer = judgement(&["a 250", "b 451 4.7.1 wait", "c 550 no"], false);
        let expected = Answer::Postponed {
            status: 451,
            reason: "b: 451 4.7.1 wait; c: 550 no".to_owned(),
            done: vec!["a".to_owned(), "c".to_owned()],
            was_taken: true,
        };
        assert_eq!(answer, expected);
    }

    #[test]
    fn what_is_taken_for_some_is_taken_and_says_for_whom_it_is_not() {
        assert_eq!(judgement(&["a 250", "b 250"], false), Answer::Taken(250));
        let partly = |status| Answer::TakenPartly {
            status,
            reason: "b: 550 5.1.1 nobody".to_owned(),
        };
        let answer = judgement(&["a 250", "b 550 5.1.1 nobody"], false);
        assert_eq!(answer, partly(250));
        assert_eq!(judgement(&["b 550 5.1.1 nobody"], true), partly(550));
    }

    #[test]
    fn what_is_refused_for_all_is_dead_and_nobody_is_gone_unless_the_server_says_so() {
        let gone = |said: &[&str]| match judgement(said, false) {
            Answer::Rejected { is_gone, .. } => is_gone,
            other => panic!("{other:?}"),
        };
        assert!(gone(&["a 550 5.1.1 nobody", "b 550 5.2.1 closed"]));
        assert!(!gone(&["a 550 5.1.1 nobody", "b 550 5.7.1 spam"]));
        assert!(!gone(&["a 554 no"]));
    }
}
