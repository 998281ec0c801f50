//! Names of the files of a log, and the fixed parts at both ends of a segment.
//!
//! `00000012.segment` is written to or waits to be; `00000012-00000000000000034567.sealed`
//! is complete and begins with that position. A segment gets its first name only once its
//! space is durable, and its second only once a later segment is in use: so a file that
//! is shorter than it should be was cut by somebody else, and a log whose last file is
//! sealed has lost one.

use model::{LogPosition, Timestamp};

use super::chain::Link;
use super::record::{u32_at, u64_at};

/// Length of a segment's header; the first record follows.
pub(crate) const HEADER_BYTES: usize = 128;
const HEADER_MAGIC: [u8; 7] = *b"\xFFepilog";
/// The version of all bytes of a segment.
pub(crate) const FORMAT: u8 = 2;
const TRAILER_BYTES: usize = 32;
const TRAILER_MAGIC: [u8; 8] = *b"\xFFsealed\x01";
const ENTRY_BYTES: usize = 16;

/// What a file of the directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// Open, prepared, or just about to be sealed.
    Segment(u64),
    /// Sealed, with its first position.
    Sealed(u64, LogPosition),
    /// The ids of these segments, first and last.
    Run(u64, u64),
    /// Was never finished.
    Unfinished,
    /// Not ours.
    Foreign,
}

impl Named {
    pub(crate) fn parse(name: &str) -> Self {
        let known = match name.rsplit_once('.') {
            Some((number, "segment")) => number.parse().ok().map(Self::Segment),
            Some((numbers, "sealed")) => pair(numbers)
                .map(|(sequence, first)| Self::Sealed(sequence, LogPosition::new(first))),
            Some((numbers, "ids")) => pair(numbers).map(|(first, last)| Self::Run(first, last)),
            Some((_, "unfinished")) => Some(Self::Unfinished),
            _ => None,
        };
        known.unwrap_or(Self::Foreign)
    }
}

fn pair(numbers: &str) -> Option<(u64, u64)> {
    let (first, second) = numbers.split_once('-')?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

pub(crate) fn segment_name(sequence: u64) -> String {
    format!("{sequence:08}.segment")
}

pub(crate) fn sealed_name(sequence: u64, first: LogPosition) -> String {
    format!("{sequence:08}-{first:020}.sealed")
}

pub(crate) fn run_name(first: u64, last: u64) -> String {
    format!("{first:08}-{last:08}.ids")
}

pub(crate) fn unfinished_name(what: &str) -> String {
    format!("{what}.unfinished")
}

/// The first bytes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) sequence: u64,
    /// The position of its first record.
    pub(crate) first: LogPosition,
    /// Where the records of the segment before end; 0 in the first.
    pub(crate) previous_end: u64,
    /// The length the file was prepared with.
    pub(crate) prepared: u64,
    /// The chain up to its first record.
    pub(crate) link: Link,
    /// No record of it was recorded earlier.
    pub(crate) recorded_from: Timestamp,
}

impl Header {
    /// ```text
    /// 0 magic 7, format 1, checksum of all but this field 4, zero 4, sequence 8, first 8,
    /// previous end 8, prepared 8, recorded from 8, link 32, zeros
    /// ```
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut covered = vec![0; 4];
        for number in [
            self.sequence,
            self.first.number(),
            self.previous_end,
            self.prepared,
            self.recorded_from.unix_nanos().cast_unsigned(),
        ] {
            covered.extend_from_slice(&number.to_le_bytes());
        }
        covered.extend_from_slice(&self.link);
        covered.resize(HEADER_BYTES - 12, 0);
        let mut bytes = HEADER_MAGIC.to_vec();
        bytes.push(FORMAT);
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes), &covered);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes.extend_from_slice(&covered);
        bytes
    }

    /// The version of a sound header. All versions share its length and checksum.
    pub(crate) fn format(bytes: &[u8]) -> Option<u8> {
        let bytes = bytes.first_chunk::<HEADER_BYTES>()?;
        let (begin, rest) = bytes.split_first_chunk::<8>()?;
        let (magic, format) = begin.split_first_chunk::<7>()?;
        let (checksum, covered) = rest.split_first_chunk::<4>()?;
        let expected = crc32c::crc32c_append(crc32c::crc32c(begin), covered);
        let sound = *magic == HEADER_MAGIC && *checksum == expected.to_le_bytes();
        format.first().copied().filter(|_| sound)
    }

    /// The header, if it is sound and of this version.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<HEADER_BYTES>()?;
        let sound = Self::format(bytes) == Some(FORMAT);
        let header = Self {
            sequence: u64_at(bytes, 16)?,
            first: LogPosition::new(u64_at(bytes, 24)?),
            previous_end: u64_at(bytes, 32)?,
            prepared: u64_at(bytes, 40)?,
            recorded_from: Timestamp::from_unix_nanos(u64_at(bytes, 48)?.cast_signed()),
            link: *bytes.get(56..)?.first_chunk()?,
        };
        sound.then_some(header)
    }
}

/// The end of a sealed segment: where its records end, and places to begin a search at.
///
/// A convenience: without it the segment is walked from its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Footer {
    /// Where the records end and the footer begins.
    pub(crate) end: u64,
    /// The position of the last record.
    pub(crate) last: LogPosition,
    /// Some positions in their order, with their offsets.
    pub(crate) places: Vec<(LogPosition, u64)>,
}

impl Footer {
    /// ```text
    /// places 16 each, then: count 4, checksum of all but this field 4, end 8, last 8, magic 8
    /// ```
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.places.len() * ENTRY_BYTES + TRAILER_BYTES);
        for (position, offset) in &self.places {
            bytes.extend_from_slice(&position.number().to_le_bytes());
            bytes.extend_from_slice(&offset.to_le_bytes());
        }
        let count = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let mut trailer = count.to_le_bytes().to_vec();
        for number in [self.end, self.last.number()] {
            trailer.extend_from_slice(&number.to_le_bytes());
        }
        trailer.extend_from_slice(&TRAILER_MAGIC);
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes), &trailer);
        let (count, rest) = trailer.split_at(4);
        bytes.extend_from_slice(count);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes.extend_from_slice(rest);
        bytes
    }

    /// How long the footer is, by the last bytes of the file.
    pub(crate) fn claimed_length(trailer: &[u8]) -> Option<usize> {
        let trailer = trailer.last_chunk::<TRAILER_BYTES>()?;
        let count = usize::try_from(u32_at(trailer, 0)?).ok()?;
        trailer
            .ends_with(&TRAILER_MAGIC)
            .then_some(count.checked_mul(ENTRY_BYTES)? + TRAILER_BYTES)
    }

    /// The footer that fills `bytes`, at the end of a file of `file_length`.
    pub(crate) fn parse(bytes: &[u8], file_length: u64) -> Option<Self> {
        let (entries, trailer) = bytes.split_last_chunk::<TRAILER_BYTES>()?;
        let (count, rest) = trailer.split_first_chunk::<4>()?;
        let (checksum, rest) = rest.split_first_chunk::<4>()?;
        let mut expected = crc32c::crc32c(entries);
        for part in [count.as_slice(), rest] {
            expected = crc32c::crc32c_append(expected, part);
        }
        let end = u64_at(trailer, 8)?;
        let sound = u32::from_le_bytes(*checksum) == expected
            && Self::claimed_length(trailer) == Some(bytes.len())
            && end.checked_add(bytes.len() as u64) == Some(file_length);
        let mut places = Vec::with_capacity(entries.len() / ENTRY_BYTES);
        for entry in entries.chunks_exact(ENTRY_BYTES) {
            places.push((LogPosition::new(u64_at(entry, 0)?), u64_at(entry, 8)?));
        }
        let last = LogPosition::new(u64_at(trailer, 16)?);
        sound.then_some(Self { end, last, places })
    }

    /// The length of the shortest footer.
    pub(crate) const BYTES_MIN: usize = TRAILER_BYTES;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_what_they_were_made_for() {
        let first = LogPosition::new(34_567);
        assert_eq!(Named::parse(&segment_name(12)), Named::Segment(12));
        assert_eq!(
            Named::parse(&sealed_name(12, first)),
            Named::Sealed(12, first)
        );
        assert_eq!(Named::parse(&run_name(1, 8)), Named::Run(1, 8));
        assert_eq!(Named::parse("x.segment.unfinished"), Named::Unfinished);
        for foreign in ["", ".segment", "a-1.sealed", "1.sealed", "notes.txt"] {
            assert_eq!(Named::parse(foreign), Named::Foreign, "{foreign}");
        }
    }

    #[test]
    fn a_header_of_another_version_is_told_from_a_damaged_one() {
        let header = Header {
            sequence: 3,
            first: LogPosition::new(4),
            previous_end: 5,
            prepared: 6,
            link: [7; 32],
            recorded_from: Timestamp::from_unix_nanos(-8),
        };
        let mut bytes = header.encode();
        assert_eq!(Header::format(&bytes), Some(FORMAT));
        bytes[7] = FORMAT + 1;
        assert_eq!(Header::format(&bytes), None);
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..8]), &bytes[12..]);
        bytes[8..12].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(Header::format(&bytes), Some(FORMAT + 1));
        assert_eq!(Header::parse(&bytes), None);
    }

    #[test]
    fn every_flipped_bit_of_header_and_footer_is_found() {
        let header = Header {
            sequence: 3,
            first: LogPosition::new(4),
            previous_end: 5,
            prepared: 6,
            link: [7; 32],
            recorded_from: Timestamp::from_unix_nanos(-8),
        };
        let footer = Footer {
            end: 900,
            last: LogPosition::new(9),
            places: vec![(LogPosition::new(4), 128), (LogPosition::new(7), 512)],
        };
        let (header_bytes, footer_bytes) = (header.encode(), footer.encode());
        let file_length = 900 + footer_bytes.len() as u64;
        assert_eq!(Header::parse(&header_bytes), Some(header));
        assert_eq!(Footer::parse(&footer_bytes, file_length), Some(footer));
        for bit in 0..header_bytes.len() * 8 {
            let mut flipped = header_bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::parse(&flipped), None, "bit {bit}");
        }
        for bit in 0..footer_bytes.len() * 8 {
            let mut flipped = footer_bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Footer::parse(&flipped, file_length), None, "bit {bit}");
        }
    }
}
