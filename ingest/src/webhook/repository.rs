//! Repositories, and what is delivered from them.
//!
//! A repository is an item of its own, never a name of a service: several services, and
//! one service in several environments, may be deployed from one, and a name they share
//! would make one item of them. What is deployed from it needs it by `deployed_from`.

use model::{Change, CodeRef, Event, KeyParts, ObservedRelation, RelationKind, SourceKey, bounds};

use crate::said::Said;

/// A repository as `host/owner/name`, in lower case, the way its clones are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repository {
    /// `github.com/owner/name`.
    pub(crate) path: String,
}

/// A state of the code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code {
    pub(crate) commit: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) merge_request: Option<String>,
}

impl Repository {
    /// A repository by the address of its page or its clone: `https://github.com/owner/name.git`,
    /// `git@github.com:owner/name.git`.
    pub(crate) fn at(address: &str) -> Option<Self> {
        let address = address.trim();
        let address = address.split(['?', '#']).next()?;
        let rest = match address.split_once("://") {
            Some((_, rest)) => rest
                .split_once('@')
                .map_or(rest, |(_, rest)| rest)
                .to_owned(),
            None => address.split_once('@')?.1.replacen(':', "/", 1),
        };
        let rest = rest.trim_matches('/');
        let rest = rest.strip_suffix(".git").unwrap_or(rest);
        let (host, path) = rest.split_once('/')?;
        let host = host.split(':').next()?;
        let fits = !host.is_empty() && !path.is_empty() && rest.len() <= 512;
        fits.then(|| Self {
            path: format!("{host}/{path}").to_lowercase(),
        })
    }

    /// The repository of a page inside it: `https://github.com/owner/name/tree/main/part`.
    pub(crate) fn of_tree(address: &str) -> Option<Self> {
        const INSIDE: [&str; 4] = ["/-/", "/tree/", "/blob/", "/src/"];
        let ends = INSIDE.iter().filter_map(|inside| address.find(inside));
        let end = ends.min().unwrap_or(address.len());
        Self::at(address.get(..end)?)
    }

    /// Its last part.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The repository as an item.
    pub(crate) fn key(&self) -> SourceKey {
        KeyParts::new("repository", self.path.clone()).into()
    }

    /// What a key is deployed from.
    pub(crate) fn deploys(&self, dependent: &SourceKey) -> Event {
        Event::RelationObserved(ObservedRelation {
            dependent: dependent.clone(),
            provider: self.key(),
            kind: RelationKind::new("deployed_from"),
            strength: None,
            valid_from: None,
            valid_until: None,
            report_interval_ms: None,
        })
    }

    /// Names the code behind a change.
    pub(crate) fn code(&self, code: Code, change: &mut Change) {
        change.code_refs.push(CodeRef {
            repository: Some(self.path.clone()),
            commit: code.commit,
            merge_request: code.merge_request,
            reference: code.reference,
        });
    }

    /// The services that a deployment names itself: as keys in `targets`, or by name.
    pub(crate) fn named_by(payload: Said<'_>, environment: Option<&str>) -> Vec<SourceKey> {
        const NAMES: [&str; 4] = ["/service", "/component", "/application", "/app"];
        const TARGETS_MAX: usize = 100;
        let written = payload.list("/targets").filter_map(|key| key.name(""));
        let mut keys: Vec<SourceKey> = written.take(TARGETS_MAX).map(SourceKey::text).collect();
        let listed = payload.list("/services").filter_map(|name| name.name(""));
        let single = NAMES.iter().filter_map(|pointer| payload.name(pointer));
        for name in listed.chain(single.take(1)).take(TARGETS_MAX) {
            keys.push(service(&name, environment));
        }
        keys
    }

    /// Labels of a merge request that are keys, such as `service:checkout`.
    pub(crate) fn labelled(labels: impl Iterator<Item = String>) -> Vec<SourceKey> {
        let is_key = |label: &String| {
            let kind = label.split_once(':').map(|(kind, _)| kind);
            kind.is_some_and(|kind| LABELLED.contains(&kind))
        };
        let keys = labels.filter(is_key).take(bounds::DETAILS_MAX);
        keys.map(SourceKey::text).collect()
    }

    /// The service that is called like the repository, and the repository itself: the guess
    /// may be wrong, and what a catalog says is deployed from the repository is near then too.
    pub(crate) fn guessed(&self, environment: Option<&str>) -> Vec<SourceKey> {
        vec![service(self.name(), environment), self.key()]
    }
}

/// Kinds whose keys are read in the labels of merge requests.
const LABELLED: [&str; 8] = [
    "service",
    "application",
    "database",
    "queue",
    "host",
    "cluster",
    "gateway",
    "job",
];

fn service(name: &str, environment: Option<&str>) -> SourceKey {
    let parts = KeyParts::new("service", name);
    parts.in_environment(environment.map(str::to_owned)).into()
}

/// Whether the name of a workflow, job or stage says that it changes what runs, not only tests it.
pub(crate) fn deploys(name: &str) -> bool {
    const WORDS: [&str; 11] = [
        "deploy",
        "release",
        "rollout",
        "rollback",
        "promote",
        "publish",
        "apply",
        "migrat",
        "provision",
        "cutover",
        "restart",
    ];
    let name = name.to_lowercase();
    WORDS.iter().any(|word| {
        name.match_indices(word).any(|(at, _)| {
            let before = name.get(..at).and_then(|before| before.chars().next_back());
            before.is_none_or(|letter| !letter.is_alphanumeric())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_of_a_repository_is_the_same_repository() {
        for address in [
            "https://github.com/Acme/Checkout",
            "https://github.com/acme/checkout.git",
            "https://token@github.com/acme/checkout.git?x=1",
            "git@github.com:acme/checkout.git",
            "ssh://git@github.com:22/acme/checkout.git",
            "git://github.com/acme/checkout/",
        ] {
            let found = Repository::at(address).unwrap();
            assert_eq!(found.path, "github.com/acme/checkout", "{address}");
            assert_eq!(found.name(), "checkout");
        }
        for none in [
            "",
            "checkout",
            "https://",
            "https://github.com",
            "a@b",
            "/x/y",
        ] {
            assert_eq!(Repository::at(none), None, "{none}");
        }
    }

    #[test]
    fn a_workflow_that_deploys_says_so() {
        for name in [
            "Deploy to prod",
            "cd-deploy",
            "release.yml",
            "DB migrations",
            "tf-apply",
        ] {
            assert!(deploys(name), "{name}");
        }
        for name in [
            "test",
            "lint",
            "redeployable",
            "prerelease-check",
            "build",
            "",
        ] {
            assert!(!deploys(name), "{name}");
        }
    }
}
