//! `waitline mmu`: how much the collector left to the program, at the worst.

use std::io::Write;

use ide::Analysis;
use ide::mmu::{Count, Curve, Flags, Lost};
use ide::summary::Keep;
use ide::units::{count, duration};
use serde_json::json;

use super::analyses::{parse_duration, summarize};
use super::table::{Side, Table};
use super::{TraceArg, answer, json_row, style};

/// Shows the least share of the CPU that the program had in any window: the minimum mutator
/// utilization.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What counts as lost: stw (stops of the world for the collector), background (mark workers), assist \
(goroutines that help to mark), sweep. perProc: each P by itself, and the worst of them.

`go tool trace` counts a mark worker once more each time it starts again: after some collections it \
takes all Ps for lost, and leaves out the rest of the trace. Its figure is `mmu` in JSON; `once` (and \
`least` in the table) counts each P while the collector's work really is on it. With --json each line is a window: `window` \
(as it was asked for), `ns`, `mmu` and `once` (0 to 1), and `worst`, the worst windows that do not \
overlap (`t`, `util` and what it was lost to, by `once`).

Examples:
  waitline mmu trace.out
  waitline mmu trace.out --windows 100µs,1ms,10ms --flags stw,assist
  waitline mmu trace.out --flags stw,background,assist,perProc --json")]
pub(crate) struct Args {
    #[command(flatten)]
    trace: TraceArg,
    /// What counts as lost to the program.
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        value_enum,
        default_value = "stw,background,assist"
    )]
    flags: Vec<Flag>,
    /// How long the windows are, with ns, µs (or us), ms, s or min.
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        value_parser = window,
        default_value = "10µs,100µs,1ms,10ms,100ms,1s"
    )]
    windows: Vec<(String, i64)>,
    /// How many of the worst windows to show for each length.
    #[arg(long, value_name = "N", default_value_t = 3)]
    top: usize,
    /// Print JSON instead, one object a window.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Flag {
    Stw,
    Background,
    Assist,
    Sweep,
    #[value(name = "perProc")]
    PerProc,
}

fn window(text: &str) -> Result<(String, i64), String> {
    Ok((text.to_owned(), parse_duration(text)?))
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let (loaded, summary) = summarize(&args.trace, Keep { gc: true, ..Keep::NONE })?;
    let analysis = &loaded.analysis;
    let has = |flag| args.flags.contains(&flag);
    let flags = Flags {
        stw: has(Flag::Stw),
        background: has(Flag::Background),
        assist: has(Flag::Assist),
        sweep: has(Flag::Sweep),
        per_proc: has(Flag::PerProc),
    };
    let curve = |how| Curve::new(summary.gc.utilisation(flags, how));
    let (as_go, once) = (curve(Count::AsGo), curve(Count::Once));
    let mut out = answer();
    if args.json {
        for (text, ns) in &args.windows {
            let worst: Vec<_> = once
                .worst(*ns, args.top)
                .iter()
                .map(|w| {
                    let lost = summary.gc.lost_to(w.t, w.t + w.window).into_iter();
                    let lost = lost.map(|(what, ns)| json!({"what": words(analysis, what), "ns": ns}));
                    json!({"t": w.t, "window": w.window, "util": w.util, "lost": lost.collect::<Vec<_>>()})
                })
                .collect();
            let row = json!({
                "window": text,
                "ns": ns,
                "mmu": as_go.mmu(*ns),
                "once": once.mmu(*ns),
                "worst": worst,
            });
            json_row(&mut out, row, analysis)?;
        }
        out.flush()?;
        return Ok(());
    }
    if as_go.is_empty() {
        writeln!(out, "The trace does not tell GOMAXPROCS: nothing can be said.")?;
        out.flush()?;
        return Ok(());
    }
    let collections = summary.gc.collections();
    let percent = |util: f64| {
        let text = ide::units::percent((util * 1e9).round() as i64, 1_000_000_000i64);
        text.trim_end_matches(" %").to_owned()
    };
    writeln!(
        out,
        "{} collections in {}; over all of it the program had {} % of the CPUs",
        count(collections.len() as u64),
        duration(analysis.duration()),
        once.mean().map_or(ide::units::NONE.into(), percent),
    )?;
    writeln!(out)?;
    let right = |text: &str| (text.to_owned(), Side::Right);
    let mut table = Table::new([
        right("window"),
        right("least %"),
        right("go tool trace %"),
        right("worst at"),
        ("lost to".into(), Side::Left),
    ]);
    for (_, ns) in &args.windows {
        let worst = once.worst(*ns, args.top);
        let mut first = vec![duration(*ns), percent(once.mmu(*ns)), percent(as_go.mmu(*ns))];
        if worst.is_empty() {
            first.extend([ide::units::NONE.to_owned(), String::new()]);
            table.push(first);
            continue;
        }
        for (i, w) in worst.iter().enumerate() {
            let mut row = match i {
                0 => std::mem::take(&mut first),
                _ => vec![String::new(), percent(w.util), String::new()],
            };
            let lost = summary.gc.lost_to(w.t, w.t + w.window);
            let lost: Vec<String> = lost
                .into_iter()
                .take(4)
                .map(|(what, ns)| format!("{} {}", words(analysis, what), duration(ns)))
                .collect();
            row.extend([duration(w.t), lost.join(", ")]);
            table.push(row);
        }
    }
    table.print(&mut out)?;
    let dim = style::DIM;
    writeln!(out)?;
    writeln!(
        out,
        "{dim}the worst windows of each length do not overlap; lost is time of all Ps together{dim:#}"
    )?;
    writeln!(
        out,
        "{dim}go tool trace counts workers again and again, and then only up to where none is left{dim:#}"
    )?;
    out.flush()?;
    Ok(())
}

/// What took the program's time, in words.
pub(crate) fn words(analysis: &Analysis, lost: Lost) -> String {
    match lost {
        Lost::Stw(why) => format!("stopped for {}", ide::text::plain(analysis.str(why))),
        Lost::Background => "mark workers".into(),
        Lost::Assist => "assists".into(),
        Lost::Sweep => "sweeps".into(),
    }
}
