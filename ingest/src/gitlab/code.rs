//! Code that landed, tags and releases: changes of the repository, as GitHub's are.

use model::{Artifact, ChangeStatus, SourceKey, bounds};

use super::{id_in, user};
use crate::fields::shortened;
use crate::webhook::{Code, Fact, Facts, Nothing, Repository, Webhook, after_the_point};

/// Commits of a push that are told one by one.
const COMMITS_TOLD_MAX: usize = 20;

/// What a branch or tag that is not there has as its commit.
fn is_nothing(sha: &str) -> bool {
    sha.bytes().all(|byte| byte == b'0')
}

/// `push` to the default branch. GitLab does not say when, so the time of its arrival counts.
pub(super) fn push(webhook: &Webhook<'_>, repository: &Repository) -> Facts {
    let body = webhook.body;
    let reference = body.must_name("/ref")?;
    let branch = after_the_point(&reference, "refs/heads/");
    let default = body.name("/project/default_branch");
    let sha = body.must_name("/after")?;
    if branch.is_none() || branch != default.as_deref() || is_nothing(&sha) {
        return Err(Nothing::Ignored(
            "a push to another branch than the default one, or its end",
        ));
    }
    let commits: Vec<String> = body
        .list("/commits")
        .take(COMMITS_TOLD_MAX)
        .filter_map(|commit| commit.line("/title").or_else(|| commit.line("/message")))
        .collect();
    let mut change = webhook.change(&id_in(body, &format!("commits/{sha}"))?);
    change.kind = Some("code".to_owned());
    change.category = Some("push".to_owned());
    change.status = Some(ChangeStatus::Succeeded);
    // The newest commit stands last.
    let title = commits.last().cloned();
    change.title = title.or_else(|| Some(format!("push to {}", repository.name())));
    let told = shortened(&commits.join("\n"), bounds::TEXT_BYTES);
    change.description = (1 < commits.len()).then_some(told);
    change.link = body
        .line("/project/web_url")
        .map(|page| format!("{page}/-/commit/{sha}"));
    change.targets = vec![repository.key()];
    let code = Code {
        commit: Some(sha),
        reference: branch.map(str::to_owned),
        merge_request: None,
    };
    repository.code(code, &mut change);
    Ok(vec![Fact::change(change, None, user(body))])
}

/// `tag_push`. A release of the tag speaks of the same change.
pub(super) fn tag(webhook: &Webhook<'_>, repository: &Repository) -> Facts {
    let body = webhook.body;
    let reference = body.must_name("/ref")?;
    let tag = after_the_point(&reference, "refs/tags/");
    let tag = tag.ok_or_else(|| "ref names no tag".to_owned())?;
    let sha = body.must_name("/after")?;
    let is_gone = is_nothing(&sha);
    let done = if is_gone { "deleted" } else { "tagged" };
    let mut change = publication(webhook, repository, tag)?;
    let title = format!("{} {tag} {done}", repository.name());
    change.title = Some(shortened(&title, bounds::LINE_BYTES));
    change.description = body.text("/message");
    change.status = Some(match is_gone {
        true => ChangeStatus::RolledBack,
        false => ChangeStatus::Succeeded,
    });
    let code = Code {
        commit: if is_gone {
            body.name("/before")
        } else {
            Some(sha)
        },
        reference: Some(tag.to_owned()),
        merge_request: None,
    };
    repository.code(code, &mut change);
    Ok(vec![Fact::change(change, None, user(body))])
}

fn publication(
    webhook: &Webhook<'_>,
    repository: &Repository,
    tag: &str,
) -> Result<model::Change, String> {
    let mut change = webhook.change(&id_in(webhook.body, &format!("tags/{tag}"))?);
    change.kind = Some("publication".to_owned());
    change.targets = vec![repository.key()];
    Ok(change)
}

/// `release`, by its tag.
pub(super) fn release(webhook: &Webhook<'_>, repository: &Repository) -> Facts {
    let body = webhook.body;
    let tag = body.must_name("/tag")?;
    let action = body.must_name("/action")?;
    let released_at = body
        .time("/released_at")
        .or_else(|| body.time("/created_at"));
    let name = body.line("/name").filter(|name| *name != tag);
    let name = name.map_or_else(String::new, |name| format!(": {name}"));
    let title = format!("{} {tag} released{name}", repository.name());
    let mut change = publication(webhook, repository, &tag)?;
    change.title = Some(shortened(&title, bounds::LINE_BYTES));
    change.status = Some(match action.as_str() {
        "delete" => ChangeStatus::RolledBack,
        _ => ChangeStatus::Succeeded,
    });
    change.release_notes = body.text("/description");
    change.started_at = released_at;
    change.finished_at = released_at;
    change.link = body.line("/url");
    change.artifacts.push(Artifact {
        name: repository.path.clone(),
        version: Some(tag.clone()),
        digest: None,
        url: body.line("/url"),
    });
    let code = Code {
        commit: body.name("/commit/id"),
        reference: Some(tag),
        merge_request: None,
    };
    repository.code(code, &mut change);
    let at = released_at.filter(|_| action == "create");
    Ok(vec![Fact::change(change, at, user(body))])
}

/// `merge_request`. A merged one is the commit that landed; an open one is planned if its labels name items.
pub(super) fn merge_request(webhook: &Webhook<'_>, repository: &Repository) -> Facts {
    let body = webhook.body;
    let number = body.must_name("/object_attributes/iid")?;
    let action = body.name("/object_attributes/action").unwrap_or_default();
    let is_merged = action == "merge";
    let is_closed = is_merged || action == "close";
    let targets: Vec<SourceKey> = labelled(webhook);
    let is_planned = matches!(action.as_str(), "open" | "reopen" | "update");
    if !is_merged && (targets.is_empty() || !(is_closed || is_planned)) {
        return Err(Nothing::Ignored(
            "a merge request that is not merged, and no label of it names an item",
        ));
    }
    let merged_at = body.time("/object_attributes/merged_at");
    let at = merged_at
        .filter(|_| is_merged)
        .or_else(|| body.time("/object_attributes/updated_at"));
    // Fast-forwarded and squashed ones have no merge commit.
    let landed = [
        "/object_attributes/merge_commit_sha",
        "/object_attributes/squash_commit_sha",
        "/object_attributes/last_commit/id",
    ];
    let sha = landed
        .iter()
        .find_map(|pointer| body.name(pointer))
        .filter(|_| is_merged);
    let describe = |source_id: &str| {
        let mut change = webhook.change(source_id);
        change.kind = Some("code".to_owned());
        change.title = body.line("/object_attributes/title");
        change.description = body.text("/object_attributes/description");
        change.link = body.line("/object_attributes/url");
        let code = Code {
            commit: sha.clone(),
            reference: body.name("/object_attributes/target_branch"),
            merge_request: Some(number.clone()),
        };
        repository.code(code, &mut change);
        change
    };
    let mut facts = Vec::new();
    if let Some(sha) = &sha {
        let mut landed = describe(&id_in(body, &format!("commits/{sha}"))?);
        landed.category = Some("merge".to_owned());
        landed.status = Some(ChangeStatus::Succeeded);
        landed.started_at = at;
        landed.finished_at = at;
        landed.targets = vec![repository.key()];
        facts.push(Fact::change(landed, at, user(body)));
    }
    if !targets.is_empty() {
        let mut planned = describe(&id_in(body, &format!("merge_requests/{number}"))?);
        planned.status = Some(match (is_merged, is_closed) {
            (true, _) => ChangeStatus::Succeeded,
            (false, true) => ChangeStatus::Cancelled,
            (false, false) => ChangeStatus::Planned,
        });
        planned.finished_at = at.filter(|_| is_merged);
        planned.targets = targets;
        facts.push(Fact::change(planned, at, user(body)));
    }
    Ok(facts)
}

fn labelled(webhook: &Webhook<'_>) -> Vec<SourceKey> {
    let labels = webhook.body.list("/labels");
    let names = labels.filter_map(|label| label.name("/title"));
    Repository::labelled(names)
}
