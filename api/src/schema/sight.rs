//! What a caller of limited sight is shown: what they may see as it is, and of the rest that it is there.
//!
//! Handles ask here before they show anything. Whatever does not is refused to such callers before it is
//! resolved, by the table in `transport/shown.rs`.

use std::sync::Arc;

use async_graphql::{Context, Result};
use graph::{ChangeRow, Eyes, IncidentRow, Item};
use model::{Caller, ChangeId, CiId};

use super::Shared;
use super::standpoint::Standpoint;
use crate::error::ErrorCode;
use crate::{Access, ReadView};

/// What stands where a text of something hidden would.
pub(crate) const HIDDEN: &str = "hidden";

/// The eyes of a caller of limited sight, and how hidden things are called for them.
pub(crate) struct Sighted {
    pub(crate) eyes: Eyes,
    caller: Caller,
    access: Arc<dyn Access>,
}

impl Sighted {
    /// The eyes of whoever asks; nothing where they may see everything.
    pub(crate) fn of(
        ctx: &Context<'_>,
        view: &ReadView,
        at: model::Timestamp,
    ) -> Result<Option<Arc<Self>>> {
        let caller = ctx.data::<Caller>()?;
        let Some(sights) = caller.sights() else {
            return Ok(None);
        };
        Ok(Some(Arc::new(Self {
            eyes: Eyes::new(&view.graph, sights, at),
            caller: caller.clone(),
            access: Arc::clone(&ctx.data::<Shared>()?.ports.access),
        })))
    }
}

impl Standpoint {
    /// Whether an item is shown.
    pub(crate) fn sees(&self, item: Item<'_>) -> bool {
        let sight = self.sight.as_ref();
        sight.is_none_or(|sight| sight.eyes.see(item))
    }

    /// Whether a change is shown.
    pub(crate) fn sees_change(&self, change: &ChangeRow<'_>) -> bool {
        let sight = self.sight.as_ref();
        sight.is_none_or(|sight| sight.eyes.see_change(change))
    }

    /// Whether an incident is shown.
    pub(crate) fn sees_incident(&self, incident: &IncidentRow<'_>) -> bool {
        let sight = self.sight.as_ref();
        sight.is_none_or(|sight| sight.eyes.see_incident(incident))
    }

    /// What a hidden item is called: it tells hidden items apart and finds none.
    pub(crate) fn veiled_item(&self, id: CiId) -> CiId {
        let veiled = self.veiled(&id.to_string());
        veiled.map_or(id, CiId::from_bytes)
    }

    /// The same of a change.
    pub(crate) fn veiled_change(&self, id: ChangeId) -> ChangeId {
        let veiled = self.veiled(&id.to_string());
        veiled.map_or(id, ChangeId::from_bytes)
    }

    fn veiled(&self, id: &str) -> Option<[u8; 16]> {
        let sight = self.sight.as_ref()?;
        Some(sight.access.veil(&sight.caller, id))
    }

    /// Refuses what cannot keep to what a caller of limited sight may see.
    pub(crate) fn needs_all(&self, is_asked: bool, what: &str) -> Result<()> {
        match is_asked && self.sight.is_some() {
            true => {
                let message = format!("{what} is not for tokens of limited sight");
                Err(ErrorCode::Forbidden.error(message))
            }
            false => Ok(()),
        }
    }
}
