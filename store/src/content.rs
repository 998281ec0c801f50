//! What makes two deliveries of one id the same event.

use model::{NewEvent, Occurred};

/// Whether a second delivery says what the first one said.
///
/// The time counts only when the sender stated it: a retry of an event without
/// one is received later and is still the same event.
pub(crate) fn same_content(first: &NewEvent, second: &NewEvent) -> bool {
    same_occurred(first.occurred, second.occurred)
        && first.actor == second.actor
        && first.event == second.event
}

/// Whether two deliveries state the same time, or both state none.
pub(crate) fn same_occurred(first: Occurred, second: Occurred) -> bool {
    match (first, second) {
        (Occurred::Stated(first), Occurred::Stated(second)) => first == second,
        (Occurred::Received(_), Occurred::Received(_)) => true,
        (Occurred::Stated(_), Occurred::Received(_))
        | (Occurred::Received(_), Occurred::Stated(_)) => false,
    }
}
