//! The messages of the `graphql-transport-ws` protocol. Pure.

use async_graphql::ServerError;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::params::Params;

/// The name of the subprotocol.
pub(crate) const SUBPROTOCOL: &str = "graphql-transport-ws";

/// What a client may say.
#[derive(Debug)]
pub(crate) enum ClientMessage {
    /// It introduces itself, and may say with which credential.
    ConnectionInit(Option<String>),
    /// It asks whether we are there; the answer carries its payload back.
    Ping(Option<Map<String, Value>>),
    /// It answers our ping.
    Pong,
    /// It begins an operation under an id of its own.
    Subscribe {
        /// The id of the operation.
        id: String,
        /// The request.
        params: Params,
    },
    /// It no longer wants the results of an operation.
    Complete {
        /// The id of the operation.
        id: String,
    },
}

/// What we say.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ServerMessage<'a> {
    /// The client is welcome.
    ConnectionAck,
    /// We are there.
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Map<String, Value>>,
    },
    /// One result of an operation.
    Next { id: &'a str, payload: &'a RawValue },
    /// The operation was refused; nothing more follows.
    Error {
        id: &'a str,
        payload: &'a [ServerError],
    },
    /// The operation has no more results.
    Complete { id: &'a str },
}

/// Why a connection is ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// The message is not one of the protocol.
    BadMessage(String),
    /// An operation was begun before the connection was acknowledged.
    Unauthorized,
    /// The client gave no credential that counts, or it counts no longer.
    Forbidden,
    /// The client speaks another subprotocol.
    SubprotocolNotAcceptable,
    /// The client did not introduce itself in time.
    InitTimeout,
    /// An operation with this id is under way.
    SubscriberExists(String),
    /// The client introduced itself twice.
    TooManyInits,
    /// The server stops.
    GoingAway,
}

/// Longest reason in a close frame.
const REASON_BYTES: usize = 123;

impl Closing {
    /// The code of the close frame.
    pub(crate) const fn code(&self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::BadMessage(_) => 4400,
            Self::Unauthorized => 4401,
            Self::Forbidden => 4403,
            Self::SubprotocolNotAcceptable => 4406,
            Self::InitTimeout => 4408,
            Self::SubscriberExists(_) => 4409,
            Self::TooManyInits => 4429,
        }
    }

    /// The reason of the close frame, in the words the protocol gives where it gives any.
    pub(crate) fn reason(&self) -> String {
        let mut reason = match self {
            Self::GoingAway => "Going away".to_owned(),
            Self::BadMessage(what) => format!("Invalid message: {what}"),
            Self::Unauthorized => "Unauthorized".to_owned(),
            Self::Forbidden => "Forbidden".to_owned(),
            Self::SubprotocolNotAcceptable => "Subprotocol not acceptable".to_owned(),
            Self::InitTimeout => "Connection initialisation timeout".to_owned(),
            Self::SubscriberExists(id) => format!("Subscriber for {id} already exists"),
            Self::TooManyInits => "Too many initialisation requests".to_owned(),
        };
        if REASON_BYTES < reason.len() {
            let mut end = REASON_BYTES;
            while !reason.is_char_boundary(end) {
                end -= 1;
            }
            reason.truncate(end);
        }
        reason
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    r#type: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    payload: Option<Value>,
}

/// Reads what a client said.
pub(crate) fn read(text: &str) -> Result<ClientMessage, Closing> {
    let value: Value = serde_json::from_str(text).map_err(|_| bad("not JSON"))?;
    if !value.is_object() {
        return Err(bad("not an object"));
    }
    let message: Wire =
        serde_json::from_value(value).map_err(|error| Closing::BadMessage(error.to_string()))?;
    match message.r#type.as_str() {
        "connection_init" => {
            let payload = payload_object(message.payload)?;
            Ok(ClientMessage::ConnectionInit(payload.and_then(credential)))
        }
        "ping" => payload_object(message.payload).map(ClientMessage::Ping),
        "pong" => payload_object(message.payload).map(|_| ClientMessage::Pong),
        "complete" => operation_id(message.id).map(|id| ClientMessage::Complete { id }),
        "subscribe" => {
            let id = operation_id(message.id)?;
            let Some(payload) = payload_object(message.payload)? else {
                return Err(bad("subscribe needs a payload"));
            };
            let params: Params = serde_json::from_value(Value::Object(payload))
                .map_err(|error| Closing::BadMessage(error.to_string()))?;
            if params.query.is_none() && params.document_id.is_none() && params.extensions.is_none()
            {
                return Err(bad("subscribe needs a query"));
            }
            Ok(ClientMessage::Subscribe { id, params })
        }
        "connection_ack" | "next" | "error" => Err(bad("only a server says that")),
        _ => Err(bad("unknown type")),
    }
}

fn payload_object(payload: Option<Value>) -> Result<Option<Map<String, Value>>, Closing> {
    match payload {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(_) => Err(bad("the payload is not an object")),
    }
}

/// The credential of an introduction, written as in the header of that name, whatever its case.
fn credential(payload: Map<String, Value>) -> Option<String> {
    let mut fields = payload.into_iter();
    let (_, value) = fields.find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    value.as_str().map(str::to_owned)
}

fn operation_id(id: Option<String>) -> Result<String, Closing> {
    id.filter(|id| !id.is_empty())
        .ok_or_else(|| bad("the operation has no id"))
}

fn bad(what: &str) -> Closing {
    Closing::BadMessage(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_of_the_protocol_is_a_bad_message() {
        for wrong in [
            "",
            "nonsense",
            "[]",
            "7",
            r#"{"id":"1"}"#,
            r#"{"type":7}"#,
            r#"{"type":"start"}"#,
            r#"{"type":"next","id":"1","payload":{}}"#,
            r#"{"type":"connection_ack"}"#,
            r#"{"type":"connection_init","payload":7}"#,
            r#"{"type":"ping","payload":"x"}"#,
            r#"{"type":"subscribe","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":7,"payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":7}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":"x"}}"#,
            r#"{"type":"complete"}"#,
        ] {
            let closing = read(wrong).expect_err(wrong);
            assert_eq!(closing.code(), 4400, "{wrong}");
            assert!(closing.reason().len() <= REASON_BYTES, "{wrong}");
        }
    }

    #[test]
    fn what_is_of_the_protocol_is_read() {
        for right in [
            r#"{"type":"connection_init"}"#,
            r#"{"type":"connection_init","payload":{"token":"x"}}"#,
            r#"{"type":"ping","payload":null}"#,
            r#"{"type":"pong"}"#,
            r#"{"type":"complete","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":null}}"#,
        ] {
            assert!(read(right).is_ok(), "{right}");
        }
    }

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let reason = Closing::SubscriberExists("é".repeat(200)).reason();
        assert!(reason.len() <= REASON_BYTES);
    }
}
