//! Writes payloads as JSON: the bytes that `serde_json` writes, with texts escaped many bytes at a time.
//!
//! Encoding is most of what an append costs its sender, and most of a payload is text without
//! anything to escape. Numbers are left to `serde_json`. There is no reading here.

use serde::ser::{self, Error as _, Serialize};
use serde_json::Error;

/// Appends a value as JSON.
pub(crate) fn write(value: &impl Serialize, json: &mut Vec<u8>) -> Result<(), Error> {
    value.serialize(Writer(json))
}

struct Writer<'a>(&'a mut Vec<u8>);

/// A list or an object that is not closed yet.
struct Open<'a> {
    json: &'a mut Vec<u8>,
    is_empty: bool,
    close: &'static [u8],
}

impl<'a> Writer<'a> {
    fn open(self, open: u8, close: &'static [u8]) -> Open<'a> {
        self.0.push(open);
        Open {
            json: self.0,
            is_empty: true,
            close,
        }
    }

    /// An object of one field, up to its value.
    fn open_variant(&mut self, variant: &str) {
        self.0.push(b'{');
        write_text(variant, self.0);
        self.0.push(b':');
    }
}

impl Open<'_> {
    fn begin_entry(&mut self) {
        if !self.is_empty {
            self.json.push(b',');
        }
        self.is_empty = false;
    }

    fn element(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.begin_entry();
        value.serialize(Writer(self.json))
    }

    fn field(&mut self, key: &str, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.begin_entry();
        write_text(key, self.json);
        self.json.push(b':');
        value.serialize(Writer(self.json))
    }

    #[expect(clippy::unnecessary_wraps, reason = "what the traits below want")]
    fn closed(self) -> Result<(), Error> {
        self.json.extend_from_slice(self.close);
        Ok(())
    }
}

/// Where something is to be escaped, so many bytes around it are written one by one.
const CHUNK_BYTES: usize = 32;

fn write_text(text: &str, json: &mut Vec<u8>) {
    json.reserve(text.len() + 2);
    json.push(b'"');
    if is_plain(text.as_bytes()) {
        json.extend_from_slice(text.as_bytes());
    } else {
        for chunk in text.as_bytes().chunks(CHUNK_BYTES) {
            match is_plain(chunk) {
                true => json.extend_from_slice(chunk),
                false => chunk.iter().for_each(|byte| write_byte(*byte, json)),
            }
        }
    }
    json.push(b'"');
}

/// Whether nothing of it is to be escaped. Without a branch, so that it is done in wide registers.
fn is_plain(bytes: &[u8]) -> bool {
    let (chunks, rest) = bytes.as_chunks::<CHUNK_BYTES>();
    let (words, rest) = rest.as_chunks();
    let mut escaped = 0;
    for chunk in chunks {
        // A byte each, so that they stay side by side.
        escaped |= chunk.iter().fold(0, |escaped, &byte| {
            let below_space = u8::from(byte < 0x20);
            escaped | below_space | u8::from(byte == b'"') | u8::from(byte == b'\\')
        });
    }
    let mut marks = 0;
    for word in words {
        marks |= escape_marks(u64::from_le_bytes(*word));
    }
    let mut last = [b' '; 8];
    for (place, byte) in last.iter_mut().zip(rest) {
        *place = *byte;
    }
    marks |= escape_marks(u64::from_le_bytes(last));
    escaped == 0 && marks == 0
}

/// Zero if none of eight bytes is to be escaped.
const fn escape_marks(word: u64) -> u64 {
    const EACH: u64 = u64::MAX / 255;
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(EACH) & !word
    }
    let below_space = word.wrapping_sub(EACH * 0x20) & !word;
    let quotes = zeros(word ^ (EACH * b'"' as u64));
    let backslashes = zeros(word ^ (EACH * b'\\' as u64));
    (below_space | quotes | backslashes) & (EACH * 0x80)
}

fn write_byte(byte: u8, json: &mut Vec<u8>) {
    let escape = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0C => b'f',
        0..0x20 => {
            let digit =
                |digit: u8| char::from_digit(u32::from(digit), 16).map_or(b'0', |it| it as u8);
            json.extend_from_slice(b"\\u00");
            json.extend_from_slice(&[digit(byte >> 4), digit(byte & 0xF)]);
            return;
        }
        _ => return json.push(byte),
    };
    json.extend_from_slice(&[b'\\', escape]);
}

/// Written as `serde_json` does.
macro_rules! plainly {
    ($($method:ident($value:ty);)*) => {$(
        fn $method(self, value: $value) -> Result<(), Error> {
            serde_json::to_writer(self.0, &value)
        }
    )*};
}

impl<'a> ser::Serializer for Writer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Open<'a>;
    type SerializeTuple = Open<'a>;
    type SerializeTupleStruct = Open<'a>;
    type SerializeTupleVariant = Open<'a>;
    type SerializeMap = Open<'a>;
    type SerializeStruct = Open<'a>;
    type SerializeStructVariant = Open<'a>;

    plainly! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        write_text(text, self.0);
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        self.collect_seq(bytes)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.0.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.open_variant(variant);
        value.serialize(Writer(self.0))?;
        self.0.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Open<'a>, Error> {
        Ok(self.open(b'[', b"]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Open<'a>, Error> {
        Ok(self.open(b'[', b"]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Open<'a>, Error> {
        Ok(self.open(b'[', b"]"))
    }

    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Open<'a>, Error> {
        self.open_variant(variant);
        Ok(self.open(b'[', b"]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Open<'a>, Error> {
        Ok(self.open(b'{', b"}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Open<'a>, Error> {
        Ok(self.open(b'{', b"}"))
    }

    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Open<'a>, Error> {
        self.open_variant(variant);
        Ok(self.open(b'{', b"}}"))
    }
}

macro_rules! lists {
    ($($list:ident, $element:ident;)*) => {$(
        impl ser::$list for Open<'_> {
            type Ok = ();
            type Error = Error;

            fn $element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.element(value)
            }

            fn end(self) -> Result<(), Error> {
                self.closed()
            }
        }
    )*};
}

lists! {
    SerializeSeq, serialize_element;
    SerializeTuple, serialize_element;
    SerializeTupleStruct, serialize_field;
    SerializeTupleVariant, serialize_field;
}

macro_rules! structs {
    ($($object:ident),*) => {$(
        impl ser::$object for Open<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.field(key, value)
            }

            fn end(self) -> Result<(), Error> {
                self.closed()
            }
        }
    )*};
}

structs!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Open<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.begin_entry();
        let start = self.json.len();
        key.serialize(Writer(self.json))?;
        match self.json.get(start) {
            Some(b'"') => Ok(()),
            Some(_) | None => Err(Error::custom("the key of an object is a text")),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.json.push(b':');
        value.serialize(Writer(self.json))
    }

    fn end(self) -> Result<(), Error> {
        self.closed()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn written(value: &impl Serialize) -> String {
        let mut json = Vec::new();
        write(value, &mut json).unwrap();
        String::from_utf8(json).unwrap()
    }

    #[derive(serde::Serialize)]
    enum Any {
        Unit,
        One(Option<f64>),
        Two(i64, char),
        Named { text: String, nothing: () },
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            any::<String>(),
            "[ -~\\x00-\\x1f\"\\\\é]{0,100}",
            "[a-z ]{0,200}"
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(text.clone(), inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_writes_what_serde_json_writes(value in any_value()) {
            prop_assert_eq!(written(&value), value.to_string());
        }
    }

    #[test]
    fn it_writes_every_kind_of_value_as_serde_json_does() {
        let all = [
            Any::Unit,
            Any::One(None),
            Any::One(Some(f64::NAN)),
            Any::Two(-1, '"'),
            Any::Named {
                text: "\u{1F}\u{20}\u{7F}\u{0}".to_owned(),
                nothing: (),
            },
        ];
        let by_text = BTreeMap::from([("a", (1_u8, 2.5_f32)), ("b", (3, f32::INFINITY))]);
        let value = (all, by_text, [(); 0]);
        assert_eq!(written(&value), serde_json::to_string(&value).unwrap());
    }
}
