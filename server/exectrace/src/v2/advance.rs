//! What each event of a goroutine or a P needs, and what it does to the scheduler's state.
//!
//! Three answers: it happens (how many bytes it has), it cannot have happened yet (the
//! thread is tried again later), or it never can (the trace is broken). The rules are those of
//! Go's reader: events that name a goroutine or a P from afar carry a number in its sequence and
//! wait for their turn; those of the running goroutine must fit at once.

use super::context::Context;
use super::generation::{Generation, IdMap, TableRow};
use super::merge::Cursor;
use super::order::{Go, Procs, Refused, Seq, State, Tried};
use super::spec::{ev, go_status, proc_status};
use crate::goroutines::{Living, Row};
use crate::sink::{GoEvent, GoState, ProcEvent, ProcState, Sink};
use crate::{At, GoId, ProcId, StackRow, StrId, ThreadId, varint};

const RUNNABLE: u8 = go_status::RUNNABLE as u8;
pub(super) const RUNNING: u8 = go_status::RUNNING as u8;
pub(super) const SYSCALL: u8 = go_status::SYSCALL as u8;
const WAITING: u8 = go_status::WAITING as u8;
pub(super) const P_RUNNING: u8 = proc_status::RUNNING as u8;
const P_IDLE: u8 = proc_status::IDLE as u8;
pub(super) const P_SYSCALL: u8 = proc_status::SYSCALL as u8;
pub(super) const P_ABANDONED: u8 = proc_status::SYSCALL_ABANDONED as u8;

/// A goroutine's change of state with nothing but the states.
#[inline(always)]
pub(super) fn change(g: GoId, from: GoState, to: GoState) -> GoEvent {
    GoEvent { g, from, to, reason: StrId::NONE, stack: StackRow::NONE, own: StackRow::NONE }
}

pub(super) fn go_state(status: u8) -> GoState {
    match status {
        RUNNABLE => GoState::Runnable,
        RUNNING => GoState::Running,
        SYSCALL => GoState::Syscall,
        WAITING => GoState::Waiting,
        _ => GoState::Undetermined,
    }
}

#[cold]
pub(super) fn broken<T>(what: String) -> Result<T, Refused> {
    Err(what.into())
}

#[inline(always)]
pub(super) fn stack(generation: &Generation, id: u64) -> Result<StackRow, Refused> {
    row(&generation.stack_rows, id)
}

#[inline(always)]
pub(super) fn string(generation: &Generation, id: u64) -> Result<StrId, Refused> {
    row(&generation.strings, id)
}

/// The row of an id that an event names.
#[inline(always)]
fn row<T: TableRow>(map: &IdMap<T>, id: u64) -> Result<T, Refused> {
    match map.near(id) {
        Some(row) => Ok(row),
        None => far_row(map, id),
    }
}

#[cold]
#[inline(never)]
fn far_row<T: TableRow>(map: &IdMap<T>, id: u64) -> Result<T, Refused> {
    map.far(id).ok_or_else(|| {
        let what = T::NAME;
        format!("an event names {what} {id}, which the generation does not have").into()
    })
}

#[cold]
#[inline(never)]
fn wrong_state(typ: u8, g: GoId) -> String {
    let name = super::spec::spec(typ).map_or("?", |s| s.name);
    format!("{name} does not fit the state of goroutine {}", g.0)
}

impl<L: Default + Clone> State<L> {
    /// Tries the event at `cursor`, which the thread of `context` made.
    #[inline(always)]
    pub(super) fn advance<S: Sink<Local = L>>(
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
            ev::GO_START => {
                let g = GoId(args.number());
                let seq = Seq { generation: self.generation, n: args.number() };
                let row = self.gos.find(g);
                let Some(go) = self.gos.get(row, g) else { return Err(Refused::NotYet) };
                if go.status != RUNNABLE || !seq.follows(go.seq()) {
                    return Err(Refused::NotYet);
                }
                context.has_p(typ)?;
                context.no_g(typ)?;
                go.status = RUNNING;
                go.set_seq(seq);
                let at = context.at(self.clock.stamp(time));
                sink.go(&at, &change(g, GoState::Runnable, GoState::Running), &mut go.local);
                context.set_g(g, row);
            }
            ev::GO_BLOCK | ev::GO_STOP => {
                let reason = string(generation, args.number())?;
                let stack = stack(generation, args.number())?;
                context.runs(typ)?;
                let go = running(&mut self.gos, context, typ)?;
                let (status, to) = if typ == ev::GO_BLOCK {
                    (WAITING, GoState::Waiting)
                } else {
                    (RUNNABLE, GoState::Runnable)
                };
                go.status = status;
                let local = &mut go.local;
                let at = context.at(self.clock.stamp(time));
                let event =
                    GoEvent { g: context.g, from: GoState::Running, to, reason, stack, own: stack };
                sink.go(&at, &event, local);
                context.drop_g();
            }
            ev::GO_UNBLOCK => {
                let g = GoId(args.number());
                let seq = Seq { generation: self.generation, n: args.number() };
                let stack = args.number();
                let row = self.gos.find(g);
                let Some(go) = self.gos.get(row, g) else { return Err(Refused::NotYet) };
                if go.status != WAITING || !seq.follows(go.seq()) {
                    return Err(Refused::NotYet);
                }
                let stack = self::stack(generation, stack)?;
                go.status = RUNNABLE;
                go.set_seq(seq);
                let at = context.at(self.clock.stamp(time));
                let event = GoEvent { stack, ..change(g, GoState::Waiting, GoState::Runnable) };
                sink.go(&at, &event, &mut go.local);
            }
            ev::GO_CREATE | ev::GO_CREATE_BLOCKED => {
                let g = GoId(args.number());
                let own = stack(generation, args.number())?;
                let stack = stack(generation, args.number())?;
                context.has_p(typ)?;
                if context.g != GoId::NONE
                    && let Some(creator) = self.gos.get(context.row, context.g)
                    && creator.status != RUNNING
                {
                    return broken(wrong_state(typ, context.g));
                }
                let (status, to) = if typ == ev::GO_CREATE {
                    (RUNNABLE, GoState::Runnable)
                } else {
                    (WAITING, GoState::Waiting)
                };
                if let Some(ahead) = &mut self.ahead {
                    ahead.created(g);
                }
                let go = create(&mut self.gos, self.generation, g, status)?.1;
                let local = &mut go.local;
                let at = context.at(self.clock.stamp(time));
                let event = GoEvent { stack, own, ..change(g, GoState::NotExist, to) };
                sink.go(&at, &event, local);
            }
            ev::GO_DESTROY => {
                context.runs(typ)?;
                let go = running(&mut self.gos, context, typ)?;
                let local = &mut go.local;
                let at = context.at(self.clock.stamp(time));
                sink.go(&at, &change(context.g, GoState::Running, GoState::NotExist), local);
                self.bury(context);
            }
            ev::GO_SYSCALL_BEGIN => {
                let seq = Seq { generation: self.generation, n: args.number() };
                let stack = stack(generation, args.number())?;
                context.runs(typ)?;
                running(&mut self.gos, context, typ)?.status = SYSCALL;
                let Some(proc) = self.procs.get(context.p_row) else {
                    return broken(format!(
                        "GoSyscallBegin on P {}, which was not seen",
                        context.p.0
                    ));
                };
                if !seq.follows(proc.seq) {
                    return broken(format!(
                        "GoSyscallBegin is number {} of P {}, which is at {}",
                        seq.n, context.p.0, proc.seq.n
                    ));
                }
                proc.status = P_SYSCALL;
                proc.seq = seq;
                let at = context.at(self.clock.stamp(time));
                let event = GoEvent {
                    stack,
                    own: stack,
                    ..change(context.g, GoState::Running, GoState::Syscall)
                };
                if let Some(go) = self.gos.get(context.row, context.g) {
                    sink.go(&at, &event, &mut go.local);
                }
            }
            ev::GO_SYSCALL_END => {
                context.runs(typ)?;
                let Some(proc) = self.procs.get(context.p_row).filter(|p| p.status == P_SYSCALL)
                else {
                    return broken(format!(
                        "GoSyscallEnd on P {}, which is in no syscall",
                        context.p.0
                    ));
                };
                let Some(go) =
                    self.gos.get(context.row, context.g).filter(|go| go.status == SYSCALL)
                else {
                    return broken(wrong_state(typ, context.g));
                };
                proc.status = P_RUNNING;
                go.status = RUNNING;
                let at = context.at(self.clock.stamp(time));
                let event = change(context.g, GoState::Syscall, GoState::Running);
                sink.go(&at, &event, &mut go.local);
            }
            ev::PROC_START => {
                let p = ProcId(args.number());
                let seq = Seq { generation: self.generation, n: args.number() };
                let row = self.procs.find(p);
                let Some(proc) = self.procs.get(row) else { return Err(Refused::NotYet) };
                if proc.status != P_IDLE || !seq.follows(proc.seq) || context.p != ProcId::NONE {
                    return Err(Refused::NotYet);
                }
                context.has_m(typ)?;
                proc.status = P_RUNNING;
                proc.seq = seq;
                proc.owner = context.m;
                let at = context.at(self.clock.stamp(time));
                sink.proc(&at, &ProcEvent { p, from: ProcState::Idle, to: ProcState::Running });
                context.set_p(p, row);
            }
            ev::PROC_STOP => {
                let Some(proc) = self.procs.get(context.p_row) else {
                    return broken(format!("ProcStop on thread {}, which has no P", context.id.0));
                };
                if proc.status != P_RUNNING && proc.status != P_SYSCALL {
                    return broken(format!("ProcStop of P {}, which does not run", context.p.0));
                }
                context.has_m(typ)?;
                proc.status = P_IDLE;
                let at = context.at(self.clock.stamp(time));
                let event =
                    ProcEvent { p: context.p, from: ProcState::Running, to: ProcState::Idle };
                sink.proc(&at, &event);
                context.drop_p();
            }
            ev::GO_SYSCALL_END_BLOCKED => {
                if self.procs.get(context.p_row).is_some_and(|p| p.status == P_SYSCALL) {
                    return Err(Refused::NotYet); // the P will be lost first
                }
                context.has_g(typ)?;
                let Some(go) =
                    self.gos.get(context.row, context.g).filter(|go| go.status == SYSCALL)
                else {
                    return broken(wrong_state(typ, context.g));
                };
                go.status = RUNNABLE;
                let at = context.at(self.clock.stamp(time));
                let event = change(context.g, GoState::Syscall, GoState::Runnable);
                sink.go(&at, &event, &mut go.local);
                context.drop_g();
            }
            ev::PROC_STEAL => return self.proc_steal(sink, cursor, context, args),
            ev::GO_STATUS | ev::GO_STATUS_STACK => {
                return self.go_status(generation, sink, cursor, context, args);
            }
            ev::PROC_STATUS => return self.proc_status(sink, cursor, context, args),
            ev::GO_SWITCH | ev::GO_SWITCH_DESTROY => {
                return self.go_switch(sink, cursor, context, args);
            }
            ev::GO_CREATE_SYSCALL => {
                let g = GoId(args.number());
                context.no_g(typ)?;
                if let Some(ahead) = &mut self.ahead {
                    ahead.created(g);
                }
                let (row, go) = create(&mut self.gos, self.generation, g, SYSCALL)?;
                let local = &mut go.local;
                let at = context.at(self.clock.stamp(time));
                sink.go(&at, &change(g, GoState::NotExist, GoState::Syscall), local);
                context.set_g(g, row);
            }
            ev::GO_DESTROY_SYSCALL => self.go_destroy_syscall(sink, cursor, context)?,
            _ => return self.aside(generation, sink, cursor, context, args),
        }
        finish(&args)
    }

    /// The thread's goroutine ends.
    #[inline(always)]
    fn bury(&mut self, context: &mut Context) {
        if self.gos.get(context.row, context.g).is_some_and(|go| go.noted) {
            self.regions.remove(&context.g);
            self.stops.remove(&context.g);
            if let Some(ahead) = &mut self.ahead {
                ahead.gone(context.g);
            }
        }
        self.gos.remove(context.row);
        context.drop_g();
    }

    /// One goroutine hands its thread to another: an unblock, a block or an end, and a start.
    #[inline(never)]
    fn go_switch<S: Sink<Local = L>>(
        &mut self,
        sink: &mut S,
        cursor: &Cursor,
        context: &mut Context,
        mut args: varint::Cursor<'_>,
    ) -> Tried {
        let next = GoId(args.number());
        let seq = Seq { generation: self.generation, n: args.number() };
        context.runs(cursor.typ)?;
        running(&mut self.gos, context, cursor.typ)?;
        let row = self.gos.find(next);
        let Some(go) = self.gos.get(row, next) else { return Err(Refused::NotYet) };
        if go.status != WAITING || !seq.follows(go.seq()) {
            return Err(Refused::NotYet);
        }
        let at = context.at(self.clock.stamp(cursor.time));
        sink.go(&at, &change(next, GoState::Waiting, GoState::Runnable), &mut go.local);
        go.status = RUNNING;
        go.set_seq(seq);

        let at = context.at(self.clock.stamp(cursor.time));
        let ends = cursor.typ == ev::GO_SWITCH_DESTROY;
        if let Some(go) = self.gos.get(context.row, context.g) {
            let to = if ends { GoState::NotExist } else { GoState::Waiting };
            sink.go(&at, &change(context.g, GoState::Running, to), &mut go.local);
            go.status = WAITING;
        }
        if ends {
            self.bury(context);
        }

        context.drop_g();
        let at = context.at(self.clock.stamp(cursor.time));
        if let Some(go) = self.gos.get(row, next) {
            sink.go(&at, &change(next, GoState::Runnable, GoState::Running), &mut go.local);
        }
        context.set_g(next, row);
        finish(&args)
    }

    #[inline(never)]
    fn proc_steal<S: Sink<Local = L>>(
        &mut self,
        sink: &mut S,
        cursor: &Cursor,
        context: &mut Context,
        mut args: varint::Cursor<'_>,
    ) -> Tried {
        let p = ProcId(args.number());
        let seq = Seq { generation: self.generation, n: args.number() };
        let thread = ThreadId(args.number());
        let row = self.procs.find(p);
        let Some(proc) = self.procs.get(row) else { return Err(Refused::NotYet) };
        let old = proc.status;
        if (old != P_SYSCALL && old != P_ABANDONED) || !seq.follows(proc.seq) {
            return Err(Refused::NotYet);
        }
        context.has_m(cursor.typ)?;
        proc.status = P_IDLE;
        proc.seq = seq;
        let mut from = ProcState::Running;
        let at = context.at(crate::Nanos(0));
        if old == P_ABANDONED {
            from = ProcState::Idle; // whose it was is lost
        } else if self.ahead.as_ref().is_some_and(|ahead| ahead.was_abandoned(p)) {
            let m = self.thread(thread);
            self.had_p(m, p, None)?;
        } else if thread == context.id {
            if context.p != p {
                return broken(format!(
                    "thread {} takes P {} from itself, but has another",
                    thread.0, p.0
                ));
            }
            context.drop_p();
        } else {
            let Some(victim) = self.met(thread).filter(|m| m.p == p) else {
                return broken(format!(
                    "P {} is taken from thread {}, which does not have it",
                    p.0, thread.0
                ));
            };
            (victim.p, victim.p_row) = (ProcId::NONE, Procs::NONE);
        }
        let t = self.clock.stamp(cursor.time);
        sink.proc(&At { t, ..at }, &ProcEvent { p, from, to: ProcState::Idle });
        finish(&args)
    }

    /// A goroutine that a C thread made goes away, and the P that the thread may have is lost.
    #[inline(never)]
    fn go_destroy_syscall<S: Sink<Local = L>>(
        &mut self,
        sink: &mut S,
        cursor: &Cursor,
        context: &mut Context,
    ) -> Result<(), Refused> {
        context.has_g(cursor.typ)?;
        let syscall = |go: &&mut Go<L>| go.status == SYSCALL;
        if self.gos.get(context.row, context.g).filter(syscall).is_none() {
            return broken(wrong_state(cursor.typ, context.g));
        }
        let before = *context;
        if context.p != ProcId::NONE {
            let Some(proc) = self.procs.get(context.p_row).filter(|p| p.status == P_SYSCALL) else {
                return broken(format!(
                    "GoDestroySyscall on P {}, which is in no syscall",
                    context.p.0
                ));
            };
            proc.status = P_ABANDONED;
            let at = before.at(self.clock.stamp(cursor.time));
            let event = ProcEvent { p: context.p, from: ProcState::Running, to: ProcState::Idle };
            sink.proc(&at, &event);
            context.drop_p();
        }
        let at = before.at(self.clock.stamp(cursor.time));
        if let Some(go) = self.gos.get(context.row, context.g) {
            sink.go(&at, &change(context.g, GoState::Syscall, GoState::NotExist), &mut go.local);
        }
        self.bury(context);
        Ok(())
    }
}

/// The thread's goroutine, which must run.
#[inline(always)]
fn running<'a, L: Default + Clone>(
    gos: &'a mut Living<Go<L>>,
    context: &Context,
    typ: u8,
) -> Result<&'a mut Go<L>, Refused> {
    match gos.get(context.row, context.g) {
        Some(go) if go.status == RUNNING => Ok(go),
        _ => broken(wrong_state(typ, context.g)),
    }
}

#[inline(always)]
pub(super) fn create<L: Default + Clone>(
    gos: &mut Living<Go<L>>,
    generation: u32,
    g: GoId,
    status: u8,
) -> Result<(Row, &mut Go<L>), Refused> {
    let row = gos.insert_new(g);
    match gos.get(row, g) {
        Some(go) => {
            go.set_seq(Seq { generation, n: 0 });
            go.status = status;
            Ok((row, go))
        }
        None => broken(format!("goroutine {} is created but exists already", g.0)),
    }
}

/// The event's length, if its arguments were numbers.
#[inline(always)]
pub(super) fn finish(args: &varint::Cursor<'_>) -> Tried {
    match args.pos() {
        Some(len) => Ok(len),
        None => broken("an event has a number of more than 64 bits".into()),
    }
}
