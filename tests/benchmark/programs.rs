//! Programs, run in processes of their own: what each takes of the processor and of memory.

use std::path::Path;
use std::process::Command;

/// What a run took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Took {
    /// Of the processor, user and system, in seconds.
    pub(crate) cpu: f64,
    /// By the clock, in seconds.
    pub(crate) wall: f64,
    /// Of memory at most, in bytes; 0 where nobody tells.
    pub(crate) peak: u64,
}

/// A command and its arguments.
pub(crate) type Argv = Vec<String>;

pub(crate) fn argv(parts: &[&str]) -> Argv {
    parts.iter().map(|part| (*part).to_owned()).collect()
}

/// A part of this program, in a process of its own.
pub(crate) fn part(name: &str, file: &Path) -> Argv {
    let this = std::env::current_exe().unwrap();
    argv(&[this.to_str().unwrap(), "--part", name, file.to_str().unwrap()])
}

/// A command of the product.
pub(crate) fn ours(args: &[&str]) -> Argv {
    let mut all = argv(&[crate::product::binary().to_str().unwrap()]);
    all.extend(argv(args));
    all
}

/// What a command says on standard output.
pub(crate) fn said(argv: &Argv) -> String {
    let output = Command::new(&argv[0]).args(&argv[1..]).output();
    let output = output.unwrap_or_else(|e| panic!("{argv:?}: {e}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{argv:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn has_time() -> bool {
    let told = Command::new("/usr/bin/time").args(["-f", "%M", "true"]).output();
    told.is_ok_and(|told| told.status.success())
}

/// Runs a command. Bash tells its times by the millisecond, `/usr/bin/time` its memory.
fn run(argv: &Argv) -> Took {
    let file = tempfile::NamedTempFile::new().unwrap();
    let script = r#"TIMEFORMAT='%3U %3S %3R'; time "$@" >/dev/null 2>&1"#;
    let mut command = Command::new("bash");
    command.args(["-c", script, "bash"]).env("LC_ALL", "C");
    let has_time = has_time();
    if has_time {
        command.args(["/usr/bin/time", "-q", "-f", "%M", "-o"]).arg(file.path());
    }
    let output = command.args(argv).output().unwrap_or_else(|e| panic!("bash: {e}"));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{argv:?} ended with {}: {told}", output.status);
    let times: Vec<f64> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [user, system, wall] = times[..] else { panic!("{argv:?}: {told}") };
    let peak = std::fs::read_to_string(file.path()).unwrap();
    let peak = peak.trim().parse::<u64>().unwrap_or(0) << 10;
    Took { cpu: user + system, wall, peak }
}

/// Runs commands by turns, and gives the medians of each.
pub(crate) fn by_turns(commands: &[Argv], rounds: usize) -> Vec<Took> {
    let mut all = vec![Vec::new(); commands.len()];
    for _ in 0..rounds {
        for (command, took) in commands.iter().zip(&mut all) {
            took.push(run(command));
        }
    }
    let median = |mut values: Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let of = |took: &[Took], field: fn(&Took) -> f64| median(took.iter().map(field).collect());
    all.iter()
        .map(|took| Took {
            cpu: of(took, |t| t.cpu),
            wall: of(took, |t| t.wall),
            peak: of(took, |t| t.peak as f64) as u64,
        })
        .collect()
}

/// What a running process took so far of the processor (in seconds, by hundredths) and of memory at
/// most (bytes), where the system tells.
pub(crate) fn so_far(id: u32) -> Option<(f64, u64)> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // Behind the name, which may hold blanks.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let peak = peak.split_whitespace().next()?.parse::<u64>().ok()?;
    Some((ticks / 100.0, peak << 10))
}

/// How much memory is free for programs, in bytes, where the system tells.
pub(crate) fn free_memory() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}

/// How busy the machine is: processes that ran or waited to, over the last minute.
pub(crate) fn load() -> String {
    let told = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    told.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("not known").to_owned()
}
