//! Takes secrets out of an event before it is written: out of values by their
//! names, and out of texts by their looks. Ids and keys stay as they are.

use model::{
    Attributes, Change, Event, Incident, KindDefined, ObservedCalls, QuestionsAsked, ValueChange,
};
use serde_json::{Map, Value};

use crate::redact::{redact_text, redact_value};

/// Takes every secret out of an event. Doing it twice changes nothing more.
pub(crate) fn scrub(event: &mut Event) {
    match event {
        Event::ItemObserved(item) => scrub_attributes(&mut item.attributes),
        Event::CallsObserved(calls) => scrub_calls(calls),
        Event::ChangeRecorded(change) => scrub_change(change),
        Event::IncidentOpened(incident) | Event::IncidentUpdated(incident) => {
            scrub_incident(incident);
        }
        Event::ItemRetired(retired) => scrub_text(&mut retired.reason),
        Event::RelationEnded(ended) => scrub_text(&mut ended.reason),
        Event::CauseJudged(judged) => scrub_text(&mut judged.reason),
        Event::IncidentsJudged(judged) => scrub_text(&mut judged.reason),
        Event::InputQuarantined(input) => scrub_line(&mut input.reason),
        Event::ItemsMerged(merged) => scrub_text(&mut merged.reason),
        Event::ItemSplit(split) => scrub_text(&mut split.reason),
        Event::IdentityReverted(reverted) => scrub_text(&mut reverted.reason),
        Event::SourceRetracted(retracted) => scrub_text(&mut retracted.reason),
        Event::SourceRestored(restored) => scrub_text(&mut restored.reason),
        Event::GroupDefined(group) => scrub_text(&mut group.description),
        Event::GroupWithdrawn(withdrawn) => scrub_text(&mut withdrawn.reason),
        Event::CalendarRuleDeclared(rule) => {
            scrub_text(&mut rule.title);
            scrub_text(&mut rule.reason);
        }
        Event::CalendarRuleWithdrawn(withdrawn) => scrub_text(&mut withdrawn.reason),
        Event::ExemptionGranted(exemption) => scrub_line(&mut exemption.reason),
        Event::ExemptionWithdrawn(withdrawn) => scrub_text(&mut withdrawn.reason),
        Event::KindDefined(kind) => scrub_kind(kind),
        Event::RelationKindDefined(kind) => scrub_text(&mut kind.description),
        Event::KindWithdrawn(withdrawn) => scrub_text(&mut withdrawn.reason),
        Event::RelationKindWithdrawn(withdrawn) => scrub_text(&mut withdrawn.reason),
        Event::PlatformRegistered(platform) => {
            scrub_text(&mut platform.description);
            scrub_text(&mut platform.link);
        }
        Event::SceneRegistered(scene) => {
            scrub_text(&mut scene.description);
            for attribute in scene.basic.iter_mut().chain(&mut scene.control) {
                scrub_text(&mut attribute.description);
            }
        }
        Event::LevelDefined(level) => {
            scrub_text(&mut level.meaning);
            scrub_text(&mut level.used_for);
        }
        Event::CheckJudged(judged) => {
            scrub_text(&mut judged.label);
            scrub_text(&mut judged.reason);
        }
        Event::RiskScored(scored) => {
            scrub_text(&mut scored.level);
            scrub_text(&mut scored.reason);
        }
        Event::RiskRuleDeclared(rule) => scrub_text(&mut rule.description),
        Event::RiskRuleWithdrawn(withdrawn) => scrub_text(&mut withdrawn.reason),
        Event::SubscriptionDeclared(declared) => scrub_line(&mut declared.name),
        Event::SubscriptionWithdrawn(withdrawn) => scrub_text(&mut withdrawn.reason),
        Event::SubscriptionDisabled(disabled) => scrub_line(&mut disabled.reason),
        Event::TokenCreated(created) => scrub_line(&mut created.name),
        Event::TokenRevoked(revoked) => scrub_text(&mut revoked.reason),
        Event::QuestionsAsked(asked) => scrub_questions(asked),
        Event::PlatformWithdrawn(withdrawn) => scrub_text(&mut withdrawn.reason),
        Event::SceneWithdrawn(withdrawn) => scrub_text(&mut withdrawn.reason),
        Event::LevelWithdrawn(withdrawn) => scrub_text(&mut withdrawn.reason),
        Event::RelationObserved(_)
        | Event::SourceListed(_)
        | Event::ItemDeviated(_)
        | Event::RelationDeviated(_)
        | Event::ObservationGap(_)
        | Event::PersonForgotten(_) => {}
    }
}

fn scrub_calls(calls: &mut ObservedCalls) {
    for item in &mut calls.items {
        scrub_attributes(&mut item.attributes);
    }
}

fn scrub_kind(kind: &mut KindDefined) {
    scrub_text(&mut kind.description);
    for attribute in &mut kind.attributes {
        scrub_text(&mut attribute.description);
    }
}

fn scrub_change(change: &mut Change) {
    for text in [
        &mut change.title,
        &mut change.description,
        &mut change.release_notes,
        &mut change.rollout_plan,
        &mut change.rollback_plan,
        &mut change.link,
    ] {
        scrub_text(text);
    }
    if let Some(exemption) = &mut change.exemption {
        scrub_text(&mut exemption.reference);
        scrub_text(&mut exemption.reason);
    }
    scrub_attributes(&mut change.basic);
    scrub_attributes(&mut change.control);
    change.values.iter_mut().for_each(scrub_value_change);
    for artifact in &mut change.artifacts {
        scrub_text(&mut artifact.url);
    }
    for code in &mut change.code_refs {
        scrub_text(&mut code.repository);
        scrub_text(&mut code.merge_request);
    }
    for check in &mut change.check_results {
        scrub_text(&mut check.reason);
    }
    for shield in &mut change.shields {
        scrub_text(&mut shield.reason);
    }
    change.risk_factors.iter_mut().for_each(scrub_line);
}

fn scrub_incident(incident: &mut Incident) {
    scrub_text(&mut incident.title);
    scrub_text(&mut incident.description);
    scrub_text(&mut incident.link);
}

/// The name of the value tells whether it is a secret.
fn scrub_value_change(value: &mut ValueChange) {
    let field = value.field.clone();
    for side in [&mut value.before, &mut value.after] {
        if let Some(stated) = side.take() {
            let mut named = Value::Object(Map::from_iter([(field.clone(), stated)]));
            redact_value(&mut named);
            *side = named.get_mut(&field).map(Value::take);
        }
    }
}

/// People name operations.
fn scrub_questions(asked: &mut QuestionsAsked) {
    for question in &mut asked.questions {
        scrub_text(&mut question.operation);
    }
}

/// Takes the secrets out of named values.
pub(crate) fn scrub_attributes(attributes: &mut Attributes) {
    if attributes.is_empty() {
        return;
    }
    let mut named = Value::Object(std::mem::take(attributes).into_iter().collect());
    redact_value(&mut named);
    if let Value::Object(named) = named {
        attributes.extend(named);
    }
}

fn scrub_text(text: &mut Option<String>) {
    if let Some(text) = text {
        scrub_line(text);
    }
}

fn scrub_line(text: &mut String) {
    if let std::borrow::Cow::Owned(without) = redact_text(text) {
        *text = without;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrubbed(name: &str, payload: &str) -> String {
        let mut event = Event::decode_payload(name, payload.as_bytes()).unwrap();
        scrub(&mut event);
        let mut written = Vec::new();
        event.encode_payload(&mut written);
        String::from_utf8(written).unwrap()
    }

    #[test]
    fn a_secret_value_goes_and_its_name_stays() {
        let item = r#"{"key":"service:a","attributes":{"password":"hunter2","size":3}}"#;
        assert_eq!(
            scrubbed("item.observed", item),
            r#"{"key":"service:a","attributes":{"password":"[redacted]","size":3}}"#
        );
        let change = r#"{"source":"s","sourceId":"1","values":[{"field":"db.password","before":"old","after":"new"},{"field":"replicas","before":1,"after":2}]}"#;
        assert_eq!(
            scrubbed("change.recorded", change),
            r#"{"source":"s","sourceId":"1","values":[{"field":"db.password","before":"[redacted]","after":"[redacted]"},{"field":"replicas","before":1,"after":2}]}"#
        );
    }

    #[test]
    fn a_secret_in_a_text_goes() {
        let text = "uses https://bob:hunter2@example.org/x";
        for field in [
            "title",
            "description",
            "releaseNotes",
            "rollbackPlan",
            "link",
        ] {
            let change = format!(r#"{{"source":"s","sourceId":"1","{field}":"{text}"}}"#);
            let written = scrubbed("change.recorded", &change);
            assert!(!written.contains("hunter2"), "{field}: {written}");
        }
    }

    #[test]
    fn ids_and_keys_stay() {
        let change = r#"{"source":"argocd","sourceId":"7f1c0b2e9d4a55667788","targets":["service:prod/checkout"]}"#;
        assert_eq!(scrubbed("change.recorded", change), change);
    }
}
