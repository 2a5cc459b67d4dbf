//! Lines are followed through changes of their files, and never a wrong one is taken for sure.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]
// All traces of all versions, and the programs that made them: too many to be listed.
#![allow(clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::need::{code_of, statement_of};
use super::*;
use crate::analysis::Builder;
use crate::go_source::GoSource;
use crate::line_map::{LineMap, TextBuffer, TextPosition, TextRange};
use crate::placement::{Placement, SourceFile};
use crate::sources::{Mapper, Module, Workspace};
use crate::view::{View, Word};

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(path)
}

/// The files of the bundled programs, by the path that they have in the tests' workspace.
fn programs() -> Vec<(String, String)> {
    files_of("programs")
}

fn files_of(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for dir in std::fs::read_dir(testdata(folder)).unwrap().flatten() {
        let Ok(entries) = std::fs::read_dir(dir.path()) else { continue };
        for file in entries.flatten().filter(|f| f.path().extension().is_some_and(|e| e == "go")) {
            let name = file.path().strip_prefix(testdata(folder)).unwrap().to_owned();
            let text = std::fs::read_to_string(file.path()).unwrap();
            files.push((format!("/ws/{}", name.to_str().unwrap()), text));
        }
    }
    files.sort();
    files
}

fn analysis(trace: &str) -> crate::Analysis {
    analysis_of(&std::fs::read(testdata(trace)).unwrap())
}

fn analysis_of(bytes: &[u8]) -> crate::Analysis {
    let mut builder = Builder::new().with_stays();
    builder.space(bytes.len()).copy_from_slice(bytes);
    builder.filled(bytes.len());
    builder.finish().unwrap()
}

fn source(path: &str, text: &str) -> Arc<SourceFile> {
    let text: Arc<str> = text.into();
    Arc::new(SourceFile { path: path.to_owned(), source: GoSource::parse(&text), text })
}

/// A trace in a workspace with these files.
fn view(trace: &str, files: &[(String, String)]) -> View {
    view_of(trace, "example.com/workload", analysis(trace), files)
}

fn view_of(
    trace: &str,
    module: &str,
    analysis: crate::Analysis,
    files: &[(String, String)],
) -> View {
    let workspace = Workspace {
        roots: vec!["/ws".to_owned()],
        modules: vec![Module { dir: "/ws".to_owned(), path: module.to_owned() }],
        files: files.iter().map(|(path, _)| path.clone()).collect(),
        ..Workspace::default()
    };
    let mut read = |path: &str| {
        files.iter().find(|(name, _)| name == path).map(|(name, text)| source(name, text))
    };
    let placement = Placement::new(&analysis, &Mapper::new(workspace), &mut read);
    View::new(trace.to_owned(), analysis, placement, &Word::default())
}

/// All sites: file, line, state, and the function.
fn sites(view: &View) -> Vec<(String, u32, State, String)> {
    let mut all = Vec::new();
    for file in 0..view.placement.files.len() as u32 {
        let file = crate::placement::FileId(file);
        let path = view.placement.source(file).path.clone();
        for site in view.sites.lines(file) {
            let func = view.analysis.str(site.func).to_owned();
            all.push((path.clone(), site.line, site.state, func));
        }
    }
    all
}

fn all_traces() -> Vec<String> {
    let mut names = Vec::new();
    for go in ["g121", "g122", "g125", "g126", "g127"] {
        for file in std::fs::read_dir(testdata(&format!("traces/{go}"))).unwrap().flatten() {
            let name = file.file_name().into_string().unwrap();
            if name.ends_with(".trace") {
                names.push(format!("traces/{go}/{name}"));
            }
        }
    }
    names.sort();
    names
}

#[test]
fn the_statement_of_a_line_is_what_stands_before_its_comment() {
    for (line, statement) in [
        ("\tx := <-in // comes \"late\"", "x := <-in"),
        (r#"get("http://a", `\`, '"') // a"#, r#"get("http://a", `\`, '"')"#),
        (r#"say("\"//\"")//"#, r#"say("\"//\"")"#),
        ("// alone", ""),
    ] {
        assert_eq!(statement_of(line), statement);
    }
}

/// Of a file that is the recorded one every line is exact, in traces of all versions.
#[test]
fn the_recorded_files_are_exact() {
    let files = programs();
    let (mut n, mut n_traces, mut wrong) = (0, 0, Vec::new());
    for trace in all_traces() {
        n_traces += 1;
        for (path, line, state, func) in sites(&view(&trace, &files)) {
            n += 1;
            if state != State::Exact {
                wrong.push(format!("{trace}: {path}:{} {func} {state:?}", line + 1));
            }
        }
    }
    eprintln!("{n} lines of {n_traces} traces, {} not exact", wrong.len());
    assert!(n > 500, "{n}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same of the programs whose waiting is known.
#[test]
fn the_files_of_known_programs_are_exact() {
    let files = files_of("truth");
    let (mut n, mut wrong) = (0, Vec::new());
    for file in std::fs::read_dir(testdata("truth/traces")).unwrap().flatten() {
        let name = file.file_name().into_string().unwrap();
        if !name.ends_with(".trace") {
            continue;
        }
        let trace = analysis(&format!("truth/traces/{name}"));
        for (path, line, state, func) in sites(&view_of(&name, "example.com/truth", trace, &files))
        {
            n += 1;
            if state != State::Exact {
                wrong.push(format!("{name}: {path}:{} {func} {state:?}", line + 1));
            }
        }
    }
    assert!(n > 300, "{n}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A trace of a file `main.go`: each comment `//@` at a line's end is a stack of a goroutine that stopped there,
/// leaf first. Frames of `main` stand on the line itself; a reason in brackets is that of a wait, or `syscall`.
fn recorded(text: &str) -> crate::Analysis {
    let mut strings: Vec<String> = vec!["preempted".into(), "/ws/main.go".into(), "x.go".into()];
    let mut id = |text: &str| match strings.iter().position(|s| s == text) {
        Some(at) => at + 1,
        None => {
            strings.push(text.to_owned());
            strings.len()
        }
    };
    let (mut stacks, mut events) = (String::new(), String::new());
    let (mut n, mut n_frames, mut n_calls) = (0, 0, 0);
    for (line, text) in (1..).zip(text.lines()) {
        let Some((_, stack)) = text.split_once("//@ ") else { continue };
        let (reason, frames) = match stack.strip_prefix('[').and_then(|s| s.split_once("] ")) {
            Some((reason, frames)) => (Some(reason), frames),
            None => (None, stack),
        };
        n += 1;
        stacks += &format!("  Stack id={n}\n");
        for func in frames.split(' ') {
            let is_main = func.starts_with("main.") && !func.contains("._C");
            let (file, line) = if is_main { (2, line) } else { (3, 7) };
            n_frames += 1;
            stacks += &format!("    pc={n_frames} func={} file={file} line={line}\n", id(func));
        }
        let stops = |event: &str, reason: usize, stack: usize| {
            format!("{event} dt=100 reason_string={reason} stack={stack}")
        };
        let event = match reason {
            Some("syscall") => {
                n_calls += 1;
                let call = format!("GoSyscallBegin dt=1 p_seq={n_calls} stack={n}");
                format!("{call}\n  GoSyscallEnd dt=100\n  {}", stops("GoStop", 1, 0))
            }
            Some(reason) => stops("GoBlock", id(reason), n),
            None => stops("GoStop", 1, n),
        };
        // What is blocked stays so: each has a goroutine of its own.
        events += &format!(
            "  GoCreate dt=1 new_g={g} new_stack=0 stack=0\n  GoStop dt=1 reason_string=1 stack=0\n  \
             GoStart dt=1 g={g} g_seq=1\n  {event}\n  \
             GoStart dt=1 g=1 g_seq={n}\n",
            g = n + 1,
        );
    }
    let strings: String =
        (1..).zip(&strings).map(|(id, text)| format!("  String id={id} \"{text}\"\n")).collect();
    let text = format!(
        "go 1.26\nbatch gen=1 m=-1 time=1000\n  Sync\n  Frequency freq=1000000000\n  \
         ClockSnapshot dt=0 mono=1 sec=2 nsec=3\nbatch gen=1 m=1 time=1000\n  \
         ProcStatus dt=1 p=0 pstatus=1\n  GoStatus dt=1 g=1 m=1 gstatus=2\n{events}\
         batch gen=1 m=-1 time=1000\n  Strings\n{strings}\
         batch gen=1 m=-1 time=1000\n  Stacks\n{stacks}EndOfGeneration\n"
    );
    analysis_of(&exectrace::text::read(&text).unwrap())
}

/// The lines that were recorded of a file, from 1, and what they are in another text of it.
fn recorded_in(text: &str, now: &str) -> Vec<(u32, State)> {
    let files = [("/ws/main.go".to_owned(), now.to_owned())];
    let view = view_of("t", "example.com/t", recorded(text), &files);
    let place = |frame| Some((frame, view.placement.place(frame)?));
    let lines: std::collections::BTreeSet<(u32, State)> = view
        .placement
        .placed()
        .into_iter()
        .filter_map(place)
        .map(|(frame, place)| (view.analysis.tables.frame(frame).line, place.state))
        .collect();
    lines.into_iter().collect()
}

/// What runs need not have the name that stands on its line.
const VALUES: &str = r#"package main

import "C"

type codec struct {
	dial func() error
	codecs
}

func hash(kind int) hash.Hash {
	made, ok := kinds[kind]
	if !ok {
		panic(kind)
	}
	return made() //@ crypto/md5.New main.hash
}

func (c *codec) read(run func(), other codec) error {
	run() //@ example.com/kit.get main.(*codec).read
	c.dial() //@ net.(*Dialer).DialContext main.(*codec).read
	other.parts.Decode(1) //@ encoding/json.decode main.(*codec).read
	handlers[3]()(nil) //@ net/http.Handle main.(*codec).read
	time.Sleep(1) //@ time.Sleep main.(*codec).read
	repeat(get)
}

func verify(data []byte) {
	if C.verify(nil, nil) != 1 { //@ runtime.cgocall main._Cfunc_verify main.verify.func1 main.verify
		return
	}
	ready := make(chan int, 1) //@ [chan receive] runtime.gcBgMarkStartWorkers runtime.gcStart runtime.mallocgc main.verify
	known := map[string]int{} //@ [syscall] runtime.notetsleepg runtime.gcBgMarkStartWorkers runtime.gcStart runtime.mallocgc main.verify
}
"#;

#[test]
fn a_value_has_not_the_name_of_what_it_runs() {
    let lines = recorded_in(VALUES, VALUES);
    assert_eq!(lines.len(), VALUES.matches("//@").count(), "{lines:?}");
    let wrong: Vec<_> = lines.iter().filter(|(_, state)| *state != State::Exact).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Where a value is called, a line is not taken for the recorded one if that stands elsewhere.
#[test]
fn a_value_hides_no_change() {
    let in_function = |body: &str| format!("package main\n\nfunc f(run func()) {{\n{body}\n}}\n");
    let check = |recorded: &str, now: &str, state: State| {
        let lines = recorded_in(&in_function(recorded), &in_function(now));
        let states: Vec<State> = lines.into_iter().map(|(_, state)| state).collect();
        assert_eq!(states, [state], "{recorded}\n{now}");
    };
    let flush = "\tw.Flush() //@ bufio.(*Writer).Flush main.f";
    check(flush, "\tw.Flush()", State::Exact);
    check(flush, "\tw.Write(nil)", State::Doubtful);
    check(flush, "\trun()\n\tw.Flush()", State::Shifted);
    check(flush, "\trun()\n\tw.Flush()\n\tw.Flush()", State::Doubtful);
    check(flush, "\tx := 1", State::Lost);
    // Between lines that are where they were, the value ran what another line calls by its name.
    let source = in_function(
        "\ta.Reset() //@ bytes.(*Buffer).Reset main.f\n\trun() //@ bufio.(*Writer).Flush main.f\n\tb.Close() //@ os.(*File).Close main.f\n\tw.Flush()",
    );
    let lines = recorded_in(&source, &source);
    assert!(lines.iter().all(|line| line.1 == State::Exact) && lines.len() == 3, "{lines:?}");
    // A field that holds no function is no value, nor is a name in a comment a call.
    for field in ["Write, Read int", "Write []byte"] {
        let with = |body: &str| format!("{}\ntype stats struct{{ {field} }}\n", in_function(body));
        let lines = recorded_in(&with(flush), &with("\tw.Write(nil)"));
        assert_eq!(lines.into_iter().map(|line| line.1).collect::<Vec<_>>(), [State::Doubtful]);
    }
    check(flush, "\tw.Reset() // was flush()", State::Doubtful);
    let receive = "\tx := <-in //@ [chan receive] runtime.chanrecv1 main.f";
    check(receive, "\trun()\n\tx := <-in", State::Shifted);
    check(receive, "\trun()", State::Doubtful);
}

/// How often something is done: `WAITLINE_FULL` is the share of what is meant to be done at length, in
/// per cent.
fn times(full: usize, bounded: usize) -> usize {
    let percent = std::env::var("WAITLINE_FULL").ok().and_then(|p| p.parse::<usize>().ok());
    percent.map_or(bounded, |percent| (full * percent / 100).max(bounded))
}

/// No numbers but these: a failure must come again.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

/// What people put into a Go file, and take out of it: a line number and the lines there.
fn edit(numbers: &mut Numbers, buffer: &TextBuffer) -> (TextRange, String) {
    let n = buffer.n_lines() as usize;
    let line = numbers.below(n) as u32;
    let text = |line: u32| buffer.line(line).unwrap_or_default().to_owned();
    let at = |line: u32, character: usize| TextPosition { line, character: character as u32 };
    let end = |line: u32| text(line).encode_utf16().count();
    let whole = TextRange { start: at(line, 0), end: at(line, end(line)) };
    let insert = TextRange { start: at(line, 0), end: at(line, 0) };
    let other = text(numbers.below(n) as u32);
    match numbers.below(12) {
        0 | 1 => (insert, "\n".repeat(1 + numbers.below(3))),
        2 => (insert, "\t// a comment\n".to_owned()),
        3 => (insert, "\tmu.Lock()\n".to_owned()),
        4 => (insert, "\ttime.Sleep(time.Millisecond)\n".to_owned()),
        5 => (insert, format!("{other}\n")),
        6 if (line as usize) + 1 < n => {
            let end = (line + 1 + numbers.below(3) as u32).min(n as u32 - 1);
            (TextRange { start: at(line, 0), end: at(end, 0) }, String::new())
        }
        7 => (whole, format!("\t{}", text(line))),
        8 => (whole, format!("{} // why", text(line))),
        9 => (whole, text(line).replace("mu", "lock").replace("ch", "queue")),
        10 => (whole, other),
        _ => {
            let column = numbers.below(end(line) + 1);
            let to = (column + numbers.below(3)).min(end(line));
            let part = ["x", "(", "\n", "}", " "][numbers.below(5)];
            (TextRange { start: at(line, column), end: at(line, to) }, part.to_owned())
        }
    }
}

/// While a document is edited: what is exact or moved has the recorded code, on a line of its own.
#[test]
fn live_edits_never_make_a_wrong_line_sure() {
    let n_scripts = times(20_000, 600);
    let files = programs();
    let mut numbers = Numbers(7);
    let mut counts = std::collections::BTreeMap::new();
    for trace in ["traces/g126/webmix.trace", "traces/g126/leak.trace"] {
        let view = view(trace, &files);
        for script in 0..n_scripts / 2 {
            let file = crate::placement::FileId(numbers.below(view.placement.files.len()) as u32);
            let base = view.placement.source(file).text.clone();
            let mut buffer = TextBuffer::new(base.to_string());
            let mut map = LineMap::new(base.clone());
            for _ in 0..1 + numbers.below(12) {
                let (range, text) = edit(&mut numbers, &buffer);
                map.edit(buffer.apply(range, &text).unwrap(), &buffer);
            }
            let map = Arc::new(map);
            let lines = Lines::new(&view, file, map.clone(), Some(&buffer), Mode::Mark);
            let mut seen = std::collections::BTreeMap::new();
            for site in view.sites.lines(file) {
                let Some(now) = lines.current(site.line) else {
                    *counts.entry("lost").or_insert(0) += 1;
                    continue;
                };
                *counts.entry(now.state.as_str()).or_insert(0) += 1;
                let (was, is) = (map.base_line(site.line), buffer.line(now.line).unwrap());
                let what = format!("{trace} script {script}: {was:?} on {is:?}");
                assert_eq!(lines.recorded(now.line), Some(site.line), "{what}");
                assert_eq!(seen.insert(now.line, site.line), None, "{what}");
                match now.state {
                    State::Exact => assert!(was == is && now.line == site.line, "{what}"),
                    State::Shifted => assert_eq!(code_of(was), code_of(is), "{what}"),
                    State::Doubtful => assert!(!is.trim().is_empty(), "{what}"),
                    State::Lost => panic!("{what}"),
                }
            }
        }
    }
    eprintln!("{n_scripts} edit scripts, lines: {counts:?}");
    assert!(counts["shifted"] > 500 && counts["doubtful"] > 50, "{counts:?}");
}

/// A file that was changed before the trace was loaded: what is exact or moved holds what the trace
/// tells of the line.
#[test]
fn a_changed_file_never_makes_a_wrong_line_sure() {
    let n_scripts = times(3_000, 300);
    let files = programs();
    let mut numbers = Numbers(11);
    let mut counts: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    let mut n_right = 0;
    let mut n_wrong: std::collections::BTreeMap<&str, Vec<String>> =
        std::collections::BTreeMap::new();
    for (trace, path) in [
        ("traces/g126/webmix.trace", "/ws/webmix/db.go"),
        ("traces/g126/webmix.trace", "/ws/webmix/server.go"),
        ("traces/g126/leak.trace", "/ws/leak/main.go"),
    ] {
        let original = view(trace, &files);
        let file = original.placement.file_at(path).unwrap();
        let base = original.placement.source(file).text.clone();
        for script in 0..n_scripts / 3 {
            let mut buffer = TextBuffer::new(base.to_string());
            let mut map = LineMap::new(base.clone());
            for _ in 0..1 + numbers.below(4) {
                let (range, text) = edit(&mut numbers, &buffer);
                map.edit(buffer.apply(range, &text).unwrap(), &buffer);
            }
            let changed: Vec<(String, String)> = files
                .iter()
                .map(|(name, text)| {
                    let text = if name == path { buffer.text().to_owned() } else { text.clone() };
                    (name.clone(), text)
                })
                .collect();
            let now = view(trace, &changed);
            let Some(there) = now.placement.file_at(path) else { continue };
            // By recorded frame: where it stands, and where its line really is.
            for frame in original.placement.placed() {
                let was = original.placement.place(frame).unwrap();
                let Some(is) = now.placement.place(frame).filter(|p| p.file == there) else {
                    continue;
                };
                if was.file != file || now.sites.line(there, is.line).is_none() {
                    continue;
                }
                *counts.entry(is.state.as_str().to_owned()).or_default() += 1;
                if is.state >= State::Doubtful {
                    continue;
                }
                let recorded = code_of(map.base_line(was.line));
                let painted = code_of(buffer.line(is.line).unwrap_or_default());
                // The line that it really is: itself, or what it was made of in its place.
                let really =
                    Lines::new(&original, file, Arc::new(map.clone()), Some(&buffer), Mode::Mark);
                let is_it = really.current(was.line).is_some_and(|now| now.line == is.line);
                if is_it || recorded == painted {
                    n_right += 1;
                } else {
                    let what = format!(
                        "{trace} script {script}: {recorded:?} as {:?} on {painted:?}",
                        is.state
                    );
                    n_wrong.entry(is.state.as_str()).or_default().push(what);
                }
            }
        }
    }
    let n = |state: State| n_wrong.get(state.as_str()).map_or(0, Vec::len);
    eprintln!(
        "{n_scripts} changed files, frames: {counts:?}; of those that are sure {n_right} right, {} wrong as exact, {} wrong as moved",
        n(State::Exact),
        n(State::Shifted)
    );
    for wrong in n_wrong.get(State::Exact.as_str()).into_iter().flatten() {
        eprintln!("{wrong}");
    }
    let all = n_wrong.values().flatten().cloned().collect::<Vec<_>>().join("\n");
    // At full length 4 of 70,032: another lock on the very line, which the trace cannot tell from the
    // recorded one. So nobody can know it without the recorded text.
    let most = if n_scripts > 300 { n_right / 10_000 } else { 0 };
    assert!(n(State::Exact) <= most, "{all}");
    // An operation was taken away and another of its kind put elsewhere: nobody can know.
    assert!(n(State::Shifted) * 100 <= n_right, "{all}");
}
