//! OTLP bytes to spans and log records, in both encodings, and spans of Zipkin and Jaeger. Pure.

mod foreign;
pub(crate) mod jaeger;
pub(crate) mod jaeger_thrift;
pub(crate) mod json;
pub(crate) mod logs;
pub(crate) mod protobuf;
pub(crate) mod zipkin;
