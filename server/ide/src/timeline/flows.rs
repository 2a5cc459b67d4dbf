//! What made goroutines able to run: wakes, creations and ends of system calls, from one span to the
//! next; and how tasks begin parts of themselves.

use exectrace::{GoId, ProcId, StackId, TaskId};
use hashbrown::HashSet;

use super::class::Class;
use super::lanes::Span;
use super::slices::Ref;
use super::tile::Key;
use super::{GoRef, Index, NO_GO, TaskSpan};

/// Why one span follows from another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowKind {
    /// A goroutine created another.
    Creation,
    /// A goroutine woke another; or the network, or a timer.
    Wake,
    /// A system call ended, and its goroutine had to wait for a P.
    SyscallExit,
    /// A task began a part of itself.
    Task,
}

impl FlowKind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            FlowKind::Creation => "creation",
            FlowKind::Wake => "wake",
            FlowKind::SyscallExit => "syscall exit",
            FlowKind::Task => "task",
        }
    }
}

/// That one goroutine made another able to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// How.
    pub kind: FlowKind,
    /// When.
    pub t: i64,
    /// Who did; [`NO_GO`]: no goroutine.
    pub from: GoRef,
    /// Who could run then.
    pub to: GoRef,
    /// When that one ran; the same as `t` where it never did.
    pub ran: i64,
    /// Where the one that did it stood.
    pub stack: StackId,
}

/// That one task began another.
#[derive(Debug, Clone, Copy)]
pub struct TaskFlow {
    /// The whole.
    pub parent: TaskSpan,
    /// Its part, which begins at the time of the flow.
    pub part: TaskSpan,
}

/// So many spans are gone over for what a span led to.
pub(super) const STEPS: usize = 400_000;

impl Index {
    /// What made a goroutine able to run, if the span is its being so.
    pub fn flow_of(&self, go: GoRef, span: &Span) -> Option<Flow> {
        if span.tone.class() != Class::Runnable {
            return None;
        }
        let before = self.before(go, span).map(|b| b.tone.class());
        let kind = match before {
            None if span.x != u32::MAX => FlowKind::Creation,
            Some(Class::Syscall) => FlowKind::SyscallExit,
            Some(class) if class.is_wait() => FlowKind::Wake,
            _ => return None,
        };
        let stack = match kind {
            FlowKind::SyscallExit => StackId::NONE,
            _ => self.site(span)?.stack,
        };
        let from = if span.x == u32::MAX { NO_GO } else { GoRef(span.x) };
        let ran = if self.after(go, span).is_some() { span.end } else { span.start };
        Some(Flow { kind, t: span.start, from, to: go, ran, stack })
    }

    /// The wake that ended a wait, or that led to a span.
    pub(super) fn waker_of(&self, go: GoRef, span: &Span) -> Option<Flow> {
        let class = span.tone.class();
        if class.is_wait() || class == Class::Syscall {
            let after = self.after(go, span)?;
            return self.flow_of(go, &after);
        }
        if class == Class::Runnable {
            return self.flow_of(go, span);
        }
        let mut at = *span;
        for _ in 0..64 {
            let before = self.before(go, &at)?;
            if let Some(flow) = self.flow_of(go, &before) {
                return Some(flow);
            }
            if before.tone.class().is_wait() {
                return None;
            }
            at = before;
        }
        None
    }

    /// What a goroutine made able to run in some time; and whether that is all.
    pub fn outgoing(&self, go: GoRef, t0: i64, t1: i64, most: usize) -> (Vec<Flow>, bool) {
        let mut flows = Vec::new();
        let mut steps = 0;
        for other in self.alive(t0, t1.saturating_add(1)) {
            steps += 1;
            for span in self.spans(other, t0, t1.saturating_add(1)) {
                steps += 1;
                let starts = span.start >= t0 && span.start <= t1;
                if starts && span.tone.class() == Class::Runnable && span.x == go.0 {
                    flows.extend(self.flow_of(other, &span));
                }
            }
            if steps > STEPS {
                flows.sort_by_key(|f| (f.t, f.to));
                flows.truncate(most);
                return (flows, true);
            }
        }
        flows.sort_by_key(|f| (f.t, f.to));
        let cut = flows.len() > most;
        flows.truncate(most);
        (flows, cut)
    }

    /// The wakes from one span to the next, backward to what caused it or forward to what it caused.
    pub fn chain(&self, id: GoId, t: i64, back: bool, most: usize) -> Vec<(Flow, Ref)> {
        let mut links: Vec<(Flow, Ref)> = Vec::new();
        let Some(mut go) = self.find_go(id) else { return links };
        let mut t = t;
        while links.len() < most {
            let Some(span) = self.span_at(go, t) else { break };
            let flow = if back {
                // Of a wait at the chain's beginning its own end; later on, what came before.
                let waits = span.tone.class().is_wait();
                let from =
                    if waits && !links.is_empty() { self.before(go, &span) } else { Some(span) };
                from.and_then(|s| self.waker_of(go, &s))
            } else {
                let from = if links.is_empty() { span.start } else { t };
                let end = self.run_end(go, &span);
                self.outgoing(go, from, end, 1).0.first().copied()
            };
            let Some(flow) = flow else { break };
            let (next, at) = if back { (flow.from, flow.t) } else { (flow.to, flow.ran) };
            // Time goes one way, or the chain would never end.
            let onward = links
                .last()
                .is_none_or(|(last, _)| if back { flow.t < last.t } else { flow.t > last.t });
            if !onward {
                break;
            }
            let Some(there) = self.span_at(next, at) else {
                if next == NO_GO
                    && let Some(here) = self.span_at(flow.to, flow.t)
                {
                    links.push((flow, Ref { go: flow.to, span: here }));
                }
                break;
            };
            links.push((flow, Ref { go: next, span: there }));
            (go, t) = (next, at);
        }
        links
    }

    /// Until when a goroutine runs on, a few spans far.
    fn run_end(&self, go: GoRef, span: &Span) -> i64 {
        let mut end = span.end;
        for _ in 0..16 {
            match self.span_at(go, end) {
                Some(next) if !next.tone.class().is_wait() => end = next.end,
                _ => break,
            }
        }
        end
    }

    /// The flows between some tasks and their parts in a window, in order; how many there are.
    pub fn task_flows(
        &self,
        tasks: &[TaskId],
        t0: i64,
        t1: i64,
        most: usize,
    ) -> (Vec<TaskFlow>, usize) {
        if tasks.is_empty() {
            return (Vec::new(), 0);
        }
        let asked: HashSet<TaskId> = tasks.iter().copied().collect();
        let from = self.tasks.begun(|start| start < t0);
        let to = self.tasks.begun(|start| start < t1);
        let parts = self.tasks.some(from..to);
        let parts = parts.filter(|p| asked.contains(&p.id) || asked.contains(&p.parent));
        let all = parts
            .filter(|p| p.parent != p.id)
            .filter_map(|part| Some(TaskFlow { parent: self.task(part.parent)?, part }));
        let mut flows = Vec::new();
        let mut of = 0;
        for flow in all {
            of += 1;
            if flows.len() < most {
                flows.push(flow);
            }
        }
        (flows, of)
    }

    /// The wakes and creations in a window that begin or end on one of some goroutines or Ps; how
    /// many there are, as far as was looked.
    pub fn flows(&self, keys: &[Key], t0: i64, t1: i64, most: usize) -> (Vec<Flow>, usize, bool) {
        let mut gos: Vec<GoRef> = Vec::new();
        let mut procs: Vec<ProcId> = Vec::new();
        let mut groups: Vec<&super::Group> = Vec::new();
        for key in keys {
            match key {
                Key::Gos(ids) => gos.extend(ids.iter().filter_map(|&id| self.find_go(id))),
                Key::Proc(id) => procs.push(*id),
                Key::Group(id) => groups.extend(self.groups.iter().find(|g| g.id == *id)),
                _ => {}
            }
        }
        gos.sort_unstable();
        let on_lane = |go: GoRef, t: i64| {
            if gos.binary_search(&go).is_ok() {
                return true;
            }
            if groups.iter().any(|g| g.gos.binary_search(&go).is_ok()) {
                return true;
            }
            !procs.is_empty()
                && self
                    .span_at(go, t)
                    .and_then(|s| self.ran_on(&s).0)
                    .is_some_and(|p| procs.contains(&p))
        };
        let (mut flows, mut of, mut steps) = (Vec::new(), 0, 0);
        let mut cut = false;
        for go in self.alive(t0, t1) {
            for span in self.spans(go, t0, t1) {
                steps += 1;
                let Some(flow) = self.flow_of(go, &span) else { continue };
                let starts = flow.t >= t0 && flow.t < t1;
                let ends = flow.ran >= t0 && flow.ran < t1;
                if !starts && !ends {
                    continue;
                }
                if on_lane(flow.to, flow.ran) || (flow.from != NO_GO && on_lane(flow.from, flow.t))
                {
                    of += 1;
                    flows.push(flow);
                }
            }
            if steps > STEPS {
                cut = true;
                break;
            }
        }
        flows.sort_by_key(|f| (f.t, f.to));
        if flows.len() > most {
            // Some from everywhere, not all from the beginning.
            let step = flows.len().div_ceil(most.max(1));
            flows = flows.into_iter().step_by(step).collect();
        }
        (flows, of, cut)
    }
}
