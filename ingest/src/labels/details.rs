//! What details say of a change: its environment and targets, the code and the artifact, who did it, how it ended.

use model::{Actor, ActorKind, Artifact, Change, ChangeStatus, CodeRef, bounds};

use super::{Named, environment, first, items};
use crate::fields::shortened;

const COMMITS: [&str; 9] = [
    "commit",
    "commit_sha",
    "commit_id",
    "git_commit",
    "git_sha",
    "git.commit.sha",
    "sha",
    "revision",
    "vcs_ref_head_revision",
];
const REPOSITORIES: [&str; 5] = [
    "repository",
    "repository_url",
    "git.repository_url",
    "repo",
    "git_repository",
];
const REFERENCES: [&str; 4] = ["branch", "git_branch", "ref", "git_ref"];
const MERGES: [&str; 4] = ["pull_request", "merge_request", "pr", "mr"];
const ARTIFACTS: [&str; 4] = ["artifact", "image", "image_name", "container_image"];
const VERSIONS: [&str; 6] = [
    "version",
    "service_version",
    "app_version",
    "image_tag",
    "release",
    "build_version",
];
const OPERATORS: [&str; 11] = [
    "operator",
    "user",
    "author",
    "actor",
    "deployed_by",
    "deployer",
    "triggered_by",
    "build_developer",
    "committer",
    "changed_by",
    "username",
];
const KINDS: [&str; 4] = ["change_kind", "change_type", "kind", "type"];
const STATUSES: [&str; 6] = [
    "status",
    "state",
    "result",
    "outcome",
    "build_state",
    "deployment_status",
];

/// Words for how a change stands, in lower case.
const WORDS: [(ChangeStatus, &[&str]); 6] = [
    (
        ChangeStatus::Planned,
        &["planned", "scheduled", "pending", "queued", "waiting"],
    ),
    (
        ChangeStatus::Running,
        &["running", "started", "in_progress", "in progress", "start"],
    ),
    (
        ChangeStatus::Succeeded,
        &[
            "succeeded",
            "success",
            "successful",
            "passed",
            "completed",
            "complete",
            "finished",
            "done",
            "ok",
            "deployed",
        ],
    ),
    (
        ChangeStatus::Failed,
        &["failed", "failure", "error", "errored", "broken"],
    ),
    (
        ChangeStatus::Cancelled,
        &["cancelled", "canceled", "aborted", "skipped"],
    ),
    (
        ChangeStatus::RolledBack,
        &[
            "rolled_back",
            "rolledback",
            "rolled back",
            "rollback",
            "reverted",
        ],
    ),
];

/// Adds what the details say to a change; what it states already stays.
pub(crate) fn describe(change: &mut Change, details: &Named) {
    let line =
        |names: &[&str]| first(names, details).map(|text| shortened(&text, bounds::LINE_BYTES));
    if change.targets.is_empty() {
        change.targets = items(details);
    }
    change.environment = change.environment.take().or_else(|| environment(details));
    change.status = change.status.or_else(|| status_of(&line(&STATUSES)?));
    change.kind = change.kind.take().or_else(|| {
        let kind = first(&KINDS, details)?.to_lowercase();
        (kind.len() <= bounds::KIND_BYTES).then_some(kind)
    });
    change.operator = change.operator.take().or_else(|| {
        let name = Some(line(&OPERATORS)?);
        let kind = ActorKind::Unknown;
        Some(Actor { kind, name })
    });
    let code = CodeRef {
        repository: line(&REPOSITORIES),
        commit: line(&COMMITS),
        merge_request: line(&MERGES),
        reference: line(&REFERENCES),
    };
    if code != CodeRef::default() && change.code_refs.is_empty() {
        change.code_refs.push(code);
    }
    if change.artifacts.is_empty() {
        let delivered = artifact(change, line(&ARTIFACTS), line(&VERSIONS));
        change.artifacts.extend(delivered);
    }
}

/// A version alone is one of the first target.
fn artifact(change: &Change, name: Option<String>, version: Option<String>) -> Option<Artifact> {
    let target = || {
        let key = version.as_ref().and(change.targets.first())?;
        Some(shortened(&key.to_string(), bounds::LINE_BYTES))
    };
    let name = name.or_else(target)?;
    Some(Artifact {
        name,
        version,
        ..Artifact::default()
    })
}

fn status_of(word: &str) -> Option<ChangeStatus> {
    let word = word.trim().to_lowercase();
    let found = WORDS
        .iter()
        .find(|(_, words)| words.contains(&word.as_str()));
    found.map(|(status, _)| *status)
}

#[cfg(test)]
mod tests {
    use model::{SourceName, SourceRef};

    use super::*;

    /// `a=b c=d` in, what they say of a change out.
    fn described(details: &str) -> String {
        let details: Named = details
            .split_whitespace()
            .map(|detail| detail.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut change = Change::new(&SourceRef {
            source: SourceName::new("test"),
            source_id: "1".to_owned(),
        });
        describe(&mut change, &details);
        let said = serde_json::to_value(change).unwrap();
        let fields = said.as_object().unwrap().iter();
        let fields = fields.filter(|(name, _)| !name.starts_with("source"));
        let told = fields.map(|(name, value)| format!("{name}: {value}"));
        told.collect::<Vec<String>>().join("\n")
    }

    #[test]
    fn details_tell_what_was_changed_and_how_it_ended() {
        insta::assert_snapshot!(
            described("service=checkout env=prod version=1.4.2 commit=abc repo=shop/checkout author=ann build_state=passed"),
            @r#"
            artifacts: [{"name":"service:checkout","version":"1.4.2"}]
            codeRefs: [{"commit":"abc","repository":"shop/checkout"}]
            environment: "prod"
            operator: {"kind":"unknown","name":"ann"}
            status: "succeeded"
            targets: [{"kind":"service","name":"checkout"}]
            "#
        );
    }

    #[test]
    fn a_word_nobody_knows_says_nothing_of_the_status() {
        assert_eq!(described("state=purple"), "");
        assert_eq!(described("state=Canceled"), "status: \"cancelled\"");
        assert_eq!(described("result=rolled_back"), "status: \"rolled_back\"");
    }

    #[test]
    fn a_version_of_nothing_is_no_artifact() {
        assert_eq!(described("version=1"), "");
    }
}
