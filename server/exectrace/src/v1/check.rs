//! Whether the events of a v1 trace fit together: no P runs two goroutines at a time, nobody is
//! woken who does not wait, ranges end that began. Go's reader refuses a trace where they do not.

use hashbrown::{HashMap, HashSet};

use super::by_number::{Gos, Procs};
use super::parse::Event;
use super::spec::{self, ev, fake_p};

/// What the events so far have said.
#[derive(Debug)]
pub(super) struct Checker {
    gos: Gos<Go>,
    procs: Procs<Proc>,
    tasks: HashSet<u64>,
    /// Regions under way, by goroutine: their task and the id of their name.
    regions: HashMap<u64, Vec<(u64, u64)>>,
    marks: bool,
    stopped: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Go {
    state: State,
    /// It waits for the network.
    network: bool,
    assists: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Dead,
    Runnable,
    Running,
    Waiting,
}

#[derive(Debug, Clone, Copy, Default)]
struct Proc {
    runs: bool,
    /// The goroutine on it; 0 is none.
    g: u64,
    sweeps: bool,
}

/// What checking an event has brought to light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// An unblock was done by the network poller.
    Netpoll,
    /// A region ends inside another one.
    Misuse,
}

impl Checker {
    pub(super) fn new() -> Checker {
        let mut gos = Gos::default();
        gos.insert(0, Go { state: State::Running, ..Go::default() });
        Checker {
            gos,
            procs: Procs::default(),
            tasks: HashSet::new(),
            regions: HashMap::new(),
            marks: false,
            stopped: false,
        }
    }

    /// Takes the next event. The error says why it does not fit.
    pub(super) fn check(&mut self, event: &Event) -> Result<Found, String> {
        let fits = |fits: bool, what: &str| if fits { Ok(()) } else { Err(does_not(event, what)) };
        match event.typ {
            ev::PROC_START => {
                let proc = self.procs.entry(event.p);
                fits(!proc.runs, "the P runs already")?;
                proc.runs = true;
            }
            ev::PROC_STOP => {
                let proc = self.procs.entry(event.p);
                fits(proc.runs, "the P does not run")?;
                fits(proc.g == 0, "the P runs a goroutine")?;
                proc.runs = false;
            }
            ev::GC_START => {
                fits(!self.marks, "the collector marks already")?;
                self.marks = true;
            }
            ev::GC_DONE => {
                fits(self.marks, "the collector does not mark")?;
                self.marks = false;
            }
            ev::STW_START => {
                fits(!self.stopped, "the world is stopped already")?;
                self.stopped = true;
            }
            ev::STW_DONE => {
                fits(self.stopped, "the world is not stopped")?;
                self.stopped = false;
            }
            ev::GC_SWEEP_START => {
                let proc = self.procs.entry(event.p);
                fits(!proc.sweeps, "the P sweeps already")?;
                proc.sweeps = true;
            }
            ev::GC_SWEEP_DONE => {
                let proc = self.procs.entry(event.p);
                fits(proc.sweeps, "the P does not sweep")?;
                proc.sweeps = false;
            }
            ev::GC_MARK_ASSIST_START => {
                let go = self.gos.entry(event.g);
                fits(!go.assists, "the goroutine assists already")?;
                go.assists = true;
            }
            // One may have been under way when the trace began.
            ev::GC_MARK_ASSIST_DONE => self.gos.entry(event.g).assists = false,
            ev::GO_WAITING | ev::GO_IN_SYSCALL => {
                let go = self.gos.get(event.g).filter(|go| go.state == State::Runnable);
                let go = go.ok_or_else(|| does_not(event, "the goroutine is not new"))?;
                (go.state, go.network) = (State::Waiting, false);
            }
            ev::GO_CREATE => {
                self.runs(event, true)?;
                let go = Go { state: State::Runnable, ..Go::default() };
                fits(self.gos.insert(event.args[0], go).is_none(), "the goroutine exists already")?;
            }
            ev::GO_START | ev::GO_START_LABEL => {
                let go = self.gos.get(event.g).filter(|go| go.state == State::Runnable);
                let go = go.ok_or_else(|| does_not(event, "the goroutine is not able to run"))?;
                let proc = self.procs.entry(event.p);
                fits(proc.g == 0, "the P runs a goroutine already")?;
                (go.state, go.network) = (State::Running, false);
                proc.g = event.g;
            }
            ev::GO_END | ev::GO_STOP => {
                self.stop(event, State::Dead)?;
                if event.typ == ev::GO_END {
                    self.regions.remove(&event.g);
                }
            }
            ev::GO_SCHED | ev::GO_PREEMPT => self.stop(event, State::Runnable)?,
            ev::GO_UNBLOCK => return self.unblock(event),
            ev::GO_SYS_CALL => self.runs(event, false)?,
            ev::GO_SYS_BLOCK => self.stop(event, State::Waiting)?,
            ev::GO_SYS_EXIT => {
                let go = self.gos.get(event.g).filter(|go| go.state == State::Waiting);
                let go = go.ok_or_else(|| does_not(event, "the goroutine is in no system call"))?;
                (go.state, go.network) = (State::Runnable, false);
            }
            ev::USER_TASK_CREATE => {
                fits(self.tasks.insert(event.args[0]), "the task exists already")?;
            }
            ev::USER_TASK_END => {
                self.tasks.remove(&event.args[0]);
            }
            ev::USER_REGION => return self.region(event),
            typ if spec::block_reason(typ).is_some() => {
                self.stop(event, State::Waiting)?;
                if typ == ev::GO_BLOCK_NET
                    && let Some(go) = self.gos.get(event.g)
                {
                    go.network = true;
                }
            }
            _ => {}
        }
        Ok(Found::Nothing)
    }

    /// The event's goroutine must run, and on the event's P.
    fn runs(&mut self, event: &Event, may_be_scheduler: bool) -> Result<(), String> {
        if self.gos.get(event.g).is_none_or(|go| go.state != State::Running) {
            return Err(does_not(event, "the goroutine does not run"));
        }
        if self.procs.get(event.p).map_or(0, |proc| proc.g) != event.g {
            return Err(does_not(event, "the P runs another goroutine"));
        }
        if event.g == 0 && !may_be_scheduler {
            return Err(does_not(event, "no goroutine runs there"));
        }
        Ok(())
    }

    /// The event's goroutine leaves its P.
    fn stop(&mut self, event: &Event, state: State) -> Result<(), String> {
        self.runs(event, false)?;
        let go = self.gos.entry(event.g);
        (go.state, go.network) = (state, false);
        self.procs.entry(event.p).g = 0;
        Ok(())
    }

    fn unblock(&mut self, event: &Event) -> Result<Found, String> {
        if self.gos.get(event.g).is_none_or(|go| go.state != State::Running) {
            return Err(does_not(event, "the goroutine that wakes another one does not run"));
        }
        if event.p != fake_p::TIMERS && self.procs.get(event.p).map_or(0, |proc| proc.g) != event.g
        {
            return Err(does_not(event, "the P runs another goroutine"));
        }
        let go = self.gos.get(event.args[0]).filter(|go| go.state == State::Waiting);
        let go = go.ok_or_else(|| does_not(event, "the goroutine to be woken does not wait"))?;
        go.state = State::Runnable;
        Ok(if std::mem::take(&mut go.network) { Found::Netpoll } else { Found::Nothing })
    }

    fn region(&mut self, event: &Event) -> Result<Found, String> {
        let [task, mode, name] = event.args;
        let open = self.regions.entry(event.g).or_default();
        match mode {
            0 => open.push((task, name)),
            1 => match open.last() {
                Some(&inner) if inner == (task, name) => {
                    open.pop();
                }
                // Begun before the trace.
                None => {}
                Some(_) => {
                    if let Some(i) = open.iter().rposition(|&r| r == (task, name)) {
                        open.remove(i);
                    }
                    return Ok(Found::Misuse);
                }
            },
            _ => return Err(does_not(event, "it neither begins nor ends")),
        }
        Ok(Found::Nothing)
    }
}

#[cold]
fn does_not(event: &Event, what: &str) -> String {
    let Event { g, p, typ, .. } = *event;
    format!("{} of goroutine {g} on P {p} does not fit: {what}", spec::name(typ))
}
