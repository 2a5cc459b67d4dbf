//! What is kept of traces: a second opening gives the same answers, byte for byte, whatever happened to
//! the kept file or the trace meanwhile.
//!
//! The bundled traces are too small to be kept. Several of one in a file are not: the first of them is
//! shown, and the second by its number.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use exectrace::FrameId;
use ide::Analysis;
use ide::annotations::annotations;
use ide::hover::{Markup, hover};
use ide::jobs::InTurn;
use ide::judged::{Depth, Judged, Question};
use ide::line_map::LineMap;
use ide::lines::{By, is_user_by_name};
use ide::metric::Metric;
use ide::placement::{FileId, Placement};
use ide::profiles::{Profile, profile};
use ide::staleness::{Lines, Mode};
use ide::view::{MIN_SHOWN_NS, View, Word};
use waitline::kept::{Cache, Keep};
use waitline::traces::{self, Loaded, What};

use crate::answers::files_below;
use crate::numbers::Numbers;
use crate::outcome::{digest, lines_of};
use crate::product::{Run, program, run, testdata};

/// Of every version that is read.
const TRACES: [&str; 9] = [
    "g122/gcmix",
    "g122/leak",
    "g125/webmix-3s-trimpath",
    "g126/annot-3s",
    "g126/gcmix",
    "g126/mandel-pixel",
    "g126/mandel-colworkersbuffered",
    "g126/webmix",
    "g127/pipeline-3s",
];

/// The least length of a trace's file that is kept, and some more.
const ENOUGH: usize = 1 << 20;

/// Until no later write of a file can have the same time.
const SETTLED: Duration = Duration::from_millis(150);

/// Copies of a bundled trace in one file that is large enough to be kept.
fn many(name: &str) -> Vec<u8> {
    let one = fs::read(testdata(&format!("traces/{name}.trace"))).unwrap();
    one.repeat(ENOUGH.div_ceil(one.len()).max(2))
}

fn written(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    std::thread::sleep(SETTLED);
}

/// A folder with a cache in it.
struct Setup {
    dir: tempfile::TempDir,
}

impl Setup {
    fn new() -> Setup {
        Setup { dir: tempfile::tempdir().unwrap() }
    }

    fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    fn trace(&self, name: &str) -> PathBuf {
        let path = self.dir.path().join("trace.out");
        written(&path, &many(name));
        path
    }

    fn waitline(&self, args: &[&str]) -> Run {
        let mut command = program();
        command.args(args).current_dir(testdata("programs")).env("WAITLINE_CACHE", self.cache());
        command.env_remove("COLUMNS");
        run(command, Duration::from_secs(60))
    }

    /// The kept files: a new one has another number, one that is only read keeps its own.
    fn kept(&self) -> Vec<(String, u64)> {
        let names = fs::read_dir(self.cache()).into_iter().flatten().flatten();
        let mut all: Vec<_> = names
            .map(|file| {
                let meta = file.metadata().unwrap();
                let modified = meta.modified().unwrap();
                let number = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
                (file.file_name().to_string_lossy().into_owned(), number as u64)
            })
            .collect();
        all.sort();
        all
    }
}

fn same(first: &Run, second: &Run, what: &str) {
    assert_eq!(first.code, Some(0), "{what}: {}", first.stderr);
    assert_eq!(second.code, Some(0), "{what}: {}", second.stderr);
    assert_eq!(first.stderr, second.stderr, "{what}");
    assert!(first.stdout == second.stdout, "{what}: the second answer is another one");
}

/// The command line says the same when a trace is opened again, and does not load it for that.
#[test]
fn a_second_opening_says_the_same() {
    let mut n = 0;
    for name in TRACES {
        let setup = Setup::new();
        let path = setup.trace(name);
        let trace = path.to_str().unwrap();
        let second = format!("{trace}#2");
        let out = setup.dir.path().join("out.pb.gz");
        let out = out.to_str().unwrap();
        let program = name.split(['/', '-']).nth(1).unwrap();
        let file = testdata(&format!("programs/{program}/main.go"));
        let file = file.to_str().unwrap();
        let commands: &[&[&str]] = &[
            &["report", trace],
            &["report", trace, "--json", "--workspace", program],
            &["report", trace, "--top", "3"],
            &["annotate", file, "--trace", trace],
            &["lines", trace, "--by", "here", "--json"],
            &["lines", trace, "--by", "leaf", "--json"],
            &["lines", trace, "--by", "under", "--json", "--user", "main"],
            &["findings", trace],
            &["findings", trace, "--json", "--workspace", "."],
            &["pprof", trace, "--type", "sync", "-o", out],
            &["pprof", trace, "--type", "offcpu", "--open", "-o", out],
            &["report", &second],
        ];
        for args in commands {
            let what = format!("{name}: {args:?}");
            let profile = || fs::read(out).unwrap_or_default();
            let alone = {
                let args: Vec<&str> = [&["--no-cache"], *args].concat();
                (setup.waitline(&args), profile())
            };
            let first = (setup.waitline(args), profile());
            let kept = setup.kept();
            assert!(!kept.is_empty(), "{what}: nothing is kept");
            let again = (setup.waitline(args), profile());
            same(&alone.0, &first.0, &what);
            same(&first.0, &again.0, &what);
            assert!(alone.1 == first.1 && first.1 == again.1, "{what}: another profile");
            assert_eq!(kept, setup.kept(), "{what}: it was loaded again");
            n += 1;
        }
        assert_eq!(setup.kept().len(), 2, "one for each trace of the file");
    }
    eprintln!("{n} answers, each without a cache, first and again");
}

/// What of a trace is kept, of everything that is kept: the same in the end, for every bundled trace,
/// and for each choice of what is a person's own code.
#[test]
fn what_is_kept_is_what_was_known() {
    let mut n = 0;
    let files = ["traces", "truth/traces"].map(|folder| files_below(&testdata(folder)));
    for path in files.concat().iter().filter(|path| path.extension().is_some_and(|e| e == "trace"))
    {
        let Ok(loaded) = load(path) else { continue };
        let Some(bytes) = loaded.analysis.to_bytes() else {
            assert!(loaded.analysis.problem.is_some(), "{}: not kept", path.display());
            continue;
        };
        let again = Analysis::of_bytes(&bytes);
        let again = again.unwrap_or_else(|| panic!("{}: not read again", path.display()));
        assert_eq!(digest(&again), digest(&loaded.analysis), "{}", path.display());
        assert_eq!(again.to_bytes().unwrap(), bytes, "{}", path.display());
        for of in [by_name, |_: &Analysis, _| true, |_: &Analysis, _| false] {
            let question = Question::new(&again, &|f| of(&again, f), &[], None);
            for depth in [Depth::Verdicts, Depth::Findings, Depth::Groups] {
                let judged =
                    Judged::new(&loaded.analysis, &question, depth, &InTurn(1), &|| true).unwrap();
                let kept = judged.to_bytes(depth).unwrap();
                let read = Judged::of_bytes(&kept, &again, &question, depth);
                let read = read.unwrap_or_else(|| panic!("{}: {depth:?}", path.display()));
                assert_eq!(read.to_bytes(depth).unwrap(), kept);
                assert_eq!(described(&judged), described(&read), "{}", path.display());
                let deeper = [Depth::Findings, Depth::Groups].into_iter().filter(|d| *d > depth);
                for deeper in deeper {
                    let less = Judged::of_bytes(&kept, &again, &question, deeper);
                    assert!(less.is_none(), "what was not asked then is not known now");
                }
                n += 1;
            }
        }
    }
    assert!(n > 200, "{n}");
    eprintln!("{n} judgements read again");
}

/// Whatever a kept file holds, the answers are the right ones, or it is not believed.
#[test]
fn damaged_kept_files_are_not_believed() {
    let setup = Setup::new();
    let path = setup.trace("g126/leak");
    let cache = Cache::at(setup.cache());
    let right = opened(&cache, &path).0;
    assert_eq!(opened(&cache, &path), (right.clone(), true), "it is not kept");
    let file = cache.entries().remove(0).path;
    let whole = fs::read(&file).unwrap();
    let (mut random, mut believed, mut n) = (Numbers(7), 0, 0);
    let mut see = |bytes: &[u8], what: &str| {
        fs::write(&file, bytes).unwrap();
        let seen = catch_unwind(AssertUnwindSafe(|| kept(&cache, &path)));
        let seen = seen.unwrap_or_else(|_| panic!("a panic: {what}"));
        if let Some(seen) = seen {
            assert!(seen == right, "{what}: another answer");
            believed += 1;
        }
        n += 1;
    };
    for _ in 0..1500 {
        let mut bytes = whole.clone();
        let (at, bit) = (random.below(bytes.len()), random.below(8));
        bytes[at] ^= 1 << bit;
        see(&bytes, &format!("bit {bit} of byte {at}"));
    }
    for _ in 0..500 {
        let mut bytes = whole.clone();
        let (at, n) = (random.below(bytes.len()), random.below(64) + 1);
        bytes.iter_mut().skip(at).take(n).for_each(|b| *b = random.below(256) as u8);
        see(&bytes, &format!("{n} bytes from {at} on"));
    }
    for at in (0..200).chain((0..300).map(|_| random.below(whole.len()))) {
        see(&whole[..at], &format!("cut after {at}"));
    }
    for n in [1, 100, 1 << 20] {
        see(&[&whole[..], &vec![0; n]].concat(), &format!("{n} bytes more"));
    }
    // Nothing there says that it is damaged: the bytes behind the parts that are used.
    assert!(believed < 10, "{believed} of {n}");
    // A file of 16 GiB, as far as its length tells.
    File::options().write(true).open(&file).unwrap().set_len(16 << 30).unwrap();
    assert_eq!(kept(&cache, &path), None);
    eprintln!("{n} damaged files, {believed} of them with the right answer");
    // It is loaded as if there were none, and kept anew.
    assert_eq!(opened(&cache, &path), (right.clone(), false));
    assert_eq!(opened(&cache, &path), (right, true));
}

/// Bytes that nobody of ours wrote, with hashes that fit: refused, or a trace that answers.
#[test]
fn made_up_bytes_do_no_harm() {
    let (mut random, mut n, mut read) = (Numbers(11), 0, 0);
    for name in ["g126/annot", "g126/leak", "g122/annot"] {
        let loaded = load(&testdata(&format!("traces/{name}.trace"))).unwrap();
        let whole = loaded.analysis.to_bytes().unwrap();
        let question =
            Question::new(&loaded.analysis, &|f| by_name(&loaded.analysis, f), &[], None);
        let judged =
            Judged::new(&loaded.analysis, &question, Depth::Groups, &InTurn(1), &|| true).unwrap();
        let answer = judged.to_bytes(Depth::Groups).unwrap();
        for round in 0..3000 {
            let mut bytes = if round % 2 == 0 { whole.clone() } else { answer.clone() };
            for _ in 0..=random.below(3) {
                let at = random.below(bytes.len());
                match random.below(6) {
                    0 => bytes[at] ^= 1 << random.below(8),
                    1 => bytes[at] = random.below(256) as u8,
                    2 => bytes[at] = 255,
                    3 => drop(bytes.remove(at)),
                    4 => bytes.insert(at, random.below(256) as u8),
                    // A length without end.
                    _ => drop(bytes.splice(at..at, [255, 255, 255, 255, 255, 255, 255, 255, 127])),
                }
            }
            let started = Instant::now();
            let used = catch_unwind(AssertUnwindSafe(|| match round % 2 {
                0 => Analysis::of_bytes(&bytes).map(|analysis| use_it(analysis, None)),
                _ => Judged::of_bytes(&bytes, &loaded.analysis, &question, Depth::Groups)
                    .map(|judged| use_it(loaded.analysis.clone(), Some(judged))),
            }));
            let used = used.unwrap_or_else(|_| panic!("a panic: {name}, round {round}"));
            read += u32::from(used.is_some());
            n += 1;
            assert!(started.elapsed() < Duration::from_secs(5), "{name}, round {round}");
        }
    }
    eprintln!("{n} made up, {read} of them taken for a trace, and none did harm");
}

/// A trace that is another one now, though its length and its time are the same.
#[cfg(unix)]
#[test]
fn another_trace_is_not_mistaken() {
    let setup = Setup::new();
    let path = setup.trace("g126/leak");
    let trace = path.to_str().unwrap();
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let first = setup.waitline(&["report", trace]);
    same(&first, &setup.waitline(&["report", trace]), "the same");
    // Other bytes, written in place: no length, name or time of the file is another.
    let mut bytes = fs::read(&path).unwrap();
    let other = many("g126/annot");
    let n = bytes.len();
    bytes.copy_from_slice(&other.repeat(3)[..n]);
    let file = File::options().write(true).open(&path).unwrap();
    std::io::Write::write_all(&mut &file, &bytes).unwrap();
    file.set_modified(modified).unwrap();
    drop(file);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), modified);
    let then = setup.waitline(&["report", trace]);
    let alone = setup.waitline(&["report", trace, "--no-cache"]);
    same(&alone, &then, "another trace");
    assert!(first.stdout != then.stdout);
    // Another file under the same name.
    let aside = setup.dir.path().join("aside");
    written(&aside, &many("g126/leak"));
    fs::rename(&aside, &path).unwrap();
    same(&first, &setup.waitline(&["report", trace]), "the first one again");
}

/// One that was just written could be written again in the same tick of the clock; one that is not
/// whole, that is small, or of a file that a person keeps to themselves: nothing of these is kept.
#[test]
fn what_is_not_kept() {
    let setup = Setup::new();
    let path = setup.trace("g126/leak");
    let trace = path.to_str().unwrap();
    let nothing = |args: &[&str], what: &str| {
        setup.waitline(args);
        assert_eq!(setup.kept(), [], "{what}");
    };
    nothing(&["report", trace, "--no-cache"], "--no-cache");
    nothing(&["pprof", trace, "--type", "sync", "--from", "1ms", "-o", "/dev/null"], "a part");
    nothing(&["check-trace", trace], "what looks at the file itself");
    let mut off = program(); // says `off`
    off.args(["report", trace]).env("XDG_CACHE_HOME", setup.cache());
    assert_eq!(run(off, Duration::from_secs(60)).code, Some(0));
    assert_eq!(setup.kept(), [], "off");
    let mut cut = many("g126/webmix");
    cut.truncate(60_000);
    cut.resize(2 * ENOUGH, 0);
    written(&path, &cut);
    nothing(&["report", trace], "not whole");
    written(&path, &fs::read(testdata("traces/g126/leak.trace")).unwrap());
    nothing(&["report", trace], "small");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::create_dir(setup.cache()).unwrap();
        fs::set_permissions(setup.cache(), PermissionsExt::from_mode(0o755)).unwrap();
        written(&path, &many("g126/leak"));
        nothing(&["report", trace], "a folder that others can enter");
        fs::set_permissions(setup.cache(), PermissionsExt::from_mode(0o700)).unwrap();
    }
    setup.waitline(&["report", trace]);
    assert_eq!(setup.kept().len(), 1, "and this is");
}

/// `waitline cache` shows and clears it.
#[test]
fn a_person_can_see_and_clear_it() {
    let setup = Setup::new();
    let path = setup.trace("g126/leak");
    let show = || setup.waitline(&["cache", "show"]).text().to_owned();
    assert!(show().contains(": 0 traces, "), "{}", show());
    setup.waitline(&["report", path.to_str().unwrap()]);
    assert!(show().contains(": 1 trace, ") && show().contains("used just now"), "{}", show());
    let cleared = setup.waitline(&["cache", "clear"]);
    assert!(cleared.text().contains(": 1 trace taken away, "), "{}", cleared.text());
    assert_eq!(setup.kept(), []);
    let off = setup.waitline(&["cache", "show", "--no-cache"]);
    assert_eq!(off.text(), "Nothing is kept: the cache is off.\n");
}

/// Several at once write the same: one of them is there in the end, and nothing else.
#[test]
fn several_write_at_once() {
    let setup = Setup::new();
    let path = setup.trace("g126/gcmix");
    let trace = path.to_str().unwrap();
    let want = setup.waitline(&["report", trace, "--no-cache"]);
    for _ in 0..3 {
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..6)
                .map(|i| {
                    let setup = &setup;
                    let report = ["report", trace].to_vec();
                    let lines = ["lines", trace, "--by", "here", "--json", "--user", "main"];
                    let args = if i % 2 == 0 { report } else { lines.to_vec() };
                    scope.spawn(move || (i, setup.waitline(&args)))
                })
                .collect();
            for one in all {
                let (i, one) = one.join().unwrap();
                assert_eq!(one.code, Some(0), "{}", one.stderr);
                assert!(i % 2 != 0 || one.stdout == want.stdout);
            }
        });
        let kept = setup.kept();
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert!(kept[0].0.ends_with(".kept"));
        same(&want, &setup.waitline(&["report", trace]), "after all of them");
        fs::remove_dir_all(setup.cache()).unwrap();
    }
}

/// Compressed and packed traces open again as plain ones do.
#[test]
fn wrapped_traces_are_kept() {
    let setup = Setup::new();
    let path = setup.dir.path().join("trace.out");
    let trace = path.to_str().unwrap();
    // Stored, not packed: a kept trace has a length.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut gzip, &many("g126/annot-3s")).unwrap();
    written(&path, &gzip.finish().unwrap());
    let first = setup.waitline(&["report", trace]);
    let kept = setup.kept();
    assert_eq!(kept.len(), 1);
    same(&first, &setup.waitline(&["report", trace]), "gzip");
    assert_eq!(kept, setup.kept());
}

fn by_name(analysis: &Analysis, frame: FrameId) -> bool {
    is_user_by_name(analysis.str(analysis.tables.frame(frame).func))
}

fn load(path: &Path) -> Result<Loaded, traces::LoadError> {
    traces::load(path, What::Lives, &AtomicBool::new(false), |_, _| {})
}

/// All that judging told that is not the lives' own.
fn described(judged: &Judged) -> String {
    let Judged { verdicts, blame, found, regions, go_groups, .. } = judged;
    let groups: Vec<_> = go_groups
        .iter()
        .map(|g| (g.created_at, g.started, g.alive_max, g.life_p50, g.run_p50, g.life, g.still))
        .collect();
    let slots: Vec<_> = (0..verdicts.sums.len() as u32).map(ide::figures::SlotId).collect();
    let goroutines: Vec<u64> =
        slots.iter().map(|&slot| verdicts.n_goroutines(std::slice::from_ref(&slot))).collect();
    let ends: Vec<_> = slots.iter().map(|&slot| blame.of(slot).to_vec()).collect();
    format!("{:?} {goroutines:?} {ends:?} {found:?} {regions:?} {groups:?}", verdicts.sums)
}

/// A trace's lines and its judgement; and whether they were kept.
fn opened(cache: &Cache, path: &Path) -> ((u64, String), bool) {
    let mut keep = Keep::find(cache, path);
    let kept = keep.loaded(u64::MAX);
    let is_kept = kept.is_some();
    let loaded = kept.unwrap_or_else(|| keep.load(|| load(path)).unwrap());
    let answer = answer(&mut keep, &loaded).expect("what was kept is judged");
    keep.write(&loaded.analysis);
    (answer, is_kept)
}

/// The same, if all of it is kept.
fn kept(cache: &Cache, path: &Path) -> Option<(u64, String)> {
    let mut keep = Keep::find(cache, path);
    let loaded = keep.loaded(u64::MAX)?;
    answer(&mut keep, &loaded)
}

fn answer(keep: &mut Keep, loaded: &Loaded) -> Option<(u64, String)> {
    let analysis = &loaded.analysis;
    let question = Question::new(analysis, &|f| by_name(analysis, f), &[], None);
    let judged = keep.judged(analysis, &question, Depth::Groups, &|| true)?;
    Some((digest(analysis), described(&judged)))
}

/// Answers of all kinds.
fn use_it(analysis: Analysis, judged: Option<Judged>) {
    for by in [By::Leaf, By::Here, By::Under] {
        for line in lines_of(&analysis, by) {
            for (_, figure) in &line.causes {
                figure.values(&analysis).percentiles([50, 90, 99]);
            }
        }
    }
    profile(&analysis, Profile::OffCpu, true);
    let word = Word::default();
    // As its question was asked: by the names of functions.
    let placement = match judged {
        Some(_) => Placement::default(),
        None => waitline::workspace::place_in(&analysis, &testdata("programs")).unwrap(),
    };
    let question = View::question(&analysis, &placement, &word);
    let view = View::judged_so("a".into(), analysis, placement, &word, question, judged);
    view.summary();
    for file in (0..view.placement.files.len() as u32).map(FileId) {
        let map = Arc::new(LineMap::new(view.placement.source(file).text.clone()));
        let lines = Lines::new(&view, file, map, None, Mode::default());
        ide::lenses::lenses(&view, file, &lines, Metric::Impact);
        let shown = annotations(&view, file, &lines, MIN_SHOWN_NS, Metric::Impact);
        shown.iter().for_each(|a| drop(hover(&view, file, a.line, Markup::Markdown)));
    }
    if let Some(queued) = view.analysis.queued {
        view.waiting_on_average(queued.ns);
    }
    for group in view.go_groups.iter() {
        ide::units::duration(group.life.ns);
        view.frame_name(group.created_at);
    }
    for group in view.regions.iter() {
        group.values.percentiles([50, 90, 99]);
        view.frame_name(group.opened_at);
        view.analysis.str(group.name);
    }
    for finding in &view.findings {
        finding.frame.map(|f| view.frame_name(f));
        finding.related.iter().for_each(|r| drop(view.frame_name(r.frame)));
    }
    let slots: Vec<_> = (0..view.analysis.slots.len() as u32).map(ide::figures::SlotId).collect();
    view.judged(&slots);
    view.n_goroutines(&slots);
    if let Some(blame) = &view.blame {
        let ends = blame.ends(&slots);
        ide::reasons::end_short(&view, &ends, "");
    }
}
