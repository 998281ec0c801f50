//! The bytes of a record.
//!
//! ```text
//!  0  magic      4   begins with a byte that no UTF-8 text holds
//!  4  checksum   4   CRC32C of the sealed part, then of 8..40
//!  8  length     4   of the whole record with its padding, a multiple of 8
//! 12  in group   4   how many records of the same sync stand before it
//! 16  position   8
//! 24  recorded   8
//! 32  in block   4   how many records of the same block stand before it
//! 36  zero       4
//! 40  sealed part, which the submitting thread prepares:
//! 40  occurred   8
//! 48  flags      1   1 the time was stated, 2 the payload is LZ4, 4 the actor has a name
//! 49  actor kind 1
//! 50  version    2   of the payload
//! 52  lengths        source 2, delivery 2, actor 2, name 1, zero 1, stored payload 4, plain payload 4
//! 68  source, delivery, actor, name, payload, zeros up to a multiple of 8
//! ```
//!
//! All numbers are little-endian. The checksum locates damage; `chain` proves that nothing was exchanged.

use model::{
    Actor, ActorKind, EventId, LogPosition, NewEvent, Occurred, SourceName, Timestamp, bounds,
};

/// Where every record and mark begins.
pub(crate) const ALIGNMENT: usize = 8;
/// Bytes before the sealed part.
pub(crate) const HEAD_BYTES: usize = 40;
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

/// What the writer adds to a sealed part.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) in_group: u32,
    pub(crate) in_block: u32,
    pub(crate) position: LogPosition,
    pub(crate) recorded_at: Timestamp,
}

/// The event has more bytes than a record takes.
pub(crate) struct TooLarge {
    /// Of its payload.
    pub(crate) bytes: usize,
}

/// Appends the record of an event, its head blank, and answers with the checksum of its sealed part.
pub(crate) fn seal(new: &NewEvent, bytes: &mut Vec<u8>) -> Result<u32, TooLarge> {
    let (name, version) = new.event.tag();
    let actor_name = new.actor.name.as_deref();
    let texts = [
        new.id.source.as_str(),
        new.id.delivery.as_str(),
        actor_name.unwrap_or(""),
    ];
    let sealed_at = bytes.len() + HEAD_BYTES;
    bytes.resize(sealed_at + FIXED_BYTES, 0);
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.extend_from_slice(name.as_bytes());
    let payload_at = bytes.len();
    new.event.encode_payload(bytes);
    let plain_bytes = bytes.len() - payload_at;
    let too_large = || TooLarge { bytes: plain_bytes };
    if bounds::EVENT_BYTES < plain_bytes {
        return Err(too_large());
    }
    let compressed = compress(bytes.get(payload_at..).unwrap_or_default());
    if let Some(compressed) = &compressed {
        bytes.truncate(payload_at);
        bytes.extend_from_slice(compressed);
    }
    let fixed = Fixed {
        new,
        version,
        text_bytes: texts.map(str::len),
        name_bytes: name.len(),
        stored_bytes: bytes.len() - payload_at,
        plain_bytes,
        compressed: compressed.is_some(),
    };
    let fixed = fixed.encode().ok_or_else(too_large)?;
    let padded = (bytes.len() - sealed_at + HEAD_BYTES).next_multiple_of(ALIGNMENT);
    bytes.resize(sealed_at - HEAD_BYTES + padded, 0);
    let sealed = bytes.get_mut(sealed_at..).unwrap_or_default();
    if let Some(place) = sealed.first_chunk_mut() {
        *place = fixed;
    }
    Ok(crc32c::crc32c(sealed))
}

/// The part of a sealed part that is equally long in each.
struct Fixed<'a> {
    new: &'a NewEvent,
    version: u16,
    text_bytes: [usize; 3],
    name_bytes: usize,
    stored_bytes: usize,
    plain_bytes: usize,
    compressed: bool,
}

impl Fixed<'_> {
    /// Its bytes; none if a length is larger than its place can say.
    fn encode(&self) -> Option<[u8; FIXED_BYTES]> {
        let new = self.new;
        let mut flags = 0;
        if matches!(new.occurred, Occurred::Stated(_)) {
            flags |= STATED;
        }
        if self.compressed {
            flags |= COMPRESSED;
        }
        if new.actor.name.is_some() {
            flags |= NAMED;
        }
        let [source, delivery, actor] = self.text_bytes;
        let mut bytes = [0; FIXED_BYTES];
        put(
            &mut bytes,
            &[
                &new.occurred.at().unix_nanos().to_le_bytes(),
                &[flags, actor_kind_code(new.actor.kind)],
                &self.version.to_le_bytes(),
                &u16::try_from(source).ok()?.to_le_bytes(),
                &u16::try_from(delivery).ok()?.to_le_bytes(),
                &u16::try_from(actor).ok()?.to_le_bytes(),
                &[u8::try_from(self.name_bytes).ok()?, 0],
                &u32::try_from(self.stored_bytes).ok()?.to_le_bytes(),
                &u32::try_from(self.plain_bytes).ok()?.to_le_bytes(),
            ],
        );
        Some(bytes)
    }
}

impl Head {
    /// Fills the blank head of a record; the checksum of its sealed part is known.
    pub(crate) fn write(&self, record: &mut [u8], sealed_checksum: u32) {
        let length = u32::try_from(record.len()).expect("a record is bounded by the largest event");
        let Some(head) = record.first_chunk_mut::<HEAD_BYTES>() else {
            return;
        };
        let (begin, covered) = head.split_at_mut(8);
        put(
            covered,
            &[
                &length.to_le_bytes(),
                &self.in_group.to_le_bytes(),
                &self.position.number().to_le_bytes(),
                &self.recorded_at.unix_nanos().to_le_bytes(),
                &self.in_block.to_le_bytes(),
            ],
        );
        let checksum = crc32c::crc32c_append(sealed_checksum, covered);
        put(begin, &[&MAGIC, &checksum.to_le_bytes()]);
    }
}

/// Writes the parts one behind the other.
fn put(mut place: &mut [u8], parts: &[&[u8]]) {
    for part in parts {
        let (begin, rest) = place.split_at_mut(part.len());
        begin.copy_from_slice(part);
        place = rest;
    }
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
    Ok(Head {
        in_group: u32_at(head, 12).ok_or(TOO_SHORT)?,
        position: LogPosition::new(u64_at(head, 16).ok_or(TOO_SHORT)?),
        recorded_at: Timestamp::from_unix_nanos(u64_at(head, 24).ok_or(TOO_SHORT)?.cast_signed()),
        in_block: u32_at(head, 32).ok_or(TOO_SHORT)?,
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
        if bounds::EVENT_BYTES < self.plain_bytes {
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
