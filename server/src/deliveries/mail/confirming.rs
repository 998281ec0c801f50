//! Which addresses of mail confirmed that they want to hear: each by the code that it alone was sent. Pure.

use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::mailbox::{Mailbox, hash_of};

/// How long a code counts.
const CODE_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// What is known of the addresses of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Confirmations(Vec<Confirmation>);

/// What is known of one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmation {
    /// Its hash.
    address: String,
    /// What is told of it.
    pub(crate) shown: String,
    /// When it confirmed.
    pub(crate) confirmed_at: Option<Timestamp>,
    /// The hash of the code that it was sent last, until it was used.
    code: Option<String>,
    /// When it was sent that.
    pub(crate) sent_at: Option<Timestamp>,
    /// How often it was to be sent one in vain.
    pub(crate) attempts: u32,
    /// When it is sent the next by itself.
    pub(crate) due_at: Option<Timestamp>,
    /// Why it was not sent the last.
    pub(crate) error: Option<String>,
}

impl Confirmations {
    /// Knows of these addresses and of no others.
    pub(crate) fn keep(&mut self, mailboxes: &[Mailbox], now: Timestamp) {
        let kept = mailboxes.iter().map(|mailbox| {
            let hash = mailbox.hash();
            let known = self.0.iter().find(|it| it.address == hash);
            known.cloned().unwrap_or_else(|| Confirmation {
                address: hash,
                shown: mailbox.shown(),
                confirmed_at: None,
                code: None,
                sent_at: None,
                attempts: 0,
                due_at: Some(now),
                error: None,
            })
        });
        self.0 = kept.collect();
    }

    /// Every address.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Confirmation> {
        self.0.iter()
    }

    /// Whether an address confirmed.
    pub(crate) fn holds(&self, mailbox: &Mailbox) -> bool {
        let hash = mailbox.hash();
        let known = self.0.iter().find(|it| it.address == hash);
        known.is_some_and(|it| it.confirmed_at.is_some())
    }

    /// The hash of the address that is sent a code next, and when.
    pub(crate) fn next(&self) -> Option<(Timestamp, &str)> {
        let open = self.0.iter().filter(|it| it.confirmed_at.is_none());
        let due = open.filter_map(|it| Some((it.due_at?, it.address.as_str())));
        due.min()
    }

    /// An address is sent a code later.
    pub(crate) fn postpone(&mut self, address: &str, until: Timestamp) {
        if let Some(known) = self.find(address) {
            known.due_at = Some(until);
        }
    }

    /// An address was sent a code; the one before counts no longer, and no other is sent by itself.
    pub(crate) fn sent(&mut self, address: &str, code: &str, now: Timestamp) {
        if let Some(known) = self.find(address) {
            known.code = Some(hash_of(code));
            known.sent_at = Some(now);
            (known.due_at, known.error) = (None, None);
        }
    }

    /// An address could not be sent one.
    pub(crate) fn missed(
        &mut self,
        address: &str,
        reason: String,
        again_at: impl FnOnce(u32) -> Option<Timestamp>,
    ) {
        if let Some(known) = self.find(address) {
            known.error = Some(reason);
            known.attempts = known.attempts.saturating_add(1);
            known.due_at = again_at(known.attempts);
        }
    }

    /// Somebody knows a code: whoever was sent it has confirmed. The place of the address among all; none if nobody was.
    pub(crate) fn confirm(&mut self, code: &str, now: Timestamp) -> Option<usize> {
        let hash = hash_of(code.trim());
        let is_it = |known: &Confirmation| {
            let sent = known.code.as_ref().zip(known.sent_at);
            sent.is_some_and(|(code, at)| *code == hash && now < at.plus_millis(CODE_MS))
        };
        let place = self.0.iter().position(is_it)?;
        let known = self.0.get_mut(place)?;
        known.confirmed_at = Some(now);
        (known.code, known.due_at, known.error) = (None, None, None);
        Some(place)
    }

    fn find(&mut self, address: &str) -> Option<&mut Confirmation> {
        self.0.iter_mut().find(|it| it.address == address)
    }
}

#[cfg(test)]
mod tests {
    use super::super::mailbox::MailPolicy;
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_nanos(second * 1_000_000_000)
    }

    fn mailboxes(list: &str) -> Vec<Mailbox> {
        let url = format!("mailto:{list}");
        MailPolicy::default().read(&url).unwrap()
    }

    fn known(list: &str) -> (Vec<Mailbox>, Confirmations) {
        let mailboxes = mailboxes(list);
        let mut known = Confirmations::default();
        known.keep(&mailboxes, at(0));
        (mailboxes, known)
    }

    #[test]
    fn each_address_confirms_by_the_code_that_it_was_sent_last_and_once() {
        let (boxes, mut known) = known("a@x.org,b@x.org");
        let (a, b) = (boxes[0].hash(), boxes[1].hash());
        known.sent(&a, "first", at(1));
        known.sent(&a, "second", at(2));
        known.sent(&b, "third", at(3));
        assert_eq!(known.next(), None, "no other is sent by itself");
        assert_eq!(known.confirm("first", at(4)), None);
        assert_eq!(known.confirm("", at(4)), None);
        assert_eq!(known.confirm(" second\n", at(4)), Some(0));
        assert!(known.holds(&boxes[0]) && !known.holds(&boxes[1]));
        assert_eq!(known.confirm("second", at(5)), None, "it was used");
        let late = at(3 + 7 * DAY);
        assert_eq!(known.confirm("third", late), None, "it is too old");
        assert_eq!(known.confirm("third", at(2 + 7 * DAY)), Some(1));
        let kept = serde_json::to_string(&known).unwrap();
        assert!(!kept.contains("third") && !kept.contains("b@x.org"));
    }

    #[test]
    fn what_an_edit_leaves_stays_confirmed_and_what_it_brings_is_not() {
        let (_, mut known) = known("a@x.org,b@x.org");
        let a = mailboxes("a@x.org").remove(0);
        known.sent(&a.hash(), "code", at(1));
        known.confirm("code", at(2)).unwrap();
        known.keep(&mailboxes("c@x.org,a@x.org"), at(3));
        assert!(known.holds(&a));
        let c = mailboxes("c@x.org").remove(0);
        assert_eq!(known.next(), Some((at(3), c.hash().as_str())));
        known.keep(&mailboxes("c@x.org"), at(4));
        known.keep(&mailboxes("a@x.org"), at(5));
        assert!(!known.holds(&a), "who was taken out confirms anew");
    }

    #[test]
    fn a_code_that_could_not_be_sent_is_sent_again_by_the_schedule() {
        let (boxes, mut known) = known("a@x.org");
        let a = boxes[0].hash();
        known.missed(&a, "no".to_owned(), |attempts| {
            Some(at(i64::from(attempts)))
        });
        assert_eq!(known.next(), Some((at(1), a.as_str())));
        known.missed(&a, "no".to_owned(), |_| None);
        assert_eq!(known.next(), None);
        assert_eq!(known.iter().next().unwrap().attempts, 2);
    }
}
