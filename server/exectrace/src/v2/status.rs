//! What the runtime tells of each goroutine and P in every generation: the state that it has by the events
//! before. In the first generation it is taken for what was there; so it is in one that is decoded ahead
//! (`ahead`), which keeps it as an assumption.

use super::advance::{
    P_ABANDONED, P_RUNNING, P_SYSCALL, RUNNING, SYSCALL, broken, change, create, finish, go_state,
    stack,
};
use super::context::Context;
use super::generation::Generation;
use super::merge::Cursor;
use super::order::{Proc, Refused, Seq, State, Tried, proc_state};
use super::spec::{ev, go_status, proc_status};
use crate::sink::{GoEvent, GoState, ProcEvent, ProcState, Sink};
use crate::{At, GoId, ProcId, StackRow, ThreadId, varint};

/// Said to nobody: the generation is decoded again in its turn.
const NOT_AHEAD: &str = "what a thread had is not known";

impl<L: Default + Clone> State<L> {
    #[inline(never)]
    pub(super) fn go_status<S: Sink<Local = L>>(
        &mut self,
        generation: &Generation,
        sink: &mut S,
        cursor: &Cursor,
        context: &mut Context,
        mut args: varint::Cursor<'_>,
    ) -> Tried {
        let g = GoId(args.number());
        let thread = ThreadId(args.number());
        let status = args.number();
        let own = match cursor.typ {
            ev::GO_STATUS_STACK => stack(generation, args.number())?,
            _ => StackRow::NONE,
        };
        if status > go_status::WAITING {
            return broken(format!("goroutine {} has status {status}, which does not exist", g.0));
        }
        let status = status as u8;
        let seq = Seq { generation: self.generation, n: 0 };
        let mut row = self.gos.find(g);
        let mut from = go_state(status);
        let first = self.is_first();
        let mut carried = false;
        match self.gos.get(row, g) {
            Some(go) => {
                if go.status != status {
                    return broken(format!(
                        "goroutine {} is {:?} by its events and {:?} by its status",
                        g.0,
                        go_state(go.status),
                        from
                    ));
                }
                go.set_seq(seq);
            }
            None if let Some(ahead) = &mut self.ahead => {
                ahead.go(g, status);
                row = create(&mut self.gos, self.generation, g, status)?.0;
                if let Some(go) = self.gos.get(row, g) {
                    sink.carried(from, &mut go.local);
                }
                carried = true;
            }
            None if first => {
                row = create(&mut self.gos, self.generation, g, status)?.0;
                from = GoState::Undetermined;
            }
            None => {
                return broken(format!(
                    "goroutine {} has a status but was not there in the generation before",
                    g.0
                ));
            }
        }
        let mut at = At { t: crate::Nanos(0), g: context.g, p: context.p, m: context.id };
        match status {
            RUNNING => {
                if carried {
                    self.had_g(context.m, g, Some(cursor.at))?;
                }
                context.set_g(g, row);
            }
            SYSCALL if thread == ThreadId::NONE => {
                return broken(format!("goroutine {} is in a syscall on no thread", g.0));
            }
            SYSCALL if thread == context.id => {
                if carried && context.g == GoId::NONE {
                    self.had_g(context.m, g, Some(cursor.at))?;
                } else if !first && context.g != g {
                    return broken(format!(
                        "goroutine {} is in a syscall on thread {}, which has another",
                        g.0, thread.0
                    ));
                }
                context.set_g(g, row);
            }
            SYSCALL => {
                // It sits in a syscall on a thread that says nothing itself.
                if carried {
                    let m = self.thread(thread);
                    self.had_g(m, g, None)?;
                    let m = &mut self.ms[m as usize];
                    (m.seen, m.g, m.row) = (true, g, row);
                } else if let Some(m) = self.meet(thread, g, row) {
                    if m.g != g {
                        return broken(format!(
                            "goroutine {} is in a syscall on thread {}, which has another",
                            g.0, thread.0
                        ));
                    }
                    at.g = g;
                }
                at.m = thread;
            }
            _ => {}
        }
        at.t = self.clock.stamp(cursor.time);
        if let Some(go) = self.gos.get(row, g) {
            let event = GoEvent { stack: own, own, ..change(g, from, go_state(status)) };
            sink.go(&at, &event, &mut go.local);
        }
        finish(&args)
    }

    #[inline(never)]
    pub(super) fn proc_status<S: Sink<Local = L>>(
        &mut self,
        sink: &mut S,
        cursor: &Cursor,
        context: &mut Context,
        mut args: varint::Cursor<'_>,
    ) -> Tried {
        let p = ProcId(args.number());
        let status = args.number();
        if status > proc_status::SYSCALL_ABANDONED {
            return broken(format!("P {} has status {status}, which does not exist", p.0));
        }
        let status = status as u8;
        let seq = Seq { generation: self.generation, n: 0 };
        let (mut from, mut to) = (proc_state(status), proc_state(status));
        let mut row = self.procs.find(p);
        let mut promoted = false;
        match self.procs.get(row) {
            Some(proc) => {
                if status == P_ABANDONED && proc.status == P_SYSCALL {
                    // Nothing was lost: it is known who has it.
                    (from, to, promoted) = (ProcState::Running, ProcState::Running, true);
                } else if proc.status != status {
                    return broken(format!(
                        "P {} has status {status}, but {} by its events",
                        p.0, proc.status
                    ));
                }
                proc.seq = seq;
            }
            None if let Some(ahead) = &mut self.ahead => {
                ahead.proc(p, status);
                // One that is about to be taken is in a syscall; from whom will be said.
                let known = if status == P_ABANDONED { P_SYSCALL } else { status };
                let owner = context.m;
                row = self.procs.insert(p, Proc { seq, status: known, sweeps: false, owner });
                (from, to) = (proc_state(known), proc_state(known));
                if status == P_RUNNING || status == P_SYSCALL {
                    self.had_p(context.m, p, Some(cursor.at))?;
                }
            }
            None => {
                let owner = context.m;
                row = self.procs.insert(p, Proc { seq, status, sweeps: false, owner });
                from = if self.is_first() { ProcState::Undetermined } else { ProcState::NotExist };
            }
        }
        let mut at = context.at(crate::Nanos(0));
        if promoted {
            // The status is made by whoever is about to take the P; it belongs to the one who has it.
            let owner = if context.p == p {
                Some((context.id, context.g))
            } else {
                let owner = self.procs.get(row).map_or(u32::MAX, |proc| proc.owner);
                let owner = self.ms.get(owner as usize).filter(|m| m.seen && m.p == p);
                owner.map(|m| (m.id, m.g))
            };
            let Some((m, g)) = owner else {
                return broken(format!(
                    "P {} is about to be taken from a thread that is not known",
                    p.0
                ));
            };
            at = At { m, g, p, ..at };
        }
        if status == P_RUNNING || status == P_SYSCALL {
            context.set_p(p, row);
            if let Some(proc) = self.procs.get(row) {
                proc.owner = context.m;
            }
        }
        at.t = self.clock.stamp(cursor.time);
        sink.proc(&at, &ProcEvent { p, from, to });
        finish(&args)
    }

    /// Assumes that a thread had a goroutine when the generation began.
    fn had_g(&mut self, m: u32, g: GoId, at: Option<u32>) -> Result<(), Refused> {
        let fits = self.ahead.as_mut().is_none_or(|ahead| ahead.thread_had_g(m, g, at));
        if fits { Ok(()) } else { broken(NOT_AHEAD.into()) }
    }

    /// The same of a P.
    pub(super) fn had_p(&mut self, m: u32, p: ProcId, at: Option<u32>) -> Result<(), Refused> {
        let fits = self.ahead.as_mut().is_none_or(|ahead| ahead.thread_had_p(m, p, at));
        if fits { Ok(()) } else { broken(NOT_AHEAD.into()) }
    }
}
