//! Columns for people: numbers to the right, words to the left, what is too wide cut at its front
//! or its end. A column of nothing is left out, and so are percentiles where the terminal has no room.

use std::io::Write;

use unicode_width::UnicodeWidthStr;

use super::style;

/// Which side of a column its text stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Words.
    Left,
    /// Names, of which the end says the most.
    Name,
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
        let columns = self.shown(super::columns());
        let heads: Vec<String> = self.heads.iter().map(|(head, _)| head.clone()).collect();
        writeln!(out, "{dim}{}{dim:#}", self.line(&heads, &columns))?;
        for row in &self.rows {
            writeln!(out, "{}", self.line(row, &columns))?;
        }
        Ok(())
    }

    /// The columns that are shown, with their widths.
    fn shown(&self, room: usize) -> Vec<(usize, usize)> {
        /// What goes first where there is no room, and how much is kept for the last column.
        const LEAST: [&str; 10] =
            ["p50", "p90", "p99", "alive", "started at", "created", "ended", "max", "other", "gc"];
        const LAST: usize = 24;
        let cells = |column: usize| self.rows.iter().filter_map(move |row| row.get(column));
        let width = |column: usize| {
            cells(column)
                .map(|c| c.width())
                .chain([self.heads[column].0.width()])
                .max()
                .unwrap_or(0)
        };
        let last = self.heads.len().saturating_sub(1);
        let is_nothing = |cell: &String| cell.is_empty() || cell == ide::units::NONE;
        let has_some = |&column: &usize| {
            column == last || self.rows.is_empty() || !cells(column).all(is_nothing)
        };
        let all = (0..self.heads.len()).filter(has_some);
        let mut shown: Vec<(usize, usize)> = all.map(|column| (column, width(column))).collect();
        for least in LEAST {
            let needed: usize = shown
                .iter()
                .map(|&(column, width)| if column == last { width.min(LAST) } else { width + 2 })
                .sum();
            if needed <= room {
                break;
            }
            shown.retain(|&(column, _)| column == last || self.heads[column].0 != least);
        }
        shown
    }

    fn line(&self, cells: &[String], columns: &[(usize, usize)]) -> String {
        let mut line = String::new();
        for (i, &(column, width)) in columns.iter().enumerate() {
            let Some(cell) = cells.get(column) else { continue };
            if i > 0 {
                line.push_str("  ");
            }
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            let side = self.heads[column].1;
            if side == Side::Right {
                line.push_str(&pad);
            }
            if i + 1 == columns.len() {
                let room = super::columns().saturating_sub(line.width()).max(8);
                line.push_str(&match side {
                    Side::Name => fitted_end(cell, room),
                    _ => fitted(cell, room),
                });
            } else {
                line.push_str(cell);
                if side != Side::Right {
                    line.push_str(&pad);
                }
            }
        }
        line
    }
}

/// As much of a text's end as there is room for.
fn fitted_end(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1; // for the mark that something is missing
    let kept = text.chars().rev().take_while(|&c| {
        used += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        used <= width
    });
    let kept: Vec<char> = kept.collect();
    std::iter::once('…').chain(kept.into_iter().rev()).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(table: &Table, room: usize) -> Vec<&str> {
        table.shown(room).into_iter().map(|(column, _)| table.heads[column].0.as_str()).collect()
    }

    #[test]
    fn columns_of_nothing_and_what_says_least_are_left_out() {
        let heads =
            ["n", "run", "sleep", "p50", "p99", "max"].map(|head| (head.into(), Side::Right));
        let mut table = Table::new(heads.into_iter().chain([("function".into(), Side::Name)]));
        let row = ["1", "22.0 ms", ide::units::NONE, "1.00 ms", "2.00 ms", "3.00 ms"];
        table.push(row.into_iter().chain(["net/http.(*conn).serve"]).map(str::to_owned).collect());
        assert_eq!(shown(&table, 200), ["n", "run", "p50", "p99", "max", "function"]);
        assert_eq!(shown(&table, 61), ["n", "run", "p50", "p99", "max", "function"]);
        assert_eq!(shown(&table, 60), ["n", "run", "p99", "max", "function"]);
        assert_eq!(shown(&table, 43), ["n", "run", "max", "function"]);
        assert_eq!(shown(&table, 42), ["n", "run", "function"]);
        assert_eq!(shown(&Table::new([("n".into(), Side::Right)]), 10), ["n"]);
    }

    #[test]
    fn the_end_of_a_name_is_kept() {
        assert_eq!(fitted_end("net/http.(*conn).serve", 14), "…(*conn).serve");
        assert_eq!(fitted_end("short", 14), "short");
        assert_eq!(fitted("net/http.(*conn).serve", 8), "net/htt…");
    }
}
