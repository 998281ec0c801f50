//! An OTLP trace request in protobuf, read in place: only the fields that say
//! who called whom are decoded, and texts borrow from the request.

use crate::otlp::attributes::{AttributeValue, PeerFacts, PeerKey, ResourceFacts, ResourceKey};
use crate::otlp::span::{RawSpan, Spans};
use crate::otlp::wire::{Fields, WireError};

const USUAL_SPAN_BYTES: usize = 256;

/// The spans of an `ExportTraceServiceRequest`.
pub(crate) fn decode_traces(body: &[u8]) -> Result<Spans<'_>, WireError> {
    decode_traces_into(Spans::default(), body)
}

/// The same into lists that are empty.
pub(crate) fn decode_traces_into<'a>(
    mut spans: Spans<'a>,
    body: &'a [u8],
) -> Result<Spans<'a>, WireError> {
    // Spans are seldom smaller, so that the lists seldom move.
    spans.spans.reserve(body.len() / USUAL_SPAN_BYTES);
    spans.peers.reserve(body.len() / USUAL_SPAN_BYTES / 2);
    let mut fields = Fields::of(body);
    while let Some(field) = fields.next()? {
        if field.number == 1 {
            resource_spans(field.bytes()?, &mut spans)?;
        }
    }
    Ok(spans)
}

fn resource_spans<'a>(message: &'a [u8], spans: &mut Spans<'a>) -> Result<(), WireError> {
    let resource = spans.resources.len() as u32;
    let mut facts = ResourceFacts::default();
    let mut fields = Fields::of(message);
    // The resource may stand behind its spans, so it is looked for first.
    while let Some(field) = fields.next()? {
        if field.number == 1 {
            read_resource(field.bytes()?, &mut facts)?;
        }
    }
    spans.resources.push(facts);
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next()? {
        if field.number == 2 {
            scope_spans(field.bytes()?, resource, spans)?;
        }
    }
    Ok(())
}

fn read_resource<'a>(message: &'a [u8], facts: &mut ResourceFacts<'a>) -> Result<(), WireError> {
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next()? {
        if field.number == 1 {
            let (name, value) = key_value(field.bytes()?)?;
            if let Some(key) = ResourceKey::of(name) {
                facts.set(key, value.decode()?);
            }
        }
    }
    Ok(())
}

fn scope_spans<'a>(
    message: &'a [u8],
    resource: u32,
    spans: &mut Spans<'a>,
) -> Result<(), WireError> {
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => scope(field.bytes()?, resource, spans)?,
            2 => span(field.bytes()?, resource, spans)?,
            _ => {}
        }
    }
    Ok(())
}

fn scope(message: &[u8], resource: u32, spans: &mut Spans<'_>) -> Result<(), WireError> {
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next()? {
        if field.number == 1
            && let Some(facts) = spans.resources.get_mut(resource as usize)
        {
            facts.scope(field.text()?);
        }
    }
    Ok(())
}

fn span<'a>(message: &'a [u8], resource: u32, spans: &mut Spans<'a>) -> Result<(), WireError> {
    let mut raw = RawSpan::default();
    let (mut attributes, mut links) = (None, None);
    let mut fields = Fields::of(message);
    loop {
        let before = fields;
        let Some(field) = fields.next()? else { break };
        match field.number {
            1 => raw.trace_id = field.bytes()?,
            2 => raw.span_id = field.bytes()?,
            3 => raw.trace_state = field.text()?,
            4 => raw.parent_span_id = field.bytes()?,
            6 => raw.kind = field.enumeration()?,
            7 => raw.started_at = field.fixed64()?,
            8 => raw.ended_at = field.fixed64()?,
            9 if attributes.is_none() => attributes = Some(before),
            13 if links.is_none() => links = Some(before),
            15 => status(field.bytes()?, &mut raw.status)?,
            16 => raw.flags = field.fixed32()?,
            _ => {}
        }
    }
    match raw.check(resource) {
        Err(fault) => spans.reject(fault),
        Ok(span) => {
            let attributes = attributes.filter(|_| span.kind.has_facts());
            let links = links.filter(|_| span.kind.may_take_messages());
            match attributes {
                Some(attributes) => {
                    read_peer(attributes, spans.new_peer())?;
                    spans.add_with_new_peer(span);
                }
                None => spans.add(span, None),
            }
            if let Some(links) = links {
                read_links(links, spans)?;
            }
        }
    }
    Ok(())
}

fn read_links(mut fields: Fields<'_>, spans: &mut Spans<'_>) -> Result<(), WireError> {
    let mut count = 0;
    while let Some(field) = fields.next()? {
        if field.number != 13 {
            continue;
        }
        let (mut trace, mut id): (&[u8], &[u8]) = (&[], &[]);
        let mut link = Fields::of(field.bytes()?);
        while let Some(field) = link.next()? {
            match field.number {
                1 => trace = field.bytes()?,
                2 => id = field.bytes()?,
                _ => {}
            }
        }
        spans.link(count, trace, id);
        count += 1;
    }
    Ok(())
}

fn status(message: &[u8], code: &mut i32) -> Result<(), WireError> {
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next()? {
        if field.number == 3 {
            *code = field.enumeration()?;
        }
    }
    Ok(())
}

fn read_peer<'a>(mut fields: Fields<'a>, peer: &mut PeerFacts<'a>) -> Result<(), WireError> {
    while let Some(field) = fields.next()? {
        if field.number == 9 {
            let (name, value) = key_value(field.bytes()?)?;
            if let Some(key) = PeerKey::of(name) {
                peer.set(key, value.decode()?);
            }
        }
    }
    Ok(())
}

/// Up to two encoded `AnyValue`s: protobuf merges a message field that comes twice.
#[derive(Clone, Copy, Default)]
struct EncodedValue<'a> {
    first: &'a [u8],
    again: &'a [u8],
}

fn key_value(message: &[u8]) -> Result<(&[u8], EncodedValue<'_>), WireError> {
    // As SDKs write it: the name, then the value, both short, and nothing else.
    if let [0x0a, length @ ..0x80, rest @ ..] = message
        && let Some((name, rest)) = rest.split_at_checked(usize::from(*length))
        && let [0x12, length @ ..0x80, first @ ..] = rest
        && first.len() == usize::from(*length)
    {
        return Ok((name, EncodedValue { first, again: &[] }));
    }
    let mut name: &[u8] = &[];
    let mut value = EncodedValue::default();
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => name = field.bytes()?,
            2 if value.first.is_empty() => value.first = field.bytes()?,
            2 => value.again = field.bytes()?,
            _ => {}
        }
    }
    Ok((name, value))
}

impl<'a> EncodedValue<'a> {
    fn decode(self) -> Result<AttributeValue<'a>, WireError> {
        let mut value = AttributeValue::Other;
        for message in [self.first, self.again] {
            let mut fields = Fields::of(message);
            while let Some(field) = fields.next()? {
                value = match field.number {
                    1 => AttributeValue::Text(field.text()?),
                    2 => AttributeValue::Flag(field.varint()? != 0),
                    3 => AttributeValue::Number(field.varint()?.cast_signed()),
                    4..=7 => AttributeValue::Other,
                    _ => value,
                };
            }
        }
        Ok(value)
    }
}
