//! Builds of Jenkins that deploy: `/ingest/jenkins`, from the Notification plugin or the Generic Event plugin.
//!
//! The CDEvents plugin sends to `/ingest/cloudevents`. A job is a change if its name says that it
//! deploys; of its parameters only those that name the environment, the service and the version are read.

#[cfg(test)]
mod tests;

use model::{Artifact, ChangeStatus, KeyParts, SourceKey, Timestamp, bounds};

use crate::fields::shortened;
use crate::intake::Address;
use crate::said::Said;
use crate::webhook::{
    self, Code, Fact, Facts, Form, Nothing, Repository, Webhook, deploys, person,
};

const FORM: Form = Form {
    name: "jenkins",
    delivery_id: "",
    kept: &[],
};

/// Where builds are taken.
pub(crate) const ADDRESS: Address = Address::of_json(FORM.name, "/ingest/jenkins", |delivery| {
    webhook::decode(delivery, &FORM, read)
});

/// A build, whichever plugin tells of it.
struct Build<'v> {
    /// The job with its folders: `shop/deploy-checkout`.
    job: String,
    /// The name that says what it does: of a job of many branches that of the whole.
    called: String,
    number: String,
    /// When it began.
    started_at: Option<Timestamp>,
    /// When this was said, if it is over.
    finished_at: Option<Timestamp>,
    phase: Phase,
    result: Option<&'v str>,
    link: Option<String>,
    parameters: Vec<(String, String)>,
    repository: Option<Repository>,
    code: Code,
    description: Option<String>,
    by: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Queued,
    Started,
    Over,
}

fn read(webhook: &Webhook<'_>) -> Facts {
    let body = webhook.body;
    let build = match body.at("/build") {
        Some(build) => notified(body, build)?,
        None => generic(body)?,
    };
    if !deploys(&build.called) && !deploys(&build.job) {
        return Err(Nothing::Ignored("a job that by its name deploys nothing"));
    }
    let status = match (build.phase, build.result) {
        (Phase::Queued, _) => Some(ChangeStatus::Planned),
        (Phase::Started, _) => Some(ChangeStatus::Running),
        (Phase::Over, Some("SUCCESS" | "UNSTABLE")) => Some(ChangeStatus::Succeeded),
        (Phase::Over, Some("FAILURE")) => Some(ChangeStatus::Failed),
        (Phase::Over, Some("ABORTED" | "NOT_BUILT")) => Some(ChangeStatus::Cancelled),
        (Phase::Over, _) => None,
    };
    let environment = build.parameter(&["environment", "env", "deploy_env", "target_env"]);
    let environment = environment.or_else(|| webhook.environment());
    let service = build.parameter(&["service", "application", "app", "component"]);
    let version = build.parameter(&["version", "release", "image_tag", "tag"]);
    let target = |name: &str| -> SourceKey {
        let parts = KeyParts::new("service", name);
        parts.in_environment(environment.clone()).into()
    };
    let mut change = webhook.change(&format!("{}/{}", build.job, build.number));
    change.kind = Some("pipeline".to_owned());
    let title = format!("{} #{}", build.job, build.number);
    change.title = Some(shortened(&title, bounds::LINE_BYTES));
    change.description.clone_from(&build.description);
    change.status = status;
    change.started_at = build.started_at.filter(|_| build.phase != Phase::Queued);
    change.finished_at = build.finished_at.filter(|_| build.phase == Phase::Over);
    change.link.clone_from(&build.link);
    change.targets = match &service {
        Some(service) => vec![target(service)],
        None => vec![target(without_deploying(&build.called))],
    };
    let name = service.unwrap_or_else(|| without_deploying(&build.called).to_owned());
    change.artifacts.extend(version.map(|version| Artifact {
        name,
        version: Some(version),
        ..Artifact::default()
    }));
    if let Some(repository) = &build.repository {
        repository.code(build.code.clone(), &mut change);
    }
    change.environment.clone_from(&environment);
    let at = match build.phase {
        Phase::Queued => None,
        Phase::Started => build.started_at,
        Phase::Over => build.finished_at,
    };
    Ok(vec![Fact::change(change, at, person(build.by, false))])
}

impl Build<'_> {
    /// The first parameter of one of these names, whatever their case.
    fn parameter(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|wanted| {
            let mut parameters = self.parameters.iter();
            let found = parameters.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
            Some(found.1.clone())
        })
    }
}

/// The Notification plugin: job and build, in phases.
fn notified<'v>(body: Said<'v>, build: Said<'v>) -> Result<Build<'v>, Nothing> {
    let name = body.must_name("/name")?;
    let job = body.written("/url").map_or_else(|| name.clone(), path_of);
    let phase = match build.must_name("/phase")?.as_str() {
        "QUEUED" => Phase::Queued,
        "STARTED" => Phase::Started,
        "COMPLETED" | "FINALIZED" => Phase::Over,
        other => {
            let reason = format!("build.phase {other:?} has no meaning here");
            return Err(Nothing::NotUnderstood(reason));
        }
    };
    let started_at = build.time("/timestamp");
    let parameters = build.at("/parameters").and_then(|it| it.0.as_object());
    let parameters = parameters.into_iter().flatten();
    Ok(Build {
        job,
        called: name,
        number: build.must_name("/number")?,
        started_at,
        finished_at: ended(started_at, build.name("/duration")),
        phase,
        result: build.written("/status"),
        link: build.line("/full_url"),
        parameters: parameters
            .filter_map(|(name, value)| Some((name.clone(), Said(value).name("")?)))
            .collect(),
        repository: build.written("/scm/url").and_then(Repository::at),
        code: Code {
            commit: build.name("/scm/commit"),
            reference: build.name("/scm/branch"),
            merge_request: None,
        },
        description: build.text("/notes"),
        by: None,
    })
}

/// The Generic Event plugin: an envelope, and the run as Jenkins' own API shows it.
fn generic(body: Said<'_>) -> Result<Build<'_>, Nothing> {
    let phase = match body.must_name("/type")?.as_str() {
        "run.started" => Phase::Started,
        "run.completed" | "run.finalized" => Phase::Over,
        _ => {
            return Err(Nothing::Ignored(
                "an event of Jenkins that is no run's beginning or end",
            ));
        }
    };
    let run = body.at("/data/run").or_else(|| body.at("/data"));
    let run = run.ok_or_else(|| "data is required".to_owned())?;
    let job = path_of(
        body.written("/source")
            .ok_or_else(|| "source is required".to_owned())?,
    );
    let mut names = job.rsplit('/');
    let last = names.next().unwrap_or_default();
    let called = match body.is("/data/multiBranch") {
        true => names.next().unwrap_or(last),
        false => last,
    };
    let stated = run
        .list("/actions")
        .flat_map(|action| action.list("/parameters"));
    let causes = run
        .list("/actions")
        .flat_map(|action| action.list("/causes"));
    let by = causes.filter_map(|cause| cause.line("/userId")).next();
    let started_at = run.time("/timestamp");
    Ok(Build {
        called: called.to_owned(),
        number: run.must_name("/number")?,
        started_at,
        finished_at: ended(started_at, run.name("/duration")),
        phase,
        result: run.written("/result"),
        link: run.line("/url"),
        parameters: stated
            .filter_map(|it| Some((it.name("/name")?, it.name("/value")?)))
            .collect(),
        repository: None,
        code: Code::default(),
        description: run.text("/description"),
        by,
        job,
    })
}

/// `job/shop/job/deploy-checkout/` is the job `shop/deploy-checkout`.
fn path_of(url: &str) -> String {
    let segments: Vec<&str> = url
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let names = segments.chunks(2).filter_map(|pair| match pair {
        ["job", name] => Some(*name),
        _ => None,
    });
    let path = names.collect::<Vec<&str>>().join("/");
    let path = if path.is_empty() { url } else { &path };
    shortened(path, bounds::KEY_BYTES / 2)
}

fn ended(started_at: Option<Timestamp>, duration_ms: Option<String>) -> Option<Timestamp> {
    let duration: i64 = duration_ms?.parse().ok()?;
    let fits = (0..=31_536_000_000).contains(&duration);
    fits.then(|| started_at.map(|at| at.plus_millis(duration)))
        .flatten()
}

/// `deploy-checkout` and `checkout-release` are of `checkout`.
fn without_deploying(job: &str) -> &str {
    const WORDS: [&str; 6] = [
        "deploy",
        "deployment",
        "release",
        "rollout",
        "rollback",
        "pipeline",
    ];
    let mut rest = job;
    for word in WORDS {
        let before = rest
            .strip_prefix(word)
            .and_then(|rest| rest.strip_prefix(['-', '_', ' ']));
        rest = before.unwrap_or(rest);
        let after = rest
            .strip_suffix(word)
            .and_then(|rest| rest.strip_suffix(['-', '_', ' ']));
        rest = after.unwrap_or(rest);
    }
    if rest.is_empty() { job } else { rest }
}
