//! Reads events by position.

use std::sync::{Arc, Mutex, PoisonError};

use model::{EventEnvelope, LogPosition};

use super::catalog::{Catalog, Stretch};
use super::frames::{Frame, FrameError, Frames};
use super::record::{Head, SealedView};
use crate::content::{self, StoredError};
use crate::{ReadError, ReadLimit, RecordPlace};

/// Readers that go on where they stopped need no search; so many of them are remembered.
const REMEMBERED: usize = 16;

/// Reads records of durable segments.
pub(crate) struct Reader {
    catalog: Arc<Catalog>,
    /// Where recent reads ended: the next record is that of `position`.
    stops: Mutex<Vec<Stretch>>,
}

/// A record as a visitor sees it.
pub(crate) struct Seen<'a> {
    pub(crate) head: Head,
    pub(crate) sealed: SealedView<'a>,
    pub(crate) place: RecordPlace,
}

/// What a visitor wants after a record.
pub(crate) enum Visit {
    Next,
    Enough,
}

impl Reader {
    pub(crate) fn new(catalog: Arc<Catalog>) -> Self {
        Self {
            catalog,
            stops: Mutex::default(),
        }
    }

    /// The events after a position up to the durable head.
    pub(crate) fn read(
        &self,
        after: LogPosition,
        head: LogPosition,
        limit: ReadLimit,
    ) -> Result<Vec<EventEnvelope>, ReadError> {
        let mut envelopes = Vec::new();
        let mut bytes = 0;
        self.visit(after, head, |seen| {
            bytes += seen.sealed.plain_bytes;
            envelopes.push(seen.envelope()?);
            let full = limit.events <= envelopes.len() || limit.bytes <= bytes;
            Ok(if full { Visit::Enough } else { Visit::Next })
        })?;
        Ok(envelopes)
    }

    /// Shows every record after a position up to the durable head, each checked but not decoded.
    pub(crate) fn visit(
        &self,
        after: LogPosition,
        head: LogPosition,
        mut visitor: impl FnMut(&Seen<'_>) -> Result<Visit, ReadError>,
    ) -> Result<(), ReadError> {
        let mut wanted = after.next();
        while wanted <= head {
            let mut walk = Walk::over(self.stretch(wanted)?);
            while let Some(seen) = walk.next(wanted, head)? {
                wanted = wanted.next();
                if matches!(visitor(&seen)?, Visit::Enough) || head < wanted {
                    self.remember(walk.stop());
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn stretch(&self, wanted: LogPosition) -> Result<Stretch, ReadError> {
        let stop = {
            let mut stops = self.stops.lock().unwrap_or_else(PoisonError::into_inner);
            let known = stops.iter().position(|stop| stop.position == wanted);
            known.map(|index| stops.swap_remove(index))
        };
        match stop {
            Some(stop) if stop.beyond.is_some_and(|beyond| wanted < beyond) => return Ok(stop),
            Some(_) | None => {}
        }
        let found = self.catalog.find(wanted);
        let mut found = found.map_err(|source| ReadError::Io { at: wanted, source })?;
        // A segment that is written to has grown since; only the place in it still holds.
        if let Some(stop) = stop
            && stop.sequence == found.sequence
        {
            found.offset = stop.offset;
            found.position = stop.position;
        }
        Ok(found)
    }

    fn remember(&self, stop: Stretch) {
        let mut stops = self.stops.lock().unwrap_or_else(PoisonError::into_inner);
        if stops.len() == REMEMBERED {
            stops.remove(0);
        }
        stops.push(stop);
    }
}

/// A walk over the records of one stretch.
struct Walk {
    stretch: Stretch,
    frames: Frames,
}

impl Walk {
    fn over(stretch: Stretch) -> Self {
        Self {
            frames: Frames::new(Arc::clone(&stretch.file), stretch.offset, stretch.end),
            stretch,
        }
    }

    /// The wanted record, or none where the segment ends before it.
    fn next(
        &mut self,
        wanted: LogPosition,
        head: LogPosition,
    ) -> Result<Option<Seen<'_>>, ReadError> {
        loop {
            let at = self.stretch.position;
            let place = self.place();
            if self.stretch.beyond == Some(at) || head < at {
                return Ok(None);
            }
            match self.frames.advance() {
                Ok(Frame::Mark(_)) => {}
                Ok(Frame::Nothing) => return Err(damaged(at, place, "the record is missing")),
                Ok(Frame::Record(record)) if record.position != at => {
                    return Err(damaged(at, place, "another record stands in its place"));
                }
                Ok(Frame::Record(record)) => {
                    self.stretch.position = at.next();
                    if at == wanted {
                        return self.seen(record, place).map(Some);
                    }
                }
                Err(error) => return Err(frame_error(at, place, error)),
            }
        }
    }

    fn seen(&self, head: Head, place: RecordPlace) -> Result<Seen<'_>, ReadError> {
        let sealed = self.frames.sealed();
        Ok(Seen {
            head,
            place,
            sealed: sealed.map_err(|error| frame_error(head.position, place, error))?,
        })
    }

    fn place(&self) -> RecordPlace {
        RecordPlace {
            segment: self.stretch.sequence,
            offset: self.frames.offset(),
        }
    }

    fn stop(self) -> Stretch {
        Stretch {
            offset: self.frames.offset(),
            ..self.stretch
        }
    }
}

impl Seen<'_> {
    /// The whole event.
    pub(crate) fn envelope(&self) -> Result<EventEnvelope, ReadError> {
        let event = content::event(&self.sealed).map_err(|error| self.stored_error(error))?;
        Ok(EventEnvelope {
            position: self.head.position,
            recorded_at: self.head.recorded_at,
            id: self.sealed.id(),
            occurred_at: self.sealed.occurred.at(),
            actor: self.sealed.actor(),
            event,
        })
    }

    pub(crate) fn stored_error(&self, error: StoredError) -> ReadError {
        let at = self.head.position;
        match error {
            StoredError::Damaged(reason) => damaged(at, self.place, reason),
            StoredError::Upcast(source) => ReadError::Upcast { at, source },
            StoredError::Decode(source) => ReadError::Decode { at, source },
        }
    }
}

pub(crate) fn frame_error(at: LogPosition, place: RecordPlace, error: FrameError) -> ReadError {
    match error {
        FrameError::Io(source) => ReadError::Io { at, source },
        FrameError::Damaged(reason) => damaged(at, place, reason),
    }
}

fn damaged(at: LogPosition, place: RecordPlace, reason: &'static str) -> ReadError {
    ReadError::Damaged { at, place, reason }
}
