//! OTLP over gRPC as an exporter speaks it, on messages that are encoded already.

use std::net::SocketAddr;

use bytes::{Buf, BufMut};
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

const METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// A connection to an address of OTLP over gRPC.
pub struct Exporter {
    grpc: Grpc<Channel>,
}

impl Exporter {
    /// Connects when it is first used; it packs what it sends with gzip or not.
    pub fn to(address: SocketAddr, packs: bool) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}"));
        let endpoint = endpoint.expect("an address makes a URL");
        let grpc = Grpc::new(endpoint.connect_lazy());
        let grpc = match packs {
            true => grpc.send_compressed(CompressionEncoding::Gzip),
            false => grpc,
        };
        Self { grpc }
    }

    /// Sends one request of spans, encoded already.
    pub async fn send(&mut self, request: Vec<u8>) -> Result<(), Status> {
        let ready = self.grpc.ready().await;
        ready.map_err(|error| Status::unavailable(error.to_string()))?;
        let path = PathAndQuery::from_static(METHOD);
        let answered = self.grpc.unary(Request::new(request), path, Bytes).await;
        answered.map(drop)
    }
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
