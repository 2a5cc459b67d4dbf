//! Tells what the body of a frame is: a request, a reply, a cancel, or nothing that we can use.
//!
//! Done here and not by tower-lsp's own types because those refuse what peers do send: replies
//! whose error has additional members, cancels with an id beyond 31 bits, `"params": null`.

use serde_json::{Map, Value};
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Result};

/// A longer id would be copied around for as long as its request is in flight.
const MAX_ID: usize = 1024;

/// What a body says.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    /// A question of the client. Owes one answer.
    Request { id: Id, method: String, params: Option<Value> },
    /// News from the client.
    Notification { method: String, params: Option<Value> },
    /// The client no longer wants an answer.
    Cancel(Id),
    /// The client's answer to a question of ours. `None` when it has neither result nor error.
    Reply { id: Id, outcome: Option<Result<Value>> },
    /// The end of the session.
    Exit,
    /// Nothing that can be used. The error is to be sent with this id, `null` when it is not known.
    Bad { id: Id, error: Error },
}

/// Reads the body of a frame.
pub(super) fn parse(body: &[u8]) -> Message {
    let message = match serde_json::from_slice(body) {
        Ok(Value::Object(message)) => message,
        Ok(_) => return invalid(Id::Null, "message is not an object (batches are not supported)"),
        Err(error) => {
            let error = bad(ErrorCode::ParseError, format!("body is not JSON: {error}"));
            return Message::Bad { id: Id::Null, error };
        }
    };
    classify(message)
}

fn classify(mut message: Map<String, Value>) -> Message {
    let id = match message.remove("id").map(parse_id) {
        None => None,
        Some(Some(id)) => Some(id),
        Some(None) => return invalid(Id::Null, "id is neither a whole number nor a short string"),
    };
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return invalid(id.unwrap_or(Id::Null), "message is not JSON-RPC 2.0");
    }
    let method = match message.remove("method") {
        Some(Value::String(method)) => method,
        Some(_) => return invalid(id.unwrap_or(Id::Null), "method is not a string"),
        None => {
            return match id {
                Some(id) => Message::Reply { id, outcome: outcome(message) },
                None => invalid(Id::Null, "message has neither method nor id"),
            };
        }
    };
    let params = params(&method, message.remove("params"));
    match (method.as_str(), id) {
        ("$/cancelRequest", None) => {
            match params.as_ref().and_then(|params| parse_id(params.get("id")?.clone())) {
                Some(id) => Message::Cancel(id),
                None => invalid(Id::Null, "cancel without a usable id"),
            }
        }
        ("exit", _) => Message::Exit,
        (_, Some(id)) => Message::Request { id, method, params },
        (_, None) => Message::Notification { method, params },
    }
}

/// Repairs the presence of parameters, about which tower-lsp is strict and clients are not: for a
/// method without parameters `null` is refused, for one with parameters their absence.
fn params(method: &str, params: Option<Value>) -> Option<Value> {
    match method {
        "shutdown" => None,
        "initialized" => Some(params.filter(Value::is_object).unwrap_or_else(|| Map::new().into())),
        _ => params.filter(|params| !params.is_null()),
    }
}

fn parse_id(id: Value) -> Option<Id> {
    match id {
        Value::Null => Some(Id::Null),
        Value::String(text) => (text.len() <= MAX_ID).then_some(Id::String(text)),
        Value::Number(number) => number.as_i64().map(Id::Number),
        _ => None,
    }
}

fn outcome(mut reply: Map<String, Value>) -> Option<Result<Value>> {
    // Some clients send both members, the one that does not apply as `null`.
    match (reply.remove("error").filter(|error| !error.is_null()), reply.remove("result")) {
        (Some(error), _) => {
            let code = error
                .get("code")
                .and_then(Value::as_i64)
                .map_or(ErrorCode::InternalError, Into::into);
            let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
            let data = error.get("data").cloned();
            Some(Err(Error { code, message: message.to_owned().into(), data }))
        }
        (None, Some(result)) => Some(Ok(result)),
        (None, None) => None,
    }
}

/// An error with words of its own.
pub(super) fn bad(code: ErrorCode, message: String) -> Error {
    Error { code, message: message.into(), data: None }
}

fn invalid(id: Id, message: &str) -> Message {
    Message::Bad { id, error: bad(ErrorCode::InvalidRequest, message.to_owned()) }
}

/// Whether what is told of a document decodes.
pub(super) fn is_sound(method: &str, params: Option<&Value>) -> bool {
    use lsp_types::{
        DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    };
    use serde_json::from_value;
    params.is_some_and(|params| match method {
        "textDocument/didOpen" => from_value::<DidOpenTextDocumentParams>(params.clone()).is_ok(),
        "textDocument/didClose" => from_value::<DidCloseTextDocumentParams>(params.clone()).is_ok(),
        _ => from_value::<DidChangeTextDocumentParams>(params.clone()).is_ok(),
    })
}
