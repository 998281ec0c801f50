//! What a client declares of the calendar. It becomes our own events of these names.

use async_graphql::{Context, Enum, InputObject, Object, Result, SimpleObject};
use model::SourceKey;
use serde::Serialize;
use serde_json::{Value, json};

use super::shown::ExemptionKind;
use crate::schema::change_input::SourceRefInput;
use crate::schema::keys;
use crate::schema::recording::{Envelope, record_at};
use crate::schema::scalars::{DateTime, LogPosition};
use crate::schema::standpoint::Standpoint;

/// What a rule says of the changes that it is about.
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "model::RuleEffect")]
#[serde(rename_all = "snake_case")]
pub(crate) enum RuleEffect {
    /// None may run at its times.
    Freeze,
    /// They run within its times only.
    Window,
    /// Those of two different places do not run within a time of each other.
    Spacing,
}

/// How far a rule reaches from the items it names.
#[derive(Clone, Copy, Default, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "model::RuleReach")]
#[serde(rename_all = "snake_case")]
pub(crate) enum RuleReach {
    /// These items only.
    #[default]
    Itself,
    /// These and everything they need.
    DependsOn,
    /// These and everything that needs them.
    UsedBy,
    /// These and everything around them, either way at every step.
    Both,
}

/// A day of the week.
#[derive(Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[graphql(remote = "model::Weekday")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

/// Which changes are meant. A list that is missing or empty asks for nothing; of every other one entry must fit.
#[derive(Default, InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangeScopeInput {
    /// A target is one of these items, or within reach of one: keys, aliases or ids.
    #[serde(skip)]
    items: Option<Vec<String>>,
    /// How far it reaches from the items: `DEPENDS_ON` means them and everything they need.
    reach: Option<RuleReach>,
    /// Most relations on the way; as far as it goes when missing.
    hops_max: Option<u32>,
    /// It takes effect in one of these environments, or inside one.
    environments: Option<Vec<String>>,
    /// It is of one of these kinds.
    kinds: Option<Vec<String>>,
    /// It has one of these levels of control.
    levels: Option<Vec<String>>,
    /// It belongs to one of these scenes.
    scenes: Option<Vec<String>>,
}

/// A span of the calendar, half-open.
#[derive(InputObject, Serialize)]
pub(crate) struct TimeSpanInput {
    /// Its first moment.
    from: DateTime,
    /// The first moment after it.
    until: DateTime,
}

/// Hours of every week.
#[derive(InputObject, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WeeklyTimeInput {
    /// On these days; every day when missing.
    days: Option<Vec<Weekday>>,
    /// From this time of the day, `HH:MM`.
    from: String,
    /// Until this one, `HH:MM`; of the next day if it is not later.
    until: String,
    /// A name of the IANA time zone database: `Asia/Shanghai`, `UTC`.
    time_zone: String,
}

impl WeeklyTimeInput {
    /// These hours as they are kept.
    pub(crate) fn into_kept(self) -> model::WeeklyTime {
        model::WeeklyTime {
            days: self.days.into_iter().flatten().map(Into::into).collect(),
            from: self.from,
            until: self.until,
            time_zone: self.time_zone,
        }
    }
}

/// A rule of the calendar. A later word on its name replaces it.
#[derive(InputObject)]
pub(crate) struct DeclareRuleInput {
    /// The sender's id of this statement; a repeat with it is harmless.
    event_id: Option<String>,
    /// Who says so.
    source: String,
    /// The name by which it is replaced, withdrawn and lifted.
    name: String,
    /// What it says.
    effect: RuleEffect,
    /// A line for people.
    title: Option<String>,
    /// Why.
    reason: Option<String>,
    /// Which changes it is about; all when missing.
    scope: Option<ChangeScopeInput>,
    /// Spans of the calendar in which it holds. With no times at all it always holds.
    spans: Option<Vec<TimeSpanInput>>,
    /// Hours of every week in which it holds.
    weekly: Option<Vec<WeeklyTimeInput>>,
    /// Whether it binds administrators too.
    #[graphql(default = true)]
    binds_administrators: bool,
    /// Goals of a change for which it does not count, such as `fault_handling`.
    lifted_for: Option<Vec<String>>,
    /// Of a spacing rule: the kind of place, such as `zone`.
    between: Option<String>,
    /// Of a spacing rule: the least time between two changes, in milliseconds.
    apart_ms: Option<u64>,
}

/// A freeze: no change runs from one moment until another.
#[derive(InputObject)]
pub(crate) struct DeclareFreezeInput {
    /// The sender's id of this statement; a repeat with it is harmless.
    event_id: Option<String>,
    /// Who says so.
    source: String,
    /// The name by which it is replaced, withdrawn and lifted.
    name: String,
    /// A line for people.
    title: Option<String>,
    /// Why.
    reason: Option<String>,
    /// From when.
    from: DateTime,
    /// Until when.
    until: DateTime,
    /// Which changes it is about; all when missing.
    scope: Option<ChangeScopeInput>,
    /// Whether it binds administrators too.
    #[graphql(default = true)]
    binds_administrators: bool,
    /// Goals of a change for which it does not count, such as `fault_handling`.
    lifted_for: Option<Vec<String>>,
}

/// Something that was declared and counts no more.
#[derive(InputObject)]
pub(crate) struct WithdrawInput {
    /// The sender's id of this statement; a repeat with it is harmless.
    event_id: Option<String>,
    /// Who says so.
    source: String,
    /// Its name.
    name: String,
    /// Why.
    reason: Option<String>,
}

/// An exemption from rules of the calendar, for some changes and for a time.
#[derive(InputObject)]
pub(crate) struct GrantExemptionInput {
    /// The sender's id of this statement; a repeat with it is harmless.
    event_id: Option<String>,
    /// Who says so.
    source: String,
    /// The name by which it is replaced and withdrawn.
    name: String,
    /// What sort.
    kind: ExemptionKind,
    /// The rules that it lifts, by name; all when missing.
    rules: Option<Vec<String>>,
    /// The one change that it is for.
    change: Option<SourceRefInput>,
    /// The changes that it is for; all when missing.
    scope: Option<ChangeScopeInput>,
    /// From when; from now when missing.
    from: Option<DateTime>,
    /// Until when. A green channel closes after an hour; a white list needs it.
    until: Option<DateTime>,
    /// Who allowed it; a white list needs it.
    approver: Option<String>,
    /// Why.
    reason: String,
}

/// Where a statement about the calendar stands. It is on the disk.
#[derive(SimpleObject)]
pub(crate) struct CalendarRecorded {
    /// Its place in the log.
    position: LogPosition,
}

/// Statements about the calendar.
#[derive(Default)]
pub(crate) struct CalendarMutation;

/// Statements about the calendar.
#[Object]
impl CalendarMutation {
    /// Declares when changes may run: a freeze, a window, or spacing.
    async fn declare_rule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The rule.")] input: DeclareRuleInput,
    ) -> Result<CalendarRecorded> {
        let at = Standpoint::of(ctx, None).await?;
        let data = json!({
            "name": input.name,
            "effect": input.effect,
            "title": input.title,
            "reason": input.reason,
            "scope": scope(&at, input.scope)?,
            "times": { "spans": input.spans, "weekly": input.weekly },
            "bindsAdministrators": input.binds_administrators,
            "liftedFor": input.lifted_for,
            "between": input.between,
            "apartMs": input.apart_ms,
        });
        record(
            ctx,
            input.event_id,
            input.source,
            "calendar_rule.declared",
            &data,
        )
        .await
    }

    /// Declares that no change runs from one moment until another. `withdrawRule` ends it early.
    async fn declare_freeze(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The freeze.")] input: DeclareFreezeInput,
    ) -> Result<CalendarRecorded> {
        let at = Standpoint::of(ctx, None).await?;
        let data = json!({
            "name": input.name,
            "effect": RuleEffect::Freeze,
            "title": input.title,
            "reason": input.reason,
            "scope": scope(&at, input.scope)?,
            "times": { "spans": [{ "from": input.from, "until": input.until }] },
            "bindsAdministrators": input.binds_administrators,
            "liftedFor": input.lifted_for,
        });
        record(
            ctx,
            input.event_id,
            input.source,
            "calendar_rule.declared",
            &data,
        )
        .await
    }

    /// Withdraws a rule, whatever it says.
    async fn withdraw_rule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The rule.")] input: WithdrawInput,
    ) -> Result<CalendarRecorded> {
        withdraw(ctx, input, "calendar_rule.withdrawn").await
    }

    /// Exempts changes from rules: a green channel for an hour, or a white list that somebody allowed.
    async fn grant_exemption(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The exemption.")] input: GrantExemptionInput,
    ) -> Result<CalendarRecorded> {
        let at = Standpoint::of(ctx, None).await?;
        let data = json!({
            "name": input.name,
            "kind": input.kind,
            "rules": input.rules,
            "change": input.change,
            "scope": scope(&at, input.scope)?,
            "from": input.from,
            "until": input.until,
            "approver": input.approver,
            "reason": input.reason,
        });
        record(
            ctx,
            input.event_id,
            input.source,
            "exemption.granted",
            &data,
        )
        .await
    }

    /// Withdraws an exemption.
    async fn withdraw_exemption(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The exemption.")] input: WithdrawInput,
    ) -> Result<CalendarRecorded> {
        withdraw(ctx, input, "exemption.withdrawn").await
    }
}

async fn withdraw(
    ctx: &Context<'_>,
    input: WithdrawInput,
    name: &'static str,
) -> Result<CalendarRecorded> {
    let data = json!({ "name": input.name, "reason": input.reason });
    record(ctx, input.event_id, input.source, name, &data).await
}

async fn record(
    ctx: &Context<'_>,
    event_id: Option<String>,
    source: String,
    name: &'static str,
    data: &Value,
) -> Result<CalendarRecorded> {
    let envelope = Envelope::now(event_id, source);
    let position = record_at(ctx, envelope.seal(name, data)).await?;
    Ok(CalendarRecorded {
        position: LogPosition(position),
    })
}

/// The scope as an event holds it: keys instead of ids.
fn scope(at: &Standpoint, scope: Option<ChangeScopeInput>) -> Result<Value> {
    let mut scope = scope.unwrap_or_default();
    let written = scope.items.take().into_iter().flatten();
    let mut items = Vec::new();
    for key in written {
        items.push(keys::to_record(at, "scope.items", SourceKey::Text(key))?);
    }
    let mut data = serde_json::to_value(&scope).expect("a scope has string keys only");
    if let Value::Object(data) = &mut data {
        data.insert("items".to_owned(), json!(items));
    }
    Ok(data)
}
