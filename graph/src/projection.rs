//! What a fold over the log is.

use std::sync::Arc;

use model::EventEnvelope;

/// A fold over the log. Same events, same order, same state, on every machine.
pub trait Projection: Default {
    /// Its immutable state at one position.
    type View;
    /// Names its saved states.
    const NAME: &'static str;
    /// Raised when `apply` or the state changes; older saved states are then rebuilt.
    const VERSION: u32;

    /// Takes the next event. It cannot fail: a contradiction becomes an anomaly.
    fn apply(&mut self, envelope: &EventEnvelope);

    /// The state so far, to be shared. It costs what changed since the last one, not what exists.
    fn publish(&mut self) -> Arc<Self::View>;
}
