//! Which rules would lead to files that were not found.
//!
//! A rule is a guess that holds for many files at once: what a recorded path and a file here have in
//! common at their ends is the same tree, what is before that is the rule. So each pair of equal names
//! speaks for one rule, and the rule for which most waiting speaks comes first; then what is left is
//! looked at again.

use hashbrown::{HashMap, HashSet};

use super::recorded::RecordedPath;
use super::{Rule, last_element};

/// A place of the trace of which no file is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The recorded path.
    pub file: String,
    /// What waits there, in nanoseconds.
    pub ns: i64,
}

/// A rule, and what it would find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The rule.
    pub rule: Rule,
    /// The waiting of the places that it finds, in nanoseconds.
    pub ns: i64,
    /// How many files it finds.
    pub n_files: usize,
    /// Other folders that fit as well, at most 5: only a person knows which one it is.
    pub others: Vec<String>,
}

/// The most rules that are proposed: who has more trees than that opens them.
const MOST: usize = 5;
/// The most guesses that are looked at closely.
const MOST_GUESSES: usize = 64;
/// The most files of one name that a guess is made of: `main.go` can be anywhere.
const MOST_OF_A_NAME: usize = 500;

/// The fewest rules that find most of what is missing, the dearest first. `holds` says whether the
/// file holds the function of the row of `missing` at its line; `files` are those that rules may lead
/// to, absolute and `/`-separated.
pub fn propose(
    missing: &[Missing],
    files: &[String],
    holds: &mut dyn FnMut(usize, &str) -> bool,
) -> Vec<Proposal> {
    let paths: Vec<Option<String>> =
        missing.iter().map(|m| RecordedPath::parse(&m.file).map(|r| r.path)).collect();
    let all: HashSet<&str> = files.iter().map(String::as_str).collect();
    let mut by_name: HashMap<&str, Vec<&str>> = HashMap::new();
    let names: HashSet<&str> = paths.iter().flatten().map(|path| last_element(path)).collect();
    for file in files {
        if let Some(name) = names.get(last_element(file)) {
            by_name.entry(name).or_default().push(file);
        }
    }
    let mut left: Vec<bool> = paths.iter().map(Option::is_some).collect();
    let mut proposals = Vec::new();
    while proposals.len() < MOST {
        let mut guesses: HashMap<(&str, &str), i64> = HashMap::new();
        for (row, path) in paths.iter().enumerate().filter(|(row, _)| left[*row]) {
            let Some(path) = path else { continue };
            let same = by_name.get(last_element(path)).map(Vec::as_slice).unwrap_or_default();
            for file in same.iter().take(MOST_OF_A_NAME) {
                let guess = without_common_end(path, file);
                let sum = guesses.entry(guess).or_default();
                *sum = sum.saturating_add(missing[row].ns);
            }
        }
        let mut guesses: Vec<_> = guesses.into_iter().collect();
        guesses.sort_by_key(|&(guess, ns)| (std::cmp::Reverse(ns), guess.1.len(), guess));
        let mut found: Vec<(Proposal, Vec<usize>)> = Vec::new();
        for ((to, from), _) in guesses.into_iter().take(MOST_GUESSES) {
            let mut rows = Vec::new();
            let mut n_files: HashSet<&str> = HashSet::new();
            let mut ns = 0i64;
            for (row, path) in paths.iter().enumerate().filter(|(row, _)| left[*row]) {
                let Some(path) = path else { continue };
                let Some(rest) = below(path, to) else { continue };
                let file = format!("{from}/{rest}");
                if all.contains(file.as_str()) && holds(row, &file) {
                    rows.push(row);
                    n_files.insert(path);
                    ns = ns.saturating_add(missing[row].ns);
                }
            }
            let rule = Rule { from: from.to_owned(), to: to.to_owned() };
            found.push((Proposal { rule, ns, n_files: n_files.len(), others: Vec::new() }, rows));
        }
        found.sort_by_key(|(p, _)| {
            (std::cmp::Reverse((p.ns, p.n_files)), p.rule.from.len(), p.rule.from.clone())
        });
        let mut found = found.into_iter().filter(|(p, _)| p.n_files > 0);
        let Some((mut best, rows)) = found.next() else { break };
        for (other, _) in found {
            let fits_as_well = other.rule.to == best.rule.to && other.ns == best.ns;
            if fits_as_well && other.n_files == best.n_files && best.others.len() < 5 {
                best.others.push(other.rule.from);
            }
        }
        for row in rows {
            left[row] = false;
        }
        proposals.push(best);
    }
    proposals
}

/// What stands before the elements that two paths share at their ends.
fn without_common_end<'a>(recorded: &'a str, file: &'a str) -> (&'a str, &'a str) {
    let (mut to, mut from) = (recorded, file);
    loop {
        let parts = |path: &'a str| path.rsplit_once('/');
        let (before, name) = parts(to).unwrap_or(("", to));
        let Some((above, other)) = parts(from) else { return (to, from) };
        // A folder here, at the least: a rule for the whole disk is none.
        if name.is_empty() || name != other || above.is_empty() {
            return (to, from);
        }
        (to, from) = (before, above);
        if to.is_empty() {
            return (to, from);
        }
    }
}

/// What is below a folder; everything relative is below the empty one.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    match folder {
        "" => (!path.starts_with('/')).then_some(path),
        folder => path.strip_prefix(folder)?.strip_prefix('/'),
    }
}

/// The folders that recorded paths have in common, as few as tell one tree from another: what lies
/// below the same first folder (or the same module's path) is one.
pub(crate) fn common_folders<'a>(files: &[&'a str]) -> HashMap<&'a str, &'a str> {
    let mut groups: HashMap<String, &'a str> = HashMap::new();
    let key = |file: &str| -> String {
        let folder = folder_of(file);
        let mut elements = folder.split(['/', '\\']).filter(|e| !e.is_empty());
        let is_module =
            !folder.starts_with('/') && folder.split('/').next().is_some_and(|e| e.contains('.'));
        let n = if is_module { 3 } else { 1 };
        let first: Vec<&str> = elements.by_ref().take(n).collect();
        format!("{}{}", if folder.starts_with('/') { "/" } else { "" }, first.join("/"))
    };
    for file in files {
        let folder = folder_of(file);
        groups
            .entry(key(file))
            .and_modify(|common| *common = common_folder(common, folder))
            .or_insert(folder);
    }
    files.iter().map(|file| (*file, groups[&key(file)])).collect()
}

/// The folder of a recorded path, with what separates it from the name.
fn folder_of(file: &str) -> &str {
    file.rfind(['/', '\\']).map_or("", |end| &file[..=end])
}

fn common_folder<'a>(a: &'a str, b: &str) -> &'a str {
    let mut end = 0;
    for (at, (x, y)) in a.bytes().zip(b.bytes()).enumerate() {
        if x != y {
            break;
        }
        if x == b'/' || x == b'\\' {
            end = at + 1;
        }
    }
    &a[..end]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn missing(rows: &[(&str, i64)]) -> Vec<Missing> {
        rows.iter().map(|(file, ns)| Missing { file: (*file).to_owned(), ns: *ns }).collect()
    }

    /// The rules as `to -> from`, with what they find.
    fn check(rows: &[(&str, i64)], files: &[&str], wrong: &[&str], expected: &[&str]) {
        let files: Vec<String> = files.iter().map(|f| (*f).to_owned()).collect();
        let found = propose(&missing(rows), &files, &mut |_, file| !wrong.contains(&file));
        let shown: Vec<String> = found
            .iter()
            .map(|p| {
                let others = if p.others.is_empty() {
                    String::new()
                } else {
                    format!(" or {}", p.others.join(", "))
                };
                format!("{} -> {}{others}: {} in {}", p.rule.to, p.rule.from, p.ns, p.n_files)
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn one_rule_for_a_tree() {
        check(
            &[("/app/internal/db/pool.go", 50), ("/app/cmd/shop/main.go", 20), ("/app/gone.go", 5)],
            &["/ws/internal/db/pool.go", "/ws/cmd/shop/main.go", "/ws/cmd/tool/main.go"],
            &[],
            &["/app -> /ws: 70 in 2"],
        );
    }

    /// Two files fit `main.go` alone; what else is in the tree tells which one it is.
    #[test]
    fn what_is_beside_tells_copies_apart() {
        check(
            &[("/src/main.go", 50), ("/src/db/pool.go", 1)],
            &["/ws/a/main.go", "/ws/b/main.go", "/ws/b/db/pool.go"],
            &[],
            &["/src -> /ws/b: 51 in 2"],
        );
        check(
            &[("/src/main.go", 50)],
            &["/ws/a/main.go", "/ws/bb/main.go"],
            &[],
            &["/src -> /ws/a or /ws/bb: 50 in 1"],
        );
    }

    /// Of the releases in a module cache the one counts that holds the functions.
    #[test]
    fn the_release_that_fits() {
        check(
            &[("github.com/x/y/server/a.go", 9), ("github.com/x/y/server/b.go", 3)],
            &[
                "/c/github.com/x/y/v2@v2.1.0/server/a.go",
                "/c/github.com/x/y/v2@v2.1.0/server/b.go",
                "/c/github.com/x/y/v2@v2.2.0/server/a.go",
                "/c/github.com/x/y/v2@v2.2.0/server/b.go",
            ],
            &["/c/github.com/x/y/v2@v2.1.0/server/b.go"],
            &["github.com/x/y -> /c/github.com/x/y/v2@v2.2.0: 12 in 2"],
        );
    }

    #[test]
    fn several_trees_and_nothing_that_is_not_there() {
        check(
            &[
                ("/build/a/x.go", 10),
                ("C:\\work\\b\\y.go", 20),
                ("z.go", 5),
                ("/app/../etc/w.go", 9),
                ("/nowhere/v.go", 9),
            ],
            &["/ws/one/a/x.go", "/ws/two/b/y.go", "/ws/three/z.go", "/ws/w.go"],
            &[],
            &["c:/work -> /ws/two: 20 in 1", "/build -> /ws/one: 10 in 1", " -> /ws/three: 5 in 1"],
        );
    }

    #[test]
    fn folders_are_named_as_far_as_they_are_one_tree() {
        let files = [
            "/app/internal/db/pool.go",
            "/app/cmd/main.go",
            "/home/x/a.go",
            "github.com/a/b/c/d.go",
            "github.com/a/b/e/f.go",
            "github.com/q/r/s.go",
            "C:\\w\\p\\m.go",
            "C:\\w\\q\\n.go",
            "plain.go",
        ];
        let named = common_folders(&files);
        let expected = [
            "/app/",
            "/app/",
            "/home/x/",
            "github.com/a/b/",
            "github.com/a/b/",
            "github.com/q/r/",
            "C:\\w\\",
            "C:\\w\\",
            "",
        ];
        assert_eq!(files.map(|file| named[file]), expected);
    }
}
