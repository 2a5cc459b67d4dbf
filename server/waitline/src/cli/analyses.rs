//! What the commands `goroutines`, `regions`, `tasks` and `mmu` share.

use std::io::Write;
use std::sync::atomic::AtomicBool;

use exectrace::FrameId;
use ide::Analysis;
use ide::summary::groups::{Histogram, SpanGroup};
use ide::summary::{Keep, Stats, Summary, range_name};
use ide::units::{NONE, count, duration};
use serde_json::{Map, Value, json};

use super::table::{Side, Table};
use super::{TraceArg, style, warn};
use crate::traces::{self, Loaded};

/// Sums a trace up, and warns if it is not whole.
pub(super) fn summarize(arg: &TraceArg, keep: Keep) -> anyhow::Result<(Loaded, Summary)> {
    let (loaded, summary) = super::with_progress(&arg.trace, |progress| {
        traces::summarize(&arg.trace, keep, None, &AtomicBool::new(false), progress)
    })?;
    warn(&arg.trace, &loaded.analysis);
    Ok((loaded, summary))
}

/// Adds the figures of a goroutine or a region to its object.
pub(super) fn add_stats(analysis: &Analysis, stats: &Stats, object: &mut Value) {
    let block: Map<String, Value> = stats
        .block
        .iter()
        .map(|(reason, ns)| (analysis.str(*reason).to_owned(), (*ns).into()))
        .collect();
    let range: Map<String, Value> =
        stats.ranges.iter().map(|(kind, ns)| (range_name(*kind, analysis), (*ns).into())).collect();
    object["exec"] = stats.exec.into();
    object["sched_wait"] = stats.sched_wait.into();
    object["block"] = block.into();
    object["syscall"] = stats.syscall.into();
    object["syscall_block"] = stats.syscall_block.into();
    object["total"] = stats.total.into();
    object["unknown"] = stats.unknown().into();
    object["range"] = range.into();
}

/// A frame's place as an object, or null.
pub(super) fn place_json(analysis: &Analysis, frame: Option<FrameId>) -> Value {
    frame.map_or(Value::Null, |f| {
        let frame = analysis.tables.frame(f);
        json!({
            "func": analysis.str(frame.func),
            "file": analysis.str(frame.file),
            "line": frame.line,
        })
    })
}

/// `file.go:12` of a frame.
pub(super) fn place(analysis: &Analysis, frame: Option<FrameId>) -> String {
    let Some(frame) = frame else { return NONE.to_owned() };
    let frame = analysis.tables.frame(frame);
    let file = analysis.str(frame.file);
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
    ide::text::plain(&format!("{base}:{}", frame.line))
}

/// A name for people.
pub(super) fn name(text: &str) -> String {
    if text.is_empty() { "(no name)".to_owned() } else { ide::text::plain(text) }
}

/// A duration in a column, with its own unit: one for a whole column says nothing of what is small in it.
/// A dash for nothing.
pub(super) fn cell(ns: i64) -> String {
    if ns == 0 { NONE.to_owned() } else { duration(ns) }
}

/// The duration that a person wrote: `10µs`, `1ms`, `1.5s`.
pub(super) fn parse_duration(text: &str) -> Result<i64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let ns = match unit.trim() {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" | "min" => 60e9,
        _ => return Err(format!("{text}: a duration is a number with ns, µs, ms, s or min")),
    };
    let number: f64 = number.parse().map_err(|_| format!("{text}: {number} is no number"))?;
    let ns = (number * ns).round();
    if (1.0..9e18).contains(&ns) { Ok(ns as i64) } else { Err(format!("{text}: out of range")) }
}

/// Prints groups of regions or tasks (`kind` says which), the first `top` of them.
pub(super) fn print_spans(
    analysis: &Analysis,
    groups: &[SpanGroup],
    kind: &str,
    with_parts: bool,
    top: usize,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let n: u64 = groups.iter().map(|g| g.complete + g.cut).sum();
    writeln!(out, "{} {kind}s in {}\n", count(n), duration(analysis.duration()))?;
    let shown = &groups[..groups.len().min(top)];
    span_table(analysis, shown, kind, with_parts).print(out)?;
    let dim = style::DIM;
    writeln!(out)?;
    if groups.len() > shown.len() {
        let (more, all) = (groups.len() - shown.len(), groups.len());
        writeln!(out, "{dim}{more} groups more: --top {all}{dim:#}")?;
    }
    writeln!(
        out,
        "{dim}total and percentiles are of complete {kind}s; cut: those with an end outside of the trace{dim:#}"
    )?;
    Ok(())
}

/// Groups of regions or tasks as a table.
fn span_table(analysis: &Analysis, groups: &[SpanGroup], kind: &str, with_parts: bool) -> Table {
    let right = |text: &str| (text.to_owned(), Side::Right);
    let mut heads: Vec<_> =
        ["total", "complete", "cut", "p50", "p90", "p99", "max"].map(right).into();
    if with_parts {
        heads.extend(["run %", "ready %", "block %", "sys %"].map(right));
    }
    let parts = || groups.iter().flat_map(|g| g.histogram.parts().map(|(part, _)| part));
    let axis = parts().min().zip(parts().max());
    let title = axis.map_or_else(String::new, |(low, high)| {
        let (from, to) = (Histogram::bounds(low).0, Histogram::bounds(high).1);
        format!("{} to {}, log", duration(from), duration(to))
    });
    heads.extend([(title, Side::Left), ("place".into(), Side::Left), (kind.into(), Side::Left)]);
    let mut table = Table::new(heads);
    for group in groups {
        let spread = &group.durations;
        let [p50, p90, p99] = spread.percentiles([50, 90, 99]);
        let count = |n: u64| if n == 0 { NONE.to_owned() } else { ide::units::count(n) };
        let mut row = vec![cell(spread.sum), count(group.complete), count(group.cut)];
        row.extend([p50, p90, p99, spread.max].map(cell));
        if with_parts {
            let stats = &group.stats;
            let syscall = stats.syscall.saturating_add(stats.syscall_block);
            row.extend([stats.exec, stats.sched_wait, stats.blocked(), syscall].map(|ns| {
                ide::units::percent_short(ns, stats.total).trim_end_matches(" %").to_owned()
            }));
        }
        row.push(axis.map_or_else(String::new, |axis| bars(&group.histogram, axis)));
        row.push(place(analysis, group.site));
        row.push(name(analysis.str(group.name)));
        table.push(row);
    }
    table
}

/// A histogram in a line of text.
fn bars(histogram: &Histogram, (low, high): (u8, u8)) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = histogram.parts().map(|(_, n)| n).max().unwrap_or(0).max(1);
    let n = |part: u8| histogram.parts().find(|(p, _)| *p == part).map_or(0, |(_, n)| n);
    let bar = |n: u64| match n {
        0 => ' ',
        n => BARS[((n * 7).div_ceil(most) as usize).min(7)],
    };
    (low..=high).map(|part| bar(n(part))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        for (text, ns) in [
            ("10µs", 10_000),
            ("10us", 10_000),
            ("100ns", 100),
            ("1.5ms", 1_500_000),
            ("1s", 1_000_000_000),
            ("2min", 120_000_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(ns));
        }
        for text in ["", "10", "ms", "1.2.3ms", "0s", "-1s", "1e3ms", "99999999999999999999s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
