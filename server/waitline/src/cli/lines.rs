//! `waitline lines`: all figures of all lines, for programs.

use std::io::Write;

use exectrace::FrameId;
use ide::Analysis;
use ide::causes::Cause;
use ide::judged::{Depth, Judged};
use ide::lines::{By, Figure, Line, lines};
use ide::verdicts::{Sum, Verdict};
use serde_json::{Map, Value, json};

use super::own_code::OwnCodeArgs;
use super::{TraceArg, answer, json_row, open};
use crate::kept::Cache;
use crate::traces::What;

/// Prints the figures of every line, one JSON object a line.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each object has `file`, `line`, `func`, and `causes`: for each cause `n` spans that ended and their \
time `ns`, `open_n` and `open_ns` of those still under way at the end, `pre_n` and `pre_ns` of those \
under way at the beginning; `max`, `p50`, `p90`, `p99` (ns) and the `worst` instance of those that \
ended; and the `longest` of all, with its time since the beginning and up to the end. No stack is \
file \"\" and line 0. With --by here your code is that of the Go module around the current folder, \
if there is one; else functions tell it by their names, and the answer is the same in any folder.

Examples:
  waitline lines trace.out --by here --json
  waitline lines trace.out --by here --json --user example.com/shop,main
  waitline lines trace.out --by here --json --workspace ~/src/shop
  waitline lines trace.out --by under --json | jq 'select(.causes.net)'")]
pub(crate) struct Args {
    #[command(flatten)]
    trace: TraceArg,
    /// Which line of a stack carries its figures: the leaf, the first of your code, or every one.
    #[arg(long, value_enum, default_value_t = ByArg::Here)]
    by: ByArg,
    /// Print JSON (there is no other form yet; `waitline report` is for people).
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    own: OwnCodeArgs,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ByArg {
    Leaf,
    Here,
    Under,
}

pub(crate) fn run(args: &Args, cache: &Cache) -> anyhow::Result<()> {
    let (by, what) = match args.by {
        ByArg::Leaf => (By::Leaf, What::Figures),
        ByArg::Here => (By::Here, What::Lives),
        ByArg::Under => (By::Under, What::Figures),
    };
    let mut opened = open(&args.trace.trace, what, cache)?;
    let (own, judged) = match what {
        What::Figures => (args.own.for_programs(&opened.loaded.analysis, false)?, None),
        What::Lives => opened.judged(Depth::Verdicts, |analysis| {
            let own = args.own.for_programs(analysis, true)?;
            let question = own.question(analysis);
            Ok((own, question))
        })?,
    };
    let analysis = &opened.loaded.analysis;
    own.tell(analysis);
    let is_user = |f: FrameId| own.has(analysis, f);
    let mut out = answer();
    for line in lines(analysis, by, &is_user) {
        let mut json = line_json(analysis, &line);
        if let Some(judged) = &judged {
            add_judged(judged, analysis, &line, &mut json);
        }
        if let Some(placement) = &own.placement
            && let Some(place) = line.frame.and_then(|f| placement.place(f))
        {
            json["source"] = placement.source(place.file).path.as_str().into();
        }
        json_row(&mut out, json, analysis)?;
    }
    out.flush()?;
    drop(out);
    opened.keep();
    Ok(())
}

/// Adds `verdicts` and `blame` to a line that waits or calls the system.
fn add_judged(judged: &Judged, analysis: &Analysis, line: &Line, json: &mut Value) {
    let counts = |cause| {
        let cause = analysis.causes.cause(cause);
        cause.is_wait() || cause == Cause::Syscall
    };
    let slots: Vec<_> = line
        .causes
        .iter()
        .filter(|(cause, _)| counts(*cause))
        .flat_map(|(_, figure)| figure.slots.iter().copied())
        .collect();
    if slots.is_empty() {
        return;
    }
    let mut sum = Sum::default();
    for slot in &slots {
        sum.merge(&judged.verdicts.sums[slot.0 as usize]);
    }
    json["verdicts"] = json!({
        "costly": sum.of(Verdict::Costly),
        "through": sum.of(Verdict::Through),
        "idle": sum.of(Verdict::Idle),
        "unsure": sum.of(Verdict::Unsure),
    });
    json["blame"] = judged
        .blame
        .ends(&slots)
        .into_iter()
        .map(|((end, frame), ns)| {
            let frame = frame.map(|f| analysis.tables.frame(f));
            json!({
                "what": end.name(),
                "file": frame.map_or("", |f| analysis.str(f.file)),
                "line": frame.map_or(0, |f| f.line),
                "ns": ns,
            })
        })
        .collect();
}

fn line_json(analysis: &Analysis, line: &Line) -> Value {
    let causes: Map<String, Value> = line
        .causes
        .iter()
        .map(|(cause, figure)| {
            (analysis.causes.name(*cause).to_owned(), figure_json(analysis, figure))
        })
        .collect();
    json!({
        "file": analysis.str(line.file),
        "line": line.line,
        "func": analysis.str(line.func),
        "causes": causes,
    })
}

pub(crate) fn figure_json(analysis: &Analysis, figure: &Figure) -> Value {
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| {
        if value != 0 {
            map.insert(name.to_owned(), value);
        }
    };
    put("n", figure.n.into());
    put("ns", figure.ns.into());
    put("open_n", figure.open_n.into());
    put("open_ns", figure.open_ns.into());
    put("pre_n", figure.pre_n.into());
    put("pre_ns", figure.pre_ns.into());
    if let Some(worst) = figure.worst {
        let [p50, p90, p99] =
            figure.values(analysis).percentiles([50, 90, 99]).map(|p| p.min(worst.ns));
        put("max", worst.ns.into());
        put("p50", p50.into());
        put("p90", p90.into());
        put("p99", p99.into());
        put("worst", instance(worst));
    }
    if let Some(longest) = figure.longest() {
        let mut value = instance(longest);
        value["ns"] = longest.ns.into();
        put("longest", value);
    }
    Value::Object(map)
}

fn instance(instance: ide::figures::Instance) -> Value {
    let mut value = json!({ "start": instance.start.0 });
    if instance.g.is_some() {
        value["g"] = instance.g.0.into();
    }
    value
}
