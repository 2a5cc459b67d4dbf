//! Whether what is of no single P fits together in a v1 trace: the collector's phases, tasks, regions.
//! Go's reader refuses a trace where it does not. (Of Ps `cursor` tells that, of goroutines `order`.)

use hashbrown::{HashMap, HashSet};

use super::cursor::does_not_fit;
use super::parse::{Bad, Event};
use super::spec::ev;

/// What the events so far have said.
#[derive(Debug, Default)]
pub(super) struct Checker {
    tasks: HashSet<u64>,
    /// Regions under way, by goroutine: their task and the id of their name.
    regions: HashMap<u64, Vec<(u64, u64)>>,
    /// Goroutines that assist the collector.
    assists: HashSet<u64>,
    marks: bool,
    stopped: bool,
}

impl Checker {
    /// Takes the next event. `true`: a region ends inside another one.
    #[inline(always)]
    pub(super) fn check(&mut self, event: &Event) -> Result<bool, Bad> {
        const CHECKED: u64 = {
            let types = [
                ev::GC_START,
                ev::GC_DONE,
                ev::STW_START,
                ev::STW_DONE,
                ev::GC_MARK_ASSIST_START,
                ev::GC_MARK_ASSIST_DONE,
                ev::GO_END,
                ev::USER_TASK_CREATE,
                ev::USER_TASK_END,
                ev::USER_REGION,
            ];
            let (mut bits, mut i) = (0, 0);
            while i < types.len() {
                bits |= 1 << types[i];
                i += 1;
            }
            bits
        };
        if CHECKED >> (event.typ & 63) & 1 == 0 {
            return Ok(false);
        }
        self.take(event).map_err(|what| does_not_fit(event.at as usize, event.typ, event.g, what))
    }

    fn take(&mut self, event: &Event) -> Result<bool, &'static str> {
        let fits = |fits: bool, what| if fits { Ok(()) } else { Err(what) };
        match event.typ {
            ev::GC_START => {
                fits(!std::mem::replace(&mut self.marks, true), "the collector marks already")?;
            }
            ev::GC_DONE => fits(std::mem::take(&mut self.marks), "the collector does not mark")?,
            ev::STW_START => {
                fits(!std::mem::replace(&mut self.stopped, true), "the world is stopped already")?;
            }
            ev::STW_DONE => fits(std::mem::take(&mut self.stopped), "the world is not stopped")?,
            ev::GC_MARK_ASSIST_START => {
                fits(self.assists.insert(event.g), "the goroutine assists already")?;
            }
            // One may have been under way when the trace began.
            ev::GC_MARK_ASSIST_DONE => {
                self.assists.remove(&event.g);
            }
            ev::GO_END => {
                self.regions.remove(&event.g);
            }
            ev::USER_TASK_CREATE => {
                fits(self.tasks.insert(event.args()[0]), "the task exists already")?;
            }
            ev::USER_TASK_END => {
                self.tasks.remove(&event.args()[0]);
            }
            _ => return self.region(event),
        }
        Ok(false)
    }

    fn region(&mut self, event: &Event) -> Result<bool, &'static str> {
        let [task, mode, name] = event.args();
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
                    return Ok(true);
                }
            },
            _ => return Err("it neither begins nor ends"),
        }
        Ok(false)
    }
}
