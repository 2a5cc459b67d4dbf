//! What a goroutine's work begins with: the function at the root of its stacks.

use exectrace::{FrameId, StackId, StrId};

use super::facts::Facts;
use crate::Analysis;
use crate::figures::SlotId;
use crate::starters::is_starter;
use crate::stays::{StayKind, StayRow, Stays};

/// What a goroutine's work begins with. `None`: not known.
pub(super) type Root = Option<Begins>;

#[derive(Debug, Clone, Copy)]
pub(super) struct Begins {
    pub(super) func: StrId,
    /// It is the program's own.
    pub(super) own: bool,
    /// The testing package called it, as a test or a benchmark.
    pub(super) test: bool,
}

/// By goroutine.
pub(super) fn roots<'a>(
    analysis: &'a Analysis,
    stays: &'a Stays,
    facts: &'a Facts,
) -> impl Iterator<Item = Root> + 'a {
    let mut roots: Vec<Option<Root>> = vec![None; analysis.tables.n_stacks()];
    let mut root_of = move |stack: StackId| {
        let root = roots.get_mut(stack.0 as usize)?;
        *root.get_or_insert_with(|| root_of(analysis, facts, stack))
    };
    let of_slot = |slot: SlotId| analysis.slots.get(slot.0 as usize).map(|slot| slot.stack);
    stays.gos.iter().map(move |go| {
        let [first, second] = go.first;
        let mut of_first = |slot: SlotId| of_slot(slot).and_then(&mut root_of);
        let stood = of_first(first).or_else(|| of_first(second));
        // Where neither has a stack, a later one may tell.
        let later = |root_of: &mut dyn FnMut(StackId) -> Root| {
            let mut found = None;
            let mut row = go.last;
            while row != StayRow::NONE {
                let stay = stays.stay(row);
                if stay.kind != StayKind::Born {
                    found = of_slot(stay.slot).and_then(&mut *root_of).or(found);
                }
                row = stay.prev;
            }
            found
        };
        let stood = match stood {
            None if second != SlotId::NONE => later(&mut root_of),
            stood => stood,
        };
        stood.or_else(|| root_of(go.entry))
    })
}

/// The root-most function of a stack, past the runtime and what only starts others.
fn root_of(analysis: &Analysis, facts: &Facts, stack: StackId) -> Root {
    let frames = analysis.stack(stack);
    let name = |f: FrameId| analysis.tables.frame(f).func;
    let is_work = |f: &FrameId| {
        let func = analysis.str(name(*f));
        !func.is_empty() && !func.starts_with("runtime.") && !is_starter(func)
    };
    let work = frames.iter().rev().copied().find(is_work);
    let frame = work.or(frames.last().copied())?;
    let test = frames.last().is_some_and(|&f| RUNNERS.contains(&analysis.str(name(f))));
    let own = facts.is_program(frame);
    name(frame).is_some().then(|| Begins { func: name(frame), own, test })
}

/// The functions of the testing package that goroutines of tests and of benchmarks begin with.
const RUNNERS: [&str; 4] =
    ["testing.tRunner", "testing.fRunner", "testing.(*B).launch", "testing.(*B).run1.func1"];
