//! Goroutines that could run and did not: the system gave no thread though a P was idle.

use exectrace::FrameId;
use hashbrown::HashMap;

use super::scene::Scene;
use super::{Code, Finding, Found, part};
use crate::causes::Cause;
use crate::lines::Figure;
use crate::units::{count, duration, percent};

pub(super) fn find(scene: &Scene<'_>, found: &mut Found) {
    // Where the whole trace is so, each line is so too, and none of them is to blame: it is said
    // once.
    if !threads_starved(scene, found) {
        wakeups(scene, found);
    }
}

/// So long must goroutines have been able to run beside an idle P, in nanoseconds: threads take their time to
/// start, and a trace of a few milliseconds holds little else.
const STARTING_NS: i64 = 10_000_000;

/// 0.5 goroutines or more could run on average, for half of that time with an idle P; 10 ms or more.
fn threads_starved(scene: &Scene<'_>, found: &mut Found) -> bool {
    let sched = &scene.stays.sched;
    let (ns, idle) = (sched.runnable_ns(), sched.runnable_idle_ns());
    if ns.saturating_mul(2) < scene.duration || idle.saturating_mul(2) < ns || idle < STARTING_NS {
        let what = format!(
            "{} goroutines could run on average, for {} of that with an idle P",
            scene.on_average(ns),
            percent(idle, ns)
        );
        let limits = [
            (part(ns.saturating_mul(2), scene.duration), "at least 0.5 on average"),
            (part(idle.saturating_mul(2), ns), "for half of that time with an idle P"),
            (part(idle, STARTING_NS), "10 ms or more of that"),
        ];
        found.near(Code::ThreadsStarved, None, None, what, &limits);
        return false;
    }
    let mut finding = Finding::new(
        Code::ThreadsStarved,
        None,
        idle,
        format!(
            "{} goroutines could run on average, for {} of that with an idle P: the system gave no thread (fewer CPUs than GOMAXPROCS {}, a quota, or a loaded machine)",
            scene.on_average(ns),
            percent(idle, ns),
            count(scene.analysis.totals.gomaxprocs)
        ),
    );
    finding.detail = vec![
        format!("{} able to run without a P", duration(ns)),
        format!("{} of it with a P idle", duration(idle)),
        format!("a P was idle for {} of the trace", percent(sched.idle_ns(), scene.duration)),
    ];
    found.push(finding);
    true
}

/// A line after whose waits it took long to run again: at least 20 times, 5 % of the trace in all,
/// p99 2 ms or more, half of it or more with an idle P. First starts are the `go` statement's, and
/// no waking up.
fn wakeups(scene: &Scene<'_>, found: &mut Found) {
    let mut lines: HashMap<FrameId, (Figure, i64)> = HashMap::new();
    for (row, slot) in scene.analysis.slots.iter().enumerate() {
        if scene.analysis.causes.cause(slot.cause) != Cause::SchedOwn || slot.early {
            continue;
        }
        let Some(frame) = scene.own_line(slot.stack) else { continue };
        let id = crate::figures::SlotId(row as u32);
        let line = lines.entry(frame).or_insert_with(|| (Figure::new(), 0));
        line.0.add(scene.analysis, id);
        line.1 = line.1.saturating_add(scene.stays.sched.idle_of(id));
    }
    let mut lines: Vec<_> = lines.into_iter().collect();
    lines.sort_unstable_by_key(|(frame, _)| *frame);
    for (frame, (figure, idle)) in lines {
        let ns = figure.total();
        let [p50, p99] = figure.values(scene.analysis).percentiles([50, 99]);
        if figure.count() < 20
            || ns.saturating_mul(20) < scene.duration
            || p99 < 2_000_000
            || idle.saturating_mul(2) < ns
        {
            let what = format!(
                "Takes {} in all to run again after {} waits here, p99 {}, with an idle P for {}",
                duration(ns),
                count(figure.count()),
                duration(p99),
                percent(idle, ns)
            );
            let limits = [
                (part(figure.count() as i64, 20), "at least 20 waits"),
                (part(ns.saturating_mul(20), scene.duration), "at least 5 % of the trace"),
                (part(p99, 2_000_000), "p99 at least 2 ms"),
                (part(idle.saturating_mul(2), ns), "half of it or more with an idle P"),
            ];
            found.near(Code::WakeupSlow, Some(frame), figure.longest(), what, &limits);
            continue;
        }
        let mut finding = Finding::new(
            Code::WakeupSlow,
            Some(frame),
            ns,
            format!(
                "Takes {} in all to run again after {} waits here, p99 {}, though for {} of it a P is idle",
                duration(ns),
                count(figure.count()),
                duration(p99),
                percent(idle, ns)
            ),
        );
        finding.detail = vec![format!("p50 {}, p99 {}", duration(p50), duration(p99))];
        if let Some(worst) = figure.longest() {
            finding.related.push(super::Related {
                frame,
                text: format!(
                    "the longest: {}, goroutine {}, from {} on",
                    duration(worst.ns),
                    worst.g.0,
                    super::scene::moment(worst.start.0)
                ),
                wait: Some(worst),
            });
        }
        found.push(finding);
    }
}
