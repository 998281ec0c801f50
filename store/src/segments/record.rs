//! The bytes of a record.
//!
//! ```text
//!  0  magic      4   begins with a byte that no UTF-8 text holds
//!  4  checksum   4   CRC32C of the sealed part, then of 8..64
//!  8  length     4   of the whole record with its padding, a multiple of 8
//! 12  in group   4   how many records of the same sync stand before it
//! 16  position   8
//! 24  recorded   8
//! 32  link      32   the chain up to the record before
//! 64  sealed part, which the submitting thread prepares:
//! 64  occurred   8
//! 72  flags      1   1 the time was stated, 2 the payload is LZ4, 4 the actor has a name
//! 73  actor kind 1
//! 74  version    2   of the payload
//! 76  lengths        source 2, delivery 2, actor 2, name 1, zero 1, stored payload 4, plain payload 4
//! 92  source, delivery, actor, name, payload, zeros up to a multiple of 8
//! ```
//!
//! All numbers are little-endian. The chain up to and with a record is
//! `BLAKE3(key: link, position, recorded, BLAKE3(sealed part))`.

use model::{Actor, ActorKind, EventId, LogPosition, NewEvent, Occurred, SourceName, Timestamp};

/// Where every record and mark begins.
pub(crate) const ALIGNMENT: usize = 8;
/// Bytes before the sealed part.
pub(crate) const HEAD_BYTES: usize = 64;
/// Bytes of the sealed part before its texts.
const FIXED_BYTES: usize = 28;
/// No record is shorter.
pub(crate) const RECORD_BYTES_MIN: usize = HEAD_BYTES + FIXED_BYTES;
/// Begins every record.
pub(crate) const MAGIC: [u8; 4] = [0xFF, b'r', b'e', b'c'];

const STATED: u8 = 1;
const COMPRESSED: u8 = 2;
const NAMED: u8 = 4;
/// Shorter payloads are stored as they are: compressing them costs more than it saves.
const COMPRESS_FROM_BYTES: usize = 2 * 1024;

/// The chain of hashes: of everything up to some record.
pub(crate) type Link = [u8; 32];

/// What the writer adds to a sealed part.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) in_group: u32,
    pub(crate) position: LogPosition,
    pub(crate) recorded_at: Timestamp,
    pub(crate) link: Link,
}

/// A text of the event is longer than its place in a record can say.
pub(crate) struct TooLong;

/// Appends the sealed part of the event; `payload` is its encoded payload.
pub(crate) fn seal(new: &NewEvent, payload: &[u8], bytes: &mut Vec<u8>) -> Result<(), TooLong> {
    let start = bytes.len();
    let (name, version) = new.event.tag();
    let compressed = compress(payload);
    let stored = compressed.as_deref().unwrap_or(payload);
    let actor_name = new.actor.name.as_deref();
    let mut flags = 0;
    if matches!(new.occurred, Occurred::Stated(_)) {
        flags |= STATED;
    }
    if compressed.is_some() {
        flags |= COMPRESSED;
    }
    if actor_name.is_some() {
        flags |= NAMED;
    }
    let texts = [
        new.id.source.as_str(),
        new.id.delivery.as_str(),
        actor_name.unwrap_or(""),
    ];
    bytes.extend_from_slice(&new.occurred.at().unix_nanos().to_le_bytes());
    bytes.push(flags);
    bytes.push(actor_kind_code(new.actor.kind));
    bytes.extend_from_slice(&version.to_le_bytes());
    for text in texts {
        bytes.extend_from_slice(&short(text.len())?.to_le_bytes());
    }
    bytes.push(u8::try_from(name.len()).map_err(|_| TooLong)?);
    bytes.push(0);
    bytes.extend_from_slice(&long(stored.len())?.to_le_bytes());
    bytes.extend_from_slice(&long(payload.len())?.to_le_bytes());
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(stored);
    let padded = start + (bytes.len() - start).next_multiple_of(ALIGNMENT);
    bytes.resize(padded, 0);
    Ok(())
}

/// Appends a record, its sealed part given with its checksum.
pub(crate) fn write_record(head: &Head, sealed: &[u8], sealed_checksum: u32, bytes: &mut Vec<u8>) {
    let length = u32::try_from(HEAD_BYTES + sealed.len())
        .expect("a sealed part is bounded by the largest event");
    let mut covered = [0; HEAD_BYTES - 8];
    let mut rest = covered.as_mut_slice();
    for part in [
        length.to_le_bytes().as_slice(),
        &head.in_group.to_le_bytes(),
        &head.position.number().to_le_bytes(),
        &head.recorded_at.unix_nanos().to_le_bytes(),
        &head.link,
    ] {
        let (place, behind) = rest.split_at_mut(part.len());
        place.copy_from_slice(part);
        rest = behind;
    }
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&crc32c::crc32c_append(sealed_checksum, &covered).to_le_bytes());
    bytes.extend_from_slice(&covered);
    bytes.extend_from_slice(sealed);
}

/// The digest of a sealed part, which the chain links.
pub(crate) fn digest(sealed: &[u8]) -> [u8; 32] {
    *blake3::hash(sealed).as_bytes()
}

/// The chain up to and with the record.
pub(crate) fn link_after(head: &Head, digest: &[u8; 32]) -> Link {
    let mut linked = [0; 48];
    let (numbers, rest) = linked.split_at_mut(16);
    let (position, recorded_at) = numbers.split_at_mut(8);
    position.copy_from_slice(&head.position.number().to_le_bytes());
    recorded_at.copy_from_slice(&head.recorded_at.unix_nanos().to_le_bytes());
    rest.copy_from_slice(digest);
    *blake3::keyed_hash(&head.link, &linked).as_bytes()
}

/// The length a record at the beginning of `bytes` claims, if one may begin there at all.
pub(crate) fn claimed_length(bytes: &[u8]) -> Option<usize> {
    let (magic, _) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32_at(bytes, 8)?).ok()?;
    let sound = *magic == MAGIC && RECORD_BYTES_MIN <= length && length.is_multiple_of(ALIGNMENT);
    sound.then_some(length)
}

/// The head of the record that fills `bytes`, its checksum good; an error says what does not fit.
pub(crate) fn check(bytes: &[u8]) -> Result<Head, &'static str> {
    const TOO_SHORT: &str = "it is too short";
    let (head, sealed) = bytes.split_first_chunk::<HEAD_BYTES>().ok_or(TOO_SHORT)?;
    let (begin, covered) = head.split_first_chunk::<8>().ok_or(TOO_SHORT)?;
    let checksum = crc32c::crc32c_append(crc32c::crc32c(sealed), covered);
    if !begin.starts_with(&MAGIC) || u32_at(begin, 4) != Some(checksum) {
        return Err("the checksum differs");
    }
    let in_group = u32_at(head, 12).ok_or(TOO_SHORT)?;
    let position = u64_at(head, 16).ok_or(TOO_SHORT)?;
    let recorded_at = u64_at(head, 24).ok_or(TOO_SHORT)?;
    Ok(Head {
        in_group,
        position: LogPosition::new(position),
        recorded_at: Timestamp::from_unix_nanos(recorded_at.cast_signed()),
        link: *head.last_chunk().ok_or(TOO_SHORT)?,
    })
}

/// A sealed part in a buffer.
#[derive(Clone, Copy)]
pub(crate) struct SealedView<'a> {
    pub(crate) occurred: Occurred,
    pub(crate) actor_kind: ActorKind,
    pub(crate) actor_name: Option<&'a str>,
    pub(crate) source: &'a str,
    pub(crate) delivery: &'a str,
    pub(crate) name: &'a str,
    pub(crate) version: u16,
    pub(crate) stored: &'a [u8],
    pub(crate) plain_bytes: usize,
    pub(crate) compressed: bool,
}

impl<'a> SealedView<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (fixed, mut rest) = bytes.split_first_chunk::<FIXED_BYTES>()?;
        let at = Timestamp::from_unix_nanos(u64_at(fixed, 0)?.cast_signed());
        let [flags, actor_kind] = *fixed.get(8..)?.first_chunk::<2>()?;
        let mut take = |length: usize| {
            let (part, behind) = rest.split_at_checked(length)?;
            rest = behind;
            Some(part)
        };
        let mut text = |length: usize| std::str::from_utf8(take(length)?).ok();
        let source = text(usize::from(u16_at(fixed, 12)?))?;
        let delivery = text(usize::from(u16_at(fixed, 14)?))?;
        let actor_name = text(usize::from(u16_at(fixed, 16)?))?;
        let name = text(usize::from(*fixed.get(18)?))?;
        let stored = take(usize::try_from(u32_at(fixed, 20)?).ok()?)?;
        Some(Self {
            occurred: if flags & STATED == 0 {
                Occurred::Received(at)
            } else {
                Occurred::Stated(at)
            },
            actor_kind: actor_kind_of(actor_kind)?,
            actor_name: (flags & NAMED != 0).then_some(actor_name),
            source,
            delivery,
            name,
            version: u16_at(fixed, 10)?,
            stored,
            plain_bytes: usize::try_from(u32_at(fixed, 24)?).ok()?,
            compressed: flags & COMPRESSED != 0,
        })
    }

    /// The payload as it was encoded; an error says what does not fit.
    pub(crate) fn payload(&self) -> Result<std::borrow::Cow<'a, [u8]>, &'static str> {
        if !self.compressed {
            return Ok(self.stored.into());
        }
        if model::bounds::EVENT_BYTES < self.plain_bytes {
            return Err("its payload claims to be larger than any");
        }
        match lz4_flex::block::decompress(self.stored, self.plain_bytes) {
            Ok(plain) if plain.len() == self.plain_bytes => Ok(plain.into()),
            _ => Err("its payload cannot be decompressed"),
        }
    }

    pub(crate) fn id(&self) -> EventId {
        EventId {
            source: SourceName::new(self.source),
            delivery: self.delivery.to_owned(),
        }
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor {
            kind: self.actor_kind,
            name: self.actor_name.map(str::to_owned),
        }
    }
}

/// The payload compressed, if that saves at least an eighth.
fn compress(payload: &[u8]) -> Option<Vec<u8>> {
    if payload.len() < COMPRESS_FROM_BYTES {
        return None;
    }
    let compressed = lz4_flex::block::compress(payload);
    (compressed.len() <= payload.len() / 8 * 7).then_some(compressed)
}

fn short(length: usize) -> Result<u16, TooLong> {
    u16::try_from(length).map_err(|_| TooLong)
}

fn long(length: usize) -> Result<u32, TooLong> {
    u32::try_from(length).map_err(|_| TooLong)
}

const fn actor_kind_code(kind: ActorKind) -> u8 {
    match kind {
        ActorKind::Unknown => 0,
        ActorKind::Human => 1,
        ActorKind::Automatic => 2,
    }
}

const fn actor_kind_of(code: u8) -> Option<ActorKind> {
    match code {
        0 => Some(ActorKind::Unknown),
        1 => Some(ActorKind::Human),
        2 => Some(ActorKind::Automatic),
        _ => None,
    }
}

pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}
