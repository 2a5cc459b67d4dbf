//! Answers the editor.
//!
//! Handlers change state before their first await, take a snapshot, and compute elsewhere: on this
//! task nothing may take long. What the protocol itself asks for stands here; `requests` are those of
//! our own, `commands` what an editor runs by name.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use ide::hover::Markup;
use lsp_types::*;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::{Client, LanguageServer};

use super::documents::path_of;
use super::initialize::{ClientInfo, HoverDialect};
use super::links::links;
use super::loads::Outcome;
use super::parameters::failed;
use super::session::{About, Session};
use super::{commands, ext, to_proto};
use crate::kept::Cache;

/// The server, as tower-lsp calls it.
pub(super) struct Backend {
    pub(super) session: Arc<Session>,
}

impl Backend {
    pub(super) fn new(client: Client, info: Arc<OnceLock<ClientInfo>>, cache: Cache) -> Backend {
        Backend { session: Session::new(client, info, cache) }
    }

    /// Loads a trace and shows it; the answer is its state.
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
    pub(super) fn trace_of(&self, params: &Value) -> Option<PathBuf> {
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
}

#[tower_lsp::async_trait]
impl LanguageServer for Backend {
    async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
        let capabilities = &self.session.info().capabilities;
        // An editor with commands of its own has these names already; it sends requests instead.
        let commands = if capabilities.own_commands { &[] } else { commands::ALL };
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
        self.execute(params).await
    }
}

impl About {
    fn key(&self) -> super::answers::Key {
        (self.path.clone(), self.shown.id, self.text.revision)
    }
}
