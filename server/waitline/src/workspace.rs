//! The folders that are open: which Go files and modules there are, and their texts.
//!
//! Only what is listed here is ever read as a source: regular files that end in `.go`, found by
//! walking the folders without following links. Nothing is executed.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ide::Analysis;
use ide::findings::{Code, Severity};
use ide::go_source::GoSource;
use ide::placement::{Placement, SourceFile};
use ide::sources::{Mapper, Module, Rule, Workspace, parse_module_path};
use ide::view::{Silenced, View};

use crate::traces::{Loaded, shown};

/// The most Go files of a workspace; those after them are not looked at.
const MAX_FILES: usize = 200_000;
/// How deep folders may lie in each other.
const MAX_DEPTH: usize = 64;
/// The largest source that is read, in bytes.
const MAX_SOURCE: u64 = 8 << 20;

/// What a person chose of how a trace is placed and judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// Folders here, and what the trace has in their place: `from` and `to` of the Go debugger's
    /// `substitutePath`.
    pub rules: Vec<(String, String)>,
    /// Globs, below each folder, of files that are not the person's own code.
    pub exclude: Vec<String>,
    /// Findings that are not wanted.
    pub silenced: Vec<Silenced>,
    /// How serious findings of some kinds are told.
    pub severities: Vec<(Code, Severity)>,
    /// The most findings that are told.
    pub most: Option<usize>,
}

/// Places a trace in the workspace that these folders are.
pub fn view(loaded: Loaded, roots: &[PathBuf]) -> View {
    view_by(loaded, roots, &Choices::default())
}

/// The same as a person chose.
pub fn view_by(loaded: Loaded, roots: &[PathBuf], choices: &Choices) -> View {
    let name = loaded.path.file_name().map_or_else(String::new, |n| shown(Path::new(n)));
    let mapper = Mapper::new(chosen(scan(roots), choices));
    let placement = Placement::new(&loaded.analysis, &mapper, &mut read_source);
    let mut word = crate::config::word(roots);
    word.silenced.extend(choices.silenced.iter().cloned());
    word.severities.clone_from(&choices.severities);
    word.most = choices.most;
    View::new(name, loaded.analysis, placement, &word)
}

/// A workspace with what a person chose about paths.
fn chosen(mut workspace: Workspace, choices: &Choices) -> Workspace {
    let first = workspace.roots.first().cloned().unwrap_or_default();
    let home = std::env::home_dir().map(|home| slashed(&home)).unwrap_or_default();
    let folder = |text: &str| {
        let text = text.replace("${workspaceFolder}", &first).replace("${userHome}", &home);
        match text.strip_prefix("~/") {
            Some(below) => format!("{home}/{below}"),
            None => text,
        }
    };
    let rules = choices.rules.iter();
    workspace.rules = rules.map(|(from, to)| Rule { from: folder(from), to: folder(to) }).collect();
    if !choices.exclude.is_empty() {
        let roots = workspace.roots.clone();
        let is_excluded = |file: &&String| {
            roots.iter().any(|root| {
                let below = file.strip_prefix(root.as_str()).and_then(|f| f.strip_prefix('/'));
                below.is_some_and(|below| crate::found::fits(&choices.exclude, below))
            })
        };
        workspace.excluded = workspace.files.iter().filter(is_excluded).cloned().collect();
    }
    workspace
}

/// Places the frames of a trace in one folder that a person named.
///
/// # Errors
/// There is no such folder.
pub fn place_in(analysis: &Analysis, dir: &Path) -> anyhow::Result<Placement> {
    check_folder(dir)?;
    Ok(place(analysis, &[dir.to_owned()]))
}

/// A folder that a person named must be one.
///
/// # Errors
/// It is none.
pub fn check_folder(dir: &Path) -> anyhow::Result<()> {
    if !dir.is_dir() {
        anyhow::bail!("{}: no such folder (name the one that holds the source)", shown(dir));
    }
    Ok(())
}

/// Places the frames of a trace in the workspace that these folders are.
pub fn place(analysis: &Analysis, roots: &[PathBuf]) -> Placement {
    let mapper = Mapper::new(scan(roots));
    Placement::new(analysis, &mapper, &mut read_source)
}

/// Lists the workspace's files and modules.
pub fn scan(roots: &[PathBuf]) -> Workspace {
    let mut found = Workspace {
        goroot_src: std::env::var("GOROOT").ok().map(|r| slashed(&Path::new(&r).join("src"))),
        mod_cache: mod_cache(),
        ..Workspace::default()
    };
    for root in roots {
        let Ok(root) = root.canonicalize() else { continue };
        // The folder may lie inside a module whose go.mod is further up.
        for parent in root.ancestors().skip(1) {
            if add_module(&parent.join("go.mod"), &mut found) {
                break;
            }
        }
        found.roots.push(slashed(&root));
        walk(&root, 0, &mut found);
    }
    found.files.sort_unstable();
    found.files.dedup();
    found
}

fn mod_cache() -> Option<String> {
    if let Some(dir) = std::env::var_os("GOMODCACHE") {
        return Some(slashed(Path::new(&dir)));
    }
    let gopath = std::env::var_os("GOPATH").and_then(|p| std::env::split_paths(&p).next());
    let gopath = gopath.or_else(|| std::env::home_dir().map(|h| h.join("go")))?;
    Some(slashed(&gopath.join("pkg/mod")))
}

fn walk(dir: &Path, depth: usize, found: &mut Workspace) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        if found.files.len() >= MAX_FILES {
            return;
        }
        let (name, Ok(kind)) = (entry.file_name(), entry.file_type()) else { continue };
        let name = name.to_string_lossy();
        if kind.is_dir() {
            let skipped = name.starts_with('.') || name == "node_modules";
            if !skipped && depth < MAX_DEPTH {
                walk(&entry.path(), depth + 1, found);
            }
        } else if kind.is_file() {
            if name.ends_with(".go") {
                found.files.push(slashed(&entry.path()));
            } else if name == "go.mod" {
                add_module(&entry.path(), found);
            }
        }
    }
}

fn add_module(go_mod: &Path, found: &mut Workspace) -> bool {
    let small = fs::metadata(go_mod).is_ok_and(|m| m.is_file() && m.len() <= MAX_SOURCE);
    let text = if small { fs::read_to_string(go_mod).ok() } else { None };
    let Some(path) = text.as_deref().and_then(parse_module_path) else { return false };
    if let Some(dir) = go_mod.parent() {
        found.modules.push(Module { dir: slashed(dir), path });
    }
    true
}

/// Reads a source that the scan listed, and that may have become a link, a pipe or huge since.
pub fn read_source(path: &str) -> Option<Arc<SourceFile>> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOFOLLOW);
    }
    let file = options.open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MAX_SOURCE + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > MAX_SOURCE {
        return None;
    }
    let text: Arc<str> = String::from_utf8_lossy(&bytes).into();
    let source = GoSource::parse(&text);
    Some(Arc::new(SourceFile { path: path.to_owned(), text, source }))
}

/// A path with `/` between its parts, as the mapper has them.
pub fn slashed(path: &Path) -> String {
    let path = path.to_string_lossy();
    if cfg!(windows) {
        // What canonicalize puts before long paths is no part of a path that a person knows.
        path.strip_prefix(r"\\?\").unwrap_or(&path).replace('\\', "/")
    } else {
        path.into_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What stands where the scan saw a source need not be one any more.
    #[test]
    #[cfg(unix)]
    fn only_regular_files_of_a_sane_size_are_read() {
        let dir = std::env::temp_dir().join(format!("waitline-source-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
        fs::write(path("a.go"), "package a").unwrap();
        std::os::unix::fs::symlink(path("a.go"), path("link.go")).unwrap();
        fs::File::create(path("huge.go")).unwrap().set_len(MAX_SOURCE + 1).unwrap();
        let made = std::process::Command::new("mkfifo").arg(path("pipe.go")).status();
        assert_eq!(read_source(&path("a.go")).unwrap().source.package(), Some("a"));
        for name in ["link.go", "huge.go", "absent.go"] {
            assert!(read_source(&path(name)).is_none(), "{name}");
        }
        assert!(read_source(dir.to_str().unwrap()).is_none());
        assert!(!made.is_ok_and(|m| m.success()) || read_source(&path("pipe.go")).is_none());
        fs::remove_dir_all(&dir).unwrap();
    }
}
