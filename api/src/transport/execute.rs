//! Prepares a request and has the engine answer it within its time.

use std::sync::Arc;

use async_graphql::Response as Answer;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use axum::http::HeaderMap;
use futures_util::stream::{self, BoxStream, StreamExt};
use model::{Caller, LogPosition};

use super::answer::Answered;
use super::asking::Asking;
use super::document;
use super::params::Params;
use super::{roots, shown, texts};
use crate::error::{ErrorCode, Refusal, ensure_code};
use crate::reading::Reading;
use crate::state::Inner;

/// The header by which a client demands to see at least what is known at a position.
const MIN_POSITION_HEADER: &str = "epicenter-min-position";
/// The same as an extension of the request.
const MIN_POSITION_EXTENSION: &str = "minPosition";
/// What the engine says of a document beyond the cost limit; it gives no code.
const ENGINE_TOO_COMPLEX: &str = "Query is too complex.";

/// A request whose document is read and within the limits.
pub(crate) struct Prepared {
    /// What its operation does.
    pub(crate) kind: OperationType,
    request: async_graphql::Request,
    reading: Arc<Reading>,
    asking: Asking,
}

/// Reads the document of a request.
pub(crate) fn prepare(
    state: &Inner,
    params: Params,
    header_position: Option<LogPosition>,
    caller: &Caller,
) -> Result<Prepared, Refusal> {
    caller.known()?;
    let mut asking = Asking::by(caller, state.ports.clock.now());
    match read(state, params, header_position, caller, &mut asking) {
        Ok((kind, request, reading)) => Ok(Prepared {
            kind,
            request,
            reading,
            asking,
        }),
        Err(refusal) => {
            asking.refused(state, &refusal);
            Err(refusal)
        }
    }
}

fn read(
    state: &Inner,
    params: Params,
    header_position: Option<LogPosition>,
    caller: &Caller,
    asking: &mut Asking,
) -> Result<(OperationType, async_graphql::Request, Arc<Reading>), Refusal> {
    let extensions = params.extensions.as_ref();
    let extension = extensions.and_then(|extensions| extensions.get(MIN_POSITION_EXTENSION));
    let demanded = match extension {
        None | Some(serde_json::Value::Null) => header_position,
        Some(value) => Some(read_position(value.as_str().unwrap_or_default())?),
    };
    let id = params.document_id.as_deref();
    let text = state.documents.resolve(params.query, id, extensions)?;
    asking.text(&text, &params.variables);
    let document = document::read(&text, &state.limits)?;
    let name = params.operation_name.as_deref();
    let operation = document::operation(&document, name, &params.variables)?;
    let kind = operation.ty;
    let called = name.or_else(|| only_name(&document));
    asking.operation(kind, called, roots::names(&document, operation));
    roots::check(&document, operation, caller)?;
    shown::check(|| state.shapes(), &document, operation, caller)?;
    if !state.limits.introspection {
        roots::tell_no_schema(&document, operation)?;
    }

    let views = &state.ports.views;
    let names = texts::texts(&document, &params.variables);
    let patience = state.limits.view_wait;
    let reading = Arc::new(Reading::begin(views, demanded, patience, names));
    let mut request = async_graphql::Request::new(&*text)
        .variables(params.variables)
        .data(Arc::clone(&reading))
        .data(caller.clone());
    request.operation_name = params.operation_name;
    request.set_parsed_query(document);
    Ok((kind, request, reading))
}

/// The name of the only operation there is.
fn only_name(document: &ExecutableDocument) -> Option<&str> {
    match &document.operations {
        DocumentOperations::Multiple(operations) if operations.len() == 1 => {
            operations.keys().next().map(async_graphql::Name::as_str)
        }
        DocumentOperations::Multiple(_) | DocumentOperations::Single(_) => None,
    }
}

/// The position that a request's headers demand.
pub(crate) fn header_position(headers: &HeaderMap) -> Result<Option<LogPosition>, Refusal> {
    let Some(value) = headers.get(MIN_POSITION_HEADER) else {
        return Ok(None);
    };
    read_position(value.to_str().unwrap_or_default()).map(Some)
}

/// Answers a query or mutation within the time a request may take.
pub(crate) async fn execute(state: &Inner, prepared: Prepared) -> Answered {
    let Prepared {
        request,
        reading,
        asking,
        ..
    } = prepared;
    let answer = state.engine.execute(request);
    let answered = match tokio::time::timeout(state.limits.request_time, answer).await {
        Ok(answer) => finish(answer, &reading),
        Err(_) => Answered::from(Refusal::new(
            ErrorCode::Timeout,
            "the answer took too long; a mutation may still have been recorded",
        )),
    };
    asking.answered(state, &answered);
    answered
}

/// Follows a subscription; a query or mutation is answered once.
pub(crate) fn follow(state: &Arc<Inner>, prepared: Prepared) -> BoxStream<'static, Answered> {
    if prepared.kind != OperationType::Subscription {
        let state = Arc::clone(state);
        return stream::once(async move { execute(&state, prepared).await }).boxed();
    }
    prepared.asking.began(state);
    let reading = prepared.reading;
    state
        .engine
        .execute_stream(prepared.request)
        .map(move |answer| finish(answer, &reading))
        .boxed()
}

fn finish(mut answer: Answer, reading: &Reading) -> Answered {
    for error in &mut answer.errors {
        if error.path.is_empty() && error.message == ENGINE_TOO_COMPLEX {
            let refusal = Refusal::new(ErrorCode::CostLimit, ENGINE_TOO_COMPLEX);
            *error = *refusal.error;
        }
        ensure_code(error);
    }
    let refused = answer.data == async_graphql::Value::Null
        && !answer.errors.is_empty()
        && answer.errors.iter().all(|error| error.path.is_empty());
    if let Some(position) = reading.position() {
        let position = async_graphql::Value::from(position.to_string());
        answer.extensions.insert("position".to_owned(), position);
    }
    let too_costly = || {
        let mut errors = answer.errors.iter();
        errors.any(|error| code_of(error) == Some(ErrorCode::CostLimit.as_str()))
    };
    let refused = refused.then(|| {
        if too_costly() {
            ErrorCode::CostLimit
        } else {
            ErrorCode::ValidationFailed
        }
    });
    Answered { answer, refused }
}

pub(super) fn code_of(error: &async_graphql::ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        async_graphql::Value::String(code) => Some(code),
        _ => None,
    }
}

fn read_position(text: &str) -> Result<LogPosition, Refusal> {
    text.parse().map_err(|_| {
        Refusal::new(
            ErrorCode::BadRequest,
            "a demanded position is a decimal string, as answers give it",
        )
    })
}
