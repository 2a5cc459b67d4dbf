//! What the events of a trace mean for the index.

use exectrace::{
    At, Generation, GoEvent, GoId, GoState, Log, Metric, Nanos, ProcEvent, ProcState, RangeEvent,
    RangeKind, RangePhase, RangeScope, Region, Sink, StackId, StackRow, StrId, Tables, Task,
};

use super::build::{Local, Making, NONE, UNKNOWN, upper};
use super::class::Class;
use super::counters::Counter;
use super::{Message, NO_GO, RegionSpan, Sample, TaskSpan};

/// One generation's events on their way into the index.
pub(super) struct Pass<'a> {
    pub(super) making: &'a mut Making,
    pub(super) tables: &'a Tables,
}

impl Sink for Pass<'_> {
    type Local = Local;

    fn generation(&mut self, t: Nanos, generation: &Generation, _: &Tables) {
        let m = &mut *self.making;
        (m.sync, m.end) = (t.0, t.0);
        m.entries.clear();
        m.entries.resize(generation.n_stacks(), UNKNOWN);
        m.stacks.clear();
        m.stacks.extend((0..generation.n_stacks() as u32).map(|r| generation.stack(StackRow(r))));
    }

    fn end(&mut self, t: Nanos) {
        self.making.end = t.0;
    }

    fn go(&mut self, at: &At, event: &GoEvent, local: &mut Local) {
        if event.from == event.to {
            return;
        }
        let m = &mut *self.making;
        let t = at.t.0;
        let mut start = t;
        match event.from {
            GoState::NotExist | GoState::Undetermined => {
                let created = event.from == GoState::NotExist;
                let stack = |row: StackRow| m.stacks[row.0 as usize];
                let created_at = if created { stack(event.stack) } else { StackId::NONE };
                let root = stack(event.own);
                if !created {
                    start = m.sync;
                }
                local.0 = m.born(event.g, start, created_at, root);
            }
            _ => {}
        }
        let row = local.0;
        let Some(open) = m.opens.get(row as usize) else { return };
        let (go, was, class) = (open.go, open.state, open.class);
        if !open.has_root {
            let root = m.stacks[event.own.0 as usize];
            if root != StackId::NONE {
                m.index.gos.root(go, root);
                m.opens[row as usize].has_root = true;
            }
        }
        // What ends.
        let mut from = None;
        match was {
            GoState::Running => {
                let stack = if at.g == event.g { event.stack } else { StackRow::NONE };
                let site = m.running(stack);
                let p = m.index.ps.row(at.p.0);
                m.ran(row, t, p, site);
                from = Some(Counter::Running);
            }
            GoState::Runnable => from = Some(Counter::Runnable),
            GoState::Syscall => {
                from = Some(Counter::Syscall);
                let p = m.opens[row as usize].p;
                m.beside_ends(p, t, Class::Syscall);
                if event.to == GoState::Runnable {
                    m.index.syscall_exits.push(t, go.0);
                }
            }
            GoState::Waiting => {
                from = Some(Counter::Waiting);
                if class == Class::GcWait {
                    m.index.counters.change(t, Some(Counter::GcWaiting), None);
                }
                if class == Class::Network {
                    m.index.net_wakes.push(t, go.0);
                } else if at.g == GoId::NONE {
                    m.index.timer_wakes.push(t, go.0);
                }
            }
            GoState::Undetermined | GoState::NotExist => {}
        }
        // What begins.
        let mut to = None;
        let mut now = Class::Unknown;
        match event.to {
            GoState::Running => {
                to = Some(Counter::Running);
                let x = m.where_at(at);
                let p = m.index.ps.row(at.p.0);
                let open = &mut m.opens[row as usize];
                (open.run, open.p) = (start, p);
                let assist = open.assist;
                now = if assist == NONE { Class::Running } else { Class::Assist };
                let site = if assist == NONE { m.running(StackRow::NONE) } else { assist };
                if assist != NONE {
                    m.beside_begins(p, t, Class::Assist, go.0);
                }
                m.begin(row, start, site, x);
            }
            GoState::Runnable => {
                to = Some(Counter::Runnable);
                now = Class::Runnable;
                let by = if at.g == event.g { None } else { m.open_of(at.g) };
                let by = by.map_or(NONE, |o| m.opens[o as usize].go.0);
                let woken = matches!(was, GoState::Waiting | GoState::NotExist);
                let x = if woken && event.from != GoState::Undetermined { by } else { NONE };
                let site = m.runnable(event.stack, event.reason);
                m.begin(row, start, site, x);
            }
            GoState::Syscall => {
                to = Some(Counter::Syscall);
                now = Class::Syscall;
                let x = m.where_at(at);
                let site = m.syscall(event.stack);
                m.begin(row, start, site, x);
                let p = m.index.ps.row(at.p.0);
                m.opens[row as usize].p = p;
                // A status tells of another thread's goroutine.
                if event.from == GoState::Running {
                    m.beside_begins(p, t, Class::Syscall, go.0);
                }
            }
            GoState::Waiting => {
                to = Some(Counter::Waiting);
                let site = m.wait(event.stack, event.reason, self.tables);
                now = m.index.sites[site as usize].class;
                if now == Class::GcWait {
                    m.index.counters.change(t, None, Some(Counter::GcWaiting));
                }
                m.begin(row, start, site, NONE);
            }
            GoState::NotExist => {
                m.flush(row, true);
                m.index.gos.ends(go, t);
                let at = m.rows.find(event.g);
                m.rows.remove(at);
                m.free.push(row);
                m.regions.remove(&event.g);
                local.0 = NONE;
            }
            GoState::Undetermined => {}
        }
        m.index.counters.change(start, from, to);
        if let Some(open) = m.opens.get_mut(row as usize) {
            (open.state, open.class) = (event.to, now);
        }
    }

    fn proc(&mut self, at: &At, event: &ProcEvent) {
        let m = &mut *self.making;
        if event.from == event.to {
            return;
        }
        let p = m.index.ps.row(event.p.0);
        if upper(&mut m.index.procs, p).is_none() {
            return;
        }
        while m.running_ps.len() <= p as usize {
            m.running_ps.push(false);
        }
        let runs = event.to == ProcState::Running;
        let ran = std::mem::replace(&mut m.running_ps[p as usize], runs);
        if runs != ran {
            let (from, to) =
                if runs { (None, Some(Counter::Threads)) } else { (Some(Counter::Threads), None) };
            m.index.counters.change(at.t.0, from, to);
        }
        if !runs {
            m.beside_ends(p, at.t.0, Class::Syscall);
        }
    }

    fn range(&mut self, at: &At, event: &RangeEvent) {
        let m = &mut *self.making;
        let t = at.t.0;
        let begins = event.phase != RangePhase::End;
        match (event.kind, event.scope) {
            (RangeKind::GcMarkAssist, RangeScope::Go(g)) => {
                let Some(row) = m.open_of(g) else { return };
                let (go, state) = (m.opens[row as usize].go, m.opens[row as usize].state);
                let was = m.opens[row as usize].assist;
                if begins == (was != NONE) {
                    return; // named again at a generation's beginning
                }
                let runs = state == GoState::Running;
                let p = m.opens[row as usize].p;
                let x = m.where_at(at);
                if begins {
                    if runs {
                        let site = m.running(event.stack);
                        if let Some(last) = m.opens[row as usize].spans.last_mut() {
                            last.site = site;
                        }
                    }
                    let stack = m.stacks[event.stack.0 as usize];
                    let site = m.site(Class::Assist, StrId::NONE, stack);
                    m.opens[row as usize].assist = site;
                    if runs {
                        m.begin(row, t, site, x);
                        m.beside_begins(p, t, Class::Assist, go.0);
                    }
                } else {
                    m.opens[row as usize].assist = NONE;
                    if runs {
                        let site = m.running(StackRow::NONE);
                        m.begin(row, t, site, x);
                        m.beside_ends(p, t, Class::Assist);
                    }
                }
            }
            (RangeKind::GcSweep, RangeScope::Proc(p)) => {
                let p = m.index.ps.row(p.0);
                let key = (event.kind, event.scope);
                if begins {
                    if m.ranges.insert(key, (t, StackId::NONE)).is_none() {
                        let go = m.open_of(at.g).map_or(NONE, |o| m.opens[o as usize].go.0);
                        m.beside_begins(p, t, Class::Sweep, go);
                    }
                } else if m.ranges.remove(&key).is_some() {
                    m.beside_ends(p, t, Class::Sweep);
                }
            }
            (kind, scope) => {
                if begins {
                    let since = if event.phase == RangePhase::Active { m.sync } else { t };
                    let stack = m.stacks[event.stack.0 as usize];
                    m.ranges.entry((kind, scope)).or_insert((since, stack));
                } else if let Some((since, stack)) = m.ranges.remove(&(kind, scope)) {
                    m.range_span(kind, scope, since, t, stack);
                }
            }
        }
    }

    fn sample(&mut self, at: &At, stack: StackRow) {
        let m = &mut *self.making;
        let go = m.open_of(at.g).map_or(NO_GO, |o| m.opens[o as usize].go);
        let (p, th) = (at.p, at.m);
        let stack = m.stacks[stack.0 as usize];
        m.index.samples.push(Sample { t: at.t.0, go, p, m: th, stack });
    }

    fn metric(&mut self, at: &At, metric: Metric, value: u64, _: StackRow) {
        let m = &mut *self.making;
        match metric {
            Metric::GoMaxProcs => m.index.gomaxprocs = value,
            Metric::HeapAlloc => m.index.heap.push(at.t.0, value),
            Metric::HeapGoal => m.index.goal.push(at.t.0, value),
        }
    }

    fn gomaxprocs(&mut self, _: Nanos, n: u64) {
        self.making.index.gomaxprocs = n;
    }

    fn task(&mut self, at: &At, task: &Task, stack: StackRow) {
        let m = &mut *self.making;
        if task.begins {
            let go = m.open_of(at.g).map_or(NO_GO, |o| m.opens[o as usize].go);
            m.tasks.insert(task.id, m.index.tasks.len() as u32);
            m.index.tasks.push(&TaskSpan {
                id: task.id,
                parent: task.parent,
                name: task.name,
                start: at.t.0,
                end: None,
                go,
                stack: m.stacks[stack.0 as usize],
            });
        } else if let Some(row) = m.tasks.remove(&task.id) {
            m.index.tasks.ends(row, at.t.0);
        }
    }

    fn region(&mut self, at: &At, region: &Region, stack: StackRow) {
        let m = &mut *self.making;
        if region.begins {
            let go = m.open_of(at.g).map_or(NO_GO, |o| m.opens[o as usize].go);
            m.regions.entry(at.g).or_default().push(m.index.regions.len() as u32);
            m.index.regions.push(&RegionSpan {
                task: region.task,
                name: region.name,
                start: at.t.0,
                end: None,
                go,
                stack: m.stacks[stack.0 as usize],
            });
        } else if let Some(open) = m.regions.get_mut(&at.g) {
            let regions = &mut m.index.regions;
            let is = |&row: &u32| regions.name(row) == Some(region.name);
            let at_row = open.iter().rposition(is);
            if let Some(row) = at_row.map(|i| open.remove(i)) {
                regions.ends(row, at.t.0);
            }
        }
    }

    fn log(&mut self, at: &At, log: &Log, stack: StackRow) {
        let m = &mut *self.making;
        let go = m.open_of(at.g).map_or(NO_GO, |o| m.opens[o as usize].go);
        m.index.logs.push(Message {
            t: at.t.0,
            go,
            task: log.task,
            category: log.category,
            text: log.message,
            stack: m.stacks[stack.0 as usize],
        });
    }
}
