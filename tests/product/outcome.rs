//! An analysis as a value that can be compared: all its figures, with names in the place of rows.

use std::hash::{DefaultHasher, Hash, Hasher};

use exectrace::StrId;
use ide::Analysis;
use ide::analysis::Unfinished;
use ide::figures::Instance;
use ide::lines::{By, is_user_by_name, lines};

const PERCENT: [u64; 5] = [1, 50, 90, 99, 100];

/// All figures of all lines, who ended waits, the totals, and what is wrong: as text, to be read where
/// two differ.
pub(crate) fn described(outcome: &Result<Analysis, Unfinished>) -> String {
    let analysis = match outcome {
        Ok(analysis) => analysis,
        Err(unfinished) => return format!("{unfinished:?}"),
    };
    let mut text = format!(
        "{:?} {} events, {:?}\n{:?}\n",
        analysis.version, analysis.events, analysis.totals, analysis.problem
    );
    for by in [By::Leaf, By::Here, By::Under] {
        for line in lines_of(analysis, by) {
            let s = |id: StrId| analysis.str(id);
            text += &format!("{by:?} {}:{} {}\n", s(line.file), line.line, s(line.func));
            for (cause, figure) in &line.causes {
                let values = figure.values(analysis);
                text += &format!(
                    "  {} {} {} open {} {} pre {} {} worst {:?} {:?} values {} {:?}\n",
                    analysis.causes.name(*cause),
                    figure.n,
                    figure.ns,
                    figure.open_n,
                    figure.open_ns,
                    figure.pre_n,
                    figure.pre_ns,
                    figure.worst,
                    figure.cut_worst,
                    values.len(),
                    values.percentiles(PERCENT),
                );
            }
        }
    }
    for waker in &analysis.wakers {
        let slot = &analysis.slots[waker.slot.0 as usize];
        let stack = |id| {
            let frames = analysis.stack(id).iter().map(|&f| {
                let frame = analysis.tables.frame(f);
                format!("{}:{}", analysis.str(frame.func), frame.line)
            });
            frames.collect::<Vec<_>>().join(" < ")
        };
        text += &format!(
            "{} at {} ended {} times, {} ns, by {:?}\n",
            analysis.causes.name(slot.cause),
            stack(slot.stack),
            waker.n,
            waker.ns,
            waker.stack.map(stack)
        );
    }
    text
}

/// The same figures as one number, for many comparisons; not what is wrong, which may differ.
pub(crate) fn digest(analysis: &Analysis) -> u64 {
    let mut hasher = DefaultHasher::new();
    let instance = |i: &Instance| (i.g.0, i.start.0, i.ns);
    for slot in &analysis.slots {
        (slot.n, slot.ns, slot.open_n, slot.open_ns, slot.pre_n, slot.pre_ns).hash(&mut hasher);
        (instance(&slot.worst), instance(&slot.cut_worst)).hash(&mut hasher);
        (slot.values.len(), slot.values.percentiles(PERCENT)).hash(&mut hasher);
        analysis.causes.name(slot.cause).hash(&mut hasher);
        for &f in analysis.stack(slot.stack) {
            let frame = analysis.tables.frame(f);
            (analysis.str(frame.func), analysis.str(frame.file), frame.line).hash(&mut hasher);
        }
    }
    for waker in &analysis.wakers {
        (waker.slot, waker.stack, waker.n, waker.ns).hash(&mut hasher);
    }
    let totals = &analysis.totals;
    (totals.goroutines, totals.created, totals.max_alive, totals.gomaxprocs).hash(&mut hasher);
    (totals.heap_max, totals.gcs, totals.end, totals.generations).hash(&mut hasher);
    (analysis.version, analysis.events).hash(&mut hasher);
    hasher.finish()
}

/// The lines, with user code told by names.
pub(crate) fn lines_of(analysis: &Analysis, by: By) -> Vec<ide::lines::Line> {
    lines(analysis, by, &|f| is_user_by_name(analysis.str(analysis.tables.frame(f).func)))
}
