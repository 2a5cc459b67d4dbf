//! Sentences within the width of a terminal: broken between words, so that no path is.

use std::io::Write;

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

/// Writes a line of pieces, and what it has no room for below it, `indent` columns from the left.
pub(crate) fn fill(
    out: &mut impl Write,
    pieces: &[(Style, &str)],
    indent: usize,
) -> std::io::Result<()> {
    fill_within(out, pieces, indent, super::columns())
}

fn fill_within(
    out: &mut impl Write,
    pieces: &[(Style, &str)],
    indent: usize,
    width: usize,
) -> std::io::Result<()> {
    let mut column = 0;
    // What stands at the beginning of a line stays there: it belongs to the line's form.
    let mut is_first = true;
    for (style, text) in pieces {
        write!(out, "{style}")?;
        for (i, word) in words(text).into_iter().enumerate() {
            let space = usize::from(i > 0);
            let takes = space + word.width();
            if !is_first && i > 0 && column + takes > width {
                write!(out, "\n{:indent$}{word}", "")?;
                column = indent + word.width();
            } else {
                write!(out, "{:space$}{word}", "")?;
                column += takes;
            }
            is_first &= word.is_empty();
        }
        write!(out, "{style:#}")?;
    }
    writeln!(out)
}

/// The words of a text, at most one space apart. A number and its unit are one.
fn words(text: &str) -> Vec<&str> {
    const UNITS: [&str; 8] = ["ns", "µs", "ms", "s", "min", "h", "%", "B"];
    let mut words = Vec::new();
    let mut from = 0;
    for (at, _) in text.match_indices(' ') {
        let next = text[at + 1..].split(' ').next().unwrap_or_default();
        let is_unit = UNITS.contains(&next.trim_end_matches([',', ';', ':', '.', ')']));
        if !(is_unit && text[from..at].ends_with(|c: char| c.is_ascii_digit())) {
            words.push(&text[from..at]);
            from = at + 1;
        }
    }
    words.push(&text[from..]);
    words
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_only() {
        let filled = |pieces: &[&str], width| {
            let pieces: Vec<_> = pieces.iter().map(|text| (Style::new(), *text)).collect();
            let mut out = Vec::new();
            fill_within(&mut out, &pieces, 4, width).unwrap();
            String::from_utf8(out).unwrap()
        };
        let pieces = ["  a/very/long/path.go:12:", " waits 2 ms for", " a lock"];
        assert_eq!(filled(&pieces, usize::MAX), format!("{}\n", pieces.concat()));
        assert_eq!(filled(&pieces, 36), "  a/very/long/path.go:12: waits 2 ms\n    for a lock\n");
        assert_eq!(
            filled(&pieces, 10),
            "  a/very/long/path.go:12:\n    waits\n    2 ms\n    for a\n    lock\n"
        );
        assert_eq!(filled(&["took 33.1 ms, 5 %"], 13), "took 33.1 ms,\n    5 %\n");
        assert_eq!(filled(&[""], 10), "\n");
    }
}
