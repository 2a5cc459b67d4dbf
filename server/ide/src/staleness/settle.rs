//! A file that is not the one that was recorded, and of which nobody has the recorded text.
//!
//! A trace knows of each line what waited there and which function it called. So a function's lines
//! are looked at together: if one of them holds nothing of the kind, the function has changed, and
//! then all of them are where one shift puts every operation on a line that holds it, or where each
//! operation has the same place among those of its kind; or they are doubtful, or gone.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use exectrace::{FrameId, StackId, StrId};
use hashbrown::HashMap;

use super::State;
use super::need::{Fit, Need, code_of, has_word};
use crate::Analysis;
use crate::go_source::{Function, GoSource, Operations};
use crate::placement::{FileId, Placement, SourceFile};

/// A function of a file, and what the trace has on it.
#[derive(Default)]
struct Group<'a> {
    /// By recorded line: what it must hold, the dearest of several, and what that cost.
    needs: BTreeMap<u32, (Need<'a>, i64)>,
    frames: Vec<FrameId>,
}

/// A function that has moved is looked for in at most so many places: where the rarest thing that it does stands
/// on more lines, one of them is as good as another.
const MOST_SHIFTS: usize = 256;

/// Where a recorded line stands now.
type Moves = BTreeMap<u32, (u32, State)>;

/// The first and the last line, as they stand now, that hold the very thing which the trace tells of
/// them: what is between these has nowhere to go. `None` if there is none.
type Proven = Option<(u32, u32)>;

/// What was found of a function.
struct Decided {
    moves: Moves,
    proven: Proven,
    /// Lines that are believed only as long as nothing else in the file has changed.
    guessed: BTreeSet<u32>,
}

/// Corrects the places of all frames by what their lines hold.
pub(crate) fn settle(analysis: &Analysis, placement: &mut Placement) {
    let files = placement.files.clone();
    let mut groups = groups(analysis, placement);
    // A file in which one function has changed is not the recorded one: there, what merely may run
    // anything proves nothing, nor does a line of which nothing tells.
    let mut changed: BTreeSet<FileId> = BTreeSet::new();
    let mut decided: Vec<(FileId, usize, Decided)> = Vec::new();
    for (&(file, at), group) in &groups {
        let source = &files[file.0 as usize];
        let decision = Decision { analysis, source, function: &source.source.functions()[at] };
        let made = decision.make(group);
        if made.moves.iter().any(|(line, to)| (*line, State::Exact) != *to) {
            changed.insert(file);
        }
        decided.push((file, at, made));
    }
    for (file, at, Decided { moves, proven, guessed }) in decided {
        let Some(group) = groups.remove(&(file, at)) else { continue };
        let is_changed = changed.contains(&file);
        for frame in group.frames {
            let Some(place) = placement.place(frame) else { continue };
            let (line, state) =
                moves.get(&place.line).copied().unwrap_or((place.line, State::Lost));
            let is_proven = proven.is_some_and(|(first, last)| first <= line && line <= last);
            let doubt = is_changed && (!is_proven || guessed.contains(&line));
            let state = if doubt && state < State::Doubtful { State::Doubtful } else { state };
            placement.settle(frame, line, state);
        }
    }
}

fn groups<'a>(
    analysis: &'a Analysis,
    placement: &Placement,
) -> BTreeMap<(FileId, usize), Group<'a>> {
    let mut groups: BTreeMap<(FileId, usize), Group<'a>> = BTreeMap::new();
    let mut named: HashMap<(FileId, StrId), Vec<usize>> = HashMap::new();
    let mut of_frame: HashMap<FrameId, (FileId, usize, u32)> = HashMap::new();
    for frame in placement.placed() {
        let Some(place) = placement.place(frame) else { continue };
        let func = analysis.tables.frame(frame).func;
        let source = &placement.source(place.file).source;
        let list = named
            .entry((place.file, func))
            .or_insert_with(|| source.functions_named(analysis.str(func)));
        let here = |at: &&usize| source.functions()[**at].lines.contains(place.line);
        let Some(&at) = list.iter().find(here).or(list.first()) else { continue };
        groups.entry((place.file, at)).or_default().frames.push(frame);
        of_frame.insert(frame, (place.file, at, place.line));
    }
    for slot in &analysis.slots {
        let stack = analysis.stack(slot.stack);
        let Some(user) = stack.iter().position(|&f| placement.place(f).is_some()) else { continue };
        let ns = slot.ns.saturating_add(slot.open_ns).saturating_add(slot.pre_ns);
        let own = Need::of_slot(analysis, slot, user);
        for (i, &frame) in stack.iter().enumerate().skip(user) {
            let Some(&(file, at, line)) = of_frame.get(&frame) else { continue };
            let need = match i == user {
                true => own,
                false => {
                    let is_own = placement.place(stack[i - 1]).is_some();
                    Some(Need::of_call(analysis, stack[i - 1], is_own))
                }
            };
            let Some(need) = need else { continue };
            let Some(group) = groups.get_mut(&(file, at)) else { continue };
            let entry = group.needs.entry(line).or_insert((need, ns));
            if ns > entry.1 {
                *entry = (need, ns);
            }
        }
    }
    // Stacks that cost nothing tell what their lines call, too: those of wakers, of what is created.
    for stack in 0..analysis.tables.n_stacks() as u32 {
        let stack = analysis.stack(StackId(stack));
        for (&callee, &frame) in stack.iter().zip(stack.iter().skip(1)) {
            let Some(&(file, at, line)) = of_frame.get(&frame) else { continue };
            let Some(group) = groups.get_mut(&(file, at)) else { continue };
            if group.needs.contains_key(&line) {
                continue;
            }
            let is_own = placement.place(callee).is_some();
            if let Some(need) = Need::of_callee(analysis, callee, is_own) {
                group.needs.insert(line, (need, 0));
            }
        }
    }
    groups
}

/// One function's lines.
struct Decision<'a> {
    analysis: &'a Analysis,
    source: &'a SourceFile,
    function: &'a Function,
}

impl Decision<'_> {
    /// Where each recorded line stands, and between which lines that is more than a guess.
    fn make<'g>(&self, group: &Group<'g>) -> Decided {
        let recorded: BTreeSet<u32> = group
            .frames
            .iter()
            .map(|&f| self.analysis.tables.frame(f).line.saturating_sub(1))
            .collect();
        let texts = Texts::new(self.source, self.function);
        let source = &self.source.source;
        // A deferred call is recorded where the function ends.
        let ends = |line: u32| {
            source.operations_at(line).intersects(Operations::RETURN | Operations::CLOSE_BRACE)
        };
        let fit = |line: u32, need: &Need<'_>| {
            let fit = texts.fit(self.source, line, need);
            let is_end = fit == Fit::Weak && ends(line);
            if is_end && texts.defers(source, need) { Fit::Strong } else { fit }
        };
        // What is deferred on a line does not run there.
        let runs = |line: u32| !source.operations_at(line).contains(Operations::DEFER);
        // Lines of the function that hold the very thing, by what is needed.
        let mut strong: HashMap<Need<'g>, Vec<u32>> = HashMap::new();
        for (need, _) in group.needs.values() {
            strong.entry(*need).or_insert_with(|| {
                texts.lines().filter(|&l| runs(l) && fit(l, need) == Fit::Strong).collect()
            });
        }
        let defers = texts.lines().any(|l| !runs(l));
        // Those of them that call it by its name.
        let named: HashMap<Need<'g>, Vec<u32>> = strong
            .iter()
            .map(|(need, lines)| {
                let calls = |l: &u32| need.is_called(source.operations_at(*l), texts.line(*l));
                (*need, lines.iter().copied().filter(calls).collect())
            })
            .collect();
        // What a value leads to has the name that it was declared with. But where a line calls it by that
        // name and is none of the recorded ones, it is the line that was recorded, elsewhere. That is asked
        // once for each name and shift: a crafted file has as many of such lines as of others.
        let recorded_all: RefCell<HashMap<(Need<'g>, i64), bool>> = RefCell::default();
        let are_recorded = |shift: i64, need: &Need<'g>| {
            let is_recorded = |now: &u32| {
                let then = shifted(*now, -shift).and_then(|line| group.needs.get(&line));
                then.is_some_and(|(other, _)| other.name == need.name)
            };
            let mut known = recorded_all.borrow_mut();
            *known.entry((*need, shift)).or_insert_with(|| named[need].iter().all(is_recorded))
        };
        // What may be there and not be seen.
        let may_stand = |line: u32, need: &Need<'g>| {
            strong[need].is_empty() && (need.may_be_unseen() || (defers && ends(line)))
        };
        // Unless all else that was recorded is where it was, some of it before the value and some behind it.
        let anchors = OnceCell::new();
        let is_between = |line: u32, shift: i64| {
            let anchors = anchors.get_or_init(|| {
                let may_be_value = |line, need: &Need<'g>| {
                    need.may_be_value(source.operations_at(line), texts.line(line))
                };
                let mut anchors: Option<(u32, u32)> = None;
                for (&line, (need, _)) in &group.needs {
                    match fit(line, need) {
                        Fit::Strong => anchors = Some((anchors.map_or(line, |of| of.0), line)),
                        Fit::Weak if may_be_value(line, need) || may_stand(line, need) => {}
                        _ => return None,
                    }
                }
                anchors
            });
            shift == 0 && anchors.is_some_and(|(first, last)| first < line && line < last)
        };
        let by_value = |line: u32, shift: i64, need: &Need<'g>| {
            (are_recorded(shift, need) || is_between(line, shift))
                && need.may_be_value(source.operations_at(line), texts.line(line))
        };
        let stands = |line: u32, shift: i64, need: &Need<'g>| match fit(line, need) {
            Fit::Strong => true,
            // What is deferred may be called by another name: that of a variable.
            Fit::Weak => by_value(line, shift, need) || may_stand(line, need),
            Fit::None => false,
        };
        let all_stand = |shift: i64| {
            group.needs.iter().all(|(&line, (need, _))| {
                shifted(line, shift).is_some_and(|l| texts.has(l) && stands(l, shift, need))
            }) && group.frames.iter().all(|&f| self.holds(f, shift))
        };
        let (first, last) = (group.needs.keys().next(), group.needs.keys().next_back());
        let by = |shift: i64, state: State| -> Moves {
            let to = |line: u32| {
                // What nothing tells of moves with what stands around it.
                let is_held = first.is_none_or(|first| *first <= line) && last >= Some(&line);
                let is_moved = state == State::Shifted;
                let state = if is_moved && !is_held { State::Doubtful } else { state };
                (shifted(line, shift).unwrap_or(line), state)
            };
            recorded.iter().map(|&line| (line, to(line))).collect()
        };
        let proven = |moves: &Moves| -> Proven {
            let mut held = group.needs.iter().filter_map(|(line, (need, _))| {
                let now = moves.get(line)?.0;
                (fit(now, need) == Fit::Strong).then_some(now)
            });
            let first = held.next()?;
            Some(held.fold((first, first), |(low, high), now| (low.min(now), high.max(now))))
        };
        let with_proof = |moves: Moves| {
            let proven = proven(&moves);
            Decided { moves, proven, guessed: BTreeSet::new() }
        };
        if all_stand(0) {
            let is_guessed = |line: u32, need: &Need<'g>| {
                fit(line, need) == Fit::Weak && !are_recorded(0, need) && is_between(line, 0)
            };
            let lines = group.needs.iter().filter(|(line, (need, _))| is_guessed(**line, need));
            let guessed = lines.map(|(&line, _)| line).collect();
            return Decided { guessed, ..with_proof(by(0, State::Exact)) };
        }
        // One shift for all of it: lines were added or removed above.
        let rarest = group
            .needs
            .iter()
            .filter(|(_, (need, _))| !strong[need].is_empty())
            .min_by_key(|(line, (need, _))| (strong[need].len(), **line));
        if let Some((&line, (need, _))) =
            rarest.filter(|(_, of)| strong[&of.0].len() <= MOST_SHIFTS)
        {
            let shifts: Vec<i64> = strong[need]
                .iter()
                .map(|&now| i64::from(now) - i64::from(line))
                .filter(|&shift| all_stand(shift))
                .collect();
            if let [shift] = shifts[..] {
                return with_proof(by(shift, State::Shifted));
            }
        }
        with_proof(self.by_ordinal(group, &recorded, &strong, &fit))
    }

    /// Each operation is where it has the same place among those of its kind.
    fn by_ordinal(
        &self,
        group: &Group<'_>,
        recorded: &BTreeSet<u32>,
        strong: &HashMap<Need<'_>, Vec<u32>>,
        fit: &dyn Fn(u32, &Need<'_>) -> Fit,
    ) -> Moves {
        let mut moves = Moves::new();
        for &line in recorded {
            let stays = self.function.lines.contains(line);
            let to = match group.needs.get(&line) {
                Some((need, _)) => {
                    let then: Vec<u32> = group
                        .needs
                        .iter()
                        .filter(|(_, (other, _))| other == need)
                        .map(|(line, _)| *line)
                        .collect();
                    let now = &strong[need];
                    let place = then.iter().position(|&l| l == line).unwrap_or(0);
                    if now.len() == then.len() {
                        let state = if now[place] == line { State::Exact } else { State::Shifted };
                        (now[place], state)
                    } else if stays && fit(line, need) > Fit::None {
                        (line, State::Doubtful)
                    } else {
                        (line, State::Lost)
                    }
                }
                // Nothing tells of it: it may still be there.
                None if stays => (line, State::Doubtful),
                None => (line, State::Lost),
            };
            moves.insert(line, to);
        }
        // Two lines that were two cannot be one now.
        let mut taken = BTreeSet::new();
        for to in moves.values_mut() {
            if to.1 < State::Lost && !taken.insert(to.0) && to.1 < State::Doubtful {
                to.1 = State::Doubtful;
            }
        }
        moves
    }

    fn holds(&self, frame: FrameId, shift: i64) -> bool {
        let frame = self.analysis.tables.frame(frame);
        let line = shifted(frame.line.saturating_sub(1), shift);
        line.is_some_and(|l| self.source.source.holds_frame(self.analysis.str(frame.func), l))
    }
}

fn shifted(line: u32, by: i64) -> Option<u32> {
    u32::try_from(i64::from(line) + by).ok()
}

/// The lines of a function, each with what its statement goes on with.
struct Texts<'a> {
    first: u32,
    lines: Vec<&'a str>,
}

/// Whether a line that ends with a brace begins a block: what comes next is another statement.
fn opens_block(code: &str) -> bool {
    let code = code.trim_start_matches(['}', ' ', '\t']);
    let first = code.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    matches!(first, "for" | "if" | "else" | "switch" | "select" | "func")
}

/// Over how many lines a statement is followed.
const STATEMENT: usize = 24;

impl<'a> Texts<'a> {
    /// Whether the function defers a call of this name.
    fn defers(&self, source: &GoSource, need: &Need<'_>) -> bool {
        need.name.is_some_and(|name| {
            self.lines().zip(&self.lines).any(|(line, text)| {
                source.operations_at(line).contains(Operations::DEFER) && has_word(text, name)
            })
        })
    }

    fn new(source: &'a SourceFile, function: &Function) -> Texts<'a> {
        let starts = crate::line_map::line_starts(&source.text);
        let (first, last) = (function.lines.first as usize, function.lines.last as usize);
        let lines = (first..=last.min(starts.len().saturating_sub(1)))
            .map(|line| {
                let end = starts.get(line + 1).copied().unwrap_or(source.text.len());
                source.text.get(starts[line]..end).unwrap_or_default()
            })
            .collect();
        Texts { first: function.lines.first, lines }
    }

    fn lines(&self) -> std::ops::Range<u32> {
        self.first..self.first + self.lines.len() as u32
    }

    fn line(&self, line: u32) -> &'a str {
        let at = line.checked_sub(self.first);
        at.and_then(|at| self.lines.get(at as usize)).copied().unwrap_or_default()
    }

    fn has(&self, line: u32) -> bool {
        self.lines().contains(&line)
    }

    fn fit(&self, source: &SourceFile, line: u32, need: &Need<'_>) -> Fit {
        let Some(at) = line.checked_sub(self.first).map(|at| at as usize) else { return Fit::None };
        let Some(text) = self.lines.get(at) else { return Fit::None };
        let operations = source.source.operations_at(line);
        let fit = need.fit(operations, text);
        if fit != Fit::Weak {
            return fit;
        }
        // A call over several lines is recorded on its first one, or on that of its name.
        let mut goes_on = *text;
        for next in self.lines.iter().skip(at + 1).take(STATEMENT) {
            let code = code_of(goes_on);
            let is_open = code.ends_with(['.', '(', ',', '{', '[', '+', '|', '&', '='])
                || code_of(next).starts_with('.');
            if !is_open || (code.ends_with('{') && opens_block(code)) {
                break;
            }
            if need.fit(operations, next) == Fit::Strong {
                return Fit::Strong;
            }
            goes_on = next;
        }
        fit
    }
}
