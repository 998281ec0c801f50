//! Whether an endpoint showed that it wants to hear from us: it answers a challenge with the challenge. Pure.

use std::collections::{BTreeMap, VecDeque};

use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most challenges to all hosts, or to all addresses of mail.
const OF_ALL: Few = Few {
    most: 120,
    within_ms: 10 * 60 * 1_000,
};

/// How many of something there are at most in a time.
#[derive(Clone, Copy, Debug)]
struct Few {
    most: usize,
    within_ms: i64,
}

/// Which endpoints must answer a challenge before they are sent anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifiedEndpoints {
    /// All of them, but chats on their own hosts.
    Required,
    /// Those of subscriptions that ask for it.
    Asked,
    /// None.
    Never,
}

/// What is known of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proof {
    /// Scheme, host and port.
    pub(crate) endpoint: String,
    /// When it answered with the challenge.
    pub(crate) verified_at: Option<Timestamp>,
    /// How often it was sent one in vain.
    pub(crate) attempts: u32,
    /// When it is sent the next; nothing when it was given up.
    pub(crate) due_at: Option<Timestamp>,
    /// Why the last answer was no proof.
    pub(crate) error: Option<String>,
}

impl Proof {
    /// What is known of an endpoint; nothing of another than before.
    pub(crate) fn of<'p>(
        kept: &'p mut Option<Self>,
        endpoint: &str,
        now: Timestamp,
    ) -> &'p mut Self {
        if kept.as_ref().is_some_and(|kept| kept.endpoint != endpoint) {
            *kept = None;
        }
        kept.get_or_insert_with(|| Self {
            endpoint: endpoint.to_owned(),
            verified_at: None,
            attempts: 0,
            due_at: Some(now),
            error: None,
        })
    }

    /// It answered with the challenge.
    pub(crate) fn hold(&mut self, now: Timestamp) {
        self.verified_at = Some(now);
        (self.attempts, self.due_at, self.error) = (0, None, None);
    }

    /// It did not. A proof from before stays one.
    pub(crate) fn miss(&mut self, reason: String, again_at: impl FnOnce(u32) -> Option<Timestamp>) {
        self.error = Some(reason);
        if self.verified_at.is_none() {
            self.attempts = self.attempts.saturating_add(1);
            self.due_at = again_at(self.attempts);
        }
    }
}

/// Whether an answer holds a challenge: as its text, or as `challenge` of an object in JSON.
pub(crate) fn echoes(challenge: &str, answer: &[u8]) -> bool {
    let text = std::str::from_utf8(answer).unwrap_or_default().trim();
    let of_object = || {
        let answer: Value = serde_json::from_str(text).ok()?;
        Some(answer.get("challenge")?.as_str()? == challenge)
    };
    text == challenge || of_object().unwrap_or(false)
}

/// How many challenges went where of late, so that nobody can have strangers flooded.
#[derive(Debug)]
pub(crate) struct Challenges {
    of_one: Few,
    by_one: BTreeMap<String, VecDeque<Timestamp>>,
    all: VecDeque<Timestamp>,
}

impl Challenges {
    /// To hosts: five to each in ten minutes.
    pub(crate) const fn to_hosts() -> Self {
        let within_ms = OF_ALL.within_ms;
        Self::of(Few { most: 5, within_ms })
    }

    /// To addresses of mail: three to each in a day, because people read them.
    pub(crate) const fn to_addresses() -> Self {
        let within_ms = 24 * 60 * 60 * 1_000;
        Self::of(Few { most: 3, within_ms })
    }

    const fn of(of_one: Few) -> Self {
        Self {
            of_one,
            by_one: BTreeMap::new(),
            all: VecDeque::new(),
        }
    }

    /// Takes note of a challenge to somebody; or says from when on there may be one.
    pub(crate) fn take(&mut self, to: &str, now: Timestamp) -> Result<(), Timestamp> {
        let of_one = self.of_one;
        self.by_one.retain(|_, sent| {
            of_one.forget(sent, now);
            !sent.is_empty()
        });
        OF_ALL.forget(&mut self.all, now);
        if let Some(sent) = self.by_one.get(to) {
            of_one.check(sent)?;
        }
        OF_ALL.check(&self.all)?;
        self.by_one.entry(to.to_owned()).or_default().push_back(now);
        self.all.push_back(now);
        Ok(())
    }
}

impl Few {
    /// Forgets what is long ago.
    fn forget(self, sent: &mut VecDeque<Timestamp>, now: Timestamp) {
        let since = now.plus_millis(-self.within_ms);
        while sent.front().is_some_and(|at| *at <= since) {
            sent.pop_front();
        }
    }

    /// Whether there may be another; or from when on.
    fn check(self, sent: &VecDeque<Timestamp>) -> Result<(), Timestamp> {
        match sent.front().filter(|_| self.most <= sent.len()) {
            Some(first) => Err(first.plus_millis(self.within_ms)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_nanos(second * 1_000_000_000)
    }

    #[test]
    fn a_proof_is_of_one_endpoint_and_stays_until_there_is_another() {
        let mut kept = None;
        let proof = Proof::of(&mut kept, "https://a", at(0));
        assert_eq!((proof.due_at, proof.verified_at), (Some(at(0)), None));
        proof.miss("no".to_owned(), |attempts| Some(at(i64::from(attempts))));
        assert_eq!((proof.due_at, proof.attempts), (Some(at(1)), 1));
        proof.hold(at(2));
        let proof = Proof::of(&mut kept, "https://a", at(3));
        proof.miss("no".to_owned(), |_| Some(at(9)));
        assert_eq!((proof.due_at, proof.verified_at), (None, Some(at(2))));
        let proof = Proof::of(&mut kept, "https://b", at(4));
        assert_eq!((proof.due_at, proof.verified_at), (Some(at(4)), None));
    }

    #[test]
    fn an_answer_is_the_challenge_or_an_object_that_holds_it() {
        let echoed = |answer: &str| echoes("abc", answer.as_bytes());
        assert!(echoed("abc") && echoed(" abc\n"));
        assert!(echoed(r#"{"challenge": "abc", "more": 1}"#));
        for other in [
            "",
            "abcd",
            "\"abc\"",
            r#"{"challenge": "x"}"#,
            r#"["abc"]"#,
            "null",
        ] {
            assert!(!echoed(other), "{other}");
        }
        assert!(!echoes("abc", &[0xff]));
    }

    #[test]
    fn a_host_is_sent_few_challenges_and_all_hosts_together_are_too() {
        let mut challenges = Challenges::to_hosts();
        for second in 0..5 {
            assert_eq!(challenges.take("a", at(second)), Ok(()));
        }
        assert_eq!(challenges.take("a", at(5)), Err(at(600)));
        assert_eq!(challenges.take("b", at(5)), Ok(()));
        assert_eq!(
            challenges.take("a", at(600)),
            Ok(()),
            "the first is long ago"
        );
        let mut many = Challenges::to_hosts();
        for number in 0..120 {
            assert_eq!(
                many.take(&format!("{number}.example.com"), at(number)),
                Ok(())
            );
        }
        assert_eq!(many.take("other.example.com", at(200)), Err(at(600)));
        assert_eq!(many.take("other.example.com", at(600)), Ok(()));
    }

    #[test]
    fn an_address_of_mail_is_sent_three_codes_a_day() {
        let mut codes = Challenges::to_addresses();
        for second in 0..3 {
            assert_eq!(codes.take("a", at(second)), Ok(()));
        }
        let day = 24 * 60 * 60;
        assert_eq!(codes.take("a", at(day - 1)), Err(at(day)));
        assert_eq!(codes.take("b", at(day - 1)), Ok(()));
        assert_eq!(codes.take("a", at(day)), Ok(()));
        for number in 0..120 {
            let name = format!("{number}");
            assert_eq!(codes.take(&name, at(2 * day)), Ok(()));
        }
        assert_eq!(codes.take("c", at(2 * day)), Err(at(2 * day + 600)));
    }
}
