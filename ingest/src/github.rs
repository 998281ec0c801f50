//! GitHub's webhooks: `/ingest/github`.
//!
//! What tells of a deployment, a release, code that landed or a workflow that deploys is a
//! change; the other sixty events are passed over. `X-GitHub-Event` says which one it is.

mod code;
mod deployment;
mod run;
#[cfg(test)]
mod tests;

use model::Actor;

use crate::intake::Address;
use crate::proof::{HashFunction, Proof};
use crate::said::Said;
use crate::webhook::{self, Facts, Form, Nothing, Repository, Webhook, person};

const FORM: Form = Form {
    name: "github",
    delivery_id: "x-github-delivery",
    kept: &["x-github-event", "x-github-delivery"],
};

/// Where webhooks are taken.
pub(crate) const ADDRESS: Address = Address {
    proof: Proof::Hmac {
        header: "x-hub-signature-256",
        prefix: "sha256=",
        hash: HashFunction::Sha256,
    },
    ..Address::of_json(FORM.name, "/ingest/github", |delivery| {
        webhook::decode(delivery, &FORM, read)
    })
};

fn read(webhook: &Webhook<'_>) -> Facts {
    let event = webhook.header("x-github-event");
    let event = event
        .ok_or_else(|| "the header X-GitHub-Event, which says what it is, is missing".to_owned())?;
    let read = match event {
        "deployment" => deployment::created,
        "deployment_status" => deployment::status,
        "push" => code::push,
        "pull_request" => code::pull_request,
        "release" => code::release,
        "workflow_run" => run::workflow,
        _ => {
            return Err(Nothing::Ignored(
                "this event of GitHub tells of no deployment, release, landed code or deploying workflow",
            ));
        }
    };
    read(webhook, &repository(webhook.body)?)
}

fn repository(body: Said<'_>) -> Result<Repository, String> {
    let address = body.written("/repository/html_url");
    let found = address.and_then(Repository::at);
    found.ok_or_else(|| "repository.html_url is required".to_owned())
}

/// The id of something in a repository: `owner/name/deployments/7`.
fn id_in(body: Said<'_>, what: &str) -> Result<String, String> {
    let repository = body.must_name("/repository/full_name")?;
    Ok(format!("{repository}/{what}"))
}

/// A user of GitHub.
fn user(body: Said<'_>, pointer: &str) -> Actor {
    let user = body.at(pointer);
    let login = user.and_then(|user| user.line("/login"));
    let is_app = user.and_then(|user| user.written("/type")) == Some("Bot");
    let is_bot = login.as_ref().is_some_and(|login| login.ends_with("[bot]"));
    person(login, is_app || is_bot)
}
