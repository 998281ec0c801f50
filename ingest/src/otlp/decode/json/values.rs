//! Scalars as OTLP's JSON writes them, tolerant of `null` and of numbers in texts.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Unexpected, Visitor};

/// A text; `null` is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text)))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// A list; `null` is empty.
#[derive(Debug)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> List<T> {
    /// No element.
    pub(crate) const fn empty() -> Self {
        Self(Vec::new())
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(List::empty())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = list.next_element::<Option<T>>()? {
                    elements.extend(element);
                }
                Ok(List(elements))
            }
        }
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

/// A number in any of its spellings.
#[derive(Clone, Copy, Debug)]
enum Spelled {
    Nothing,
    Whole(i128),
    Double(f64),
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Spelled;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a number in a text")
    }

    fn visit_unit<E>(self) -> Result<Spelled, E> {
        Ok(Spelled::Nothing)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Spelled, E> {
        Ok(Spelled::Whole(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Spelled, E> {
        Ok(Spelled::Whole(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Spelled, E> {
        Ok(Spelled::Double(number))
    }

    /// `f64` reads `NaN`, `Infinity` and `-Infinity`, which is how they are written here.
    fn visit_str<E: Error>(self, text: &str) -> Result<Spelled, E> {
        if let Ok(number) = text.parse() {
            return Ok(Spelled::Whole(number));
        }
        text.parse()
            .map(Spelled::Double)
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl Spelled {
    /// As a whole number; `1e3` is one, `1.5` is none.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to have no fraction; the cast holds at the ends of the range"
    )]
    fn whole<E: Error>(self) -> Result<i128, E> {
        match self {
            Self::Nothing => Ok(0),
            Self::Whole(number) => Ok(number),
            Self::Double(number) if number.fract() == 0.0 => Ok(number as i128),
            Self::Double(number) => Err(E::invalid_value(
                Unexpected::Float(number),
                &"a whole number",
            )),
        }
    }
}

/// An unsigned 64-bit number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WholeNumber(pub(crate) u64);

impl WholeNumber {
    /// Its low 32 bits.
    #[expect(clippy::cast_possible_truncation, reason = "flags have 32 bits")]
    pub(crate) const fn as_u32(self) -> u32 {
        self.0 as u32
    }
}

impl<'de> Deserialize<'de> for WholeNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = deserializer.deserialize_any(NumberVisitor)?.whole()?;
        u64::try_from(number)
            .map(Self)
            .map_err(|_| D::Error::custom("not an unsigned 64-bit number"))
    }
}

/// A signed 64-bit number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WholeSigned(pub(crate) i64);

impl<'de> Deserialize<'de> for WholeSigned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = deserializer.deserialize_any(NumberVisitor)?.whole()?;
        i64::try_from(number)
            .map(Self)
            .map_err(|_| D::Error::custom("not a signed 64-bit number"))
    }
}

/// A floating-point number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Double(pub(crate) f64);

impl<'de> Deserialize<'de> for Double {
    #[expect(clippy::cast_precision_loss, reason = "it was meant as a double")]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match deserializer.deserialize_any(NumberVisitor)? {
            Spelled::Nothing => Self(0.0),
            Spelled::Whole(number) => Self(number as f64),
            Spelled::Double(number) => Self(number),
        })
    }
}

/// A value of an enumeration. The names are not allowed by OTLP, but are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EnumNumber(pub(crate) i32);

impl<'de> Deserialize<'de> for EnumNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EnumVisitor;
        impl Visitor<'_> for EnumVisitor {
            type Value = i128;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number of an enumeration's value")
            }

            fn visit_unit<E>(self) -> Result<i128, E> {
                Ok(0)
            }

            fn visit_u64<E>(self, number: u64) -> Result<i128, E> {
                Ok(number.into())
            }

            fn visit_i64<E>(self, number: i64) -> Result<i128, E> {
                Ok(number.into())
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<i128, E> {
                Ok(match name {
                    "SPAN_KIND_INTERNAL" | "STATUS_CODE_OK" => 1,
                    "SPAN_KIND_SERVER" | "STATUS_CODE_ERROR" => 2,
                    "SPAN_KIND_CLIENT" => 3,
                    "SPAN_KIND_PRODUCER" => 4,
                    "SPAN_KIND_CONSUMER" => 5,
                    "SPAN_KIND_UNSPECIFIED" | "STATUS_CODE_UNSET" => 0,
                    _ => NumberVisitor.visit_str(name)?.whole()?,
                })
            }
        }
        let number = deserializer.deserialize_any(EnumVisitor)?;
        Ok(Self(i32::try_from(number).unwrap_or(0)))
    }
}

/// Up to sixteen bytes in hex. What is no hex becomes one byte, which is no valid length of an id.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bytes16 {
    bytes: [u8; 16],
    length: u8,
}

impl Bytes16 {
    /// The bytes.
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    fn of_hex(text: &str) -> Self {
        let invalid = Self {
            bytes: [0; 16],
            length: 1,
        };
        if 32 < text.len() || !text.len().is_multiple_of(2) {
            return invalid;
        }
        let mut id = Self::default();
        for (byte, pair) in id.bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = str::from_utf8(pair)
                .ok()
                .filter(|pair| !pair.starts_with('+'));
            match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                Some(number) => *byte = number,
                None => return invalid,
            }
            id.length += 1;
        }
        id
    }
}

impl<'de> Deserialize<'de> for Bytes16 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|text| Self::of_hex(&text))
    }
}
