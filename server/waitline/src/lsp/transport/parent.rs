//! Watches the process that started the server.
//!
//! The end of stdin tells of an editor's death only if nobody else holds the pipe, and a child that
//! the editor started later may have inherited it.

/// A process that was alive when it was first looked at.
#[derive(Debug)]
pub(super) struct Parent {
    id: u32,
    /// When it started, to tell it from a later process with the same id.
    #[cfg(target_os = "linux")]
    start: String,
}

impl Parent {
    /// Begins to watch a process. `None` when it cannot be seen: an editor outside of a container
    /// tells an id that means nothing in it, and the server must not end for that.
    pub(super) fn watch(id: u32) -> Option<Self> {
        #[cfg(target_os = "linux")]
        return Some(Self { id, start: linux_start(id)? });
        // Without unsafe code or another dependency the parent is the only process that can be
        // asked about.
        #[cfg(all(unix, not(target_os = "linux")))]
        return (std::os::unix::process::parent_id() == id).then_some(Self { id });
        // Where there is neither, the end of stdin has to do.
        #[cfg(not(unix))]
        {
            let _ = id;
            None
        }
    }

    /// Whether the process still runs.
    pub(super) fn is_alive(&self) -> bool {
        #[cfg(target_os = "linux")]
        return linux_start(self.id).as_deref() == Some(&self.start);
        // An orphan gets another parent.
        #[cfg(all(unix, not(target_os = "linux")))]
        return std::os::unix::process::parent_id() == self.id;
        #[cfg(not(unix))]
        return self.id != 0;
    }
}

/// The start time of a process in clock ticks, as text. `None` when it is gone or only waits to be
/// reaped.
#[cfg(target_os = "linux")]
fn linux_start(id: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // `1234 (a name) with ) in it) S 1 ...`: the third field is the state, the 22nd the start time.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?;
    let start = fields.nth(18)?;
    (!matches!(state, "Z" | "X" | "x")).then(|| start.to_owned())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_process_is_alive_until_it_ends() {
        assert!(Parent::watch(std::process::id()).unwrap().is_alive());
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let parent = Parent::watch(child.id()).unwrap();
        assert!(parent.is_alive());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!parent.is_alive());
        assert!(Parent::watch(child.id()).is_none());
    }
}
