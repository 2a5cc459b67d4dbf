//! A piece of a source, for a page that has no editor beside it.

use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use super::backend::Backend;
use super::parameters::{invalid, number, uri_of};
use super::session::About;

/// So many lines before the one that is asked for, and as many behind it.
const AROUND: u32 = 200;
/// A longer line is cut, in characters.
const LONGEST: usize = 400;

impl Backend {
    /// `waitline/source {uri, line}`: the text around a line of a source of the trace.
    pub(super) async fn source(&self, params: Value) -> Result<Value> {
        let uri = uri_of(&params)?;
        let line = number(&params, "line")?.ok_or_else(|| invalid("name the line, from 0"))?;
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        let answer = self.answer(&uri, move |_, about| excerpt(about, line));
        Ok(answer.await?.unwrap_or(Value::Null))
    }
}

fn excerpt(about: &About, line: u32) -> Value {
    let of = about.text.map.n_lines();
    let line = line.min(of.saturating_sub(1));
    let first = line.saturating_sub(AROUND);
    let lines = first..line.saturating_add(AROUND + 1).min(of);
    json!({
        "analysis": about.shown.id,
        "path": crate::traces::shown(&about.path),
        "of": of,
        "first": first,
        "lines": lines.map(|line| cut(about.text.line(line))).collect::<Vec<_>>(),
    })
}

fn cut(line: &str) -> &str {
    line.char_indices().nth(LONGEST).map_or(line, |(end, _)| &line[..end])
}
