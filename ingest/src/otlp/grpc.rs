//! OTLP over gRPC: the two `Export` methods, on raw bytes, so that the same
//! reader serves both transports.

use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use tonic::body::Body;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};

use super::Otlp;
use super::answer::{Encoding, RpcStatus, Signal};

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
            Ok(grpc.unary(export, request).await)
        })
    }
}

impl<S: ExportService> UnaryService<Bytes> for Export<S> {
    type Response = Vec<u8>;
    type Future = Answer<Response<Vec<u8>>, Status>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let otlp = Arc::clone(&self.otlp);
        Box::pin(async move {
            match otlp.take_message(S::SIGNAL, request.into_inner()).await {
                Ok(taken) => Ok(Response::new(taken.encode(Encoding::Protobuf, S::SIGNAL))),
                Err(refusal) => {
                    otlp.note_refusal(&refusal);
                    Err(status(&RpcStatus::of(&refusal)))
                }
            }
        })
    }
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
