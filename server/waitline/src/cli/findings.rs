//! `waitline findings`: what is worth telling about a trace.

use std::io::Write;

use exectrace::FrameId;
use ide::Analysis;
use ide::findings::Finding;
use ide::judged::Depth;
use ide::placement::Placement;
use serde_json::{Value, json};

use super::fill::fill;
use super::own_code::OwnCodeArgs;
use super::places::Here;
use super::{TraceArg, answer, json_row, open, style};
use crate::kept::Cache;
use crate::traces::What;

/// Shows what is worth a look: lines with a code, what was found, and the evidence.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each finding stands on a line of your code: of the workspace, if the trace's files are found in it, \
else by the names of the functions. Some are about the whole trace. `waitline explain CODE` says what \
one means, how it is found and what helps. With --json each line is an object with `code`, `severity`, \
`file`, `line` (\"\" and 0 for the whole trace), `func`, `message`, `detail`, `related` and `ns`, its \
cost.

Examples:
  waitline findings trace.out
  waitline findings trace.out --workspace ~/src/shop
  waitline findings trace.out --user example.com/shop,main
  waitline findings trace.out --json | jq -r .code")]
pub(crate) struct Args {
    #[command(flatten)]
    trace: TraceArg,
    #[command(flatten)]
    own: OwnCodeArgs,
    /// Print JSON instead, one object a finding.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, cache: &Cache) -> anyhow::Result<()> {
    let mut opened = open(&args.trace.trace, What::Lives, cache)?;
    let (own, judged) = opened.judged(Depth::Findings, |analysis| {
        let own = args.own.for_people(analysis)?;
        let question = own.question(analysis);
        Ok((own, question))
    })?;
    let mut found = judged.map(|judged| judged.found).unwrap_or_default();
    let analysis = &opened.loaded.analysis;
    own.tell(analysis);
    found.name_places(analysis, own.placement.as_ref());
    let found = found.findings;
    let here = Here::new(own.root.as_deref());
    let names = Names { analysis, placement: own.placement.as_ref(), here };
    let mut out = answer();
    if args.json {
        for finding in &found {
            json_row(&mut out, names.json(finding), analysis)?;
        }
    } else if found.is_empty() {
        writeln!(out, "No findings in {} events.", ide::units::count(analysis.events))?;
    } else {
        for finding in &found {
            names.print(finding, &mut out)?;
        }
        let (first, dim) = (found[0].code.as_str(), style::DIM);
        writeln!(out)?;
        let how = format!("what one means and what helps: waitline explain {first}");
        fill(&mut out, &[(dim, &how)], 0)?;
    }
    out.flush()?;
    drop(out);
    opened.keep();
    Ok(())
}

struct Names<'a> {
    analysis: &'a Analysis,
    placement: Option<&'a Placement>,
    here: Here,
}

impl Names<'_> {
    /// The file of a frame, in the workspace where there is one, and its line from 1.
    fn file_line(&self, frame: FrameId) -> (String, u32) {
        let recorded = self.analysis.tables.frame(frame);
        let placed = self.placement.and_then(|p| Some((p, p.place(frame)?)));
        match placed {
            Some((placement, place)) => (placement.source(place.file).path.clone(), place.line + 1),
            None => (self.analysis.str(recorded.file).to_owned(), recorded.line),
        }
    }

    fn place(&self, frame: FrameId) -> String {
        let (file, line) = self.file_line(frame);
        self.here.place(&file, line)
    }

    fn print(&self, finding: &Finding, out: &mut impl Write) -> anyhow::Result<()> {
        let (bold, dim, plain) = (style::BOLD, style::DIM, style::PLAIN);
        let place = finding.frame.map_or_else(|| "whole trace".to_owned(), |f| self.place(f));
        let head = format!("{place}: {}", finding.code.as_str());
        fill(out, &[(bold, &head), (plain, ":"), (plain, &format!(" {}", finding.message))], 4)?;
        for related in &finding.related {
            let head = format!("    {}:", self.place(related.frame));
            fill(out, &[(dim, &head), (plain, &format!(" {}", related.text))], 8)?;
        }
        Ok(())
    }

    fn json(&self, finding: &Finding) -> Value {
        let (file, line) = finding.frame.map_or((String::new(), 0), |f| self.file_line(f));
        let func =
            finding.frame.map_or("", |f| self.analysis.str(self.analysis.tables.frame(f).func));
        let related: Vec<Value> = finding
            .related
            .iter()
            .map(|related| {
                let (file, line) = self.file_line(related.frame);
                json!({ "file": file, "line": line, "text": related.text })
            })
            .collect();
        json!({
            "code": finding.code.as_str(),
            "severity": finding.severity.as_str(),
            "file": file,
            "line": line,
            "func": func,
            "message": finding.message,
            "detail": finding.detail,
            "related": related,
            "ns": finding.ns,
        })
    }
}
