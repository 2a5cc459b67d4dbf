//! What a server does to files, seen from outside.

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Served;

/// Which files a server opens from now on, as the system saw it.
pub(super) struct Traced {
    child: Child,
    log: tempfile::NamedTempFile,
}

/// `None` where there is no `strace`, or none that may look.
pub(super) fn trace_opens(served: &Served) -> Option<Traced> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut child = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=open,openat,openat2,creat", "-o"])
        .arg(log.path())
        .args(["-p", &served.child.id().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    std::thread::sleep(Duration::from_millis(500));
    // It may not be allowed to look.
    child.try_wait().unwrap().is_none().then_some(Traced { child, log })
}

impl Traced {
    /// The calls that opened a file, until now.
    pub(super) fn opened(mut self) -> Vec<String> {
        std::thread::sleep(Duration::from_millis(300));
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        let log = std::fs::read_to_string(self.log.path()).unwrap();
        // A call during which another thread's is told stands in two lines: its path in the first one.
        let mut begun: HashMap<&str, &str> = HashMap::new();
        let calls = log.lines().filter_map(|line| {
            let (thread, call) = line.split_once(' ').unwrap_or(("", line));
            if let Some(call) = call.strip_suffix("<unfinished ...>") {
                begun.insert(thread, call);
                return None;
            }
            match call.split_once("resumed>") {
                Some((_, rest)) => Some(format!("{}{rest}", begun.remove(thread).unwrap_or(call))),
                None => Some(call.to_owned()),
            }
        });
        calls.filter(|l| l.contains("open") && l.contains("= ") && !l.contains("= -1")).collect()
    }
}
