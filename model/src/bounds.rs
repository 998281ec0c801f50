//! Named limits on everything that enters. Lengths are in bytes of UTF-8.
//!
//! A decoder refuses what is beyond them and names the field; behind the
//! decoder they hold.

/// Longest name of a source.
pub const SOURCE_NAME_BYTES: usize = 256;
/// Longest id a sender gives to an event, change or incident.
pub const SOURCE_ID_BYTES: usize = 1024;
/// Longest key, claim value or alias.
pub const KEY_BYTES: usize = 1024;
/// Longest kind of item, relation or change.
pub const KIND_BYTES: usize = 128;
/// Longest title, display name, operator or other one-line text.
pub const LINE_BYTES: usize = 1024;
/// Longest description, release note or plan.
pub const TEXT_BYTES: usize = 64 * 1024;
/// Longest encoded attribute value.
pub const ATTRIBUTE_VALUE_BYTES: usize = 4 * 1024;
/// Most attributes, labels, claims or aliases of one item (each).
pub const ATTRIBUTES_MAX: usize = 256;
/// Most targets of one change, or items of one incident.
pub const TARGETS_MAX: usize = 10_000;
/// Most batches of one change.
pub const BATCHES_MAX: usize = 1_000;
/// Most check results, links, artifacts, code references, shields or value changes of one change (each).
pub const DETAILS_MAX: usize = 256;
/// Most relations in one list of an item; a longer one is no list but single statements.
pub const LISTED_RELATIONS_MAX: usize = 1_000;
/// Most values of an enumeration, or kinds and sources named by one definition (each).
pub const DEFINED_NAMES_MAX: usize = 1_000;
/// Longest regular expression of an attribute.
pub const PATTERN_BYTES: usize = 1024;
/// Deepest nesting of a JSON value that enters.
pub const JSON_DEPTH_MAX: usize = 32;
/// Most events in one request of our own form.
pub const EVENTS_PER_REQUEST_MAX: usize = 10_000;
/// Largest body of one intake request, after decompression.
pub const BODY_BYTES: usize = 16 * 1024 * 1024;
/// Largest encoded payload of one event.
pub const EVENT_BYTES: usize = 4 * 1024 * 1024;
/// Incidents that one statement says an incident belongs with, or does not.
pub const INCIDENTS_JUDGED_MAX: usize = 1_000;
