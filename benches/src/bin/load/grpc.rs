//! OTLP over gRPC as an exporter speaks it, on messages that are encoded already.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, BufMut};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::Said;

const METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// A connection.
pub(super) struct Exporter {
    grpc: Grpc<Channel>,
}

impl Exporter {
    /// Connects when it is first used.
    pub(super) async fn to(address: SocketAddr) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}"));
        let endpoint = endpoint.expect("an address makes a URL");
        Self {
            grpc: Grpc::new(endpoint.connect_lazy()),
        }
    }

    /// Sends one request.
    pub(super) async fn send(&mut self, request: Vec<u8>) -> Said {
        if self.grpc.ready().await.is_err() {
            return Said::Failed;
        }
        let path = PathAndQuery::from_static(METHOD);
        match self.grpc.unary(Request::new(request), path, Bytes).await {
            Ok(_) => Said::Taken,
            // The details carry `RetryInfo`; without it nobody is asked to come again.
            Err(status) if is_busy(&status) && !status.details().is_empty() => {
                Said::ComeAgain(Duration::from_secs(1))
            }
            Err(_) => Said::Failed,
        }
    }
}

fn is_busy(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::ResourceExhausted)
}

/// Messages as they are.
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}
