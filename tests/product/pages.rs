//! The pages about findings and the codes of the program: each has the other.

use std::collections::BTreeSet;

use ide::findings::{CODES, Code, Severity};

use crate::product::root;

#[test]
fn every_code_has_its_page_and_every_page_a_code() {
    let folder = root().join("docs/findings");
    let pages: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    let codes: BTreeSet<String> = CODES.iter().map(|c| format!("{}.md", c.as_str())).collect();
    assert_eq!(pages, codes);
    let index = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for code in CODES {
        let name = code.as_str();
        assert_eq!(Code::parse(name), Some(code));
        assert!(index.contains(&format!("[`{name}`]({name}.md)")), "the index lacks {name}");
        let page = std::fs::read_to_string(root().join(code.page())).unwrap();
        assert!(page.starts_with(&format!("# {name}\n")), "{name} has another title");
        for part in ["## How it is found", "## What helps", "## When it is wrong"] {
            assert!(page.contains(part), "{name} lacks {part:?}");
        }
        assert_eq!(page.matches("```go").count() % 2, 0, "{name}: before and after");
        let warns = page.contains("A warning:");
        assert_eq!(warns, code.severity() == Severity::Warning, "{name}: severity");
    }
}
