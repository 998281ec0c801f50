//! Every path by which spans come: protobuf and JSON over HTTP, and gRPC, each packed with gzip or not.
//!
//! What is sent over HTTP is encoded and packed before the clock starts; gRPC packs while it runs.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use benches::{Exporter, Row};
use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Value, json};

use super::{batches, rate};

const CONNECTIONS: usize = 4;

/// What a request looks like over HTTP.
#[derive(Clone, Copy)]
struct Form {
    media: &'static str,
    packed: bool,
}

/// Sends spans on every path; every batch must be answered with success.
pub(super) fn end_to_end(http: &str, grpc: Option<&str>) {
    let mut seed = 100;
    let mut fresh = || {
        seed += 1;
        batches(seed)
    };
    for media in ["application/x-protobuf", "application/json"] {
        for packed in [false, true] {
            let form = Form { media, packed };
            let requests = fresh();
            let spans = count(&requests);
            let bodies: Vec<Vec<u8>> = requests.iter().map(|it| body(it, form)).collect();
            let rate = rate(spans, || over_http(http, form, &bodies));
            row(media, packed, rate);
        }
    }
    let Some(grpc) = grpc else { return };
    let address: SocketAddr = grpc.parse().expect("an address such as 127.0.0.1:4317");
    for packed in [false, true] {
        let requests = fresh();
        let spans = count(&requests);
        let bodies: Vec<Vec<u8>> = requests.iter().map(Message::encode_to_vec).collect();
        let rate = rate(spans, || over_grpc(address, packed, &bodies));
        row("gRPC", packed, rate);
    }
}

fn row(path: &str, packed: bool, rate: f64) {
    let packed = if packed { ", gzip" } else { "" };
    Row::new(&format!("spans end to end, {path}{packed}, M/s"), rate).print();
}

fn count(requests: &[ExportTraceServiceRequest]) -> usize {
    let scopes = requests.iter().flat_map(|it| &it.resource_spans);
    let scopes = scopes.flat_map(|it| &it.scope_spans);
    scopes.map(|scope| scope.spans.len()).sum()
}

fn over_http(address: &str, form: Form, bodies: &[Vec<u8>]) {
    std::thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let mine = bodies.iter().skip(connection).step_by(CONNECTIONS);
            scope.spawn(move || send(address, form, mine).expect("the server takes all"));
        }
    });
}

fn send<'a>(
    address: &str,
    form: Form,
    bodies: impl Iterator<Item = &'a Vec<u8>>,
) -> io::Result<()> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut requests = stream;
    let packing = match form.packed {
        true => "content-encoding: gzip\r\n",
        false => "",
    };
    for body in bodies {
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nhost: {address}\r\ncontent-type: {}\r\n{packing}content-length: {}\r\n\r\n",
            form.media,
            body.len()
        );
        requests.write_all(head.as_bytes())?;
        requests.write_all(body)?;
        answered(&mut answers)?;
    }
    Ok(())
}

/// Reads one answer, which must be a success.
fn answered(answers: &mut impl BufRead) -> io::Result<()> {
    let mut line = String::new();
    answers.read_line(&mut line)?;
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    let mut rest = 0;
    while line != "\r\n" {
        line.clear();
        answers.read_line(&mut line)?;
        if let Some(length) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            rest = length.trim().parse().map_err(io::Error::other)?;
        }
    }
    answers.read_exact(&mut vec![0; rest])
}

fn over_grpc(address: SocketAddr, packed: bool, bodies: &[Vec<u8>]) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let senders = (0..CONNECTIONS).map(|connection| {
            let mine = bodies.iter().skip(connection).step_by(CONNECTIONS);
            let mine: Vec<Vec<u8>> = mine.cloned().collect();
            tokio::spawn(async move {
                let mut exporter = Exporter::to(address, packed);
                for body in mine {
                    exporter.send(body).await.expect("the server takes all");
                }
            })
        });
        let senders: Vec<_> = senders.collect();
        for sender in senders {
            sender.await.expect("no sender fails");
        }
    });
}

fn body(request: &ExportTraceServiceRequest, form: Form) -> Vec<u8> {
    let plain = match form.media {
        "application/json" => serde_json::to_vec(&json_of(request)).expect("it is JSON"),
        _ => request.encode_to_vec(),
    };
    if !form.packed {
        return plain;
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&plain).expect("memory takes it");
    packed.finish().expect("memory takes it")
}

/// A request in OTLP's mapping to JSON: ids in hex, whole numbers of 64 bits as texts.
fn json_of(request: &ExportTraceServiceRequest) -> Value {
    let of_resources = request.resource_spans.iter().map(|it| {
        let resource = it.resource.as_ref().map(|it| attributes(&it.attributes));
        let scopes = it.scope_spans.iter().map(|scope| {
            let name = scope.scope.as_ref().map(|it| it.name.as_str());
            let spans: Vec<Value> = scope.spans.iter().map(span).collect();
            json!({ "scope": { "name": name }, "spans": spans })
        });
        let scopes: Vec<Value> = scopes.collect();
        json!({ "resource": { "attributes": resource }, "scopeSpans": scopes })
    });
    json!({ "resourceSpans": of_resources.collect::<Vec<_>>() })
}

fn span(span: &Span) -> Value {
    json!({
        "traceId": hex(&span.trace_id), "spanId": hex(&span.span_id), "parentSpanId": hex(&span.parent_span_id),
        "flags": span.flags, "name": span.name, "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano.to_string(),
        "endTimeUnixNano": span.end_time_unix_nano.to_string(),
        "attributes": attributes(&span.attributes), "status": {},
    })
}

fn attributes(attributes: &[KeyValue]) -> Vec<Value> {
    let value = |value: &KeyValue| match value.value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(Any::IntValue(number)) => json!({ "intValue": number.to_string() }),
        Some(Any::StringValue(text)) => json!({ "stringValue": text }),
        other => unreachable!("no span here has an attribute like {other:?}"),
    };
    let pairs = attributes.iter();
    pairs
        .map(|it| json!({ "key": it.key, "value": value(it) }))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes it");
        text
    })
}
