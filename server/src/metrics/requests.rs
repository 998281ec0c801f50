//! Counts requests by listener and class of status, and turns a panic into an answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::Instrument;

use super::histogram::REQUEST_SECONDS;
use super::{Exposition, Histogram};
use crate::tasks::message_of;

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What one listener counts.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    listener: &'static str,
    by_class: [AtomicU64; 5],
    seconds: Histogram,
}

impl RequestMetrics {
    /// Nothing counted yet.
    pub(crate) fn new(listener: &'static str) -> Self {
        Self {
            listener,
            by_class: Default::default(),
            seconds: Histogram::new(&REQUEST_SECONDS),
        }
    }

    /// Writes the counts.
    pub(crate) fn write(&self, scrape: &mut Exposition) {
        for (class, counted) in CLASSES.iter().zip(&self.by_class) {
            scrape.counter(
                "http_requests_total",
                "Requests answered, by listener and class of status.",
                &[("listener", self.listener), ("status", class)],
                counted.load(Ordering::Relaxed),
            );
        }
        scrape.histogram(
            "http_answer_seconds",
            "Time until the head of the answer.",
            &[("listener", self.listener)],
            &self.seconds,
        );
    }

    fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(counted) = self.by_class.get(class) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Middleware: measures a request; a handler that panics answers 500 and the server goes on.
pub(crate) async fn measure(
    State(metrics): State<Arc<RequestMetrics>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!(
        "request",
        listener = metrics.listener,
        http.method = %request.method(),
        http.path = %path,
    );
    let answered = AssertUnwindSafe(next.run(request).instrument(span)).catch_unwind();
    let answered = answered.await;
    let response = answered.unwrap_or_else(|panic| {
        let message = message_of(panic.as_ref());
        tracing::error!(http.path = %path, "the handler of {path} panicked: {message}");
        (StatusCode::INTERNAL_SERVER_ERROR, "internal error\n").into_response()
    });
    metrics.seconds.observe(started.elapsed());
    metrics.count(response.status());
    response
}
