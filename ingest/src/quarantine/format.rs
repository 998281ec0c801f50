//! The bytes of one quarantined file: magic, length and hash of the header, header as JSON, body.
//!
//! Pure; takes any bytes without a panic and returns only what was written.

use model::{ContentHash, SourceName, Timestamp, bounds};
use serde::{Deserialize, Serialize};

use super::{QuarantineEntry, QuarantinedBody};
use crate::redact::redact_text;

/// What every file begins with; the digit is the format's version.
const MAGIC: &[u8; 8] = b"EPICQUA1";

/// Magic, length and hash.
const FIXED_BYTES: usize = 8 + 4 + 16;

/// Where a header ends at the latest.
pub(super) const FRONT_BYTES_MAX: u64 = 64 * 1024;

/// Most headers kept.
const HEADERS_MAX: usize = 16;

/// Longest kept text, so that [`FRONT_BYTES_MAX`] holds even when each byte is escaped.
const TEXT_BYTES: usize = 256;

/// Headers that help to understand a body and carry no credential.
const KEPT_HEADERS: [&str; 14] = [
    "epicenter-sender",
    "epicenter-calendar",
    "content-type",
    "content-encoding",
    "user-agent",
    "x-github-event",
    "x-github-delivery",
    "x-gitlab-event",
    "x-gitlab-event-uuid",
    "x-event-key",
    "x-request-id",
    "traceparent",
    "webhook-id",
    "x-webhook-id",
];

/// How other headers end in which senders say what happened, and in which delivery.
const TELLING: [&str; 8] = [
    "-event",
    "-event-type",
    "-event-name",
    "-event-id",
    "-topic",
    "-action",
    "-delivery",
    "-delivery-id",
];

/// What a file says before its body.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Header {
    hash: ContentHash,
    body_bytes: u64,
    source: SourceName,
    format: String,
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    reason: String,
}

impl Header {
    pub(super) fn entry(
        self,
        received_at: Timestamp,
        hash: ContentHash,
        repeats: u64,
    ) -> QuarantineEntry {
        QuarantineEntry {
            hash,
            received_at,
            source: self.source,
            format: self.format,
            content_type: self.content_type,
            headers: self.headers,
            reason: self.reason,
            body_bytes: self.body_bytes,
            repeats,
        }
    }
}

/// The whole file of a body that is already redacted.
pub(super) fn encode(body: &QuarantinedBody, hash: ContentHash, redacted: &[u8]) -> Vec<u8> {
    let header = Header {
        hash,
        body_bytes: redacted.len() as u64,
        source: SourceName::new(cut(body.source.as_str(), bounds::SOURCE_NAME_BYTES)),
        format: cut(&body.format, TEXT_BYTES),
        content_type: body
            .content_type
            .as_deref()
            .map(|text| cut(text, TEXT_BYTES)),
        headers: kept_headers(&body.headers),
        reason: cut(&redact_text(&body.reason), bounds::LINE_BYTES),
    };
    let header = serde_json::to_vec(&header).expect("a header has string keys only");
    let length = u32::try_from(header.len()).expect("a header is cut far below 4 GiB");
    let mut bytes = Vec::with_capacity(FIXED_BYTES + header.len() + redacted.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(ContentHash::of(&header).as_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(redacted);
    bytes
}

/// The header of the file of `hash`, and what follows it.
pub(super) fn decode_header(
    bytes: &[u8],
    hash: ContentHash,
) -> Result<(Header, &[u8]), &'static str> {
    const SHORT: &str = "it was cut";
    let (magic, rest) = bytes.split_first_chunk::<8>().ok_or(SHORT)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
    let (header_hash, rest) = rest.split_first_chunk::<16>().ok_or(SHORT)?;
    if magic != MAGIC {
        return Err("it does not begin as a quarantined body");
    }
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| SHORT)?;
    let (header, body) = rest.split_at_checked(length).ok_or(SHORT)?;
    if ContentHash::of(header) != ContentHash::from_bytes(*header_hash) {
        return Err("the checksum of its header does not fit");
    }
    let header: Header =
        serde_json::from_slice(header).map_err(|_| "its header is of another version")?;
    if header.hash != hash {
        return Err("it holds another body than its name says");
    }
    Ok((header, body))
}

/// The body of the file of `hash`, if every byte is what was written.
pub(super) fn decode(bytes: &[u8], hash: ContentHash) -> Result<QuarantinedBody, &'static str> {
    let (header, body) = decode_header(bytes, hash)?;
    if ContentHash::of(body) != hash {
        return Err("the checksum of its body does not fit");
    }
    Ok(QuarantinedBody {
        source: header.source,
        format: header.format,
        content_type: header.content_type,
        headers: header.headers,
        body: body.to_vec(),
        reason: header.reason,
    })
}

/// Whether a header, in lower case, helps to understand a body: what it tells of, and of which kind.
pub(crate) fn is_kept(name: &str) -> bool {
    let tells = name.starts_with("x-") && TELLING.iter().any(|end| name.ends_with(end));
    tells || KEPT_HEADERS.contains(&name) || name.starts_with("ce-")
}

fn kept_headers(headers: &[(String, String)]) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| is_kept(name))
        .take(HEADERS_MAX)
        .map(|(name, value)| (cut(&name, TEXT_BYTES), cut(&redact_text(value), TEXT_BYTES)))
        .collect()
}

/// The text up to a length, never inside a character.
fn cut(text: &str, bytes_max: usize) -> String {
    text.get(..text.floor_char_boundary(bytes_max))
        .unwrap_or_default()
        .to_owned()
}
