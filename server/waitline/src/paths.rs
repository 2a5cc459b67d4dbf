//! How the product names files: one way on every platform, and those that editors have.

use std::io;
use std::path::{Path, PathBuf};

use lsp_types::Url;

/// What a path leads to, without links, as a person would write it.
///
/// On Windows the standard library puts `\\?\` before it; a path with that is not equal to the same
/// one without, and few programs take it.
///
/// # Errors
/// There is nothing, or it cannot be looked at.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    let found = dunce::canonicalize(path)?;
    let share = on_share(&found.to_string_lossy());
    Ok(share.map_or(found, PathBuf::from))
}

/// What `dunce` leaves as it is: a path on a share, `\\server\share`, with `\\?\UNC` before it.
fn on_share(path: &str) -> Option<String> {
    path.strip_prefix(r"\\?\UNC\").map(|rest| format!(r"\\{rest}"))
}

/// A path with `/` between its parts, as `ide` has them.
pub fn slashed(path: &Path) -> String {
    let path = path.to_string_lossy();
    if cfg!(windows) {
        let share = on_share(&path);
        // Of paths that are too long for it `canonical` cannot take this away.
        let path = share.as_deref().unwrap_or_else(|| path.strip_prefix(r"\\?\").unwrap_or(&path));
        path.replace('\\', "/")
    } else {
        path.into_owned()
    }
}

/// The URI of a file. `None` for a path that is not absolute.
///
/// The letter of a drive is a small one, as VS Code writes it: two ways to write one file would be
/// two files.
pub fn uri(path: &Path) -> Option<Url> {
    #[allow(clippy::disallowed_methods, reason = "the one place that has drives in mind")]
    let url = Url::from_file_path(path).ok()?;
    if cfg!(windows) {
        small_drive(url.as_str()).and_then(|s| Url::parse(&s).ok()).or(Some(url))
    } else {
        Some(url)
    }
}

/// `file:///C:/x` with a small letter; `None` for a URI without a drive.
fn small_drive(uri: &str) -> Option<String> {
    let drive = uri.strip_prefix("file:///")?.chars().next()?;
    let rest = uri.get("file:///C".len()..)?;
    (drive.is_ascii_uppercase() && rest.starts_with(":/"))
        .then(|| format!("file:///{}{rest}", drive.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letter_of_a_drive_is_small() {
        assert_eq!(small_drive("file:///C:/a/B.go").as_deref(), Some("file:///c:/a/B.go"));
        for other in ["file:///c:/a", "file:///C/a", "file:///home/C:/a", "file://C/a", "C:/a", ""]
        {
            assert_eq!(small_drive(other), None, "{other}");
        }
    }

    #[test]
    fn a_share_is_named_as_people_do() {
        let found = r"\\?\UNC\srv\share\mod\b.go";
        assert_eq!(on_share(found).as_deref(), Some(r"\\srv\share\mod\b.go"));
        assert_eq!(on_share(r"\\?\C:\mod\b.go"), None);
    }
}
