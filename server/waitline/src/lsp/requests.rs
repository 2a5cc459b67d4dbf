//! The requests of our own, as `docs/lsp-extensions.md` tells them: the traces that are loaded, and what
//! is known of their lines. Those of the timeline, of the analyses and of excerpts stand with these.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use super::backend::Backend;
use super::ext;
use super::parameters::{failed, invalid, number, uri_if_named, uri_of, word};
use super::session::{About, Session, Shown};

impl Backend {
    /// `waitline/load {trace}`: loads a trace and says what it is.
    pub(super) async fn load(&self, params: Value) -> Result<Value> {
        let path = self
            .trace_of(&params)
            .ok_or_else(|| invalid("name the trace: {\"trace\": a path or a file URI}"))?;
        self.show(path).await
    }

    /// `waitline/record`: records a trace and shows it. The answer is its state, with what a person
    /// must know of it.
    pub(super) async fn record(&self, params: Value) -> Result<Value> {
        let root = self.session.info().roots.first().map(PathBuf::as_path);
        let what =
            super::recordings::What::from_json(&params, root).map_err(|why| invalid(&why))?;
        let recorded = self.session.record(what).await.map_err(|why| failed(why.to_string()))?;
        let mut state = self.show(recorded.path).await?;
        state["warning"] = recorded.warning.into();
        Ok(state)
    }

    /// `waitline/unload {trace?}`: takes one trace away, or all.
    pub(super) async fn unload(&self, params: Value) -> Result<Value> {
        match params.get("trace").is_some_and(|t| !t.is_null()) {
            true => {
                let path = self.trace_of(&params).ok_or_else(|| invalid("name the trace"))?;
                self.session.unload_one(&path);
            }
            false => self.session.unload(),
        }
        Ok(Value::Null)
    }

    /// `waitline/traces`: what is loaded.
    pub(super) async fn traces(&self, _: Value) -> Result<Value> {
        Ok(ext::traces(&self.session.all_loaded(), self.session.shown().as_deref()))
    }

    /// `waitline/activate {trace}`: shows a trace that is loaded.
    pub(super) async fn activate(&self, params: Value) -> Result<Value> {
        let path = self.trace_of(&params).ok_or_else(|| invalid("name the trace"))?;
        if !self.session.all_loaded().iter().any(|loaded| loaded.path == path) {
            return Err(failed("that trace is not loaded (waitline/load does)"));
        }
        self.show(path).await
    }

    /// `waitline/found`: the traces in the folders that are open, the newest first.
    pub(super) async fn found(&self, _: Value) -> Result<Value> {
        let session = self.session.clone();
        let find =
            move |_: &_| crate::found::traces(&session.info().roots, &session.settings().globs);
        Ok(ext::found(&self.session.room.compute(find).await?))
    }

    /// `waitline/lineCosts`: what stands at the ends of a document's lines.
    pub(super) async fn line_costs(&self, params: Value) -> Result<Value> {
        let uri = uri_of(&params)?;
        for key in ["/range/start/line", "/range/end/line"] {
            if params.get("range").is_some_and(|r| !r.is_null())
                && params.pointer(key).and_then(Value::as_u64).is_none()
            {
                return Err(invalid("a range is {\"start\": {\"line\"}, \"end\": {\"line\"}}"));
            }
        }
        let answer =
            self.answer(&uri, move |session, about| ext::line_costs(session, about, &params));
        Ok(answer.await?.unwrap_or(Value::Null))
    }

    /// `waitline/hotspots`: the dearest lines of the workspace.
    pub(super) async fn hotspots(&self, params: Value) -> Result<Value> {
        let uri = uri_if_named(&params)?;
        let limit = number(&params, "limit")?.unwrap_or(50);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.of_trace(move |session, shown| ext::hotspots(session, shown, uri.as_ref(), limit))
            .await
    }

    /// `waitline/unmapped`: recorded folders of which no file is known, rules that would find them,
    /// and how the others go with the source.
    pub(super) async fn unmapped(&self, _: Value) -> Result<Value> {
        self.of_trace(ext::unmapped).await
    }

    /// `waitline/site`: the evidence for a line.
    pub(super) async fn site(&self, params: Value) -> Result<Value> {
        let whole = match params.get("whole") {
            None | Some(Value::Null) => false,
            Some(whole) => whole.as_bool().ok_or_else(|| invalid("whole is true or false"))?,
        };
        self.of_line(&params, move |session, about, line| match &about.shown.whole {
            Some(shown) if whole => {
                let (shown, path) = (shown.clone(), about.path.clone());
                let about = About { shown, path, file: about.file, text: about.text.clone() };
                ext::site(session, &about, line)
            }
            _ => ext::site(session, about, line),
        })
        .await
    }

    /// `waitline/explain {code}`: what a finding means and what helps, as its page has it.
    pub(super) async fn explain(&self, params: Value) -> Result<Value> {
        let code = word(&params, "code")?;
        let code = ide::findings::Code::parse(code)
            .ok_or_else(|| invalid("code is that of a finding, such as slots-exhausted"))?;
        let page = crate::cli::explain::page(code);
        Ok(json!({ "code": code.as_str(), "page": page }))
    }

    /// `waitline/wakers`: who ended the waits of a line.
    pub(super) async fn wakers(&self, params: Value) -> Result<Value> {
        self.of_line(&params, ext::wakers_of).await
    }

    /// `waitline/stacks`: the stacks of a line's spans.
    pub(super) async fn stacks(&self, params: Value) -> Result<Value> {
        self.of_line(&params, ext::stacks).await
    }

    /// `waitline/instance`: one wait of a line, by its length.
    pub(super) async fn instance(&self, params: Value) -> Result<Value> {
        let rank = number(&params, "rank")?.unwrap_or(0);
        let rank = usize::try_from(rank).unwrap_or(usize::MAX);
        self.session.shown_with_lives().await?;
        self.of_line(&params, move |session, about, line| ext::instance(session, about, line, rank))
            .await
    }

    /// `waitline/setRange {t0, t1}` or `null`: narrows all figures to a range of the trace, in
    /// nanoseconds since its beginning.
    pub(super) async fn set_range(&self, params: Value) -> Result<Value> {
        let time = |key: &str| params.get(key).filter(|t| !t.is_null());
        let range = match (time("t0"), time("t1")) {
            (None, None) => None,
            (t0, t1) => {
                let range = t0.and_then(Value::as_i64).zip(t1.and_then(Value::as_i64));
                let (t0, t1) = range.ok_or_else(|| {
                    invalid("name a range: {\"t0\", \"t1\"} in nanoseconds, or nothing")
                })?;
                // Of one that is not whole yet, or not any more, nobody knows how long it is.
                let shown = self.session.shown();
                let whole = shown.filter(|shown| shown.view.analysis.problem.is_none());
                let length = whole.map_or(i64::MAX, |shown| shown.view.analysis.duration());
                if let Some(why) = ide::range::why_not(length, Some(t0), Some(t1)) {
                    return Err(invalid(&why));
                }
                Some((exectrace::Nanos(t0), exectrace::Nanos(t1)))
            }
        };
        self.narrow(range).await
    }

    pub(super) async fn narrow(
        &self,
        range: Option<(exectrace::Nanos, exectrace::Nanos)>,
    ) -> Result<Value> {
        let wish = self.session.wish_range();
        let session = self.session.clone();
        if range.is_some() {
            self.session.shown_with_lives().await?;
        }
        let narrow = move |_: &_| session.set_range(wish, range);
        let shown = self.session.room.compute(narrow).await?;
        self.session.publish();
        Ok(shown.map_or(Value::Null, |shown| ext::state(&shown)))
    }

    /// `waitline/goroutines {uri?, line?}`: what became of the goroutines of each `go` statement.
    pub(super) async fn goroutines(&self, params: Value) -> Result<Value> {
        let (uri, line) = (uri_if_named(&params)?, number(&params, "line")?);
        let of = move |session: &Session, shown: &Shown| {
            ext::goroutines(session, shown, uri.as_ref(), line)
        };
        self.of_trace(of).await
    }

    /// `waitline/findings`: what is worth telling about the trace.
    pub(super) async fn findings(&self, _: Value) -> Result<Value> {
        self.of_trace(ext::findings).await
    }

    /// An answer about the trace as a whole, made away from this task.
    async fn of_trace(
        &self,
        make: impl FnOnce(&Session, &Shown) -> Value + Send + 'static,
    ) -> Result<Value> {
        let session = self.session.clone();
        let work = move |_: &_| session.shown().map_or(Value::Null, |shown| make(&session, &shown));
        self.session.room.compute(work).await
    }

    /// The same for an answer that may not be possible, or takes long: it is told when nobody wants
    /// it any more.
    pub(super) async fn try_of_trace(
        &self,
        make: impl FnOnce(&Session, &Arc<Shown>, &AtomicBool) -> Result<Value> + Send + 'static,
    ) -> Result<Value> {
        let session = self.session.clone();
        let work = move |given_up: &AtomicBool| {
            session.shown().map_or(Ok(Value::Null), |shown| make(&session, &shown, given_up))
        };
        self.session.room.compute(work).await?
    }

    /// An answer about a line of the buffer, `{uri, line}`.
    pub(super) async fn of_line(
        &self,
        params: &Value,
        make: impl FnOnce(&Session, &About, u32) -> Option<Value> + Send + 'static,
    ) -> Result<Value> {
        let uri = uri_of(params)?;
        let line = params.get("line").and_then(Value::as_u64).and_then(|l| u32::try_from(l).ok());
        let line = line.ok_or_else(|| invalid("name the line, from 0"))?;
        let answer = self.answer(&uri, move |session, about| {
            let recorded = session.lines(about).recorded(line);
            recorded.and_then(|recorded| make(session, about, recorded))
        });
        Ok(answer.await?.flatten().unwrap_or(Value::Null))
    }
}
