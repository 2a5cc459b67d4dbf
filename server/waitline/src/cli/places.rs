//! How places are written: as a path that leads there from the current folder, or in short.

use unicode_width::UnicodeWidthStr;

use crate::workspace::slashed;

/// How wide a place may be in a column of a table. What is wider stands there in short.
const WIDEST: usize = 40;
/// On a terminal it has no more than this part of the width.
const PART: usize = 3;

/// From where paths are told.
pub(crate) struct Here {
    /// The current folder, and then the workspace: below the first of these that it is in.
    folders: Vec<String>,
}

impl Here {
    /// With the workspace, if there is one.
    pub(crate) fn new(root: Option<&std::path::Path>) -> Here {
        let current = std::env::current_dir().ok();
        let folders = current.as_deref().into_iter().chain(root);
        let real = folders.filter_map(|folder| folder.canonicalize().ok());
        let below =
            |folder: &std::path::Path| format!("{}/", slashed(folder).trim_end_matches('/'));
        Here { folders: real.map(|folder| below(&folder)).collect() }
    }

    /// A file by its path from here, the whole of it where it lies elsewhere.
    pub(crate) fn path<'a>(&self, file: &'a str) -> &'a str {
        let below = self.folders.iter().find_map(|folder| file.strip_prefix(folder.as_str()));
        below.unwrap_or(file)
    }

    /// A file of the workspace and a line, by its path from here.
    pub(crate) fn place(&self, file: &str, line: u32) -> String {
        format!("{}:{line}", ide::text::plain(self.path(file)))
    }

    /// The same for a column of a table.
    pub(crate) fn in_column(&self, file: &str, line: u32) -> String {
        let place = self.place(file, line);
        let most = WIDEST.min(super::columns() / PART);
        if place.width() <= most { place } else { short(file, line) }
    }
}

/// The file's last folder and name, and the line: enough to find it, short enough for a column.
pub(crate) fn short(file: &str, line: u32) -> String {
    let mut parts = file.rsplit(['/', '\\']);
    let name = parts.next().unwrap_or(file);
    // A release's folder by its name: neither its version nor its major one tells modules apart.
    let unversioned = |dir: &str| dir.split_once("@v").map_or(dir, |(dir, _)| dir).to_owned();
    let is_major = |dir: &str| {
        let number = dir.strip_prefix('v').unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    match parts.map(unversioned).find(|dir| !is_major(dir)) {
        Some(dir) if !dir.is_empty() => {
            format!("{}/{}:{line}", ide::text::plain(&dir), ide::text::plain(name))
        }
        _ => format!("{}:{line}", ide::text::plain(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_path_where_it_leads_there() {
        let here = Here { folders: vec!["/src/shop/".into(), "/src/".into()] };
        assert_eq!(here.place("/src/shop/internal/wal/wal.go", 28), "internal/wal/wal.go:28");
        assert_eq!(here.place("/src/lib/lib.go", 1), "lib/lib.go:1");
        assert_eq!(here.place("/srcs/lib.go", 1), "/srcs/lib.go:1");
        assert_eq!(here.in_column("/srcs/lib.go", 1), "/srcs/lib.go:1");
        let deep = format!("/src/shop/{}/wal/wal.go", "internal/".repeat(5));
        assert_eq!(here.in_column(&deep, 28), "wal/wal.go:28");
        assert_eq!(short("github.com/x/y/v2@v2.0.1/y.go", 3), "y/y.go:3");
    }
}
