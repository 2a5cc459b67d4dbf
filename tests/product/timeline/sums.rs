//! What windows came to, and which tasks are parts of which, against all spans gone over.

use std::collections::BTreeMap;

use exectrace::{FrameId, GoId, RangeKind, TaskId};
use ide::causes::Cause;
use ide::timeline::{Class, GoRef, Span, Tone, line_of};
use ide::verdicts::Verdict;

use super::{Trace, load, traces};
use crate::product::testdata;

type Lines = BTreeMap<(FrameId, u8), i64>;

/// What counts of a span.
type Counts<'a> = &'a dyn Fn(GoId, i64, i64) -> i64;

/// Every span by itself: time by tone, and costly time by line.
fn slow(trace: &Trace, t0: i64, t1: i64, counts: Counts<'_>) -> (BTreeMap<u8, i64>, Lines) {
    let Trace { view, index, .. } = trace;
    let (mut tones, mut lines) = (BTreeMap::new(), Lines::new());
    for (row, go) in (0..).zip(index.gos.iter()) {
        for span in index.spans(GoRef(row), i64::MIN, i64::MAX) {
            let (from, to) = (span.start.max(t0), span.end.min(t1));
            let ns = if from < to { counts(go.id, from, to) } else { 0 };
            if ns > 0 {
                *tones.entry(span.tone.0).or_default() += ns;
                let site = index.site(&span).unwrap();
                if span.tone.verdict() == Some(Verdict::Costly)
                    && let Some(frame) = line_of(view, site.stack)
                {
                    *lines.entry((frame, site.class as u8)).or_default() += ns;
                }
            }
        }
    }
    // Helping the collector is costly as far as it ran: what stood still has its own spans.
    let row_of: BTreeMap<u64, u32> = index.gos.iter().map(|go| go.id.0).zip(0..).collect();
    let ran = |g: GoId, from: i64, to: i64| -> i64 {
        let Some(&row) = row_of.get(&g.0) else { return counts(g, from, to) };
        let stands = |span: &Span| {
            !matches!(index.site(span).unwrap().class, Class::Running | Class::Assist)
        };
        let spans = index.spans(GoRef(row), from, to);
        let stood = spans.filter(stands).map(|span| {
            let (from, to) = (span.start.max(from), span.end.min(to));
            if from < to { counts(g, from, to) } else { 0 }
        });
        counts(g, from, to) - stood.sum::<i64>()
    };
    for range in &view.analysis.stays.as_ref().unwrap().ranges {
        let slot = &view.analysis.slots[range.slot.0 as usize];
        let cause = view.analysis.causes.cause(slot.cause);
        let (from, to) = (range.start.0.max(t0), range.end.0.min(t1));
        let ns = if from < to { ran(range.g, from, to) } else { 0 };
        if cause == Cause::Range(RangeKind::GcMarkAssist)
            && ns > 0
            && let Some(frame) = line_of(view, slot.stack)
        {
            *lines.entry((frame, Class::Assist as u8)).or_default() += ns;
        }
    }
    (tones, lines)
}

/// The sums of any window, and of any part of it, are those of its spans.
#[test]
fn windows_come_to_what_their_spans_do() {
    let (mut windows, mut costly) = (0, 0);
    for path in traces() {
        let trace = load(&path);
        let Trace { view, index, .. } = &trace;
        let end = index.end;
        // What is judged is what lines and reports count, to the nanosecond.
        let judged = view.verdicts.as_ref().map_or([0; 4], |verdicts| {
            verdicts
                .sums
                .iter()
                .fold([0; 4], |all, sum| std::array::from_fn(|i| all[i] + sum.ns[i]))
        });
        let mut drawn = [0; 4];
        for (tone, ns) in index.sum(view, 0, end, None).by_tone {
            if let Some(verdict) = tone.verdict() {
                drawn[verdict as usize] += ns;
            }
        }
        assert_eq!(drawn, judged, "{path:?}");
        for (t0, t1) in [(0, end), (end / 3, end / 2), (end / 7, end / 7 + end / 100 + 1)] {
            let whole = |_: GoId, from: i64, to: i64| to - from;
            let odd = |g: GoId, from: i64, to: i64| if g.0 % 2 == 1 { to - from } else { 0 };
            for (asked, counts) in [(false, &whole as Counts<'_>), (true, &whole), (true, &odd)] {
                let got = index.sum(view, t0, t1, asked.then_some(counts));
                let (tones, lines) = slow(&trace, t0, t1, counts);
                let by_tone: BTreeMap<u8, i64> =
                    got.by_tone.iter().map(|(tone, ns)| (tone.0, *ns)).collect();
                assert_eq!(by_tone, tones, "{path:?} {t0} to {t1}");
                for line in &got.lines {
                    let want = lines.get(&(line.frame, line.class as u8));
                    assert_eq!(Some(&line.ns), want, "{path:?} {t0} to {t1}");
                }
                assert_eq!(got.lines.len(), lines.len().min(16));
                assert!(got.lines.is_sorted_by_key(|l| std::cmp::Reverse(l.ns)));
                let dearest = lines.values().max();
                assert_eq!(got.lines.first().map(|l| &l.ns), dearest, "{path:?}");
                let length = |s: &(GoRef, Span)| std::cmp::Reverse(s.1.end - s.1.start);
                assert!(got.longest.is_sorted_by_key(length));
                costly += usize::from(!lines.is_empty());
                windows += 1;
            }
        }
    }
    eprintln!("{windows} windows, {costly} with costly lines");
    assert!(windows >= 180 && costly >= 50, "{windows} {costly}");
}

/// All goroutines as one row hold as many as all groups together.
#[test]
fn all_goroutines_are_all_groups() {
    for name in ["g126/webmix", "g126/mandel-pixel"] {
        let Trace { index, .. } = load(&testdata(&format!("traces/{name}.trace")));
        let sum = |tones: &[(Tone, i64)]| tones.iter().map(|t| t.1).sum::<i64>();
        let lives: i64 = index.gos.iter().map(|g| g.end.min(index.end) - g.birth).sum();
        let view = load(&testdata(&format!("traces/{name}.trace"))).view;
        assert_eq!(sum(&index.sum(&view, 0, index.end, None).by_tone), lives, "{name}");
        let window = ide::timeline::Window { t0: 0, t1: index.end, width: 50 };
        let tile = index.tile(&[ide::timeline::Key::All], &window);
        assert!(tile[0].peak >= 2 && !tile[0].rects.is_empty(), "{name}");
        let at = |x: u16| tile[0].rects.iter().filter(move |r| r.x0 <= x && x < r.x1);
        let fills: u32 = at(400).map(|r| u32::from(r.fill)).sum();
        assert!((1..=260).contains(&fills), "{name}: {fills}");
    }
}

/// A task's flows lead from its whole to it, and from it to its parts, when those begin.
#[test]
fn tasks_lead_to_their_parts() {
    let (mut flows, mut inside) = (0, 0);
    for path in traces() {
        let Trace { index, .. } = load(&path);
        let ids: Vec<TaskId> = index.tasks.iter().map(|task| task.id).collect();
        let want = index.tasks.iter().filter(|t| index.task(t.parent).is_some()).count();
        let (all, of) = index.task_flows(&ids, i64::MIN, i64::MAX, usize::MAX);
        assert_eq!((all.len(), of), (want, want), "{path:?}");
        for flow in &all {
            assert_eq!(flow.part.parent, flow.parent.id, "{path:?}");
            let (own, _) = index.task_flows(&[flow.part.id], i64::MIN, i64::MAX, usize::MAX);
            assert!(own.iter().any(|f| f.parent.id == flow.parent.id));
        }
        flows += all.len();
        // Each region holds its own beginning, unless another of its goroutine begins in it then.
        for region in index.regions.iter().filter(|r| r.end.is_none_or(|end| end > r.start)) {
            let (found, task) = index.inside(region.go, region.start);
            let found = found.unwrap_or_else(|| panic!("{path:?}: {region:?}"));
            assert!(found.go == region.go && found.start == region.start, "{path:?}");
            if found.task != TaskId(0) && index.task(found.task).is_some() {
                assert_eq!(task.map(|t| t.id), Some(found.task), "{path:?}");
            }
            inside += 1;
        }
    }
    eprintln!("{flows} tasks are parts of others, {inside} regions");
    assert!(flows > 0 && inside > 100, "{flows} {inside}");
}
