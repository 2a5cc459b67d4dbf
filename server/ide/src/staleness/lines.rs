//! Where the lines of a file are in its document now.
//!
//! [`LineMap`] knows of lines whose text is still there. Here those that were edited are looked for:
//! between the same neighbours, and only what still holds the operation that waited.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::need::{Fit, Need, code_of};
use super::{Mode, State};
use crate::line_map::{LineMap, TextBuffer};
use crate::placement::FileId;
use crate::sites::SiteLine;
use crate::view::View;

/// Where a line is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The buffer's line, from 0.
    pub line: u32,
    /// How sure that is.
    pub state: State,
}

/// The lines of one file that matter, in one text of its document.
#[derive(Debug)]
pub struct Lines {
    map: Arc<LineMap>,
    mode: Mode,
    /// How sure the file's own lines are, where they are not exact.
    of_file: HashMap<u32, State>,
    /// Lines whose text is gone, and where they are if anywhere.
    edited: HashMap<u32, Now>,
    /// The other way round.
    was: HashMap<u32, u32>,
}

/// In a longer stretch of edited lines none is looked for: it is another text.
const MOST: usize = 400;

impl Lines {
    /// Those of a file whose document is the file itself, or `buffer`, which `map` leads to.
    pub fn new(
        view: &View,
        file: FileId,
        map: Arc<LineMap>,
        buffer: Option<&TextBuffer>,
        mode: Mode,
    ) -> Lines {
        let sites = view.sites.lines(file);
        let states = sites.iter().filter(|s| s.holds).map(|s| (s.line, s.state));
        let behind = view.behind.told(view, file);
        let cases = view.cases.of_file(file).iter();
        let cases = cases.flat_map(|c| c.taken.iter().map(|taken| (taken.line, c.state)));
        let states = cases.chain(behind.map(|b| (b.line, b.state))).chain(states);
        let mut lines = Lines {
            of_file: states.filter(|(_, state)| *state != State::Exact).collect(),
            map,
            mode,
            edited: HashMap::new(),
            was: HashMap::new(),
        };
        let gaps = match buffer {
            Some(_) => lines.map.gaps(),
            None => Vec::new(),
        };
        if let (Some(buffer), false) = (buffer, gaps.is_empty()) {
            let wanted = wanted(view, file, &lines.map);
            for (base, now) in gaps {
                if base.len() <= MOST
                    && now.len() <= MOST
                    && base.clone().any(|l| wanted.contains_key(&l))
                {
                    lines.look_in(base, now, buffer, &wanted);
                }
            }
        }
        lines
    }

    /// Those of a file of which nothing but the map is known: lines whose text is still there.
    pub fn of_map(map: Arc<LineMap>) -> Lines {
        Lines {
            map,
            mode: Mode::Mark,
            of_file: HashMap::new(),
            edited: HashMap::new(),
            was: HashMap::new(),
        }
    }

    /// Where a line of the file is now; `None` if it is gone, or not to be shown.
    pub fn current(&self, line: u32) -> Option<Now> {
        let now = self.now(line)?;
        match self.mode {
            Mode::Mark => Some(now),
            Mode::Hide => (now.state < State::Doubtful).then_some(now),
            Mode::Ignore => Some(Now { state: State::Exact, ..now }),
        }
    }

    /// Whether a line of the file is the recorded one, whatever is done with those that are not.
    pub fn state(&self, line: u32) -> State {
        self.now(line).map_or(State::Lost, |now| now.state)
    }

    fn now(&self, line: u32) -> Option<Now> {
        match self.map.current(line) {
            Some(now) => {
                let of_file = self.of_file.get(&line).copied().unwrap_or_default();
                let moved = if now == line { State::Exact } else { State::Shifted };
                Some(Now { line: now, state: of_file.max(moved) })
            }
            None => self.edited.get(&line).copied(),
        }
    }

    /// Which line of the file a line of the document is.
    pub fn recorded(&self, current: u32) -> Option<u32> {
        let line = self.map.recorded(current).or_else(|| self.was.get(&current).copied())?;
        self.current(line).map(|_| line)
    }

    /// Looks for the lines of a gap in what stands there now.
    fn look_in(
        &mut self,
        base: std::ops::Range<u32>,
        now: std::ops::Range<u32>,
        buffer: &TextBuffer,
        wanted: &HashMap<u32, Wanted<'_>>,
    ) {
        let map = self.map.clone();
        let before = |line: u32| code_of(map.base_line(line));
        let after = |line: u32| code_of(buffer.line(line).unwrap_or_default());
        // The same code: indented otherwise, or with another comment.
        let mut pairs: Vec<(u32, u32, bool)> = Vec::new();
        let mut from = now.start;
        for line in base.clone() {
            let code = before(line);
            if code.is_empty() {
                continue;
            }
            if let Some(at) = (from..now.end).find(|&at| after(at) == code) {
                let n_before = base.clone().filter(|&l| before(l) == code).count();
                let n_after = now.clone().filter(|&l| after(l) == code).count();
                pairs.push((line, at, n_before == n_after));
                from = at + 1;
            }
        }
        for &(line, at, is_sure) in &pairs {
            if wanted.contains_key(&line) {
                let of_file = self.of_file.get(&line).copied().unwrap_or_default();
                let state = if is_sure { State::Shifted } else { State::Doubtful };
                self.found(line, at, of_file.max(state));
            }
        }
        // What is between these was edited.
        let ends = [(base.end, now.end, true)];
        let (mut first, mut first_now) = (base.start, now.start);
        for &(line, at, _) in pairs.iter().chain(&ends) {
            let (gone, new) = (first..line, first_now..at);
            for line in gone.clone() {
                let Some(want) = wanted.get(&line) else { continue };
                let fits: Vec<u32> =
                    new.clone().filter(|&at| want.fit(after(at)) == Fit::Strong).collect();
                let same_place = new.start + (line - gone.start);
                let at = match fits[..] {
                    [only] => Some(only),
                    _ if gone.len() != new.len() => None,
                    _ if want.fit(after(same_place)) > Fit::None => Some(same_place),
                    _ => None,
                };
                if let Some(at) = at {
                    self.found(line, at, State::Doubtful);
                }
            }
            (first, first_now) = (line + 1, at + 1);
        }
    }

    fn found(&mut self, line: u32, at: u32, state: State) {
        // One line of the document is one line of the file.
        if self.was.contains_key(&at) {
            return;
        }
        self.was.insert(at, line);
        self.edited.insert(line, Now { line: at, state });
    }
}

/// What a line must hold still.
enum Wanted<'a> {
    /// The operation that waited.
    Operation(Need<'a>),
    /// Anything: there is nothing to tell it by.
    Anything,
    /// A call.
    Call,
    /// The declaration of this function.
    Function(&'a str),
}

impl Wanted<'_> {
    fn fit(&self, text: &str) -> Fit {
        let weak = |is: bool| if is { Fit::Weak } else { Fit::None };
        match self {
            Wanted::Operation(need) => need.fit_text(text),
            Wanted::Anything => weak(!text.is_empty()),
            Wanted::Call => weak(text.contains('(') || text.contains('}')),
            Wanted::Function(name) => {
                let is = super::need::has_word(text, "func") && super::need::has_word(text, name);
                if is { Fit::Strong } else { Fit::None }
            }
        }
    }
}

/// The lines of a file whose text is gone and that something is shown for.
fn wanted<'a>(view: &'a View, file: FileId, map: &LineMap) -> HashMap<u32, Wanted<'a>> {
    let source = &view.placement.source(file).source;
    let mut wanted = HashMap::new();
    let mut named = HashSet::new();
    let sites = view.sites.lines(file).iter().filter(|s| s.holds);
    let sites = sites.map(|site| (site.line, Some(site)));
    // What others wait for may cost nothing itself, nor does a case of a `select`.
    let behind = view.behind.told(view, file).map(|b| (b.line, None));
    let cases = view.cases.of_file(file).iter().flat_map(|cases| &cases.taken);
    for (line, site) in sites.chain(behind).chain(cases.map(|taken| (taken.line, None))) {
        if let Some(function) = source.function_at(line)
            && map.current(function.name_line).is_none()
            && named.insert(function.name_line)
        {
            wanted.insert(function.name_line, Wanted::Function(function.base_name()));
        }
        if map.current(line).is_none() {
            let of = || site.map_or(Wanted::Anything, |site| of_site(view, site));
            wanted.entry(line).or_insert_with(of);
        }
    }
    wanted
}

fn of_site<'a>(view: &'a View, site: &SiteLine) -> Wanted<'a> {
    let analysis = &view.analysis;
    let slots = site.parts.iter().flat_map(|part| &part.figure.slots);
    let ns = |id: &&crate::figures::SlotId| {
        let slot = &analysis.slots[id.0 as usize];
        slot.ns.saturating_add(slot.open_ns).saturating_add(slot.pre_ns)
    };
    let need = slots.max_by_key(ns).and_then(|id| {
        let slot = &analysis.slots[id.0 as usize];
        let stack = analysis.stack(slot.stack);
        let user = stack.iter().position(|&f| view.placement.place(f).is_some())?;
        Need::of_slot(analysis, slot, user)
    });
    match need {
        Some(need) => Wanted::Operation(need),
        None if site.parts.is_empty() => Wanted::Call,
        None => Wanted::Anything,
    }
}
