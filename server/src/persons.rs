//! Names of people, sealed before they stand in the log and opened when they are read from it.
//!
//! Every person has a key of its own in a file beside the log, so that forgetting somebody is destroying a key.
//! What is a person's name, `model::NewEvent::each_person` says; that the log is involved, only [`PersonsLog`] knows.

mod book;
mod log;
#[cfg(test)]
mod tests;
mod written;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use model::NameVisitor;

use crate::config::Names;
use crate::deliveries::{seal_key, seal_key_or_fresh};
use book::{Book, Entry, Secrets, io_error};
use written::{PersonKey, Written, looks_sealed};

pub(crate) use book::PersonsError;
pub(crate) use log::PersonsLog;
pub(crate) use written::{MARK, PersonId};

/// The file of keys in its folder.
const BOOK: &str = "keys";

/// Everybody who has a key, and how their names are written.
pub(crate) struct Persons {
    names: Names,
    book_path: PathBuf,
    key_file: PathBuf,
    /// Whoever changes who is known holds the book.
    book: Mutex<Option<Book>>,
    known: RwLock<Known>,
}

/// A name as it lies in the log.
pub(crate) struct SealedName {
    pub(crate) id: PersonId,
    pub(crate) text: String,
}

/// Who has a key. It grows with the number of people, as the fold does.
#[derive(Default)]
struct Known {
    /// Whether there is or was anybody.
    anybody: bool,
    keys: HashMap<PersonId, PersonKey>,
    /// Names that were sealed, and those that were opened: so a name costs the cipher once.
    sealed: HashMap<Arc<str>, Arc<str>>,
    opened: HashMap<Arc<str>, Arc<str>>,
}

impl Persons {
    /// The persons of a folder. Nothing is made before somebody is met, and a missing folder is an empty one.
    pub(crate) fn open(
        folder: &Path,
        key_file: PathBuf,
        names: Names,
    ) -> Result<Self, PersonsError> {
        let book_path = folder.join(BOOK);
        let mut known = Known::default();
        let book = match fs::read(&book_path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(io_error(&book_path, source)),
            Ok(bytes) => {
                let key = seal_key(&key_file).map_err(|source| PersonsError::Key {
                    path: book_path.clone(),
                    source,
                })?;
                let secrets = Secrets::of(&key);
                let contents = secrets.read(&book_path, &bytes)?;
                if 0 < contents.damaged {
                    tracing::warn!(
                        "{} keys of persons in {} are damaged; what they sealed reads as forgotten",
                        contents.damaged,
                        book_path.display()
                    );
                }
                known.anybody = !contents.entries.is_empty() || 0 < contents.forgotten;
                let entries = contents.entries.iter();
                known.keys = entries
                    .map(|(entry, _)| (entry.id, entry.key.clone()))
                    .collect();
                Some(Book::opened(book_path.clone(), secrets, &contents))
            }
        };
        Ok(Self {
            names,
            book_path,
            key_file,
            book: Mutex::new(book),
            known: RwLock::new(known),
        })
    }

    /// Whether a name is to be sealed. One that looks as if it were sealed is, whatever was set: nobody may
    /// state a text that is read as somebody else's name.
    fn is_to_seal(&self, name: &str) -> bool {
        match self.names {
            Names::Sealed => !name.is_empty(),
            Names::Plain => looks_sealed(name),
        }
    }

    /// Whether nothing was ever sealed here.
    fn is_unused(&self) -> bool {
        !self.known().anybody
    }

    /// Puts those of the names that are to be sealed and whose sealed form is not at hand into `unmet`.
    fn look(&self, unmet: &mut BTreeSet<String>, each_person: impl FnOnce(&mut NameVisitor<'_>)) {
        each_person(&mut |name| {
            if self.is_to_seal(name) && !self.known().sealed.contains_key(name.as_str()) {
                unmet.insert(name.clone());
            }
        });
    }

    /// Replaces the names that are to be sealed. It is done once to an event, after everybody in it was met:
    /// what is sealed looks sealed, and would be sealed again.
    fn seal(&self, each_person: impl FnOnce(&mut NameVisitor<'_>)) {
        each_person(&mut |name| {
            if self.is_to_seal(name) {
                let known = self.known();
                let sealed = known.sealed.get(name.as_str());
                *name = sealed.expect("everybody was met").as_ref().to_owned();
            }
        });
    }

    /// Gets to know people. Their keys are on the disk when this returns; it may wait for it.
    fn meet(&self, names: BTreeSet<String>) -> Result<(), PersonsError> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let book = match &mut *book {
            Some(book) => book,
            none => {
                let key = seal_key_or_fresh(&self.key_file);
                let key = key.map_err(|source| PersonsError::Key {
                    path: self.book_path.clone(),
                    source,
                })?;
                none.insert(Book::create(self.book_path.clone(), Secrets::of(&key))?)
            }
        };
        let mut met = Vec::new();
        let mut new = Vec::new();
        for name in names {
            let tag = book.tag(&name);
            let key = book.find(&tag).and_then(|id| Some((id, self.key(id)?)));
            let entry = match key {
                Some((id, key)) => Entry { id, tag, key },
                None => {
                    let entry = book.fresh(tag)?;
                    new.push(entry.clone());
                    entry
                }
            };
            let sealed = entry.key.seal(entry.id, &name);
            met.push((name, sealed.map_err(|_| PersonsError::Cipher)?, entry));
        }
        if !new.is_empty() {
            book.add(&new)?;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.anybody = true;
        for (name, sealed, entry) in met {
            let (name, sealed): (Arc<str>, Arc<str>) = (name.into(), sealed.into());
            known.keys.insert(entry.id, entry.key);
            known.sealed.insert(Arc::clone(&name), Arc::clone(&sealed));
            known.opened.insert(sealed, name);
        }
        Ok(())
    }

    /// How a name lies in the log, if it was ever sealed and is not forgotten.
    pub(crate) fn sealed_name(&self, name: &str) -> Option<SealedName> {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let book = book.as_ref()?;
        let id = book.find(&book.tag(name))?;
        let text = self.key(id)?.seal(id, name).ok()?;
        Some(SealedName { id, text })
    }

    /// Destroys the key of a name. It is gone from the disk when this returns.
    pub(crate) fn destroy(&self, name: &str) -> Result<(), PersonsError> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(book) = book.as_mut() else {
            return Ok(());
        };
        let tag = book.tag(name);
        let Some(id) = book.find(&tag) else {
            return Ok(());
        };
        book.forget(&tag)?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.keys.remove(&id);
        if let Some(sealed) = known.sealed.remove(name) {
            known.opened.remove(&sealed);
        }
        known.opened.retain(|_, opened| opened.as_ref() != name);
        Ok(())
    }

    /// The name behind a text of the log: the text itself where it is not sealed, a placeholder where its key is gone.
    fn open_name(&self, name: &mut String) {
        if !looks_sealed(name) {
            return;
        }
        let (id, opened) = {
            let known = self.known();
            if let Some(opened) = known.opened.get(name.as_str()) {
                *name = opened.as_ref().to_owned();
                return;
            }
            let Some(written) = Written::read(name) else {
                return;
            };
            let id = written.id;
            let key = known.keys.get(&id);
            (id, key.and_then(|key| written.open(key)))
        };
        let Some(opened) = opened else {
            *name = id.placeholder();
            return;
        };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let sealed: Arc<str> = std::mem::replace(name, opened.clone()).into();
        known.opened.insert(sealed, opened.into());
    }

    /// Opens every name that is shown.
    pub(crate) fn open_each(&self, each_person: impl FnOnce(&mut NameVisitor<'_>)) {
        each_person(&mut |name| self.open_name(name));
    }

    /// Whether a text of the log is a sealed name that nobody can read any more.
    fn is_forgotten(&self, text: &str) -> bool {
        let Some(written) = Written::read(text) else {
            return false;
        };
        let key = self.key(written.id);
        key.and_then(|key| written.open(&key)).is_none()
    }

    fn key(&self, id: PersonId) -> Option<PersonKey> {
        self.known().keys.get(&id).cloned()
    }

    fn known(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        // Every change leaves it whole.
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}
