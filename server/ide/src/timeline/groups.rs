//! Goroutines by where they were created, and their rows.

use exectrace::{FrameId, GoId, StackId, StrId, Tables, TaskId};
use hashbrown::HashMap;

use super::density::{Density, n_spans};
use super::lanes::Lane;
use super::{Class, GoRef, Index, REACH, RegionSpan, Span, TaskSpan, TimeOf, reach};
use crate::jobs::{Jobs, each};
use crate::starters::{is_of_tests, work};

/// Goroutines that were created at one place.
#[derive(Debug)]
pub struct Group {
    /// Names it in lanes' keys: the same for the same trace.
    pub id: String,
    /// The `go` statement, where it was seen.
    pub created_at: Option<FrameId>,
    /// The function that their work begins with; empty if no stack was seen.
    pub func: StrId,
    /// They themselves, in the order of first sight.
    pub gos: Vec<GoRef>,
    /// What their time went to, together.
    pub time: TimeOf,
    /// How many spans they have.
    pub(super) spans: usize,
    pub(super) density: Option<Density>,
    reach: Vec<(i64, i64)>,
}

/// In which order rows come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// The oldest first.
    Start,
    /// The costliest first.
    Costly,
    /// The longest life first.
    Life,
}

/// A row of a group: one goroutine, or several short ones that were never there at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// At least one, in the order of their births.
    pub gos: Vec<GoRef>,
}

impl Group {
    fn new(id: String, created_at: Option<FrameId>, func: StrId, gos: Vec<GoRef>) -> Group {
        let (time, spans, density, reach) = (TimeOf::default(), 0, None, Vec::new());
        Group { id, created_at, func, gos, time, spans, density, reach }
    }

    pub(super) fn bytes(&self) -> usize {
        self.gos.len() * 4 + self.density.as_ref().map_or(0, Density::bytes)
    }

    /// What is told of it once no more goroutines will come: its time, density and reach.
    fn closed(&self, index: &Index) -> (TimeOf, Option<Density>, Vec<(i64, i64)>) {
        let mut time = TimeOf::default();
        self.gos.iter().for_each(|&go| time += index.time_of(go));
        let density = Density::new(index, &self.gos, self.spans);
        (time, density, reach(&index.gos, self.gos.iter().copied()))
    }

    /// Those that were there at some time of a window, in the order of first sight.
    pub fn alive<'a>(
        &'a self,
        index: &'a Index,
        t0: i64,
        t1: i64,
    ) -> impl Iterator<Item = GoRef> + 'a {
        let chunks = self.gos.chunks(REACH).zip(&self.reach);
        chunks
            .filter(move |(_, r)| r.0 < t1 && r.1 > t0)
            .flat_map(|(gos, _)| gos.iter().copied())
            .filter(move |&go| index.lives_in(go, t0, t1))
    }
}

/// So many goroutines of a window get rows; a person looks at a few hundred.
const MOST_ROWS: usize = 20_000;
/// So many goroutines share a row at most.
const PACKED: usize = 64;
/// So many spans of a goroutine tell what its work begins with, or none.
const LOOKED_AT: usize = 8;

impl Index {
    /// Groups goroutines by the line that created them, else by the function that their work begins with.
    pub(super) fn group(
        &mut self,
        tables: &Tables,
        line_of: &mut dyn FnMut(StackId) -> Option<FrameId>,
        jobs: &dyn Jobs,
    ) {
        let mut rows: HashMap<(Option<FrameId>, StrId), usize> = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        for (row, go) in (0u32..).zip(self.gos.iter()) {
            let created_at =
                if go.created_at == StackId::NONE { None } else { line_of(go.created_at) };
            let created_at = created_at.filter(|&line| !is_of_tests(tables, line));
            let func = || self.func_of(tables, GoRef(row), go.root);
            let key = (created_at, if created_at.is_some() { StrId::NONE } else { func() });
            let at = *rows.entry(key).or_insert_with(|| {
                let id = match created_at {
                    Some(frame) => format!("go:{}", frame.0),
                    None => format!("fn:{}", key.1.0),
                };
                groups.push(Group::new(id, created_at, key.1, Vec::new()));
                groups.len() - 1
            });
            let group = &mut groups[at];
            if group.func == StrId::NONE {
                group.func = func();
            }
            group.gos.push(GoRef(row));
        }
        // The largest first, so that no core is left with it when the others are done.
        for group in &mut groups {
            group.spans = n_spans(self, &group.gos);
        }
        let mut order: Vec<usize> = (0..groups.len()).collect();
        order.sort_by_key(|&row| std::cmp::Reverse(groups[row].spans));
        let closed = each(jobs, order.len(), |i| groups[order[i]].closed(self), |_| true);
        for (row, closed) in order.into_iter().zip(closed) {
            let group = &mut groups[row];
            (group.time, group.density, group.reach) = closed;
        }
        groups.sort_by_key(|g| {
            (
                std::cmp::Reverse((g.time.costly, g.time.running, g.time.waiting)),
                g.gos.first().copied(),
            )
        });
        let gos = (0..self.gos.len() as u32).map(GoRef).collect();
        let mut all = Group::new("all".into(), None, StrId::NONE, gos);
        all.spans = groups.iter().map(|group| group.spans).sum();
        all.density = Density::of_all(self, &groups, all.spans);
        all.reach = self.reach.clone();
        (self.groups, self.all) = (groups, Some(all));
    }

    /// The function that a goroutine's work begins with; its first one, if no stack of its first spans tells.
    fn func_of(&self, tables: &Tables, go: GoRef, root: StackId) -> StrId {
        let found = work(tables, root);
        if found.is_some() {
            return found;
        }
        // Of being runnable, the stack is that of whoever woke it.
        let stood = |span: &Span| match self.sites.get(span.site as usize) {
            Some(site) if site.class != Class::Runnable => site.stack,
            _ => StackId::NONE,
        };
        let spans = self.lane_of(go).into_iter().flat_map(Lane::all).take(LOOKED_AT);
        let funcs = spans.map(|span| stood(&span)).filter(|&stack| stack != StackId::NONE);
        let found = funcs.map(|stack| work(tables, stack)).find(|func| func.is_some());
        let first = || tables.stack(root).last().map_or(StrId::NONE, |&f| tables.frame(f).func);
        found.unwrap_or_else(first)
    }

    /// The function that a goroutine's work begins with.
    pub fn func(&self, tables: &Tables, go: GoRef) -> StrId {
        self.gos.get(go).map_or(StrId::NONE, |of| self.func_of(tables, go, of.root))
    }

    /// The regions of a task, in the order of their beginnings.
    pub fn regions_of(&self, task: TaskId) -> impl Iterator<Item = RegionSpan> + '_ {
        let rows = self.tasks.find(task).map_or(&[][..], |row| self.tasks.regions_of(row));
        rows.iter().filter_map(|&row| self.regions.get(row as usize))
    }

    /// A task by the runtime's number.
    pub fn task(&self, id: TaskId) -> Option<TaskSpan> {
        self.tasks.get(self.tasks.find(id)? as usize)
    }

    /// The rows of a group in a window, and whether some goroutines are left out.
    pub fn rows(&self, group: &Group, t0: i64, t1: i64, sort: Sort) -> (Vec<Row>, bool) {
        let mut gos: Vec<GoRef> = group.alive(self, t0, t1).take(MOST_ROWS + 1).collect();
        let cut = gos.len() > MOST_ROWS;
        gos.truncate(MOST_ROWS);
        let birth = |go: GoRef| self.gos.life(go).map_or(0, |life| life.0);
        let end = |go: GoRef| self.gos.life(go).map_or(0, |life| life.1.min(self.end));
        let life = |go: GoRef| end(go) - birth(go);
        // What lives for less than a fiftieth of the window shares rows, if there are many.
        let brief = (t1 - t0) / 50;
        let packs = gos.iter().filter(|&&go| life(go) < brief).count() > 8;
        let (mut long, mut short): (Vec<GoRef>, Vec<GoRef>) =
            gos.into_iter().partition(|&go| !packs || life(go) >= brief);
        match sort {
            Sort::Start => long.sort_by_key(|&go| (birth(go), go)),
            Sort::Costly => {
                long.sort_by_cached_key(|&go| (std::cmp::Reverse(self.time_of(go).costly), go));
            }
            Sort::Life => long.sort_by_key(|&go| (std::cmp::Reverse(life(go)), go)),
        }
        let mut rows: Vec<Row> = long.into_iter().map(|go| Row { gos: vec![go] }).collect();
        short.sort_by_key(|&go| (birth(go), go));
        // Each goes to the row that has been free for longest; the ends of rows in a heap.
        let mut free: std::collections::BinaryHeap<std::cmp::Reverse<(i64, usize)>> =
            std::collections::BinaryHeap::new();
        for go in short {
            let end = end(go);
            match free.peek() {
                Some(&std::cmp::Reverse((until, row))) if until <= birth(go) => {
                    free.pop();
                    rows[row].gos.push(go);
                    if rows[row].gos.len() < PACKED {
                        free.push(std::cmp::Reverse((end, row)));
                    }
                }
                _ => {
                    rows.push(Row { gos: vec![go] });
                    free.push(std::cmp::Reverse((end, rows.len() - 1)));
                }
            }
        }
        (rows, cut)
    }

    /// The key of a row's lane.
    pub fn row_key(&self, row: &Row) -> String {
        let ids: Vec<String> =
            row.gos.iter().filter_map(|&go| self.go(go)).map(|go| go.id.0.to_string()).collect();
        format!("g:{}", ids.join(","))
    }

    /// The group of a goroutine.
    pub fn group_of(&self, id: GoId) -> Option<&Group> {
        let go = self.find_go(id)?;
        self.groups.iter().find(|g| g.gos.binary_search(&go).is_ok())
    }
}
