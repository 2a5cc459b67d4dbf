//! `.waitline.toml`, a workspace's word on its own waiting.
//!
//! ```toml
//! [[site]]
//! func = "example.com/shop/db.(*pool).query"   # the full name, as hovers show it
//! kind = "chan"                                # lock, chan, net, ...; without it: all kinds
//! verdict = "idle"                             # costly, through, idle or unsure
//! ```

use std::path::{Path, PathBuf};

use ide::verdicts::Verdict;
use ide::view::Told;
use toml_edit::DocumentMut;

/// The file's name, in a workspace's folder.
pub const FILE: &str = ".waitline.toml";
/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// What the workspace's folders say, in their order. A file that cannot be understood says nothing,
/// and that is logged.
pub fn told(roots: &[PathBuf]) -> Vec<Told> {
    roots.iter().flat_map(|root| of_file(&root.join(FILE))).collect()
}

fn of_file(path: &Path) -> Vec<Told> {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return Vec::new() };
    if !meta.is_file() || meta.len() > MAX_BYTES {
        return Vec::new();
    }
    let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
    parse(&text).unwrap_or_else(|why| {
        tracing::warn!("{}: {why}", crate::traces::shown(path));
        Vec::new()
    })
}

/// Reads such a file.
///
/// # Errors
/// It is no TOML, or a site in it lacks something: said in a sentence.
pub fn parse(text: &str) -> Result<Vec<Told>, String> {
    let document: DocumentMut =
        text.parse().map_err(|e: toml_edit::TomlError| e.message().to_owned())?;
    let Some(sites) = document.get("site") else { return Ok(Vec::new()) };
    let sites = sites.as_array_of_tables().ok_or("sites are written as [[site]]")?;
    sites
        .iter()
        .map(|site| {
            let word = |key: &str| site.get(key).and_then(|value| value.as_str());
            let func = word("func").ok_or("a [[site]] lacks its func")?;
            let verdict = word("verdict").and_then(verdict).ok_or_else(|| {
                format!("the verdict of {func} is not one of costly, through, idle, unsure")
            })?;
            let kind = word("kind").unwrap_or_default();
            Ok(Told { func: func.to_owned(), kind: kind.to_owned(), verdict })
        })
        .collect()
}

/// Sets what a workspace says of a site, or takes it back with `None`. All else in the file stays.
///
/// # Errors
/// The file cannot be read, understood or written.
pub fn set(root: &Path, func: &str, kind: &str, verdict: Option<Verdict>) -> Result<(), String> {
    let path = root.join(FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(e) => return Err(e.to_string()),
    };
    let mut document: DocumentMut = text.parse().map_err(|e| format!("{e}"))?;
    let sites = document
        .entry("site")
        .or_insert(toml_edit::Item::ArrayOfTables(toml_edit::ArrayOfTables::new()))
        .as_array_of_tables_mut()
        .ok_or("sites are written as [[site]]")?;
    let is = |t: &toml_edit::Table, key: &str, value: &str| {
        t.get(key).and_then(|v| v.as_str()).unwrap_or_default() == value
    };
    sites.retain(|t| !(is(t, "func", func) && is(t, "kind", kind)));
    if let Some(verdict) = verdict {
        let mut table = toml_edit::Table::new();
        table.insert("func", toml_edit::value(func));
        if !kind.is_empty() {
            table.insert("kind", toml_edit::value(kind));
        }
        table.insert("verdict", toml_edit::value(name(verdict)));
        sites.push(table);
    }
    std::fs::write(&path, document.to_string()).map_err(|e| e.to_string())
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
        let told = told(std::slice::from_ref(&dir));
        assert_eq!(told.len(), 2);
        assert!(told.iter().any(|t| t.func == "main.f" && t.verdict == Verdict::Unsure));
        set(&dir, "main.g", "", None).unwrap();
        let text = std::fs::read_to_string(dir.join(FILE)).unwrap();
        assert!(text.contains("# ours") && text.contains("x = 1") && !text.contains("main.g"));
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
        assert_eq!(parse("").unwrap(), []);
    }
}
