//! What a sender states of a change: the whole description model.

use model::{
    Actor, ActorKind, Artifact, Change, ChangeLink, ChangeStatus, CodeRef, Shield, ValueChange,
    bounds,
};
use serde_json::Value;

use super::decode::Envelope;
use super::incident::source_ref;
use super::rollout::{batch, check_result, exemption, rollout};
use crate::fields::{self, Fields, Path, Problems};

const ACTOR_KINDS: [(&str, ActorKind); 3] = [
    ("human", ActorKind::Human),
    ("automatic", ActorKind::Automatic),
    ("unknown", ActorKind::Unknown),
];

const LINK_KINDS: [(&str, &str); 3] = [
    ("rollback_of", "rollback_of"),
    ("caused_by", "caused_by"),
    ("part_of", "part_of"),
];

/// `change.recorded`.
pub(super) fn recorded(
    data: Value,
    envelope: &Envelope,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<Change> {
    let mut fields = Fields::open(data, path, problems)?;
    let fold_key = fields.may("foldKey", fields::source_id);
    let reference = envelope.reference_or(&mut fields, fold_key.as_deref());
    // The lists and times are read even when the reference is wrong: a sender hears every problem.
    let unnamed = model::SourceRef {
        source: envelope.source.clone(),
        source_id: String::new(),
    };
    let mut change = Change::new(reference.as_ref().unwrap_or(&unnamed));
    change.fold_key = fold_key;
    read_lists(&mut change, &mut fields);
    read_course(&mut change, &mut fields);
    read_words(&mut change, &mut fields);
    read_people(&mut change, &mut fields);
    fields.close();
    reference.map(|_| change)
}

fn read_lists(change: &mut Change, fields: &mut Fields<'_>) {
    const DETAILS: usize = bounds::DETAILS_MAX;
    change.targets = fields.list("targets", bounds::TARGETS_MAX, fields::key);
    change.batches = fields.list("batches", bounds::BATCHES_MAX, batch);
    change.values = fields.list("values", DETAILS, value_change);
    change.artifacts = fields.list("artifacts", DETAILS, artifact);
    change.code_refs = fields.list("codeRefs", DETAILS, code_ref);
    change.shields = fields.list("shields", DETAILS, shield);
    change.check_results = fields.list("checkResults", DETAILS, check_result);
    change.links = fields.list("links", DETAILS, link);
    change.metrics_to_watch = fields.list("metricsToWatch", DETAILS, fields::line);
    change.declared_impact = fields.list("declaredImpact", bounds::TARGETS_MAX, fields::key);
    let named = fields.may("basic", fields::attributes);
    change.basic = named.unwrap_or_default();
    let named = fields.may("control", fields::attributes);
    change.control = named.unwrap_or_default();
    change.risk_factors = fields.list("riskFactors", DETAILS, fields::line);
}

fn read_course(change: &mut Change, fields: &mut Fields<'_>) {
    change.started_at = fields.may("startedAt", fields::time);
    change.finished_at = fields.may("finishedAt", fields::time);
    change.planned_start_at = fields.may("plannedStartAt", fields::time);
    change.planned_finish_at = fields.may("plannedFinishAt", fields::time);
    change.status = fields.may("status", |value, path, problems| {
        fields::word(&ChangeStatus::WRITTEN, value, path, problems)
    });
    change.emergency = fields.may("emergency", fields::truth);
    let started = ("startedAt", change.started_at);
    fields.in_order(started, ("finishedAt", change.finished_at));
    let planned = ("plannedStartAt", change.planned_start_at);
    fields.in_order(planned, ("plannedFinishAt", change.planned_finish_at));
}

fn read_words(change: &mut Change, fields: &mut Fields<'_>) {
    change.title = fields.may("title", fields::line);
    change.description = fields.may("description", fields::text);
    change.release_notes = fields.may("releaseNotes", fields::text);
    change.goal = fields.may("goal", fields::line);
    change.scene = fields.may("scene", fields::line);
    change.kind = fields.may("kind", fields::name);
    change.category = fields.may("category", fields::line);
    change.domain = fields.may("domain", fields::line);
    change.scope = fields.may("scope", fields::line);
    change.scope_width = fields.may("scopeWidth", fields::line);
    change.level = fields.may("level", fields::statement);
    change.risk_level = fields.may("riskLevel", fields::statement);
    change.environment = fields.may("environment", fields::line);
    change.exemption = fields.may("exemption", exemption);
    change.rollout = fields.may("rollout", rollout);
    change.bookkeeping = fields.may("bookkeeping", fields::truth);
    change.rollout_plan = fields.may("rolloutPlan", fields::text);
    change.rollback_plan = fields.may("rollbackPlan", fields::text);
    change.link = fields.may("link", fields::line);
}

fn read_people(change: &mut Change, fields: &mut Fields<'_>) {
    change.operator = fields.may("operator", operator);
    change.implementer = fields.may("implementer", fields::line);
    change.applicant = fields.may("applicant", fields::line);
    change.approver = fields.may("approver", fields::line);
    change.entry_channel = fields.may("entryChannel", fields::line);
}

/// A name, or `{kind, name}` where the sender tells people from machines.
fn operator(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<Actor> {
    if value.is_string() {
        return Some(Actor {
            kind: ActorKind::Unknown,
            name: Some(fields::line(value, path, problems)?),
        });
    }
    let mut fields = Fields::open(value, path, problems)?;
    let kind = fields.may("kind", |value, path, problems| {
        fields::word(&ACTOR_KINDS, value, path, problems)
    });
    let name = fields.may("name", fields::line);
    fields.close();
    Some(Actor {
        kind: kind.unwrap_or_default(),
        name,
    })
}

fn value_change(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<ValueChange> {
    let mut fields = Fields::open(value, path, problems)?;
    let field = fields.must("field", fields::line);
    let before = fields.may("before", fields::value);
    let after = fields.may("after", fields::value);
    fields.close();
    Some(ValueChange {
        field: field?,
        before,
        after,
    })
}

fn artifact(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<Artifact> {
    let mut fields = Fields::open(value, path, problems)?;
    let name = fields.must("name", fields::line);
    let version = fields.may("version", fields::statement);
    let digest = fields.may("digest", fields::line);
    let url = fields.may("url", fields::line);
    fields.close();
    Some(Artifact {
        name: name?,
        version,
        digest,
        url,
    })
}

fn code_ref(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<CodeRef> {
    let mut fields = Fields::open(value, path, problems)?;
    let code = CodeRef {
        repository: fields.may("repository", fields::line),
        commit: fields.may("commit", fields::line),
        merge_request: fields.may("mergeRequest", fields::statement),
        reference: fields.may("reference", fields::line),
    };
    fields.close();
    Some(code)
}

fn shield(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<Shield> {
    let mut fields = Fields::open(value, path, problems)?;
    let metric = fields.must("metric", fields::line);
    let from = fields.must("from", fields::time);
    let until = fields.may("until", fields::time);
    let reason = fields.may("reason", fields::line);
    fields.in_order(("from", from), ("until", until));
    fields.close();
    Some(Shield {
        metric: metric?,
        from: from?,
        until,
        reason,
    })
}

fn link(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<ChangeLink> {
    let mut fields = Fields::open(value, path, problems)?;
    let kind = fields.must("kind", |value, path, problems| {
        fields::word(&LINK_KINDS, value, path, problems)
    });
    let change = fields.must("change", source_ref);
    fields.close();
    Some(ChangeLink {
        kind: kind?.to_owned(),
        change: change?,
    })
}
