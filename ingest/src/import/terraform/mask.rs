//! Takes out what Terraform itself marks as sensitive.

use serde_json::Value;

/// The marks of a raw state: a list of paths, each a list of steps.
pub(super) fn by_paths(values: &mut Value, marks: Option<&Value>) {
    for path in super::list(marks) {
        let mut at = Some(&mut *values);
        for step in super::list(Some(path)) {
            at = at.and_then(|value| follow(value, step));
        }
        if let Some(value) = at {
            *value = Value::Null;
        }
    }
}

/// One step: an attribute's name, or an index.
fn follow<'v>(value: &'v mut Value, step: &Value) -> Option<&'v mut Value> {
    let stated = step.get("value").unwrap_or(step);
    // An index is written with its type beside it.
    let stated = stated.get("value").unwrap_or(stated);
    match (value, stated) {
        (Value::Object(fields), Value::String(name)) => fields.get_mut(name),
        (Value::Array(entries), Value::Number(index)) => {
            let index = usize::try_from(index.as_u64()?).ok()?;
            entries.get_mut(index)
        }
        // A step into what cannot be followed, such as a set, marks all of it.
        (value, _) => Some(value),
    }
}

/// The marks of `show -json`: a value of the same form, `true` where something is sensitive.
pub(super) fn by_form(values: &mut Value, marks: Option<&Value>) {
    match (values, marks) {
        (values, Some(Value::Bool(true))) => *values = Value::Null,
        (Value::Object(fields), Some(Value::Object(marks))) => {
            for (name, mark) in marks {
                if let Some(field) = fields.get_mut(name) {
                    by_form(field, Some(mark));
                }
            }
        }
        (Value::Array(entries), Some(Value::Array(marks))) => {
            for (entry, mark) in entries.iter_mut().zip(marks) {
                by_form(entry, Some(mark));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_marked_goes_and_the_rest_stays() {
        let mut values = json!({ "a": 1, "b": { "c": [1, 2] }, "d": 3 });
        let paths = json!([
            [{ "type": "get_attr", "value": "a" }],
            [
                { "type": "get_attr", "value": "b" },
                { "type": "get_attr", "value": "c" },
                { "type": "index", "value": { "value": 1, "type": "number" } },
            ],
        ]);
        by_paths(&mut values, Some(&paths));
        assert_eq!(
            values,
            json!({ "a": null, "b": { "c": [1, null] }, "d": 3 })
        );
        let mut values = json!({ "a": 1, "b": [{ "c": 1, "d": 2 }] });
        by_form(
            &mut values,
            Some(&json!({ "a": true, "b": [{ "c": true }] })),
        );
        assert_eq!(values, json!({ "a": null, "b": [{ "c": null, "d": 2 }] }));
    }

    #[test]
    fn a_path_that_cannot_be_followed_marks_all_of_it() {
        let mut values = json!({ "set": ["x", "y"] });
        let path = json!([[{ "value": "set" }, { "type": "index", "value": { "type": "string", "value": "x" } }]]);
        by_paths(&mut values, Some(&path));
        assert_eq!(values, json!({ "set": null }));
    }
}
