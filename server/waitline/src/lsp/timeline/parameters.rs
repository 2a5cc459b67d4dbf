//! What requests about the timeline name.

use ide::timeline::Key;
use serde_json::Value;
use tower_lsp::jsonrpc::Result;

use crate::lsp::parameters::invalid;

/// The latest time that is understood, in nanoseconds: what a JavaScript number holds.
const LATEST: i64 = 1 << 53;

/// A time that parameters name.
pub(super) fn time(params: &Value, key: &str) -> Result<Option<i64>> {
    match params.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            // The page computes with floats.
            let t = value.as_i64().or_else(|| value.as_f64().map(|f| f as i64));
            t.filter(|t| (-LATEST..=LATEST).contains(t))
                .map(Some)
                .ok_or_else(|| invalid(&format!("{key} is a time in nanoseconds")))
        }
    }
}

/// A time that parameters must name.
pub(super) fn the_time(params: &Value, key: &str) -> Result<i64> {
    time(params, key)?.ok_or_else(|| invalid(&format!("name {key}, a time in nanoseconds")))
}

/// A window that parameters name; else all up to `end`.
pub(super) fn window(params: &Value, end: i64) -> Result<(i64, i64)> {
    let t0 = time(params, "t0")?.unwrap_or(0);
    let t1 = time(params, "t1")?.unwrap_or(end);
    if t0 < t1 || (time(params, "t0")?.is_none() && time(params, "t1")?.is_none()) {
        Ok((t0, t1.max(t0 + 1)))
    } else {
        Err(invalid("t0 comes before t1"))
    }
}

/// How many, at most `most`.
pub(super) fn count(params: &Value, key: &str, usual: usize, most: usize) -> Result<usize> {
    match params.get(key) {
        None | Some(Value::Null) => Ok(usual),
        Some(value) => value
            .as_u64()
            .map(|n| usize::try_from(n).unwrap_or(usize::MAX).min(most))
            .ok_or_else(|| invalid(&format!("{key} is a number from 0"))),
    }
}

/// A text that parameters name, or an empty one.
pub(super) fn text<'a>(params: &'a Value, key: &str) -> Result<&'a str> {
    match params.get(key) {
        None | Some(Value::Null) => Ok(""),
        Some(value) => value.as_str().ok_or_else(|| invalid(&format!("{key} is a text"))),
    }
}

/// The lane that parameters must name.
pub(super) fn lane(params: &Value) -> Result<Key> {
    let key = params.get("lane").and_then(Value::as_str).and_then(Key::parse);
    key.ok_or_else(|| invalid("name a lane: {\"lane\"}, such as g:1, p:0 or gc"))
}

/// The lanes that parameters name, at most `most`.
pub(super) fn lanes(params: &Value, most: usize) -> Result<Vec<Key>> {
    let Some(list) = params.get("lanes").and_then(Value::as_array) else {
        return Err(invalid("name the lanes: {\"lanes\": [...]}"));
    };
    if list.len() > most {
        return Err(invalid(&format!("at most {most} lanes at a time")));
    }
    let keys = list.iter().map(|key| {
        let key = key.as_str().and_then(Key::parse);
        key.ok_or_else(|| invalid("a lane is a text such as g:1, p:0 or gc"))
    });
    keys.collect()
}
