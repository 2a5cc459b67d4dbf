//! `waitline explain`: the pages of `docs/` that an answer leads to, for whoever has only the program.

use std::io::Write;

use ide::findings::{CODES, Code};

use super::fill::fill;
use super::{answer, style};

/// Says what a finding means, how it is found, what helps, and when it is wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without a word it lists what there is to explain: the codes of findings, and what figures and verdicts \
mean. The pages are those of the project's docs folder.

Examples:
  waitline explain
  waitline explain slots-exhausted
  waitline explain verdicts               what costly, through, idle and unsure mean")]
pub(crate) struct Args {
    /// The code of a finding; or `verdicts`, `figures`, `findings`.
    #[arg(value_name = "CODE", value_parser = topic)]
    topic: Option<&'static Topic>,
}

/// A page, by the word that is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Topic {
    word: &'static str,
    page: &'static str,
}

macro_rules! topics {
    ($($word:literal: $page:literal),* $(,)?) => {
        [$(Topic { word: $word, page: include_str!(concat!("../../../../docs/", $page, ".md")) }),*]
    };
}

/// Those of the codes in their order, then the others.
static TOPICS: [Topic; CODES.len() + 3] = topics! {
    "lock-contention": "findings/lock-contention",
    "lock-held-while-waiting": "findings/lock-held-while-waiting",
    "convoy": "findings/convoy",
    "stuck-lock": "findings/stuck-lock",
    "stuck-send": "findings/stuck-send",
    "chan-backpressure": "findings/chan-backpressure",
    "slots-exhausted": "findings/slots-exhausted",
    "gave-up": "findings/gave-up",
    "fine-handoff": "findings/fine-handoff",
    "starved": "findings/starved",
    "sleep-in-path": "findings/sleep-in-path",
    "syscall-in-path": "findings/syscall-in-path",
    "serial-fanout": "findings/serial-fanout",
    "straggler": "findings/straggler",
    "one-at-a-time": "findings/one-at-a-time",
    "goroutine-churn": "findings/goroutine-churn",
    "gc-assist-hot": "findings/gc-assist-hot",
    "stw-stall": "findings/stw-stall",
    "leak-suspect": "findings/leak-suspect",
    "wakeup-slow": "findings/wakeup-slow",
    "threads-starved": "findings/threads-starved",
    "findings": "findings/README",
    "verdicts": "verdicts",
    "figures": "figures",
};

/// Words of an answer that have no page of their own.
const WITHIN: [(&str, &str); 5] = [
    ("costly", "verdicts"),
    ("through", "verdicts"),
    ("idle", "verdicts"),
    ("unsure", "verdicts"),
    ("runnable", "figures"),
];

fn topic(word: &str) -> Result<&'static Topic, String> {
    let wanted = WITHIN.iter().find(|within| within.0 == word).map_or(word, |within| within.1);
    if let Some(topic) = TOPICS.iter().find(|topic| topic.word == wanted) {
        return Ok(topic);
    }
    let like = |topic: &&Topic| strsim::jaro_winkler(topic.word, word);
    let nearest = TOPICS.iter().max_by(|a, b| like(a).total_cmp(&like(b)));
    let hint = nearest
        .filter(|topic| like(topic) > 0.8)
        .map_or_else(String::new, |topic| format!("did you mean {}? ", topic.word));
    Err(format!("there is no such code ({hint}waitline explain lists all)"))
}

/// The page of a code, as it is written.
pub(crate) fn page(code: Code) -> Option<&'static str> {
    TOPICS.iter().find(|topic| topic.word == code.as_str()).map(|topic| topic.page)
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut out = answer();
    match args.topic {
        Some(topic) => print(topic.page, &mut out)?,
        None => list(&mut out)?,
    }
    out.flush()?;
    Ok(())
}

fn list(out: &mut impl Write) -> std::io::Result<()> {
    let dim = style::DIM;
    let width = TOPICS.iter().map(|topic| topic.word.len()).max().unwrap_or(0);
    for topic in &TOPICS {
        if topic.word == "findings" {
            writeln!(out)?;
        }
        let what = match Code::parse(topic.word) {
            Some(code) => meaning(code.as_str()),
            None => topic.page.lines().next().unwrap_or_default().trim_start_matches("# "),
        };
        fill(
            out,
            &[
                (style::BOLD, &format!("{:width$}", topic.word)),
                (style::PLAIN, &format!("  {what}")),
            ],
            width + 2,
        )?;
    }
    writeln!(out, "\n{dim}waitline explain CODE tells all of one{dim:#}")
}

/// What a code means, as the index of the findings has it.
fn meaning(code: &str) -> &'static str {
    let index = TOPICS[CODES.len()].page;
    let row = index.lines().find(|line| line.starts_with(&format!("| [`{code}`]")));
    row.and_then(|row| row.split('|').nth(2)).unwrap_or_default().trim()
}

/// A page for a terminal: its text, with heads in bold, and links by what they are called.
fn print(page: &str, out: &mut impl Write) -> std::io::Result<()> {
    let mut is_code = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code {
            writeln!(out, "    {line}")?;
        } else if let Some(head) = line.strip_prefix('#') {
            let head = head.trim_start_matches('#').trim_start();
            writeln!(out, "{}{head}{:#}", style::BOLD, style::BOLD)?;
        } else if line.starts_with('|') || line.starts_with("    ") {
            writeln!(out, "{}", without_links(line))?;
        } else {
            let text = line.trim_start();
            let indent = line.len() - text.len() + if text.starts_with("- ") { 2 } else { 0 };
            fill(out, &[(style::PLAIN, &without_links(line))], indent)?;
        }
    }
    Ok(())
}

/// `[verdicts](../verdicts.md)` by what it is called.
fn without_links(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('[') {
        let link = after.split_once("](").and_then(|(name, tail)| {
            let (_, tail) = tail.split_once(')')?;
            (!name.contains('[')).then_some((name, tail))
        });
        text += before;
        match link {
            Some((name, tail)) => {
                text += name;
                rest = tail;
            }
            None => {
                text.push('[');
                rest = after;
            }
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_page_in_the_program() {
        for (code, topic) in CODES.iter().zip(&TOPICS) {
            assert_eq!(topic.word, code.as_str());
            assert!(topic.page.starts_with(&format!("# {}\n", code.as_str())), "{}", topic.word);
            assert!(!meaning(code.as_str()).is_empty(), "{}", topic.word);
        }
    }

    #[test]
    fn words_find_their_page() {
        assert_eq!(topic("convoy").map(|t| t.word), Ok("convoy"));
        assert_eq!(topic("idle").map(|t| t.word), Ok("verdicts"));
        assert!(topic("slot-exhausted").is_err_and(|why| why.contains("slots-exhausted")));
        assert!(topic("xyz").is_err_and(|why| !why.contains("mean")));
    }

    #[test]
    fn links_are_told_by_their_names() {
        assert_eq!(without_links("see [a](b.md), [`c`](d) and x[i]"), "see a, `c` and x[i]");
    }
}
