//! The folder of mappings: each file counts as it is on the disk when a delivery comes.
//!
//! A file that no longer compiles changes nothing: what it said before goes on, and is told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use model::bounds;
use serde_json::Value;
use tracing::{info, warn};

use super::meter::STEPS_MAX;
use super::program::{CODE_BYTES_MAX, Program};
use super::thread::{self, Fell};

/// How the file of a mapping ends.
const ENDING: &str = "jq";
/// Most mappings of a folder.
const MAPPINGS_MAX: usize = 1_000;

/// All mappings of a folder.
#[derive(Debug)]
pub struct Mappings {
    folder: PathBuf,
    known: Mutex<BTreeMap<String, Arc<Mapping>>>,
}

/// One mapping.
pub(crate) struct Mapping {
    name: String,
    path: PathBuf,
    state: Mutex<State>,
    /// Held while somebody waits for what it makes.
    turn: Mutex<()>,
    /// Held by every thread that runs it.
    running: Arc<()>,
    steps_max: u64,
}

#[derive(Default)]
struct State {
    /// Of the file as it was read last.
    stamp: Option<Stamp>,
    /// What counts.
    program: Option<Arc<Program>>,
    /// Why what is on the disk does not.
    broken: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    bytes: u64,
}

/// How a mapping does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingState {
    /// Its name, without the ending of its file.
    pub name: String,
    /// Why the file as it is does not count; what it said before does, if it ever compiled.
    pub broken: Option<String>,
}

impl Mappings {
    /// The mappings of a folder, which is read when somebody asks.
    pub fn of(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            known: Mutex::default(),
        }
    }

    /// How every mapping does, as its file is now. Waits for the disk.
    pub fn states(&self) -> std::io::Result<Vec<MappingState>> {
        let mut states = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let is_mapping = path.extension().is_some_and(|ending| ending == ENDING);
            let name = path.file_stem().and_then(|name| name.to_str());
            let found = name.filter(|_| is_mapping).and_then(|name| self.get(name));
            states.extend(found.map(|mapping| mapping.look()));
        }
        states.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(states)
    }

    /// A mapping by its name, if there is a file of it.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Mapping>> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let fits = !name.is_empty() && name.len() <= bounds::SOURCE_NAME_BYTES / 2;
        if !fits || name.starts_with('.') || !name.bytes().all(is_part) {
            return None;
        }
        let path = self.folder.join(format!("{name}.{ENDING}"));
        let is_there = path.is_file();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_there {
            known.remove(name);
            return None;
        }
        if MAPPINGS_MAX <= known.len() && !known.contains_key(name) {
            return None;
        }
        let mapping = known
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(Mapping::new(name.to_owned(), path)));
        Some(Arc::clone(mapping))
    }
}

impl Mapping {
    fn new(name: String, path: PathBuf) -> Self {
        Self {
            name,
            path,
            state: Mutex::default(),
            turn: Mutex::default(),
            running: Arc::new(()),
            steps_max: STEPS_MAX,
        }
    }

    /// A mapping that is in no folder.
    pub(super) fn alone(name: &str, program: Program) -> Self {
        let alone = Self::new(name.to_owned(), PathBuf::new());
        alone.state().program = Some(Arc::new(program));
        alone
    }

    /// The same, whose filter may take so many steps.
    #[cfg(test)]
    pub(super) fn within(self, steps_max: u64) -> Self {
        Self { steps_max, ..self }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Everything the mapping makes of an input, one input at a time; else why it makes nothing.
    pub(super) fn run(&self, input: Value) -> Result<Vec<Value>, String> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if 1 < Arc::strong_count(&self.running) {
            return Err("an earlier delivery still keeps it busy".to_owned());
        }
        let (program, broken) = {
            let mut state = self.state();
            self.refresh(&mut state);
            (state.program.clone(), state.broken.clone())
        };
        let Some(program) = program else {
            return Err(broken.unwrap_or_default());
        };
        thread::run(&program, input, self.steps_max, &self.running).map_err(|fell| {
            if let Fell::Panicked(_) | Fell::Endless | Fell::NoThread(_) = fell {
                warn!(mapping = %self.name, "the mapping {}: {fell}", self.name);
            }
            fell.to_string()
        })
    }

    fn look(&self) -> MappingState {
        let mut state = self.state();
        self.refresh(&mut state);
        MappingState {
            name: self.name.clone(),
            broken: state.broken.clone(),
        }
    }

    /// A panic elsewhere leaves it whole: every change of it is a single step.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compiles the file anew if it is another one now, and only then swaps.
    fn refresh(&self, state: &mut State) {
        if self.path.as_os_str().is_empty() {
            return;
        }
        let stamp = stamp(&self.path);
        if stamp.is_some() && stamp == state.stamp {
            return;
        }
        let name = &self.name;
        match read(&self.path) {
            Ok(program) => {
                info!(mapping = %name, "the mapping {name} counts as it is now");
                state.program = Some(Arc::new(program));
                state.broken = None;
            }
            Err(reason) => {
                if state.broken.as_ref() != Some(&reason) {
                    let what_counts = match state.program {
                        Some(_) => "what it said before counts on",
                        None => "nothing counts of it",
                    };
                    warn!(mapping = %name, "the mapping {name} is broken, {what_counts}: {reason}");
                }
                state.broken = Some(reason);
            }
        }
        state.stamp = stamp;
    }
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mapping")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp {
        modified: metadata.modified().ok()?,
        bytes: metadata.len(),
    })
}

fn read(path: &Path) -> Result<Program, String> {
    let failed = |error: std::io::Error| format!("could not read the file: {error}");
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if (CODE_BYTES_MAX as u64) < bytes {
        return Err(format!("a mapping has at most {CODE_BYTES_MAX} bytes"));
    }
    let code = std::fs::read_to_string(path).map_err(failed)?;
    Program::compile(&code).map_err(|broken| broken.to_string())
}
