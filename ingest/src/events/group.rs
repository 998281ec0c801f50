//! What a sender calls a group of items.

use model::{GroupDefined, GroupWithdrawn, ItemFilter};
use serde_json::Value;

use super::withdrawal::withdrawal;
use crate::fields::{self, Fields, Path, Problems};

/// `group.defined`.
pub(super) fn defined(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<GroupDefined> {
    let mut fields = Fields::open(data, path, problems)?;
    let name = fields.must("name", fields::name);
    let description = fields.may("description", fields::text);
    let filter = fields.must("filter", filter);
    fields.close();
    Some(GroupDefined {
        name: name?,
        description,
        filter: filter?,
    })
}

/// `group.withdrawn`.
pub(super) fn withdrawn(
    data: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<GroupWithdrawn> {
    let read = (fields::name as _, fields::line as _);
    let (name, reason) = withdrawal(data, path, problems, read)?;
    Some(GroupWithdrawn { name, reason })
}

fn filter(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<ItemFilter> {
    match serde_json::from_value::<ItemFilter>(value) {
        Ok(filter) => match filter.fault() {
            None => Some(filter),
            Some(fault) => {
                problems.add(path, fault);
                None
            }
        },
        Err(error) => {
            problems.add(path, error.to_string());
            None
        }
    }
}
