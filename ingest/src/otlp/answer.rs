//! What an OTLP sender hears, in the encoding it spoke: success, partial
//! success, or a `google.rpc.Status`.

use axum::http::StatusCode;
use serde_json::json;

use super::wire::MessageWriter;
use crate::intake::answer::{Refusal, Said};

/// The encodings of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `application/x-protobuf`.
    Protobuf,
    /// `application/json`.
    Json,
}

impl Encoding {
    /// Its media type.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
}

/// The request was taken; some of it perhaps not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Spans or records that were taken.
    pub(crate) taken: u64,
    /// Spans or records that were refused.
    pub(crate) rejected: u64,
    /// Why, or a warning; empty when there is nothing to say.
    pub(crate) message: String,
}

impl Taken {
    /// How much was said, whatever came of it.
    pub(crate) fn said(&self) -> Said {
        Said(self.taken.saturating_add(self.rejected))
    }

    /// The export response.
    pub(crate) fn encode(&self, encoding: Encoding, signal: Signal) -> Vec<u8> {
        match encoding {
            Encoding::Protobuf => {
                let partial = MessageWriter::default()
                    .number(1, self.rejected)
                    .bytes(2, self.message.as_bytes())
                    .finish();
                MessageWriter::default().bytes(1, &partial).finish()
            }
            Encoding::Json if self.rejected == 0 && self.message.is_empty() => b"{}".to_vec(),
            Encoding::Json => {
                let name = match signal {
                    Signal::Traces => "rejectedSpans",
                    Signal::Logs => "rejectedLogRecords",
                };
                // A 64-bit number is a text in protobuf's JSON.
                let rejected = self.rejected.to_string();
                json!({"partialSuccess": {name: rejected, "errorMessage": self.message}})
                    .to_string()
                    .into_bytes()
            }
        }
    }
}

/// The numbers of `google.rpc.Code` in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RpcCode {
    /// The sender's fault; sending it again does not help.
    InvalidArgument = 3,
    /// The body took too long.
    DeadlineExceeded = 4,
    /// Larger than allowed; sending it again does not help.
    ResourceExhausted = 8,
    /// Our fault.
    Internal = 13,
    /// Come again.
    Unavailable = 14,
}

/// A refusal in the words of `google.rpc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RpcStatus {
    pub(crate) code: RpcCode,
    pub(crate) message: String,
    pub(crate) retry_after_s: Option<u32>,
}

impl RpcStatus {
    /// What a refusal means to an OTLP sender.
    pub(crate) fn of(refusal: &Refusal) -> Self {
        let code = match refusal.status() {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => RpcCode::Unavailable,
            StatusCode::PAYLOAD_TOO_LARGE => RpcCode::ResourceExhausted,
            StatusCode::REQUEST_TIMEOUT => RpcCode::DeadlineExceeded,
            StatusCode::INTERNAL_SERVER_ERROR => RpcCode::Internal,
            _ => RpcCode::InvalidArgument,
        };
        Self {
            code,
            message: refusal.reason(),
            retry_after_s: refusal.retry_after_s(),
        }
    }

    /// The `google.rpc.Status` message, with its `RetryInfo` when it helps to come again.
    pub(crate) fn encode(&self, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::Json => json!({"code": self.code as u32, "message": self.message})
                .to_string()
                .into_bytes(),
            Encoding::Protobuf => {
                let status = MessageWriter::default()
                    .number(1, self.code as u64)
                    .bytes(2, self.message.as_bytes());
                match self.retry_after_s {
                    Some(seconds) => status.bytes(3, &retry_info(seconds)).finish(),
                    None => status.finish(),
                }
            }
        }
    }
}

/// `google.rpc.RetryInfo` in its `google.protobuf.Any`.
fn retry_info(seconds: u32) -> Vec<u8> {
    let delay = MessageWriter::default().number(1, seconds.into()).finish();
    let retry = MessageWriter::default().bytes(1, &delay).finish();
    MessageWriter::default()
        .bytes(1, b"type.googleapis.com/google.rpc.RetryInfo")
        .bytes(2, &retry)
        .finish()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
    use prost::Message;

    use super::*;

    #[test]
    fn a_partial_success_is_what_protobuf_says_it_is() {
        let taken = Taken {
            taken: 1,
            rejected: 300,
            message: "why".to_owned(),
        };
        let bytes = taken.encode(Encoding::Protobuf, Signal::Traces);
        let decoded = ExportTraceServiceResponse::decode(bytes.as_slice()).unwrap();
        let partial = decoded.partial_success.unwrap();
        assert_eq!(
            (partial.rejected_spans, partial.error_message.as_str()),
            (300, "why")
        );
        let json = taken.encode(Encoding::Json, Signal::Logs);
        assert_eq!(
            String::from_utf8(json).unwrap(),
            r#"{"partialSuccess":{"errorMessage":"why","rejectedLogRecords":"300"}}"#
        );
        assert!(
            Taken::default()
                .encode(Encoding::Protobuf, Signal::Traces)
                .is_empty()
        );
        assert_eq!(
            Taken::default().encode(Encoding::Json, Signal::Traces),
            b"{}"
        );
    }
}
