//! Whether an endpoint showed that it wants to hear from us: it answers a challenge with the challenge. Pure.

use std::collections::{BTreeMap, VecDeque};

use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Challenges to one host, and to all hosts, in a time.
const OF_HOST_MAX: usize = 5;
const OF_ALL_MAX: usize = 120;
/// That time.
const WITHIN_MS: i64 = 10 * 60 * 1_000;

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
#[derive(Debug, Default)]
pub(crate) struct Challenges {
    by_host: BTreeMap<String, VecDeque<Timestamp>>,
}

impl Challenges {
    /// Takes note of a challenge to a host; or says from when on there may be one.
    pub(crate) fn take(&mut self, host: &str, now: Timestamp) -> Result<(), Timestamp> {
        let since = now.plus_millis(-WITHIN_MS);
        self.by_host.retain(|_, sent| {
            while sent.front().is_some_and(|at| *at <= since) {
                sent.pop_front();
            }
            !sent.is_empty()
        });
        let all: usize = self.by_host.values().map(VecDeque::len).sum();
        let of_host = self.by_host.get(host);
        let full_host = of_host.filter(|sent| OF_HOST_MAX <= sent.len());
        let first = match full_host {
            Some(sent) => sent.front().copied(),
            None if OF_ALL_MAX <= all => {
                let firsts = self.by_host.values().filter_map(|sent| sent.front());
                firsts.min().copied()
            }
            None => None,
        };
        if let Some(first) = first {
            return Err(first.plus_millis(WITHIN_MS));
        }
        self.by_host
            .entry(host.to_owned())
            .or_default()
            .push_back(now);
        Ok(())
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
        let mut challenges = Challenges::default();
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
        let mut many = Challenges::default();
        for number in 0..120 {
            assert_eq!(
                many.take(&format!("{number}.example.com"), at(number)),
                Ok(())
            );
        }
        assert_eq!(many.take("other.example.com", at(200)), Err(at(600)));
        assert_eq!(many.take("other.example.com", at(600)), Ok(()));
    }
}
