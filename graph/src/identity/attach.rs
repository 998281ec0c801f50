//! What a key with unknown parts means.
//!
//! The only item of its kind and name that agrees in the known parts. With
//! several it means none of them: it stays its own item with an open question.

use std::collections::{BTreeMap, BTreeSet};

use crate::mention::MentionIx;

/// Most candidates an open question lists.
const CANDIDATES_MAX: usize = 20;

/// One key among those that share kind and name.
#[derive(Clone, Debug)]
pub(crate) struct Keyed {
    pub(crate) mention: MentionIx,
    pub(crate) environment: Option<String>,
    pub(crate) namespace: Option<String>,
    /// The least of the mentions that statements make one with this.
    pub(crate) class: MentionIx,
    /// Whether a source said it; else it was made of a key and an environment named beside it.
    pub(crate) stated: bool,
    /// Whether anything means it.
    pub(crate) meant: bool,
}

/// What a key means beyond itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attachment {
    /// Itself.
    None,
    /// It can only mean this one.
    Only(MentionIx),
    /// It could mean any of these.
    Several(Vec<MentionIx>),
}

impl Keyed {
    fn known(&self) -> usize {
        usize::from(self.environment.is_some()) + usize::from(self.namespace.is_some())
    }

    fn agrees(&self, other: &Self) -> bool {
        let agree = |one: &Option<String>, other: &Option<String>| match (one, other) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        agree(&self.environment, &other.environment) && agree(&self.namespace, &other.namespace)
    }
}

/// Decides for every key of one kind and name, the more complete ones first.
pub(crate) fn attachments(keys: Vec<Keyed>) -> Vec<(MentionIx, Attachment)> {
    let (mut keys, hinted): (Vec<Keyed>, Vec<Keyed>) = keys.into_iter().partition(|it| it.stated);
    keys.sort_by(|one, other| {
        (&one.environment, &one.namespace).cmp(&(&other.environment, &other.namespace))
    });
    let mut groups = Groups::default();
    let mut decided = Vec::with_capacity(keys.len());
    for level in [2, 1, 0] {
        let same_level = keys.iter().filter(|key| key.known() == level);
        let choices: Vec<(&Keyed, Attachment)> = same_level
            .map(|key| (key, choose(key, &keys, &groups)))
            .collect();
        for (key, choice) in choices {
            if let Attachment::Only(other) = &choice
                && let Some(found) = keys.iter().find(|candidate| candidate.mention == *other)
            {
                groups.unite(key.class, found.class);
            }
            decided.push((key.mention, choice));
        }
    }
    let of_hinted = hinted
        .iter()
        .map(|key| (key.mention, place(key, &keys, &groups)));
    decided.extend(of_hinted);
    decided
}

/// Where a key belongs that nobody said.
fn place(hinted: &Keyed, stated: &[Keyed], groups: &Groups) -> Attachment {
    let plain = super::hinted::plain(hinted, stated);
    let plain = plain.map_or(Attachment::None, |plain| Attachment::Only(plain.mention));
    let agrees = |key: &&Keyed| match (&key.namespace, &hinted.namespace) {
        (Some(known), Some(wanted)) => known == wanted,
        _ => true,
    };
    let agreeing = stated.iter().filter(agrees);
    let known: Vec<&Keyed> = agreeing.filter(|key| key.environment.is_some()).collect();
    let there = known
        .iter()
        .filter(|key| key.environment == hinted.environment);
    match one_each(there, groups).as_slice() {
        [only] => Attachment::Only(*only),
        [] if hinted.meant && !known.is_empty() => {
            let mut elsewhere = one_each(known.iter(), groups);
            elsewhere.truncate(CANDIDATES_MAX);
            Attachment::Several(elsewhere)
        }
        _ => plain,
    }
}

/// The first key of every item.
fn one_each<'a>(keys: impl Iterator<Item = &'a &'a Keyed>, groups: &Groups) -> Vec<MentionIx> {
    let mut seen = BTreeSet::new();
    let first = keys.filter(|key| seen.insert(groups.of(key.class)));
    first.map(|key| key.mention).collect()
}

fn choose(key: &Keyed, keys: &[Keyed], groups: &Groups) -> Attachment {
    let more_complete = |other: &&Keyed| key.known() < other.known() && key.agrees(other);
    let own = groups.of(key.class);
    let mut seen = BTreeSet::new();
    let mut candidates = Vec::new();
    for other in keys.iter().filter(more_complete) {
        let group = groups.of(other.class);
        if group == own {
            return Attachment::None;
        }
        if seen.insert(group) {
            candidates.push(other.mention);
        }
    }
    match candidates.as_slice() {
        [] => crosswise(key, keys),
        [only] => Attachment::Only(*only),
        _ => {
            candidates.truncate(CANDIDATES_MAX);
            Attachment::Several(candidates)
        }
    }
}

/// A key with only an environment and one with only a namespace are one item if nothing else comes into question.
fn crosswise(key: &Keyed, keys: &[Keyed]) -> Attachment {
    let partly_known = |other: &&Keyed| other.known() == 1 && other.mention != key.mention;
    let others: Vec<&Keyed> = keys.iter().filter(partly_known).collect();
    let more_complete = keys.iter().any(|other| other.known() == 2);
    match others.as_slice() {
        [other] if key.known() == 1 && key.agrees(other) && !more_complete => {
            // One of the two points at the other.
            if key.environment.is_some() {
                Attachment::Only(other.mention)
            } else {
                Attachment::None
            }
        }
        _ => Attachment::None,
    }
}

/// Which classes have become one by attachment so far.
#[derive(Default)]
struct Groups {
    leader: BTreeMap<MentionIx, MentionIx>,
}

impl Groups {
    fn of(&self, class: MentionIx) -> MentionIx {
        let mut at = class;
        while let Some(next) = self.leader.get(&at) {
            at = *next;
        }
        at
    }

    fn unite(&mut self, one: MentionIx, other: MentionIx) {
        let (one, other) = (self.of(one), self.of(other));
        if one != other {
            self.leader.insert(one.max(other), one.min(other));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys such as `prod/shop`, `prod/`, `/shop`, `/` (numbered in order); `=` joins by statement to the one
    /// before, `?` was only hinted.
    fn means(keys: &[&str]) -> Vec<String> {
        let mut class = MentionIx(0);
        let keyed: Vec<Keyed> = keys
            .iter()
            .enumerate()
            .map(|(number, text)| {
                let mention = MentionIx(u32::try_from(number).unwrap());
                let (environment, namespace) =
                    text.trim_start_matches(['=', '?']).split_once('/').unwrap();
                let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
                class = if text.starts_with('=') {
                    class
                } else {
                    mention
                };
                Keyed {
                    mention,
                    environment: part(environment),
                    namespace: part(namespace),
                    class,
                    stated: !text.starts_with('?'),
                    meant: true,
                }
            })
            .collect();
        let name = |mention: &MentionIx| keys[mention.0 as usize].to_owned();
        let mut said: Vec<String> = attachments(keyed)
            .iter()
            .filter_map(|(mention, attachment)| match attachment {
                Attachment::None => None,
                Attachment::Only(other) => Some(format!("{} is {}", name(mention), name(other))),
                Attachment::Several(others) => {
                    let others: Vec<String> = others.iter().map(name).collect();
                    Some(format!("{} is one of {}", name(mention), others.join(", ")))
                }
            })
            .collect();
        said.sort();
        said
    }

    #[test]
    fn a_key_with_unknown_parts_means_the_only_one_that_agrees() {
        assert_eq!(means(&["/", "prod/"]), ["/ is prod/"]);
        assert_eq!(
            means(&["/", "prod/", "prod/shop"]),
            ["/ is prod/", "prod/ is prod/shop"]
        );
        assert_eq!(means(&["/shop", "prod/"]), ["prod/ is /shop"]);
        assert_eq!(means(&["/"]), [""; 0]);
    }

    #[test]
    fn with_several_it_means_none() {
        assert_eq!(
            means(&["/", "prod/", "staging/"]),
            ["/ is one of prod/, staging/"]
        );
        assert_eq!(
            means(&["prod/", "prod/a", "prod/b"]),
            ["prod/ is one of prod/a, prod/b"]
        );
        assert_eq!(means(&["/shop", "prod/", "staging/"]), [""; 0]);
    }

    #[test]
    fn what_statements_made_one_counts_once() {
        assert_eq!(means(&["prod/a", "=prod/b", "/"]), ["/ is prod/a"]);
        assert_eq!(means(&["prod/a", "=prod/", "prod/b"]), [""; 0]);
    }

    #[test]
    fn a_hinted_key_is_the_one_there_or_the_plain_one_or_an_open_question() {
        assert_eq!(means(&["/", "?prod/"]), ["?prod/ is /"]);
        assert_eq!(
            means(&["/", "prod/", "?prod/"]),
            ["/ is prod/", "?prod/ is prod/"]
        );
        assert_eq!(
            means(&["/", "prod/", "?staging/"]),
            ["/ is prod/", "?staging/ is one of prod/"]
        );
        assert_eq!(
            means(&["/", "prod/a", "prod/b", "?prod/"]),
            ["/ is one of prod/a, prod/b", "?prod/ is /"]
        );
    }
}
