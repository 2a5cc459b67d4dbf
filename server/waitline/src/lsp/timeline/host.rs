//! The timeline opened: in a panel of the editor, or as a page in a browser; and what the page may
//! ask of this session.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lsp_types::notification::Notification;
use lsp_types::{MessageType, Position, Range, ShowDocumentParams, Url};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tower_lsp::jsonrpc::{Error, Result};

use crate::http::{Answers, Event, Host, Launch, Refusal};
use crate::lsp::backend::Backend;
use crate::lsp::initialize::Timeline;
use crate::lsp::parameters::{failed, invalid, number, word};
use crate::lsp::session::Session;
use crate::paths;

/// The command that opens the timeline.
pub(in crate::lsp) const TIMELINE: &str = "waitline.timeline";
/// The command that shows a line's spans in the timelines that are open.
pub(in crate::lsp) const REVEAL: &str = "waitline.reveal";

/// Asks the editor to open its panel.
enum OpenTimeline {}

impl Notification for OpenTimeline {
    type Params = Value;
    const METHOD: &'static str = "waitline/openTimeline";
}

/// Tells the editor's panel to show all spans of a line.
enum Reveal {}

impl Notification for Reveal {
    type Params = Value;
    const METHOD: &'static str = "waitline/reveal";
}

/// Tells the editor's timeline which span was selected in a page.
enum DidSelect {}

impl Notification for DidSelect {
    type Params = Value;
    const METHOD: &'static str = "waitline/didSelect";
}

/// What a page may ask. It changes nothing but the range and what is selected, and can end a load.
const METHODS: [&str; 34] = [
    "waitline/select",
    "waitline/traces",
    "waitline/cancelLoad",
    "waitline/lineCosts",
    "waitline/source",
    "waitline/explain",
    "waitline/hotspots",
    "waitline/site",
    "waitline/wakers",
    "waitline/stacks",
    "waitline/instance",
    "waitline/unmapped",
    "waitline/goroutines",
    "waitline/findings",
    "waitline/goroutineTable",
    "waitline/regionTable",
    "waitline/taskTable",
    "waitline/mmu",
    "waitline/profile",
    "waitline/pprof",
    "waitline/setRange",
    "waitline/timelineInfo",
    "waitline/timelineSummary",
    "waitline/timelineRows",
    "waitline/timelineTasks",
    "waitline/timelineCounters",
    "waitline/timelineAt",
    "waitline/timelineNames",
    "waitline/timelineSlice",
    "waitline/timelineInstances",
    "waitline/timelineFlows",
    "waitline/timelineChain",
    "waitline/timelineFind",
    "waitline/timeline",
];

impl Backend {
    /// Answers a request of the page.
    pub(in crate::lsp) async fn answer_page(&self, method: &str, params: Value) -> Result<Value> {
        if !METHODS.contains(&method) {
            return Err(Error::method_not_found());
        }
        match method {
            "waitline/select" => self.select_in_page(params).await,
            "waitline/traces" => self.traces(params).await,
            "waitline/cancelLoad" => self.cancel_load(params).await,
            "waitline/lineCosts" => self.line_costs(params).await,
            "waitline/source" => self.source(params).await,
            "waitline/explain" => self.explain(params).await,
            "waitline/hotspots" => self.hotspots(params).await,
            "waitline/site" => self.site(params).await,
            "waitline/wakers" => self.wakers(params).await,
            "waitline/stacks" => self.stacks(params).await,
            "waitline/instance" => self.instance(params).await,
            "waitline/unmapped" => self.unmapped(params).await,
            "waitline/goroutines" => self.goroutines(params).await,
            "waitline/findings" => self.findings(params).await,
            "waitline/goroutineTable" => self.goroutine_table(params).await,
            "waitline/regionTable" => self.region_table(params).await,
            "waitline/taskTable" => self.task_table(params).await,
            "waitline/mmu" => self.mmu(params).await,
            "waitline/profile" => self.profile(params).await,
            "waitline/pprof" => self.pprof(params).await,
            "waitline/setRange" => self.set_range(params).await,
            "waitline/timeline" => self.timeline_tile(params).await,
            "waitline/timelineInfo" => self.timeline_info(params).await,
            "waitline/timelineSummary" => self.timeline_summary(params).await,
            "waitline/timelineRows" => self.timeline_rows(params).await,
            "waitline/timelineTasks" => self.timeline_tasks(params).await,
            "waitline/timelineCounters" => self.timeline_counters(params).await,
            "waitline/timelineAt" => self.timeline_at(params).await,
            "waitline/timelineNames" => self.timeline_names(params).await,
            "waitline/timelineSlice" => self.timeline_slice(params).await,
            "waitline/timelineInstances" => self.timeline_instances(params).await,
            "waitline/timelineFlows" => self.timeline_flows(params).await,
            "waitline/timelineChain" => self.timeline_chain(params).await,
            "waitline/timelineFind" => self.timeline_find(params).await,
            _ => Err(Error::method_not_found()),
        }
    }

    /// `waitline.timeline {uri?, line?, t0?, t1?, g?}`: opens the timeline.
    pub(in crate::lsp) async fn open_timeline(&self, argument: Value) -> Result<Option<Value>> {
        if self.session.info().capabilities.timeline == Some(Timeline::WebView) {
            let client = self.session.client.clone();
            let argument = if argument.is_object() { argument } else { json!({}) };
            tokio::spawn(async move { client.send_notification::<OpenTimeline>(argument).await });
            return Ok(None);
        }
        let launch = self.session.launch(&argument).await?;
        let uri = paths::uri(launch.path())
            .ok_or_else(|| failed("the page's address cannot be written down"))?;
        let path = crate::traces::shown(launch.path());
        let session = self.session.clone();
        tokio::spawn(async move {
            let can = session.info().capabilities.show_document;
            let shown = if can {
                let show = ShowDocumentParams {
                    uri,
                    external: Some(true),
                    take_focus: Some(true),
                    selection: None,
                };
                let asked = session.client.show_document(show);
                let answer = tokio::time::timeout(Duration::from_secs(10), asked).await;
                matches!(answer, Ok(Ok(true)))
            } else {
                false
            };
            if !shown {
                let text = format!("the timeline: open {path} in a browser, within a minute");
                session.client.show_message(MessageType::INFO, text).await;
            }
            // The address in it is good for a minute.
            tokio::time::sleep(Duration::from_secs(60)).await;
            drop(launch);
        });
        Ok(None)
    }

    /// `waitline.reveal {uri, line}`: shows all spans of a line, in each timeline that is open.
    pub(in crate::lsp) fn reveal(&self, argument: &Value) -> Result<Option<Value>> {
        let uri = argument.get("uri").and_then(Value::as_str).and_then(|u| Url::parse(u).ok());
        let line = argument.get("line").and_then(Value::as_u64);
        let (Some(uri), Some(line)) = (uri, line) else {
            return Err(invalid("name the place: {\"uri\", \"line\"}"));
        };
        let place = json!({ "uri": uri, "line": line });
        self.session.tell_pages("reveal", place.clone());
        if self.session.info().capabilities.timeline == Some(Timeline::WebView) {
            let client = self.session.client.clone();
            tokio::spawn(async move { client.send_notification::<Reveal>(place).await });
        }
        Ok(None)
    }

    /// `waitline/select {lane, g, start, end, row?, from?}`: a span was selected in the editor's timeline;
    /// pages follow.
    pub(in crate::lsp) async fn select(&self, params: Value) -> Result<Value> {
        self.session.tell_pages("select", selected(&params)?);
        Ok(Value::Null)
    }

    /// The same of a page: other pages follow, and the editor's timeline.
    async fn select_in_page(&self, params: Value) -> Result<Value> {
        let selected = selected(&params)?;
        self.session.tell_pages("select", selected.clone());
        let timeline = self.session.info().capabilities.timeline;
        if matches!(timeline, Some(Timeline::WebView | Timeline::Text)) {
            // Awaited, not spawned: of two selections the later one must come last.
            self.session.client.send_notification::<DidSelect>(selected).await;
        }
        Ok(Value::Null)
    }

    /// A click on a place in the page: shows it in the editor.
    async fn open_place(&self, params: Value) -> Result<Value> {
        let place = || {
            let uri = Url::parse(params.get("uri")?.as_str()?).ok()?;
            let number = |key| params.get(key).and_then(Value::as_u64);
            let line = u32::try_from(number("line")?).ok()?;
            let col = number("col").and_then(|c| u32::try_from(c).ok()).unwrap_or(0);
            Some((uri, line, col))
        };
        let (uri, line, col) =
            place().ok_or_else(|| invalid("name the place: {\"uri\", \"line\", \"col\"}"))?;
        // Only a source of the trace that is shown: the page is not to open anything else.
        let Some(path) = self.session.about(&uri).map(|about| about.path) else {
            return Err(invalid("the place is in no source of this trace"));
        };
        let place = format!("{}:{}", crate::traces::shown(&path), line.saturating_add(1));
        if !self.session.info().capabilities.show_document {
            return Ok(json!({ "opened": false, "place": place }));
        }
        let position = Position::new(line, col);
        let show = ShowDocumentParams {
            uri,
            external: None,
            take_focus: Some(params.get("focus") != Some(&Value::Bool(false))),
            selection: Some(Range::new(position, position)),
        };
        let client = self.session.client.clone();
        let asked = tokio::spawn(async move { client.show_document(show).await });
        let answer = tokio::time::timeout(Duration::from_secs(10), asked).await;
        let opened = matches!(answer, Ok(Ok(Ok(true))));
        Ok(json!({ "opened": opened, "place": place }))
    }
}

/// A selected span as timelines are told of it: what they know of lanes, and nothing else.
fn selected(params: &Value) -> Result<Value> {
    let (lane, from) = (word(params, "lane")?, word(params, "from")?);
    if lane.is_empty() || lane.len() > 4096 || from.len() > 64 {
        return Err(invalid("name the span: {\"lane\", \"g\", \"start\", \"end\"}"));
    }
    let number = |key| number(params, key).map(Option::unwrap_or_default);
    let (g, start, end, row) = (number("g")?, number("start")?, number("end")?, number("row")?);
    Ok(json!({ "lane": lane, "g": g, "start": start, "end": end, "row": row, "from": from }))
}

/// What of a command's argument a page is opened at: the keys of its own links.
const FRAGMENT: [&str; 35] = [
    "trace",
    "view",
    "v0",
    "v1",
    "t0",
    "t1",
    "g",
    "lane",
    "t",
    "uri",
    "line",
    "r0",
    "r1",
    "group",
    "func",
    "only",
    "task",
    "region",
    "tasks",
    "min",
    "max",
    "site",
    "profile",
    "open",
    "flags",
    "window",
    "per",
    "quantiles",
    "function",
    "finding",
    "kind",
    "name",
    "place",
    "lengths",
    "idle",
];

impl Session {
    /// Tells the pages something.
    pub(in crate::lsp) fn tell_pages(&self, event: &'static str, payload: Value) {
        // Nobody need listen.
        let _ = self.events.send(Event { event, payload });
    }

    /// Pages are served at this port of the machine.
    pub(in crate::lsp) async fn listen(self: &Arc<Self>, port: u16) -> std::io::Result<()> {
        *self.host.lock().await = Some(Host::start(port, self.pages()).await?);
        Ok(())
    }

    fn pages(self: &Arc<Self>) -> Arc<Pages> {
        Arc::new(Pages { session: Arc::downgrade(self), events: self.events.clone() })
    }

    /// The address of a page that is let in once. Begins the host, if there is none.
    pub(in crate::lsp) async fn address(self: &Arc<Self>, argument: &Value) -> Result<String> {
        let fail = |error: std::io::Error| failed(format!("no page can be served: {error}"));
        let mut host = self.host.lock().await;
        if host.as_ref().is_none_or(Host::has_ended) {
            *host = Some(Host::start(0, self.pages()).await.map_err(fail)?);
        }
        let open: Vec<(&str, String)> = FRAGMENT
            .into_iter()
            .filter_map(|key| {
                let value = argument.get(key)?;
                let text = match value {
                    Value::String(text) => text.clone(),
                    Value::Number(n) => n.to_string(),
                    _ => return None,
                };
                (text.len() <= 4096).then_some((key, text))
            })
            .collect();
        match &*host {
            Some(host) => host.address(&open).map_err(fail),
            None => Err(Error::internal_error()),
        }
    }

    /// A file that leads a browser there.
    pub(in crate::lsp) async fn launch(self: &Arc<Self>, argument: &Value) -> Result<Launch> {
        let address = self.address(argument).await?;
        Launch::new(&address)
            .map_err(|error| failed(format!("the page's address cannot be written down: {error}")))
    }
}

/// What the page may ask. It keeps no session alive.
struct Pages {
    session: std::sync::Weak<Session>,
    events: broadcast::Sender<Event>,
}

fn refusal(error: Error) -> Refusal {
    (error.code.code(), error.message.into_owned())
}

const GONE: &str = "the session has ended";

impl Pages {
    fn backend(&self) -> std::result::Result<Backend, Refusal> {
        let session = self.session.upgrade().ok_or_else(|| (-32803, GONE.to_owned()))?;
        Ok(Backend { session })
    }
}

/// A panic of ours costs one answer.
fn guarded<T: Send + 'static>(
    work: impl Future<Output = std::result::Result<T, Refusal>> + Send + 'static,
) -> BoxFuture<'static, std::result::Result<T, Refusal>> {
    std::panic::AssertUnwindSafe(work)
        .catch_unwind()
        .map(|done| done.unwrap_or_else(|_| Err((-32603, "internal error".into()))))
        .boxed()
}

impl Answers for Pages {
    fn request(
        &self,
        method: String,
        params: Value,
    ) -> BoxFuture<'static, std::result::Result<Value, Refusal>> {
        let backend = self.backend();
        guarded(async move { backend?.answer_page(&method, params).await.map_err(refusal) })
    }

    fn tile(
        &self,
        params: Value,
    ) -> BoxFuture<'static, std::result::Result<Option<Vec<u8>>, Refusal>> {
        let backend = self.backend();
        guarded(async move { backend?.session.tile(&params).await.map_err(refusal) })
    }

    fn open(&self, params: Value) -> BoxFuture<'static, std::result::Result<Value, Refusal>> {
        let backend = self.backend();
        guarded(async move { backend?.open_place(params).await.map_err(refusal) })
    }

    fn state(&self) -> Value {
        self.session.upgrade().map_or(Value::Null, |session| session.page_state())
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }
}
