//! `.waitline.toml`, a workspace's word on its own waiting.
//!
//! ```toml
//! [[site]]
//! func = "example.com/shop/db.(*pool).query"   # the full name, as hovers show it
//! kind = "chan"                                # lock, chan, net, ...; without it: all kinds
//! verdict = "idle"                             # costly, through, idle or unsure
//!
//! [[silence]]
//! code = "fine-handoff"                        # a finding that is not wanted
//! package = "example.com/shop/db"              # and below; without it: everywhere
//! ```

use std::path::{Path, PathBuf};

use ide::findings::Code;
use ide::verdicts::Verdict;
use ide::view::{Silenced, Told, Word};
use toml_edit::{DocumentMut, Table};

/// The file's name, in a workspace's folder.
pub const FILE: &str = ".waitline.toml";
/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// What the workspace's folders say, in their order. A file that cannot be understood says nothing,
/// and that is logged.
pub fn word(roots: &[PathBuf]) -> Word {
    let mut all = Word::default();
    for root in roots {
        let word = of_file(&root.join(FILE));
        all.told.extend(word.told);
        all.silenced.extend(word.silenced);
    }
    all
}

fn of_file(path: &Path) -> Word {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return Word::default() };
    if !meta.is_file() || meta.len() > MAX_BYTES {
        return Word::default();
    }
    let Ok(text) = std::fs::read_to_string(path) else { return Word::default() };
    parse(&text).unwrap_or_else(|why| {
        tracing::warn!("{}: {why}", crate::traces::shown(path));
        Word::default()
    })
}

/// Reads such a file.
///
/// # Errors
/// It is no TOML, or something in it lacks something: said in a sentence.
pub fn parse(text: &str) -> Result<Word, String> {
    let document: DocumentMut =
        text.parse().map_err(|e: toml_edit::TomlError| e.message().to_owned())?;
    let word = |table: &Table, key: &str| -> String {
        table.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
    };
    let mut all = Word::default();
    for site in tables(&document, "site")? {
        let func = word(site, "func");
        if func.is_empty() {
            return Err("a [[site]] lacks its func".into());
        }
        let verdict = verdict(&word(site, "verdict")).ok_or_else(|| {
            format!("the verdict of {func} is not one of costly, through, idle, unsure")
        })?;
        all.told.push(Told { func, kind: word(site, "kind"), verdict });
    }
    for silence in tables(&document, "silence")? {
        let name = word(silence, "code");
        let code = Code::parse(&name).ok_or_else(|| format!("there is no finding {name:?}"))?;
        all.silenced.push(Silenced { code, package: word(silence, "package") });
    }
    Ok(all)
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

/// Sets what a workspace says of a site, or takes it back with `None`. All else in the file stays.
///
/// # Errors
/// The file cannot be read, understood or written.
pub fn set(root: &Path, func: &str, kind: &str, verdict: Option<Verdict>) -> Result<(), String> {
    let keys = [("func", func), ("kind", kind)];
    change(root, "site", &keys, verdict.map(|v| ("verdict", name(v))))
}

/// Silences findings of a kind, below an import path or everywhere (`package` empty).
///
/// # Errors
/// The file cannot be read, understood or written.
pub fn silence(root: &Path, code: Code, package: &str) -> Result<(), String> {
    let keys = [("code", code.as_str()), ("package", package)];
    change(root, "silence", &keys, Some(("", "")))
}

/// Puts a table in place of those with the same keys; with `value` `None` there is none then.
fn change(
    root: &Path,
    array: &str,
    keys: &[(&str, &str)],
    value: Option<(&str, &str)>,
) -> Result<(), String> {
    let path = root.join(FILE);
    // No link: a workspace must not make us write elsewhere.
    let text = match std::fs::symlink_metadata(&path) {
        Ok(meta) if !meta.is_file() => return Err("it is no plain file".into()),
        Ok(meta) if meta.len() > MAX_BYTES => return Err("it is too large".into()),
        Ok(_) => std::fs::read_to_string(&path).map_err(|e| e.to_string())?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(e.to_string()),
    };
    // What is said in a file that cannot be understood would not count.
    parse(&text)?;
    let mut document: DocumentMut = text.parse().map_err(|e| format!("{e}"))?;
    let tables = document
        .entry(array)
        .or_insert(toml_edit::Item::ArrayOfTables(toml_edit::ArrayOfTables::new()))
        .as_array_of_tables_mut()
        .ok_or_else(|| format!("these are written as [[{array}]]"))?;
    let is = |t: &Table, (key, value): &(&str, &str)| {
        t.get(key).and_then(|v| v.as_str()).unwrap_or_default() == *value
    };
    tables.retain(|t| !keys.iter().all(|key| is(t, key)));
    if let Some(value) = value {
        let mut table = Table::new();
        for (key, value) in keys.iter().chain([&value]).filter(|(_, value)| !value.is_empty()) {
            table.insert(key, toml_edit::value(*value));
        }
        tables.push(table);
    }
    if document.as_table().get(array).is_some_and(is_empty) {
        document.remove(array);
    }
    let new = document.to_string();
    if new == text { Ok(()) } else { std::fs::write(&path, new).map_err(|e| e.to_string()) }
}

fn is_empty(item: &toml_edit::Item) -> bool {
    item.as_array_of_tables().is_some_and(toml_edit::ArrayOfTables::is_empty)
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
        set(&dir, "main.f", "chan", Some(Verdict::Idle)).unwrap();
        set(&dir, "main.g", "", Some(Verdict::Costly)).unwrap();
        set(&dir, "main.f", "chan", Some(Verdict::Unsure)).unwrap();
        silence(&dir, Code::FineHandoff, "example.com/a").unwrap();
        silence(&dir, Code::FineHandoff, "example.com/a").unwrap();
        let Word { told, silenced, .. } = word(std::slice::from_ref(&dir));
        assert_eq!((told.len(), silenced.len()), (2, 1));
        assert_eq!(silenced[0].package, "example.com/a");
        assert!(told.iter().any(|t| t.func == "main.f" && t.verdict == Verdict::Unsure));
        set(&dir, "main.g", "", None).unwrap();
        let text = std::fs::read_to_string(dir.join(FILE)).unwrap();
        assert!(text.contains("# ours") && text.contains("x = 1") && !text.contains("main.g"));
        // What was never said leaves nothing, and what cannot be understood stays as it is.
        std::fs::remove_file(dir.join(FILE)).unwrap();
        set(&dir, "main.g", "", None).unwrap();
        assert!(!dir.join(FILE).exists());
        std::fs::write(dir.join(FILE), "[[site]]\n").unwrap();
        assert!(silence(&dir, Code::FineHandoff, "").unwrap_err().contains("func"));
        assert_eq!(std::fs::read_to_string(dir.join(FILE)).unwrap(), "[[site]]\n");
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
