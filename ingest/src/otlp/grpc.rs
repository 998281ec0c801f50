//! OTLP over gRPC: the two `Export` methods, on raw bytes, so that the same
//! reader serves both transports.
//!
//! A packed message stays packed until it is on a thread that may take its time:
//! the server's own unpacking would hold up every other connection meanwhile.

use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body_util::BodyExt;
use tonic::body::Body;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};

use super::Otlp;
use super::answer::{Encoding, RpcCode, RpcStatus, Signal};

/// The services of OTLP over gRPC.
pub(crate) fn routes(otlp: Arc<Otlp>) -> Routes {
    Routes::new(Export::<Traces>::new(Arc::clone(&otlp))).add_service(Export::<Logs>::new(otlp))
}

/// Names an OTLP service.
trait ExportService: Send + Sync + 'static {
    const SERVICE: &'static str;
    const METHOD: &'static str;
    const SIGNAL: Signal;
}

struct Traces;

impl ExportService for Traces {
    const SERVICE: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
    const METHOD: &'static str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    const SIGNAL: Signal = Signal::Traces;
}

struct Logs;

impl ExportService for Logs {
    const SERVICE: &'static str = "opentelemetry.proto.collector.logs.v1.LogsService";
    const METHOD: &'static str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    const SIGNAL: Signal = Signal::Logs;
}

/// One OTLP service.
struct Export<S> {
    otlp: Arc<Otlp>,
    service: PhantomData<S>,
}

impl<S> Export<S> {
    const fn new(otlp: Arc<Otlp>) -> Self {
        Self {
            otlp,
            service: PhantomData,
        }
    }
}

impl<S> Clone for Export<S> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.otlp))
    }
}

impl<S: ExportService> NamedService for Export<S> {
    const NAME: &'static str = S::SERVICE;
}

type Answer<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl<S: ExportService> Service<http::Request<Body>> for Export<S> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let export = self.clone();
        Box::pin(async move {
            if request.uri().path() != S::METHOD {
                let unknown = Status::unimplemented("this service has the method Export only");
                return Ok(unknown.into_http());
            }
            let limit = export.otlp.request_limits().body_bytes;
            let mut grpc = Grpc::new(RawCodec)
                .accept_compressed(CompressionEncoding::Gzip)
                .max_decoding_message_size(limit);
            Ok(grpc.unary(export, keep_packed(request)).await)
        })
    }
}

/// Whether the message came packed; known once its first byte was read.
#[derive(Clone, Default)]
struct Packed(Arc<AtomicBool>);

/// Hides from the server that a message is packed, and notes it beside the request.
fn keep_packed(mut request: http::Request<Body>) -> http::Request<Body> {
    const ENCODING: &str = "grpc-encoding";
    let is_gzip = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"gzip");
    if !request.headers().get(ENCODING).is_some_and(is_gzip) {
        return request;
    }
    request.headers_mut().remove(ENCODING);
    let packed = Packed::default();
    request.extensions_mut().insert(packed.clone());
    request.map(|body| {
        let mut is_first = true;
        Body::new(body.map_frame(move |frame| {
            frame.map_data(|data| match data.first() {
                Some(flag) if std::mem::take(&mut is_first) => {
                    packed.0.store(*flag == 1, Ordering::Relaxed);
                    unflagged(data)
                }
                _ => data,
            })
        }))
    })
}

/// The beginning of a message, its first byte no longer saying that it is packed.
fn unflagged(data: Bytes) -> Bytes {
    let mut data = BytesMut::from(data);
    if let Some(flag @ 1) = data.first_mut() {
        *flag = 0;
    }
    data.freeze()
}

impl<S: ExportService> UnaryService<Bytes> for Export<S> {
    type Response = Vec<u8>;
    type Future = Answer<Response<Vec<u8>>, Status>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let otlp = Arc::clone(&self.otlp);
        let packed = request.extensions().get::<Packed>();
        let is_packed = packed.is_some_and(|packed| packed.0.load(Ordering::Relaxed));
        let message = request.into_inner();
        Box::pin(async move {
            let taken = match is_packed {
                true => otlp.take_packed_message(S::SIGNAL, message).await,
                false => otlp.take_message(S::SIGNAL, message).await,
            };
            match taken {
                Ok(taken) => {
                    let encoded = taken.encode(Encoding::Protobuf, S::SIGNAL);
                    let mut response = Response::new(encoded);
                    response.extensions_mut().insert(taken.said());
                    Ok(response)
                }
                Err(refusal) => {
                    otlp.note_refusal(&refusal);
                    Err(status(&RpcStatus::of(&refusal)))
                }
            }
        })
    }
}

/// Tells a sender to wait, in the form in which its exporter takes it.
pub fn come_again(reason: &str, seconds: u32) -> Status {
    status(&RpcStatus {
        code: RpcCode::Unavailable,
        message: reason.to_owned(),
        retry_after_s: Some(seconds),
    })
}

fn status(status: &RpcStatus) -> Status {
    let code = Code::from_i32(status.code as i32);
    let details = status.encode(Encoding::Protobuf);
    Status::with_details(code, status.message.clone(), details.into())
}

/// Messages as they are.
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
