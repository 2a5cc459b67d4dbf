//! Columns for people: numbers to the right, words to the left, what is too wide cut at its front
//! or its end.

use std::io::Write;

use unicode_width::UnicodeWidthStr;

use super::style;

/// Which side of a column its text stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under heads.
#[derive(Debug)]
pub(crate) struct Table {
    heads: Vec<(String, Side)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(heads: impl IntoIterator<Item = (String, Side)>) -> Table {
        Table { heads: heads.into_iter().collect(), rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// Prints all, with the last column cut to what the terminal has left.
    pub(crate) fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let dim = style::DIM;
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|c| c.width()).chain([self.heads[column].0.width()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let heads: Vec<String> = self.heads.iter().map(|(head, _)| head.clone()).collect();
        writeln!(out, "{dim}{}{dim:#}", self.line(&heads, &widths))?;
        for row in &self.rows {
            writeln!(out, "{}", self.line(row, &widths))?;
        }
        Ok(())
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (i, (cell, &width)) in cells.iter().zip(widths).enumerate() {
            if i > 0 {
                line.push_str("  ");
            }
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            match self.heads[i].1 {
                Side::Right => line.push_str(&pad),
                Side::Left => {}
            }
            if i + 1 == widths.len() {
                let room = super::columns().saturating_sub(line.width());
                line.push_str(&fitted(cell, room.max(8)));
            } else {
                line.push_str(cell);
                if self.heads[i].1 == Side::Left {
                    line.push_str(&pad);
                }
            }
        }
        line
    }
}

/// As much of a text as there is room for.
pub(crate) fn fitted(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1; // for the mark that something is missing
    let kept = text.chars().take_while(|&c| {
        used += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        used <= width
    });
    kept.chain(std::iter::once('…')).collect()
}
