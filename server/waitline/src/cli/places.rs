//! How places are written: as a path that leads there from the current folder, or in short.

use std::borrow::Cow;
use std::path::Path;

use exectrace::FrameId;
use ide::findings::in_folder;
use ide::view::View;
use unicode_width::UnicodeWidthStr;

use crate::paths::{canonical, slashed};

/// How wide a place may be in a column of a table. What is wider stands there in short.
const WIDEST: usize = 40;
/// On a terminal it has no more than this part of the width.
const PART: usize = 3;

/// From where paths are told.
pub(crate) struct Here {
    /// The current folder, and the workspace, if there is one; both end with `/`.
    current: Option<String>,
    root: Option<String>,
}

impl Here {
    /// With the workspace, if there is one.
    pub(crate) fn new(root: Option<&Path>) -> Here {
        let real = |folder: &Path| {
            let folder = slashed(&canonical(folder).ok()?);
            Some(format!("{}/", folder.trim_end_matches('/')))
        };
        Here { current: real(Path::new(".")), root: root.and_then(real) }
    }

    /// A file by its path from the current folder, up to the workspace where that is above it; from the
    /// workspace where that is elsewhere; the whole of it where the file is in neither.
    pub(crate) fn path<'a>(&self, file: &'a str) -> Cow<'a, str> {
        if let Some(below) = self.current.as_deref().and_then(|here| file.strip_prefix(here)) {
            return below.into();
        }
        let in_root = self.root.as_deref().and_then(|root| Some((root, file.strip_prefix(root)?)));
        let Some((root, below)) = in_root else { return file.into() };
        let Some(here) = self.current.as_deref().and_then(|here| here.strip_prefix(root)) else {
            return below.into();
        };
        // What both have in common up to a folder's end need not be gone up.
        let same = here.split_inclusive('/').zip(below.split_inclusive('/'));
        let common: usize = same.take_while(|(a, b)| a == b).map(|(a, _)| a.len()).sum();
        let up = here[common..].matches('/').count();
        format!("{}{}", "../".repeat(up), &below[common..]).into()
    }

    /// A file of the workspace and a line, by its path from here.
    pub(crate) fn place(&self, file: &str, line: u32) -> String {
        format!("{}:{line}", ide::text::plain(&self.path(file)))
    }

    /// A frame's place: the path that leads there from here, where there is a file.
    pub(crate) fn of_frame(&self, view: &View, frame: FrameId) -> String {
        match view.placement.place(frame) {
            Some(at) => self.place(&view.placement.source(at.file).path, at.line + 1),
            None => short_of(view, frame),
        }
    }

    /// The same for a column of a table.
    pub(crate) fn in_column(&self, file: &str, line: u32) -> String {
        let place = self.place(file, line);
        let most = WIDEST.min(super::columns() / PART);
        if place.width() <= most { place } else { short(file, line) }
    }
}

/// A frame's place in short.
pub(crate) fn short_of(view: &View, frame: FrameId) -> String {
    match view.placement.place(frame) {
        Some(at) => short(&view.placement.source(at.file).path, at.line + 1),
        None => {
            let frame = view.analysis.tables.frame(frame);
            short(view.analysis.str(frame.file), frame.line)
        }
    }
}

/// The file's last folder and name, and the line: short enough for a column.
pub(crate) fn short(file: &str, line: u32) -> String {
    format!("{}:{line}", ide::text::plain(&in_folder(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_path_where_it_leads_there() {
        let here = |current: &str, root: Option<&str>| Here {
            current: Some(current.into()),
            root: root.map(Into::into),
        };
        let file = "/src/shop/internal/wal/wal.go";
        for (current, root, path) in [
            ("/src/shop/", Some("/src/shop/"), "internal/wal/wal.go:28"),
            ("/src/", Some("/src/shop/"), "shop/internal/wal/wal.go:28"),
            ("/src/shop/internal/api/v2/", Some("/src/shop/"), "../../wal/wal.go:28"),
            ("/src/shop/int/", Some("/src/shop/"), "../internal/wal/wal.go:28"),
            ("/tmp/", Some("/src/shop/"), "internal/wal/wal.go:28"),
            ("/tmp/", None, "/src/shop/internal/wal/wal.go:28"),
        ] {
            assert_eq!(here(current, root).place(file, 28), path);
        }
        let here = here("/src/shop/", None);
        assert_eq!(here.in_column("/srcs/lib.go", 1), "/srcs/lib.go:1");
        let deep = format!("/src/shop/{}/wal/wal.go", "internal/".repeat(5));
        assert_eq!(here.in_column(&deep, 28), "wal/wal.go:28");
        assert_eq!(short("github.com/x/y/v2@v2.0.1/y.go", 3), "y/y.go:3");
    }
}
