//! Recorded paths taken apart: what in them is a module, a release, Go's own source.
//!
//! Nothing here looks at the workspace.

use std::borrow::Cow;

/// A recorded path that is fit to be compared: `/`-separated, without `.` and empty elements.
#[derive(Clone, Debug)]
pub(super) struct RecordedPath {
    pub(super) path: String,
    /// Not an import path as `-trimpath` writes it.
    pub(super) is_absolute: bool,
}

impl RecordedPath {
    /// `None` for what names no file or climbs out of folders.
    pub(super) fn parse(recorded_file: &str) -> Option<Self> {
        if recorded_file.contains('\0') {
            return None;
        }
        let has_drive = has_drive(recorded_file);
        // A backslash separates elements on Windows, and is a letter like others elsewhere.
        let path = if has_drive || recorded_file.starts_with("\\\\") {
            Cow::Owned(recorded_file.replace('\\', "/"))
        } else {
            Cow::Borrowed(recorded_file)
        };
        let is_absolute = has_drive || path.starts_with('/');
        let elements: Vec<&str> =
            path.split('/').filter(|element| !matches!(*element, "" | ".")).collect();
        if elements.is_empty() || elements.contains(&"..") {
            return None;
        }
        let start = if path.starts_with('/') { "/" } else { "" };
        let path = with_local_drive(&format!("{start}{}", elements.join("/")));
        Some(Self { path, is_absolute })
    }

    /// What is below this import path, anywhere in an absolute path (that of a GOPATH or of a
    /// build's folder). There, a path of one element would occur by chance.
    pub(super) fn below(&self, import_path: &str) -> Option<&str> {
        let in_path = |path: &str, at: usize| -> Option<usize> {
            let rest = path.get(at..)?.strip_prefix(import_path)?.strip_prefix('/')?;
            (!rest.is_empty()).then(|| path.len() - rest.len())
        };
        let start = if !self.is_absolute {
            in_path(&self.path, 0)?
        } else if import_path.contains('/') {
            self.path
                .match_indices('/')
                .rev()
                .find_map(|(slash, _)| in_path(&self.path, slash + 1))?
        } else {
            return None;
        };
        self.path.get(start..)
    }

    /// The path as an import path without version: what follows a module cache or `vendor` folder
    /// in an absolute path, the path itself where it was trimmed.
    pub(super) fn import_path(&self) -> Option<String> {
        let path = match self.path_in_mod_cache() {
            Some(in_cache) => unescaped_capitals(&in_cache),
            None => match self.path.rsplit_once("/vendor/") {
                Some((_, vendored)) => vendored.to_owned(),
                None if self.is_absolute => return None,
                None => self.path.clone(),
            },
        };
        Some(match split_version(&path) {
            Some((module, rest)) => format!("{module}/{rest}"),
            None => path,
        })
    }

    /// `github.com/!burnt!sushi/toml@v1.2.3/f.go`, as the module cache has it; `None` if the path
    /// names no release.
    pub(super) fn path_in_mod_cache(&self) -> Option<String> {
        split_version(&self.path)?;
        if !self.is_absolute {
            return Some(escaped_capitals(&self.path));
        }
        // GOMODCACHE ends so unless somebody moved it; then the module's host is the first element
        // with a dot before the version.
        if let Some((_, in_cache)) = self.path.split_once("/pkg/mod/") {
            return Some(in_cache.to_owned());
        }
        let elements: Vec<&str> = self.path.split('/').collect();
        let versioned = elements.iter().position(|element| is_versioned(element))?;
        let host = elements[..=versioned]
            .iter()
            .position(|element| element.contains('.') && !element.starts_with('.'))?;
        Some(elements[host..].join("/"))
    }
}

/// Splits `…/mod@v1.2.3/dir/f.go` into `…/mod` and `dir/f.go`.
pub(super) fn split_version(path: &str) -> Option<(&str, &str)> {
    let mut start = 0;
    for element in path.split('/') {
        let end = start + element.len();
        if is_versioned(element) {
            let at = start + element.rfind("@v")?;
            let rest = path.get(end + 1..)?;
            return Some((path.get(..at)?, rest));
        }
        start = end + 1;
    }
    None
}

/// `v2`, `v3`, …, as an element of a path.
pub(super) fn is_major_version(element: &str) -> bool {
    element.strip_prefix('v').is_some_and(|number| {
        !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && !matches!(number, "0" | "1")
    })
}

/// `example.com/x` of `example.com/x/v2`.
pub(super) fn without_major_version(module_path: &str) -> &str {
    match module_path.rsplit_once('/') {
        Some((path, version)) if is_major_version(version) => path,
        _ => module_path,
    }
}

/// What follows Go's own `src` folder, if the path is in it: `net/http/server.go`.
///
/// `package` is the import path of the frame's package. Names alone are weak: users call packages
/// `runtime` and `sync` too, but their import path then ends so and does not begin so.
pub(super) fn after_goroot<'a>(
    recorded: &'a RecordedPath,
    package: &str,
    goroot_src: Option<&str>,
) -> Option<&'a str> {
    let path = recorded.path.as_str();
    if let Some(dir) = goroot_src
        && let Some(rest) = path.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/'))
    {
        return Some(rest);
    }
    if !recorded.is_absolute {
        let dir = parent(path);
        let is_users = package.strip_suffix(dir).is_some_and(|before| before.ends_with('/'));
        return (is_std_dir(dir) && !is_users).then_some(path);
    }
    // From the innermost `src` outwards: a Go tree may lie in another.
    path.rmatch_indices("/src/").find_map(|(at, src)| {
        let rest = path.get(at + src.len()..)?;
        let dir = parent(rest);
        // A closure of the standard library that was inlined has the name of another package.
        let is_go = dir == package || is_goroot(path.get(..at)?);
        (is_std_dir(dir) && is_go).then_some(rest)
    })
}

/// Whether an import path is one of the standard library's, vendored and test packages included.
pub(super) fn is_std_dir(dir: &str) -> bool {
    const FIRST_ELEMENTS: [&str; 54] = [
        "archive",
        "arena",
        "bufio",
        "builtin",
        "bytes",
        "cmd",
        "cmp",
        "compress",
        "container",
        "context",
        "crypto",
        "database",
        "debug",
        "embed",
        "encoding",
        "errors",
        "expvar",
        "flag",
        "fmt",
        "go",
        "hash",
        "html",
        "image",
        "index",
        "internal",
        "io",
        "iter",
        "log",
        "maps",
        "math",
        "mime",
        "net",
        "os",
        "path",
        "plugin",
        "reflect",
        "regexp",
        "runtime",
        "simd",
        "slices",
        "sort",
        "strconv",
        "strings",
        "structs",
        "sync",
        "syscall",
        "testing",
        "text",
        "time",
        "unicode",
        "unique",
        "unsafe",
        "vendor",
        "weak",
    ];
    FIRST_ELEMENTS.contains(&dir.split('/').next().unwrap_or_default())
}

/// A path whose Windows drive, if it has one, is a small letter: drives have no case.
pub(super) fn with_local_drive(path: &str) -> String {
    let mut path = path.to_owned();
    if has_drive(&path)
        && let Some(drive) = path.get_mut(..1)
    {
        drive.make_ascii_lowercase();
    }
    path
}

/// `/usr/local/go`, `/usr/lib/go-1.24`, `/opt/hostedtoolcache/go/1.24.1/x64`,
/// `…/golang.org/toolchain@v0.0.1-go1.24.0.linux-amd64`, `C:/Program Files/Go`.
fn is_goroot(dir: &str) -> bool {
    let mut elements = dir.rsplit('/').map(str::to_ascii_lowercase);
    let is_go = |element: &str| {
        element.strip_prefix("go").is_some_and(|version| {
            version.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'))
        }) || element.starts_with("toolchain@")
            || matches!(element, "goroot" | "golang")
    };
    // The folder itself, or one above it that leaves the version or machine to it.
    elements.by_ref().take(3).any(|element| is_go(&element))
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

fn has_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic())
}

/// `mod@v1.2.3`.
fn is_versioned(element: &str) -> bool {
    element.rsplit_once("@v").is_some_and(|(module, version)| {
        !module.is_empty() && version.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// The module cache writes `!b` for a capital `B`: some file systems have no case.
fn escaped_capitals(path: &str) -> String {
    let (module, rest) = match split_version(path) {
        Some((module, _)) => path.split_at(module.len()),
        None => (path, ""),
    };
    let mut escaped = String::with_capacity(path.len());
    for c in module.chars() {
        if c.is_ascii_uppercase() {
            escaped.push('!');
        }
        escaped.push(c.to_ascii_lowercase());
    }
    escaped + rest
}

fn unescaped_capitals(path: &str) -> String {
    let (module, rest) = match split_version(path) {
        Some((module, _)) => path.split_at(module.len()),
        None => (path, ""),
    };
    let mut unescaped = String::with_capacity(path.len());
    let mut is_capital = false;
    for c in module.chars() {
        if c == '!' {
            is_capital = true;
        } else {
            unescaped.push(if is_capital { c.to_ascii_uppercase() } else { c });
            is_capital = false;
        }
    }
    unescaped + rest
}
