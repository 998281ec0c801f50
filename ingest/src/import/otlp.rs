//! Files of OTLP requests, as the Collector's file exporter and SDKs write them, cut into requests.
//!
//! JSON has one request a line, protobuf has each request after its length in four bytes, the
//! highest first. Either may be packed with gzip as a whole.

use std::io::{self, BufRead, BufReader, Read};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde::de::IgnoredAny;
use thiserror::Error;

use crate::otlp::{OtlpSignal, signal_of};

/// The largest request of a file.
const REQUEST_BYTES_MAX: usize = 64 * 1024 * 1024;
const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// A file that is read request by request.
pub struct OtlpFile {
    reader: Box<dyn BufRead + Send>,
    is_text: bool,
    /// Lines or messages so far.
    count: u64,
    is_over: bool,
}

/// One request of a file.
#[derive(Debug)]
pub struct OtlpPiece {
    /// Where it stands, for people.
    pub place: String,
    /// The request, or why it is none.
    pub request: Result<OtlpRequest, String>,
}

/// A request as an address takes it.
#[derive(Debug, PartialEq, Eq)]
pub struct OtlpRequest {
    /// The address.
    pub path: &'static str,
    /// The body's media type.
    pub media: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

/// Why a file cannot be read on.
#[derive(Debug, Error)]
pub enum OtlpFileError {
    /// The disk, or the packed bytes.
    #[error("could not be read")]
    Read(#[source] io::Error),
    /// Packed in a way that is not read.
    #[error("is packed with zstd; unpack it first")]
    Zstd,
    /// A request of such a length.
    #[error("message {0} has more than {REQUEST_BYTES_MAX} bytes, or the file is no OTLP")]
    TooLarge(u64),
}

impl OtlpFile {
    /// Looks at the first bytes to see how the file is written.
    pub fn open(reader: impl Read + Send + 'static) -> Result<Self, OtlpFileError> {
        let mut file = BufReader::new(reader);
        let head = file.fill_buf().map_err(OtlpFileError::Read)?;
        let is_packed = head.starts_with(&[0x1f, 0x8b]);
        let mut reader: Box<dyn BufRead + Send> = match is_packed {
            true => Box::new(BufReader::new(MultiGzDecoder::new(file))),
            false => Box::new(file),
        };
        let head = reader.fill_buf().map_err(OtlpFileError::Read)?;
        if head.starts_with(&ZSTD) {
            return Err(OtlpFileError::Zstd);
        }
        let is_text = head
            .first()
            .is_none_or(|byte| *byte == b'{' || byte.is_ascii_whitespace());
        Ok(Self {
            reader,
            is_text,
            count: 0,
            is_over: false,
        })
    }

    /// The next request; `None` at the end.
    pub fn next_piece(&mut self) -> Result<Option<OtlpPiece>, OtlpFileError> {
        if self.is_over {
            return Ok(None);
        }
        match self.is_text {
            true => self.next_line(),
            false => self.next_message(),
        }
    }

    fn next_line(&mut self) -> Result<Option<OtlpPiece>, OtlpFileError> {
        let mut body = Vec::new();
        while body.trim_ascii().is_empty() {
            body.clear();
            let read = self.reader.read_until(b'\n', &mut body);
            if read.map_err(OtlpFileError::Read)? == 0 {
                return Ok(None);
            }
            self.count += 1;
        }
        let place = format!("line {}", self.count);
        let mut path = path_of_json(&body);
        // A request written over many lines is one by itself.
        if self.count == 1 && matches!(&path, Err(error) if error.is_eof()) {
            let rest = (&mut self.reader).take(REQUEST_BYTES_MAX as u64);
            { rest }
                .read_to_end(&mut body)
                .map_err(OtlpFileError::Read)?;
            self.is_over = true;
            path = path_of_json(&body);
        }
        let request = match path {
            Ok(Some(path)) => Ok(OtlpRequest {
                path,
                media: JSON,
                body,
            }),
            Ok(None) => Err("neither resourceSpans nor resourceLogs".to_owned()),
            Err(error) => Err(format!("not JSON: {error}")),
        };
        Ok(Some(OtlpPiece { place, request }))
    }

    fn next_message(&mut self) -> Result<Option<OtlpPiece>, OtlpFileError> {
        let mut length = [0; 4];
        if self
            .reader
            .fill_buf()
            .map_err(OtlpFileError::Read)?
            .is_empty()
        {
            return Ok(None);
        }
        self.count += 1;
        let place = format!("message {}", self.count);
        let mut body = Vec::new();
        let is_whole = match self.reader.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(OtlpFileError::Read(error)),
            Ok(()) => {
                let length = u32::from_be_bytes(length) as usize;
                if REQUEST_BYTES_MAX < length {
                    return Err(OtlpFileError::TooLarge(self.count));
                }
                let message = (&mut self.reader).take(length as u64);
                let read = { message }.read_to_end(&mut body);
                read.map_err(OtlpFileError::Read)? == length
            }
        };
        let request = match (is_whole, signal_of(&body)) {
            (false, _) => Err("breaks off".to_owned()),
            (true, _) if body.starts_with(&ZSTD) => {
                Err("is packed with zstd; have the exporter write it plain".to_owned())
            }
            (true, Some(signal)) => Ok(OtlpRequest {
                path: match signal {
                    OtlpSignal::Traces => "/v1/traces",
                    OtlpSignal::Logs => "/v1/logs",
                },
                media: PROTOBUF,
                body,
            }),
            (true, None) => Err("holds neither spans nor log records".to_owned()),
        };
        Ok(Some(OtlpPiece { place, request }))
    }
}

const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

fn path_of_json(line: &[u8]) -> Result<Option<&'static str>, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Request {
        resource_spans: Option<IgnoredAny>,
        resource_logs: Option<IgnoredAny>,
    }
    let request: Request = serde_json::from_slice(line)?;
    Ok(match (request.resource_spans, request.resource_logs) {
        (Some(_), _) => Some("/v1/traces"),
        (None, Some(_)) => Some("/v1/logs"),
        (None, None) => None,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// Each piece of a file as a line.
    fn pieces(file: &[u8]) -> String {
        let mut told = Vec::new();
        let mut file = match OtlpFile::open(io::Cursor::new(file.to_vec())) {
            Ok(file) => file,
            Err(error) => return error.to_string(),
        };
        loop {
            match file.next_piece() {
                Ok(None) => return told.join("\n"),
                Ok(Some(piece)) => told.push(match piece.request {
                    Ok(it) => {
                        let bytes = it.body.trim_ascii().len();
                        format!("{}: {} {} {bytes}", piece.place, it.path, it.media)
                    }
                    Err(reason) => format!("{}: {reason}", piece.place),
                }),
                Err(error) => {
                    told.push(error.to_string());
                    return told.join("\n");
                }
            }
        }
    }

    fn packed(file: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(file).unwrap();
        encoder.finish().unwrap()
    }

    const LINES: &[u8] =
        b"{\"resourceSpans\":[]}\n\n{\"resourceLogs\":[]}\n{\"resourceMetrics\":[]}\n{\"a\":";

    #[test]
    fn lines_are_requests_whether_packed_or_not() {
        let plain = pieces(LINES);
        insta::assert_snapshot!(plain, @r"
        line 1: /v1/traces application/json 20
        line 3: /v1/logs application/json 19
        line 4: neither resourceSpans nor resourceLogs
        line 5: not JSON: EOF while parsing a value at line 1 column 5
        ");
        assert_eq!(pieces(&packed(LINES)), plain);
        assert_eq!(pieces(b""), "");
    }

    #[test]
    fn one_request_may_be_written_over_many_lines() {
        let file = include_bytes!("../../testdata/otlp/trace.json");
        let told = pieces(file);
        assert!(
            told.starts_with("line 1: /v1/traces application/json"),
            "{told}"
        );
        assert_eq!(told.lines().count(), 1);
    }

    #[test]
    fn messages_have_their_length_before_them() {
        let traces = include_bytes!("../../testdata/otlp/python-sdk-1.45.1.traces.pb");
        let mut file = Vec::new();
        for message in [&traces[..], b"\x0a\x00", &traces[..]] {
            file.extend_from_slice(&(message.len() as u32).to_be_bytes());
            file.extend_from_slice(message);
        }
        let whole = pieces(&file);
        assert_eq!(whole.lines().count(), 3);
        assert_eq!(
            whole.matches("/v1/traces application/x-protobuf").count(),
            2
        );
        assert!(whole.contains("message 2: holds neither spans nor log records"));
        assert_eq!(pieces(&packed(&file)), whole);
        file.truncate(file.len() - 1);
        assert!(pieces(&file).ends_with("message 3: breaks off"));
        assert_eq!(
            pieces(&[0xff; 9]),
            "message 1 has more than 67108864 bytes, or the file is no OTLP"
        );
        assert_eq!(pieces(&ZSTD), "is packed with zstd; unpack it first");
    }
}
