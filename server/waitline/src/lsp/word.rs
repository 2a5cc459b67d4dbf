//! A person's word on waits and findings, as `.waitline.toml` keeps it: what writes it, and the watch on
//! its files, since people write them, too.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use ide::sites::SiteLine;
use ide::verdicts::Verdict;
use ide::view::short_func;
use lsp_types::MessageType;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use super::backend::Backend;
use super::folders::Folders;
use super::parameters::{failed, invalid, uri_of, word};
use super::session::{About, Session};
use crate::config::{self, Said, Words};
use crate::paths::canonical;
use crate::workspace::Choices;

/// How long the files must stay the same before they are read.
const SETTLED: Duration = Duration::from_millis(100);
/// How often they are looked at, told of changes or not: they are few and small.
const POLL: Duration = Duration::from_secs(1);

impl Backend {
    /// `waitline/setVerdict`: a person's word on a line's waiting, kept in `.waitline.toml`.
    pub(super) async fn set_verdict(&self, params: Value) -> Result<Value> {
        let name = word(&params, "verdict")?;
        let verdict = match name {
            "" => None,
            name => Some(config::verdict(name).ok_or_else(|| {
                invalid("a verdict is one of costly, through, idle, unsure, or null")
            })?),
        };
        let kind = word(&params, "kind")?.to_owned();
        let asked = kind.clone();
        let at = self.of_line(&params, move |session, about, line| {
            let view = &about.shown.view;
            let site = view.sites.line(about.file, line).filter(|s| s.holds)?;
            let is = |p: &ide::sites::Part| p.kind.label(&view.analysis) == asked;
            let known = asked.is_empty() || verdict.is_none() || site.parts.iter().any(is);
            known.then(|| place(session, about, site))?
        });
        let at = at.await?;
        let word_of = |key: &str| at[key].as_str().unwrap_or_default();
        if word_of("func").is_empty() {
            return Err(invalid("the trace has nothing of that kind on that line"));
        }
        let path = uri_of(&params).ok().and_then(|uri| self.session.path(&uri));
        let root = self.root_of(path.as_deref())?;
        let site = config::Site { func: word_of("func"), text: word_of("text"), kind: &kind };
        let said = config::set(root, &site, verdict)
            .map_err(|why| failed(format!("{}: {why}", config::FILE)))?;
        let said = sentence(&at, verdict, &kind, said);
        let mut state = self.judge_again().await?;
        if state.is_object() {
            state["said"] = said.into();
        }
        Ok(state)
    }

    /// `waitline/silence {code, package?}`: findings that are not wanted, kept in `.waitline.toml`.
    pub(super) async fn silence(&self, params: Value) -> Result<Value> {
        let code = ide::findings::Code::parse(word(&params, "code")?)
            .ok_or_else(|| invalid("name a finding: {\"code\"}"))?;
        let package = word(&params, "package")?;
        config::silence(self.root_of(None)?, code, package)
            .map_err(|why| failed(format!("{}: {why}", config::FILE)))?;
        self.judge_again().await
    }

    /// The folder whose word counts for a file: the one that holds it, else the first.
    fn root_of(&self, path: Option<&Path>) -> Result<&Path> {
        let roots = &self.session.info().roots;
        let holds = |root: &&PathBuf| {
            path.is_some_and(|p| canonical(root).is_ok_and(|root| p.starts_with(root)))
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
}

/// How a line is spoken of: its function, its code, its name for people, and the other lines of the
/// function that have the same code, from 1.
fn place(session: &Session, about: &About, site: &SiteLine) -> Option<Value> {
    let (view, lines) = (&about.shown.view, session.lines(about));
    let source = view.placement.source(about.file);
    let code = source.code(site.line).filter(|code| !code.is_empty())?;
    let now = |line: u32| lines.current(line).map_or(line, |now| now.line) + 1;
    let others = view.sites.lines(about.file).iter().filter(|other| {
        other.line != site.line
            && other.func == site.func
            && other.holds
            && source.code(other.line) == Some(code)
    });
    let others: Vec<u32> = others.map(|other| now(other.line)).collect();
    let name = source.path.rsplit('/').next().unwrap_or_default();
    Some(json!({
        "func": view.analysis.str(site.func),
        "text": code,
        "name": ide::text::plain(&format!("{name}:{}", now(site.line))),
        "others": others,
    }))
}

/// What a person is told of their word, and so of what it holds for.
fn sentence(at: &Value, verdict: Option<Verdict>, kind: &str, said: Said) -> String {
    let file = config::FILE;
    let name = at["name"].as_str().unwrap_or_default();
    let name = match kind {
        "" => name.to_owned(),
        kind => format!("{name} ({})", ide::text::plain(kind)),
    };
    let others: Vec<String> =
        at["others"].as_array().into_iter().flatten().map(|line| format!(":{line}")).collect();
    let others = match others.is_empty() {
        true => String::new(),
        false => format!(", and so is the same code at {}", others.join(", ")),
    };
    match (said, verdict) {
        (Said::Kept, Some(verdict)) => {
            let what = match verdict {
                Verdict::Costly => "work",
                other => config::name(other),
            };
            format!("{name} is treated as {what} now{others} ({file})")
        }
        (Said::TakenBack | Said::Kept, _) => {
            format!("{name} is judged by the trace again{others} (taken back from {file})")
        }
        (Said::FunctionStays, _) => {
            let func = ide::text::plain(short_func(at["func"].as_str().unwrap_or_default()));
            format!(
                "what was said of {name} is taken back, what is said of all of {func} holds ({file})"
            )
        }
        (Said::OfFunctionTakenBack, _) => {
            let func = ide::text::plain(short_func(at["func"].as_str().unwrap_or_default()));
            format!("all of {func} is judged by the trace again (taken back from {file})")
        }
        (Said::Nothing, _) => format!("{file} says nothing of {name}"),
    }
}

impl Session {
    /// By what traces are placed and judged now, and the number of that.
    pub(super) fn choices(&self) -> (Choices, u64) {
        let (word, epoch) = {
            let mut words = self.words();
            self.look_at(&mut words);
            (words.word(), self.epoch.load(Ordering::Relaxed))
        };
        let choices = self.settings().choices.clone();
        (Choices { word: Some(word), ..choices }, epoch)
    }

    fn words(&self) -> MutexGuard<'_, Words> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the files, and tells what is wrong with them. Whether something else counts than before:
    /// then what was judged before is old.
    fn look_at(&self, words: &mut Words) -> bool {
        let look = words.look(&self.info().roots);
        if look.changed {
            self.epoch.fetch_add(1, Ordering::Relaxed);
        }
        if !look.complaints.is_empty() {
            let text = look.complaints.join("\n");
            tracing::warn!("{text}");
            let client = self.client.clone();
            tokio::spawn(async move { client.show_message(MessageType::WARNING, text).await });
        }
        look.changed
    }

    /// From now on what is shown follows the files. Once is enough.
    pub(super) fn watch_words(self: &Arc<Self>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (session, roots) = (Arc::downgrade(self), self.info().roots.clone());
        if roots.is_empty() {
            return;
        }
        let thread = std::thread::Builder::new().name("words".into()).spawn(move || {
            let _entered = runtime.enter();
            let folders = Folders::watch(&roots, notify::RecursiveMode::NonRecursive);
            let mut is_old = false;
            loop {
                folders.wait(POLL, SETTLED);
                let Some(session) = session.upgrade() else { return };
                is_old |= session.look_at(&mut session.words());
                if is_old {
                    // A panic of ours costs this look, not those to come.
                    let judge = AssertUnwindSafe(session.judge_by_new_words());
                    is_old = !runtime.block_on(judge.catch_unwind()).unwrap_or(true);
                }
            }
        });
        if let Err(error) = thread {
            tracing::warn!("{} is not watched: {error}", config::FILE);
        }
    }
}
