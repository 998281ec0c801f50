//! The one interface by which anything with an id is fetched again.

use async_graphql::{ID, Interface, Result};
use model::{ChangeId, CiId, IncidentId};

use super::change::Change;
use super::incident::Incident;
use super::item::ConfigurationItem;
use super::standpoint::Standpoint;
use crate::error::ErrorCode;

/// Anything with a global id. The id's prefix tells its kind: `ci_`, `chg_`, `inc_`.
#[derive(Interface)]
#[graphql(field(
    name = "id",
    ty = "ID",
    desc = "The global id. It is derived from what the source said, so it stays the same for ever."
))]
pub(crate) enum Node {
    Item(ConfigurationItem),
    Change(Change),
    Incident(Incident),
}

/// What an id of any kind names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AnyId {
    Item(CiId),
    Change(ChangeId),
    Incident(IncidentId),
}

impl AnyId {
    /// Reads an id by its prefix.
    pub(crate) fn read(id: &ID) -> Result<Self> {
        let item = || id.parse().map(Self::Item).ok();
        let change = || id.parse().map(Self::Change).ok();
        let incident = || id.parse().map(Self::Incident).ok();
        let read = item().or_else(change).or_else(incident);
        read.ok_or_else(|| ErrorCode::BadInput.error("an id begins with ci_, chg_ or inc_"))
    }
}

impl Node {
    /// The node with an id, if there is one.
    pub(crate) fn find(at: &Standpoint, id: AnyId) -> Option<Self> {
        match id {
            AnyId::Item(id) => ConfigurationItem::find_shown(at, id).map(Self::Item),
            AnyId::Change(id) => Change::find(at, id).map(Self::Change),
            AnyId::Incident(id) => Incident::find(at, id).map(Self::Incident),
        }
    }
}
