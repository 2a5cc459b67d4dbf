//! `waitline annotate`: a source file with the figures beside its lines.

use std::io::Write;
use std::path::{Path, PathBuf};

use ide::kinds::Kind;
use ide::sites::SiteLine;
use ide::units::{count, duration};
use ide::view::View;

use crate::traces::What;

use super::{answer, open, say, style};
use crate::kept::Cache;
use crate::workspace;

/// Shows a source file with what each line cost beside it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  waitline annotate internal/db/pool.go --trace trace.out")]
pub(crate) struct Args {
    /// The Go file.
    #[arg(value_name = "FILE.go")]
    file: PathBuf,
    /// The trace file.
    #[arg(long, value_name = "TRACE")]
    trace: PathBuf,
    /// The folder that holds the source [default: the module or folder that the file is in].
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Only functions that cost something.
    #[arg(long)]
    hot: bool,
}

pub(crate) fn run(args: &Args, cache: &Cache) -> anyhow::Result<()> {
    let shown = crate::traces::shown(&args.file);
    let file = args.file.canonicalize().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => anyhow::anyhow!("{shown}: no such file (name a Go file)"),
        _ => anyhow::anyhow!("{shown}: cannot be read: {e}"),
    })?;
    if file.is_dir() || file.extension().is_none_or(|e| e != "go") {
        anyhow::bail!("{shown}: this is no Go file (name one that ends in .go)");
    }
    let source = workspace::read_source(&workspace::slashed(&file))
        .ok_or_else(|| anyhow::anyhow!("{shown}: cannot be read, or is larger than 8 MiB"))?;
    let opened = open(&args.trace, What::Lives, cache)?;
    let root = args.workspace.clone().unwrap_or_else(|| module_of(&file));
    workspace::check_folder(&root)?;
    let (view, keep) = opened.view(root)?;
    let id = view.placement.file_at(&source.path);
    let lines: &[SiteLine] = id.map_or(&[], |id| view.sites.lines(id));
    if lines.is_empty() {
        say(&format!("{shown}: the trace has nothing on this file"));
    }
    let lost = lines.iter().filter(|l| !l.holds).count();
    if lost > 0 {
        say(&format!(
            "warning: {lost} lines of the trace are not where the file has their functions: it has changed since, and they are left out"
        ));
    }
    print(args, &view, &source, lines)?;
    keep.write(&view.analysis);
    Ok(())
}

/// The folder of the go.mod above the file, else the file's own.
fn module_of(file: &Path) -> PathBuf {
    let module = file.ancestors().skip(1).find(|dir| dir.join("go.mod").is_file());
    module.or(file.parent()).unwrap_or(Path::new(".")).to_owned()
}

fn print(
    args: &Args,
    view: &View,
    source: &ide::placement::SourceFile,
    lines: &[SiteLine],
) -> std::io::Result<()> {
    let mut out = answer();
    let dim = style::DIM;
    writeln!(out, "{dim}{:>9} {:>8} {:>8}  {:10}{dim:#}", "total", "number", "max", "cause")?;
    let hot: Vec<_> = source
        .source
        .functions()
        .iter()
        .filter(|f| {
            lines.iter().any(|l| l.holds && f.lines.contains(l.line) && !l.parts.is_empty())
        })
        .map(|f| f.lines)
        .collect();
    let mut gap = false;
    for (number, text) in source.text.lines().enumerate() {
        let line = number as u32;
        if args.hot && !hot.iter().any(|span| span.contains(line)) {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) {
            writeln!(out, "{dim}{:>45}{dim:#}", "⋮")?;
        }
        let site = lines.binary_search_by_key(&line, |l| l.line).ok().map(|i| &lines[i]);
        let parts = site.filter(|s| s.holds).map_or(&[][..], |s| &s.parts);
        let text = text.replace('\t', "    ");
        match parts.split_first() {
            None => writeln!(out, "{:38} {dim}{:>5}{dim:#}  {text}", "", line + 1)?,
            Some((first, rest)) => {
                writeln!(out, "{} {dim}{:>5}{dim:#}  {text}", row(view, first), line + 1)?;
                for part in rest {
                    writeln!(out, "{dim}{}{dim:#}", row(view, part))?;
                }
            }
        }
    }
    out.flush()
}

/// The figures of a part, 38 columns wide or a little more.
fn row(view: &View, part: &ide::sites::Part) -> String {
    let figure = &part.figure;
    let max = figure.longest().map_or_else(|| ide::units::NONE.to_owned(), |w| duration(w.ns));
    let open = if figure.open_n > 0 && part.kind != Kind::BeforeTrace { "…" } else { "" };
    format!(
        "{:>9} {:>8} {:>8}  {:10}",
        format!("{}{open}", duration(figure.total())),
        format!("{}×", count(figure.count())),
        max,
        ide::text::plain(part.kind.label(&view.analysis)),
    )
}
