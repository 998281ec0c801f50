//! GitLab's webhooks: `/ingest/gitlab`, of projects, groups and the whole instance.
//!
//! `object_kind` in the body says what it is; headers are not needed to read it again.

mod code;
mod delivery;
#[cfg(test)]
mod tests;

use model::Actor;

use crate::intake::Address;
use crate::proof::Proof;
use crate::said::Said;
use crate::webhook::{self, Facts, Form, Nothing, Repository, Webhook, person};

const FORM: Form = Form {
    name: "gitlab",
    // The event's UUID is shared by whatever one webhook causes; this one is of the delivery.
    delivery_id: "idempotency-key",
    kept: &["x-gitlab-event-uuid"],
};

/// Where webhooks are taken: signed with a signing token, or with the older secret token beside them.
pub(crate) const ADDRESS: Address = Address {
    proof: Proof::AnyOf(&[Proof::StandardWebhooks, Proof::Header("x-gitlab-token")]),
    ..Address::of_json(FORM.name, "/ingest/gitlab", |delivery| {
        webhook::decode(delivery, &FORM, read)
    })
};

fn read(webhook: &Webhook<'_>) -> Facts {
    let body = webhook.body;
    let kind = body
        .name("/object_kind")
        .or_else(|| body.name("/event_name"));
    let kind = kind.ok_or_else(|| "object_kind is required".to_owned())?;
    let read = match kind.as_str() {
        "deployment" => delivery::deployment,
        "pipeline" => delivery::pipeline,
        "feature_flag" => delivery::feature_flag,
        "push" => code::push,
        "tag_push" => code::tag,
        "merge_request" => code::merge_request,
        "release" => code::release,
        _ => {
            return Err(Nothing::Ignored(
                "this event of GitLab tells of no deployment, pipeline, release, flag or landed code",
            ));
        }
    };
    read(webhook, &repository(body)?)
}

fn repository(body: Said<'_>) -> Result<Repository, String> {
    let address = body.written("/project/web_url");
    let found = address.and_then(Repository::at);
    found.ok_or_else(|| "project.web_url is required".to_owned())
}

/// The id of something in a project: `group/name/deployments/7`.
fn id_in(body: Said<'_>, what: &str) -> Result<String, String> {
    let project = body.must_name("/project/path_with_namespace")?;
    Ok(format!("{project}/{what}"))
}

/// Who did it. Tokens of projects and groups act through users with such names.
fn user(body: Said<'_>) -> Actor {
    let names = [
        "/user/username",
        "/user_username",
        "/user/name",
        "/user_name",
    ];
    let name = names.iter().find_map(|pointer| body.line(pointer));
    let is_bot = name.as_ref().is_some_and(|name| {
        let is_token = name.starts_with("project_") || name.starts_with("group_");
        (is_token && name.contains("_bot")) || name.ends_with("-bot")
    });
    person(name, is_bot)
}
