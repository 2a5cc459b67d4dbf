//! What threads, Ps and goroutines do: each act fits their state, is written, and is told as a fact.

use std::fmt::Write as _;

use super::{
    BLOCKS, Fact, Gc, Go, NAMES, NOBODY, ProcState, STOPS, Span, Stack, State, Thread, WORLD_STOPS,
    World, id,
};

impl World<'_> {
    pub(super) fn block(&mut self, m: usize, g: usize) {
        self.tell_thread(m);
        let (why, stack) = (self.pick(&BLOCKS), self.any_stack());
        let (reason, stack_id) = (self.string(why), self.stack_id(stack));
        let t = self.write(m, format!("GoBlock reason_string={reason} stack={stack_id}"));
        self.turn(t, m, g, State::Waiting, why, stack);
        self.threads[m].g = None;
    }

    pub(super) fn stop(&mut self, m: usize, g: usize) {
        self.tell_thread(m);
        let (why, stack) = (self.pick(&STOPS), self.any_stack());
        let (reason, stack_id) = (self.string(why), self.stack_id(stack));
        let t = self.write(m, format!("GoStop reason_string={reason} stack={stack_id}"));
        self.turn(t, m, g, State::Runnable, why, stack);
        self.threads[m].g = None;
    }

    pub(super) fn create(&mut self, m: usize, blocked: bool) {
        self.tell_thread(m);
        let (entry, stack) = (self.any_stack(), self.any_stack());
        let g = self.gos.len();
        let name = if blocked { "GoCreateBlocked" } else { "GoCreate" };
        let (own_id, stack_id) = (self.stack_id(entry), self.stack_id(stack));
        let t =
            self.write(m, format!("{name} new_g={} new_stack={own_id} stack={stack_id}", id(g)));
        let to = if blocked { State::Waiting } else { State::Runnable };
        self.gos.push(Go { told: true, ..Go::born(to) });
        let (from, by) = (State::None, self.threads[m].g.map(id));
        self.fact(t, Fact::Go { g: id(g), from, to, why: "", stack, own: entry, by });
    }

    pub(super) fn may_end(&self, g: usize) -> bool {
        !self.gos[g].assists && self.gos[g].stop.is_none()
    }

    pub(super) fn destroy(&mut self, m: usize, g: usize) {
        self.tell_thread(m);
        let t = self.write(m, "GoDestroy".into());
        self.turn(t, m, g, State::None, "", Stack::NONE);
        self.threads[m].g = None;
    }

    /// One goroutine hands over to another, and waits or ends.
    pub(super) fn switch(&mut self, m: usize, g: usize) {
        let Some(next) = self.some_go(State::Waiting) else { return };
        self.tell_thread(m);
        self.tell_go(m, next);
        let ends = self.may_end(g) && self.number(3) == 0;
        self.gos[next].seq += 1;
        let name = if ends { "GoSwitchDestroy" } else { "GoSwitch" };
        let seq = self.gos[next].seq;
        let t = self.write(m, format!("{name} g={} g_seq={seq}", id(next)));
        self.turn(t, m, next, State::Runnable, "", Stack::NONE);
        let t = self.stamp();
        let to = if ends { State::None } else { State::Waiting };
        self.turn(t, m, g, to, "", Stack::NONE);
        self.threads[m].g = None;
        let t = self.stamp();
        self.turn(t, m, next, State::Running, "", Stack::NONE);
        self.threads[m].g = Some(next);
    }

    pub(super) fn syscall(&mut self, m: usize, g: usize) {
        let Some(p) = self.threads[m].p else { return };
        self.tell_thread(m);
        let stack = self.any_stack();
        self.procs[p].seq += 1;
        let (seq, stack_id) = (self.procs[p].seq, self.stack_id(stack));
        let t = self.write(m, format!("GoSyscallBegin p_seq={seq} stack={stack_id}"));
        self.turn(t, m, g, State::Syscall, "", stack);
        self.procs[p].state = ProcState::Syscall;
    }

    /// A thread that runs nothing: it comes out of a system call, starts a goroutine, takes a P or
    /// gives it away.
    pub(super) fn go_on(&mut self, m: usize) {
        let Thread { p, g, .. } = &self.threads[m];
        match (*p, *g) {
            (Some(p), Some(g)) => {
                self.tell_thread(m);
                if self.number(4) == 0 {
                    self.write(m, "ProcStop".into());
                    self.lose(m, p);
                } else {
                    let t = self.write(m, "GoSyscallEnd".into());
                    self.turn(t, m, g, State::Running, "", Stack::NONE);
                    self.procs[p].state = ProcState::Running;
                }
            }
            (None, Some(g)) => {
                self.tell_thread(m);
                let t = self.write(m, "GoSyscallEndBlocked".into());
                self.turn(t, m, g, State::Runnable, "", Stack::NONE);
                self.threads[m].g = None;
            }
            (Some(p), None) => match self.some_go(State::Runnable) {
                Some(g) if self.number(6) != 0 => {
                    self.tell_thread(m);
                    self.tell_go(m, g);
                    self.gos[g].seq += 1;
                    let seq = self.gos[g].seq;
                    let t = self.write(m, format!("GoStart g={} g_seq={seq}", id(g)));
                    self.turn(t, m, g, State::Running, "", Stack::NONE);
                    self.threads[m].g = Some(g);
                }
                _ if self.number(3) == 0 => {
                    self.tell_thread(m);
                    self.write(m, "ProcStop".into());
                    self.lose(m, p);
                }
                _ => {}
            },
            (None, None) => {
                let idle: Vec<usize> = (0..self.procs.len())
                    .filter(|&p| self.procs[p].state == ProcState::Idle)
                    .collect();
                if !idle.is_empty() {
                    let p = self.pick(&idle);
                    self.tell_proc(m, p);
                    self.procs[p].seq += 1;
                    let seq = self.procs[p].seq;
                    self.write(m, format!("ProcStart p={p} p_seq={seq}"));
                    self.threads[m].p = Some(p);
                    self.procs[p].state = ProcState::Running;
                }
            }
        }
    }

    pub(super) fn lose(&mut self, m: usize, p: usize) {
        self.threads[m].p = None;
        self.procs[p].state = ProcState::Idle;
    }

    /// Takes the P of a thread that is in a system call.
    pub(super) fn steal(&mut self, m: usize) {
        let victims: Vec<usize> = (0..self.threads.len())
            .filter(|&v| v != m)
            .filter(|&v| {
                self.threads[v].p.is_some_and(|p| self.procs[p].state == ProcState::Syscall)
            })
            .collect();
        if victims.is_empty() {
            return;
        }
        let victim = self.pick(&victims);
        let Some(p) = self.threads[victim].p else { return };
        self.tell_thread(m);
        if !self.procs[p].told && self.generation > 1 && self.number(2) == 0 {
            // Who takes it says so, for the one in the system call says nothing.
            self.procs[p].told = true;
            self.write(m, format!("ProcStatus p={p} pstatus=4"));
        }
        if !self.procs[p].told {
            self.tell_thread(victim);
        }
        self.procs[p].seq += 1;
        let seq = self.procs[p].seq;
        self.write(m, format!("ProcSteal p={p} p_seq={seq} m={victim}"));
        self.lose(victim, p);
    }

    pub(super) fn unblock(&mut self, m: usize) {
        let Some(g) = self.some_go(State::Waiting) else { return };
        self.tell_thread(m);
        self.tell_go(m, g);
        // From a system call no goroutine wakes another one.
        let by = self.threads[m].g;
        if by.is_some() && self.running(m).is_none() {
            return;
        }
        let stack = if by.is_some() { self.any_stack() } else { Stack::NONE };
        self.gos[g].seq += 1;
        let (seq, stack_id) = (self.gos[g].seq, self.stack_id(stack));
        let t = self.write(m, format!("GoUnblock g={} g_seq={seq} stack={stack_id}", id(g)));
        self.turn(t, m, g, State::Runnable, "", stack);
    }

    pub(super) fn collect(&mut self, m: usize, _: usize) {
        self.tell_thread(m);
        let first = self.gc == Gc::Unknown;
        let seq = if first { 1 + self.number(50) as u64 } else { self.gc_seq + 1 };
        let stack = self.any_stack();
        let (was_there, again) = (self.number(2) == 0, self.number(3) == 0);
        let (event, fact, now) = match self.gc {
            Gc::Unknown if self.generation == 1 && was_there => (
                format!("GCActive gc_seq={seq}"),
                Some(Fact::WasThere { span: Span::Mark }),
                Gc::Marking,
            ),
            Gc::Unknown | Gc::Off => (
                format!("GCBegin gc_seq={seq} stack={}", self.stack_id(stack)),
                Some(Fact::Begins { span: Span::Mark, stack }),
                Gc::Marking,
            ),
            // It is told again in a later generation; nothing begins by that.
            Gc::Marking if self.generation > 1 && again => {
                (format!("GCActive gc_seq={seq}"), None, Gc::Marking)
            }
            Gc::Marking => {
                (format!("GCEnd gc_seq={seq}"), Some(Fact::Ends { span: Span::Mark }), Gc::Off)
            }
        };
        (self.gc, self.gc_seq) = (now, seq);
        let t = self.write(m, event);
        if let Some(fact) = fact {
            self.fact(t, fact);
        }
    }

    pub(super) fn stop_world(&mut self, m: usize, g: usize) {
        self.tell_thread(m);
        if let Some(why) = self.gos[g].stop.take() {
            let t = self.write(m, "STWEnd".into());
            self.fact(t, Fact::Ends { span: Span::Stop { g: id(g), why } });
            return;
        }
        let (why, stack) = (self.pick(&WORLD_STOPS), self.any_stack());
        let (kind, stack_id) = (self.string(why), self.stack_id(stack));
        let t = self.write(m, format!("STWBegin kind_string={kind} stack={stack_id}"));
        self.gos[g].stop = Some(why);
        self.fact(t, Fact::Begins { span: Span::Stop { g: id(g), why }, stack });
    }

    pub(super) fn sweep(&mut self, m: usize) {
        let Some(p) = self.threads[m].p else { return };
        self.tell_thread(m);
        let span = Span::Sweep { p: p as u64 };
        let (event, fact) = if self.procs[p].sweeps {
            ("GCSweepEnd swept_value=8192 reclaimed_value=1".into(), Fact::Ends { span })
        } else {
            let stack = self.any_stack();
            let id = self.stack_id(stack);
            (format!("GCSweepBegin stack={id}"), Fact::Begins { span, stack })
        };
        self.procs[p].sweeps = !self.procs[p].sweeps;
        let t = self.write(m, event);
        self.fact(t, fact);
    }

    pub(super) fn assist(&mut self, m: usize, g: usize) {
        self.tell_thread(m);
        let span = Span::Assist { g: id(g) };
        let (event, fact) = if self.gos[g].assists {
            ("GCMarkAssistEnd".into(), Fact::Ends { span })
        } else {
            let stack = self.any_stack();
            let id = self.stack_id(stack);
            (format!("GCMarkAssistBegin stack={id}"), Fact::Begins { span, stack })
        };
        self.gos[g].assists = !self.gos[g].assists;
        let t = self.write(m, event);
        self.fact(t, fact);
    }

    pub(super) fn region(&mut self, m: usize, g: usize) {
        self.tell_thread(m);
        let begins = self.gos[g].regions.is_empty() || self.number(2) == 0;
        let (task, name) = if begins {
            let tasks: Vec<u64> = [0].into_iter().chain(self.tasks.iter().map(|t| t.0)).collect();
            let region = (self.pick(&tasks), self.pick(&NAMES));
            self.gos[g].regions.push(region);
            region
        } else {
            let Some(region) = self.gos[g].regions.pop() else { return };
            region
        };
        let word = if begins { "UserRegionBegin" } else { "UserRegionEnd" };
        let (string, stack) = (self.string(name), self.any_stack());
        let stack_id = self.stack_id(stack);
        let t = self.write(m, format!("{word} task={task} name_string={string} stack={stack_id}"));
        self.fact(t, Fact::Region { g: id(g), task, begins, name });
    }

    pub(super) fn task(&mut self, m: usize, _: usize) {
        self.tell_thread(m);
        let stack = self.any_stack();
        let stack_id = self.stack_id(stack);
        if self.tasks.is_empty() || self.number(2) == 0 {
            let parent = self.tasks.last().map_or(0, |t| t.0);
            let (task, name) = (self.next_task, self.pick(&NAMES));
            self.next_task += 1;
            self.tasks.push((task, name));
            let string = self.string(name);
            let t = self.write(
                m,
                format!(
                    "UserTaskBegin task={task} parent_task={parent} name_string={string} \
                     stack={stack_id}"
                ),
            );
            self.fact(t, Fact::Task { id: task, begins: true, name });
        } else {
            let at = self.number(self.tasks.len());
            let (task, name) = self.tasks.remove(at);
            let t = self.write(m, format!("UserTaskEnd task={task} stack={stack_id}"));
            self.fact(t, Fact::Task { id: task, begins: false, name });
        }
    }

    pub(super) fn log(&mut self, m: usize, g: usize) {
        self.tell_thread(m);
        let tasks: Vec<u64> = [0].into_iter().chain(self.tasks.iter().map(|t| t.0)).collect();
        let task = self.pick(&tasks);
        let (category, message) = (self.pick(&NAMES), self.pick(&NAMES));
        let (key, value) = (self.string(category), self.string(message));
        let t = self
            .write(m, format!("UserLog task={task} key_string={key} value_string={value} stack=0"));
        self.fact(t, Fact::Log { g: id(g), task, category, message });
    }

    /// Numbers that the runtime tells, and a label.
    pub(super) fn numbers(&mut self, m: usize) {
        self.tell_thread(m);
        let value = self.number(1 << 20);
        let event = match self.number(4) {
            0 => format!("HeapAlloc heapalloc_value={value}"),
            1 => format!("HeapGoal heapgoal_value={value}"),
            2 => format!("ProcsChange procs_value={} stack=0", self.procs.len()),
            _ => {
                let label = self.string("worker 3");
                format!("GoLabel label_string={label}")
            }
        };
        self.write(m, event);
    }

    /// The profiler sees what a thread runs.
    pub(super) fn sample(&mut self, m: usize) {
        let stack = self.any_stack();
        self.now += 1;
        self.wrote = NOBODY;
        let or_none = |row: Option<usize>| row.map_or("-1".to_owned(), |row| row.to_string());
        let g = self.threads[m].g.map_or(0, id);
        let _ = writeln!(
            self.samples,
            "  CPUSample time={} m={m} p={} g={g} stack={}",
            self.now,
            or_none(self.threads[m].p),
            self.stack_id(stack)
        );
        let t = self.stamp();
        self.fact(t, Fact::Sample { stack });
    }
}
