//! What requests name, and how one is refused that names nothing that can be understood, or that cannot
//! be done.

use lsp_types::Url;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};

/// The file and line of a command's argument.
pub(super) fn place(argument: &Value) -> Option<(Url, u32)> {
    let uri = Url::parse(argument.get("uri")?.as_str()?).ok()?;
    let line = u32::try_from(argument.get("line")?.as_u64()?).ok()?;
    Some((uri, line))
}

/// The document that parameters name.
pub(super) fn uri_of(params: &Value) -> Result<Url> {
    let uri = params.get("uri").and_then(Value::as_str).and_then(|uri| Url::parse(uri).ok());
    uri.ok_or_else(|| invalid("name the document: {\"uri\"}"))
}

/// The document that parameters may name.
pub(super) fn uri_if_named(params: &Value) -> Result<Option<Url>> {
    match params.get("uri") {
        None | Some(Value::Null) => Ok(None),
        Some(_) => uri_of(params).map(Some),
    }
}

/// A number from 0 that parameters may name.
pub(super) fn number(params: &Value, key: &str) -> Result<Option<u64>> {
    match params.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            value.as_u64().map(Some).ok_or_else(|| invalid(&format!("{key} is a number from 0")))
        }
    }
}

/// A word that parameters may name; else it is empty.
pub(super) fn word<'a>(params: &'a Value, key: &str) -> Result<&'a str> {
    match params.get(key) {
        None | Some(Value::Null) => Ok(""),
        Some(value) => value.as_str().ok_or_else(|| invalid(&format!("{key} is a text"))),
    }
}

pub(super) fn invalid(why: &str) -> Error {
    Error::invalid_params(why.to_owned())
}

/// The request was sound but could not be done (LSP's RequestFailed).
pub(super) fn failed(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error { code: ErrorCode::ServerError(-32803), message: why.into(), data: None }
}
