//! `waitline timeline`: the timeline of a trace, as a page in the browser.

use std::io::Write;
use std::path::PathBuf;

use super::{TraceArg, answer, say};
use crate::kept::Cache;
use crate::lsp::Page;
use crate::paths::canonical;

/// Shows a trace over time, as a page in the browser.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The page is served on this machine only (127.0.0.1), to the browser that opens the file whose path is \
printed; only you can read that file, and it may be opened again. It ends with Ctrl+C, or half an hour after the page was closed. \
Sources are looked for in the module around the current folder, or in that folder.

Examples:
  waitline timeline trace.out
  waitline timeline trace.out --workspace ~/src/shop
  waitline timeline trace.out --no-open
  waitline timeline trace.out --port 6060       at a port that is known, for a tunnel to it")]
pub(crate) struct Args {
    #[command(flatten)]
    trace: TraceArg,
    /// The folder that holds the source [default: the module around the current folder, or that folder].
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Print the path of the file that leads to the page, and open nothing.
    #[arg(long)]
    no_open: bool,
    /// Serve it at this port of 127.0.0.1; 0 is any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Open it at a place: what stands behind the `#` of a link that the page copied.
    #[arg(long, value_name = "KEY=VALUE&...", value_parser = place)]
    at: Option<serde_json::Value>,
}

/// What a link of the page says after its `#`.
fn place(link: &str) -> Result<serde_json::Value, String> {
    let fragment = link.rsplit_once('#').map_or(link, |(_, fragment)| fragment);
    let mut url = lsp_types::Url::parse("link:/").map_err(|error| error.to_string())?;
    url.set_query(Some(fragment));
    let pairs: serde_json::Map<_, _> = url
        .query_pairs()
        .map(|(key, value)| (key.into_owned(), value.into_owned().into()))
        .collect();
    if pairs.is_empty() || pairs.keys().any(String::is_empty) {
        return Err("it is not KEY=VALUE, or several of these with & between".into());
    }
    Ok(serde_json::Value::Object(pairs))
}

pub(crate) fn run(args: &Args, cache: Cache) -> anyhow::Result<()> {
    let root = args.workspace.clone().unwrap_or_else(crate::workspace::unnamed);
    crate::workspace::check_folder(&root)?;
    let root = canonical(&root)?;
    let nothing = serde_json::Value::Null;
    let at = args.at.as_ref().unwrap_or(&nothing);
    let ready = |path: &std::path::Path| {
        let mut out = answer();
        writeln!(out, "{}", path.display())?;
        out.flush()?;
        let opened = !args.no_open && opener::open(path).is_ok();
        if !opened {
            say("open that file in a browser; Ctrl+C ends it");
        }
        Ok(())
    };
    let partial = |partial: &str| {
        say(&format!("warning: {} is {partial}", crate::traces::shown(&args.trace.trace)));
    };
    let page = Page { at, watches: !args.no_open, port: args.port };
    crate::lsp::serve_page(&args.trace.trace, root, cache, page, ready, partial)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::place;

    #[test]
    fn a_link_leads_to_its_place() {
        let link = "http://127.0.0.1:1/#lane=p%3A0&t=5&func=main.(*server).run";
        for link in [link, "lane=p:0&t=5&func=main.(*server).run"] {
            let place = place(link).unwrap();
            assert_eq!(place["lane"], "p:0");
            assert_eq!((&place["t"], &place["func"]), (&"5".into(), &"main.(*server).run".into()));
        }
        for odd in ["", "#", "=5"] {
            assert!(place(odd).is_err(), "{odd}");
        }
    }
}
