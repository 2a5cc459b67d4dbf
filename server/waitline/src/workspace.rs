//! The folders that are open: which Go files and modules there are, and their texts.
//!
//! Only what is listed here is ever read as a source: regular files that end in `.go`, found by
//! walking the folders without following links. Nothing is executed.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ide::Analysis;
use ide::findings::{Code, Severity};
use ide::go_source::GoSource;
use ide::judged::Depth;
use ide::placement::{Placement, SourceFile};
use ide::sources::{
    Mapper, Missing, Module, Proposal, Rule, Workspace, by_rules, parse_module_path, propose,
};
use ide::view::{Silenced, View, Word};

use crate::cores::Cores;
use crate::kept::Keep;
use crate::paths::{canonical, slashed};
use crate::traces::{LoadError, Loaded, shown};

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
    /// What `.waitline.toml` says, where somebody follows it; else it is read.
    pub word: Option<Word>,
    /// Nobody named the folders: they count only if they hold the program.
    pub by_chance: bool,
}

/// Places a trace in the workspace that these folders are.
pub fn view(loaded: Loaded, roots: &[PathBuf]) -> View {
    #[allow(clippy::expect_used)] // it ends early only where somebody says so
    view_by(loaded, roots, &Choices::default(), &|| true).expect("nobody stops it")
}

/// The same as a person chose, as long as somebody wants it: `None` soon after `is_wanted` says no.
pub fn view_by(
    loaded: Loaded,
    roots: &[PathBuf],
    choices: &Choices,
    is_wanted: &dyn Fn() -> bool,
) -> Option<View> {
    Places::new(roots, choices).view(loaded, roots, choices, is_wanted)
}

/// The same of a trace of which something may be kept. Where that is not enough, because the sources or
/// a person's word are others now, the trace is read in full, by `load`.
///
/// # Errors
/// It cannot be, and nothing is kept.
pub fn view_kept(
    mut loaded: Loaded,
    keep: &mut Keep,
    load: impl FnOnce() -> Result<Loaded, LoadError>,
    (roots, choices): (&[PathBuf], &Choices),
    is_wanted: &dyn Fn() -> bool,
) -> Result<View, LoadError> {
    let mut load = Some(load);
    let mut places = Places::new(roots, choices);
    loop {
        let path = loaded.path.clone();
        let cancelled = || LoadError::cancelled(path);
        let analysis = &loaded.analysis;
        let placed = places.placed(analysis, roots, choices, is_wanted);
        let Some((placement, word)) = placed else { return Err(cancelled()) };
        let question = View::question(analysis, &placement, &word);
        let judged = keep.judged(analysis, &question, Depth::Groups, is_wanted);
        if !is_wanted() {
            return Err(cancelled());
        }
        let lacks = judged.is_none() && analysis.stays.is_none();
        if let Some(load) = load.take_if(|_| lacks) {
            loaded = keep.load(load)?;
            continue;
        }
        let name = name_of(&loaded);
        return Ok(View::judged_so(name, loaded.analysis, placement, &word, question, judged));
    }
}

fn name_of(loaded: &Loaded) -> String {
    loaded.path.file_name().map_or_else(String::new, |n| shown(Path::new(n)))
}

/// What the folders hold, looked at once for all views of a trace that grows.
pub(crate) struct Places {
    /// Empty once the mapper has it, unless rules lead to more.
    workspace: Workspace,
    mapper: Option<Mapper>,
    sources: HashMap<String, Option<Arc<SourceFile>>>,
}

impl Places {
    pub(crate) fn new(roots: &[PathBuf], choices: &Choices) -> Places {
        let workspace = chosen(scan(roots), choices);
        Places { workspace, mapper: None, sources: HashMap::new() }
    }

    /// Places a trace there: `None` soon after `is_wanted` says no.
    pub(crate) fn view(
        &mut self,
        loaded: Loaded,
        roots: &[PathBuf],
        choices: &Choices,
        is_wanted: &dyn Fn() -> bool,
    ) -> Option<View> {
        let (placement, word) = self.placed(&loaded.analysis, roots, choices, is_wanted)?;
        View::new_while(name_of(&loaded), loaded.analysis, placement, &word, &Cores, is_wanted)
    }

    /// Where the frames of a trace stand, and what is said of its waits.
    fn placed(
        &mut self,
        analysis: &Analysis,
        roots: &[PathBuf],
        choices: &Choices,
        is_wanted: &dyn Fn() -> bool,
    ) -> Option<(Placement, Word)> {
        if !self.workspace.rules.is_empty() {
            // Each trace names other files.
            let mut workspace = self.workspace.clone();
            workspace.beyond = beyond(analysis, &workspace).into_iter().collect();
            self.mapper = Some(Mapper::new(workspace));
        }
        let workspace = &mut self.workspace;
        let mapper = self.mapper.get_or_insert_with(|| Mapper::new(std::mem::take(workspace)));
        is_wanted().then_some(())?;
        let sources = &mut self.sources;
        let mut read = |path: &str| -> Option<Arc<SourceFile>> {
            sources.entry(path.to_owned()).or_insert_with(|| read_source(path)).clone()
        };
        let mut placement = Placement::new(analysis, mapper, &mut read);
        if choices.by_chance && !holds(&placement) {
            placement = Placement::default();
        }
        is_wanted().then_some(())?;
        let read = || crate::config::word(roots);
        let mut word = choices.word.clone().unwrap_or_else(read);
        word.silenced.extend(choices.silenced.iter().cloned());
        word.severities.clone_from(&choices.severities);
        word.most = choices.most;
        Some((placement, word))
    }
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
    // By the names that files have when links are followed, which is how they are listed.
    let real = |folder: String| match canonical(Path::new(&folder)) {
        Ok(real) if real.is_dir() => slashed(&real),
        _ => folder,
    };
    workspace.rules =
        rules.map(|(from, to)| Rule { from: real(folder(from)), to: folder(to) }).collect();
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

/// The files outside the workspace that rules lead to. A person names a folder, and what lies in it is
/// looked at name by name: no link leads out of it, and nothing but a `.go` file counts.
fn beyond(analysis: &Analysis, workspace: &Workspace) -> HashSet<String> {
    let folders: Vec<String> = workspace
        .rules
        .iter()
        .flat_map(|rule| [&rule.from, &rule.to])
        .filter(|folder| Path::new(folder).is_absolute() && Path::new(folder).is_dir())
        .map(|folder| format!("{}/", folder.trim_end_matches('/')))
        .collect();
    if folders.is_empty() {
        return HashSet::new();
    }
    let frames = (0..analysis.tables.n_frames() as u32).map(exectrace::FrameId);
    let files: HashSet<_> = frames.map(|frame| analysis.tables.frame(frame).file).collect();
    let mut found = HashSet::new();
    for file in files {
        for path in by_rules(&workspace.rules, analysis.str(file)) {
            let is_in = folders.iter().any(|folder| path.starts_with(folder.as_str()));
            let is_itself = || canonical(Path::new(&path)).is_ok_and(|p| slashed(&p) == path);
            if is_in && path.ends_with(".go") && !found.contains(&path) && is_itself() {
                found.insert(path);
            }
        }
    }
    found
}

/// The rules that would lead to what is missing, found among the files of the workspace and in the
/// module cache.
pub fn proposals(view: &View, roots: &[PathBuf]) -> Vec<Proposal> {
    /// The most places that are looked for: the dearest.
    const MOST: usize = 300;
    let analysis = &view.analysis;
    let frames: Vec<_> = view.placement.missing.iter().take(MOST).collect();
    let missing: Vec<Missing> = frames
        .iter()
        .map(|(frame, ns)| {
            let file = analysis.str(analysis.tables.frame(*frame).file).to_owned();
            Missing { file, ns: *ns }
        })
        .collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let workspace = scan(roots);
    let mut files = workspace.files;
    if let Some(cache) = workspace.mod_cache {
        let paths: HashSet<&str> = missing.iter().map(|m| m.file.as_str()).collect();
        paths.iter().for_each(|path| released(&cache, path, &mut files));
        files.sort_unstable();
        files.dedup();
    }
    let mut read: HashMap<String, Option<Arc<SourceFile>>> = HashMap::new();
    propose(&missing, &files, &mut |row, path| {
        let source = read.entry(path.to_owned()).or_insert_with(|| read_source(path));
        let frame = analysis.tables.frame(frames[row].0);
        source.as_ref().is_some_and(|source| {
            source.source.may_be_file_of(analysis.str(frame.func), frame.line.saturating_sub(1))
        })
    })
}

/// Adds the files of releases in the module cache that a recorded path without a version may name:
/// `github.com/x/y/dir/f.go` in `github.com/x/y@v1.0.0` or `github.com/x/y/v2@v2.0.0`.
fn released(cache: &str, recorded: &str, files: &mut Vec<String>) {
    /// The most releases of a module that are looked at.
    const MOST: usize = 50;
    let recorded = recorded.replace('\\', "/");
    let elements: Vec<&str> = recorded.split('/').filter(|e| !e.is_empty()).collect();
    let is_safe = |e: &str| !matches!(e, "." | "..") && !e.contains(['@', '\0', '!']);
    if elements.len() > 64 || !elements.iter().all(|e| is_safe(e)) {
        return;
    }
    // The cache has `!b` for a capital `B`.
    let escaped = |text: &str| -> String {
        let escape = |c: char| match c.is_ascii_uppercase() {
            true => format!("!{}", c.to_ascii_lowercase()),
            false => c.to_string(),
        };
        text.chars().map(escape).collect()
    };
    let hosts = elements.iter().enumerate().filter(|(_, e)| e.contains('.') && !e.ends_with(".go"));
    for (host, _) in hosts {
        let mut dir = PathBuf::from(cache);
        for at in host..elements.len() - 1 {
            let name = escaped(elements[at]);
            let Ok(entries) = fs::read_dir(&dir) else { break };
            let release = format!("{name}@v");
            let rest = elements[at + 1..].join("/");
            let names = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned());
            // A module of a major version lies one folder further down.
            let mut releases: Vec<PathBuf> =
                names.filter(|n| n.starts_with(&release)).map(|n| dir.join(n)).collect();
            dir.push(&name);
            let majors = fs::read_dir(&dir).into_iter().flatten().flatten().filter(|e| {
                let name = e.file_name().to_string_lossy().into_owned();
                name.split_once("@v").is_some_and(|(v, _)| {
                    v.strip_prefix('v').is_some_and(|n| n.parse::<u32>().is_ok())
                })
            });
            releases.extend(majors.map(|e| e.path()));
            for release in releases.into_iter().take(MOST) {
                let file = release.join(&rest);
                if file.is_file() {
                    files.push(slashed(&file));
                }
            }
        }
    }
}

/// Places the frames of a trace in one folder that a person named.
///
/// # Errors
/// There is no such folder.
pub fn place_in(analysis: &Analysis, dir: &Path) -> anyhow::Result<Placement> {
    check_folder(dir)?;
    Ok(place(analysis, &[dir.to_owned()]))
}

/// The workspace of a command that names none: the module around the current folder, or that folder.
pub fn unnamed() -> PathBuf {
    module_around(Path::new(".")).unwrap_or_else(|| PathBuf::from("."))
}

/// The nearest folder with a go.mod: this one, or one above it.
pub fn module_around(dir: &Path) -> Option<PathBuf> {
    let dir = canonical(dir).ok()?;
    dir.ancestors().find(|dir| dir.join("go.mod").is_file()).map(Path::to_owned)
}

/// The same in a folder that nobody named, if the program is there: else names tell its code.
///
/// # Errors
/// There is no such folder.
pub fn place_by_chance(analysis: &Analysis, dir: &Path) -> anyhow::Result<Option<Placement>> {
    Ok(Some(place_in(analysis, dir)?).filter(holds))
}

/// Whether half of the program's waiting or more stands in files that were found. With less of it, a
/// folder holds some package that the program has in common with others.
fn holds(placement: &Placement) -> bool {
    let missing: i128 = placement.missing.iter().map(|(_, ns)| i128::from(*ns)).sum();
    !placement.files.is_empty() && missing * 2 <= i128::from(placement.own_ns)
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
        let Ok(root) = canonical(root) else { continue };
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn releases_are_found_by_paths_without_a_version() {
        let dir = tempfile::tempdir().unwrap();
        let cache = slashed(&canonical(dir.path()).unwrap());
        for file in [
            "github.com/!burnt!sushi/toml@v1.2.3/lex/lex.go",
            "github.com/!burnt!sushi/toml@v1.3.0/lex/lex.go",
            "github.com/!burnt!sushi/toml/v2@v2.0.1/lex/lex.go",
            "github.com/!burnt!sushi/other@v1.0.0/lex/lex.go",
        ] {
            let path = Path::new(&cache).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "package lex").unwrap();
        }
        let find = |recorded: &str| {
            let mut files = Vec::new();
            released(&cache, recorded, &mut files);
            files.sort();
            let below = |f: &String| {
                f.strip_prefix(&format!("{cache}/github.com/!burnt!sushi/")).unwrap().to_owned()
            };
            files.iter().map(below).collect::<Vec<_>>()
        };
        let all = ["toml/v2@v2.0.1/lex/lex.go", "toml@v1.2.3/lex/lex.go", "toml@v1.3.0/lex/lex.go"];
        assert_eq!(find("github.com/BurntSushi/toml/lex/lex.go"), all);
        assert_eq!(find("/build/src/github.com/BurntSushi/toml/lex/lex.go"), all);
        assert!(find("github.com/BurntSushi/toml/lex/none.go").is_empty());
        assert!(find("/x/../github.com/BurntSushi/toml/lex/lex.go").is_empty());
        assert!(find("lex.go").is_empty());
        assert!(find("").is_empty());
    }

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
