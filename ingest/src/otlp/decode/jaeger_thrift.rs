//! Batches as Jaeger's clients send them: Thrift's binary protocol, read in place, to our own spans.
//!
//! Only what a batch says of who called whom is read, after Jaeger's interface description: the batch, its process,
//! spans, tags and references. Everything else is checked to lie within the body, and skipped.

use thiserror::Error;

use super::jaeger::kind_of;
use crate::otlp::attributes::{AttributeValue, PeerFacts, PeerKey, ResourceFacts, ResourceKey};
use crate::otlp::span::{RawSpan, Spans};

/// Types of values on the wire.
const BOOL: u8 = 2;
const BYTE: u8 = 3;
const DOUBLE: u8 = 4;
const I16: u8 = 6;
const I32: u8 = 8;
const I64: u8 = 10;
const STRING: u8 = 11;
const STRUCT: u8 = 12;
const MAP: u8 = 13;
const SET: u8 = 14;
const LIST: u8 = 15;

/// How deep values that nobody asks for may nest.
const DEPTH_MAX: usize = 16;

/// Why a body is no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum ThriftError {
    /// It ends inside of a value.
    #[error("it ends too early")]
    Truncated,
    /// It goes on behind the batch.
    #[error("something follows the batch")]
    Trailing,
    /// A value has a type that the protocol does not know.
    #[error("there is no type {0}")]
    Type(u8),
    /// A field has another type than it must.
    #[error("{0} has another type than it must")]
    Field(&'static str),
    /// A batch says who sent it.
    #[error("the batch has no process")]
    NoProcess,
    /// Values nest too deep.
    #[error("values nest too deep")]
    Depth,
}

/// The spans of a batch.
pub(crate) fn decode(body: &[u8]) -> Result<Spans<'_>, ThriftError> {
    let mut spans = Spans::default();
    let (mut process, mut list) = (None, None);
    let mut reader = Reader { rest: body };
    while let Some(field) = reader.field()? {
        match field.id {
            1 => process = Some(read_process(reader.structure(field, "process")?)?),
            2 => list = Some(reader.list(field, "spans")?),
            _ => {}
        }
        reader.skip(field.kind, 0)?;
    }
    if !reader.rest.is_empty() {
        return Err(ThriftError::Trailing);
    }
    spans.resources.push(process.ok_or(ThriftError::NoProcess)?);
    if let Some(mut list) = list {
        while list.next_one() {
            let span = read_span(&mut list.reader)?;
            span.add_to(&mut spans)?;
        }
    }
    Ok(spans)
}

fn read_process(mut reader: Reader<'_>) -> Result<ResourceFacts<'_>, ThriftError> {
    let mut facts = ResourceFacts::default();
    let (mut name, mut host) = (AttributeValue::Other, None);
    while let Some(field) = reader.field()? {
        match field.id {
            1 if field.kind == STRING => name = text(reader.peek_bytes()?),
            1 => return Err(ThriftError::Field("serviceName")),
            2 => {
                for_each_tag(reader.list(field, "tags")?, |key, value| {
                    if let Some(key) = ResourceKey::of(key) {
                        facts.set(key, value);
                    } else if key == b"hostname" {
                        host = Some(value);
                    }
                })?;
            }
            _ => {}
        }
        reader.skip(field.kind, 0)?;
    }
    if let Some(host) = host {
        facts.set(ResourceKey::HostName, host);
    }
    facts.set(ResourceKey::ServiceName, name);
    Ok(facts)
}

/// A span as it stands in a batch.
#[derive(Default)]
struct ThriftSpan<'a> {
    trace: [i64; 2],
    id: i64,
    parent: i64,
    started_us: i64,
    duration_us: i64,
    tags: Option<Listed<'a>>,
    references: Vec<Reference>,
}

/// Another span that a span refers to.
#[derive(Clone, Copy, Default)]
struct Reference {
    follows: bool,
    trace: [i64; 2],
    id: i64,
}

fn read_span<'a>(reader: &mut Reader<'a>) -> Result<ThriftSpan<'a>, ThriftError> {
    let mut span = ThriftSpan::default();
    while let Some(field) = reader.field()? {
        match field.id {
            1 => span.trace[1] = reader.peek_i64(field, "traceIdLow")?,
            2 => span.trace[0] = reader.peek_i64(field, "traceIdHigh")?,
            3 => span.id = reader.peek_i64(field, "spanId")?,
            4 => span.parent = reader.peek_i64(field, "parentSpanId")?,
            6 => {
                let mut list = reader.list(field, "references")?;
                while list.next_one() {
                    span.references.push(read_reference(&mut list.reader)?);
                }
            }
            8 => span.started_us = reader.peek_i64(field, "startTime")?,
            9 => span.duration_us = reader.peek_i64(field, "duration")?,
            10 => span.tags = Some(reader.list(field, "tags")?),
            _ => {}
        }
        reader.skip(field.kind, 0)?;
    }
    Ok(span)
}

fn read_reference(reader: &mut Reader<'_>) -> Result<Reference, ThriftError> {
    let mut reference = Reference::default();
    while let Some(field) = reader.field()? {
        match field.id {
            1 if field.kind == I32 => reference.follows = reader.peek::<4>()? == [0, 0, 0, 1],
            1 => return Err(ThriftError::Field("refType")),
            2 => reference.trace[1] = reader.peek_i64(field, "traceIdLow")?,
            3 => reference.trace[0] = reader.peek_i64(field, "traceIdHigh")?,
            4 => reference.id = reader.peek_i64(field, "spanId")?,
            _ => {}
        }
        reader.skip(field.kind, 0)?;
    }
    Ok(reference)
}

impl<'a> ThriftSpan<'a> {
    fn add_to(&self, spans: &mut Spans<'a>) -> Result<(), ThriftError> {
        let mut kind = 0;
        let (mut failed, mut state) = (false, "");
        let each = |tags: Option<Listed<'a>>,
                    take: &mut dyn FnMut(&'a [u8], AttributeValue<'a>)| {
            tags.map_or(Ok(()), |tags| for_each_tag(tags, take))
        };
        each(self.tags, &mut |key, value| match (key, value) {
            (b"span.kind", AttributeValue::Text(text)) => kind = kind_of(text),
            (b"error", AttributeValue::Flag(true) | AttributeValue::Text("true"))
            | (b"otel.status_code", AttributeValue::Text("ERROR")) => failed = true,
            (b"w3c.tracestate", AttributeValue::Text(text)) => state = text,
            _ => {}
        })?;
        let cause = self.cause();
        let parent = cause.map_or(self.parent, |cause| cause.id);
        let (trace, id, parent_id) = (
            bytes_of(self.trace),
            self.id.to_be_bytes(),
            parent.to_be_bytes(),
        );
        let nanos = |micros: i64| u64::try_from(micros).unwrap_or(0).saturating_mul(1_000);
        let started_at = nanos(self.started_us);
        let raw = RawSpan {
            trace_id: &trace,
            span_id: &id,
            parent_span_id: if parent == 0 { &[] } else { &parent_id },
            trace_state: state,
            kind,
            started_at,
            ended_at: started_at.saturating_add(nanos(self.duration_us)),
            status: if failed { 2 } else { 0 },
            ..RawSpan::default()
        };
        let span = match raw.check(0) {
            Err(fault) => {
                spans.reject(fault);
                return Ok(());
            }
            Ok(span) => span,
        };
        let facts = match span.kind.has_facts() {
            false => None,
            true => {
                let mut facts = PeerFacts::default();
                each(self.tags, &mut |key, value| {
                    if let Some(key) = PeerKey::of(key) {
                        facts.set(key, value);
                    }
                })?;
                Some(facts)
            }
        };
        let takes = span.kind.may_take_messages();
        spans.add(span, facts);
        if takes {
            self.link(spans);
        }
        Ok(())
    }

    /// The span that caused it: what it is a child of, else what it follows, in its own trace.
    fn cause(&self) -> Option<&Reference> {
        let mut mine = self.references.iter().filter(|it| it.trace == self.trace);
        let follows = mine.clone().find(|it| it.follows);
        mine.find(|it| !it.follows).or(follows)
    }

    fn link(&self, spans: &mut Spans<'_>) {
        let cause = self.cause();
        let others = self.references.iter();
        let others = others.filter(|it| !cause.is_some_and(|cause| std::ptr::eq(cause, *it)));
        for (count, other) in others.enumerate() {
            spans.link(
                count as u32,
                &bytes_of(other.trace),
                &other.id.to_be_bytes(),
            );
        }
    }
}

fn bytes_of([high, low]: [i64; 2]) -> [u8; 16] {
    let number = (u128::from(high.cast_unsigned()) << 64) | u128::from(low.cast_unsigned());
    number.to_be_bytes()
}

fn text(bytes: &[u8]) -> AttributeValue<'_> {
    std::str::from_utf8(bytes).map_or(AttributeValue::Other, AttributeValue::Text)
}

/// Shows the tags of a list, each with its value.
fn for_each_tag<'a>(
    mut tags: Listed<'a>,
    mut take: impl FnMut(&'a [u8], AttributeValue<'a>),
) -> Result<(), ThriftError> {
    while tags.next_one() {
        let (mut key, mut value): (&[u8], _) = (&[], AttributeValue::Other);
        while let Some(field) = tags.reader.field()? {
            match (field.id, field.kind) {
                (1, STRING) => key = tags.reader.peek_bytes()?,
                (3, STRING) => value = text(tags.reader.peek_bytes()?),
                (5, BOOL) => value = AttributeValue::Flag(tags.reader.peek::<1>()? != [0]),
                (6, I64) => value = AttributeValue::Number(i64::from_be_bytes(tags.reader.peek()?)),
                (1 | 3 | 5 | 6, _) => return Err(ThriftError::Field("a tag")),
                _ => {}
            }
            tags.reader.skip(field.kind, 0)?;
        }
        take(key, value);
    }
    Ok(())
}

/// The bytes that are not read yet.
#[derive(Clone, Copy)]
struct Reader<'a> {
    rest: &'a [u8],
}

/// What stands before the value of a field.
#[derive(Clone, Copy)]
struct Field {
    kind: u8,
    id: i16,
}

/// The structures of a list.
#[derive(Clone, Copy)]
struct Listed<'a> {
    reader: Reader<'a>,
    left: u32,
}

impl Listed<'_> {
    /// Whether there is another one to be read.
    const fn next_one(&mut self) -> bool {
        let is_more = self.left != 0;
        self.left = self.left.saturating_sub(1);
        is_more
    }
}

impl<'a> Reader<'a> {
    /// The next field of a structure, before its value; `None` at its end.
    fn field(&mut self) -> Result<Option<Field>, ThriftError> {
        let [kind] = self.array()?;
        if kind == 0 {
            return Ok(None);
        }
        let id = i16::from_be_bytes(self.array()?);
        Ok(Some(Field { kind, id }))
    }

    /// A structure that is the value of this field; it is not passed over.
    fn structure(&self, field: Field, name: &'static str) -> Result<Self, ThriftError> {
        match field.kind {
            STRUCT => Ok(*self),
            _ => Err(ThriftError::Field(name)),
        }
    }

    /// The list of structures that is the value of this field; it is not passed over.
    fn list(&self, field: Field, name: &'static str) -> Result<Listed<'a>, ThriftError> {
        let mut reader = *self;
        if field.kind != LIST {
            return Err(ThriftError::Field(name));
        }
        let [of] = reader.array()?;
        let left = reader.length()?;
        match of {
            STRUCT => Ok(Listed { reader, left }),
            _ if left == 0 => Ok(Listed { reader, left }),
            _ => Err(ThriftError::Field(name)),
        }
    }

    fn peek_i64(&self, field: Field, name: &'static str) -> Result<i64, ThriftError> {
        match field.kind {
            I64 => Ok(i64::from_be_bytes(self.peek()?)),
            _ => Err(ThriftError::Field(name)),
        }
    }

    fn peek<const N: usize>(&self) -> Result<[u8; N], ThriftError> {
        let mut reader = *self;
        reader.array()
    }

    fn peek_bytes(&self) -> Result<&'a [u8], ThriftError> {
        let mut reader = *self;
        reader.bytes()
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ThriftError> {
        let (bytes, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(ThriftError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// A length is a number of 32 bits with a sign, which it must not have.
    fn length(&mut self) -> Result<u32, ThriftError> {
        let length = i32::from_be_bytes(self.array()?);
        u32::try_from(length).map_err(|_| ThriftError::Truncated)
    }

    fn bytes(&mut self) -> Result<&'a [u8], ThriftError> {
        let length = self.length()? as usize;
        let (bytes, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(ThriftError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Passes over a value. Every one takes a byte at least, so a count cannot make it go on for ever.
    fn skip(&mut self, kind: u8, depth: usize) -> Result<(), ThriftError> {
        if DEPTH_MAX < depth {
            return Err(ThriftError::Depth);
        }
        match kind {
            BOOL | BYTE => self.array::<1>().map(drop),
            I16 => self.array::<2>().map(drop),
            I32 => self.array::<4>().map(drop),
            I64 | DOUBLE => self.array::<8>().map(drop),
            STRING => self.bytes().map(drop),
            STRUCT => {
                while let Some(field) = self.field()? {
                    self.skip(field.kind, depth + 1)?;
                }
                Ok(())
            }
            LIST | SET => {
                let [of] = self.array()?;
                for _ in 0..self.length()? {
                    self.skip(of, depth + 1)?;
                }
                Ok(())
            }
            MAP => {
                let [key, value] = self.array()?;
                for _ in 0..self.length()? {
                    self.skip(key, depth + 1)?;
                    self.skip(value, depth + 1)?;
                }
                Ok(())
            }
            other => Err(ThriftError::Type(other)),
        }
    }
}
