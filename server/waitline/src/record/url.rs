//! A trace from a running program: `GET /debug/pprof/trace?seconds=N`.
//!
//! The program at the other end may be stuck, lie, or be none: what comes is bounded in time and
//! size, and is a trace from its first byte on or is not kept.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use lsp_types::Url;
use ureq::http::Response;
use ureq::{Agent, Body, Error};

use super::{DEFAULT_NAME, MAGIC, RecordError, Recorded, Step, Target, failed, quoted};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long nothing may come once the program has recorded. (While it records, nothing need come.)
const IDLE: Duration = Duration::from_secs(15);
/// How often a recording looks at whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);
/// The most that is taken, in bytes.
const MAX_BYTES: u64 = 2 << 30;
/// The longest recording, in seconds. (A second is some 10 MiB of a busy program's trace.)
pub const MAX_SECONDS: u32 = 600;
/// How many redirects are followed, all within the same host.
const MAX_REDIRECTS: u32 = 3;
/// Where Go's `net/http/pprof` serves traces.
const TRACE_PATH: &str = "/debug/pprof/trace";

/// A program that serves `/debug/pprof`.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its address, whole (`http://host:6060/debug/pprof/trace`) or without the path or the scheme.
    pub url: String,
    /// How long it is to record, from 1 to [`MAX_SECONDS`].
    pub seconds: u32,
    /// Where the trace goes.
    pub output: PathBuf,
}

/// What has come so far, for whoever looks on.
#[derive(Debug, Default)]
struct Progress {
    bytes: AtomicU64,
    /// When the last of it came, in milliseconds since the start.
    last: AtomicU64,
}

impl Endpoint {
    /// The same in a folder: `trace.out` there, unless a name was given.
    pub fn output_in(dir: &std::path::Path, output: Option<&std::path::Path>) -> PathBuf {
        dir.join(output.unwrap_or(std::path::Path::new(DEFAULT_NAME)))
    }

    /// Has the program record, and takes the trace.
    ///
    /// # Errors
    /// There is no trace: see [`RecordError`].
    pub fn record(
        &self,
        cancel: &AtomicBool,
        step: &mut dyn FnMut(Step<'_>),
    ) -> Result<Recorded, RecordError> {
        if !(1..=MAX_SECONDS).contains(&self.seconds) {
            return failed(format!("a recording takes from 1 to {MAX_SECONDS} seconds"));
        }
        let url = address(&self.url, self.seconds)?;
        let target = Target::new(self.output.clone())?;
        let part = target.open()?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A person named the host: nobody in between.
            .proxy(None)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .user_agent(concat!("waitline/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .build()
            .new_agent();
        let progress = Progress::default();
        let started = Instant::now();
        let recording = Duration::from_secs(self.seconds.into());
        let mut ended_because = None;
        let result = std::thread::scope(|scope| {
            let (send, done) = channel();
            let (agent_there, progress) = (agent.clone(), &progress);
            let url = &url;
            scope.spawn(move || {
                let _ = send.send(take(&agent_there, url, part, progress, started));
            });
            let mut agent = Some(agent);
            loop {
                match done.recv_timeout(LOOK) {
                    Ok(result) => return result,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => {
                        return failed("internal error: the recording ended early");
                    }
                }
                step(Step::Bytes(progress.bytes.load(Ordering::Relaxed)));
                let last = Duration::from_millis(progress.last.load(Ordering::Relaxed));
                let is_idle = started.elapsed() > last.max(recording) + IDLE;
                let why = if cancel.load(Ordering::Relaxed) {
                    RecordError::Cancelled
                } else if is_idle {
                    RecordError::Failed(format!(
                        "{}: nothing came for {} s after the recording should have ended",
                        quoted(&self.url),
                        IDLE.as_secs()
                    ))
                } else {
                    continue;
                };
                // Whatever the other thread waits for ends, and with it the program's recording.
                if let Some(agent) = agent.take() {
                    agent.shutdown();
                    ended_because = Some(why);
                }
            }
        });
        match (ended_because, result) {
            (Some(why), _) | (None, Err(why)) => Err(why),
            (None, Ok(warning)) => target.keep(warning),
        }
    }
}

/// The address to ask: what a person wrote, completed.
fn address(text: &str, seconds: u32) -> Result<Url, RecordError> {
    let name = quoted(text);
    let text = text.trim();
    // `localhost:6060` reads like the scheme `localhost`.
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let Ok(mut url) = Url::parse(&whole) else {
        return failed(format!(
            "{name}: this is no address (write one like http://localhost:6060{TRACE_PATH})"
        ));
    };
    check_scheme(&url)?;
    let path = url.path().trim_end_matches('/');
    if path.is_empty() {
        url.set_path(TRACE_PATH);
    } else if path.ends_with("/debug/pprof") {
        let path = format!("{path}/trace");
        url.set_path(&path);
    }
    let others: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(key, _)| key != "seconds")
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(others).append_pair("seconds", &seconds.to_string());
    url.set_fragment(None);
    Ok(url)
}

fn check_scheme(url: &Url) -> Result<(), RecordError> {
    if !matches!(url.scheme(), "http" | "https") {
        return failed(format!(
            "{}: only http and https are asked for traces",
            quoted(url.as_str())
        ));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return failed(format!("{}: the address names no host", quoted(url.as_str())));
    }
    Ok(())
}

/// Takes the trace. Gives a warning if there is less of it than there was to be.
fn take(
    agent: &Agent,
    url: &Url,
    mut part: std::fs::File,
    progress: &Progress,
    started: Instant,
) -> Result<Option<String>, RecordError> {
    let mut response = ask(agent, url.clone())?;
    let name = quoted(url.as_str());
    let status = response.status();
    let content = response.headers().get("content-type").and_then(|v| v.to_str().ok());
    let content = content.unwrap_or("no content type").to_owned();
    let mut body = response.body_mut().as_reader();
    if !status.is_success() {
        let said = first_line(&mut body);
        let hint = match status.as_u16() {
            404 => " (the program must import net/http/pprof and serve that path)",
            401 | 403 => " (it asks who you are)",
            _ => "",
        };
        return failed(format!("{name}: answered {}{hint}: {said}", status.as_u16()));
    }
    let mut block = vec![0; 1 << 16];
    let (mut n, mut is_trace) = (0u64, false);
    loop {
        let read = match body.read(&mut block) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            // A program that ends while it is traced is the one that somebody looks into.
            Err(error) if is_trace => {
                return Ok(Some(format!("the connection broke after {n} bytes: {error}")));
            }
            Err(error) => return failed(format!("{name}: {error}")),
        };
        if read == 0 {
            break;
        }
        let before = n;
        n += read as u64;
        if n > MAX_BYTES {
            return failed(format!("{name}: more than 2 GiB came (record for a shorter time)"));
        }
        if let Err(error) = part.write_all(&block[..read]) {
            return failed(format!("the trace cannot be written: {error}"));
        }
        if !is_trace {
            is_trace = check_start(&name, &content, before, &block[..read], &mut body)?;
        }
        progress.bytes.store(n, Ordering::Relaxed);
        let now = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        progress.last.store(now, Ordering::Relaxed);
    }
    if !is_trace {
        return failed(format!("{name}: answered with nothing ({n} bytes)"));
    }
    Ok(None)
}

/// Whether what came so far begins as a trace; not yet, if it is too short to tell.
fn check_start(
    name: &str,
    content: &str,
    before: u64,
    block: &[u8],
    rest: &mut dyn Read,
) -> Result<bool, RecordError> {
    let at = usize::try_from(before).unwrap_or(usize::MAX);
    let wanted = MAGIC.get(at..).unwrap_or_default();
    let n = wanted.len().min(block.len());
    if block[..n] == wanted[..n] {
        return Ok(n == wanted.len());
    }
    let mut said = String::from_utf8_lossy(block).into_owned();
    if !said.contains('\n') {
        said.push_str(&first_line(rest));
    }
    let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
    failed(format!(
        "{name}: this is no execution trace but {}, which begins: {} (the path is usually {TRACE_PATH})",
        quoted(content),
        quoted(&said)
    ))
}

/// Asks, and follows redirects within the host that a person named.
fn ask(agent: &Agent, mut url: Url) -> Result<Response<Body>, RecordError> {
    for _ in 0..=MAX_REDIRECTS {
        let name = quoted(url.as_str());
        let response = agent
            .get(url.as_str())
            .call()
            .map_err(|error| RecordError::Failed(format!("{name}: {}", why_unreachable(&error))))?;
        if !response.status().is_redirection() {
            return Ok(response);
        }
        let location = response.headers().get("location").and_then(|v| v.to_str().ok());
        let Some(next) = location.and_then(|location| url.join(location).ok()) else {
            return failed(format!("{name}: leads on to nowhere"));
        };
        check_scheme(&next)?;
        if next.host_str() != url.host_str() {
            return failed(format!(
                "{name}: leads on to another host, {} (name that one if it is meant)",
                quoted(next.host_str().unwrap_or_default())
            ));
        }
        if url.scheme() == "https" && next.scheme() == "http" {
            return failed(format!("{name}: leads from https to http, and is not followed"));
        }
        url = next;
    }
    failed(format!("{}: leads on and on", quoted(url.as_str())))
}

fn why_unreachable(error: &Error) -> String {
    match error {
        Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
            format!(
                "there is no answer within {} s (does the program run there?)",
                CONNECT.as_secs()
            )
        }
        Error::HostNotFound => "there is no such host".into(),
        Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            "nothing listens there (does the program run, with an HTTP server for net/http/pprof?)"
                .into()
        }
        Error::Protocol(_) => format!("the answer is no HTTP: {}", quoted(&error.to_string())),
        // What speaks HTTP there is taken for damaged TLS.
        other if other.to_string().contains("InvalidContentType") => {
            "the answer is no TLS (write http:// if it is meant)".into()
        }
        other => quoted(&other.to_string()),
    }
}

/// The first line of a text that somebody else sent, for a message.
fn first_line(text: &mut dyn Read) -> String {
    let mut bytes = Vec::new();
    let _ = text.take(4096).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().find(|line| !line.trim().is_empty());
    line.map_or_else(|| "nothing".to_owned(), quoted)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses_are_completed() {
        let of = |text: &str| address(text, 7).map(|url| url.to_string());
        for text in [
            "localhost:6060",
            "http://localhost:6060",
            "http://localhost:6060/",
            "http://localhost:6060/debug/pprof",
            "http://localhost:6060/debug/pprof/",
            "http://localhost:6060/debug/pprof/trace",
            "http://localhost:6060/debug/pprof/trace?seconds=90#x",
        ] {
            let want = "http://localhost:6060/debug/pprof/trace?seconds=7";
            assert_eq!(of(text).unwrap(), want, "{text}");
        }
        assert_eq!(of("https://a.b/c?d=e&f").unwrap(), "https://a.b/c?d=e&f=&seconds=7");
        for text in ["", "file:///etc/passwd", "ftp://a/b", "http://", "http://[::1", "gopher://x"]
        {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
