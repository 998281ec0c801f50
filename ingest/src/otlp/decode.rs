//! OTLP bytes to spans and log records, in both encodings. Pure.

pub(crate) mod json;
pub(crate) mod logs;
pub(crate) mod protobuf;
