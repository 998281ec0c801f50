//! Stable error codes: what a client may act on stands in `extensions.code`, never in the message.

use async_graphql::{ErrorExtensionValues, ServerError};
use axum::http::StatusCode;
use model::Barred;

/// Why a request or a field was refused. The names are part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorCode {
    /// The request is not a GraphQL-over-HTTP request.
    BadRequest,
    /// The request carries no credential, or none that counts.
    Unauthenticated,
    /// The credential is not for this; `extensions.scope` names what is missing.
    Forbidden,
    /// The request came from a page or to a host this server does not answer for.
    ForbiddenOrigin,
    /// The method is not allowed for this operation; mutations go by POST.
    MethodNotAllowed,
    /// The client accepts none of the media types this answer can be given in.
    NotAcceptable,
    /// The body is not `application/json` in UTF-8.
    UnsupportedMediaType,
    /// The body or the document is larger than allowed.
    RequestTooLarge,
    /// The document is not GraphQL.
    ParseFailed,
    /// The document or its variables do not fit the schema.
    ValidationFailed,
    /// The document is nested too deep.
    DepthLimit,
    /// The document uses too many aliases.
    AliasLimit,
    /// The document asks for too much at once.
    CostLimit,
    /// The batch holds too many requests.
    BatchLimit,
    /// The document behind a hash is not known here; send it once in full.
    PersistedQueryNotFound,
    /// The operator lists the documents that are answered, and this is none of them.
    DocumentNotAllowed,
    /// The answer took longer than allowed.
    Timeout,
    /// Too many requests or live streams at once; try again later.
    Busy,
    /// This node has not yet folded what the client asked to see; try again.
    ViewBehind,
    /// The position lies beyond the log.
    PositionUnknown,
    /// An argument has a value that cannot be meant.
    BadInput,
    /// None of the asked items exists.
    ItemNotFound,
    /// The key could mean several items.
    ItemAmbiguous,
    /// The change does not exist.
    ChangeNotFound,
    /// The incident does not exist.
    IncidentNotFound,
    /// Nobody ever stated the relation.
    RelationNotFound,
    /// The subscription does not exist, or was withdrawn.
    SubscriptionNotFound,
    /// The token does not exist.
    TokenNotFound,
    /// The quarantined input does not exist.
    QuarantinedInputNotFound,
    /// The same `eventId` was recorded before with other content.
    Conflict,
    /// The log takes no writes until it is restarted.
    LogUnavailable,
    /// Our fault; the details are in our log.
    Internal,
}

impl ErrorCode {
    /// Every code, in the order of their table.
    pub const ALL: [Self; 32] = [
        Self::BadRequest,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::ForbiddenOrigin,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::UnsupportedMediaType,
        Self::RequestTooLarge,
        Self::ParseFailed,
        Self::ValidationFailed,
        Self::DepthLimit,
        Self::AliasLimit,
        Self::CostLimit,
        Self::BatchLimit,
        Self::PersistedQueryNotFound,
        Self::DocumentNotAllowed,
        Self::Timeout,
        Self::Busy,
        Self::ViewBehind,
        Self::PositionUnknown,
        Self::BadInput,
        Self::ItemNotFound,
        Self::ItemAmbiguous,
        Self::ChangeNotFound,
        Self::IncidentNotFound,
        Self::RelationNotFound,
        Self::SubscriptionNotFound,
        Self::TokenNotFound,
        Self::QuarantinedInputNotFound,
        Self::Conflict,
        Self::LogUnavailable,
        Self::Internal,
    ];

    /// The code as clients see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::ForbiddenOrigin => "FORBIDDEN_ORIGIN",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::RequestTooLarge => "REQUEST_TOO_LARGE",
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::DepthLimit => "DEPTH_LIMIT",
            Self::AliasLimit => "ALIAS_LIMIT",
            Self::CostLimit => "COST_LIMIT",
            Self::BatchLimit => "BATCH_LIMIT",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::DocumentNotAllowed => "DOCUMENT_NOT_ALLOWED",
            Self::Timeout => "TIMEOUT",
            Self::Busy => "BUSY",
            Self::ViewBehind => "VIEW_BEHIND",
            Self::PositionUnknown => "POSITION_UNKNOWN",
            Self::BadInput => "BAD_INPUT",
            Self::ItemNotFound => "ITEM_NOT_FOUND",
            Self::ItemAmbiguous => "ITEM_AMBIGUOUS",
            Self::ChangeNotFound => "CHANGE_NOT_FOUND",
            Self::IncidentNotFound => "INCIDENT_NOT_FOUND",
            Self::RelationNotFound => "RELATION_NOT_FOUND",
            Self::SubscriptionNotFound => "SUBSCRIPTION_NOT_FOUND",
            Self::TokenNotFound => "TOKEN_NOT_FOUND",
            Self::QuarantinedInputNotFound => "QUARANTINED_INPUT_NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::LogUnavailable => "LOG_UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// The status of a request refused as a whole with this code, where the media type lets it show.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::ForbiddenOrigin | Self::DocumentNotAllowed => {
                StatusCode::FORBIDDEN
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout | Self::Busy | Self::ViewBehind | Self::LogUnavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::BadRequest
            | Self::ParseFailed
            | Self::ValidationFailed
            | Self::DepthLimit
            | Self::AliasLimit
            | Self::CostLimit
            | Self::BatchLimit
            | Self::PersistedQueryNotFound
            | Self::PositionUnknown
            | Self::BadInput
            | Self::ItemNotFound
            | Self::ItemAmbiguous
            | Self::ChangeNotFound
            | Self::IncidentNotFound
            | Self::RelationNotFound
            | Self::SubscriptionNotFound
            | Self::TokenNotFound
            | Self::QuarantinedInputNotFound
            | Self::Conflict => StatusCode::BAD_REQUEST,
        }
    }

    /// An error of a field with this code.
    pub(crate) fn error(self, message: impl Into<String>) -> async_graphql::Error {
        let mut error = async_graphql::Error::new(message);
        error.extensions = Some(self.extensions());
        error
    }

    fn extensions(self) -> ErrorExtensionValues {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", self.as_str());
        extensions
    }
}

/// A request refused before anything of it was executed.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) error: Box<ServerError>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::at(code, ServerError::new(message, None))
    }

    /// With the place in the document that the error already carries.
    pub(crate) fn at(code: ErrorCode, mut error: ServerError) -> Self {
        error.extensions = Some(code.extensions());
        let error = Box::new(error);
        Self { code, error }
    }
}

impl From<Barred> for Refusal {
    fn from(barred: Barred) -> Self {
        let code = match barred {
            Barred::NoCredential | Barred::BadCredential => ErrorCode::Unauthenticated,
            Barred::Lacks(_) | Barred::Limited => ErrorCode::Forbidden,
        };
        let mut refusal = Self::new(code, barred.to_string());
        if let (Barred::Lacks(scope), Some(extensions)) = (barred, &mut refusal.error.extensions) {
            extensions.set("scope", scope.as_str());
        }
        refusal
    }
}

/// Gives a code to an error the engine made itself: a field error is about an
/// argument, any other about the document.
pub(crate) fn ensure_code(error: &mut ServerError) {
    let has_code = error
        .extensions
        .as_ref()
        .is_some_and(|extensions| extensions.get("code").is_some());
    if has_code {
        return;
    }
    let code = if error.path.is_empty() {
        ErrorCode::ValidationFailed
    } else {
        ErrorCode::BadInput
    };
    error
        .extensions
        .get_or_insert_default()
        .set("code", code.as_str());
}
