//! `epicenter preview`: what a plan or a manifest would touch and meet, before anything runs.

use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;
use ingest::import::PlanForm;
use serde_json::{Value, json};

use super::ask::{AskFlags, query};
use super::serve::runtime;

/// The largest file; a request has a limit of its own, `graphql.body_bytes`.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

const DOCUMENT: &str = "query($input: PreviewInput!) { previewChange(input: $input) {
  targets { key place action recognised item { key } candidates { key } differences { field before after } }
  unread { place field reason }
  may { allowed certain reasons nextAt
    conflicts(first: 20) { truncated conflicts { kind change { title source sourceId } item { key } path { to { key } } otherPath { to { key } } } } }
  blastRadius(first: 10) { total truncated impacts { item { key } hops score reason } }
  incidents(first: 20) { truncated incidents { place incident { title status } item { key } path { to { key } } } }
  owners { team touched harmed }
  coverage { gaps }
} }";

/// Say what a plan, manifests or a difference would touch, and what stands in the way
#[derive(Debug, clap::Args)]
pub(crate) struct PreviewFlags {
    /// Plans of Terraform as JSON, manifests of Kubernetes, or differences of Argo CD; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "targets")]
    files: Vec<PathBuf>,
    /// What the files hold [default: what they look like]
    #[arg(long = "as", value_name = "FORM")]
    form: Option<Form>,
    /// Something that is touched besides, by its key
    #[arg(long = "target", value_name = "KEY")]
    targets: Vec<String>,
    /// When it is to begin [default: now]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// When it is to be through
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Where it takes effect
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// The Kubernetes cluster
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// The namespace of objects that name none
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Its level of control
    #[arg(long, value_name = "LEVEL")]
    level: Option<String>,
    /// What it is for
    #[arg(long, value_name = "GOAL")]
    goal: Option<String>,
    /// Fail when it may not run at its planned time
    #[arg(long)]
    gate: bool,
    #[command(flatten)]
    ask: AskFlags,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Terraform,
    Kubernetes,
    #[value(name = "argocd")]
    ArgoCd,
}

/// Asks and prints; fails where a gate is closed.
pub(super) fn preview(flags: &PreviewFlags) -> anyhow::Result<()> {
    let input = flags.input()?;
    let variables = json!({ "input": input });
    let data = runtime()?.block_on(query(&flags.ask.server, DOCUMENT, &variables))?;
    let answer = data.get("previewChange").cloned().unwrap_or_default();
    let text = match flags.ask.json {
        true => format!("{}\n", serde_json::to_string_pretty(&answer)?),
        false => shown(&answer),
    };
    super::print(&text)?;
    let allowed = answer.pointer("/may/allowed") == Some(&Value::Bool(true));
    match flags.gate && !allowed {
        true => bail!("it may not run at its planned time"),
        false => Ok(()),
    }
}

impl PreviewFlags {
    fn input(&self) -> anyhow::Result<Value> {
        let (mut plans, mut manifests, mut diffs) = (Vec::new(), Vec::new(), Vec::new());
        for path in &self.files {
            let text = read(path).with_context(|| format!("{}", path.display()))?;
            let form = match self.form {
                Some(Form::Terraform) => PlanForm::Terraform,
                Some(Form::Kubernetes) => PlanForm::Kubernetes,
                Some(Form::ArgoCd) => PlanForm::ArgoCd,
                None => PlanForm::of(text.as_bytes()),
            };
            match form {
                PlanForm::Terraform => plans.push(text),
                PlanForm::Kubernetes => manifests.push(text),
                PlanForm::ArgoCd => diffs.push(text),
            }
        }
        Ok(json!({
            "terraformPlans": plans,
            "kubernetesManifests": manifests,
            "argocdDiffs": diffs,
            "targets": self.targets,
            "plannedStartAt": self.from,
            "plannedFinishAt": self.until,
            "environment": self.environment,
            "cluster": self.cluster,
            "namespace": self.namespace,
            "level": self.level,
            "goal": self.goal,
        }))
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin()
            .take(FILE_BYTES_MAX)
            .read_to_string(&mut text),
        false => {
            let file = std::fs::File::open(path).context("could not be opened")?;
            file.take(FILE_BYTES_MAX).read_to_string(&mut text)
        }
    };
    read.context("could not be read as text")?;
    if FILE_BYTES_MAX == text.len() as u64 {
        bail!("has {FILE_BYTES_MAX} bytes or more");
    }
    Ok(text)
}

/// The answer in words.
fn shown(answer: &Value) -> String {
    let mut text = String::new();
    targets(answer, &mut text);
    may(answer, &mut text);
    let radius = answer.pointer("/blastRadius/total").and_then(Value::as_u64);
    let impacts = list(answer, "/blastRadius/impacts");
    line(
        &mut text,
        &format!("may harm {} items", radius.unwrap_or(0)),
    );
    for impact in impacts {
        line(&mut text, &format!("  {}", word(impact, "/reason")));
    }
    let incidents = list(answer, "/incidents/incidents");
    if !incidents.is_empty() {
        line(&mut text, "incidents that go on");
    }
    for near in incidents {
        let (title, item) = (word(near, "/incident/title"), word(near, "/item/key"));
        let place = word(near, "/place").to_lowercase();
        line(
            &mut text,
            &format!("  {title}, on {item}, {place}{}", way(near, "/path")),
        );
    }
    let owners = list(answer, "/owners");
    let owners: Vec<String> = owners
        .iter()
        .map(|owner| word(owner, "/team").to_owned())
        .collect();
    if !owners.is_empty() {
        line(&mut text, &format!("tell {}", owners.join(", ")));
    }
    for gap in list(answer, "/coverage/gaps") {
        line(
            &mut text,
            &format!("cannot see: {}", gap.as_str().unwrap_or_default()),
        );
    }
    text
}

fn targets(answer: &Value, text: &mut String) {
    for target in list(answer, "/targets") {
        let action = word(target, "/action").to_lowercase();
        let known = match target.pointer("/item/key").and_then(Value::as_str) {
            Some(key) => key.to_owned(),
            None => format!("{} (not known)", word(target, "/key")),
        };
        line(text, &format!("{action} {known}"));
        for difference in list(target, "/differences") {
            let side = |name: &str| match difference.pointer(name) {
                None | Some(Value::Null) => "?".to_owned(),
                Some(value) => value.to_string(),
            };
            let (before, after) = (side("/before"), side("/after"));
            let field = word(difference, "/field");
            line(text, &format!("  {field} {before} -> {after}"));
        }
    }
    for part in list(answer, "/unread") {
        let (place, reason) = (word(part, "/place"), word(part, "/reason"));
        line(
            text,
            &format!("not read: {place}: {} {reason}", word(part, "/field")),
        );
    }
}

fn may(answer: &Value, text: &mut String) {
    let allowed = answer.pointer("/may/allowed") == Some(&Value::Bool(true));
    let certain = answer.pointer("/may/certain") == Some(&Value::Bool(true));
    let verdict = match (allowed, certain) {
        (true, true) => "may run at that time",
        (true, false) => "may run at that time, as far as can be seen",
        (false, _) => "may not run at that time",
    };
    line(text, verdict);
    for reason in list(answer, "/may/reasons") {
        line(text, &format!("  {}", reason.as_str().unwrap_or_default()));
    }
    if let (false, Some(next)) = (
        allowed,
        answer.pointer("/may/nextAt").and_then(Value::as_str),
    ) {
        line(text, &format!("  may run from {next}"));
    }
    for conflict in list(answer, "/may/conflicts/conflicts") {
        let (kind, item) = (word(conflict, "/kind"), word(conflict, "/item/key"));
        let kind = kind.to_lowercase().replace('_', " ");
        let title = word(conflict, "/change/title");
        let ways = format!("{}{}", way(conflict, "/path"), way(conflict, "/otherPath"));
        line(text, &format!("  meets {title}: {kind}, at {item}{ways}"));
    }
}

fn way(value: &Value, place: &str) -> String {
    let steps = list(value, place).iter().map(|step| word(step, "/to/key"));
    steps.fold(String::new(), |way, key| way + " > " + key)
}

fn line(text: &mut String, said: &str) {
    writeln!(text, "{said}").expect("a text takes every line");
}

fn word<'v>(value: &'v Value, place: &str) -> &'v str {
    value
        .pointer(place)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn list<'v>(value: &'v Value, place: &str) -> &'v [Value] {
    value
        .pointer(place)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}
