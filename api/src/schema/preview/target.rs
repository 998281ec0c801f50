//! The targets of a preview: which items they mean, and what of them is to differ.

use async_graphql::{Context, Enum, Json, Object, Result, SimpleObject};
use graph::{AskedChange, Resolution};
use model::{CiId, SourceKey, ValueChange};
use serde_json::Value;

use super::input::PreviewInput;
use crate::error::ErrorCode;
use crate::ports;
use crate::schema::Shared;
use crate::schema::item::ConfigurationItem;
use crate::schema::standpoint::Standpoint;
use crate::schema::values;

/// How many targets are compared with what is known of them.
const COMPARED_MAX: usize = 500;

/// What is to happen to a target.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum PlannedAction {
    /// It is touched; how is not said.
    Touch,
    /// It is made: by its plan, or because nothing is known of it yet.
    Create,
    /// It is changed in place.
    Update,
    /// Nothing that is known of it differs. Variables, arguments and contents are not known and may.
    NoKnownDifference,
    /// It is destroyed and made anew.
    Replace,
    /// It is destroyed.
    Delete,
    /// It stays, and is no longer looked after.
    Forget,
}

/// A value that is to differ. Values that may be secret are left out.
#[derive(SimpleObject)]
pub(crate) struct PlannedDifference {
    /// Which value, as a path.
    field: String,
    /// What it is, where that is known and may be shown.
    before: Option<Json<Value>>,
    /// What it is to be, where that is known and may be shown.
    after: Option<Json<Value>>,
}

/// Something that the change touches.
pub(crate) struct PlannedTarget {
    at: Standpoint,
    key: String,
    place: Option<String>,
    action: PlannedAction,
    item: Option<CiId>,
    candidates: Vec<CiId>,
    differences: Vec<ValueChange>,
}

/// A part of a document that says nothing here, or could not be read.
#[derive(SimpleObject)]
pub(crate) struct UnreadPart {
    /// Where it stands.
    place: String,
    /// The field; null for the whole part.
    field: Option<String>,
    /// Why.
    reason: String,
}

/// What was read of the documents.
pub(super) struct Read {
    pub(super) targets: Vec<PlannedTarget>,
    pub(super) unread: Vec<UnreadPart>,
    pub(super) uncompared: bool,
}

impl Read {
    /// Reads the documents, finds the items that are meant, and compares them with what is known.
    pub(super) async fn of(
        ctx: &Context<'_>,
        at: &Standpoint,
        mut input: PreviewInput,
        asked: &mut AskedChange,
    ) -> Result<Self> {
        let documents = input.documents()?;
        let around = input.surroundings(at);
        let plans = &ctx.data::<Shared>()?.ports.plans;
        let work = plans.read(documents, around).await.map_err(|error| {
            tracing::error!(error = %error.0, "could not read a plan: {}", error.0);
            ErrorCode::Internal.error("internal error")
        })?;
        let mut read = Self {
            targets: Vec::new(),
            unread: work.unread.into_iter().map(UnreadPart::of).collect(),
            uncompared: false,
        };
        for key in input.targets.take().unwrap_or_default() {
            let target = Found::of(at, asked, &SourceKey::Text(key.clone()), &[]);
            read.targets.push(target.named(at, key, asked, None));
        }
        let mut compared = 0;
        for planned in work.targets {
            let found = Found::of(at, asked, &planned.key, &planned.names);
            let item = found.item;
            let key = planned.key.to_string();
            let is_applied = planned.action == ports::PlannedAction::Apply;
            let mut target = found.named(at, key, asked, Some(&planned));
            target.differences = planned.differences;
            if let (true, Some(item)) = (is_applied, item) {
                read.uncompared |= compared == COMPARED_MAX;
                if compared < COMPARED_MAX
                    && let Some(item) = at.view.graph.item(item)
                {
                    compared += 1;
                    let known = values::shown(ctx, at, item).await?;
                    target.compare(planned.attributes, &known);
                }
            }
            read.targets.push(target);
        }
        Ok(read)
    }
}

/// What the names of a target mean.
struct Found {
    item: Option<CiId>,
    candidates: Vec<CiId>,
}

impl Found {
    /// By its key, else by another name that is its own.
    fn of(at: &Standpoint, asked: &AskedChange, key: &SourceKey, names: &[model::Claim]) -> Self {
        let graph = &at.view.graph;
        let environment = asked.environment.as_deref();
        let mut candidates = Vec::new();
        let claims = names.iter().map(|name| SourceKey::Claim {
            scheme: name.scheme.clone(),
            value: name.value.clone(),
        });
        for key in std::iter::once(key.clone()).chain(claims) {
            match graph.resolve(&key, environment, at.valid_at) {
                Resolution::Item(item) => {
                    return Self {
                        item: Some(item.id()),
                        candidates: Vec::new(),
                    };
                }
                Resolution::Ambiguous(items) if candidates.is_empty() => {
                    candidates = items.iter().map(graph::Item::id).collect();
                }
                Resolution::Ambiguous(_) | Resolution::Unknown => {}
            }
        }
        Self {
            item: None,
            candidates,
        }
    }

    /// The target, which the change is asked about from here on.
    fn named(
        self,
        at: &Standpoint,
        key: String,
        asked: &mut AskedChange,
        planned: Option<&ports::PlannedTarget>,
    ) -> PlannedTarget {
        let action = planned.map_or(PlannedAction::Touch, |planned| {
            PlannedAction::of(planned.action, self.item.is_some())
        });
        let is_made = planned.is_some_and(|it| it.action == ports::PlannedAction::Create);
        match self.item {
            Some(item) if !asked.targets.contains(&item) => asked.targets.push(item),
            Some(_) => {}
            // What its plan says it makes need not be known.
            None if is_made => {}
            None => asked.unknown_targets.push(key.clone()),
        }
        PlannedTarget {
            at: at.clone(),
            key,
            place: planned.map(|planned| planned.place.clone()),
            action,
            item: self.item,
            candidates: self.candidates,
            differences: Vec::new(),
        }
    }
}

impl PlannedAction {
    fn of(action: ports::PlannedAction, is_known: bool) -> Self {
        match action {
            ports::PlannedAction::Apply if is_known => Self::Update,
            ports::PlannedAction::Apply | ports::PlannedAction::Create => Self::Create,
            ports::PlannedAction::Update => Self::Update,
            ports::PlannedAction::Replace => Self::Replace,
            ports::PlannedAction::Delete => Self::Delete,
            ports::PlannedAction::Forget => Self::Forget,
        }
    }
}

impl PlannedTarget {
    /// What is stated and not known so. What is known and not stated may be the cluster's own note.
    fn compare(
        &mut self,
        stated: std::collections::BTreeMap<String, Value>,
        known: &[graph::ItemAttribute],
    ) {
        for (field, after) in stated {
            let before = known.iter().find(|attribute| attribute.name == field);
            let before = before.map(|attribute| attribute.shown.value.clone());
            if before.as_ref() != Some(&after) && !(before.is_none() && is_nothing(&after)) {
                self.differences.push(ValueChange {
                    field,
                    before,
                    after: Some(after),
                });
            }
        }
        if self.differences.is_empty() {
            self.action = PlannedAction::NoKnownDifference;
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Something that the change touches.
#[Object]
impl PlannedTarget {
    /// What it is called in the document or the input.
    async fn key(&self) -> &str {
        &self.key
    }

    /// Where it stands in the documents: the address of a resource, the line of an object; null for plain targets.
    async fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// What is to happen to it.
    async fn action(&self) -> PlannedAction {
        self.action
    }

    /// Whether it means an item that is known.
    async fn recognised(&self) -> bool {
        self.item.is_some()
    }

    /// The item that it means.
    async fn item(&self) -> Option<ConfigurationItem> {
        self.item
            .and_then(|item| ConfigurationItem::find(&self.at, item))
    }

    /// The items that it could mean, where that is not clear.
    async fn candidates(&self) -> Vec<ConfigurationItem> {
        let candidates = self.candidates.iter();
        candidates
            .filter_map(|item| ConfigurationItem::find(&self.at, *item))
            .collect()
    }

    /// What is to differ: as the plan says it, or where it says only what is to be, against what is known of the item.
    async fn differences(&self) -> Vec<PlannedDifference> {
        let differences = self.differences.iter();
        differences
            .map(|value| PlannedDifference {
                field: value.field.clone(),
                before: value.before.clone().map(Json),
                after: value.after.clone().map(Json),
            })
            .collect()
    }
}

impl UnreadPart {
    fn of(part: ports::UnreadPart) -> Self {
        Self {
            place: part.place,
            field: (!part.field.is_empty()).then_some(part.field),
            reason: part.reason,
        }
    }
}
