#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write as _;
use std::sync::atomic::AtomicBool;

use exectrace::Reader;
use ide::Analysis;

use super::*;
use crate::traces::What;

/// Those of several generations: of the formats that mark a generation's end, and of those that do not.
const TRACES: [&str; 4] =
    ["g125/webmix-3s-trimpath", "g126/annot-3s", "g127/pipeline-3s", "real/nats-server-forky"];

fn bundled(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/traces");
    fs::read(folder.join(format!("{name}.trace"))).unwrap()
}

/// Where generations end.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let mut reader = Reader::new();
    reader.feed(bytes);
    reader.finish();
    let generations = std::iter::from_fn(|| reader.next().unwrap());
    generations.map(|g| g.offset() as usize + g.n_bytes()).collect()
}

fn append(path: &Path, bytes: &[u8]) {
    fs::File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// Steps until there is nothing new; gives the last that was not that.
fn read_all(follower: &mut Follower) -> Step {
    let mut last = Step::Same;
    loop {
        match follower.step(u64::MAX) {
            Step::Same => return last,
            step @ (Step::Replaced | Step::Over) => return step,
            step => last = step,
        }
    }
}

fn text(analysis: &Analysis) -> String {
    let Analysis { slots, wakers, totals, events, causes, .. } = analysis;
    let causes: Vec<&str> = causes.ids().map(|id| causes.name(id)).collect();
    // Of a slot what it tells, not how it was summed up.
    let slots: Vec<String> = slots
        .iter()
        .map(|slot| {
            let percentiles = slot.values.percentiles([0, 1, 10, 25, 50, 75, 90, 99, 100]);
            let (n, worst, cut) = (slot.values.len(), slot.worst, slot.cut_worst);
            let sums = (slot.n, slot.ns, slot.open_n, slot.open_ns, slot.pre_n, slot.pre_ns);
            let of = (slot.cause, slot.stack, slot.early);
            format!("{of:?} {sums:?} {worst:?} {cut:?} {n} {percentiles:?}")
        })
        .collect();
    format!("{slots:#?} {wakers:?} {totals:?} {events} {causes:?} {}", analysis.tables.n_stacks())
}

#[test]
fn after_each_generation_it_is_as_a_trace_that_ends_there() {
    for name in TRACES {
        let bytes = bundled(name);
        let dir = tempfile::tempdir().unwrap();
        let (grows, cut) = (dir.path().join("grows.trace"), dir.path().join("cut.trace"));
        fs::write(&grows, &bytes[..20]).unwrap();
        let mut follower = Follower::open(&grows).unwrap();
        let (mut at, mut compared) = (20, 0);
        let ends = ends(&bytes);
        for (n, end) in (1..).zip(ends.iter().copied()) {
            // Where nothing marks an end, the first batch of the next one tells of it.
            let until = ends.get(n as usize).map_or(end, |next| end + (next - end) * 3 / 4);
            for piece in bytes[at..until].chunks(7_000) {
                append(&grows, piece);
                read_all(&mut follower);
            }
            at = until;
            assert_eq!(follower.n_read(), at as u64, "each byte is read, and once");
            if follower.n_generations() < n {
                assert_eq!(until, bytes.len(), "{name}: {n}");
                continue; // the last one, which nothing follows
            }
            fs::write(&cut, &bytes[..end]).unwrap();
            let never = AtomicBool::new(false);
            let whole = traces::load(&cut, What::Figures, &never, |_, _| {}).unwrap();
            let so_far = follower.so_far().unwrap();
            // So much text that a difference is told by its first line.
            let (is, should) = (text(&so_far.analysis), text(&whole.analysis));
            let differs = is.lines().zip(should.lines()).find(|(is, should)| is != should);
            assert_eq!(differs, None, "{name}: {n}");
            assert_eq!(is.len(), should.len(), "{name}: {n}");
            assert!(so_far.analysis.partial().unwrap().contains("still being written"));
            compared += 1;
        }
        assert!(compared >= 2, "{name}: {compared}");
    }
}

#[test]
fn another_version_is_never_taken_for_the_rest() {
    let (bytes, other) = (bundled("g126/annot-3s"), bundled("g127/pipeline-3s"));
    assert!(other.len() > bytes.len());
    type Change = (&'static str, fn(&Path, &[u8], &[u8]));
    let changes: [Change; 6] = [
        ("written anew, longer", |path, _, other| fs::write(path, other).unwrap()),
        ("written anew in place", |path, _, other| {
            let mut file = fs::File::options().write(true).open(path).unwrap();
            file.write_all(other).unwrap();
        }),
        ("cut", |path, bytes, _| {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_len(bytes.len() as u64 / 4).unwrap();
        }),
        ("renamed over", |path, bytes, _| {
            let beside = path.with_extension("new");
            fs::write(&beside, bytes).unwrap();
            fs::rename(beside, path).unwrap();
        }),
        ("gone", |path, _, _| fs::remove_file(path).unwrap()),
        ("another end", |path, bytes, _| {
            // The head is that of the same trace.
            let half = bytes.len() / 2;
            let changed: Vec<u8> = bytes[half - 100..].iter().map(|b| b ^ 1).collect();
            fs::write(path, [&bytes[..half - 100], &changed].concat()).unwrap();
        }),
    ];
    for (what, change) in changes {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trace.out");
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let stamp = Stamp::at(&path).unwrap();
        let seen = Seen::at(&path, &stamp).unwrap();
        let mut follower = Follower::open(&path).unwrap();
        read_all(&mut follower);
        let read = follower.n_read();
        change(&path, &bytes, &other);
        assert_eq!(read_all(&mut follower), Step::Replaced, "{what}");
        assert_eq!(follower.n_read(), read, "{what}: nothing of it is taken");
        assert!(!Stamp::at(&path).is_some_and(|now| seen.has_grown(&path, &now)), "{what}");
    }
}

#[test]
fn what_grows_is_seen_to_and_what_cannot_be_followed_is_not() {
    let bytes = bundled("g126/annot-3s");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trace.out");
    fs::write(&path, &bytes[..9_000]).unwrap();
    let seen = Seen::at(&path, &Stamp::at(&path).unwrap()).unwrap();
    assert!(!seen.has_grown(&path, &Stamp::at(&path).unwrap()), "not yet");
    append(&path, &bytes[9_000..]);
    assert!(seen.has_grown(&path, &Stamp::at(&path).unwrap()));

    for (what, bytes) in [
        ("gzip", bundled("broken/gzip")),
        ("no trace", b"package main, and more than a header".to_vec()),
        ("half a header", bytes[..9].to_vec()),
        ("tables at the end", bundled("g121/leak")),
    ] {
        fs::write(&path, bytes).unwrap();
        assert!(Follower::open(&path).is_none(), "{what}");
    }
    assert!(Follower::open(dir.path()).is_none());
    assert!(Follower::open(&dir.path().join("absent")).is_none());
}

/// What is broken, or takes too much memory, is read no further, and what came before it stands.
#[test]
fn what_came_before_the_end_stands() {
    let mut bytes = bundled("g126/annot-3s");
    let ends = ends(&bytes);
    bytes[ends[0] + 3..ends[0] + 60].fill(0xff);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trace.out");
    fs::write(&path, &bytes[..ends[0]]).unwrap();
    let mut follower = Follower::open(&path).unwrap();
    assert_eq!(read_all(&mut follower), Step::Generation);
    append(&path, &bytes[ends[0]..]);
    let broken = read_all(&mut follower);
    assert!(matches!(broken, Step::Over | Step::Read), "{broken:?}");
    assert_eq!(follower.n_generations(), 1);

    let mut follower = Follower::open(&path).unwrap();
    assert_eq!(follower.step(1 << 10), Step::Generation);
    assert_eq!(follower.step(1 << 10), Step::Over);
    let why = follower.so_far().unwrap().analysis.partial().unwrap();
    assert!(why.contains("of memory that a trace may take"), "{why}");
}
