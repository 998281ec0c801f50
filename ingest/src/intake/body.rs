//! Reads a body within its bounds, packed and unpacked, as far as there is room for it.

use std::io::{Read, Write};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use flate2::read;
use flate2::write::MultiGzDecoder;
use futures_util::StreamExt;

use super::IntakeLimits;
use super::answer::Refusal;
use crate::room::{Room, Taken};

/// How much is unpacked before room is asked for again.
const STEP_BYTES: usize = 64 * 1024;

/// A body as it came.
pub(crate) struct Admitted {
    headers: HeaderMap,
    packed: Vec<u8>,
    gzip: bool,
    room: Taken,
}

/// A body as it was meant.
pub(crate) struct Unpacked {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) room: Taken,
}

/// Takes the whole body in, unless it is too large, too slow, or there is no room.
pub(crate) async fn admit(
    bodies: &Room,
    limits: &IntakeLimits,
    request: Request,
) -> Result<Admitted, Refusal> {
    let (head, body) = request.into_parts();
    let gzip = is_gzip(&head.headers)?;
    let announced = announced_length(&head.headers).unwrap_or(0);
    if limits.body_bytes < announced {
        return Err(Refusal::TooLarge(limits.body_bytes));
    }
    let mut room = bodies.take(0).ok_or(Refusal::Busy)?;
    let reading = read_all(body, limits.body_bytes, &mut room);
    let packed = tokio::time::timeout(limits.body_timeout, reading)
        .await
        .map_err(|_| Refusal::TooSlow)??;
    Ok(Admitted {
        headers: head.headers,
        packed,
        gzip,
        room,
    })
}

/// Room is taken for what came, not for what was announced: an announcement costs nothing.
async fn read_all(body: Body, limit: usize, room: &mut Taken) -> Result<Vec<u8>, Refusal> {
    let mut read = Vec::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(Refusal::Broken)?;
        if limit < read.len() + piece.len() {
            return Err(Refusal::TooLarge(limit));
        }
        if !room.grow(piece.len()) {
            return Err(Refusal::Busy);
        }
        read.extend_from_slice(&piece);
    }
    Ok(read)
}

impl Admitted {
    /// Undoes the compression; the limit holds for what comes of it.
    pub(crate) fn unpack(mut self, limits: &IntakeLimits) -> Result<Unpacked, Refusal> {
        let body = if self.gzip {
            gunzip(&self.packed, limits.body_bytes, &mut self.room)?
        } else {
            self.packed
        };
        Ok(Unpacked {
            headers: self.headers,
            body,
            room: self.room,
        })
    }
}

/// Undoes gzip; both the limit and the room hold for what comes of it.
pub(crate) fn gunzip(packed: &[u8], limit: usize, room: &mut Taken) -> Result<Vec<u8>, Refusal> {
    let mut unpacked = Vec::new();
    let mut decoder = read::MultiGzDecoder::new(packed);
    loop {
        let step = STEP_BYTES.min(limit + 1 - unpacked.len());
        let read = (&mut decoder)
            .take(step as u64)
            .read_to_end(&mut unpacked)
            .map_err(Refusal::Gzip)?;
        if read == 0 {
            return Ok(unpacked);
        }
        if limit < unpacked.len() {
            return Err(Refusal::TooLarge(limit));
        }
        if !room.grow(read) {
            return Err(Refusal::Busy);
        }
    }
}

/// Undoes the compression of a body that comes in pieces, of which no whole is held.
pub(super) enum Unpacking {
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
}

impl Unpacking {
    /// How a body of these headers is unpacked.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        Ok(match is_gzip(headers)? {
            true => Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            false => Self::Plain,
        })
    }

    /// What a piece comes to. The piece has to be short: it may come to a thousand times its length.
    pub(super) fn take(&mut self, piece: Vec<u8>) -> Result<Vec<u8>, Refusal> {
        match self {
            Self::Plain => Ok(piece),
            Self::Gzip(decoder) => {
                decoder.write_all(&piece).map_err(Refusal::Gzip)?;
                Ok(std::mem::take(decoder.get_mut()))
            }
        }
    }

    /// What is left at the end of the body, which must be the end of the packed bytes too.
    pub(super) fn end(self) -> Result<Vec<u8>, Refusal> {
        match self {
            Self::Plain => Ok(Vec::new()),
            Self::Gzip(decoder) => decoder.finish().map_err(Refusal::Gzip),
        }
    }
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, Refusal> {
    let stated = headers.get(header::CONTENT_ENCODING);
    let encoding = stated.map_or("identity", |value| value.to_str().unwrap_or("?"));
    match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(false),
        "gzip" | "x-gzip" => Ok(true),
        other => Err(Refusal::Encoding(other.to_owned())),
    }
}

fn announced_length(headers: &HeaderMap) -> Option<usize> {
    let stated = headers.get(header::CONTENT_LENGTH)?;
    stated.to_str().ok()?.parse().ok()
}
