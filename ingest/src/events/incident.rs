//! What a sender states of an incident, and of its cause.

use model::{
    Belonging, CauseJudged, Incident, IncidentStatus, IncidentsJudged, SourceRef, Verdict, bounds,
};
use serde_json::Value;

use super::decode::Envelope;
use crate::fields::{self, Fields, Path, Problems};

const STATUSES: [(&str, IncidentStatus); 3] = [
    ("open", IncidentStatus::Open),
    ("acknowledged", IncidentStatus::Acknowledged),
    ("resolved", IncidentStatus::Resolved),
];

const VERDICTS: [(&str, Verdict); 3] = [
    ("cause", Verdict::Cause),
    ("not_cause", Verdict::NotCause),
    ("unsure", Verdict::Unsure),
];

const BELONGINGS: [(&str, Belonging); 3] = [
    ("together", Belonging::Together),
    ("apart", Belonging::Apart),
    ("withdrawn", Belonging::Withdrawn),
];

/// `incident.opened` and `incident.updated`.
pub(super) fn stated(
    data: Value,
    envelope: &Envelope,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<Incident> {
    let mut fields = Fields::open(data, path, problems)?;
    let reference = envelope.reference(&mut fields);
    let title = fields.may("title", fields::line);
    let description = fields.may("description", fields::text);
    let status = fields.may("status", |value, path, problems| {
        fields::word(&STATUSES, value, path, problems)
    });
    let severity = fields.may("severity", fields::statement);
    let items = fields.list("items", bounds::TARGETS_MAX, fields::key);
    let environment = fields.may("environment", fields::line);
    let started_at = fields.may("startedAt", fields::time);
    let resolved_at = fields.may("resolvedAt", fields::time);
    let link = fields.may("link", fields::line);
    let declared = fields.may("declared", fields::truth);
    fields.in_order(("startedAt", started_at), ("resolvedAt", resolved_at));
    fields.close();
    Some(Incident {
        title,
        description,
        status,
        severity,
        items,
        environment,
        started_at,
        resolved_at,
        link,
        declared,
        ..Incident::new(reference?)
    })
}

/// `cause.judged`.
pub(super) fn judged(data: Value, path: &Path<'_>, problems: &mut Problems) -> Option<CauseJudged> {
    let mut fields = Fields::open(data, path, problems)?;
    let incident = fields.must("incident", source_ref);
    let change = fields.must("change", source_ref);
    let verdict = fields.must("verdict", |value, path, problems| {
        fields::word(&VERDICTS, value, path, problems)
    });
    let reason = fields.may("reason", fields::text);
    fields.close();
    Some(CauseJudged {
        incident: incident?,
        change: change?,
        verdict: verdict?,
        reason,
    })
}

/// `incidents.judged`.
pub(super) fn belonging(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<IncidentsJudged> {
    let mut fields = Fields::open(data, path, problems)?;
    let incident = fields.must("incident", source_ref);
    let others = fields.list("others", bounds::INCIDENTS_JUDGED_MAX, source_ref);
    let verdict = fields.must("verdict", |value, path, problems| {
        fields::word(&BELONGINGS, value, path, problems)
    });
    let reason = fields.may("reason", fields::text);
    if others.is_empty() {
        fields.problem("others", "it is said of at least one other incident");
    }
    if incident.as_ref().is_some_and(|it| others.contains(it)) {
        fields.problem("others", "no incident is another one than itself");
    }
    fields.close();
    Some(IncidentsJudged {
        incident: incident?,
        others,
        verdict: verdict?,
        reason,
    })
}

/// A change or incident by its source's name.
pub(super) fn source_ref(
    value: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<SourceRef> {
    let mut fields = Fields::open(value, path, problems)?;
    let source = fields.must("source", fields::source_name);
    let source_id = fields.must("sourceId", fields::source_id);
    fields.close();
    Some(SourceRef {
        source: source?,
        source_id: source_id?,
    })
}
