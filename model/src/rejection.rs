//! What was wrong with a part of an input. It goes back to the sender.

use serde::Serialize;

/// The sender's fault: which part, which field, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The place of the part in its request, from 0.
    pub index: usize,
    /// The field, as a path such as `data.targets[3]`; empty for the whole part.
    pub field: String,
    /// Why, in words for the sender.
    pub reason: String,
}
