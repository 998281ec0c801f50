//! Which column becomes which part of an item, as YAML or JSON.

use serde_json::Value;
use thiserror::Error;

use crate::fields::{self, Fields, Path, Problems};
use crate::import::yaml;

/// Which column becomes which part of an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// As whose word the rows count.
    pub source: Option<String>,
    pub(super) key: KeyCells,
    pub(super) claims: Vec<(String, Cell)>,
    /// Further names of the same kind and place.
    pub(super) names: Vec<Cell>,
    /// Addresses that are its own from the moment the file speaks of.
    pub(super) addresses: Vec<Cell>,
    pub(super) display_name: Option<Cell>,
    pub(super) owner: Option<Cell>,
    pub(super) criticality: Option<Cell>,
    pub(super) attributes: Vec<(String, Cell)>,
    pub(super) relations: Vec<RelationCells>,
}

/// Where the parts of a key stand.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct KeyCells {
    pub(super) kind: Cell,
    pub(super) environment: Option<Cell>,
    pub(super) namespace: Option<Cell>,
    pub(super) name: Cell,
}

/// A relation of the row's item to one that the row names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RelationCells {
    pub(super) kind: String,
    pub(super) other_is: End,
    pub(super) other: KeyCells,
}

/// Which end of a relation the named item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Dependent,
    Provider,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// The same in every row.
    Constant(Value),
    /// A column, or a JSON pointer.
    Column {
        column: String,
        cell_type: CellType,
        required: bool,
        split: Option<String>,
    },
}

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellType {
    Any,
    Text,
    Integer,
    Number,
    Boolean,
    Time,
}

/// Why a mapping cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the mapping cannot be used: {}", .0.join("; "))]
pub struct MappingError(Vec<String>);

const TYPES: [(&str, CellType); 5] = [
    ("text", CellType::Text),
    ("integer", CellType::Integer),
    ("number", CellType::Number),
    ("boolean", CellType::Boolean),
    ("time", CellType::Time),
];

impl Mapping {
    /// Reads a mapping.
    pub fn read(text: &str) -> Result<Self, MappingError> {
        let (documents, broken) = yaml::documents(text);
        if let Some(broken) = broken {
            let reason = format!("line {} is not YAML: {}", broken.line, broken.reason);
            return Err(MappingError(vec![reason]));
        }
        let value = documents.into_iter().next().map(|document| document.value);
        let mut problems = Problems::default();
        let mapping = mapping(value.unwrap_or_default(), &mut problems);
        match mapping {
            Some(mapping) if problems.is_empty() => Ok(mapping),
            _ => {
                let told = problems.told.into_iter();
                Err(MappingError(
                    told.map(|(field, reason)| format!("{field} {reason}"))
                        .collect(),
                ))
            }
        }
    }

    /// Every column it names.
    pub(super) fn columns(&self) -> Vec<&str> {
        let keys =
            std::iter::once(&self.key).chain(self.relations.iter().map(|relation| &relation.other));
        let keys = keys.flat_map(|key| {
            let optional = [&key.environment, &key.namespace].into_iter().flatten();
            [&key.kind, &key.name].into_iter().chain(optional)
        });
        let single = [&self.display_name, &self.owner, &self.criticality];
        let named = self
            .claims
            .iter()
            .chain(&self.attributes)
            .map(|(_, cell)| cell);
        let listed = self.names.iter().chain(&self.addresses);
        let all = keys
            .chain(single.into_iter().flatten())
            .chain(named)
            .chain(listed);
        let mut columns: Vec<&str> = all.filter_map(Cell::column).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

impl Cell {
    fn column(&self) -> Option<&str> {
        match self {
            Self::Constant(_) => None,
            Self::Column { column, .. } => Some(column),
        }
    }

    /// The name of its column, for people.
    pub(super) fn label(&self) -> String {
        self.column().unwrap_or("the mapping").to_owned()
    }

    pub(super) fn is_required(&self) -> bool {
        matches!(self, Self::Column { required: true, .. })
    }

    pub(super) fn split(&self) -> Option<&str> {
        match self {
            Self::Column { split, .. } => split.as_deref(),
            Self::Constant(_) => None,
        }
    }
}

fn mapping(value: Value, problems: &mut Problems) -> Option<Mapping> {
    let mut fields = Fields::open(value, &Path::Root, problems)?;
    let source = fields.may("source", fields::line);
    let key = fields.must("key", key_cells);
    let claims = fields.may("claims", named_cells).unwrap_or_default();
    let names = fields.list("names", 64, cell);
    let addresses = fields.list("addresses", 64, cell);
    let display_name = fields.may("displayName", cell);
    let owner = fields.may("owner", cell);
    let criticality = fields.may("criticality", cell);
    let attributes = fields.may("attributes", named_cells).unwrap_or_default();
    let relations = fields.list("relations", 64, relation_cells);
    fields.close();
    Some(Mapping {
        source,
        key: key?,
        claims,
        names,
        addresses,
        display_name,
        owner,
        criticality,
        attributes,
        relations,
    })
}

fn key_cells(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<KeyCells> {
    let mut fields = Fields::open(value, path, problems)?;
    let kind = fields.must("kind", cell);
    let environment = fields.may("environment", cell);
    let namespace = fields.may("namespace", cell);
    let name = fields.must("name", cell);
    fields.close();
    Some(KeyCells {
        kind: kind?,
        environment,
        namespace,
        name: name?,
    })
}

fn named_cells(
    value: Value,
    path: &Path<'_>,
    problems: &mut Problems,
) -> Option<Vec<(String, Cell)>> {
    let Value::Object(entries) = value else {
        problems.add(path, "expected an object");
        return None;
    };
    let cells = entries.into_iter().filter_map(|(name, value)| {
        let cell = cell(value, &Path::Field(path, &name), problems)?;
        Some((name, cell))
    });
    Some(cells.collect())
}

fn relation_cells(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<RelationCells> {
    let mut fields = Fields::open(value, path, problems)?;
    let kind = fields.must("kind", fields::relation_kind);
    let dependent = fields.may("dependent", key_cells);
    let provider = fields.may("provider", key_cells);
    let ends = match (dependent, provider) {
        (Some(other), None) => Some((End::Dependent, other)),
        (None, Some(other)) => Some((End::Provider, other)),
        _ => {
            fields.problem(
                "provider",
                "or dependent is the other item; one of both is given",
            );
            None
        }
    };
    fields.close();
    let (other_is, other) = ends?;
    Some(RelationCells {
        kind: kind?.as_str().to_owned(),
        other_is,
        other,
    })
}

/// A column's name, or an object that says more.
fn cell(value: Value, path: &Path<'_>, problems: &mut Problems) -> Option<Cell> {
    if let Value::String(column) = value {
        return Some(Cell::Column {
            column,
            cell_type: CellType::Any,
            required: false,
            split: None,
        });
    }
    let mut fields = Fields::open(value, path, problems)?;
    let constant = fields.may("value", fields::value);
    let column = fields.may("column", fields::line);
    let cell_type = fields.may("type", |value, path, problems| {
        fields::word(&TYPES, value, path, problems)
    });
    let required = fields.may("required", fields::truth);
    let split = fields
        .may("split", fields::line)
        .filter(|split| !split.is_empty());
    let cell = match (constant, column) {
        (Some(value), None) => Some(Cell::Constant(value)),
        (None, Some(column)) => Some(Cell::Column {
            column,
            cell_type: cell_type.unwrap_or(CellType::Any),
            required: required.unwrap_or(false),
            split,
        }),
        _ => {
            fields.problem("column", "or value: one of both is given");
            None
        }
    };
    fields.close();
    cell
}
