//! The collector: lines that have to help it, and stops of the world.

use exectrace::{FrameId, RangeKind};
use hashbrown::HashMap;

use super::scene::{Scene, moment};
use super::{Code, Finding, Found, Related, part};
use crate::causes::Cause;
use crate::figures::SlotId;
use crate::lines::Figure;
use crate::units::{count, duration, percent};

pub(super) fn find(scene: &Scene<'_>, found: &mut Found) {
    assists(scene, found);
    stops(scene, found);
}

/// What a line's assists ran is 5 % of the trace's length and of all running, and 5 ms or more. What
/// they stood still meanwhile, for the collector or a P, is no work that the line was given.
fn assists(scene: &Scene<'_>, found: &mut Found) {
    let stood = stood_assisting(scene);
    let lines = sums(scene, |range, stack| {
        if range == RangeKind::GcMarkAssist { scene.own_line(stack).map(Some) } else { None }
    });
    for (frame, figure) in lines {
        let stood = frame.and_then(|frame| stood.get(&frame)).copied().unwrap_or(0);
        let ns = figure.total().saturating_sub(stood).max(0);
        if ns < 5_000_000
            || ns.saturating_mul(20) < scene.duration
            || ns.saturating_mul(20) < scene.running
        {
            let what = format!(
                "Helps the collector for {}, {} times, {} of all running",
                duration(ns),
                count(figure.count()),
                percent(ns, scene.running)
            );
            let limits = [
                (part(ns, 5_000_000), "at least 5 ms"),
                (part(ns.saturating_mul(20), scene.duration), "at least 5 % of the trace"),
                (part(ns.saturating_mul(20), scene.running), "at least 5 % of all running"),
            ];
            found.near(Code::GcAssistHot, frame, figure.longest(), what, &limits);
            continue;
        }
        let mut finding = Finding::new(
            Code::GcAssistHot,
            frame,
            ns,
            format!(
                "Allocates faster than the collector works: helps it for {}, {} times, {} of all running",
                duration(ns),
                count(figure.count()),
                percent(ns, scene.running)
            ),
        );
        finding.detail = vec![format!("{} of the trace's length", percent(ns, scene.duration))];
        if stood > 0 {
            let stood = duration(stood);
            finding.detail.push(format!("beside that it stood still for {stood} while it helped"));
        }
        related(frame, &figure, &mut finding);
        found.push(finding);
    }
}

/// How long goroutines stood still in assists, by line, in nanoseconds: blocked, or without a P.
fn stood_assisting(scene: &Scene<'_>) -> HashMap<FrameId, i64> {
    let mut lines = HashMap::new();
    for &(slot, ns) in scene.stood {
        let slot = scene.analysis.slots.get(slot.0 as usize);
        if let Some(line) = slot.and_then(|slot| scene.own_line(slot.stack)) {
            let sum: &mut i64 = lines.entry(line).or_default();
            *sum = sum.saturating_add(ns);
        }
    }
    lines
}

/// A stop of 10 ms, or all of them 2 % of the trace and 5 ms or more. Each begins where some
/// goroutine happened to need the collector, so it has a line only where the program asked for it
/// by a call. The recorder's own stops are left out.
fn stops(scene: &Scene<'_>, found: &mut Found) {
    let lines = sums(scene, |range, stack| {
        let RangeKind::StopTheWorld(why) = range else { return None };
        let why = scene.analysis.str(why);
        if matches!(why, "start trace" | "stop trace") {
            return None;
        }
        let frames = scene.analysis.stack(stack);
        let funcs =
            || frames.iter().map(|&f| scene.analysis.str(scene.analysis.tables.frame(f).func));
        let recorder = |f: &str| f.starts_with("runtime/trace.") || f == "net/http/pprof.Trace";
        if funcs().any(recorder) {
            return None;
        }
        let asked = !why.starts_with("GC ") || funcs().any(|f| f == "runtime.GC");
        Some(if asked { scene.own_line(stack) } else { None })
    });
    let has_lines = lines.iter().any(|(frame, _)| frame.is_some());
    for (frame, figure) in lines {
        let (ns, longest) = (figure.total(), figure.longest());
        let most = longest.map_or(0, |l| l.ns);
        if most < 10_000_000 && (ns < 5_000_000 || ns.saturating_mul(50) < scene.duration) {
            let what = format!(
                "The world was stopped for {} in {} stops, the longest {}",
                duration(ns),
                count(figure.count()),
                duration(most)
            );
            let all = part(ns, 5_000_000).min(part(ns.saturating_mul(50), scene.duration));
            let limit = (part(most, 10_000_000).max(all), "one of 10 ms, or 2 % of the trace");
            found.near(Code::StwStall, frame, longest, what, &[limit]);
            continue;
        }
        // Those that a line asked for are told there.
        let asked = if frame.is_none() && has_lines { " that no line asked for" } else { "" };
        let mut finding = Finding::new(
            Code::StwStall,
            frame,
            ns,
            format!(
                "The world was stopped for {} in {} stops{asked}, the longest {}: time to stop all Ps is in it",
                duration(ns),
                count(figure.count()),
                duration(most)
            ),
        );
        finding.detail = vec![format!("{} of the trace's length", percent(ns, scene.duration))];
        match frame {
            Some(_) => related(frame, &figure, &mut finding),
            None => {
                if let Some(longest) = longest {
                    finding
                        .detail
                        .push(format!("the longest began at {}", moment(longest.start.0)));
                }
            }
        }
        found.push(finding);
    }
}

/// Ranges by the line that `line` gives them, if it wants them.
fn sums(
    scene: &Scene<'_>,
    line: impl Fn(RangeKind, exectrace::StackId) -> Option<Option<FrameId>>,
) -> Vec<(Option<FrameId>, Figure)> {
    let mut lines: HashMap<Option<FrameId>, Figure> = HashMap::new();
    for (row, slot) in scene.analysis.slots.iter().enumerate() {
        let Cause::Range(range) = scene.analysis.causes.cause(slot.cause) else { continue };
        if let Some(frame) = line(range, slot.stack) {
            let figure = lines.entry(frame).or_default();
            figure.add(scene.analysis, SlotId(row as u32));
        }
    }
    let mut lines: Vec<_> = lines.into_iter().collect();
    lines.sort_unstable_by_key(|(frame, _)| *frame);
    lines
}

fn related(frame: Option<FrameId>, figure: &Figure, finding: &mut Finding) {
    if let (Some(frame), Some(longest)) = (frame, figure.longest()) {
        let whose = match longest.g {
            exectrace::GoId::NONE => String::new(),
            g => format!(", goroutine {}", g.0),
        };
        finding.related.push(Related {
            frame,
            text: format!(
                "the longest: {} from its beginning to its end{whose}, from {} on",
                duration(longest.ns),
                moment(longest.start.0)
            ),
            wait: Some(longest),
        });
    }
}
