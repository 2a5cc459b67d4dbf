//! The folder of kept files: whose it must be, how much it may hold, what goes first.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What names the folder, or says `off`.
const VARIABLE: &str = "WAITLINE_CACHE";
/// How the names of kept files end.
const ENDING: &str = ".kept";
/// How those of files begin that are being written.
const BEGUN: &str = ".begun-";
/// What is still being written after so long never will be.
const GIVEN_UP: Duration = Duration::from_secs(3600);
/// The most bytes in the folder.
const MOST_BYTES: u64 = 512 << 20;
/// The most files in it.
const MOST_FILES: usize = 64;

/// A folder for kept files, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cache {
    folder: Option<PathBuf>,
}

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The file.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// When it was used last.
    pub used: SystemTime,
}

impl Cache {
    /// Nothing is kept.
    pub fn none() -> Cache {
        Cache::default()
    }

    /// Kept in a folder.
    pub fn at(folder: PathBuf) -> Cache {
        Cache { folder: Some(folder) }
    }

    /// Where the user's environment has it: the folder that `WAITLINE_CACHE` names, none if that is
    /// `off`, else the platform's usual one.
    pub fn of_user() -> Cache {
        let path = |name: &str| {
            let value = std::env::var_os(name).map(PathBuf::from);
            value.filter(|path| path.is_absolute())
        };
        if std::env::var_os(VARIABLE).is_some_and(|value| !value.is_empty()) {
            return Cache { folder: path(VARIABLE) };
        }
        let home = || std::env::home_dir().filter(|home| home.is_absolute());
        let usual = if cfg!(windows) {
            path("LOCALAPPDATA").map(|folder| folder.join("waitline").join("cache"))
        } else if cfg!(target_os = "macos") {
            home().map(|home| home.join("Library/Caches/waitline"))
        } else {
            let folder = path("XDG_CACHE_HOME").or_else(|| Some(home()?.join(".cache")));
            folder.map(|folder| folder.join("waitline"))
        };
        Cache { folder: usual }
    }

    /// The folder.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Opens a kept file, if it is one that nobody else can have written.
    pub(super) fn open(&self, name: &str) -> Option<File> {
        let folder = self.folder.as_deref().filter(|folder| is_own_folder(folder))?;
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC);
        }
        let file = options.open(folder.join(format!("{name}{ENDING}"))).ok()?;
        let meta = file.metadata().ok()?;
        if !meta.is_file() || !is_own(&meta) {
            return None;
        }
        // What is used goes last. Its time is all that ever changes of it.
        let now = SystemTime::now();
        let is_old = meta.modified().is_ok_and(|used| {
            now.duration_since(used).is_ok_and(|ago| ago > Duration::from_secs(60))
        });
        if is_old {
            let _ = file.set_modified(now);
        }
        Some(file)
    }

    /// Puts a kept file in its place when it is whole, and makes room for it.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn put(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        make(folder)?;
        let begun = tempfile::Builder::new().prefix(BEGUN).tempfile_in(folder)?;
        let mut out = io::BufWriter::with_capacity(1 << 16, begun);
        write(&mut out)?;
        let begun = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        begun.persist(folder.join(format!("{name}{ENDING}"))).map_err(|error| error.error)?;
        self.clean(MOST_BYTES, MOST_FILES);
        Ok(())
    }

    /// What is kept, what was used last first.
    pub fn entries(&self) -> Vec<Entry> {
        let is_kept = |name: &str| name.ends_with(ENDING) && !name.starts_with('.');
        let mut entries = self.files(is_kept);
        entries.sort_by_key(|entry| (std::cmp::Reverse(entry.used), entry.path.clone()));
        entries
    }

    /// Takes all of it away. Gives how many files and bytes that were.
    ///
    /// # Errors
    /// Some of it cannot be taken away.
    pub fn clear(&self) -> io::Result<(usize, u64)> {
        let begun = self.files(|name| name.starts_with(BEGUN));
        let mut gone = (0, 0);
        for entry in self.entries().into_iter().chain(begun) {
            match fs::remove_file(&entry.path) {
                Ok(()) => gone = (gone.0 + 1, gone.1 + entry.bytes),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(gone)
    }

    /// Takes away what was not used for longest, until the rest is so little; and what somebody began
    /// to write and never ended.
    fn clean(&self, most_bytes: u64, most_files: usize) {
        let mut bytes = 0u64;
        for (n, entry) in self.entries().iter().enumerate() {
            bytes = bytes.saturating_add(entry.bytes);
            if n >= most_files || bytes > most_bytes {
                let _ = fs::remove_file(&entry.path);
            }
        }
        for entry in self.files(|name| name.starts_with(BEGUN)) {
            if entry.used.elapsed().is_ok_and(|ago| ago > GIVEN_UP) {
                let _ = fs::remove_file(&entry.path);
            }
        }
    }

    fn files(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<Entry> {
        /// More than anybody of ours leaves there: of more, the rest is not looked at.
        const MOST: usize = 10_000;
        let folder = self.folder.as_deref().filter(|folder| is_own_folder(folder));
        let found = folder.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
        found
            .take(MOST)
            .flatten()
            .filter(|file| file.file_name().to_str().is_some_and(&is_wanted))
            .filter_map(|file| {
                let meta = file.metadata().ok().filter(Metadata::is_file)?;
                let used = meta.modified().ok()?;
                Some(Entry { path: file.path(), bytes: meta.len(), used })
            })
            .collect()
    }
}

/// Makes the folder where there is none, for its owner only.
fn make(folder: &Path) -> io::Result<()> {
    if let Some(above) = folder.parent() {
        fs::create_dir_all(above)?;
    }
    let builder = fs::DirBuilder::new();
    #[cfg(unix)]
    let builder = {
        let mut builder = builder;
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
    };
    match builder.create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if is_own_folder(folder) {
        return Ok(());
    }
    let why = "it is no folder that only its owner can enter (chmod 700 it, or name another)";
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

/// Whether this is a folder, no link, and only for whoever runs this.
fn is_own_folder(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|meta| meta.is_dir() && is_own(&meta))
}

#[cfg(unix)]
fn is_own(meta: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    meta.uid() == rustix::process::geteuid().as_raw() && meta.mode() & 0o077 == 0
}

/// Elsewhere the folder lies in the person's profile, which is theirs alone.
#[cfg(not(unix))]
fn is_own(_: &Metadata) -> bool {
    true
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn put(cache: &Cache, name: &str, bytes: usize) {
        cache.put(name, |out| out.write_all(&vec![7; bytes])).unwrap();
    }

    fn names(cache: &Cache) -> Vec<String> {
        let name = |entry: &Entry| entry.path.file_stem().unwrap().to_str().unwrap().to_owned();
        cache.entries().iter().map(name).collect()
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("waitline"));
        for (i, name) in ["a", "b", "c", "d"].iter().enumerate() {
            put(&cache, name, 100);
            let used = SystemTime::now() - Duration::from_secs(1000 - i as u64 * 100);
            let path = cache.folder().unwrap().join(format!("{name}{ENDING}"));
            File::options().write(true).open(path).unwrap().set_modified(used).unwrap();
        }
        assert_eq!(names(&cache), ["d", "c", "b", "a"]);
        drop(cache.open("a").unwrap()); // used
        assert_eq!(names(&cache), ["a", "d", "c", "b"]);
        cache.clean(1000, 3);
        assert_eq!(names(&cache), ["a", "d", "c"]);
        cache.clean(200, 3);
        assert_eq!(names(&cache), ["a", "d"]);
        assert_eq!(cache.clear().unwrap(), (2, 200));
        assert_eq!(names(&cache), [""; 0]);
    }

    #[test]
    fn what_is_being_written_is_no_entry_and_does_not_stay() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("waitline"));
        put(&cache, "a", 10);
        let begun = cache.folder().unwrap().join(format!("{BEGUN}x"));
        fs::write(&begun, "half").unwrap();
        let failed = cache.put("b", |_| Err(io::ErrorKind::StorageFull.into()));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(names(&cache), ["a"]);
        assert!(begun.exists()); // perhaps somebody goes on with it
        let long_ago = SystemTime::now() - GIVEN_UP - GIVEN_UP;
        File::options().write(true).open(&begun).unwrap().set_modified(long_ago).unwrap();
        put(&cache, "a", 10);
        assert!(!begun.exists());
    }

    #[cfg(unix)]
    #[test]
    fn only_for_its_owner() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("deep/waitline"));
        put(&cache, "a", 10);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = cache.entries().remove(0).path;
        assert_eq!((mode(cache.folder().unwrap()), mode(&path)), (0o700, 0o600));
        assert!(cache.open("a").is_some());
        // A file that others can write, a link, a folder that others can enter.
        fs::set_permissions(&path, PermissionsExt::from_mode(0o620)).unwrap();
        assert!(cache.open("a").is_none());
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        symlink(&path, path.with_file_name(format!("l{ENDING}"))).unwrap();
        assert!(cache.open("l").is_none());
        fs::set_permissions(cache.folder().unwrap(), PermissionsExt::from_mode(0o755)).unwrap();
        assert!(cache.open("a").is_none());
        assert!(cache.put("b", |_| Ok(())).is_err());
        assert!(cache.entries().is_empty());
        let link = folder.path().join("link");
        symlink(cache.folder().unwrap(), &link).unwrap();
        assert!(Cache::at(link).open("a").is_none());
    }
}
