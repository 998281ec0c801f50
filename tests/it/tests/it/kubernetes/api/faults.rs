//! What an API server does wrong when a test says so.

use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Api, Objects};

/// Faults that are to come, and those that last.
#[derive(Default)]
pub(super) struct Faults {
    /// Watches that began before this break is made break off in the middle of a line.
    pub(super) breaks: u64,
    /// Watches that began before this end is made end as the protocol has it.
    pub(super) ends: u64,
    /// Nobody is let in.
    pub(super) is_down: bool,
    pub(super) without_bookmarks: bool,
    /// Every line of a watch comes twice.
    pub(super) repeats: bool,
    /// So many pages will be asked for after their token expired.
    pub(super) late_pages: u32,
    /// How long a page that continues a list takes.
    pub(super) page_takes: Option<Duration>,
    /// What the next requests are answered with.
    refusals: Vec<StatusCode>,
}

impl Objects {
    /// What a request is answered with instead of what it asks for.
    pub(super) fn refuse(&mut self) -> Option<Response> {
        if self.faults.is_down {
            return Some(StatusCode::SERVICE_UNAVAILABLE.into_response());
        }
        let status = self.faults.refusals.pop()?;
        self.did.refusals += 1;
        Some((status, [(header::RETRY_AFTER, "1")]).into_response())
    }
}

impl Api {
    /// Forgets everything up to now, as compaction does.
    pub(crate) fn compact(&self) {
        let mut state = self.state();
        state.version += 1;
        state.oldest = state.version;
        for kind in state.kinds.values_mut() {
            kind.history.clear();
        }
        self.ring(state);
    }

    fn fail(&self, fault: impl FnOnce(&mut Faults)) {
        let mut state = self.state();
        fault(&mut state.faults);
        self.ring(state);
    }

    /// Breaks every watch in the middle of a line.
    pub(crate) fn break_watches(&self) {
        self.fail(|faults| faults.breaks += 1);
    }

    /// Ends every watch in order, as a server does when the time that was asked for is over.
    pub(crate) fn end_watches(&self) {
        self.fail(|faults| faults.ends += 1);
    }

    /// Answers nobody, or everybody again.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.fail(|faults| faults.is_down = is_down);
    }

    /// Sends no bookmarks, or does again.
    pub(crate) fn set_without_bookmarks(&self, without: bool) {
        self.fail(|faults| faults.without_bookmarks = without);
    }

    /// Sends every line of a watch twice, or once again.
    pub(crate) fn set_repeating(&self, repeats: bool) {
        self.fail(|faults| faults.repeats = repeats);
    }

    /// Lets so many pages come after their token expired; all that continue a list take so long.
    pub(crate) fn slow_down(&self, late_pages: u32, page_takes: Option<Duration>) {
        self.fail(|faults| {
            faults.late_pages = late_pages;
            faults.page_takes = page_takes;
        });
    }

    /// Answers so many requests with these statuses in turn.
    pub(crate) fn refuse_next(&self, times: usize, statuses: &[u16]) {
        let statuses = statuses.iter().cycle().take(times);
        let statuses = statuses.map(|status| StatusCode::from_u16(*status).expect("a status"));
        self.fail(|faults| faults.refusals.extend(statuses));
    }
}
