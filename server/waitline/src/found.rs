//! Traces in the folders that are open.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::paths::{canonical, slashed};

/// A file that is a trace, or holds one packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// When it was written.
    pub modified: SystemTime,
    /// How long it is, in bytes.
    pub bytes: u64,
}

impl Found {
    /// When it was written, in milliseconds since 1970.
    pub fn modified_ms(&self) -> u64 {
        let since = self.modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// How many files and folders are looked at.
const MAX_ENTRIES: usize = 500_000;
/// How deep folders may lie in each other.
const MAX_DEPTH: usize = 64;
/// The most traces that are given.
const MOST: usize = 1_000;

/// The traces below these folders that fit one of the globs, the newest first. Links are not
/// followed.
pub fn traces(roots: &[PathBuf], globs: &[String]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut n_entries = 0;
    for root in roots {
        // The same names as those of documents.
        let root = canonical(root).unwrap_or_else(|_| root.clone());
        walk(&root, &root, globs, 0, &mut n_entries, &mut found);
    }
    found.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| a.path.cmp(&b.path)));
    found.dedup_by(|a, b| a.path == b.path);
    found.truncate(MOST);
    found
}

fn walk(
    root: &Path,
    dir: &Path,
    globs: &[String],
    depth: usize,
    n_entries: &mut usize,
    found: &mut Vec<Found>,
) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        *n_entries += 1;
        if *n_entries > MAX_ENTRIES {
            return;
        }
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        if kind.is_dir() {
            let name = entry.file_name();
            let is_skipped = name.to_string_lossy().starts_with('.') || name == "node_modules";
            if !is_skipped && depth < MAX_DEPTH {
                walk(root, &path, globs, depth + 1, n_entries, found);
            }
        } else if kind.is_file() {
            let Ok(below) = path.strip_prefix(root) else { continue };
            if fits(globs, &slashed(below))
                && is_trace(&path)
                && let Ok(meta) = entry.metadata()
                && let Ok(modified) = meta.modified()
            {
                found.push(Found { path, modified, bytes: meta.len() });
            }
        }
    }
}

/// Whether a path, from its root on and with `/` between its parts, fits one of some globs.
pub fn fits(globs: &[String], path: &str) -> bool {
    globs.iter().any(|glob| fast_glob::glob_match(glob, path))
}

/// Other programs call their files so, too: what does not begin as a trace, or as what traces are
/// packed in, is none.
fn is_trace(path: &Path) -> bool {
    let mut start = [0; 5];
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOFOLLOW);
    }
    let read = options.open(path).and_then(|mut file| file.read_exact(&mut start));
    let packed: [&[u8]; 3] = [&[0x1f, 0x8b], &[0x28, 0xb5, 0x2f, 0xfd], b"PK\x03\x04"];
    read.is_ok() && (start == *b"go 1." || packed.iter().any(|magic| start.starts_with(magic)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn traces_are_found_by_name_and_content_the_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        let root = canonical(dir.path()).unwrap();
        let write = |name: &str, text: &[u8], age: u64| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            let when = SystemTime::now() - std::time::Duration::from_secs(age);
            fs::File::options().append(true).open(path).unwrap().set_modified(when).unwrap();
        };
        write("a/b/old.trace", b"go 1.26 trace", 50);
        write("trace.out", b"go 1.22 trace", 5);
        write("a/trace.out", b"\x1f\x8b\x08\x00\x00", 1);
        write("instruments.trace", b"bplist", 0);
        write("empty.trace", b"", 0);
        write(".hidden/x.trace", b"go 1.26 trace", 0);
        write("node_modules/x.trace", b"go 1.26 trace", 0);
        write("x.profile", b"go 1.26 trace", 0);
        #[cfg(unix)]
        std::os::unix::fs::symlink(root.join("trace.out"), root.join("link.trace")).unwrap();
        let globs = ["**/*.trace".to_owned(), "**/trace.out".to_owned()];
        let names = |globs: &[String]| -> Vec<String> {
            let found = traces(std::slice::from_ref(&root), globs);
            found.iter().map(|f| slashed(f.path.strip_prefix(&root).unwrap())).collect()
        };
        assert_eq!(names(&globs), ["a/trace.out", "trace.out", "a/b/old.trace"]);
        assert_eq!(names(&["*.out".to_owned()]), ["trace.out"]);
        assert_eq!(names(&["a/**".to_owned()]), ["a/trace.out", "a/b/old.trace"]);
        assert!(names(&[]).is_empty());
        assert_eq!(traces(&[root.clone(), root.clone()], &globs).len(), 3, "once each");
    }
}
