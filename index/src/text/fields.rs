//! The fields of a change's document, and what of a change goes into each.

use graph::Statement;
use model::{Change, ChangeId};
use serde_json::Value;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{TantivyDocument, Term};

use super::exact::{self, Became, ExactTerm};
use super::language::Part;

/// The name under which the fields know the segmenter.
pub(super) const SEGMENTER: &str = "words";

/// Rises when a field, what goes into one, or the order of statuses changes; the content is then made anew.
pub(super) const VERSION: u32 = 2;

/// Fields whose values are names: found first by who looks for an id, a person or a thing.
const NAMES: [&str; 13] = [
    "source",
    "sourceId",
    "targets",
    "artifacts",
    "codeRefs",
    "links",
    "declaredImpact",
    "foldKey",
    "operator",
    "implementer",
    "applicant",
    "approver",
    "link",
];

/// Fields whose values are texts whatever they are called: their names are a scene's or a configuration's.
const FREE: [&str; 3] = ["basic", "control", "values"];

/// Values of these fields are no texts, but moments, numbers and words of the product itself.
const NO_TEXTS: [&str; 16] = [
    "startedAt",
    "finishedAt",
    "plannedStartAt",
    "plannedFinishAt",
    "status",
    "from",
    "until",
    "rollout",
    "index",
    "trafficPercent",
    "batch",
    "at",
    "mode",
    "strategy",
    "result",
    "answer",
];

/// The fields by their number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    pub(super) title: Field,
    pub(super) body: Field,
    pub(super) names: Field,
    /// Terms that are found as they are: [`ExactTerm`].
    pub(super) exact: Field,
    /// The change, to find its document.
    pub(super) id: Field,
    pub(super) id_high: Field,
    pub(super) id_low: Field,
    /// Where its first statement stands.
    pub(super) first: Field,
    /// Where its last statement stands.
    pub(super) last: Field,
    /// What it became, and when: [`Became`].
    pub(super) became: Field,
}

/// The fields and the schema they make.
pub(super) fn schema() -> (Fields, Schema) {
    let mut schema = Schema::builder();
    let texts = TextFieldIndexing::default()
        .set_tokenizer(SEGMENTER)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let texts = TextOptions::default().set_indexing_options(texts);
    let fields = Fields {
        title: schema.add_text_field("title", texts.clone()),
        body: schema.add_text_field("body", texts.clone()),
        names: schema.add_text_field("names", texts),
        exact: schema.add_text_field("exact", STRING),
        id: schema.add_bytes_field("id", INDEXED),
        id_high: schema.add_u64_field("id_high", FAST),
        id_low: schema.add_u64_field("id_low", FAST),
        first: schema.add_u64_field("first", FAST),
        last: schema.add_u64_field("last", FAST),
        became: schema.add_u64_field("became", FAST),
    };
    (fields, schema.build())
}

impl Fields {
    pub(super) fn text(&self, part: Part) -> Field {
        match part {
            Part::Title => self.title,
            Part::Body => self.body,
            Part::Names => self.names,
        }
    }

    /// The term that finds a change's document.
    pub(super) fn document_of(&self, id: ChangeId) -> Term {
        Term::from_field_bytes(self.id, id.as_bytes())
    }

    /// The document of a change, made of all its statements in the order of the log.
    pub(super) fn document(&self, statements: &[Statement<Change>]) -> Option<TantivyDocument> {
        let (first, last) = (statements.first()?, statements.last()?);
        let change = graph::merge_change(statements)?;
        let id = ChangeId::of(&change.reference());
        let mut document = TantivyDocument::default();
        let (high, low) = halves(id);
        document.add_bytes(self.id, id.as_bytes());
        document.add_u64(self.id_high, high);
        document.add_u64(self.id_low, low);
        document.add_u64(self.first, first.position.number());
        document.add_u64(self.last, last.position.number());
        for (part, _, text) in texts(&change) {
            document.add_text(self.text(part), text);
        }
        for term in ExactTerm::of(&change) {
            document.add_text(self.exact, term.as_str());
        }
        for became in Became::of(statements) {
            document.add_u64(self.became, exact::became_code(&became));
        }
        Some(document)
    }
}

/// A change's id as two numbers.
fn halves(id: ChangeId) -> (u64, u64) {
    let both = u128::from_be_bytes(*id.as_bytes());
    #[expect(clippy::cast_possible_truncation, reason = "it is cut into halves")]
    let halves = ((both >> 64) as u64, both as u64);
    halves
}

/// The change whose id these numbers are.
pub(super) fn id_of_halves(high: u64, low: u64) -> ChangeId {
    let both = (u128::from(high) << 64) | u128::from(low);
    ChangeId::from_bytes(both.to_be_bytes())
}

/// A text, the part of a document it belongs to, and the field of the change it stands in.
type Text = (Part, String, String);

/// Every text of a change.
pub(super) fn texts(change: &Change) -> Vec<Text> {
    let Ok(Value::Object(fields)) = serde_json::to_value(change) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, value) in fields {
        let part = match name.as_str() {
            "title" => Part::Title,
            name if NAMES.contains(&name) => Part::Names,
            _ => Part::Body,
        };
        let within = Within { part, field: &name };
        within.collect(&name, value, &mut found);
    }
    found
}

/// In which field a value stands.
#[derive(Clone, Copy)]
struct Within<'a> {
    part: Part,
    field: &'a str,
}

impl Within<'_> {
    fn collect(self, name: &str, value: Value, found: &mut Vec<Text>) {
        let mut add = |text| found.push((self.part, self.field.to_owned(), text));
        match value {
            _ if NO_TEXTS.contains(&name) && !FREE.contains(&self.field) => {}
            Value::String(text) => add(text),
            Value::Number(number) => add(number.to_string()),
            Value::Array(list) => {
                for value in list {
                    self.collect("", value, found);
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    let is_target = name == "targets";
                    let part = if is_target { Part::Names } else { self.part };
                    Self { part, ..self }.collect(&name, value, found);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{SourceName, SourceRef};

    use super::*;

    #[test]
    fn every_text_of_a_change_goes_into_a_part() {
        let mut change = Change::new(&SourceRef {
            source: SourceName::new("ci"),
            source_id: "run-7".to_owned(),
        });
        change.title = Some("Rotate".to_owned());
        change.description = Some("the TLS certificate".to_owned());
        change.risk_factors = vec!["touches Ingress".to_owned()];
        change.targets = vec![model::SourceKey::text("service:web")];
        change.started_at = Some(model::Timestamp::from_unix_millis(0));
        let told: Vec<String> = texts(&change)
            .into_iter()
            .map(|(part, field, text)| format!("{part:?}: {field}: {text}"))
            .collect();
        assert_eq!(
            told,
            [
                "Body: description: the TLS certificate",
                "Body: riskFactors: touches Ingress",
                "Names: source: ci",
                "Names: sourceId: run-7",
                "Names: targets: service:web",
                "Title: title: Rotate",
            ]
        );
    }
}
