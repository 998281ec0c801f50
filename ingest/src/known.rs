//! What a source stated before, as the estate has it: the port through which a
//! repeated listing is compared. Who holds the estate provides it.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use model::{
    CalendarRuleDeclared, CiId, LogPosition, ObservedItem, SourceKey, SourceName, Timestamp,
};
use thiserror::Error;

/// An answer that may wait for the fold.
pub type KnownFuture<'a> = Pin<Box<dyn Future<Output = Result<Stated, NotKnown>> + Send + 'a>>;

/// The rules of the calendar, as soon as the fold holds what was acknowledged.
pub type CalendarFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<CalendarRuleDeclared>, NotKnown>> + Send + 'a>>;

/// Knows what each source last stated.
pub trait Known: Send + Sync {
    /// The name a key makes: two spellings of one key make the same.
    fn name_of(&self, key: &SourceKey) -> CiId;

    /// Everything that a source last stated, with whatever was acknowledged before this is asked.
    fn stated_by<'a>(&'a self, source: &'a SourceName) -> KnownFuture<'a>;

    /// Every rule of the calendar as it is declared now, with whatever was acknowledged before this is asked.
    fn calendar(&self) -> CalendarFuture<'_>;

    /// The observation at a position. It may wait for the disk.
    fn observation(&self, position: LogPosition) -> Option<ObservedItem>;
}

/// What a source last stated.
#[derive(Clone, Debug, Default)]
pub struct Stated {
    /// The last moment of which it said everything it knew.
    pub listed_at: Option<Timestamp>,
    /// Its newest statement about each item.
    pub items: HashMap<CiId, StatedItem>,
}

/// The newest statement of a source about one item.
#[derive(Clone, Debug, PartialEq)]
pub struct StatedItem {
    /// What the source calls it.
    pub key: SourceKey,
    /// The statement's [`ObservedItem::digest`].
    pub digest: u64,
    /// Where it stands in the log.
    pub position: LogPosition,
    /// Whether the source said afterwards that the item is gone.
    pub is_ended: bool,
    /// Whether by its word the item exists on, without an end in sight.
    pub is_open: bool,
}

/// The estate does not hold yet what was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the estate is at position {reached} and catches up")]
pub struct NotKnown {
    /// Where it stands.
    pub reached: LogPosition,
}
