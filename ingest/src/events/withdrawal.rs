//! What every withdrawal of something declared says: of what, and why.

use serde_json::Value;

use crate::fields::{Fields, Path, Problems};

/// A field of an event.
type Read<T> = fn(Value, &Path<'_>, &mut Problems) -> Option<T>;

/// The name, as `name` reads it, and the reason, within the bound of `reason`.
pub(super) fn withdrawal<T>(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
    (name, reason): (Read<T>, Read<String>),
) -> Option<(T, Option<String>)> {
    let mut fields = Fields::open(data, path, problems)?;
    let name = fields.must("name", name);
    let reason = fields.may("reason", reason);
    fields.close();
    Some((name?, reason))
}
