//! The history of the event schema, on JSON. It never uses today's types.
//!
//! A payload change is a new version of its event, one new file here, and a golden pair.
//! A released step is never edited.

use serde_json::Value;
use thiserror::Error;

/// One step: the payload of `name` at version `from` becomes that of version `from + 1`.
struct Step {
    name: &'static str,
    from: u16,
    apply: fn(Value) -> Result<Value, String>,
}

/// Every step ever released, in order. There is none yet.
const STEPS: &[Step] = &[];

/// Why an old payload cannot be brought to the newest version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UpcastError {
    /// It was written by a newer program.
    #[error("{name} version {version} is newer than this program knows ({newest})")]
    FromTheFuture {
        /// The stored name.
        name: String,
        /// The stored version.
        version: u16,
        /// The newest version known.
        newest: u16,
    },
    /// A step is missing.
    #[error("no step leads from {name} version {version} on")]
    NoStep {
        /// The stored name.
        name: String,
        /// The version without a step.
        version: u16,
    },
    /// The payload does not fit the version it claims.
    #[error("{name} version {version} does not fit: {reason}")]
    Misfit {
        /// The stored name.
        name: String,
        /// The stored version.
        version: u16,
        /// What does not fit.
        reason: String,
    },
}

/// Brings a payload from its stored version to `newest`.
pub fn upcast(name: &str, version: u16, newest: u16, payload: Value) -> Result<Value, UpcastError> {
    upcast_with(STEPS, name, version, newest, payload)
}

fn upcast_with(
    steps: &[Step],
    name: &str,
    version: u16,
    newest: u16,
    mut payload: Value,
) -> Result<Value, UpcastError> {
    if newest < version {
        return Err(UpcastError::FromTheFuture {
            name: name.to_owned(),
            version,
            newest,
        });
    }
    for current in version..newest {
        let step = steps
            .iter()
            .find(|step| step.name == name && step.from == current)
            .ok_or_else(|| UpcastError::NoStep {
                name: name.to_owned(),
                version: current,
            })?;
        payload = (step.apply)(payload).map_err(|reason| UpcastError::Misfit {
            name: name.to_owned(),
            version: current,
            reason,
        })?;
    }
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const RENAME: Step = Step {
        name: "thing.seen",
        from: 1,
        apply: |mut payload| {
            let fields = payload.as_object_mut().ok_or("not an object")?;
            let old = fields.remove("old").ok_or("field old is missing")?;
            fields.insert("new".into(), old);
            Ok(payload)
        },
    };

    #[test]
    fn a_payload_climbs_step_by_step() {
        let climbed = upcast_with(&[RENAME], "thing.seen", 1, 2, json!({"old": 1}));
        assert_eq!(climbed, Ok(json!({"new": 1})));
        let newest = upcast_with(&[RENAME], "thing.seen", 2, 2, json!({"new": 1}));
        assert_eq!(newest, Ok(json!({"new": 1})));
    }

    #[test]
    fn what_cannot_climb_says_why() {
        let refused = |version, newest, payload| {
            upcast_with(&[RENAME], "thing.seen", version, newest, payload)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused(3, 2, json!({})),
            "thing.seen version 3 is newer than this program knows (2)"
        );
        assert_eq!(
            refused(1, 3, json!({"old": 1})),
            "no step leads from thing.seen version 2 on"
        );
        assert_eq!(
            refused(1, 2, json!({})),
            "thing.seen version 1 does not fit: field old is missing"
        );
    }
}
