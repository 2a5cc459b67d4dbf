//! A document under edits: what the server holds, and where the lines of the trace stand in it.
#![no_main]

use std::sync::Arc;

use ide::line_map::{LineMap, TextBuffer, TextPosition, TextRange};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (&str, Vec<(u8, u8, u8, u8, &str)>)| {
    let (base, edits) = data;
    let base: Arc<str> = base.into();
    let mut map = LineMap::new(base.clone());
    let mut buffer = TextBuffer::new(base.to_string());
    for (line, column, to_line, to_column, text) in edits.into_iter().take(16) {
        let start = TextPosition { line: line.into(), character: column.into() };
        let end = TextPosition { line: to_line.into(), character: to_column.into() };
        if let Ok(edit) = buffer.apply(TextRange { start, end }, text) {
            map.edit(edit, &buffer);
        }
        check(&map, &base, &buffer);
    }
    check(&LineMap::between(base.clone(), buffer.text()), &base, &buffer);
});

/// A line is mapped only onto the same text, and both ways say the same.
fn check(map: &LineMap, base: &str, buffer: &TextBuffer) {
    let recorded = TextBuffer::new(base.to_owned());
    for line in 0..recorded.n_lines() {
        if let Some(now) = map.current(line) {
            assert_eq!(recorded.line(line), buffer.line(now), "line {line}");
            assert_eq!(map.recorded(now), Some(line));
        }
    }
}
