//! Values too large for sled: files named by their hash, never synced, checked at each read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What sled holds instead of a value: small ones as they are, large ones by hash and length.
const INLINE: u8 = 0;
const IN_FILE: u8 = 1;

/// What sled stores for a value; a large one is written to its file first.
pub(super) fn store(folder: &Path, value: &[u8], inline_bytes_max: usize) -> io::Result<Vec<u8>> {
    if value.len() <= inline_bytes_max {
        let mut stored = Vec::with_capacity(1 + value.len());
        stored.push(INLINE);
        stored.extend_from_slice(value);
        return Ok(stored);
    }
    let hash = blake3::hash(value);
    let path = path_of(folder, &hash);
    if !path.exists() {
        fs::write(path, value)?;
    }
    let mut stored = vec![IN_FILE];
    stored.extend_from_slice(hash.as_bytes());
    stored.extend_from_slice(&(value.len() as u64).to_be_bytes());
    Ok(stored)
}

/// The value behind what sled stores; an error says what is damaged.
pub(super) fn load(folder: &Path, stored: &[u8]) -> Result<Vec<u8>, String> {
    match stored.split_first() {
        Some((&INLINE, value)) => Ok(value.to_vec()),
        Some((&IN_FILE, reference)) => {
            let (hash, _) = parse(reference)?;
            let path = path_of(folder, &hash);
            let value = fs::read(&path).map_err(|error| format!("large value {hash}: {error}"))?;
            if blake3::hash(&value) != hash {
                return Err(format!("large value {hash} is not what was written"));
            }
            Ok(value)
        }
        _ => Err("a value has no known form".to_owned()),
    }
}

/// Whether a large value's file is there with its length. Its content is checked when it is read.
pub(super) fn is_there(folder: &Path, stored: &[u8]) -> bool {
    match stored.split_first() {
        Some((&INLINE, _)) => true,
        Some((&IN_FILE, reference)) => parse(reference).is_ok_and(|(hash, length)| {
            fs::metadata(path_of(folder, &hash)).is_ok_and(|file| file.len() == length)
        }),
        _ => false,
    }
}

fn parse(reference: &[u8]) -> Result<(blake3::Hash, u64), String> {
    let wrong = || "a reference to a large value has no known form".to_owned();
    let (hash, length) = reference.split_first_chunk::<32>().ok_or_else(wrong)?;
    let length = length.try_into().map_err(|_| wrong())?;
    Ok((blake3::Hash::from_bytes(*hash), u64::from_be_bytes(length)))
}

fn path_of(folder: &Path, hash: &blake3::Hash) -> PathBuf {
    folder.join(hash.to_hex().as_str())
}
