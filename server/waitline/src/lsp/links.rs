//! Links in a hover, for an editor that runs commands from Markdown.
//!
//! They name commands that the editor announced and places of its own documents; nothing in them
//! comes from the trace.

use lsp_types::Url;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

/// What can be done from a hover, in this order: its text and the command.
const LINKS: [(&str, &str); 6] = [
    ("Longest wait", "waitline.worst"),
    ("Waker", "waitline.waker"),
    ("Stacks", "waitline.stacks"),
    ("Reveal in timeline", "waitline.reveal"),
    ("Treat as idle", "waitline.idle"),
    ("Copy evidence", "waitline.copy"),
];

/// A line of links about a line of the buffer, for those commands that the editor has.
pub(super) fn links(commands: &[String], uri: &Url, line: u32) -> Option<String> {
    let argument = json!([{ "uri": uri.as_str(), "line": line }]).to_string();
    let argument = utf8_percent_encode(&argument, NON_ALPHANUMERIC);
    let links: Vec<String> = LINKS
        .iter()
        .filter(|(_, command)| commands.iter().any(|c| c == command))
        .map(|(text, command)| format!("[{text}](command:{command}?{argument})"))
        .collect();
    (!links.is_empty()).then(|| links.join(" · "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_what_the_editor_has_and_nothing_that_ends_a_link() {
        let uri = Url::parse("file:///w/a%20(b)/c%5D.go").unwrap();
        let has = ["waitline.waker".to_owned(), "else.where".to_owned()];
        let line = links(&has, &uri, 7).unwrap();
        assert!(line.starts_with("[Waker](command:waitline.waker?%5B%7B"), "{line}");
        assert_eq!(line.matches(['(', ')']).count(), 2, "{line}");
        assert_eq!(line.matches("command:").count(), 1, "{line}");
        assert_eq!(links(&[], &uri, 7), None);
    }
}
