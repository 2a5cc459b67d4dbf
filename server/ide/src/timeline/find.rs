//! Spans by what they are, whose and where.

use exectrace::{FrameId, GoId};
use hashbrown::HashSet;

use super::class::Class;
use super::lanes::Span;
use super::slices::line_of;
use super::{GoRef, Index, RegionSpan, TaskSpan};
use crate::verdicts::Verdict;
use crate::view::View;

/// What is looked for: all that is named must fit.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// A part of a function's name, of `file.go:12`, of a reason, a task or a region; or a
    /// goroutine's number.
    pub text: String,
    /// One of these kinds; empty for any.
    pub classes: Vec<Class>,
    /// This verdict.
    pub verdict: Option<Verdict>,
    /// At least so long, in nanoseconds.
    pub min_ns: i64,
    /// Not before this time.
    pub t0: i64,
    /// Not after this time.
    pub t1: i64,
}

/// Something that was found.
#[derive(Debug, Clone, Copy)]
pub enum Found {
    /// A span.
    Span(GoRef, Span),
    /// A goroutine, by its function's name or its number.
    Go(GoRef),
    /// A task.
    Task(TaskSpan),
    /// A region.
    Region(RegionSpan),
}

/// Keeps the longest.
struct Longest<T> {
    most: usize,
    list: Vec<(i64, i64, T)>,
    of: usize,
}

impl<T> Longest<T> {
    fn new(most: usize) -> Self {
        Longest { most, list: Vec::new(), of: 0 }
    }

    fn add(&mut self, ns: i64, start: i64, what: T) {
        self.of += 1;
        self.list.push((ns, start, what));
        if self.list.len() >= self.most.max(64) * 2 {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.list.sort_by_key(|x| (std::cmp::Reverse(x.0), x.1));
        self.list.truncate(self.most);
    }
}

impl Index {
    /// The longest of what fits, and how many fit.
    pub fn find(&self, view: &View, query: &Query, most: usize) -> (Vec<Found>, usize) {
        let mut found = Longest::new(most);
        let tables = &view.analysis.tables;
        let text = query.text.trim().to_lowercase();
        let has = |name: &str| name.to_lowercase().contains(&text);
        let number = text.strip_prefix('g').unwrap_or(&text).parse::<u64>().ok();
        let by_number = number.and_then(|id| self.find_go(GoId(id)));
        let open = |end: Option<i64>| end.unwrap_or(self.end);
        let inside = |start: i64, end: i64| {
            start < query.t1 && end > query.t0 && end - start >= query.min_ns
        };
        let any = query.classes.is_empty() && query.verdict.is_none();
        if !text.is_empty() {
            let named = |class| any || query.classes.contains(&class);
            for task in self.tasks.iter().filter(|_| named(Class::Task)) {
                if has(tables.str(task.name)) && inside(task.start, open(task.end)) {
                    found.add(open(task.end) - task.start, task.start, Found::Task(task));
                }
            }
            for region in self.regions.iter().filter(|_| named(Class::Region)) {
                if has(tables.str(region.name)) && inside(region.start, open(region.end)) {
                    found.add(open(region.end) - region.start, region.start, Found::Region(region));
                }
            }
        }
        // Whose spans all fit.
        let mut whole: HashSet<GoRef> = by_number.into_iter().collect();
        if !text.is_empty() && number.is_none() {
            let mut funcs = hashbrown::HashMap::new();
            for row in 0..self.gos.len() as u32 {
                let func = self.func(tables, GoRef(row));
                if *funcs.entry(func).or_insert_with(|| has(tables.str(func))) {
                    whole.insert(GoRef(row));
                }
            }
        }
        if any {
            for &go in &whole {
                let Some(it) = self.go(go) else { continue };
                let end = it.end.min(self.end);
                if inside(it.birth, end) {
                    found.add(end - it.birth, it.birth, Found::Go(go));
                }
            }
        }
        let names_place = |f: FrameId| {
            let frame = tables.frame(f);
            let file = tables.str(frame.file);
            let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
            has(tables.str(frame.func)) || has(&format!("{base}:{}", frame.line))
        };
        let fits: Vec<bool> = self
            .sites
            .iter()
            .map(|site| {
                (query.classes.is_empty() || query.classes.contains(&site.class))
                    && (text.is_empty()
                        || (number.is_none()
                            && site.class != Class::Runnable
                            && (has(tables.str(site.reason))
                                || tables.stack(site.stack).iter().any(|&f| names_place(f)))))
            })
            .collect();
        let of_class: Vec<bool> = self
            .sites
            .iter()
            .map(|s| query.classes.is_empty() || query.classes.contains(&s.class))
            .collect();
        let filters = !any || query.min_ns > 0;
        if !text.is_empty() || filters {
            let judged =
                |span: &Span| query.verdict.is_none() || span.tone.verdict() == query.verdict;
            self.spans_of_sites(&of_class, |go, span| {
                let of_go = filters && whole.contains(&go);
                if (of_go || fits.get(span.site as usize).copied().unwrap_or(false))
                    && inside(span.start, span.end)
                    && judged(&span)
                {
                    found.add(span.end - span.start, span.start, Found::Span(go, span));
                }
            });
        }
        found.cut();
        (found.list.into_iter().map(|x| x.2).collect(), found.of)
    }

    /// All spans of a kind on a line, the longest first; how many, how long together, and the
    /// length below which 99 of 100 are.
    pub fn instances(
        &self,
        view: &View,
        is_line: &dyn Fn(FrameId) -> bool,
        class: Option<Class>,
    ) -> Instances {
        let sites: Vec<bool> = self
            .sites
            .iter()
            .map(|site| {
                site.class != Class::Runnable
                    && class.is_none_or(|class| class == site.class)
                    && line_of(view, site.stack).is_some_and(is_line)
            })
            .collect();
        let mut all: Vec<(i64, i64, GoRef)> = Vec::new();
        let mut ns = 0i64;
        self.spans_of_sites(&sites, |go, span| {
            ns = ns.saturating_add(span.end - span.start);
            if all.len() < MOST_INSTANCES {
                all.push((span.end - span.start, span.start, go));
            }
        });
        all.sort_by_key(|&(ns, start, go)| (std::cmp::Reverse(ns), start, go));
        let p99 = all.get(all.len() / 100).map_or(0, |i| i.0);
        Instances { all, ns, p99 }
    }
}

/// So many instances of a line are kept while they are sorted.
const MOST_INSTANCES: usize = 20_000_000;

/// The spans of a line.
#[derive(Debug, Clone, Default)]
pub struct Instances {
    /// Length, beginning and whose, the longest first.
    pub all: Vec<(i64, i64, GoRef)>,
    /// Their time together, in nanoseconds.
    pub ns: i64,
    /// Of a hundred, so many as one are longer.
    pub p99: i64,
}
