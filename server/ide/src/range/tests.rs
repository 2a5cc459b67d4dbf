#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::path::Path;

use exectrace::{GoId, Nanos, StackId, Tables, Version};
use proptest::prelude::*;

use super::{Index, Window, window};
use crate::Analysis;
use crate::analysis::Builder;
use crate::blame::Blame;
use crate::causes::{Cause, CauseId, Causes};
use crate::figures::{Instance, Slot, SlotId, Totals};
use crate::jobs::InTurn;
use crate::lines::is_user_by_name;
use crate::stays::{StayKind, StayLocal, Stays};
use crate::verdicts::{Facts, Verdicts, judge};

/// A span as the slow model has it.
#[derive(Debug, Clone, Copy)]
struct Span {
    slot: SlotId,
    g: u64,
    start: i64,
    end: i64,
    open: bool,
}

/// Where waits, calls and wakers stand, in the tests' traces.
const STACKS: u32 = 4;

/// By stack: waiting, in a system call, runnable after it, runnable before a first run, sweeping.
fn slot(kind: u32, stack: u32) -> SlotId {
    SlotId(stack * 5 + kind)
}

fn slots() -> Vec<Slot> {
    let kind = |stack, cause, early| Slot::new(cause, StackId(stack), early);
    let of = |stack| {
        [
            kind(stack, Causes::SLEEP, false),
            kind(stack, Causes::SYSCALL, false),
            kind(stack, Causes::SCHED_OWN, false),
            kind(stack, Causes::SCHED, true),
            kind(stack, CauseId(9), false),
        ]
    };
    (0..STACKS).flat_map(of).collect()
}

/// Where a goroutine of the model stands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Runnable(SlotId),
    Running,
    Still(StayKind, SlotId),
    Gone,
}

struct Life {
    g: u64,
    local: StayLocal,
    state: State,
    since: i64,
    ran: bool,
}

/// A lawful trace from steps that are not: each says who moves, after how long, and a choice.
fn trace(steps: &[(usize, i64, u8)]) -> (Analysis, Vec<Span>) {
    let mut stays = Stays::default();
    let (mut spans, mut lives, mut t, mut n) = (Vec::new(), Vec::<Life>::new(), 0, 0);
    for &(who, after, choice) in steps {
        t += after;
        let now = Nanos(t);
        let at = u32::from(choice) % STACKS;
        let by = lives.iter().find(|l| l.state == State::Running).map_or(0, |l| l.g);
        let by = if by == 0 { GoId::NONE } else { GoId(by) };
        let by_stack = if by == GoId::NONE { 0 } else { at };
        if who >= lives.len() || lives[who].state == State::Gone {
            n += 1;
            let g = n;
            let mut local = StayLocal::default();
            stays.born(&mut local, GoId(g), now, by, StackId(by_stack), StackId(0));
            // Some are created blocked.
            let state = if choice >= 230 {
                stays.begins(&mut local, now);
                State::Still(StayKind::Wait, slot(0, at))
            } else {
                let first = slot(3, by_stack);
                stays.starts(&local, first);
                State::Runnable(first)
            };
            let life = Life { g, local, state, since: t, ran: false };
            match lives.get_mut(who) {
                Some(gone) => *gone = life,
                None => lives.push(life),
            }
            continue;
        }
        let life = &mut lives[who];
        let span = |slot| Span { slot, g: life.g, start: life.since, end: t, open: false };
        let next = match life.state {
            State::Runnable(slot) => {
                spans.push(span(slot));
                stays.runs(&life.local, now, None);
                life.ran = true;
                State::Running
            }
            State::Running => match choice % 8 {
                0..=3 => {
                    stays.begins(&mut life.local, now);
                    State::Still(StayKind::Wait, slot(0, at))
                }
                4 | 5 => {
                    stays.begins(&mut life.local, now);
                    State::Still(StayKind::Syscall, slot(1, at))
                }
                6 => {
                    stays.stops(&mut life.local, slot(2, at), now);
                    State::Runnable(slot(2, at))
                }
                _ => {
                    stays.dies(&life.local, now);
                    State::Gone
                }
            },
            State::Still(kind, was) => {
                spans.push(span(was));
                // A call may end without a wait for a P.
                let runs = kind == StayKind::Syscall && choice % 2 == 0;
                match kind {
                    StayKind::Syscall => stays.returns(&mut life.local, was, now, !runs),
                    _ => stays.wakes(&mut life.local, was, now, by, StackId(by_stack)),
                }
                if runs {
                    life.ran = true;
                    State::Running
                } else if life.ran {
                    State::Runnable(slot(2, was.0 / 5))
                } else {
                    State::Runnable(slot(3, by_stack))
                }
            }
            State::Gone => State::Gone,
        };
        life.state = next;
        life.since = t;
        if choice % 16 == 0 {
            let (start, end) = (t - after * 3, t);
            stays.range(slot(4, at), GoId(1), Nanos(start), Nanos(end), false);
            spans.push(Span { slot: slot(4, at), g: 1, start, end, open: false });
        }
    }
    let end = Nanos(t + 5);
    for life in &lives {
        let slot = match life.state {
            State::Runnable(slot) => {
                stays.stays_runnable(&life.local, end, None);
                slot
            }
            State::Still(kind, slot) => {
                stays.stays_open(&life.local, kind, slot, end);
                slot
            }
            _ => continue,
        };
        spans.push(Span { slot, g: life.g, start: life.since, end: end.0, open: true });
    }
    stays.close();
    let mut totals = Totals::default();
    totals.end = end;
    let analysis = Analysis {
        tables: Tables::default().into(),
        causes: Causes::default(),
        slots: slots(),
        wakers: Vec::new(),
        totals,
        queued: None,
        stays: Some(stays.into()),
        version: Version::GO_1_26,
        events: 0,
        bytes: 0,
        problem: None,
        cut: None,
        sound_bytes: 0,
        lost_until: None,
        tail: None,
        next_trace: None,
        notes: Vec::new(),
    };
    (analysis, spans)
}

/// Every span cut by itself.
fn slowly(spans: &[Span], t0: i64, t1: i64) -> Vec<Slot> {
    let mut slots = slots();
    for span in spans {
        let (from, to) = (span.start.max(t0), span.end.min(t1));
        if from < to {
            let slot = &mut slots[span.slot.0 as usize];
            if span.open && t1 >= span.end {
                slot.add_open(GoId(span.g), Nanos(span.start), to - from, None);
            } else {
                slot.add(GoId(span.g), Nanos(span.start), to - from);
            }
        }
    }
    slots
}

type Row = (u64, i64, u64, i64, i64, i64, u64, [i64; 3]);

/// All of a slot that does not depend on the order of its spans.
fn row(slot: &Slot) -> Row {
    let values = slot.values.percentiles([50, 90, 99]);
    let (worst, cut) = (slot.worst.ns, slot.cut_worst.ns);
    (slot.n, slot.ns, slot.open_n, slot.open_ns, worst, cut, slot.values.len(), values)
}

/// The longest of a slot is a span of the trace.
fn is_span(worst: Instance, spans: &[Span]) -> bool {
    worst.ns < 0 || spans.iter().any(|s| s.g == worst.g.0 && s.start == worst.start.0)
}

fn steps() -> impl Strategy<Value = Vec<(usize, i64, u8)>> {
    let after = prop_oneof![1i64..50, 1i64..5_000, Just(6_000_000_000)];
    prop::collection::vec((0usize..12, after, any::<u8>()), 1..600)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn windows_are_those_of_the_slow_way(steps in steps(), a in 0.0..1.2, b in 0.0..1.2) {
        let (analysis, spans) = trace(&steps);
        let index = Index::new(&analysis).unwrap();
        let at = |x: f64| Nanos((analysis.duration() as f64 * x) as i64);
        let got = window(&analysis, &index, None, at(a), at(b));
        let want = if a < b { slowly(&spans, at(a).0, at(b).0) } else { slots() };
        for (got, want) in got.slots.iter().zip(&want) {
            prop_assert_eq!(row(got), row(want));
            prop_assert!(is_span(got.worst, &spans) && is_span(got.cut_worst, &spans));
        }
    }

    #[test]
    fn tiles_add_up_to_the_whole(steps in steps(), n in 1i64..20) {
        let (analysis, _) = trace(&steps);
        let index = Index::new(&analysis).unwrap();
        tiles_add_up(&analysis, &index, None, n);
    }
}

/// Nanoseconds by slot, with those of open spans.
fn times(slots: &[Slot]) -> Vec<i64> {
    slots.iter().map(|s| s.ns + s.open_ns).collect()
}

fn verdict_times(window: &Window) -> Vec<[i64; 4]> {
    window.sums.iter().map(|s| s.ns).collect()
}

fn tiles_add_up(analysis: &Analysis, index: &Index, verdicts: Option<&Verdicts>, n: i64) {
    let end = analysis.duration();
    let whole = window(analysis, index, verdicts, Nanos(0), Nanos(end));
    let mut sum = vec![0; whole.slots.len()];
    let mut judged = vec![[0; 4]; whole.sums.len()];
    let mut woken = 0;
    for i in 0..n {
        let edge = |i: i64| Nanos((i128::from(end) * i128::from(i) / i128::from(n)) as i64);
        let tile = window(analysis, index, verdicts, edge(i), edge(i + 1));
        sum.iter_mut().zip(times(&tile.slots)).for_each(|(sum, ns)| *sum += ns);
        for (sum, ns) in judged.iter_mut().zip(verdict_times(&tile)) {
            (0..4).for_each(|v| sum[v] += ns[v]);
        }
        woken += tile.wakers.iter().map(|w| w.n).sum::<u64>();
    }
    assert_eq!(sum, times(&whole.slots));
    assert_eq!(judged, verdict_times(&whole));
    assert_eq!(woken, whole.wakers.iter().map(|w| w.n).sum::<u64>());
}

/// A bundled trace with all that is judged of it.
fn bundled(name: &str) -> (Analysis, Verdicts) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/traces");
    let bytes = std::fs::read(folder.join(format!("{name}.trace"))).unwrap();
    let mut builder = Builder::new().with_stays();
    builder.space(bytes.len()).copy_from_slice(&bytes);
    builder.filled(bytes.len());
    let analysis = builder.finish().unwrap();
    let user = |f| is_user_by_name(analysis.str(analysis.tables.frame(f).func));
    let facts = Facts::new(&analysis, &user);
    let (verdicts, _) = judge(&analysis, facts, &|_| None, &InTurn(1)).unwrap();
    (analysis, verdicts)
}

/// Whether a window has the slot, as its definition says.
fn is_in_windows(analysis: &Analysis, slot: &Slot) -> bool {
    match analysis.causes.cause(slot.cause) {
        Cause::SchedOwn => !slot.early,
        Cause::Sched => slot.early,
        Cause::Syscall | Cause::Range(_) => true,
        cause => cause.is_wait(),
    }
}

const BUNDLED: [&str; 15] = [
    "g122/annot",
    "g122/gcmix",
    "g122/leak",
    "g122/mandel-seq-cpu",
    "g125/leak-trimpath",
    "g125/webmix-3s-trimpath",
    "g126/annot",
    "g126/annot-3s",
    "g126/gcmix",
    "g126/leak",
    "g126/leak-386",
    "g126/mandel-pixel",
    "g126/webmix",
    "g127/pipeline-3s",
    "real/nats-server-forky",
];

/// n, open_n, all time and the longest, by cause and stack. The whole trace's figures keep waits
/// before a first run apart, and nobody who shows them does.
fn by_cause(
    analysis: &Analysis,
    slots: &[Slot],
) -> BTreeMap<(CauseId, StackId), (u64, u64, i64, i64)> {
    let mut sums = BTreeMap::new();
    for slot in slots.iter().filter(|s| is_in_windows(analysis, s)) {
        let sum = sums.entry((slot.cause, slot.stack)).or_insert((0, 0, 0, -1));
        sum.0 += slot.n;
        sum.1 += slot.open_n;
        sum.2 += slot.ns + slot.open_ns + slot.pre_ns;
        sum.3 = slot.worst.ns.max(slot.cut_worst.ns).max(sum.3);
    }
    sums
}

/// A span from before the trace counts as one that began with it: its time is all in one place.
#[test]
fn the_window_of_all_is_the_whole() {
    for name in BUNDLED {
        let (analysis, verdicts) = bundled(name);
        let index = Index::new(&analysis).unwrap();
        let end = Nanos(analysis.duration());
        let whole = window(&analysis, &index, Some(&verdicts), Nanos(0), end);
        let (got, want) = (by_cause(&analysis, &whole.slots), by_cause(&analysis, &analysis.slots));
        for (key, want) in &want {
            let at = (name, analysis.causes.name(key.0), analysis.stack(key.1));
            assert_eq!(&got[key], want, "{at:?}");
        }
        let sums: Vec<[i64; 4]> = verdicts.sums.iter().map(|s| s.ns).collect();
        assert_eq!(verdict_times(&whole), sums, "{name}");
        let woken = |w: &[crate::figures::Waker]| -> Vec<_> {
            w.iter().map(|w| (w.slot, w.stack, w.n)).collect()
        };
        assert_eq!(woken(&whole.wakers), woken(&analysis.wakers), "{name}");
        tiles_add_up(&analysis, &index, Some(&verdicts), 7);
    }
}

#[test]
fn no_time_has_no_figures() {
    let (analysis, verdicts) = bundled("g126/webmix");
    let index = Index::new(&analysis).unwrap();
    let end = analysis.duration();
    let outside = [(5, 5), (9, 5), (-9, -5), (-9, 0), (end, end + 9), (end + 5, i64::MAX)];
    for (t0, t1) in outside.into_iter().chain([(i64::MAX, i64::MIN)]) {
        let got = window(&analysis, &index, Some(&verdicts), Nanos(t0), Nanos(t1));
        let time: i64 = times(&got.slots).iter().sum();
        assert_eq!((time, got.wakers.len()), (0, 0), "{t0} {t1}");
    }
    let wide = window(&analysis, &index, Some(&verdicts), Nanos(i64::MIN), Nanos(i64::MAX));
    let whole = window(&analysis, &index, Some(&verdicts), Nanos(0), Nanos(end));
    assert_eq!(times(&wide.slots), times(&whole.slots));
}

/// Blame of a window is that of the parts of waits in it: as much time as they have, and that of tiles adds
/// up to the whole trace's.
#[test]
fn blame_of_windows() {
    for name in BUNDLED {
        let (analysis, verdicts) = bundled(name);
        let index = Index::new(&analysis).unwrap();
        let (end, n) = (analysis.duration(), 7);
        let len = analysis.stays.as_ref().unwrap().len();
        let sum = |blame: &Blame, sums: &mut BTreeMap<_, i64>| {
            for slot in 0..analysis.slots.len() as u32 {
                for &(slot, end, ns) in blame.of(SlotId(slot)) {
                    *sums.entry((slot, end)).or_default() += ns;
                }
            }
        };
        let (mut whole, mut tiles) = (BTreeMap::new(), BTreeMap::new());
        sum(&Blame::new(&analysis, &verdicts.facts).unwrap(), &mut whole);
        for i in 0..n {
            let (t0, t1) = (Nanos(end * i / n), Nanos(end * (i + 1) / n));
            let rows = index.stays_between(t0, t1).filter(|row| (row.0 as usize) < len);
            let blame = Blame::in_window(&analysis, &verdicts.facts, rows, (t0.0, t1.0)).unwrap();
            let slots = window(&analysis, &index, Some(&verdicts), t0, t1).slots;
            for (id, slot) in (0u32..).zip(&slots) {
                let cause = analysis.causes.cause(slot.cause);
                if cause.is_wait() || cause == Cause::Syscall {
                    let ns: i64 = blame.of(SlotId(id)).iter().map(|b| b.2).sum();
                    assert_eq!(ns, slot.ns + slot.open_ns, "{name}: tile {i}, slot {id}");
                }
            }
            sum(&blame, &mut tiles);
        }
        assert!(!whole.is_empty());
        assert_eq!(tiles, whole, "{name}");
    }
}
