//! Answers the editor.
//!
//! Handlers change state before their first await, take a snapshot, and compute elsewhere: on this
//! task nothing may take long.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use ide::hover::Markup;
use ide::lenses::Target;
use lsp_types::*;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::{Client, LanguageServer};

use super::documents::path_of;
use super::initialize::{ClientInfo, HoverDialect};
use super::links::links;
use super::loads::Outcome;
use super::session::{About, Session, Shown};
use super::timeline::host::{REVEAL, TIMELINE};
use super::to_proto;
use super::{ext, findings};
use crate::kept::Cache;

/// The command that loads a trace.
const LOAD: &str = "waitline.load";
/// The command that takes it away.
const UNLOAD: &str = "waitline.unload";

/// The command that narrows all figures to a range of the trace.
const SET_RANGE: &str = "waitline.setRange";
/// The command that records a trace.
const RECORD: &str = "waitline.record";

/// The server, as tower-lsp calls it.
pub(super) struct Backend {
    pub(super) session: Arc<Session>,
}

impl Backend {
    pub(super) fn new(client: Client, info: Arc<OnceLock<ClientInfo>>, cache: Cache) -> Backend {
        Backend { session: Session::new(client, info, cache) }
    }

    /// `waitline/load {trace}`: loads a trace and says what it is.
    pub(super) async fn load(&self, params: Value) -> Result<Value> {
        let path = self
            .trace_of(&params)
            .ok_or_else(|| invalid("name the trace: {\"trace\": a path or a file URI}"))?;
        self.show(path).await
    }

    pub(super) async fn show(&self, path: PathBuf) -> Result<Value> {
        match self.session.load(path).await {
            Outcome::Shown(shown) => Ok(ext::state(&shown)),
            Outcome::Failed(error) => Err(failed(error.to_string())),
            Outcome::Cancelled => Err(failed("loading was cancelled")),
            Outcome::Overtaken => {
                Err(failed("another trace was loaded meanwhile, or this one was unloaded"))
            }
            Outcome::Broken => Err(Error::internal_error()),
        }
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
        self.of_line(&params, ext::site).await
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

    /// `waitline/setVerdict`: a person's word on a line's waiting, kept in `.waitline.toml`.
    pub(super) async fn set_verdict(&self, params: Value) -> Result<Value> {
        let name = word(&params, "verdict")?;
        let verdict = match name {
            "" => None,
            name => Some(crate::config::verdict(name).ok_or_else(|| {
                invalid("a verdict is one of costly, through, idle, unsure, or null")
            })?),
        };
        let kind = word(&params, "kind")?.to_owned();
        let asked = kind.clone();
        let func = self.of_line(&params, move |_, about, line| {
            let view = &about.shown.view;
            let site = view.sites.line(about.file, line).filter(|s| s.holds)?;
            let is = |p: &ide::sites::Part| p.kind.label(&view.analysis) == asked;
            let known = asked.is_empty() || verdict.is_none() || site.parts.iter().any(is);
            known.then(|| Value::from(view.analysis.str(site.func)))
        });
        let func = func.await?;
        let Some(func) = func.as_str() else {
            return Err(invalid("the trace has nothing of that kind on that line"));
        };
        let path = uri_of(&params).ok().and_then(|uri| self.session.path(&uri));
        let root = self.root_of(path.as_deref())?;
        crate::config::set(root, func, &kind, verdict)
            .map_err(|why| failed(format!("{}: {why}", crate::config::FILE)))?;
        self.judge_again().await
    }

    /// The folder whose word counts for a file: the one that holds it, else the first.
    fn root_of(&self, path: Option<&Path>) -> Result<&Path> {
        let roots = &self.session.info().roots;
        let holds = |root: &&PathBuf| {
            path.is_some_and(|p| root.canonicalize().is_ok_and(|root| p.starts_with(root)))
        };
        let root = roots.iter().find(holds).or(roots.first());
        root.map(PathBuf::as_path).ok_or_else(|| failed("no folder is open"))
    }

    /// Loads what is shown again, by what `.waitline.toml` says now. A range stays.
    async fn judge_again(&self) -> Result<Value> {
        self.session.epoch.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let Some(shown) = self.session.shown() else { return Ok(Value::Null) };
        let answer = self.show(shown.path.clone()).await?;
        match shown.view.range {
            Some(range) => self.narrow(Some(range)).await,
            None => Ok(answer),
        }
    }

    /// `waitline/silence {code, package?}`: findings that are not wanted, kept in `.waitline.toml`.
    pub(super) async fn silence(&self, params: Value) -> Result<Value> {
        let code = ide::findings::Code::parse(word(&params, "code")?)
            .ok_or_else(|| invalid("name a finding: {\"code\"}"))?;
        let package = word(&params, "package")?;
        crate::config::silence(self.root_of(None)?, code, package)
            .map_err(|why| failed(format!("{}: {why}", crate::config::FILE)))?;
        self.judge_again().await
    }

    /// `waitline/setRange {t0, t1}` or `null`: narrows all figures to a range of the trace, in
    /// nanoseconds since its beginning.
    pub(super) async fn set_range(&self, params: Value) -> Result<Value> {
        let time = |key: &str| params.get(key).filter(|t| !t.is_null());
        let range = match (time("t0"), time("t1")) {
            (None, None) => None,
            (t0, t1) => match (t0.and_then(Value::as_i64), t1.and_then(Value::as_i64)) {
                (Some(t0), Some(t1)) if t0 < t1 => {
                    Some((exectrace::Nanos(t0), exectrace::Nanos(t1)))
                }
                _ => {
                    return Err(invalid(
                        "name a range: {\"t0\", \"t1\"} in nanoseconds, or nothing",
                    ));
                }
            },
        };
        self.narrow(range).await
    }

    async fn narrow(&self, range: Option<(exectrace::Nanos, exectrace::Nanos)>) -> Result<Value> {
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
    async fn of_line(
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

    /// The transport could not make sense of what the editor told about a document's text.
    pub(super) async fn text_lost(&self, params: Value) {
        let uri = params.pointer("/textDocument/uri").and_then(Value::as_str);
        if let Some(uri) = uri.and_then(|uri| Url::parse(uri).ok()) {
            self.session.documents().lose(&uri);
        }
    }

    /// Tests ask for faults.
    #[cfg(debug_assertions)]
    pub(super) async fn fault(&self, params: Value) -> Result<Value> {
        Ok(super::faults::ask(&params))
    }

    /// The editor does not want to wait for a load.
    pub(super) async fn cancel_progress(&self, params: Value) {
        if let Ok(params) = serde_json::from_value::<WorkDoneProgressCancelParams>(params) {
            self.session.cancel_progress(&params.token);
            self.session.cancel_recording(&params.token);
        }
    }

    /// The trace that parameters name: `{"trace": PATH or URI}`, or that text alone.
    fn trace_of(&self, params: &Value) -> Option<PathBuf> {
        let text = params.get("trace").unwrap_or(params).as_str()?;
        self.session.trace_path(text)
    }

    /// Makes an answer about a document away from this task; `None` if there is nothing to say.
    pub(super) async fn answer<T: Send + 'static>(
        &self,
        uri: &Url,
        make: impl FnOnce(&Session, &About) -> T + Send + 'static,
    ) -> Result<Option<T>> {
        // Which text the question is about is known only now: lines have other numbers in the next.
        let Some(asked) = self.session.revision(uri) else { return Ok(None) };
        let (session, uri) = (self.session.clone(), uri.clone());
        let work = super::work::compute(move |_| {
            let Some(about) = session.about(&uri) else { return Ok(None) };
            if about.text.revision != asked {
                return Err(Error::content_modified());
            }
            let answer = make(&session, &about);
            // An answer about a text that is gone would stand on wrong lines.
            if session.revision(&uri) == Some(asked) {
                Ok(Some(answer))
            } else {
                Err(Error::content_modified())
            }
        });
        work.await?
    }

    /// The evidence for a recorded line, as a message; for editors that only run commands.
    fn evidence(&self, argument: &Value) -> Option<String> {
        let (uri, line) = place(argument)?;
        let about = self.session.about(&uri)?;
        let view = &about.shown.view;
        // What opens a region or a task often costs nothing itself: then its lenses are what is known.
        ide::hover::hover(view, about.file, line, Markup::Plain).or_else(|| {
            let (lines, metric) = (self.session.lines(&about), self.session.settings().metric);
            let lenses = ide::lenses::lenses(view, about.file, &lines, metric);
            let here = lenses.into_iter().filter(|l| l.target == Target::Evidence(line));
            let titles: Vec<String> = here.map(|lens| lens.title).collect();
            (!titles.is_empty()).then(|| titles.join("\n"))
        })
    }
}

#[tower_lsp::async_trait]
impl LanguageServer for Backend {
    async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
        let capabilities = &self.session.info().capabilities;
        // An editor with commands of its own has these names already; it sends requests instead.
        let commands: &[&str] = if capabilities.own_commands {
            &[]
        } else {
            &[
                LOAD,
                UNLOAD,
                to_proto::EVIDENCE,
                to_proto::GO,
                findings::SET_VERDICT,
                findings::SILENCE,
                SET_RANGE,
                RECORD,
                TIMELINE,
                REVEAL,
            ]
        };
        Ok(InitializeResult {
            capabilities: ServerCapabilities {
                position_encoding: Some(PositionEncodingKind::UTF16),
                text_document_sync: Some(TextDocumentSyncCapability::Options(
                    TextDocumentSyncOptions {
                        open_close: Some(true),
                        change: Some(TextDocumentSyncKind::INCREMENTAL),
                        ..TextDocumentSyncOptions::default()
                    },
                )),
                hover_provider: Some(HoverProviderCapability::Simple(true)),
                code_action_provider: Some(CodeActionProviderCapability::Options(
                    CodeActionOptions {
                        code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
                        ..CodeActionOptions::default()
                    },
                )),
                code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
                inlay_hint_provider: (!capabilities.decorations).then_some(OneOf::Left(true)),
                execute_command_provider: (!commands.is_empty()).then(|| ExecuteCommandOptions {
                    commands: commands.iter().map(|&c| c.to_owned()).collect(),
                    ..ExecuteCommandOptions::default()
                }),
                ..ServerCapabilities::default()
            },
            server_info: Some(ServerInfo {
                name: "waitline".into(),
                version: Some(env!("CARGO_PKG_VERSION").into()),
            }),
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        let named = self.trace_of(&self.session.info().initialization_options);
        tokio::spawn(self.session.clone().begin(named));
    }

    async fn shutdown(&self) -> Result<()> {
        self.session.unload();
        Ok(())
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        // Numbered before anything can overtake it.
        let number = self.session.settings_said();
        tokio::spawn(self.session.clone().configure_again(number, params.settings));
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        if let Some(path) = path_of(&document.uri) {
            let uri = document.uri;
            self.session.documents().open(uri.clone(), path, document.version, document.text);
            // What is open may differ from the file.
            self.session.publish_file(&uri);
        }
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let uri = params.text_document.uri;
        // Marks must follow from before the first edit: afterwards only a guess is left.
        drop(self.session.about(&uri));
        let version = params.text_document.version;
        self.session.documents().change(&uri, version, params.content_changes);
        self.session.publish_file(&uri);
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        let uri = params.text_document.uri;
        self.session.documents().close(&uri);
        self.session.publish_file(&uri);
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        if !self.session.settings().lenses {
            return Ok(Some(Vec::new()));
        }
        let uri = params.text_document.uri;
        let decorations = self.session.info().capabilities.decorations;
        let of = uri.clone();
        let lenses = self.answer(&uri, move |session, about| {
            session.answers.lenses.get_or_make(about.key(), || {
                let view = &about.shown.view;
                let editor = &session.info().capabilities;
                let can = |command: &str| editor.runs(command);
                let (lines, metric) = (session.lines(about), session.settings().metric);
                let texts = to_proto::Texts::new(about);
                let lenses = match decorations {
                    true => ide::lenses::lenses_beside_figures(view, about.file, &lines, metric),
                    false => ide::lenses::lenses(view, about.file, &lines, metric),
                };
                lenses
                    .iter()
                    .map(|lens| to_proto::code_lens(about, &of, &texts, &lines, lens, can))
                    .collect()
            })
        });
        Ok(Some(lenses.await?.map(|lenses| lenses.to_vec()).unwrap_or_default()))
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        if !self.session.settings().hints {
            return Ok(Some(Vec::new()));
        }
        let hints = self.answer(&params.text_document.uri, |session, about| {
            session.answers.hints.get_or_make(about.key(), || {
                let view = &about.shown.view;
                let (lines, settings) = (session.lines(about), session.settings());
                let (least_ns, metric) = (settings.least_ns, settings.metric);
                let texts = to_proto::Texts::new(about);
                ide::annotations::annotations(view, about.file, &lines, least_ns, metric)
                    .iter()
                    .map(|annotation| to_proto::inlay_hint(&texts, annotation))
                    .collect()
            })
        });
        let range = params.range;
        let asked =
            |hint: &&InlayHint| (range.start.line..=range.end.line).contains(&hint.position.line);
        let hints = hints.await?;
        Ok(Some(hints.map(|h| h.iter().filter(asked).cloned().collect()).unwrap_or_default()))
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let at = params.text_document_position_params;
        let capabilities = &self.session.info().capabilities;
        let markdown = capabilities.hover_markdown;
        let line = at.position.line;
        let links = (markdown && capabilities.hover_dialect == HoverDialect::VsCode)
            .then(|| links(&capabilities.commands, &at.text_document.uri, line))
            .flatten();
        let hover = self.answer(&at.text_document.uri, move |session, about| {
            let lines = session.lines(about);
            let recorded = lines.recorded(line)?;
            let state = lines.current(recorded)?.state;
            let view = &about.shown.view;
            let (kind, markup) = if markdown {
                (MarkupKind::Markdown, Markup::Markdown)
            } else {
                (MarkupKind::PlainText, Markup::Plain)
            };
            let mut value = ide::hover::hover_as(view, about.file, recorded, state, markup)?;
            if let Some(links) = links {
                value.push_str("\n\n");
                value.push_str(&links);
            }
            let text = about.text.line(line);
            let indent = text.len() - text.trim_start().len();
            let start = text.get(..indent)?.encode_utf16().count() as u32;
            let end = text.trim_end().encode_utf16().count() as u32;
            Some(Hover {
                contents: HoverContents::Markup(MarkupContent { kind, value }),
                range: Some(Range::new(Position::new(line, start), Position::new(line, end))),
            })
        });
        Ok(hover.await?.flatten())
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        Ok(Some(self.session.actions(&params.text_document.uri, &params.context.diagnostics)))
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        let argument = params.arguments.into_iter().next().unwrap_or(Value::Null);
        match params.command.as_str() {
            LOAD => self.load(argument).await.map(Some),
            UNLOAD => self.unload(argument).await.map(Some),
            findings::SET_VERDICT => self.set_verdict(argument).await.map(Some),
            findings::SILENCE => self.silence(argument).await.map(Some),
            SET_RANGE => self.set_range(argument).await.map(Some),
            RECORD => {
                let answer = self.record(argument).await?;
                // An editor shows nothing of what a command answers.
                if let Some(warning) = answer["warning"].as_str().map(str::to_owned) {
                    let client = self.session.client.clone();
                    tokio::spawn(async move {
                        client.show_message(MessageType::WARNING, warning).await;
                    });
                }
                Ok(Some(answer))
            }
            TIMELINE => self.open_timeline(argument).await,
            REVEAL => self.reveal(&argument),
            to_proto::EVIDENCE => {
                if let Some(text) = self.evidence(&argument) {
                    let client = self.session.client.clone();
                    tokio::spawn(async move { client.show_message(MessageType::INFO, text).await });
                }
                Ok(None)
            }
            to_proto::GO => {
                let Some((uri, line)) = place(&argument) else {
                    return Err(invalid("name the place: {\"uri\", \"line\"}"));
                };
                let line = self
                    .session
                    .about(&uri)
                    .map_or(Some(line), |about| {
                        self.session.lines(&about).current(line).map(|n| n.line)
                    })
                    .unwrap_or(line);
                let Some(path) = self.session.path(&uri) else {
                    return Err(invalid("the place is no file"));
                };
                let position = Position::new(line, 0);
                let client = self.session.client.clone();
                let can = self.session.info().capabilities.show_document;
                tokio::spawn(async move {
                    if can {
                        let selection = Some(Range::new(position, position));
                        let show = ShowDocumentParams {
                            uri,
                            external: None,
                            take_focus: Some(true),
                            selection,
                        };
                        let _ = client.show_document(show).await;
                    } else {
                        let place = format!("{}:{}", crate::traces::shown(&path), line + 1);
                        client.show_message(MessageType::INFO, place).await;
                    }
                });
                Ok(None)
            }
            other => Err(invalid(&format!("there is no command {}", ide::text::plain(other)))),
        }
    }
}

impl About {
    fn key(&self) -> super::answers::Key {
        (self.path.clone(), self.shown.id, self.text.revision)
    }
}

/// The file and line of a command's argument.
fn place(argument: &Value) -> Option<(Url, u32)> {
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
fn uri_if_named(params: &Value) -> Result<Option<Url>> {
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
