//! Addresses and keys of endpoints, encrypted, a file each. The key that opens them lies in a file of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{IdSource, Timestamp};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::signature::{KeyError, Keys};
use crate::clock::RandomIds;

/// Bytes of the key that opens seals.
const KEY_BYTES: usize = 32;
/// Only we read and write it.
const OWN_MODE: u32 = 0o600;

/// What is kept of an endpoint.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    /// The whole address.
    pub(crate) url: String,
    /// The keys that sign, the newest first.
    pub(crate) keys: Vec<TimedKeys>,
}

/// Keys with the time for which they sign.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimedKeys {
    /// The keys.
    pub(crate) keys: Keys,
    /// Until when; for good when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<Timestamp>,
}

/// The sealed endpoints of one folder.
pub(crate) struct Seals {
    folder: PathBuf,
    key: LessSafeKey,
    random: SystemRandom,
}

/// Why something sealed is not to be had.
#[derive(Debug, Error)]
pub(crate) enum SealError {
    /// The disk failed.
    #[error("could not use {}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// The file with the key is of another size.
    #[error("{} does not hold {KEY_BYTES} bytes", path.display())]
    KeyFile {
        /// Which file.
        path: PathBuf,
    },
    /// It was not sealed with this key, or was altered since.
    #[error("what is sealed as {seal} does not open with this key")]
    Closed {
        /// Which seal.
        seal: String,
    },
    /// There are no random numbers, or the cipher does not take them.
    #[error("the cipher failed")]
    Cipher,
    /// The keys in it are not keys.
    #[error("the keys are not keys")]
    Keys(#[from] KeyError),
}

impl Seals {
    /// The seals of a folder, opened by the key in a file. Folder and key are made where there are none.
    pub(crate) fn open(folder: PathBuf, key_file: &Path) -> Result<Self, SealError> {
        fs::create_dir_all(&folder).map_err(|source| io_error(&folder, source))?;
        let bytes = seal_key_or_fresh(key_file)?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes).map_err(|_| SealError::Cipher)?;
        Ok(Self {
            folder,
            key: LessSafeKey::new(key),
            random: SystemRandom::new(),
        })
    }

    /// Keys that nobody had before.
    pub(crate) fn fresh_keys(&self) -> Result<Keys, SealError> {
        Keys::fresh(&self.random).map_err(|_| SealError::Cipher)
    }

    /// Something that nobody can guess, of 32 letters.
    pub(crate) fn challenge(&self) -> Result<String, SealError> {
        let mut bytes = [0; 24];
        self.random
            .fill(&mut bytes)
            .map_err(|_| SealError::Cipher)?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Seals an endpoint under a fresh name. It is on the disk when this returns.
    pub(crate) fn seal(&self, endpoint: &Endpoint) -> Result<String, SealError> {
        let seal = format!("seal_{}", RandomIds.fresh());
        let mut bytes = serde_json::to_vec(endpoint).expect("an endpoint has string keys only");
        let mut nonce = [0; NONCE_LEN];
        self.random
            .fill(&mut nonce)
            .map_err(|_| SealError::Cipher)?;
        let aad = Aad::from(seal.as_bytes());
        let unique = Nonce::assume_unique_for_key(nonce);
        let sealed = self.key.seal_in_place_append_tag(unique, aad, &mut bytes);
        sealed.map_err(|_| SealError::Cipher)?;
        let mut file = nonce.to_vec();
        file.append(&mut bytes);
        write_whole(&self.path(&seal), &file)?;
        Ok(seal)
    }

    /// What is sealed under a name.
    pub(crate) fn unseal(&self, seal: &str) -> Result<Endpoint, SealError> {
        let closed = || SealError::Closed {
            seal: seal.to_owned(),
        };
        let path = self.path(seal);
        let file = fs::read(&path).map_err(|source| io_error(&path, source))?;
        let (nonce, sealed) = file.split_first_chunk::<NONCE_LEN>().ok_or_else(closed)?;
        let mut bytes = sealed.to_vec();
        let aad = Aad::from(seal.as_bytes());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.key.open_in_place(nonce, aad, &mut bytes);
        let opened = opened.map_err(|_| closed())?;
        serde_json::from_slice(opened).map_err(|_| closed())
    }

    /// Forgets what is sealed under a name; it may be forgotten already.
    pub(crate) fn forget(&self, seal: &str) {
        let path = self.path(seal);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!("could not remove {}: {error}", path.display()),
        }
    }

    fn path(&self, seal: &str) -> PathBuf {
        let plain = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
        let name: String = seal.chars().filter(plain).collect();
        self.folder.join(name)
    }
}

/// The bytes of the key in a file.
pub(crate) fn seal_key(key_file: &Path) -> Result<Vec<u8>, SealError> {
    let mut bytes = Vec::new();
    let file = File::open(key_file).map_err(|source| io_error(key_file, source))?;
    let read = file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|source| io_error(key_file, source))?;
    match bytes.len() {
        KEY_BYTES => Ok(bytes),
        _ => Err(SealError::KeyFile {
            path: key_file.to_owned(),
        }),
    }
}

/// The same; a fresh key where there is no file.
pub(crate) fn seal_key_or_fresh(key_file: &Path) -> Result<Vec<u8>, SealError> {
    match seal_key(key_file) {
        Err(SealError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            let mut bytes = vec![0; KEY_BYTES];
            let filled = SystemRandom::new().fill(&mut bytes);
            filled.map_err(|_| SealError::Cipher)?;
            write_whole(key_file, &bytes)?;
            Ok(bytes)
        }
        read => read,
    }
}

/// Writes a file that only we read, as a whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), SealError> {
    write_own(path, bytes).map_err(|source| io_error(path, source))
}

/// The same, for whoever says themselves what failed.
pub(crate) fn write_own(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(OWN_MODE)
        .open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn io_error(path: &Path, source: io::Error) -> SealError {
    SealError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn endpoint(seals: &Seals) -> Endpoint {
        let keys = seals.fresh_keys().unwrap();
        Endpoint {
            url: "https://hooks.example.com/services/hidden-path".to_owned(),
            keys: vec![TimedKeys { keys, until: None }],
        }
    }

    #[test]
    fn what_is_sealed_opens_again_and_nothing_of_it_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let (seals_folder, key) = (folder.path().join("seals"), folder.path().join("key"));
        let seals = Seals::open(seals_folder.clone(), &key).unwrap();
        let sealed = endpoint(&seals);
        let seal = seals.seal(&sealed).unwrap();
        let again = Seals::open(seals_folder.clone(), &key).unwrap();
        assert!(again.unseal(&seal).unwrap() == sealed);
        for file in fs::read_dir(&seals_folder).unwrap() {
            let path = file.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("hidden-path") && !text.contains("keys"));
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, OWN_MODE);
        }
        assert_eq!(
            fs::metadata(&key).unwrap().permissions().mode() & 0o777,
            OWN_MODE
        );
        again.forget(&seal);
        again.forget(&seal);
        assert!(matches!(again.unseal(&seal), Err(SealError::Io { .. })));
    }

    #[test]
    fn another_key_another_name_and_a_flipped_bit_open_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let seals = Seals::open(folder.path().join("a"), &folder.path().join("key")).unwrap();
        let seal = seals.seal(&endpoint(&seals)).unwrap();
        let other = Seals::open(folder.path().join("a"), &folder.path().join("other")).unwrap();
        assert!(matches!(other.unseal(&seal), Err(SealError::Closed { .. })));
        fs::copy(seals.path(&seal), seals.path("seal_renamed")).unwrap();
        assert!(matches!(
            seals.unseal("seal_renamed"),
            Err(SealError::Closed { .. })
        ));
        let mut bytes = fs::read(seals.path(&seal)).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(seals.path(&seal), bytes).unwrap();
        assert!(matches!(seals.unseal(&seal), Err(SealError::Closed { .. })));
        fs::write(folder.path().join("short"), "x").unwrap();
        let short = Seals::open(folder.path().join("a"), &folder.path().join("short"));
        assert!(matches!(short, Err(SealError::KeyFile { .. })));
    }
}
