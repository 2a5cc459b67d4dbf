//! Events beside the scheduler's: the collector's, metrics, labels, tasks, regions, messages.
//!
//! They are rare, so they stand out of the hot path's way.

use super::advance::{broken, finish, stack, string};
use super::ahead::RegionEnd;
use super::context::Context;
use super::generation::Generation;
use super::merge::Cursor;
use super::order::{Gc, MISUSE, MisusedRegion, Refused, State, Tried};
use super::spec::ev;
use crate::sink::{Log, Metric, RangeEvent, RangeKind, RangePhase, RangeScope, Region, Sink, Task};
use crate::{GoId, ProcId, StackRow, StrId, TaskId, varint};

impl<L: Default + Clone> State<L> {
    #[inline(never)]
    pub(super) fn aside<S: Sink<Local = L>>(
        &mut self,
        generation: &Generation,
        sink: &mut S,
        cursor: &Cursor,
        context: &mut Context,
        mut args: varint::Cursor<'_>,
    ) -> Tried {
        let typ = cursor.typ;
        let time = cursor.time;
        match typ {
            ev::HEAP_ALLOC | ev::HEAP_GOAL => {
                let value = args.number();
                context.has_p(typ)?;
                let metric =
                    if typ == ev::HEAP_ALLOC { Metric::HeapAlloc } else { Metric::HeapGoal };
                let at = context.at(self.clock.stamp(time));
                sink.metric(&at, metric, value, StackRow::NONE);
            }
            ev::PROCS_CHANGE => {
                let value = args.number();
                let stack = stack(generation, args.number())?;
                context.runs(typ)?;
                let at = context.at(self.clock.stamp(time));
                sink.metric(&at, Metric::GoMaxProcs, value, stack);
            }
            ev::GO_LABEL => {
                let label = string(generation, args.number())?;
                context.runs(typ)?;
                let at = context.at(self.clock.stamp(time));
                sink.label(&at, label);
            }
            ev::GC_ACTIVE | ev::GC_BEGIN | ev::GC_END => {
                let seq = args.number();
                let stack = match typ {
                    ev::GC_BEGIN => stack(generation, args.number())?,
                    _ => StackRow::NONE,
                };
                match self.gc(typ, seq, context)? {
                    Some(phase) => {
                        self.range(
                            sink,
                            cursor,
                            context,
                            phase,
                            RangeKind::GcMark,
                            RangeScope::Global,
                            stack,
                        );
                    }
                    None => return Err(Refused::NotYet),
                }
            }
            ev::GC_SWEEP_BEGIN | ev::GC_SWEEP_END | ev::GC_SWEEP_ACTIVE => {
                let p = if typ == ev::GC_SWEEP_ACTIVE { ProcId(args.number()) } else { context.p };
                let (phase, stack) = match typ {
                    ev::GC_SWEEP_BEGIN => (RangePhase::Begin, stack(generation, args.number())?),
                    ev::GC_SWEEP_ACTIVE => (RangePhase::Active, StackRow::NONE),
                    _ => {
                        args.number(); // bytes swept
                        args.number(); // bytes reclaimed
                        (RangePhase::End, StackRow::NONE)
                    }
                };
                if typ != ev::GC_SWEEP_ACTIVE {
                    context.has_p(typ)?;
                }
                let row = self.procs.find(p);
                let first = self.is_first();
                let Some(proc) = self.procs.get(row) else {
                    return broken(format!("a sweep of P {}, which was not seen", p.0));
                };
                if let Some(swept) = self.ahead.as_mut().and_then(|ahead| ahead.swept(p, phase)) {
                    proc.sweeps = swept;
                }
                proc.sweeps = next_range(proc.sweeps, phase, first)
                    .ok_or_else(|| format!("a sweep of P {} does not fit: {phase:?}", p.0))?;
                self.range(
                    sink,
                    cursor,
                    context,
                    phase,
                    RangeKind::GcSweep,
                    RangeScope::Proc(p),
                    stack,
                );
            }
            ev::GC_MARK_ASSIST_BEGIN | ev::GC_MARK_ASSIST_END | ev::GC_MARK_ASSIST_ACTIVE => {
                let (phase, g, stack) = match typ {
                    ev::GC_MARK_ASSIST_BEGIN => {
                        (RangePhase::Begin, context.g, stack(generation, args.number())?)
                    }
                    ev::GC_MARK_ASSIST_END => (RangePhase::End, context.g, StackRow::NONE),
                    _ => (RangePhase::Active, GoId(args.number()), StackRow::NONE),
                };
                if phase != RangePhase::Active {
                    context.runs(typ)?;
                }
                let row = self.gos.find(g);
                let first = self.is_first();
                let Some(go) = self.gos.get(row, g) else {
                    return broken(format!(
                        "a mark assist of goroutine {}, which was not seen",
                        g.0
                    ));
                };
                if let Some(assisted) =
                    self.ahead.as_mut().and_then(|ahead| ahead.assisted(g, phase))
                {
                    go.assists = assisted;
                }
                go.assists = next_range(go.assists, phase, first).ok_or_else(|| {
                    format!("a mark assist of goroutine {} does not fit: {phase:?}", g.0)
                })?;
                self.range(
                    sink,
                    cursor,
                    context,
                    phase,
                    RangeKind::GcMarkAssist,
                    RangeScope::Go(g),
                    stack,
                );
            }
            ev::STW_BEGIN => {
                let id = args.number();
                let kind = string(generation, id)?;
                let stack = stack(generation, args.number())?;
                context.runs(typ)?;
                self.note(context)?;
                let stops = self.stops.entry(context.g).or_default();
                if stops.iter().any(|s| s.0 == id) {
                    return broken("the world is stopped twice for the same reason".into());
                }
                stops.push((id, kind));
                let (kind, scope) = (RangeKind::StopTheWorld(kind), RangeScope::Go(context.g));
                self.range(sink, cursor, context, RangePhase::Begin, kind, scope, stack);
            }
            ev::STW_END => {
                context.runs(typ)?;
                let stops = self.stops.get_mut(&context.g).filter(|s| !s.is_empty());
                let Some(stops) = stops else {
                    return broken("the world starts again but was not stopped".into());
                };
                // The reason stands at the beginning only, under that generation's number.
                let (_, kind) = stops.swap_remove(0);
                let (kind, scope) = (RangeKind::StopTheWorld(kind), RangeScope::Go(context.g));
                self.range(sink, cursor, context, RangePhase::End, kind, scope, StackRow::NONE);
            }
            ev::USER_TASK_BEGIN => {
                let id = args.number();
                // 0 stands for no parent here, not for the background task.
                let parent = match args.number() {
                    0 => TaskId::NONE,
                    parent => TaskId(parent),
                };
                let name = string(generation, args.number())?;
                let stack = stack(generation, args.number())?;
                if self.tasks.insert(id, (name, parent)).is_some() {
                    return broken(format!("task {id} begins twice"));
                }
                if let Some(ahead) = &mut self.ahead {
                    ahead.task_begins(id, (name, parent));
                }
                context.runs(typ)?;
                let at = context.at(self.clock.stamp(time));
                sink.task(&at, &Task { id: TaskId(id), begins: true, parent, name }, stack);
            }
            ev::USER_TASK_END => {
                let id = args.number();
                let stack = stack(generation, args.number())?;
                context.runs(typ)?;
                let (name, parent) = self.tasks.remove(&id).unwrap_or((StrId::NONE, TaskId::NONE));
                if let Some(ahead) = &mut self.ahead {
                    ahead.task_ends(id);
                }
                let at = context.at(self.clock.stamp(time));
                sink.task(&at, &Task { id: TaskId(id), begins: false, parent, name }, stack);
            }
            ev::USER_REGION_BEGIN | ev::USER_REGION_END => {
                let task = args.number();
                let name = string(generation, args.number())?;
                let stack = stack(generation, args.number())?;
                context.runs(typ)?;
                let begins = typ == ev::USER_REGION_BEGIN;
                let offset = generation.offset + u64::from(cursor.args_at());
                self.note(context)?;
                let end = RegionEnd { g: context.g, task, name, begins, offset };
                if let Some(ahead) = &mut self.ahead {
                    ahead.region(end);
                } else if let Some(misused) = self.region(&end)
                    && !self.misused.add(misused)
                {
                    return broken(format!("{MISUSE} (goroutine {})", context.g.0));
                }
                let at = context.at(self.clock.stamp(time));
                sink.region(&at, &Region { task: TaskId(task), begins, name }, stack);
            }
            ev::USER_LOG => {
                let task = TaskId(args.number());
                let category = string(generation, args.number())?;
                let message = string(generation, args.number())?;
                let stack = stack(generation, args.number())?;
                context.runs(typ)?;
                let at = context.at(self.clock.stamp(time));
                sink.log(&at, &Log { task, category, message }, stack);
            }
            ev::SPAN..=ev::GOROUTINE_STACK_FREE => {
                let mut values = [0; super::spec::MAX_TIMED_ARGS];
                let n = super::spec::TIMED_ARGS[typ as usize] as usize - 1;
                for value in &mut values[..n] {
                    *value = args.number();
                }
                context.has_m(typ)?;
                let at = context.at(self.clock.stamp(time));
                sink.experimental(&at, typ, &values[..n]);
            }
            _ => {
                return broken(format!(
                    "event type {typ} does not occur among the events of a thread"
                ));
            }
        }
        finish(&args)
    }

    #[allow(clippy::too_many_arguments)] // the parts of one event, once each
    fn range<S: Sink<Local = L>>(
        &mut self,
        sink: &mut S,
        cursor: &Cursor,
        context: &Context,
        phase: RangePhase,
        kind: RangeKind,
        scope: RangeScope,
        stack: StackRow,
    ) {
        let at = context.at(self.clock.stamp(cursor.time));
        sink.range(&at, &RangeEvent { phase, kind, scope, stack });
    }

    /// The collector's cycles are numbered: begin and end can come from any thread.
    fn gc(&mut self, typ: u8, seq: u64, context: &Context) -> Result<Option<RangePhase>, Refused> {
        let phase = match typ {
            ev::GC_ACTIVE => RangePhase::Active,
            ev::GC_BEGIN => RangePhase::Begin,
            _ => RangePhase::End,
        };
        let is_ahead = self.ahead.as_mut().is_some_and(|ahead| ahead.first_gc(phase, seq));
        if is_ahead {
            context.runs(typ)?;
        }
        let opens = match phase {
            _ if is_ahead => true,
            RangePhase::Active if self.is_first() => {
                if self.gc != Gc::Undetermined {
                    return broken("GCActive is not the first event of the collector".into());
                }
                true
            }
            RangePhase::Begin => self.gc == Gc::Undetermined,
            _ => false,
        };
        if !opens {
            if seq != self.gc_seq.wrapping_add(1) {
                return Err(Refused::NotYet);
            }
            let fits = match phase {
                RangePhase::Begin => self.gc == Gc::Off,
                RangePhase::Active | RangePhase::End => self.gc == Gc::Marking,
            };
            if !fits {
                return broken(format!(
                    "the collector's {phase:?} does not fit: it is {:?}",
                    self.gc
                ));
            }
            context.runs(typ)?;
        }
        self.gc_seq = seq;
        self.gc = if phase == RangePhase::End { Gc::Off } else { Gc::Marking };
        Ok(Some(phase))
    }

    /// A region begins or ends; the one that is misused, if any.
    pub(super) fn region(&mut self, end: &RegionEnd) -> Option<MisusedRegion> {
        let RegionEnd { g, task, name, begins, offset } = *end;
        let open = self.regions.entry(g).or_default();
        if begins {
            open.push((task, name));
            return None;
        }
        // One that ends without a beginning began before the trace.
        match open.last() {
            Some(&inner) if inner != (task, name) => {
                if let Some(i) = open.iter().rposition(|&region| region == (task, name)) {
                    open.remove(i);
                }
                Some(MisusedRegion { offset, g, name })
            }
            _ => {
                open.pop();
                None
            }
        }
    }

    /// Something is kept for the thread's goroutine outside its record.
    fn note(&mut self, context: &Context) -> Result<(), Refused> {
        match self.gos.get(context.row, context.g) {
            Some(go) => {
                go.noted = true;
                Ok(())
            }
            None => broken(format!("an event of goroutine {}, which was not seen", context.g.0)),
        }
    }
}

/// Whether a range is under way after this end of it; `None` if that cannot be.
fn next_range(under_way: bool, phase: RangePhase, first_generation: bool) -> Option<bool> {
    match phase {
        RangePhase::Begin => (!under_way).then_some(true),
        RangePhase::Active if first_generation => (!under_way).then_some(true),
        RangePhase::Active => under_way.then_some(true),
        RangePhase::End => under_way.then_some(false),
    }
}
