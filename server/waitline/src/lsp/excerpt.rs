//! A piece of a source, for a page that has no editor beside it.

use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use super::backend::{Backend, invalid, number, uri_of};
use super::session::About;

/// So many lines before the one that is asked for, and as many behind it.
const AROUND: usize = 200;
/// A longer line is cut, in characters.
const LONGEST: usize = 400;

impl Backend {
    /// `waitline/source {uri, line}`: the text around a line of a source of the trace.
    pub(super) async fn source(&self, params: Value) -> Result<Value> {
        let uri = uri_of(&params)?;
        let line = number(&params, "line")?.ok_or_else(|| invalid("name the line, from 0"))?;
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        let answer = self.answer(&uri, move |_, about| excerpt(about, line));
        Ok(answer.await?.unwrap_or(Value::Null))
    }
}

fn excerpt(about: &About, line: usize) -> Value {
    let base = &about.shown.view.placement.source(about.file).text;
    let text = about.text.buffer.as_ref().map_or(&**base, |buffer| buffer.text());
    let of = text.lines().count();
    let line = line.min(of.saturating_sub(1));
    let first = line.saturating_sub(AROUND);
    let lines = text.lines().skip(first).take(line - first + AROUND + 1);
    json!({
        "analysis": about.shown.id,
        "path": crate::traces::shown(&about.path),
        "of": of,
        "first": first,
        "lines": lines.map(cut).collect::<Vec<_>>(),
    })
}

fn cut(line: &str) -> &str {
    line.char_indices().nth(LONGEST).map_or(line, |(end, _)| &line[..end])
}
