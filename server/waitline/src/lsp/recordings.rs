//! Records a trace for an editor, and shows it.
//!
//! This is the one thing that starts a program or a connection, and it happens when a request or a
//! command says so, never by itself.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Once, PoisonError};
use std::time::Instant;

use lsp_types::{NumberOrString, Url};
use serde_json::Value;

use super::progress::Reporter;
use super::session::Session;
use crate::record::{Endpoint, RecordError, Recorded, Step, Test};

/// What is to be recorded.
pub(super) enum What {
    /// Tests of a package.
    Test(Test),
    /// A running program.
    Program(Endpoint),
}

/// The recording under way: what its progress is called, and how it is ended.
pub(super) type UnderWay = Option<(NumberOrString, Arc<AtomicBool>)>;

impl What {
    /// Reads `{"test", "run"?, "output"?}` or `{"url", "seconds"?, "output"?}`; names of files are
    /// below `root`.
    pub(super) fn from_json(params: &Value, root: Option<&Path>) -> Result<What, String> {
        let text = |key: &str| match params.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(format!("{key} is a text")),
        };
        let dir = root.map(Path::to_owned).or_else(|| std::env::current_dir().ok());
        let dir = dir.ok_or("no folder is open")?;
        let output = text("output")?.filter(|o| !o.is_empty()).map(local).transpose()?;
        match (text("test")?, text("url")?) {
            (Some(test), None) => Ok(What::Test(Test {
                dir,
                package: local(test)?.to_string_lossy().into_owned(),
                run: text("run")?.unwrap_or_default().to_owned(),
                flags: Vec::new(),
                output,
            })),
            (None, Some(url)) => {
                let seconds = match params.get("seconds") {
                    None | Some(Value::Null) => 5,
                    Some(seconds) => seconds
                        .as_u64()
                        .and_then(|s| u32::try_from(s).ok())
                        .ok_or("seconds is a number")?,
                };
                let output = Endpoint::output_in(&dir, output.as_deref());
                Ok(What::Program(Endpoint { url: url.to_owned(), seconds, output }))
            }
            _ => Err("name what to record: {\"test\": a package} or {\"url\"}".to_owned()),
        }
    }

    fn title(&self) -> String {
        match self {
            What::Test(test) => {
                let package = Path::new(&test.package);
                let name = package
                    .file_name()
                    .map_or(test.package.as_str().into(), |name| name.to_string_lossy());
                let run =
                    if test.run.is_empty() { String::new() } else { format!(" {}", test.run) };
                format!("Recording test{} of {}", ide::text::plain(&run), ide::text::plain(&name))
            }
            What::Program(endpoint) => format!("Recording {}", ide::text::plain(&endpoint.url)),
        }
    }

    fn record(&self, cancel: &AtomicBool, progress: &Reporter) -> Result<Recorded, RecordError> {
        match self {
            What::Test(test) => test.record(cancel, &mut |_| progress.goes_on()),
            What::Program(endpoint) => {
                let started = Instant::now();
                endpoint.record(cancel, &mut |step| {
                    if let Step::Bytes(_) = step {
                        progress.percent(started.elapsed().as_secs(), endpoint.seconds.into());
                    }
                })
            }
        }
    }
}

/// A path, or the path of a file URI.
fn local(text: &str) -> Result<PathBuf, String> {
    if !text.starts_with("file:") {
        return Ok(PathBuf::from(text));
    }
    let path = Url::parse(text).ok().and_then(|uri| uri.to_file_path().ok());
    path.ok_or_else(|| format!("{}: this is no file", ide::text::plain(text)))
}

/// Ends the recording when nobody waits for it any more, and makes room for the next.
struct Slot<'a> {
    session: &'a Session,
    cancel: Arc<AtomicBool>,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.cancel.store(true, Ordering::Relaxed);
        *self.session.recording.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Session {
    /// Records a trace: one at a time, for they would slow each other down.
    pub(super) async fn record(self: &Arc<Self>, what: What) -> Result<Recorded, RecordError> {
        static RECORDINGS: AtomicU64 = AtomicU64::new(1);
        let number = RECORDINGS.fetch_add(1, Ordering::Relaxed);
        let token = NumberOrString::String(format!("waitline-record-{number}"));
        let cancel = Arc::new(AtomicBool::new(false));
        {
            let mut under_way = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
            if under_way.is_some() {
                return Err(RecordError::Failed(
                    "another recording is under way (end that one first)".into(),
                ));
            }
            *under_way = Some((token.clone(), cancel.clone()));
        }
        let slot = Slot { session: self, cancel: cancel.clone() };
        end_with_the_process();
        let progress = Reporter::new(self, token, what.title());
        let work = tokio::task::spawn_blocking(move || what.record(&cancel, &progress));
        let recorded = work.await;
        drop(slot);
        recorded.unwrap_or_else(|_| {
            Err(RecordError::Failed("internal error: the recording ended early".into()))
        })
    }

    /// Ends the recording that this progress token stands for.
    pub(super) fn cancel_recording(&self, token: &NumberOrString) {
        let under_way = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, cancel)) = &*under_way
            && of == token
        {
            cancel.store(true, Ordering::Relaxed);
        }
    }
}

/// A server that is told to end takes what it started with it. (The end of its input is seen to
/// elsewhere.)
fn end_with_the_process() {
    static ONCE: Once = Once::new();
    #[cfg(unix)]
    ONCE.call_once(|| {
        tokio::spawn(async {
            use tokio::signal::unix::{SignalKind, signal};
            let Ok(mut term) = signal(SignalKind::terminate()) else { return };
            term.recv().await;
            crate::record::end_all();
            // As if nobody had listened: 128 and the signal's number.
            std::process::exit(128 + 15);
        });
    });
    #[cfg(not(unix))]
    ONCE.call_once(|| {});
}
