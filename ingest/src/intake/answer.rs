//! What a sender hears. Every answer has the same form, whatever its status.

use std::io;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::{Barred, LogPosition, Rejection};
use serde::Serialize;
use serde_json::Value;
use store::AppendError;
use thiserror::Error;
use tokio::task::JoinError;

use crate::decoded::Malformed;
use crate::proof::Unproven;
use crate::{NotKnown, QuarantineError, RecordError};

/// A sender that was told to wait comes back after so many seconds.
const RETRY_SOON_S: u32 = 1;
/// A disk that takes nothing more needs a person.
const RETRY_LATE_S: u32 = 30;

/// What became of the parts of a request.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Answer {
    /// The last position of this request; for what was recorded before, its first position.
    pub(crate) position: Option<LogPosition>,
    /// Parts written now.
    pub(crate) accepted: usize,
    /// Parts written before.
    pub(crate) duplicates: usize,
    /// Parts kept aside because nobody understood them.
    pub(crate) quarantined: usize,
    /// Parts that are understood and say nothing here.
    #[serde(skip_serializing_if = "is_none")]
    pub(crate) ignored: usize,
    /// What is wrong with the others.
    pub(crate) rejected: Vec<Rejection>,
    #[serde(skip)]
    pub(super) conflicts_only: bool,
    /// What the address repeats of the body.
    #[serde(skip)]
    pub(crate) echo: Option<String>,
    /// What the sender asked to hear, instead of all this.
    #[serde(skip)]
    pub(super) asked: Option<Value>,
}

/// How many events, spans or records a request said. It is told beside the answer, to whoever counts for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said(pub u64);

impl Said {
    pub(super) fn of(answer: &Answer) -> Self {
        let parts = answer.accepted + answer.duplicates + answer.quarantined + answer.ignored;
        let parts = parts + answer.rejected.len();
        Self(u64::try_from(parts).unwrap_or(u64::MAX))
    }
}

impl Answer {
    /// The status of the answer; `success` when anything was taken, or nothing was wrong.
    pub(crate) fn status(&self, success: StatusCode) -> StatusCode {
        let taken = 0 < self.accepted + self.duplicates + self.quarantined + self.ignored;
        if taken || self.rejected.is_empty() {
            success
        } else if self.conflicts_only {
            StatusCode::CONFLICT
        } else {
            StatusCode::BAD_REQUEST
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes what it asks about by reference"
)]
const fn is_none(count: &usize) -> bool {
    *count == 0
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        if let Some(asked) = self.asked {
            return Json(asked).into_response();
        }
        (self.status(StatusCode::OK), Json(self)).into_response()
    }
}

/// Why nothing of a request was taken.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    /// The body is not in the form of its address.
    #[error("{}", .0.reason)]
    Malformed(Malformed),
    /// The sender did not prove itself.
    #[error(transparent)]
    Unproven(Unproven),
    /// Whoever sends may not.
    #[error(transparent)]
    Barred(Barred),
    /// The configuration names no such sender.
    #[error("no sender {0:?} is configured for this address")]
    UnknownSender(String),
    /// The body is larger than a body may be.
    #[error("the body has more than {0} bytes after decompression")]
    TooLarge(usize),
    /// The address does not take this form.
    #[error("expected {expects}, found {found}")]
    MediaType {
        found: String,
        expects: &'static str,
    },
    /// The compression is unknown.
    #[error("the content encoding {0:?} is not taken; gzip and identity are")]
    Encoding(String),
    /// The compressed bytes are damaged.
    #[error("the body is not gzip")]
    Gzip(#[source] io::Error),
    /// The body did not arrive in time.
    #[error("the body took too long")]
    TooSlow,
    /// The connection broke.
    #[error("the body broke off")]
    Broken(#[source] axum::Error),
    /// Too much is held already.
    #[error("too much is waiting; come again")]
    Busy,
    /// The log did not take it.
    #[error(transparent)]
    Record(RecordError),
    /// The quarantine could not keep it.
    #[error(transparent)]
    Quarantine(QuarantineError),
    /// The estate that a body is compared with is behind.
    #[error(transparent)]
    NotKnown(NotKnown),
    /// The server goes down, or a decoder has a fault.
    #[error("the work was not finished")]
    Stopped(#[source] JoinError),
}

impl Refusal {
    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::Gzip(_) | Self::Broken(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) | Self::Record(RecordError::TooLarge { .. }) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::MediaType { .. } | Self::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unproven(_) | Self::Barred(Barred::NoCredential | Barred::BadCredential) => {
                StatusCode::UNAUTHORIZED
            }
            Self::Barred(Barred::Lacks(_) | Barred::Limited) => StatusCode::FORBIDDEN,
            Self::UnknownSender(_) => StatusCode::NOT_FOUND,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy | Self::Record(_) | Self::Quarantine(_) | Self::NotKnown(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Stopped(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// When the sender should come again, if it helps at all.
    pub(crate) fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Record(RecordError::Log(
                AppendError::Sync { .. }
                | AppendError::Poisoned { .. }
                | AppendError::Beside { .. },
            ))
            | Self::Quarantine(_) => Some(RETRY_LATE_S),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => Some(RETRY_SOON_S),
            _ => None,
        }
    }

    /// What goes back: the sender's fault in words, ours without.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Stopped(_) => "internal error".to_owned(),
            Self::Record(RecordError::Log(_)) => "the log takes nothing at the moment".to_owned(),
            Self::Quarantine(_) => "the quarantine takes nothing at the moment".to_owned(),
            other => other.to_string(),
        }
    }

    /// Writes it down, once, for whoever runs the server.
    pub(crate) fn log(&self) {
        let reason = ErrorChain(self);
        match self {
            Self::Stopped(_) | Self::Quarantine(_) | Self::Record(RecordError::Log(_)) => {
                tracing::error!("could not take a request: {reason}");
            }
            Self::Busy | Self::NotKnown(_) | Self::Record(_) => {
                tracing::warn!("refused a request: {reason}");
            }
            _ => tracing::debug!("refused a request: {reason}"),
        }
    }
}

impl Refusal {
    /// The refusal with a body in the form of its sender; it is written down here.
    pub(crate) fn respond_as<B: Serialize>(self, body: impl FnOnce(Answer) -> B) -> Response {
        self.log();
        let answer = Answer {
            rejected: vec![Rejection {
                index: 0,
                field: String::new(),
                reason: self.reason(),
            }],
            ..Answer::default()
        };
        let body = Json(body(answer));
        match self.retry_after_s() {
            Some(seconds) => {
                let retry = [(header::RETRY_AFTER, seconds.to_string())];
                (self.status(), retry, body).into_response()
            }
            None => (self.status(), body).into_response(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.respond_as(|answer| answer)
    }
}

/// An error with its causes, for a log.
struct ErrorChain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
