//! `waitline pprof`: a profile by stack, in the format of `go tool pprof`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use flate2::{Compression, write::GzEncoder};
use ide::Analysis;
use ide::profiles::{Profile, Sample, profile, profile_in};
use ide::scope::Scope;
use ide::summary::Keep;
use prost::Message;

use crate::traces::What;

use super::analyses::summarize;
use super::part::Part;
use super::{Opened, TraceArg, open, say};
use crate::kept::Cache;

/// Writes a profile by stack, for go tool pprof.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
net, sync, syscall and sched are those of `go tool trace -pprof` (Go 1.26), stack by stack; they leave \
out what is still under way at the end and what came before a goroutine first ran. The others leave \
out nothing but the former.

Examples:
  waitline pprof trace.out --type sync -o sync.pb.gz && go tool pprof -top sync.pb.gz
  waitline pprof trace.out --type waits --open -o waits.pb.gz
  waitline pprof trace.out --type sync --region db --min 1ms -o slow.pb.gz")]
pub(crate) struct Args {
    #[command(flatten)]
    trace: TraceArg,
    /// Which profile.
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    profile: Type,
    /// Where to write it, gzipped.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Count what was still under way at the trace's end, too.
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    part: Part,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Type {
    /// Blocked on the network
    Net,
    /// Blocked on channels, selects and the sync package
    Sync,
    /// In system calls
    Syscall,
    /// Waiting for a P, on the stack of who made the goroutine able to run
    Sched,
    /// Blocked, for any reason
    Waits,
    /// Blocked, in system calls or waiting for a P
    Offcpu,
    /// Waiting for a P, where the goroutine itself stands
    SchedOwn,
    /// Helping the garbage collector, on the allocating line
    Assist,
    /// Running, on the stack where each run ended
    Running,
    /// Samples of the CPU profiler: how many, without times
    Cpu,
}

pub(crate) fn run(args: &Args, cache: &Cache) -> anyhow::Result<()> {
    let which = match args.profile {
        Type::Net => Profile::Net,
        Type::Sync => Profile::Sync,
        Type::Syscall => Profile::Syscall,
        Type::Sched => Profile::Sched,
        Type::Waits => Profile::Waits,
        Type::Offcpu => Profile::OffCpu,
        Type::SchedOwn => Profile::SchedOwn,
        Type::Assist => Profile::Assist,
        Type::Running => Profile::Running,
        Type::Cpu => Profile::Cpu,
    };
    let what = if args.part.is_all() { What::Figures } else { What::Lives };
    // A part is cut of the lives, which are not kept.
    let none = Cache::none();
    let cache = if args.part.is_all() { cache } else { &none };
    let opened = open(&args.trace.trace, what, cache)?;
    let Opened { loaded, .. } = &opened;
    let analysis = &loaded.analysis;
    args.part.check(analysis)?;
    let mut lacks = "that part of the trace has nothing of this kind".to_owned();
    let samples = match &analysis.stays {
        Some(stays) if !args.part.is_all() => {
            let (its, summary) = summarize(&args.trace, Keep::ALL)?;
            // Both passes number what they meet in the file's order: their rows are the same.
            anyhow::ensure!(
                its.stamp == loaded.stamp,
                "{}: it changed while it was read",
                crate::traces::shown(&args.trace.trace)
            );
            lacks = args.part.lacks(analysis, &summary).unwrap_or(lacks);
            let wish = args.part.wish(analysis, &summary);
            let scope = Scope::new(analysis, &summary, None, &wish);
            profile_in(analysis, stays, &summary, &scope, which, args.open)
        }
        _ => profile(analysis, which, args.open),
    };
    let write = || std::fs::write(&args.output, gzipped(analysis, &samples)?);
    write()
        .with_context(|| format!("{}: cannot be written", crate::traces::shown(&args.output)))?;
    if samples.is_empty() {
        let why = match args.profile {
            Type::Cpu if args.part.is_all() => {
                "samples are in a trace only if the CPU profiler runs, too (go test -trace trace.out -cpuprofile cpu.out)"
            }
            _ if args.part.is_all() => "the trace has nothing of this kind",
            _ => &lacks,
        };
        say(&format!("the profile is empty: {why}"));
    }
    opened.keep();
    Ok(())
}

/// The profile as a file for `go tool pprof`.
///
/// # Errors
/// It cannot be compressed.
pub(crate) fn gzipped(analysis: &Analysis, samples: &[Sample]) -> std::io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&encode(analysis, samples))?;
    gzip.finish()
}

/// The profile as bytes, not compressed.
fn encode(analysis: &Analysis, samples: &[Sample]) -> Vec<u8> {
    let mut made =
        Maker { analysis, strings: Strings::default(), profile: proto::Profile::default() };
    made.strings.id("");
    made.profile.period_type = Some(made.strings.value_type("trace", "count"));
    made.profile.period = 1;
    made.profile.sample_type = vec![
        made.strings.value_type("contentions", "count"),
        made.strings.value_type("delay", "nanoseconds"),
    ];
    made.profile.duration_nanos = analysis.duration();
    let mut locations = std::collections::HashMap::new();
    let mut functions = std::collections::HashMap::new();
    for sample in samples {
        let location_id = sample
            .frames
            .iter()
            .map(|&f| {
                let next = locations.len() as u64 + 1;
                *locations.entry(f).or_insert_with(|| {
                    made.add_location(next, f, &mut functions);
                    next
                })
            })
            .collect();
        let value = vec![i64::try_from(sample.spent.n).unwrap_or(i64::MAX), sample.spent.ns];
        made.profile.sample.push(proto::Sample { location_id, value });
    }
    made.profile.string_table = made.strings.list;
    made.profile.encode_to_vec()
}

struct Maker<'a> {
    analysis: &'a Analysis,
    strings: Strings,
    profile: proto::Profile,
}

impl Maker<'_> {
    fn add_location(
        &mut self,
        id: u64,
        frame: exectrace::FrameId,
        functions: &mut std::collections::HashMap<(exectrace::StrId, exectrace::StrId), u64>,
    ) {
        let frame = self.analysis.tables.frame(frame);
        let next = functions.len() as u64 + 1;
        let function_id = *functions.entry((frame.func, frame.file)).or_insert_with(|| {
            let name = self.strings.id(self.analysis.str(frame.func));
            let filename = self.strings.id(self.analysis.str(frame.file));
            let function = proto::Function { id: next, name, system_name: name, filename };
            self.profile.function.push(function);
            next
        });
        let line = vec![proto::Line { function_id, line: i64::from(frame.line) }];
        self.profile.location.push(proto::Location { id, address: frame.pc, line });
    }
}

#[derive(Default)]
struct Strings {
    list: Vec<String>,
    ids: std::collections::HashMap<String, i64>,
}

impl Strings {
    fn id(&mut self, s: &str) -> i64 {
        if let Some(&id) = self.ids.get(s) {
            return id;
        }
        let id = self.list.len() as i64;
        self.list.push(s.to_owned());
        self.ids.insert(s.to_owned(), id);
        id
    }

    fn value_type(&mut self, r#type: &str, unit: &str) -> proto::ValueType {
        proto::ValueType { r#type: self.id(r#type), unit: self.id(unit) }
    }
}

/// The messages of pprof's `profile.proto`, as far as they are written.
mod proto {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Profile {
        #[prost(message, repeated, tag = "1")]
        pub(super) sample_type: Vec<ValueType>,
        #[prost(message, repeated, tag = "2")]
        pub(super) sample: Vec<Sample>,
        #[prost(message, repeated, tag = "4")]
        pub(super) location: Vec<Location>,
        #[prost(message, repeated, tag = "5")]
        pub(super) function: Vec<Function>,
        #[prost(string, repeated, tag = "6")]
        pub(super) string_table: Vec<String>,
        #[prost(int64, tag = "10")]
        pub(super) duration_nanos: i64,
        #[prost(message, optional, tag = "11")]
        pub(super) period_type: Option<ValueType>,
        #[prost(int64, tag = "12")]
        pub(super) period: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct ValueType {
        #[prost(int64, tag = "1")]
        pub(super) r#type: i64,
        #[prost(int64, tag = "2")]
        pub(super) unit: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Sample {
        #[prost(uint64, repeated, tag = "1")]
        pub(super) location_id: Vec<u64>,
        #[prost(int64, repeated, tag = "2")]
        pub(super) value: Vec<i64>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Location {
        #[prost(uint64, tag = "1")]
        pub(super) id: u64,
        #[prost(uint64, tag = "3")]
        pub(super) address: u64,
        #[prost(message, repeated, tag = "4")]
        pub(super) line: Vec<Line>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Line {
        #[prost(uint64, tag = "1")]
        pub(super) function_id: u64,
        #[prost(int64, tag = "2")]
        pub(super) line: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Function {
        #[prost(uint64, tag = "1")]
        pub(super) id: u64,
        #[prost(int64, tag = "2")]
        pub(super) name: i64,
        #[prost(int64, tag = "3")]
        pub(super) system_name: i64,
        #[prost(int64, tag = "4")]
        pub(super) filename: i64,
    }
}
