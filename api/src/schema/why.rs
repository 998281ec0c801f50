//! Why something is believed: the events behind an item, a relation or a value.

mod sentence;

use async_graphql::connection::{Connection, EmptyFields, OpaqueCursor};
use async_graphql::{Context, InputObject, Json, Object, Result, SimpleObject};
use graph::{Item, Wanted};
use index::{EvidenceSubject, Found, KnownUntil};
use model::{Actor, ActorKind, EventEnvelope};
use serde_json::Value;

use super::Shared;
use super::details::failed;
use super::keys::{self, Meant};
use super::paging::{PageArguments, PageOf, page_cost};
use super::scalars::{DateTime, LogPosition};
use super::standpoint::{AsOfInput, Standpoint};
use super::values;
use crate::error::ErrorCode;
use sentence::{About, sentence};

/// Names of a thing whose events are looked for; an item has few, but may be the work of a wild rule.
const NAMES_MAX: usize = 500;

/// Questions about what is behind an answer.
#[derive(Default)]
pub(crate) struct ProvenanceQuery;

/// Which relation is meant: `dependent KIND provider`.
#[derive(InputObject)]
pub(crate) struct RelationKeyInput {
    /// The item that needs the other: a key, alias or id.
    dependent: String,
    /// The item that is needed: a key, alias or id.
    provider: String,
    /// How it is needed.
    kind: String,
}

/// An event of the log that something is believed by.
pub(crate) struct Evidence {
    envelope: EventEnvelope,
    summary: String,
    void: bool,
}

/// Additional fields of a list of evidence.
#[derive(SimpleObject)]
pub(crate) struct EvidenceTotals {
    /// Whether there may be more that could not be looked through: a thing of very many names, or an
    /// index that is being made again.
    truncated: bool,
    /// The last position that was known when this was answered.
    position: LogPosition,
}

/// A page of evidence, the newest first.
pub(crate) type EvidenceConnection =
    Connection<OpaqueCursor<model::LogPosition>, Evidence, EvidenceTotals, EmptyFields>;

/// Questions about what is behind an answer.
#[Object]
impl ProvenanceQuery {
    /// Why something is believed: the events behind an item, a relation or a value of an item, the newest first.
    /// Exactly one of `item` and `relation` is given. A moment in `asOf` leaves out what speaks of a later time.
    ///
    /// Behind an item is what its sources said of it by any of its names, and what people decided about them;
    /// of an item that only relations name, those relations. Behind a value is every statement of it by any source.
    #[graphql(complexity = "page_cost(first, None, child_complexity)")]
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the arguments of the contract"
    )]
    async fn why(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item: a key, alias or id.")] item: Option<String>,
        #[graphql(desc = "The relation.")] relation: Option<RelationKeyInput>,
        #[graphql(
            desc = "A value of the item, `owner`, `criticality` and `displayName` among them."
        )]
        attribute: Option<String>,
        #[graphql(desc = "From where to look; now and newest when missing.")] as_of: Option<
            AsOfInput,
        >,
        #[graphql(desc = "The size of the page; 20 when missing.")] first: Option<i32>,
        #[graphql(desc = "Begin after the entry with this cursor.")] after: Option<String>,
    ) -> Result<EvidenceConnection> {
        let arguments = PageArguments {
            first,
            after,
            ..PageArguments::default()
        };
        let page = arguments.check(ctx.data::<Shared>()?.limits.page_max)?;
        let at = Standpoint::of(ctx, as_of.as_ref()).await?;
        let (found, about) = match (item, relation, attribute) {
            (Some(item), None, None) => of_item(ctx, &at, &item, &page).await?,
            (Some(item), None, Some(name)) => of_value(ctx, &at, &item, name, &page).await?,
            (None, Some(relation), None) => of_relation(ctx, &at, &relation, &page).await?,
            _ => {
                let message = "give an item, an item and one of its attributes, or a relation";
                return Err(ErrorCode::BadInput.error(message));
            }
        };
        told(ctx, &at, &page, found, &about).await
    }
}

/// An event of the log that something is believed by.
#[Object]
impl Evidence {
    /// Where it stands in the log.
    async fn position(&self) -> LogPosition {
        LogPosition(self.envelope.position)
    }

    /// The time it speaks of.
    async fn occurred_at(&self) -> DateTime {
        DateTime(self.envelope.occurred_at)
    }

    /// When the log took it.
    async fn recorded_at(&self) -> DateTime {
        DateTime(self.envelope.recorded_at)
    }

    /// Who sent it.
    async fn source(&self) -> &str {
        self.envelope.id.source.as_str()
    }

    /// The sender's id of it, or the hash of its content where it gave none.
    async fn event_id(&self) -> &str {
        &self.envelope.id.delivery
    }

    /// What sort of event it is, by its stored name, such as `item.observed`.
    async fn event(&self) -> &str {
        self.envelope.event.tag().0
    }

    /// Who caused it, if somebody said.
    async fn actor(&self) -> Option<&str> {
        self.envelope.actor.name.as_deref()
    }

    /// Whether a machine caused it by itself; null when nobody said.
    async fn automatic(&self) -> Option<bool> {
        let Actor { kind, .. } = &self.envelope.actor;
        match kind {
            ActorKind::Automatic => Some(true),
            ActorKind::Human => Some(false),
            ActorKind::Unknown => None,
        }
    }

    /// What it says of what was asked about, as a sentence.
    async fn summary(&self) -> &str {
        &self.summary
    }

    /// Whether it counts as never said, because its source was retracted.
    async fn void(&self) -> bool {
        self.void
    }

    /// Its whole payload, as it lies in the log.
    async fn data(&self) -> Result<Json<Value>> {
        let mut payload = Vec::new();
        self.envelope.event.encode_payload(&mut payload);
        let data = serde_json::from_slice(&payload);
        data.map(Json).map_err(|error| failed(&error))
    }
}

/// Positions behind something, and what is to be said of each.
type Behind = (Found<model::LogPosition>, About);

async fn of_item(
    ctx: &Context<'_>,
    at: &Standpoint,
    key: &str,
    page: &PageOf<model::LogPosition>,
) -> Result<Behind> {
    let (own, named_by) = {
        let item = item_of(at, key)?;
        (names_of(item), relations_of(item))
    };
    let found = evidence(ctx, at, &own, page).await?;
    if !found.entries.is_empty() {
        return Ok((found, About::Item));
    }
    let from_the_first = PageOf::first(1);
    let is_paging = page.after.is_some();
    if is_paging
        && !evidence(ctx, at, &own, &from_the_first)
            .await?
            .entries
            .is_empty()
    {
        return Ok((found, About::Item));
    }
    let found = evidence(ctx, at, &named_by, page).await?;
    Ok((found, About::Relations(named_by)))
}

async fn of_relation(
    ctx: &Context<'_>,
    at: &Standpoint,
    key: &RelationKeyInput,
    page: &PageOf<model::LogPosition>,
) -> Result<Behind> {
    let subjects = {
        let (dependent, provider) = (item_of(at, &key.dependent)?, item_of(at, &key.provider)?);
        let graph = &at.view.graph;
        let relation = graph.relation(dependent.id(), provider.id(), &key.kind);
        let Some(relation) = relation else {
            let (dependent, provider) = (dependent.key(), provider.key());
            let message = format!("nobody ever said: {dependent} {} {provider}", key.kind);
            return Err(ErrorCode::RelationNotFound.error(message));
        };
        subjects_of(&relation)
    };
    let found = evidence(ctx, at, &subjects, page).await?;
    Ok((found, About::Relations(subjects)))
}

async fn of_value(
    ctx: &Context<'_>,
    at: &Standpoint,
    key: &str,
    name: String,
    page: &PageOf<model::LogPosition>,
) -> Result<Behind> {
    let said = values::statements(ctx, at, item_of(at, key)?).await?;
    let names = [name];
    let wanted = Wanted::Named(&names);
    let mut positions: Vec<model::LogPosition> = said
        .statements
        .iter()
        .filter(|statement| !wanted.values_of(&statement.item).is_empty())
        .map(|statement| statement.position)
        .filter(|position| page.after.is_none_or(|after| *position < after))
        .collect();
    positions.sort_unstable_by(|one, other| other.cmp(one));
    positions.dedup();
    positions.truncate(page.size() + 1);
    let found = Found {
        entries: positions,
        truncated: said.truncated,
    };
    let [name] = names;
    Ok((found, About::Value(name)))
}

/// The events at the positions of a page, as a list.
async fn told(
    ctx: &Context<'_>,
    at: &Standpoint,
    page: &PageOf<model::LogPosition>,
    found: Found<model::LogPosition>,
    about: &About,
) -> Result<EvidenceConnection> {
    let mut positions = found.entries;
    let more = page.size() < positions.len();
    positions.truncate(page.size());
    let events = &ctx.data::<Shared>()?.ports.events;
    let envelopes = events.at(positions).await.map_err(|error| failed(&error))?;
    let entries = envelopes.into_iter().map(|envelope| {
        let summary = sentence(&envelope, about);
        let void = values::is_void(at, &envelope.id.source, envelope.occurred_at);
        let position = envelope.position;
        let evidence = Evidence {
            envelope,
            summary,
            void,
        };
        (position, evidence)
    });
    let page = page.taken(entries.collect(), more);
    let totals = EvidenceTotals {
        truncated: found.truncated,
        position: at.position(),
    };
    Ok(page.connection(totals, |evidence| evidence))
}

/// The positions of a page and one more, the newest first.
async fn evidence(
    ctx: &Context<'_>,
    at: &Standpoint,
    subjects: &[EvidenceSubject],
    page: &PageOf<model::LogPosition>,
) -> Result<Found<model::LogPosition>> {
    let mut until = values::known_until(at);
    if let Some(after) = page.after {
        let before = model::LogPosition::new(after.number().saturating_sub(1));
        until = KnownUntil {
            position: until.position.min(before),
            ..until
        };
    }
    let asked = subjects.get(..NAMES_MAX).unwrap_or(subjects);
    let bodies = &ctx.data::<Shared>()?.ports.bodies;
    let found = bodies
        .evidence(asked.to_vec(), until, page.size() + 1)
        .await;
    let mut found = found.map_err(|error| failed(&error))?;
    found.truncated |= asked.len() < subjects.len();
    Ok(found)
}

fn item_of<'v>(at: &'v Standpoint, key: &str) -> Result<Item<'v>> {
    let id = match keys::meant(at, key, None) {
        Meant::Item(id) => Some(id),
        Meant::Ambiguous(candidates) => return Err(keys::ambiguous(key, &candidates)),
        Meant::Unknown => None,
    };
    let item = id.and_then(|id| at.view.graph.item(id));
    item.ok_or_else(|| ErrorCode::ItemNotFound.error(format!("no item is known by {key}")))
}

/// What an item's own evidence stands under: its names, and the decisions about them.
fn names_of(item: Item<'_>) -> Vec<EvidenceSubject> {
    let names = item.claims().into_iter().map(EvidenceSubject::Item);
    let decisions = item.decisions().into_iter();
    decisions
        .map(EvidenceSubject::Decision)
        .chain(names)
        .collect()
}

/// What names an item of which nothing else is known.
fn relations_of(item: Item<'_>) -> Vec<EvidenceSubject> {
    let relations = item.relations_ever(NAMES_MAX + 1);
    relations.iter().flat_map(subjects_of).collect()
}

fn subjects_of(relation: &graph::Relation<'_>) -> Vec<EvidenceSubject> {
    let kind = relation.kind();
    let named = relation.claims().into_iter();
    let subject = |(dependent, provider)| EvidenceSubject::Relation {
        dependent,
        provider,
        kind: kind.to_owned(),
    };
    named.map(subject).collect()
}
