//! What an editor runs by name, in place of sending a request: `workspace/executeCommand`.

use ide::hover::Markup;
use ide::lenses::Target;
use lsp_types::{ExecuteCommandParams, MessageType, Position, Range, ShowDocumentParams};
use serde_json::Value;
use tower_lsp::jsonrpc::Result;

use super::backend::Backend;
use super::parameters::{invalid, place};
use super::timeline::host::{REVEAL, TIMELINE};
use super::{findings, to_proto};

/// The command that loads a trace.
const LOAD: &str = "waitline.load";
/// The command that takes it away.
const UNLOAD: &str = "waitline.unload";
/// The command that narrows all figures to a range of the trace.
const SET_RANGE: &str = "waitline.setRange";
/// The command that records a trace.
const RECORD: &str = "waitline.record";

/// All commands.
pub(super) const ALL: &[&str] = &[
    LOAD,
    UNLOAD,
    to_proto::EVIDENCE,
    to_proto::GO,
    findings::SET_VERDICT,
    findings::SILENCE,
    findings::EXPLAIN,
    SET_RANGE,
    RECORD,
    TIMELINE,
    REVEAL,
];

impl Backend {
    /// Runs a command.
    pub(super) async fn execute(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        let argument = params.arguments.into_iter().next().unwrap_or(Value::Null);
        match params.command.as_str() {
            LOAD => self.load(argument).await.map(Some),
            UNLOAD => self.unload(argument).await.map(Some),
            findings::SET_VERDICT => {
                let answer = self.set_verdict(argument).await?;
                self.say(MessageType::INFO, &answer["said"]);
                Ok(Some(answer))
            }
            findings::SILENCE => self.silence(argument).await.map(Some),
            SET_RANGE => self.set_range(argument).await.map(Some),
            RECORD => {
                let answer = self.record(argument).await?;
                self.say(MessageType::WARNING, &answer["warning"]);
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
            findings::EXPLAIN => {
                let page = self.explain(argument).await?;
                let code = page["code"].as_str().unwrap_or_default();
                let text = in_short(page["page"].as_str().unwrap_or_default());
                let text = format!("{text}\n\nwaitline explain {code} tells the rest");
                let client = self.session.client.clone();
                tokio::spawn(async move { client.show_message(MessageType::INFO, text).await });
                Ok(Some(page))
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

    /// Says what a person must know of an answer: an editor shows nothing of what a command answers.
    fn say(&self, kind: MessageType, text: &Value) {
        let Some(text) = text.as_str().map(str::to_owned) else { return };
        let client = self.session.client.clone();
        tokio::spawn(async move { client.show_message(kind, text).await });
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

/// What a page about a finding says first, and what helps: without its examples, as a message.
fn in_short(page: &str) -> String {
    let (first, rest) = page.split_once("\n## ").unwrap_or((page, ""));
    let helps = rest.split_once("## What helps\n\n").map_or("", |(_, text)| text);
    let helps = helps.split("\n\n").next().unwrap_or_default();
    let text = format!("{}\n\n{helps}", first.trim_start_matches("# ").trim_end());
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ide::findings::CODES;

    use super::*;

    #[test]
    fn every_page_has_a_beginning_and_what_helps() {
        for code in CODES {
            let page = crate::cli::explain::page(code).unwrap();
            let text = in_short(page);
            assert!(text.starts_with(code.as_str()) && text.len() < 1_500, "{text}");
            assert!(text.split("\n\n").count() >= 3, "{text}");
            assert!(!text.contains("```") && !text.contains("## "), "{text}");
        }
    }
}
