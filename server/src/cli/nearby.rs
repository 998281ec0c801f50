//! `epicenter nearby`: what changed near an incident or an item?

use std::fmt::Write;

use model::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::answer::{ChangeLine, Contribution, Coverage, ItemKey, PathStep, Target, draw};
use super::ask::{AskFlags, Question, ask};
use super::text::{before, clock_time, count};

/// What changed near an incident or items?
#[derive(Debug, clap::Args)]
pub(crate) struct NearbyFlags {
    /// An incident's id (`inc_…`), or the keys of items
    #[arg(required = true, value_name = "INCIDENT|ITEM")]
    around: Vec<String>,
    /// The moment of the question; else the incident's start, else now
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// How far back to look, such as PT72H
    #[arg(long, value_name = "DURATION")]
    lookback: Option<String>,
    /// How many changes to show
    #[arg(long, value_name = "N", default_value_t = 5)]
    first: u32,
    #[command(flatten)]
    ask: AskFlags,
}

/// The document of the question.
pub(crate) const DOCUMENT: &str = "\
query Nearby($incident: ID, $items: [String!], $at: DateTime, $lookback: Duration, $first: Int) {
  changesNearby(incident: $incident, items: $items, at: $at, lookback: $lookback, first: $first) {
    at considered truncated position modelVersion
    coverage {
      unknownItems itemsWithoutSource
      silentSources gaps # whole
    }
    changes {
      rank score hops leadMs
      reason # whole
      change {
        id source title kind environment status operator startedAt
        targets { key item { key } }
      }
      path { from { key } to { key } relation { kind } againstArrow }
      contributions {
        signal contribution
        explanation # whole
      }
    }
  }
}";

pub(crate) const INCIDENT_DOCUMENT: &str = "\
query Incident($incident: ID!) {
  incident(id: $incident) {
    id title status severity startedAt items { key }
    group { # whole
      title level memberCount openCount # whole
      components(first: 3) { item { key } explains alerts } # whole
      members(first: 8) { nodes { incident { id title status } reasons { sentence } } } # whole
    } # whole
  }
}";

/// The answer, as far as people read it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    changes_nearby: Nearby,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Nearby {
    changes: Vec<NearbyChange>,
    considered: u64,
    truncated: bool,
    coverage: Coverage,
    at: Timestamp,
    position: String,
    model_version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NearbyChange {
    rank: u32,
    score: f64,
    change: ChangeLine,
    path: Vec<PathStep>,
    lead_ms: f64,
    reason: Option<String>,
    contributions: Vec<Contribution>,
}

/// Asks and prints.
pub(super) fn nearby(flags: &NearbyFlags) -> anyhow::Result<()> {
    let incident = match flags.around.as_slice() {
        [one] if one.starts_with("inc_") => Some(one.clone()),
        _ => None,
    };
    if let (Some(incident), false) = (&incident, flags.ask.json) {
        ask(&flags.ask, &incident_question(incident))?;
    }
    let items = incident.is_none().then_some(&flags.around);
    let variables = json!({
        "incident": incident,
        "items": items,
        "at": flags.at,
        "lookback": flags.lookback,
        "first": flags.first,
    });
    ask(
        &flags.ask,
        &Question {
            document: DOCUMENT,
            variables,
            render,
        },
    )
}

#[derive(Debug, Deserialize)]
pub(crate) struct IncidentAnswer {
    incident: Option<Incident>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Incident {
    title: String,
    status: String,
    severity: Option<String>,
    started_at: Timestamp,
    items: Vec<ItemKey>,
    group: Option<Group>,
}

/// The incidents that it is one with, itself among them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    title: String,
    level: String,
    member_count: usize,
    open_count: usize,
    components: Vec<Component>,
    members: Members,
}

#[derive(Debug, Deserialize)]
struct Component {
    item: ItemKey,
    explains: usize,
    alerts: usize,
}

#[derive(Debug, Deserialize)]
struct Members {
    nodes: Vec<Member>,
}

#[derive(Debug, Deserialize)]
struct Member {
    incident: MemberIncident,
    reasons: Vec<Reason>,
}

#[derive(Debug, Deserialize)]
struct MemberIncident {
    id: String,
    title: String,
    status: String,
}

#[derive(Debug, Deserialize)]
struct Reason {
    sentence: String,
}

/// Asks what is known of an incident itself.
pub(crate) fn incident_question(incident: &str) -> Question<IncidentAnswer> {
    Question {
        document: INCIDENT_DOCUMENT,
        variables: json!({ "incident": incident }),
        render: render_incident,
    }
}

/// The incident in words.
pub(crate) fn render_incident(answer: &IncidentAnswer) -> String {
    let Some(incident) = &answer.incident else {
        return String::new();
    };
    let severity = incident.severity.as_deref().unwrap_or("no severity");
    let items: Vec<&str> = incident
        .items
        .iter()
        .map(|item| item.key.as_str())
        .collect();
    let group = incident.group.as_ref();
    let group = group.filter(|group| 1 < group.member_count);
    format!(
        "{}\n  {}, {severity}, since {}\n  affected: {}\n{}\n",
        incident.title,
        incident.status.to_lowercase(),
        clock_time(incident.started_at),
        match items.is_empty() {
            true => "no known item".to_owned(),
            false => items.join(", "),
        },
        group.map(render_group).unwrap_or_default(),
    )
}

/// The incidents that are one with it, and why.
fn render_group(group: &Group) -> String {
    let mut text = format!(
        "  one of {} that are one: {} ({}, {} open)\n",
        count(group.member_count, "incident"),
        group.title,
        group.level,
        group.open_count,
    );
    for component in &group.components {
        let shown = match component.alerts {
            0 => "shows nothing itself".to_owned(),
            alerts => format!("{alerts} on it"),
        };
        let (key, explains) = (&component.item.key, component.explains);
        text.push_str(&format!("    {key} explains {explains} ({shown})\n"));
    }
    for member in &group.members.nodes {
        let (id, title) = (&member.incident.id, &member.incident.title);
        let status = member.incident.status.to_lowercase();
        text.push_str(&format!("    - {title}, {status}  {id}\n"));
        for reason in &member.reasons {
            text.push_str(&format!("      because {}\n", reason.sentence));
        }
    }
    let more = group.member_count - group.members.nodes.len().min(group.member_count);
    if 0 < more {
        text.push_str(&format!("    and {more} more\n"));
    }
    text
}

/// The ranked changes in words.
pub(crate) fn render(answer: &Answer) -> String {
    let nearby = &answer.changes_nearby;
    let mut text = String::new();
    let written = write_nearby(&mut text, nearby);
    written.expect("writing to a String does not fail");
    text
}

fn write_nearby(text: &mut String, nearby: &Nearby) -> std::fmt::Result {
    if nearby.changes.is_empty() {
        writeln!(text, "Nothing changed nearby.\n")?;
    }
    for near in &nearby.changes {
        write_change(text, near)?;
    }
    let blind = nearby.coverage.lines();
    if !blind.is_empty() {
        writeln!(text, "What this answer cannot see:")?;
        for line in blind {
            writeln!(text, "  {line}")?;
        }
        writeln!(text)?;
    }
    let shown = nearby.changes.len();
    let considered = usize::try_from(nearby.considered).unwrap_or(usize::MAX);
    let cut = if nearby.truncated {
        "; the search was cut short"
    } else {
        ""
    };
    writeln!(
        text,
        "{shown} of {} considered{cut}, at {}, log position {}, {}",
        count(considered, "change"),
        clock_time(nearby.at),
        nearby.position,
        nearby.model_version,
    )
}

fn write_change(text: &mut String, near: &NearbyChange) -> std::fmt::Result {
    let change = &near.change;
    let kind = change.kind.as_deref().unwrap_or("change");
    writeln!(
        text,
        "{:>2}. {}  [{:.2}]",
        near.rank, change.title, near.score
    )?;
    write!(text, "    {kind}, {}", before(near.lead_ms))?;
    if let Some(environment) = &change.environment {
        write!(text, ", in {environment}")?;
    }
    if let Some(operator) = &change.operator {
        write!(text, ", by {operator}")?;
    }
    writeln!(
        text,
        ", {}, from {}",
        change.status.to_lowercase(),
        change.source
    )?;
    let targets: Vec<String> = change.targets.iter().take(3).map(Target::say).collect();
    let more = change.targets.len().saturating_sub(3);
    let more = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    writeln!(text, "    on    {}{more}", targets.join(", "))?;
    if !near.path.is_empty() {
        writeln!(text, "    path  {}", draw(&near.path))?;
    }
    if let Some(reason) = &near.reason {
        writeln!(text, "    why   {reason}")?;
    }
    for part in &near.contributions {
        let (contribution, signal) = (part.contribution, &part.signal);
        match &part.explanation {
            Some(why) => writeln!(text, "          {contribution:+.2}  {signal:<12}  {why}")?,
            None => writeln!(text, "          {contribution:+.2}  {signal}")?,
        }
    }
    writeln!(text, "    id    {}\n", change.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_tells_which_others_are_one_with_it_and_why() {
        let member = |id: &str, title: &str, reasons: serde_json::Value| json!({ "incident": { "id": id, "title": title, "status": "OPEN" }, "reasons": reasons });
        let because = json!([{ "sentence": "service:web queries database:db, 2 min later" }]);
        let mut answer = json!({ "incident": {
            "title": "web fails", "status": "OPEN", "severity": "P1",
            "startedAt": "2026-11-20T10:00:00Z", "items": [{ "key": "service:web" }],
            "group": {
                "title": "shop is down", "level": "P1", "memberCount": 3, "openCount": 2,
                "components": [{ "item": { "key": "database:db" }, "explains": 3, "alerts": 0 }],
                "members": { "nodes": [member("inc_1", "web fails", json!([])), member("inc_2", "shop is down", because)] },
            },
        }});
        let text = render_incident(&serde_json::from_value(answer.clone()).unwrap());
        let expected = "
web fails
  open, P1, since 2026-11-20 10:00:00 UTC
  affected: service:web
  one of 3 incidents that are one: shop is down (P1, 2 open)
    database:db explains 3 (shows nothing itself)
    - web fails, open  inc_1
    - shop is down, open  inc_2
      because service:web queries database:db, 2 min later
    and 1 more

";
        assert_eq!(text, expected.trim_start_matches('\n'));

        answer["incident"]["group"]["memberCount"] = json!(1);
        let text = render_incident(&serde_json::from_value(answer).unwrap());
        assert!(text.ends_with("affected: service:web\n\n"), "{text}");
    }

    #[test]
    fn an_answer_reads_from_top_to_bottom() {
        let item = |key: &str| json!({ "key": key });
        let step = |from: &str, kind: &str, to: &str| {
            json!({
                "from": item(from), "to": item(to),
                "relation": { "kind": kind }, "againstArrow": false,
            })
        };
        let answer = json!({ "changesNearby": {
            "at": "2026-11-20T10:00:00Z", "considered": 14, "truncated": false,
            "position": "92", "modelVersion": "near-1",
            "coverage": {
                "unknownItems": [], "itemsWithoutSource": 2, "silentSources": ["ci"], "gaps": [],
            },
            "changes": [{
                "rank": 1, "score": 0.75, "hops": 2, "leadMs": 720_000.0, "reason": "two hops away",
                "change": {
                    "id": "chg_1", "source": "dba", "title": "Lower the limit", "kind": "database",
                    "environment": "prod", "status": "SUCCEEDED", "operator": "mika",
                    "startedAt": "2026-11-20T09:48:00Z",
                    "targets": [{ "key": "host:pg-7", "item": item("db:prod/orders") }],
                },
                "path": [
                    step("service:web", "calls", "service:api"),
                    step("service:api", "reads", "db:prod/orders"),
                ],
                "contributions": [
                    { "signal": "distance", "contribution": 0.5, "explanation": "two hops" },
                    { "signal": "time", "contribution": 0.25, "explanation": "shortly before" },
                ],
            }],
        }});
        let text = render(&serde_json::from_value(answer).unwrap());
        let expected = "
 1. Lower the limit  [0.75]
    database, 12 min before, in prod, by mika, succeeded, from dba
    on    host:pg-7 (known as db:prod/orders)
    path  service:web -calls-> service:api -reads-> db:prod/orders
    why   two hops away
          +0.50  distance      two hops
          +0.25  time          shortly before
    id    chg_1

What this answer cannot see:
  2 items nearby have no source that reports changes
  silent sources: ci

1 of 14 changes considered, at 2026-11-20 10:00:00 UTC, log position 92, near-1
";
        assert_eq!(text, expected.trim_start_matches('\n'));
    }
}
