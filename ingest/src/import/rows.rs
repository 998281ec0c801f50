//! Tables and JSON lines with a mapping: one row, one item. Pure.
//!
//! The mapping says which column (of a table) or which JSON pointer (of a line)
//! becomes which part of the item. A row of which one cell is wrong is refused
//! with the name of the column; the others are kept.

mod mapping;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use model::{KeyParts, SourceKey, Timestamp, bounds};
use serde_json::Value;

use super::ImportFile;
use super::listing::{ItemWriter, Listing, Surroundings};
use super::read::pieces;
use mapping::{Cell, CellType, End, KeyCells, RelationCells};
pub use mapping::{Mapping, MappingError};

/// A table, its first row the names of the columns.
pub(super) fn decode_csv(
    files: &[ImportFile],
    mapping: &Mapping,
    around: &Surroundings,
) -> Listing {
    let mut listing = Listing::default();
    for file in files {
        let bytes = file
            .bytes
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(&file.bytes);
        let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
        let columns = match reader.headers() {
            Ok(columns) => columns.clone(),
            Err(_) => {
                listing.reject(
                    &format!("{} row 1", file.name),
                    "",
                    "is no row of UTF-8 text",
                );
                continue;
            }
        };
        let missing: Vec<&str> = mapping
            .columns()
            .into_iter()
            .filter(|wanted| !columns.iter().any(|column| column.trim() == *wanted))
            .collect();
        if !missing.is_empty() {
            for column in missing {
                listing.reject(
                    &format!("{} row 1", file.name),
                    column,
                    "is no column of this table",
                );
            }
            continue;
        }
        for (index, record) in reader.records().enumerate() {
            let place = format!("{} row {}", file.name, index + 2);
            let Ok(record) = record else {
                listing.reject(
                    &place,
                    "",
                    "has another number of cells than the first row, or is not UTF-8",
                );
                continue;
            };
            let cells = columns.iter().map(str::trim).zip(&record);
            let cells: BTreeMap<&str, &str> = cells.collect();
            let row = Row {
                find: &|column| cells.get(column).map(|text| Value::from(*text)),
            };
            row.say(&place, mapping, around, &mut listing);
        }
    }
    listing
}

/// Objects, one a line; a column is a JSON pointer.
pub(super) fn decode_json(
    files: &[ImportFile],
    mapping: &Mapping,
    around: &Surroundings,
) -> Listing {
    let mut listing = Listing::default();
    for file in files {
        for piece in pieces(&file.name, &file.bytes, &mut listing) {
            let value = &piece.value;
            let row = Row {
                find: &|pointer| value.pointer(pointer).cloned(),
            };
            row.say(&piece.place, mapping, around, &mut listing);
        }
    }
    listing
}

/// One row: its cells by the name of their column.
struct Row<'a> {
    find: &'a dyn Fn(&str) -> Option<Value>,
}

/// What is wrong with a row: the column, and why.
type Fault = (String, &'static str);

impl Row<'_> {
    fn say(&self, place: &str, mapping: &Mapping, around: &Surroundings, listing: &mut Listing) {
        let mut faults = Vec::new();
        let mut said = Listing::default();
        self.item(mapping, around, &mut said, &mut faults);
        if faults.is_empty() {
            listing.append(said);
            return;
        }
        for (column, reason) in faults {
            listing.reject(place, &column, reason);
        }
    }

    fn item(
        &self,
        mapping: &Mapping,
        around: &Surroundings,
        said: &mut Listing,
        faults: &mut Vec<Fault>,
    ) {
        let key = match self.key(&mapping.key, around) {
            Ok(Some(key)) => key,
            Ok(None) => {
                return faults.push((mapping.key.name.label(), "is empty, and names the item"));
            }
            Err(fault) => return faults.push(fault),
        };
        let mut item = ItemWriter::new(key.clone());
        let mut texts = |cell: &Cell| match self.texts(cell) {
            Ok(texts) => texts,
            Err(fault) => {
                faults.push(fault);
                Vec::new()
            }
        };
        for (scheme, cell) in &mapping.claims {
            texts(cell)
                .iter()
                .for_each(|value| item.claim(scheme, Some(value)));
        }
        for cell in &mapping.names {
            for name in texts(cell) {
                let like = KeyParts {
                    name,
                    ..key.clone()
                };
                item.also_called(like);
            }
        }
        for cell in &mapping.addresses {
            texts(cell)
                .iter()
                .for_each(|ip| item.address(Some(ip), around.at, None));
        }
        let mut one = |cell: &Option<Cell>| {
            cell.as_ref()
                .and_then(|cell| texts(cell).into_iter().next())
        };
        item.display_name(one(&mapping.display_name).as_deref());
        item.owner(one(&mapping.owner).as_deref());
        item.criticality(one(&mapping.criticality).as_deref());
        for (name, cell) in &mapping.attributes {
            match self.value(cell) {
                Ok(value) => item.attribute(name, value.unwrap_or_default()),
                Err(fault) => faults.push(fault),
            }
        }
        said.items.push(item.done());
        for relation in &mapping.relations {
            if let Err(fault) = self.relation(relation, &key, around, said) {
                faults.push(fault);
            }
        }
    }

    fn relation(
        &self,
        relation: &RelationCells,
        own: &KeyParts,
        around: &Surroundings,
        said: &mut Listing,
    ) -> Result<(), Fault> {
        for name in self.texts(&relation.other.name)? {
            let named = |cell: &Option<Cell>| self.optional(cell.as_ref());
            let environment = named(&relation.other.environment)?;
            let other = KeyParts::new(self.kind(&relation.other)?, name)
                .in_environment(environment.or_else(|| around.environment.clone()))
                .in_namespace(named(&relation.other.namespace)?);
            match relation.other_is {
                End::Provider => said.relate(own.clone(), &relation.kind, SourceKey::from(other)),
                End::Dependent => said.relate(other, &relation.kind, SourceKey::from(own.clone())),
            }
        }
        Ok(())
    }

    fn key(&self, cells: &KeyCells, around: &Surroundings) -> Result<Option<KeyParts>, Fault> {
        let kind = self.kind(cells)?;
        let Some(name) = self.optional(Some(&cells.name))? else {
            return Ok(None);
        };
        let environment = self.optional(cells.environment.as_ref())?;
        let namespace = self.optional(cells.namespace.as_ref())?;
        let key = KeyParts::new(kind, name)
            .in_environment(environment.or_else(|| around.environment.clone()))
            .in_namespace(namespace);
        let fits = key.to_string().len() <= bounds::KEY_BYTES;
        fits.then_some(Some(key))
            .ok_or((cells.name.label(), "is too long for a key"))
    }

    fn kind(&self, cells: &KeyCells) -> Result<String, Fault> {
        let kind = self.optional(Some(&cells.kind))?;
        let kind = kind.filter(|kind| kind.len() <= bounds::KIND_BYTES);
        let kind = kind.ok_or((
            cells.kind.label(),
            "is empty or too long, and names the kind",
        ))?;
        Ok(kind.to_lowercase())
    }

    fn optional(&self, cell: Option<&Cell>) -> Result<Option<String>, Fault> {
        match cell {
            Some(cell) => Ok(self.texts(cell)?.into_iter().next()),
            None => Ok(None),
        }
    }

    /// The texts of a cell: several where it is split or a list, none where it is empty.
    fn texts(&self, cell: &Cell) -> Result<Vec<String>, Fault> {
        let Some(value) = self.value(cell)? else {
            return Ok(Vec::new());
        };
        let texts = match value {
            Value::Array(entries) => entries.iter().filter_map(text).collect(),
            value => text(&value).into_iter().collect(),
        };
        Ok(texts)
    }

    /// The value of a cell, typed and checked; `None` where it is empty and may be.
    fn value(&self, cell: &Cell) -> Result<Option<Value>, Fault> {
        let fault = |reason| (cell.label(), reason);
        let (column, cell_type) = match cell {
            Cell::Constant(value) => return Ok(Some(value.clone())),
            Cell::Column {
                column, cell_type, ..
            } => (column, *cell_type),
        };
        let found = (self.find)(column).filter(|value| !is_empty(value));
        let Some(found) = found else {
            return match cell.is_required() {
                true => Err(fault("is empty, and the mapping requires it")),
                false => Ok(None),
            };
        };
        let entries = match (cell.split(), &found) {
            (Some(separator), Value::String(text)) => {
                let entries = text
                    .split(separator)
                    .map(str::trim)
                    .filter(|entry| !entry.is_empty());
                Value::Array(entries.map(Value::from).collect())
            }
            _ => found,
        };
        let typed = match entries {
            Value::Array(entries) => {
                let typed: Option<Vec<Value>> = entries
                    .into_iter()
                    .map(|entry| cell_type.of(entry))
                    .collect();
                typed.map(Value::Array)
            }
            entry => cell_type.of(entry),
        };
        typed.map(Some).ok_or_else(|| fault(cell_type.expected()))
    }
}

impl CellType {
    fn of(self, value: Value) -> Option<Value> {
        let written = value.as_str().map(str::trim);
        match self {
            Self::Any => Some(value),
            Self::Text => text(&value).map(Value::String),
            Self::Integer => match written {
                Some(text) => text.parse::<i64>().ok().map(Value::from),
                None => value.is_i64().then_some(value),
            },
            Self::Number => match written {
                Some(text) => {
                    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
                    text.parse::<i64>()
                        .map(Value::from)
                        .ok()
                        .or(number.map(Value::from))
                }
                None => value.is_number().then_some(value),
            },
            Self::Boolean => match written.map(str::to_lowercase).as_deref() {
                Some("true" | "yes" | "y" | "1" | "是") => Some(true.into()),
                Some("false" | "no" | "n" | "0" | "否") => Some(false.into()),
                Some(_) => None,
                None => value.is_boolean().then_some(value),
            },
            Self::Time => {
                let at: Timestamp = written?.parse().ok()?;
                Some(at.to_string().into())
            }
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Any | Self::Text => "is no text",
            Self::Integer => "is no whole number",
            Self::Number => "is no number",
            Self::Boolean => "is neither true nor false",
            Self::Time => "is no moment in RFC 3339",
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
    .filter(|text| !text.is_empty())
}
