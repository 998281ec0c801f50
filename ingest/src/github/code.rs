//! Code that landed, and what was published of it: changes of the repository.
//!
//! Nothing that runs changes by them yet. They touch the repository only, and what is
//! deployed from it stands one relation away, which the graph holds to be weaker than a
//! deployment: an artifact acts when it is deployed next.

use model::{Artifact, ChangeStatus, SourceKey, bounds};

use super::{id_in, user};
use crate::fields::shortened;
use crate::said::Said;
use crate::webhook::{Code, Fact, Facts, Nothing, Repository, Webhook, after_the_point, person};

/// Commits of a push that are told one by one.
const COMMITS_TOLD_MAX: usize = 20;

/// `push` to the default branch, or of a tag.
pub(super) fn push(webhook: &Webhook<'_>, repository: &Repository) -> Facts {
    let body = webhook.body;
    let reference = body.must_name("/ref")?;
    if let Some(tag) = after_the_point(&reference, "refs/tags/") {
        return tagged(webhook, repository, tag);
    }
    let branch = after_the_point(&reference, "refs/heads/");
    let default = body.name("/repository/default_branch");
    if branch.is_none() || branch != default.as_deref() {
        return Err(Nothing::Ignored(
            "a push to another branch than the default one",
        ));
    }
    if body.is("/deleted") {
        return Err(Nothing::Ignored("a branch that was deleted"));
    }
    let sha = body.must_name("/after")?;
    let mut change = webhook.change(&id_in(body, &format!("commits/{sha}"))?);
    let at = body.time("/repository/pushed_at");
    change.kind = Some("code".to_owned());
    change.category = Some("push".to_owned());
    change.status = Some(ChangeStatus::Succeeded);
    let first = body.line("/head_commit/message");
    change.title = first.or_else(|| Some(format!("push to {}", repository.name())));
    let commits: Vec<String> = body
        .list("/commits")
        .take(COMMITS_TOLD_MAX)
        .filter_map(|commit| commit.line("/message"))
        .collect();
    let told = shortened(&commits.join("\n"), bounds::TEXT_BYTES);
    change.description = (1 < commits.len()).then_some(told);
    change.started_at = at;
    change.finished_at = at;
    change.link = body.line("/compare");
    change.targets = vec![repository.key()];
    let code = Code {
        commit: Some(sha),
        reference: branch.map(str::to_owned),
        merge_request: None,
    };
    repository.code(code, &mut change);
    let sender = user(body, "/sender");
    let pusher = match sender.name {
        Some(_) => sender,
        None => person(body.line("/pusher/name"), false),
    };
    Ok(vec![Fact::change(change, at, pusher)])
}

/// A tag names a version. A release of the tag speaks of the same change.
fn tagged(webhook: &Webhook<'_>, repository: &Repository, tag: &str) -> Facts {
    let body = webhook.body;
    let is_gone = body.is("/deleted");
    let mut change = webhook.change(&id_in(body, &format!("tags/{tag}"))?);
    change.kind = Some("publication".to_owned());
    let done = if is_gone { "deleted" } else { "tagged" };
    change.title = Some(shortened(
        &format!("{} {tag} {done}", repository.name()),
        bounds::LINE_BYTES,
    ));
    change.status = Some(match is_gone {
        true => ChangeStatus::RolledBack,
        false => ChangeStatus::Succeeded,
    });
    let at = body.time("/repository/pushed_at");
    change.finished_at = at;
    change.targets = vec![repository.key()];
    change.link = body.line("/compare");
    let commit = body.name(if is_gone { "/before" } else { "/after" });
    let code = Code {
        commit,
        reference: Some(tag.to_owned()),
        merge_request: None,
    };
    repository.code(code, &mut change);
    Ok(vec![Fact::change(change, at, user(body, "/sender"))])
}

/// `pull_request`. A merged one is the commit that landed, by the id that its push has.
/// An open one is planned if its labels name items; then it has an id of its own.
pub(super) fn pull_request(webhook: &Webhook<'_>, repository: &Repository) -> Facts {
    let body = webhook.body;
    let number = body.must_name("/pull_request/number")?;
    let action = body.must_name("/action")?;
    let is_closed = action == "closed";
    let is_merged = is_closed && body.is("/pull_request/merged");
    let targets = labelled(body);
    let is_planned = matches!(
        action.as_str(),
        "opened" | "reopened" | "edited" | "labeled" | "unlabeled" | "ready_for_review"
    );
    let is_told = is_merged || (!targets.is_empty() && (is_closed || is_planned));
    if !is_told {
        return Err(Nothing::Ignored(
            "a pull request that is not merged, and no label of it names an item",
        ));
    }
    let merged_at = body.time("/pull_request/merged_at");
    let at = merged_at
        .or_else(|| body.time("/pull_request/closed_at"))
        .or_else(|| body.time("/pull_request/updated_at"));
    let by = user(
        body,
        if is_merged {
            "/pull_request/merged_by"
        } else {
            "/sender"
        },
    );
    let sha = body.name("/pull_request/merge_commit_sha");
    let describe = |source_id: &str| {
        let mut change = webhook.change(source_id);
        change.kind = Some("code".to_owned());
        change.title = body.line("/pull_request/title");
        change.description = body.text("/pull_request/body");
        change.link = body.line("/pull_request/html_url");
        change.applicant = body.line("/pull_request/user/login");
        let code = Code {
            commit: sha.clone().filter(|_| is_merged),
            reference: body.name("/pull_request/base/ref"),
            merge_request: Some(number.clone()),
        };
        repository.code(code, &mut change);
        change
    };
    let mut facts = Vec::new();
    if let Some(sha) = sha.as_deref().filter(|_| is_merged) {
        let mut landed = describe(&id_in(body, &format!("commits/{sha}"))?);
        landed.category = Some("merge".to_owned());
        landed.status = Some(ChangeStatus::Succeeded);
        landed.started_at = merged_at;
        landed.finished_at = merged_at;
        landed.targets = vec![repository.key()];
        facts.push(Fact::change(landed, at, by.clone()));
    }
    if !targets.is_empty() {
        let mut planned = describe(&id_in(body, &format!("pull/{number}"))?);
        planned.status = Some(match (is_merged, is_closed) {
            (true, _) => ChangeStatus::Succeeded,
            (false, true) => ChangeStatus::Cancelled,
            (false, false) => ChangeStatus::Planned,
        });
        planned.finished_at = merged_at.filter(|_| is_merged);
        planned.targets = targets;
        facts.push(Fact::change(planned, at, by));
    }
    Ok(facts)
}

/// Labels that are keys, such as `service:checkout`.
fn labelled(body: Said<'_>) -> Vec<SourceKey> {
    let labels = body.list("/pull_request/labels");
    Repository::labelled(labels.filter_map(|label| label.name("/name")))
}

/// `release`: what is new, of the tag it was published under.
pub(super) fn release(webhook: &Webhook<'_>, repository: &Repository) -> Facts {
    let body = webhook.body;
    let action = body.must_name("/action")?;
    if body.is("/release/draft") {
        return Err(Nothing::Ignored("a release that is a draft"));
    }
    let status = match action.as_str() {
        "published" | "released" | "prereleased" | "edited" => ChangeStatus::Succeeded,
        "unpublished" | "deleted" => ChangeStatus::RolledBack,
        _ => return Err(Nothing::Ignored("a release that is not yet published")),
    };
    let tag = body.must_name("/release/tag_name")?;
    let mut change = webhook.change(&id_in(body, &format!("tags/{tag}"))?);
    let published_at = body.time("/release/published_at");
    let at = match action.as_str() {
        "published" | "released" | "prereleased" => published_at,
        _ => None,
    };
    let name = body.line("/release/name").filter(|name| *name != tag);
    let name = name.map_or_else(String::new, |name| format!(": {name}"));
    let title = format!("{} {tag} released{name}", repository.name());
    change.kind = Some("publication".to_owned());
    change.title = Some(shortened(&title, bounds::LINE_BYTES));
    change.status = Some(status);
    change.release_notes = body.text("/release/body");
    change.started_at = published_at;
    change.finished_at = published_at;
    change.link = body.line("/release/html_url");
    change.targets = vec![repository.key()];
    change.artifacts.push(Artifact {
        name: repository.path.clone(),
        version: Some(tag.clone()),
        digest: None,
        url: body.line("/release/html_url"),
    });
    let code = Code {
        commit: None,
        reference: Some(tag),
        merge_request: None,
    };
    repository.code(code, &mut change);
    Ok(vec![Fact::change(change, at, user(body, "/sender"))])
}
