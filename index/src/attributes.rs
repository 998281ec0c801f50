//! Looking through every statement about items for some attributes.
//!
//! It costs a pass over all of them. An entry of its own for every value of every item would
//! make that quicker and filling the index many times slower.

use graph::AttributeStatement;
use model::{Attributes, SourceKey};
use serde::Deserialize;

use crate::keys;
use crate::reader::read;
use crate::{Found, IndexError, IndexReader, KnownUntil};

/// Entries read at once: writers wait no longer than that.
const SCAN_ENTRIES: usize = 2_048;

/// The part of an observation that is looked at.
#[derive(Deserialize)]
struct Described {
    key: SourceKey,
    #[serde(default)]
    attributes: Attributes,
}

impl IndexReader {
    /// What every source said of some attributes of any item, in no order. No more than about
    /// `read_max` statements are looked at.
    pub fn attribute_statements(
        &self,
        names: &[String],
        until: KnownUntil,
        read_max: usize,
    ) -> Result<Found<AttributeStatement>, IndexError> {
        let mark = |name: &String| serde_json::Value::from(name.as_str()).to_string();
        let marks: Vec<String> = names.iter().map(mark).collect();
        let mut found = Found {
            entries: Vec::new(),
            truncated: false,
        };
        let mut read = 0;
        let mut before = vec![u8::MAX; keys::KEY_BYTES + 1];
        loop {
            let entries = self.last_items(&before, SCAN_ENTRIES)?;
            let Some((first, _)) = entries.first() else {
                return Ok(found);
            };
            if read_max <= read {
                found.truncated = true;
                return Ok(found);
            }
            before.clone_from(first);
            read += entries.len();
            for (key, entry) in &entries {
                if marks.iter().any(|mark| holds(entry, mark)) {
                    found.entries.extend(described(key, entry, names, until)?);
                }
            }
        }
    }
}

fn described(
    key: &[u8],
    entry: &[u8],
    names: &[String],
    until: KnownUntil,
) -> Result<Option<AttributeStatement>, IndexError> {
    let statement = read::<Described>(key, entry)?;
    let is_later = until
        .moment
        .is_some_and(|moment| moment < statement.occurred_at);
    if until.position < statement.position || is_later {
        return Ok(None);
    }
    let mut attributes = statement.said.attributes;
    attributes.retain(|name, _| names.contains(name));
    if attributes.is_empty() {
        return Ok(None);
    }
    Ok(Some(AttributeStatement {
        key: statement.said.key,
        teller: keys::subject_of(key).ok_or(IndexError::Form)?,
        occurred_at: statement.occurred_at,
        tie: statement.tie,
        position: statement.position,
        attributes,
    }))
}

/// Whether an entry holds a text; most hold none of those asked for, and need not be read.
fn holds(entry: &[u8], mark: &str) -> bool {
    let mark = mark.as_bytes();
    entry.windows(mark.len()).any(|window| window == mark)
}
