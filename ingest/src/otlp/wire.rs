//! The protobuf wire format, read in place and written where an answer needs it.
//!
//! It knows tags, lengths and groups, not what a field means. A field nobody
//! asks for is checked to lie within its message, and is otherwise skipped.
//! The walk over fields is inlined wherever it is used: it is the innermost
//! loop of the intake, and that alone makes it a third faster.

use thiserror::Error;

/// Deepest nesting of groups that is skipped.
const GROUP_DEPTH_MAX: usize = 64;

/// Why bytes are no protobuf message of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum WireError {
    /// A field ends behind its message.
    #[error("a field is longer than its message")]
    Truncated,
    /// A number has more than ten bytes or more than 64 bits.
    #[error("a variable-length number is too long")]
    Varint,
    /// A tag has no field number or a wire type that does not exist.
    #[error("a tag is not valid")]
    Tag,
    /// A known field is encoded in another way than its type demands.
    #[error("field {0} is encoded in another way than its type demands")]
    WireType(u32),
    /// A group is not closed by its own number, or nested too deep.
    #[error("a group is not closed")]
    Group,
    /// A text is not UTF-8.
    #[error("field {0} is not UTF-8")]
    Utf8(u32),
}

/// One field of a message, still encoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    /// Its number.
    pub(crate) number: u32,
    value: Value<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
    Group,
}

/// Goes through the fields of one message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of an encoded message.
    pub(crate) const fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field, or `None` at the end.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Result<Option<Field<'a>>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = self.tag()?;
        let value = match wire_type {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| WireError::Truncated)?;
                Value::Bytes(self.take(length)?)
            }
            3 => {
                self.skip_group(number, 0)?;
                Value::Group
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(WireError::Tag),
        };
        Ok(Some(Field { number, value }))
    }

    #[inline(always)]
    fn tag(&mut self) -> Result<(u32, u8), WireError> {
        let tag = u32::try_from(self.varint()?).map_err(|_| WireError::Tag)?;
        let number = tag >> 3;
        if number == 0 {
            return Err(WireError::Tag);
        }
        Ok((number, (tag & 7) as u8))
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u64, WireError> {
        match self.rest.split_first() {
            Some((byte, rest)) if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut number = 0_u64;
        for shift in (0..70).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(WireError::Truncated)?;
            self.rest = rest;
            if shift == 63 && 1 < *byte {
                return Err(WireError::Varint);
            }
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Ok(number);
            }
        }
        Err(WireError::Varint)
    }

    #[inline(always)]
    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn skip_group(&mut self, number: u32, depth: usize) -> Result<(), WireError> {
        if GROUP_DEPTH_MAX <= depth {
            return Err(WireError::Group);
        }
        loop {
            match self.tag()? {
                (_, 0) => drop(self.varint()?),
                (_, 1) => drop(self.array::<8>()?),
                (_, 2) => {
                    let length =
                        usize::try_from(self.varint()?).map_err(|_| WireError::Truncated)?;
                    self.take(length)?;
                }
                (inner, 3) => self.skip_group(inner, depth + 1)?,
                (inner, 4) if inner == number => return Ok(()),
                (_, 5) => drop(self.array::<4>()?),
                (_, 4) => return Err(WireError::Group),
                _ => return Err(WireError::Tag),
            }
        }
    }
}

impl<'a> Field<'a> {
    /// The field as bytes or an embedded message.
    #[inline]
    pub(crate) fn bytes(self) -> Result<&'a [u8], WireError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(WireError::WireType(self.number)),
        }
    }

    /// The field as text.
    #[inline]
    pub(crate) fn text(self) -> Result<&'a str, WireError> {
        str::from_utf8(self.bytes()?).map_err(|_| WireError::Utf8(self.number))
    }

    /// The field as a variable-length number.
    #[inline]
    pub(crate) fn varint(self) -> Result<u64, WireError> {
        match self.value {
            Value::Varint(number) => Ok(number),
            _ => Err(WireError::WireType(self.number)),
        }
    }

    /// The field as an enumeration: its low 32 bits, as protobuf reads one.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "protobuf cuts an enumeration to 32 bits"
    )]
    pub(crate) fn enumeration(self) -> Result<i32, WireError> {
        self.varint().map(|number| number as i32)
    }

    /// The field as a fixed 64-bit number.
    #[inline]
    pub(crate) fn fixed64(self) -> Result<u64, WireError> {
        match self.value {
            Value::Fixed64(number) => Ok(number),
            _ => Err(WireError::WireType(self.number)),
        }
    }

    /// The field as a fixed 32-bit number.
    #[inline]
    pub(crate) fn fixed32(self) -> Result<u32, WireError> {
        match self.value {
            Value::Fixed32(number) => Ok(number),
            _ => Err(WireError::WireType(self.number)),
        }
    }
}

/// Writes the few messages we answer with.
#[derive(Clone, Debug, Default)]
pub(crate) struct MessageWriter {
    bytes: Vec<u8>,
}

impl MessageWriter {
    /// Adds a number; zero is the default and is left out.
    #[must_use]
    pub(crate) fn number(mut self, field: u32, number: u64) -> Self {
        if number != 0 {
            self.varint(u64::from(field << 3));
            self.varint(number);
        }
        self
    }

    /// Adds bytes, text or an embedded message; an empty one is left out.
    #[must_use]
    pub(crate) fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        if !bytes.is_empty() {
            self.varint(u64::from(field << 3 | 2));
            self.varint(bytes.len() as u64);
            self.bytes.extend_from_slice(bytes);
        }
        self
    }

    /// The encoded message.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "seven bits fit into a byte"
    )]
    fn varint(&mut self, mut number: u64) {
        while 0x7f < number {
            self.bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(bytes: &[u8]) -> String {
        let mut fields = Fields::of(bytes);
        let mut seen = String::new();
        loop {
            match fields.next() {
                Ok(Some(field)) => seen += &format!("{}={:?} ", field.number, field.value),
                Ok(None) => return seen,
                Err(error) => return seen + &error.to_string(),
            }
        }
    }

    #[test]
    fn every_wire_type_is_read_and_groups_are_skipped() {
        assert_eq!(walk(&[0x08, 0x96, 0x01]), "1=Varint(150) ");
        assert_eq!(walk(&[0x12, 2, 7, 8]), "2=Bytes([7, 8]) ");
        assert_eq!(walk(&[0x0d, 1, 0, 0, 0]), "1=Fixed32(1) ");
        assert_eq!(walk(&[0x09, 1, 0, 0, 0, 0, 0, 0, 0]), "1=Fixed64(1) ");
        let nested = [0x0b, 0x13, 0x08, 0x01, 0x14, 0x12, 1, 9, 0x0c, 0x10, 5];
        assert_eq!(walk(&nested), "1=Group 2=Varint(5) ");
    }

    #[test]
    fn what_is_not_protobuf_is_refused_by_reason() {
        assert_eq!(walk(&[0x12, 3, 7]), WireError::Truncated.to_string());
        assert_eq!(walk(&[0x00]), WireError::Tag.to_string());
        assert_eq!(walk(&[0x0f]), WireError::Tag.to_string());
        assert_eq!(walk(&[0x0c]), WireError::Tag.to_string());
        assert_eq!(walk(&[0x0b, 0x14]), WireError::Group.to_string());
        assert_eq!(walk(&[0x0b]), WireError::Truncated.to_string());
        let eleven = [0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2];
        assert_eq!(walk(&eleven), WireError::Varint.to_string());
        assert_eq!(walk(&[0x0b; 200]), WireError::Group.to_string());
    }

    #[test]
    fn what_is_written_reads_back() {
        let message = MessageWriter::default()
            .number(1, 300)
            .number(2, 0)
            .bytes(3, b"text")
            .finish();
        assert_eq!(
            walk(&message),
            "1=Varint(300) 3=Bytes([116, 101, 120, 116]) "
        );
    }
}
