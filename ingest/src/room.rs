//! Room for what is held at once: a counter that refuses instead of queueing.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for a number of units, events or bytes.
#[derive(Clone)]
pub(crate) struct Room {
    free: Arc<Semaphore>,
    size: u32,
}

/// Room that is taken until this is dropped.
pub(crate) struct Taken {
    room: Room,
    permit: OwnedSemaphorePermit,
}

impl Room {
    /// Room for `size` units.
    pub(crate) fn new(size: usize) -> Self {
        let size = u32::try_from(size.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        Self {
            free: Arc::new(Semaphore::new(size as usize)),
            size,
        }
    }

    /// Takes room. More than fits at all is let in when the room is empty, so that nothing is refused for ever.
    pub(crate) fn take(&self, units: usize) -> Option<Taken> {
        let units = u32::try_from(units).unwrap_or(u32::MAX).min(self.size);
        let permit = Arc::clone(&self.free).try_acquire_many_owned(units).ok()?;
        Some(Taken {
            room: self.clone(),
            permit,
        })
    }

    /// How many units are taken.
    pub(crate) fn taken(&self) -> usize {
        (self.size as usize).saturating_sub(self.free.available_permits())
    }
}

impl Taken {
    /// Takes room for more units, if there is any.
    pub(crate) fn grow(&mut self, units: usize) -> bool {
        let held = u32::try_from(self.permit.num_permits()).unwrap_or(u32::MAX);
        let left = self.room.size.saturating_sub(held);
        let units = u32::try_from(units).unwrap_or(u32::MAX).min(left);
        match Arc::clone(&self.room.free).try_acquire_many_owned(units) {
            Ok(more) => {
                self.permit.merge(more);
                true
            }
            Err(_) => false,
        }
    }
}
