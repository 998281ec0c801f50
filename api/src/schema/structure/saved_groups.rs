//! Groups of items that are saved as a search.

use async_graphql::{Context, InputObject, Json, Object, Result, SimpleObject};
use model::{GroupDefined, GroupWithdrawn};
use serde_json::Value;

use crate::schema::item_filter::ItemFilter;
use crate::schema::recording::{Envelope, record_at};
use crate::schema::scalars::{DateTime, LogPosition};
use crate::schema::standpoint::Standpoint;

/// A group of items, saved as a search.
#[derive(SimpleObject)]
pub(crate) struct Group {
    /// Its name, for `items(filter: { group })`.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// Which items belong to it, as the event has it.
    filter: Json<Value>,
    /// The time of its definition.
    defined_at: DateTime,
    /// Where the definition stands in the log.
    position: LogPosition,
}

/// Groups in order of name.
#[derive(SimpleObject)]
pub(crate) struct Groups {
    /// Those that are listed.
    groups: Vec<Group>,
    /// How many there are.
    total_count: usize,
    /// Whether some were left out.
    truncated: bool,
}

/// A group to be saved. A later definition of the name replaces it.
#[derive(InputObject)]
pub(crate) struct DefineGroupInput {
    /// The sender's id of this statement; a repeat with it is harmless.
    event_id: Option<String>,
    /// Who says so.
    source: String,
    /// Its name.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// Which items belong to it.
    filter: ItemFilter,
}

/// A group to be withdrawn.
#[derive(InputObject)]
pub(crate) struct WithdrawGroupInput {
    /// The sender's id of this statement; a repeat with it is harmless.
    event_id: Option<String>,
    /// Who says so.
    source: String,
    /// Its name.
    name: String,
    /// Why.
    reason: Option<String>,
}

/// Where the statement about a group stands. It is on the disk.
#[derive(SimpleObject)]
pub(crate) struct GroupRecorded {
    /// Its place in the log.
    position: LogPosition,
}

/// Statements about groups.
#[derive(Default)]
pub(crate) struct GroupMutation;

/// Statements about groups.
#[Object]
impl GroupMutation {
    /// Saves a search as a group. Who belongs to it follows from the estate at any time.
    async fn define_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group.")] input: DefineGroupInput,
    ) -> Result<GroupRecorded> {
        let defined = GroupDefined {
            name: input.name,
            description: input.description,
            filter: input.filter.read()?,
        };
        let envelope = Envelope::now(input.event_id, input.source);
        let position = record_at(ctx, envelope.seal("group.defined", &defined)).await?;
        Ok(GroupRecorded {
            position: LogPosition(position),
        })
    }

    /// Withdraws a group. Its items stay.
    async fn withdraw_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group.")] input: WithdrawGroupInput,
    ) -> Result<GroupRecorded> {
        let withdrawn = GroupWithdrawn {
            name: input.name,
            reason: input.reason,
        };
        let envelope = Envelope::now(input.event_id, input.source);
        let position = record_at(ctx, envelope.seal("group.withdrawn", &withdrawn)).await?;
        Ok(GroupRecorded {
            position: LogPosition(position),
        })
    }
}

impl Groups {
    /// The first groups of a standpoint.
    pub(crate) fn of(at: &Standpoint, first: usize) -> Self {
        let graph = &at.view.graph;
        let groups = graph.groups().take(first).map(|group| Group {
            name: group.defined.name.clone(),
            description: group.defined.description.clone(),
            filter: Json(serde_json::to_value(&group.defined.filter).unwrap_or_default()),
            defined_at: DateTime(group.defined_at),
            position: LogPosition(group.position),
        });
        let groups: Vec<Group> = groups.collect();
        let total_count = graph.groups().count();
        Self {
            truncated: groups.len() < total_count,
            groups,
            total_count,
        }
    }
}
