//! `.waitline.toml`, a workspace's word on its own waiting.
//!
//! ```toml
//! [[site]]
//! func = "example.com/shop/db.(*pool).query"   # the full name, as hovers show it
//! text = "c := <-p.free"                       # its lines with this code; without it: all its lines
//! kind = "chan"                                # lock, chan, net, ...; without it: all kinds
//! verdict = "idle"                             # costly, through, idle or unsure
//!
//! [[silence]]
//! code = "fine-handoff"                        # a finding that is not wanted
//! package = "example.com/shop/db"              # and below; without it: everywhere
//! ```

use std::path::{Path, PathBuf};

use ide::findings::Code;
use ide::staleness::statement_of;
use ide::text::plain;
use ide::verdicts::Verdict;
use ide::view::{Silenced, Told, Word};
use toml_edit::{ArrayOfTables, DocumentMut, Table};

/// The file's name, in a workspace's folder.
pub const FILE: &str = ".waitline.toml";
/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// What the workspace's folders say, in their order. A file that cannot be understood says nothing,
/// and that is logged.
pub fn word(roots: &[PathBuf]) -> Word {
    let mut words = Words::default();
    for complaint in words.look(roots).complaints {
        crate::cli::say(&format!("warning: {complaint}"));
    }
    words.word()
}

/// What the files of a workspace's folders said when they were last looked at. Where one cannot be
/// understood any more, what it said before counts on: it may be half written.
#[derive(Debug, Default)]
pub struct Words {
    /// By folder: the text that was seen, or why there is none, and what counts.
    files: Vec<(Result<Option<String>, String>, Word)>,
}

/// What a look at the files told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Something else counts than before.
    pub changed: bool,
    /// What cannot be understood, if that is new.
    pub complaints: Vec<String>,
}

impl Words {
    /// Looks at the files of these folders, which are the same each time.
    pub fn look(&mut self, roots: &[PathBuf]) -> Look {
        let mut look = Look::default();
        self.files.resize_with(roots.len(), || (Ok(None), Word::default()));
        for ((seen, word), root) in self.files.iter_mut().zip(roots) {
            let path = root.join(FILE);
            let text = text_of(&path);
            if text == *seen {
                continue;
            }
            let parsed = text.as_ref().map_err(Clone::clone);
            let parsed = parsed.and_then(|text| parse(text.as_deref().unwrap_or_default()));
            *seen = text;
            match parsed {
                Ok(new) => look.changed |= std::mem::replace(word, new.clone()) != new,
                Err(why) => {
                    let name = if roots.len() == 1 { FILE } else { &crate::traces::shown(&path) };
                    let counts = match *word == Word::default() {
                        true => "nothing in it counts",
                        false => "what it said before counts",
                    };
                    look.complaints.push(format!("{name}: {why} ({counts})"));
                }
            }
        }
        look
    }

    /// What they say, in the order of the folders.
    pub fn word(&self) -> Word {
        let mut all = Word::default();
        for (_, word) in &self.files {
            all.told.extend(word.told.iter().cloned());
            all.silenced.extend(word.silenced.iter().cloned());
        }
        all
    }
}

/// Reads such a file.
///
/// # Errors
/// It is no TOML, or something in it lacks something: said in a sentence.
pub fn parse(text: &str) -> Result<Word, String> {
    let document: DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| {
        let before = e.span().and_then(|at| text.get(..at.start)).unwrap_or_default();
        format!("line {}: {}", before.matches('\n').count() + 1, e.message().trim())
    })?;
    let mut all = Word::default();
    for site in tables(&document, "site")? {
        check(site, &["func", "text", "kind", "verdict", "note"])?;
        let [func, text, kind] = ["func", "text", "kind"].map(|key| key_of(site, key).to_owned());
        if func.is_empty() {
            return Err("a [[site]] lacks its func".into());
        }
        let verdict = verdict(key_of(site, "verdict")).ok_or_else(|| {
            format!("the verdict of {} is not one of costly, through, idle, unsure", plain(&func))
        })?;
        all.told.push(Told { func, text, kind, verdict });
    }
    for silence in tables(&document, "silence")? {
        check(silence, &["code", "package", "note"])?;
        let name = key_of(silence, "code");
        let code =
            Code::parse(name).ok_or_else(|| format!("there is no finding \"{}\"", plain(name)))?;
        all.silenced.push(Silenced { code, package: key_of(silence, "package").to_owned() });
    }
    Ok(all)
}

/// A key that is not known, or is no text, would be taken for one that is not there: and what is said of a line for
/// what is said of all.
fn check(table: &Table, known: &[&str]) -> Result<(), String> {
    for (key, value) in table {
        if !known.contains(&key) {
            let known = known.join(", ");
            return Err(format!("there is no key \"{}\" ({known})", plain(key)));
        }
        if !value.is_str() {
            return Err(format!("the {key} is no text: write it in quotes"));
        }
    }
    Ok(())
}

fn tables<'a>(document: &'a DocumentMut, name: &str) -> Result<Vec<&'a Table>, String> {
    match document.get(name) {
        None => Ok(Vec::new()),
        Some(item) => {
            let tables = item.as_array_of_tables();
            Ok(tables.ok_or_else(|| format!("these are written as [[{name}]]"))?.iter().collect())
        }
    }
}

/// A site that a person speaks of.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The function's full name.
    pub func: &'a str,
    /// The code of its line, without indentation and comment; empty for all of its lines.
    pub text: &'a str,
    /// The kind's label; empty for all kinds.
    pub kind: &'a str,
}

/// What became of a person's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It is kept.
    Kept,
    /// What was said of the line is taken back.
    TakenBack,
    /// The same, and what was said of its whole function holds for it still.
    FunctionStays,
    /// What was said of the whole function is taken back: there was nothing of the line alone.
    OfFunctionTakenBack,
    /// There was nothing to take back.
    Nothing,
}

impl Site<'_> {
    /// Whether a table is about these lines and this kind. Of all kinds is of each, too, for who takes
    /// something back.
    fn is_in(&self, table: &Table, takes_back: bool) -> bool {
        key_of(table, "func") == self.func
            && statement_of(key_of(table, "text")) == self.text
            && (key_of(table, "kind") == self.kind || takes_back && self.kind.is_empty())
    }

    fn table(&self, verdict: Verdict) -> Table {
        let keys = [("func", self.func), ("text", self.text), ("kind", self.kind)];
        table(keys.into_iter().chain([("verdict", name(verdict))]))
    }
}

/// Sets what a workspace says of a site, or takes it back with `None`. A line that was called idle and is
/// work after all is judged as it was before anybody said something. All else in the file stays.
///
/// # Errors
/// The file cannot be read, understood or written.
pub fn set(root: &Path, site: &Site<'_>, verdict: Option<Verdict>) -> Result<Said, String> {
    let mut said = Said::Kept;
    change(root, "site", |tables| {
        let of_function = Site { text: "", ..*site };
        let is_idle = |t: &Table| key_of(t, "verdict") == name(Verdict::Idle);
        let undoes = |t: &Table| match verdict {
            None => site.is_in(t, true),
            Some(Verdict::Costly) => site.is_in(t, true) && is_idle(t),
            Some(_) => false,
        };
        if tables.iter().any(undoes) {
            tables.retain(|t| !undoes(t));
            let is_left = tables.iter().any(|t| of_function.is_in(t, true));
            said = if is_left { Said::FunctionStays } else { Said::TakenBack };
            return;
        }
        let Some(verdict) = verdict else {
            let all = |t: &Table| of_function.is_in(t, true);
            let has = tables.iter().any(all);
            said = if has { Said::OfFunctionTakenBack } else { Said::Nothing };
            return tables.retain(|t| !all(t));
        };
        // What a person wrote beside it stays.
        if let Some(table) = tables.iter_mut().find(|t| site.is_in(t, false)) {
            table["verdict"] = toml_edit::value(name(verdict));
            return;
        }
        tables.push(site.table(verdict));
    })?;
    Ok(said)
}

/// Silences findings of a kind, below an import path or everywhere (`package` empty).
///
/// # Errors
/// The file cannot be read, understood or written.
pub fn silence(root: &Path, code: Code, package: &str) -> Result<(), String> {
    change(root, "silence", |tables| {
        tables.retain(|t| key_of(t, "code") != code.as_str() || key_of(t, "package") != package);
        tables.push(table([("code", code.as_str()), ("package", package)]));
    })
}

/// Changes the tables of a name. A file of which nothing is left goes.
fn change(root: &Path, array: &str, change: impl FnOnce(&mut ArrayOfTables)) -> Result<(), String> {
    let path = root.join(FILE);
    let text = text_of(&path)?.unwrap_or_default();
    // What is said in a file that cannot be understood would not count.
    parse(&text)?;
    let mut document: DocumentMut = text.parse().map_err(|e| format!("{e}"))?;
    let tables = document
        .entry(array)
        .or_insert(toml_edit::Item::ArrayOfTables(ArrayOfTables::new()))
        .as_array_of_tables_mut()
        .ok_or_else(|| format!("these are written as [[{array}]]"))?;
    change(tables);
    if tables.is_empty() {
        document.remove(array);
    }
    // The head of the file is a person's, and belongs to no table for them.
    let head: String =
        text.split_inclusive('\n').take_while(|line| line.starts_with('#')).collect();
    let new = document.to_string();
    let new = if new.starts_with(&head) { new } else { format!("{head}{new}") };
    let changed = match new.trim().is_empty() {
        _ if new == text => Ok(()),
        true => std::fs::remove_file(&path),
        false => std::fs::write(&path, new),
    };
    changed.map_err(|e| e.to_string())
}

/// The text of such a file; `None` if there is none.
fn text_of(path: &Path) -> Result<Option<String>, String> {
    // No link: a workspace must not make us read or write elsewhere.
    match std::fs::symlink_metadata(path) {
        Ok(meta) if !meta.is_file() => Err("it is no plain file".into()),
        Ok(meta) if meta.len() > MAX_BYTES => Err("it is too large".into()),
        Ok(_) => std::fs::read_to_string(path).map(Some).map_err(|e| e.to_string()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.to_string()),
    }
}

/// What a table has for a key.
fn key_of<'a>(table: &'a Table, key: &str) -> &'a str {
    table.get(key).and_then(|value| value.as_str()).unwrap_or_default()
}

/// A table of what is not empty.
fn table<'a>(words: impl IntoIterator<Item = (&'a str, &'a str)>) -> Table {
    let mut table = Table::new();
    for (key, value) in words.into_iter().filter(|(_, value)| !value.is_empty()) {
        table.insert(key, toml_edit::value(value));
    }
    table
}

/// A verdict of its name.
pub fn verdict(name: &str) -> Option<Verdict> {
    Some(match name {
        "costly" => Verdict::Costly,
        "through" => Verdict::Through,
        "idle" => Verdict::Idle,
        "unsure" => Verdict::Unsure,
        _ => return None,
    })
}

/// The name of a verdict.
pub fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Costly => "costly",
        Verdict::Through => "through",
        Verdict::Idle => "idle",
        Verdict::Unsure => "unsure",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sites_are_set_and_taken_back() {
        let dir = std::env::temp_dir().join(format!("waitline-config-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(FILE), "# ours\n[other]\nx = 1\n").unwrap();
        let of = |func, kind| Site { func, text: "", kind };
        set(&dir, &of("main.f", "chan"), Some(Verdict::Idle)).unwrap();
        set(&dir, &of("main.g", ""), Some(Verdict::Costly)).unwrap();
        set(&dir, &of("main.f", "chan"), Some(Verdict::Unsure)).unwrap();
        silence(&dir, Code::FineHandoff, "example.com/a").unwrap();
        silence(&dir, Code::FineHandoff, "example.com/a").unwrap();
        let Word { told, silenced, .. } = word(std::slice::from_ref(&dir));
        assert_eq!((told.len(), silenced.len()), (2, 1));
        assert_eq!(silenced[0].package, "example.com/a");
        assert!(told.iter().any(|t| t.func == "main.f" && t.verdict == Verdict::Unsure));
        assert_eq!(set(&dir, &of("main.g", ""), None), Ok(Said::TakenBack));
        let text = std::fs::read_to_string(dir.join(FILE)).unwrap();
        assert!(text.contains("# ours") && text.contains("x = 1") && !text.contains("main.g"));
        // What was never said leaves nothing, and what cannot be understood stays as it is.
        std::fs::remove_file(dir.join(FILE)).unwrap();
        assert_eq!(set(&dir, &of("main.g", ""), None), Ok(Said::Nothing));
        assert!(!dir.join(FILE).exists());
        std::fs::write(dir.join(FILE), "[[site]]\n").unwrap();
        assert!(silence(&dir, Code::FineHandoff, "").unwrap_err().contains("func"));
        assert_eq!(std::fs::read_to_string(dir.join(FILE)).unwrap(), "[[site]]\n");
        std::fs::remove_dir_all(dir).unwrap();
    }

    /// What is misspelt would be said of more than is meant.
    #[test]
    fn keys_that_are_not_known_are_refused() {
        let site =
            |more: &str| format!("[[site]]\nfunc = \"main.f\"\nverdict = \"idle\"\n{more}\n");
        assert_eq!(parse(&site("note = \"because\"")).unwrap().told.len(), 1);
        for (more, what) in [
            ("text = 5", "the text is no text"),
            ("text = [\"c <- i\"]", "the text is no text"),
            ("txt = \"c <- i\"", "no key \"txt\""),
            ("kind = 1", "the kind is no text"),
        ] {
            let why = parse(&site(more)).unwrap_err();
            assert!(why.contains(what), "{why}");
        }
        let why = parse("[[silence]]\ncode = \"fine-handoff\"\npackage = 7\n").unwrap_err();
        assert!(why.contains("the package is no text"), "{why}");
        let why = parse("[[silence]]\ncode = \"a\\u001b[31m\\nb\"\n").unwrap_err();
        assert!(!why.contains(['\u{1b}', '\n']), "{why}");
    }

    #[test]
    fn what_a_person_wrote_beside_it_stays() {
        let dir = std::env::temp_dir().join(format!("waitline-beside-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let now = || std::fs::read_to_string(dir.join(FILE)).unwrap();
        let head = "# ours: ask before you change it\n";
        let before = format!(
            "{head}\n# because of X\n[[site]]\nfunc = \"main.f\"\ntext = \"\\tc <- i // by hand\"\n\
             note = \"it\"\nverdict = \"idle\"\n"
        );
        std::fs::write(dir.join(FILE), &before).unwrap();
        let site = Site { func: "main.f", text: "c <- i", kind: "" };
        assert_eq!(set(&dir, &site, Some(Verdict::Unsure)), Ok(Said::Kept));
        assert_eq!(now(), before.replace("idle", "unsure"));
        let all = Site { text: "", ..site };
        set(&dir, &all, Some(Verdict::Idle)).unwrap();
        assert_eq!(set(&dir, &site, None), Ok(Said::FunctionStays));
        assert_eq!(set(&dir, &site, None), Ok(Said::OfFunctionTakenBack));
        assert_eq!(now(), head);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_line_is_spoken_of_apart_from_its_function() {
        let dir = std::env::temp_dir().join(format!("waitline-lines-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let now = || std::fs::read_to_string(dir.join(FILE)).ok();
        let of = |text| Site { func: "main.f", text, kind: "" };
        let (line, other) = (of("<-a"), of("b <- \"x\""));
        set(&dir, &line, Some(Verdict::Idle)).unwrap();
        let first = now().unwrap();
        assert!(first.contains("text = \"<-a\""), "{first}");
        set(&dir, &other, Some(Verdict::Idle)).unwrap();
        set(&dir, &other, Some(Verdict::Idle)).unwrap();
        let Word { told, .. } = parse(&now().unwrap()).unwrap();
        assert_eq!((told.len(), told[1].text.as_str()), (2, "b <- \"x\""));
        // Work after all: as if nothing had been said. If it is said once more, it is kept.
        assert_eq!(set(&dir, &other, Some(Verdict::Costly)), Ok(Said::TakenBack));
        assert_eq!(now(), Some(first.clone()));
        assert_eq!(set(&dir, &other, Some(Verdict::Costly)), Ok(Said::Kept));
        assert_eq!(set(&dir, &other, None), Ok(Said::TakenBack));
        assert_eq!(set(&dir, &line, Some(Verdict::Costly)), Ok(Said::TakenBack));
        assert_eq!(now(), None, "nothing is left of it");
        // What is said of a function stays when one of its lines is work.
        set(&dir, &of(""), Some(Verdict::Idle)).unwrap();
        let first = now();
        assert_eq!(set(&dir, &line, Some(Verdict::Costly)), Ok(Said::Kept));
        assert_eq!(set(&dir, &line, None), Ok(Said::FunctionStays));
        assert_eq!(now(), first);
        assert_eq!(set(&dir, &line, None), Ok(Said::OfFunctionTakenBack));
        assert_eq!(now(), None);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn what_it_said_before_counts_while_it_cannot_be_understood() {
        let dir = std::env::temp_dir().join(format!("waitline-words-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let roots = [dir.clone()];
        let write = |text: &str| std::fs::write(dir.join(FILE), text).unwrap();
        let mut words = Words::default();
        assert_eq!(words.look(&roots), Look::default());
        write("[[site]]\nfunc = \"f\"\nverdict = \"idle\"\n");
        assert_eq!(words.look(&roots), Look { changed: true, complaints: vec![] });
        assert_eq!(words.look(&roots), Look::default());
        write("[[site]]\nfunc = \"f\"\nverdict = ");
        let look = words.look(&roots);
        assert!(!look.changed && look.complaints.len() == 1, "{look:?}");
        assert!(look.complaints[0].starts_with(".waitline.toml: line 3: "), "{look:?}");
        assert!(look.complaints[0].ends_with(" (what it said before counts)"), "{look:?}");
        assert_eq!(words.look(&roots), Look::default(), "it is told once");
        assert_eq!(words.word().told.len(), 1);
        std::fs::remove_file(dir.join(FILE)).unwrap();
        assert_eq!(words.look(&roots), Look { changed: true, complaints: vec![] });
        assert_eq!(words.word(), Word::default());
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn what_cannot_be_understood_is_said() {
        assert!(parse("[[site]]\nverdict = \"idle\"").unwrap_err().contains("func"));
        assert!(
            parse("[[site]]\nfunc = \"f\"\nverdict = \"lazy\"").unwrap_err().contains("costly")
        );
        assert!(parse("site = 1").is_err());
        assert!(parse("=").is_err());
        assert!(parse("[[silence]]\ncode = \"no-such\"").is_err());
        assert_eq!(parse("").unwrap(), Word::default());
    }
}
