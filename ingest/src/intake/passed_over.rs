//! What came in and is not written because it says nothing, for those who want to look at it.

use model::SourceName;

use super::{Delivery, Intake};
use crate::decoded::Part;
use crate::suppressed::Suppressed;

/// Why a part is not kept that whoever runs the server has to read.
const NOTICE: &str = "it is for whoever runs the server, whose log has it";

impl Intake {
    /// What says nothing, since this process started.
    pub fn suppressed(&self) -> Suppressed {
        self.suppressions.read()
    }

    /// Counts what came of one source and form, with the last of it.
    pub(crate) fn passed_over(
        &self,
        name: (&SourceName, &'static str, &str),
        count: u64,
        last: &[u8],
    ) {
        self.suppressions
            .note(name, count, self.clock.now(), Some(last));
    }

    /// Counts the parts of a delivery that say nothing.
    pub(super) fn note_silent(&self, form: &'static str, delivery: &Delivery, parts: &[Part]) {
        // A part of many that brings no record of its own would show the others.
        let whole = (parts.len() == 1).then_some(delivery.body.as_slice());
        for part in parts {
            let (reason, record) = match part {
                Part::Ignored(silent) => (silent.reason, silent.record.as_deref()),
                Part::Notice(_) => (NOTICE, None),
                Part::Events(_) | Part::Rejected(_) | Part::Unknown(_) | Part::Asked(_) => continue,
            };
            let source = delivery.sender.source_or(form);
            let sample = record.map(str::as_bytes).or(whole);
            let name = (&source, form, reason);
            self.suppressions
                .note(name, 1, delivery.received_at, sample);
        }
    }
}
