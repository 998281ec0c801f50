//! The bytes of one frame: all series of one span of time, sorted, in blocks that are checked one by one.
//!
//! A frame stands for itself, so a damaged one takes nothing else with it, and a damaged block
//! only its own rows. Takes any bytes without a panic.

use model::Timestamp;

use super::level::Level;
use super::measured::{Row, Totals};

/// What every frame begins with; the digit is the format's version.
pub(super) const MAGIC: &[u8; 8] = b"EPICROL1";
/// Magic, level, start, rows, bytes of index and blocks, CRC32C of all that.
pub(super) const HEADER_BYTES: usize = 8 + 1 + 8 + 4 + 4 + 8 + 4;
/// Rows are packed together until they have so many bytes.
const BLOCK_BYTES: usize = 32 * 1024;

/// What stands at the head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) level: Level,
    /// Its first moment, Unix nanoseconds.
    pub(super) start: i64,
    pub(super) rows: u32,
    pub(super) index_bytes: u32,
    pub(super) blocks_bytes: u64,
    /// The header's checksum, which tells frames apart.
    pub(super) checksum: u32,
}

impl Header {
    /// Reads a header; nothing when these bytes are none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (head, mut rest) = bytes.split_at_checked(HEADER_BYTES - 4)?;
        let checksum = u32::from_be_bytes(take(&mut rest)?);
        let mut head_rest = head;
        let magic: [u8; 8] = take(&mut head_rest)?;
        if &magic != MAGIC || crc32c::crc32c(head) != checksum {
            return None;
        }
        let [level] = take(&mut head_rest)?;
        Some(Self {
            level: Level::of_number(level)?,
            start: i64::from_be_bytes(take(&mut head_rest)?),
            rows: u32::from_be_bytes(take(&mut head_rest)?),
            index_bytes: u32::from_be_bytes(take(&mut head_rest)?),
            blocks_bytes: u64::from_be_bytes(take(&mut head_rest)?),
            checksum,
        })
    }

    /// The bytes of the whole frame.
    pub(super) const fn frame_bytes(&self) -> u64 {
        (HEADER_BYTES as u64)
            .saturating_add(self.index_bytes as u64)
            .saturating_add(self.blocks_bytes)
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(self.level.number());
        bytes.extend_from_slice(&self.start.to_be_bytes());
        bytes.extend_from_slice(&self.rows.to_be_bytes());
        bytes.extend_from_slice(&self.index_bytes.to_be_bytes());
        bytes.extend_from_slice(&self.blocks_bytes.to_be_bytes());
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        bytes
    }
}

/// A file that was summed up into this frame, as it was then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Covered {
    /// The first moment of the file.
    pub(super) start: i64,
    /// Its length.
    pub(super) bytes: u64,
    /// The checksum of its last frame's header.
    pub(super) checksum: u32,
}

/// Where a block lies behind the index, and what it begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) offset: u64,
    pub(super) bytes: u32,
    pub(super) checksum: u32,
    pub(super) first: Box<[u8]>,
}

/// The index of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) covered: Vec<Covered>,
    pub(super) blocks: Vec<Block>,
}

impl Index {
    /// Reads an index; nothing when it is damaged.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (mut rest, mut checksum) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
        if crc32c::crc32c(rest) != u32::from_be_bytes(take(&mut checksum)?) {
            return None;
        }
        let mut index = Self::default();
        for _ in 0..take_number(&mut rest)? {
            index.covered.push(Covered {
                start: i64::from_be_bytes(take(&mut rest)?),
                bytes: take_number(&mut rest)?,
                checksum: u32::from_be_bytes(take(&mut rest)?),
            });
        }
        let mut offset = 0_u64;
        while !rest.is_empty() {
            let bytes = u32::try_from(take_number(&mut rest)?).ok()?;
            let checksum = u32::from_be_bytes(take(&mut rest)?);
            let first = take_bytes(&mut rest)?.into();
            index.blocks.push(Block {
                offset,
                bytes,
                checksum,
                first,
            });
            offset = offset.checked_add(u64::from(bytes))?;
        }
        Some(index)
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_number(&mut bytes, self.covered.len() as u64);
        for covered in &self.covered {
            bytes.extend_from_slice(&covered.start.to_be_bytes());
            put_number(&mut bytes, covered.bytes);
            bytes.extend_from_slice(&covered.checksum.to_be_bytes());
        }
        for block in &self.blocks {
            put_number(&mut bytes, u64::from(block.bytes));
            bytes.extend_from_slice(&block.checksum.to_be_bytes());
            put_bytes(&mut bytes, &block.first);
        }
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        bytes
    }

    /// The block that holds a series, if any does.
    pub(super) fn block_of(&self, series: &[u8]) -> Option<&Block> {
        let behind = self
            .blocks
            .partition_point(|block| block.first.as_ref() <= series);
        self.blocks.get(behind.checked_sub(1)?)
    }
}

/// Makes a frame of rows that come sorted by their series.
pub(super) struct FrameWriter {
    level: Level,
    start: i64,
    rows: u32,
    index: Index,
    blocks: Vec<u8>,
    /// The block in hand, unpacked, with its first and its last series.
    block: Vec<u8>,
    first: Vec<u8>,
    last: Vec<u8>,
}

impl FrameWriter {
    pub(super) fn new(level: Level, start: i64, covered: Vec<Covered>) -> Self {
        Self {
            level,
            start,
            rows: 0,
            index: Index {
                covered,
                blocks: Vec::new(),
            },
            blocks: Vec::new(),
            block: Vec::new(),
            first: Vec::new(),
            last: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, series: &[u8], row: &Row) {
        if self.block.is_empty() {
            self.first = series.to_vec();
            self.last.clear();
        }
        let shared = shared_bytes(&self.last, series);
        put_number(&mut self.block, shared as u64);
        put_bytes(&mut self.block, series.get(shared..).unwrap_or_default());
        put_row(&mut self.block, row, self.start);
        self.last.clear();
        self.last.extend_from_slice(series);
        self.rows = self.rows.saturating_add(1);
        if BLOCK_BYTES <= self.block.len() {
            self.close_block();
        }
    }

    fn close_block(&mut self) {
        if self.block.is_empty() {
            return;
        }
        let packed = lz4_flex::compress_prepend_size(&self.block);
        self.index.blocks.push(Block {
            offset: self.blocks.len() as u64,
            bytes: u32::try_from(packed.len()).expect("a block is a few kilobytes"),
            checksum: crc32c::crc32c(&packed),
            first: std::mem::take(&mut self.first).into(),
        });
        self.blocks.extend_from_slice(&packed);
        self.block.clear();
    }

    /// The bytes of the frame.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.close_block();
        let index = self.index.write();
        let header = Header {
            level: self.level,
            start: self.start,
            rows: self.rows,
            index_bytes: u32::try_from(index.len()).expect("an index is a few megabytes at most"),
            blocks_bytes: self.blocks.len() as u64,
            checksum: 0,
        };
        let mut bytes = header.write();
        bytes.extend_from_slice(&index);
        bytes.extend_from_slice(&self.blocks);
        bytes
    }
}

/// Rows of a block with their series, sorted.
pub(super) type Rows = Vec<(Vec<u8>, Row)>;

/// The rows of a packed block in their order; nothing when it is damaged.
pub(super) fn read_block(block: &Block, packed: &[u8], start: i64) -> Option<Rows> {
    if crc32c::crc32c(packed) != block.checksum {
        return None;
    }
    let bytes = lz4_flex::decompress_size_prepended(packed).ok()?;
    let mut rest = bytes.as_slice();
    let mut rows = Rows::new();
    while !rest.is_empty() {
        let shared = usize::try_from(take_number(&mut rest)?).ok()?;
        let last = rows.last().map_or(&[][..], |(series, _)| series.as_slice());
        let mut series = last.get(..shared)?.to_vec();
        series.extend_from_slice(take_bytes(&mut rest)?);
        rows.push((series, take_row(&mut rest, start)?));
    }
    Some(rows)
}

fn put_row(bytes: &mut Vec<u8>, row: &Row, start: i64) {
    let totals = &row.totals;
    put_number(bytes, totals.calls);
    put_number(bytes, totals.errors);
    put_number(bytes, totals.samples);
    put_moment(bytes, totals.first_seen_at, start);
    put_moment(bytes, totals.last_seen_at, start);
    put_bytes(bytes, &row.latency);
}

fn take_row(bytes: &mut &[u8], start: i64) -> Option<Row> {
    Some(Row {
        totals: Totals {
            calls: take_number(bytes)?,
            errors: take_number(bytes)?,
            samples: take_number(bytes)?,
            first_seen_at: take_moment(bytes, start)?,
            last_seen_at: take_moment(bytes, start)?,
        },
        latency: take_bytes(bytes)?.into(),
    })
}

/// Milliseconds from the start of the frame are fine enough for when something was seen.
fn put_moment(bytes: &mut Vec<u8>, moment: Timestamp, start: i64) {
    let millis = moment.unix_nanos().saturating_sub(start).div_euclid(MILLI);
    put_number(bytes, ((millis << 1) ^ (millis >> 63)).cast_unsigned());
}

fn take_moment(bytes: &mut &[u8], start: i64) -> Option<Timestamp> {
    let folded = take_number(bytes)?;
    let millis = (folded >> 1).cast_signed() ^ -((folded & 1).cast_signed());
    let nanos = start.checked_add(millis.checked_mul(MILLI)?)?;
    Some(Timestamp::from_unix_nanos(nanos))
}

const MILLI: i64 = 1_000_000;

fn shared_bytes(one: &[u8], other: &[u8]) -> usize {
    one.iter()
        .zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}

/// Seven bits to a byte, the lowest first.
fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while 0x80 <= number {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let [byte] = take(bytes)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn put_bytes(bytes: &mut Vec<u8>, more: &[u8]) {
    put_number(bytes, more.len() as u64);
    bytes.extend_from_slice(more);
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_number(bytes)?).ok()?;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}
