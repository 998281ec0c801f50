//! The bytes of one snapshot: label with its checksum, body, trailer with length and BLAKE3 of the body.
//!
//! Takes any bytes without a panic and calls good only what was written whole.

use std::io::{self, Read, Write};

use model::LogPosition;

use super::{SkipReason, SnapshotLabel};

/// What every snapshot begins with; the digit is the format's version.
const MAGIC: &[u8; 8] = b"EPICSNP1";

/// Length and hash of the body.
pub(super) const TRAILER_BYTES: u64 = 8 + 32;

/// Longest name of a projection.
const NAME_BYTES_MAX: usize = 255;

/// Magic, version, position, whether a digest is there, the digest, the name and its length, CRC32C of all that.
pub(super) fn encode_label(label: &SnapshotLabel) -> Vec<u8> {
    let name = label.name.as_bytes();
    let length = u8::try_from(name.len()).expect("a projection's name is a short constant");
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&label.version.to_be_bytes());
    bytes.extend_from_slice(&label.position.number().to_be_bytes());
    bytes.push(u8::from(label.log_digest.is_some()));
    bytes.extend_from_slice(&label.log_digest.unwrap_or_default());
    bytes.push(length);
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_be_bytes());
    bytes
}

/// Reads a label and says how long it was.
pub(super) fn read_label(file: &mut impl Read) -> Result<(SnapshotLabel, u64), SkipReason> {
    let mut read = Vec::with_capacity(8 + 4 + 8 + 1 + 32 + 1 + NAME_BYTES_MAX + 4);
    if &take::<8>(file, &mut read)? != MAGIC {
        return Err(SkipReason::Mislabelled);
    }
    let version = u32::from_be_bytes(take(file, &mut read)?);
    let position = u64::from_be_bytes(take(file, &mut read)?);
    let [has_digest] = take(file, &mut read)?;
    let digest = take::<32>(file, &mut read)?;
    let [length] = take(file, &mut read)?;
    let mut name = vec![0; usize::from(length)];
    file.read_exact(&mut name)
        .map_err(|error| reason_of(&error))?;
    read.extend_from_slice(&name);
    let expected = crc32c::crc32c(&read);
    if u32::from_be_bytes(take(file, &mut read)?) != expected {
        return Err(SkipReason::Checksum);
    }
    let label = SnapshotLabel {
        name: String::from_utf8(name).map_err(|_| SkipReason::Mislabelled)?,
        version,
        position: LogPosition::new(position),
        log_digest: (has_digest == 1).then_some(digest),
    };
    Ok((label, read.len() as u64))
}

fn take<const N: usize>(file: &mut impl Read, read: &mut Vec<u8>) -> Result<[u8; N], SkipReason> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)
        .map_err(|error| reason_of(&error))?;
    read.extend_from_slice(&bytes);
    Ok(bytes)
}

fn reason_of(error: &io::Error) -> SkipReason {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => SkipReason::Cut,
        _ => SkipReason::Unreadable,
    }
}

/// Reads a body of this length and the trailer behind it, and compares.
pub(super) fn check_body(file: &mut impl Read, body_bytes: u64) -> Result<(), SkipReason> {
    let mut hasher = blake3::Hasher::new();
    let hashed = io::copy(&mut file.by_ref().take(body_bytes), &mut hasher)
        .map_err(|error| reason_of(&error))?;
    let mut trailer = Vec::new();
    let length = u64::from_be_bytes(take(file, &mut trailer)?);
    let hash = take::<32>(file, &mut trailer)?;
    if hashed != body_bytes || length != body_bytes {
        return Err(SkipReason::Cut);
    }
    if blake3::Hash::from_bytes(hash) != hasher.finalize() {
        return Err(SkipReason::Checksum);
    }
    Ok(())
}

/// Passes bytes on and remembers their hash.
pub(super) struct Digesting<'w, W> {
    inner: &'w mut W,
    hasher: blake3::Hasher,
    written: u64,
}

impl<'w, W: Write> Digesting<'w, W> {
    pub(super) fn new(inner: &'w mut W) -> Self {
        Self {
            inner,
            hasher: blake3::Hasher::new(),
            written: 0,
        }
    }

    /// How much was written, and the trailer that says so.
    pub(super) fn finish(self) -> (u64, Vec<u8>) {
        let mut trailer = self.written.to_be_bytes().to_vec();
        trailer.extend_from_slice(self.hasher.finalize().as_bytes());
        (self.written, trailer)
    }
}

impl<W: Write> Write for Digesting<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..taken).unwrap_or_default());
        self.written += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
