//! What a sender states of the calendar: when changes may run, and what is exempt from it.

use model::{
    CalendarRuleDeclared, CalendarRuleWithdrawn, ChangeScope, ExemptionGranted, ExemptionKind,
    ExemptionWithdrawn, RuleEffect, RuleReach, RuleTimes, SourceRef, TimeSpan, Weekday, WeeklyTime,
    bounds,
};
use serde_json::Value;

use super::withdrawal::withdrawal;
use crate::fields::{self, Fields, Path, Problems};

const NAMES_MAX: usize = bounds::DEFINED_NAMES_MAX;

const EFFECTS: [(&str, RuleEffect); 3] = [
    ("freeze", RuleEffect::Freeze),
    ("window", RuleEffect::Window),
    ("spacing", RuleEffect::Spacing),
];

const REACHES: [(&str, RuleReach); 4] = [
    ("itself", RuleReach::Itself),
    ("depends_on", RuleReach::DependsOn),
    ("used_by", RuleReach::UsedBy),
    ("both", RuleReach::Both),
];

const EXEMPTIONS: [(&str, ExemptionKind); 2] = [
    ("green_channel", ExemptionKind::GreenChannel),
    ("white_list", ExemptionKind::WhiteList),
];

/// `calendar_rule.declared`.
pub(super) fn declared(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<CalendarRuleDeclared> {
    let mut fields = Fields::open(data, path, problems)?;
    let name = fields.must("name", fields::name);
    let effect = fields.must("effect", |value, path, problems| {
        fields::word(&EFFECTS, value, path, problems)
    });
    let title = fields.may("title", fields::line);
    let reason = fields.may("reason", fields::text);
    let scope = fields.may("scope", scope).unwrap_or_default();
    let times = fields.may("times", times).unwrap_or_default();
    let binds_administrators = fields.may("bindsAdministrators", fields::truth);
    let lifted_for = fields.list("liftedFor", NAMES_MAX, fields::line);
    let between = fields.may("between", fields::name);
    let apart_ms = fields.may("apartMs", fields::quantity);
    let rule = name.zip(effect).map(|(name, effect)| CalendarRuleDeclared {
        name,
        effect,
        title,
        reason,
        scope,
        times,
        binds_administrators: binds_administrators.unwrap_or(true),
        lifted_for,
        between,
        apart_ms,
    });
    if let Some((field, reason)) = rule.as_ref().and_then(CalendarRuleDeclared::fault) {
        fields.problem(field, reason);
    }
    fields.close();
    rule
}

/// `calendar_rule.withdrawn`.
pub(super) fn withdrawn(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<CalendarRuleWithdrawn> {
    let read = (fields::name as _, fields::text as _);
    let (name, reason) = withdrawal(data, path, problems, read)?;
    Some(CalendarRuleWithdrawn { name, reason })
}

/// `exemption.granted`.
pub(super) fn granted(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<ExemptionGranted> {
    let mut fields = Fields::open(data, path, problems)?;
    let name = fields.must("name", fields::name);
    let kind = fields.must("kind", |value, path, problems| {
        fields::word(&EXEMPTIONS, value, path, problems)
    });
    let rules = fields.list("rules", NAMES_MAX, fields::name);
    let change = fields.may("change", reference);
    let scope = fields.may("scope", scope).unwrap_or_default();
    let from = fields.may("from", fields::time);
    let until = fields.may("until", fields::time);
    let approver = fields.may("approver", fields::line);
    let reason = fields.must("reason", fields::text);
    let exemption = name.zip(kind).map(|(name, kind)| ExemptionGranted {
        name,
        kind,
        rules,
        change,
        scope,
        from,
        until,
        approver,
        reason: reason.unwrap_or_default(),
    });
    if let Some((field, reason)) = exemption.as_ref().and_then(ExemptionGranted::fault) {
        fields.problem(field, reason);
    }
    fields.close();
    exemption
}

/// `exemption.withdrawn`.
pub(super) fn exemption_withdrawn(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<ExemptionWithdrawn> {
    let withdrawn = withdrawn(data, path, problems)?;
    Some(ExemptionWithdrawn {
        name: withdrawn.name,
        reason: withdrawn.reason,
    })
}

/// Which changes are meant.
pub(crate) fn scope(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<ChangeScope> {
    let mut fields = Fields::open(value, path, problems)?;
    let reach = fields.may("reach", |value, path, problems| {
        fields::word(&REACHES, value, path, problems)
    });
    let hops_max = fields.may("hopsMax", fields::quantity);
    let scope = ChangeScope {
        items: fields.list("items", NAMES_MAX, fields::key),
        reach: reach.unwrap_or_default(),
        hops_max: hops_max.map(|hops| u32::try_from(hops).unwrap_or(u32::MAX)),
        environments: fields.list("environments", NAMES_MAX, fields::line),
        kinds: fields.list("kinds", NAMES_MAX, fields::name),
        levels: fields.list("levels", NAMES_MAX, fields::statement),
        scenes: fields.list("scenes", NAMES_MAX, fields::line),
    };
    fields.close();
    Some(scope)
}

fn times(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<RuleTimes> {
    let mut fields = Fields::open(value, path, problems)?;
    let spans = fields.list("spans", NAMES_MAX, |value, path, problems| {
        let mut fields = Fields::open(value, path, problems)?;
        let from = fields.must("from", fields::time);
        let until = fields.must("until", fields::time);
        fields.close();
        let (from, until) = from.zip(until)?;
        Some(TimeSpan { from, until })
    });
    let weekly = fields.list("weekly", NAMES_MAX, |value, path, problems| {
        let mut fields = Fields::open(value, path, problems)?;
        let days = fields.list("days", Weekday::WRITTEN.len(), |value, path, problems| {
            fields::word(&Weekday::WRITTEN, value, path, problems)
        });
        let from = fields.must("from", fields::name);
        let until = fields.must("until", fields::name);
        let time_zone = fields.must("timeZone", fields::name);
        fields.close();
        Some(WeeklyTime {
            days,
            from: from?,
            until: until?,
            time_zone: time_zone?,
        })
    });
    fields.close();
    Some(RuleTimes { spans, weekly })
}

fn reference(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<SourceRef> {
    let mut fields = Fields::open(value, path, problems)?;
    let source = fields.must("source", fields::source_name);
    let source_id = fields.must("sourceId", fields::source_id);
    fields.close();
    Some(SourceRef {
        source: source?,
        source_id: source_id?,
    })
}
