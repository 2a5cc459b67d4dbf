//! What a person means who writes it otherwise: `waitline help`, `waitline trace.out`, `-`.

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, Read, Write};
use std::path::Path;

use anyhow::Context;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The arguments as the commands take them: `help COMMAND`, `version` and `record ... -run X` are
/// flags there.
pub(crate) fn words(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    match args.get(1).and_then(|word| word.to_str()) {
        Some("help") => {
            args.remove(1);
            args.push("--help".into());
        }
        Some("version") if args.len() == 2 => args[1] = "--version".into(),
        _ => {}
    }
    super::record::as_go_writes(args.into_iter())
}

/// Writes a trace from standard input to a file, and its name in the place of `-`; the file lasts as long
/// as what comes back.
///
/// # Errors
/// There is nothing to read, or no room for it.
pub(crate) fn from_stdin(args: &mut [OsString]) -> anyhow::Result<Option<tempfile::TempDir>> {
    // There it is where an answer goes.
    let writes = |arg: &OsStr| arg == "-o" || arg == "--output";
    let at = (2..args.len()).find(|&i| args[i] == "-" && !writes(&args[i - 1]));
    let Some(at) = at else { return Ok(None) };
    let mut stdin = std::io::stdin().lock();
    if stdin.is_terminal() {
        anyhow::bail!("-: standard input is a terminal (pipe a trace into it, or name a file)");
    }
    let mut write = || -> std::io::Result<_> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("stdin");
        let mut file = std::fs::File::create(&path)?;
        // One byte more than a trace may have is enough to say so.
        std::io::copy(&mut (&mut stdin).take(crate::unwrap::MAX_BYTES + 1), &mut file)?;
        file.flush()?;
        Ok((dir, path))
    };
    let (dir, path) = write().context("-: standard input cannot be kept in a file")?;
    args[at] = path.into();
    Ok(Some(dir))
}

/// What to write instead, where somebody names a file in the place of a command.
pub(crate) fn instead(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let path = Path::new(word);
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    let shown = crate::traces::shown(path);
    if ending == "go" {
        return Some(format!("{shown} is no command (try: waitline annotate TRACE {shown})"));
    }
    let is_trace = path.is_file() || matches!(ending, "trace" | "out" | "gz" | "zst" | "zip");
    is_trace.then(|| format!("{shown} is no command (try: waitline report {shown})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_flags() {
        let words = |line: &str| {
            let words = words(line.split(' ').map(OsString::from));
            words.join(OsStr::new(" ")).into_string().unwrap_or_default()
        };
        for (typed, meant) in [
            ("waitline help", "waitline --help"),
            ("waitline help record test", "waitline record test --help"),
            ("waitline version", "waitline --version"),
            ("waitline report help", "waitline report help"),
            ("waitline record test . -run X", "waitline record test . --run X"),
        ] {
            assert_eq!(words(typed), meant);
        }
    }

    #[test]
    fn a_dash_behind_an_option_is_its_value() {
        for line in
            ["waitline pprof x --type sync -o -", "waitline pprof --output - x", "waitline -"]
        {
            let mut args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let before = args.clone();
            assert!(from_stdin(&mut args).is_ok_and(|dir| dir.is_none()), "{line}");
            assert_eq!(args, before);
        }
    }
}
