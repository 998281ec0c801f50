//! The file with the keys of persons: a head, and records of one size, each encrypted by itself.
//!
//! Records are added at the end and synced before anybody needs them; one is forgotten by zeros over it.
//! A record that was cut off by a crash was promised to nobody, and the next one is written over it.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;

use super::written::{ID_BYTES, KEY_BYTES, PersonId, PersonKey};
use crate::deliveries::write_own;

/// What the file begins with; the digit is the version of the form.
const MAGIC: &[u8; 8] = b"EPICPER1";
/// By these bytes it is seen whether a key opens the file.
const CHECK_BYTES: usize = 16;
/// Magic and check.
const HEAD_BYTES: usize = MAGIC.len() + CHECK_BYTES;
/// Bytes by which a name is found again.
const TAG_BYTES: usize = 32;
/// What is encrypted of a record.
const PLAIN_BYTES: usize = ID_BYTES + TAG_BYTES + KEY_BYTES;
/// A record: nonce, what is encrypted, and the cipher's tag.
const RECORD_BYTES: usize = NONCE_LEN + PLAIN_BYTES + 16;

/// By what a person is found, whose name stands nowhere in the file.
pub(super) type NameTag = [u8; TAG_BYTES];

/// What is known of a person.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) id: PersonId,
    pub(super) tag: NameTag,
    pub(super) key: PersonKey,
}

/// The open file.
pub(super) struct Book {
    path: PathBuf,
    secrets: Secrets,
    /// Where the next record goes.
    end: u64,
    /// Who is found by which tag, and where the record lies.
    found: HashMap<NameTag, (PersonId, u64)>,
    /// After a failed sync nobody knows what is on the disk.
    failed: bool,
}

/// What of a file could be read.
pub(super) struct Contents {
    /// The persons and where their records lie.
    pub(super) entries: Vec<(Entry, u64)>,
    /// Records that were overwritten.
    pub(super) forgotten: u64,
    /// Records that do not open.
    pub(super) damaged: u64,
    /// Where the next record goes.
    pub(super) end: u64,
}

/// Why keys of persons are not to be had.
#[derive(Debug, Error)]
pub(crate) enum PersonsError {
    /// The disk failed.
    #[error("could not use {}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// The key of the folder is not to be had.
    #[error("could not read the key that opens {}", path.display())]
    Key {
        /// The file that it opens.
        path: PathBuf,
        /// Why.
        source: crate::deliveries::SealError,
    },
    /// It is no such file.
    #[error("{} does not begin as a file with keys of persons does", path.display())]
    NoBook {
        /// Which file.
        path: PathBuf,
    },
    /// Another key made it.
    #[error(
        "the seal key does not open {}: bring back the key that it was made with, or remove the file, and its names are unreadable for ever",
        path.display()
    )]
    OtherKey {
        /// Which file.
        path: PathBuf,
    },
    /// A sync failed before.
    #[error("{} takes no more until restart, since it could not be written before", path.display())]
    Failed {
        /// Which file.
        path: PathBuf,
    },
    /// There are no random numbers, or the cipher does not take them.
    #[error("the cipher failed")]
    Cipher,
}

/// What is made of the folder's key for this file only.
pub(super) struct Secrets {
    wrap: LessSafeKey,
    tag: hmac::Key,
    check: [u8; CHECK_BYTES],
    random: SystemRandom,
}

impl Secrets {
    /// From the key of the folder.
    pub(super) fn of(seal_key: &[u8]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, seal_key);
        let derived = |what: &str| hmac::sign(&root, format!("persons: {what}").as_bytes());
        let wrap = UnboundKey::new(&AES_256_GCM, derived("wrap").as_ref());
        let check = derived("check").as_ref().first_chunk().copied();
        Self {
            wrap: LessSafeKey::new(wrap.expect("HMAC with SHA-256 gives 32 bytes")),
            tag: hmac::Key::new(hmac::HMAC_SHA256, derived("tag").as_ref()),
            check: check.expect("HMAC with SHA-256 gives 32 bytes"),
            random: SystemRandom::new(),
        }
    }

    /// By what a name is found.
    pub(super) fn tag(&self, name: &str) -> NameTag {
        let tag = hmac::sign(&self.tag, name.as_bytes());
        let tag = tag.as_ref().first_chunk().copied();
        tag.expect("HMAC with SHA-256 gives 32 bytes")
    }

    /// A person whom nobody met before.
    pub(super) fn fresh(&self, tag: NameTag) -> Result<Entry, PersonsError> {
        let mut bytes = [0; ID_BYTES + KEY_BYTES];
        self.fill(&mut bytes)?;
        let (id, key) = bytes.split_first_chunk().expect("it has the room of both");
        let mut entry = Entry {
            id: PersonId(*id),
            tag,
            key: PersonKey([0; KEY_BYTES]),
        };
        entry.key.0.copy_from_slice(key);
        Ok(entry)
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), PersonsError> {
        self.random.fill(bytes).map_err(|_| PersonsError::Cipher)
    }

    fn head(&self) -> Vec<u8> {
        [MAGIC.as_slice(), &self.check].concat()
    }

    fn record(&self, entry: &Entry) -> Result<Vec<u8>, PersonsError> {
        let mut nonce = [0; NONCE_LEN];
        self.fill(&mut nonce)?;
        let mut plain = Vec::with_capacity(RECORD_BYTES);
        plain.extend_from_slice(&entry.id.0);
        plain.extend_from_slice(&entry.tag);
        plain.extend_from_slice(&entry.key.0);
        let unique = Nonce::assume_unique_for_key(nonce);
        let sealed = self
            .wrap
            .seal_in_place_append_tag(unique, Aad::from(MAGIC), &mut plain);
        sealed.map_err(|_| PersonsError::Cipher)?;
        let mut record = nonce.to_vec();
        record.append(&mut plain);
        Ok(record)
    }

    fn entry(&self, record: &[u8]) -> Option<Entry> {
        let (nonce, sealed) = record.split_first_chunk::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut sealed = sealed.to_vec();
        let plain = self
            .wrap
            .open_in_place(nonce, Aad::from(MAGIC), &mut sealed);
        let (id, rest) = plain.ok()?.split_first_chunk::<ID_BYTES>()?;
        let (tag, rest) = rest.split_first_chunk::<TAG_BYTES>()?;
        let (key, _) = rest.split_first_chunk::<KEY_BYTES>()?;
        Some(Entry {
            id: PersonId(*id),
            tag: *tag,
            key: PersonKey(*key),
        })
    }

    /// Reads a whole file.
    pub(super) fn read(&self, path: &Path, bytes: &[u8]) -> Result<Contents, PersonsError> {
        let here = || path.to_owned();
        let (head, records) = bytes
            .split_first_chunk::<HEAD_BYTES>()
            .ok_or_else(|| PersonsError::NoBook { path: here() })?;
        if !head.starts_with(MAGIC) {
            return Err(PersonsError::NoBook { path: here() });
        }
        if head.as_slice() != self.head() {
            return Err(PersonsError::OtherKey { path: here() });
        }
        let mut contents = Contents {
            entries: Vec::new(),
            forgotten: 0,
            damaged: 0,
            end: HEAD_BYTES as u64,
        };
        for record in records.chunks_exact(RECORD_BYTES) {
            match self.entry(record) {
                Some(entry) => contents.entries.push((entry, contents.end)),
                None if record.iter().all(|byte| *byte == 0) => contents.forgotten += 1,
                None => contents.damaged += 1,
            }
            contents.end += RECORD_BYTES as u64;
        }
        Ok(contents)
    }
}

impl Book {
    /// The file that was read.
    pub(super) fn opened(path: PathBuf, secrets: Secrets, contents: &Contents) -> Self {
        let entries = contents.entries.iter();
        Self {
            path,
            secrets,
            end: contents.end,
            found: entries
                .map(|(entry, at)| (entry.tag, (entry.id, *at)))
                .collect(),
            failed: false,
        }
    }

    /// A file that nobody is in yet. It and its folder are on the disk when this returns.
    pub(super) fn create(path: PathBuf, secrets: Secrets) -> Result<Self, PersonsError> {
        let made = (|| {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
                if let Some(above) = folder.parent() {
                    File::open(above)?.sync_all()?;
                }
            }
            write_own(&path, &secrets.head())
        })();
        made.map_err(|source| io_error(&path, source))?;
        Ok(Self {
            path,
            secrets,
            end: HEAD_BYTES as u64,
            found: HashMap::new(),
            failed: false,
        })
    }

    /// By what a name is found.
    pub(super) fn tag(&self, name: &str) -> NameTag {
        self.secrets.tag(name)
    }

    /// A person whom nobody met before; not in the file yet.
    pub(super) fn fresh(&self, tag: NameTag) -> Result<Entry, PersonsError> {
        self.secrets.fresh(tag)
    }

    /// Who is found by a tag.
    pub(super) fn find(&self, tag: &NameTag) -> Option<PersonId> {
        self.found.get(tag).map(|(id, _)| *id)
    }

    /// Adds persons. They are on the disk when this returns.
    pub(super) fn add(&mut self, entries: &[Entry]) -> Result<(), PersonsError> {
        let mut bytes = Vec::with_capacity(entries.len() * RECORD_BYTES);
        for entry in entries {
            bytes.append(&mut self.secrets.record(entry)?);
        }
        self.write(self.end, &bytes)?;
        for entry in entries {
            self.found.insert(entry.tag, (entry.id, self.end));
            self.end += RECORD_BYTES as u64;
        }
        Ok(())
    }

    /// Writes zeros over whoever is found by a tag. They are on the disk when this returns.
    pub(super) fn forget(&mut self, tag: &NameTag) -> Result<(), PersonsError> {
        let Some((_, at)) = self.found.get(tag).copied() else {
            return Ok(());
        };
        self.write(at, &[0; RECORD_BYTES])?;
        self.found.remove(tag);
        Ok(())
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), PersonsError> {
        if self.failed {
            let path = self.path.clone();
            return Err(PersonsError::Failed { path });
        }
        let written = (|| {
            let file = OpenOptions::new().write(true).open(&self.path)?;
            file.write_all_at(bytes, at)?;
            file.sync_all()
        })();
        self.failed = written.is_err();
        written.map_err(|source| io_error(&self.path, source))
    }
}

pub(super) fn io_error(path: &Path, source: io::Error) -> PersonsError {
    PersonsError::Io {
        path: path.to_owned(),
        source,
    }
}
