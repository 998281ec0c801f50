//! Names within items: a process is named by its number inside its host or container only.
//!
//! What it is inside of is identified first, by what the entity or the resource says of it, and
//! becomes part of the name. So processes of two hosts that have one number stay two.

use serde_json::{Map, Value};

/// Names that people know such an item by.
pub(super) const NAMES: [&str; 5] = [
    "process.executable.name",
    "process.command",
    "k8s.container.name",
    "container.name",
    "service.instance.id",
];

/// Entities whose ids may name them only inside something else.
struct Inside {
    kind: &'static str,
    /// Ids with one of these name it anywhere.
    unless: &'static [&'static str],
    /// What identifies the other thing, all that is known of it; of one list the first.
    by: &'static [&'static [&'static str]],
    /// What is wrong where nothing is known of it.
    needs: Option<&'static str>,
}

const INSIDE: &[Inside] = &[
    Inside {
        kind: "process",
        unless: &[],
        by: &[
            &["host.id", "host.name"],
            &["container.id"],
            &["k8s.pod.uid"],
        ],
        needs: Some(
            "names a process inside its host only; host.id, host.name, container.id or k8s.pod.uid is needed too",
        ),
    },
    Inside {
        kind: "container",
        unless: &["container.id"],
        by: &[&["k8s.pod.uid"], &["host.id", "host.name"]],
        needs: None,
    },
    Inside {
        kind: "k8s.container",
        unless: &["container.id"],
        by: &[&["k8s.pod.uid"]],
        needs: None,
    },
    Inside {
        kind: "service.instance",
        unless: &[],
        by: &[&["service.namespace"], &["service.name"]],
        needs: None,
    },
];

/// An id with what its entity is inside of, and whether it is inside of something.
pub(super) fn whole_id(
    kind: &str,
    id: &Map<String, Value>,
    known: impl Fn(&str) -> Option<String>,
) -> Result<(Map<String, Value>, bool), &'static str> {
    let mut whole = id.clone();
    let row = INSIDE.iter().find(|row| row.kind == kind);
    let row = row.filter(|row| !row.unless.iter().any(|name| id.contains_key(*name)));
    let Some(row) = row else {
        return Ok((whole, false));
    };
    let mut is_inside = false;
    for names in row.by {
        let first = names.iter().find_map(|name| Some((*name, known(name)?)));
        if let Some((name, value)) = first {
            whole.insert(name.to_owned(), value.into());
            is_inside = true;
        }
    }
    match row.needs.filter(|_| !is_inside) {
        Some(reason) => Err(reason),
        None => Ok((whole, is_inside)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The whole id of an entity whose resource says so, or what is wrong.
    fn whole(kind: &str, id: &Value, resource: &Value) -> String {
        let id = id.as_object().cloned().unwrap_or_default();
        let known = |name: &str| {
            let stated = id.get(name).or_else(|| resource.get(name))?;
            stated.as_str().map(str::to_owned)
        };
        match whole_id(kind, &id, known) {
            Ok((whole, _)) => Value::Object(whole).to_string(),
            Err(reason) => reason.to_owned(),
        }
    }

    #[test]
    fn a_process_is_named_inside_its_host_and_its_container() {
        let pid = json!({ "process.pid": 1 });
        insta::assert_snapshot!(
            whole("process", &pid, &json!({ "host.id": "h", "host.name": "n" })),
            @r#"{"host.id":"h","process.pid":1}"#
        );
        insta::assert_snapshot!(
            whole("process", &pid, &json!({ "host.name": "n", "container.id": "c" })),
            @r#"{"container.id":"c","host.name":"n","process.pid":1}"#
        );
        insta::assert_snapshot!(
            whole("process", &pid, &json!({ "service.name": "a" })),
            @"names a process inside its host only; host.id, host.name, container.id or k8s.pod.uid is needed too"
        );
    }

    #[test]
    fn what_is_named_anywhere_keeps_its_name() {
        let container = json!({ "container.id": "c" });
        insta::assert_snapshot!(
            whole("container", &container, &json!({ "host.id": "h" })),
            @r#"{"container.id":"c"}"#
        );
        let instance = json!({ "service.instance.id": "0" });
        insta::assert_snapshot!(
            whole("service.instance", &instance, &json!({ "service.name": "cart" })),
            @r#"{"service.instance.id":"0","service.name":"cart"}"#
        );
    }
}
