//! Which version of a file it is.

use std::fs::Metadata;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::file_and_number;

/// What identifies one version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    inode: (u64, u64, i64, i64),
}

impl Stamp {
    pub(crate) fn of(meta: &Metadata) -> Stamp {
        #[cfg(unix)]
        let inode = {
            use std::os::unix::fs::MetadataExt;
            (meta.dev(), meta.ino(), meta.ctime(), meta.ctime_nsec())
        };
        #[cfg(not(unix))]
        let inode = (0, 0, 0, 0);
        Stamp { len: meta.len(), modified: meta.modified().ok(), inode }
    }

    /// That of the file at `path` now; `None` if there is none.
    pub fn at(path: &Path) -> Option<Stamp> {
        let (path, _) = file_and_number(path);
        std::fs::metadata(path).ok().filter(Metadata::is_file).map(|m| Stamp::of(&m))
    }

    /// Whether it is one of the same file, in whichever version. Where that cannot be told, it is not.
    pub(crate) fn is_of_same_file(&self, other: &Stamp) -> bool {
        cfg!(unix) && (self.inode.0, self.inode.1) == (other.inode.0, other.inode.1)
    }

    /// When the file was written last, where that is known.
    pub fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    /// How long the file is, in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// When the file was written last, and when anything of it was changed, as far as that is known.
    pub(crate) fn times(&self) -> Vec<SystemTime> {
        let (.., s, ns) = self.inode;
        let since = u64::try_from(s).ok().zip(u32::try_from(ns).ok()).filter(|&(s, _)| s > 0);
        let changed =
            since.and_then(|(s, ns)| SystemTime::UNIX_EPOCH.checked_add(Duration::new(s, ns)));
        self.modified.into_iter().chain(changed).collect()
    }

    /// All of it as bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (device, inode, s, ns) = self.inode;
        let mut bytes = self.of_content();
        [device, inode].iter().for_each(|n| bytes.extend(n.to_le_bytes()));
        [s, ns].iter().for_each(|n| bytes.extend(n.to_le_bytes()));
        bytes
    }

    /// What a copy of the file that keeps its time has, too.
    pub(crate) fn of_content(&self) -> Vec<u8> {
        let since = self.modified.and_then(|t| t.duration_since(SystemTime::UNIX_EPOCH).ok());
        let mut bytes = self.len.to_le_bytes().to_vec();
        bytes.extend(since.map_or(0, |t| t.as_nanos()).to_le_bytes());
        bytes
    }

    /// Whether the file is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}
