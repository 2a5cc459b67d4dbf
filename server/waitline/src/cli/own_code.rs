//! Which lines are a person's own code: of a workspace, of packages they name, or by what functions
//! are called.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use exectrace::FrameId;
use ide::Analysis;
use ide::judged::Question;
use ide::lines::{is_in_packages, is_user_by_name, own_by_name, package_of, program_path};
use ide::placement::{Placement, Unmapped};
use ide::text::plain;
use ide::units::percent_short;
use ide::view::Word;

use super::say;
use crate::traces::shown;
use crate::workspace;

/// How a person says which code is theirs.
#[derive(Debug, clap::Args)]
pub(crate) struct OwnCodeArgs {
    /// The packages that are your code, and what is below them.
    #[arg(long, value_name = "IMPORTPATH", value_delimiter = ',', conflicts_with = "workspace")]
    user: Vec<String>,
    /// The folder whose files are your code; places are then the files there [default: the module
    /// around the current folder, or that folder].
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

/// The code of a trace that is a person's own.
pub(crate) struct OwnCode<'a> {
    packages: &'a [String],
    /// Where frames stand in the workspace, if any of them do.
    pub(crate) placement: Option<Placement>,
    /// That workspace.
    pub(crate) root: Option<PathBuf>,
    /// What stands in the workspace's `.waitline.toml`.
    word: Word,
    /// By frame, where neither packages nor a workspace tell it.
    by_name: Vec<bool>,
    /// The folder that was named, if no file of the trace is in it.
    lacks: Option<&'a Path>,
}

impl OwnCodeArgs {
    /// For people: without a word of theirs it is that of the module they are in, as in a report.
    ///
    /// # Errors
    /// The workspace cannot be read.
    pub(crate) fn for_people(&self, analysis: &Analysis) -> anyhow::Result<OwnCode<'_>> {
        let mut own = self.of(analysis, Some(&workspace::unnamed()))?;
        own.by_name = own_by_name(analysis);
        Ok(own)
    }

    /// For programs, which get the same answer wherever they run but in a Go module. Without one, names
    /// tell it as they do in figures of other tools: released modules count.
    ///
    /// # Errors
    /// The workspace cannot be read.
    pub(crate) fn for_programs(
        &self,
        analysis: &Analysis,
        looks_here: bool,
    ) -> anyhow::Result<OwnCode<'_>> {
        let module = looks_here.then(|| workspace::module_around(Path::new("."))).flatten();
        let mut own = self.of(analysis, module.as_deref())?;
        let frames = (0..analysis.tables.n_frames() as u32).map(FrameId);
        let func = |frame| analysis.str(analysis.tables.frame(frame).func);
        own.by_name = frames.map(|frame| is_user_by_name(func(frame))).collect();
        Ok(own)
    }

    fn of(&self, analysis: &Analysis, unnamed: Option<&Path>) -> anyhow::Result<OwnCode<'_>> {
        let mut own = OwnCode {
            packages: &self.user,
            placement: None,
            root: None,
            word: Word::default(),
            by_name: Vec::new(),
            lacks: None,
        };
        let dir = match &self.workspace {
            Some(dir) => {
                let placement = workspace::place_in(analysis, dir)?;
                own.lacks = Some(dir.as_path()).filter(|_| placement.files.is_empty());
                own.placement = Some(placement).filter(|_| own.lacks.is_none());
                Some(dir.as_path())
            }
            None => unnamed.filter(|_| self.user.is_empty()),
        };
        if let (None, Some(dir)) = (&self.workspace, dir) {
            own.placement = workspace::place_by_chance(analysis, dir)?;
        }
        if let Some(dir) = dir {
            own.root = Some(dir.to_owned());
        }
        // What another project says is no word on this one.
        if let Some(dir) = dir.filter(|_| own.placement.is_some()) {
            own.word = crate::config::word(&[dir.to_owned()]);
        }
        Ok(own)
    }
}

impl OwnCode<'_> {
    /// What a trace is judged by then.
    pub(crate) fn question(&self, analysis: &Analysis) -> Question {
        let is_own = |frame| self.has(analysis, frame);
        Question::new(analysis, &is_own, &self.word.told, self.placement.as_ref())
    }

    /// Whether a frame is in it.
    pub(crate) fn has(&self, analysis: &Analysis, frame: FrameId) -> bool {
        if let Some(placement) = &self.placement {
            return placement.place(frame).is_some();
        }
        if self.packages.is_empty() {
            return self.by_name.get(frame.0 as usize).copied().unwrap_or(false);
        }
        is_in_packages(analysis.str(analysis.tables.frame(frame).func), self.packages)
    }

    /// Says so if what a person named is nowhere in the trace.
    pub(crate) fn tell(&self, analysis: &Analysis) {
        if let Some(dir) = self.lacks {
            say(&format!(
                "warning: none of the trace's files is in {}: your code is told by the names of functions",
                shown(dir)
            ));
        }
        if let Some(first) =
            self.placement.as_ref().and_then(|placement| placement.lacking(10).next())
        {
            say(&format!("warning: {}", lacks(first)));
        }
        let frames = || (0..analysis.tables.n_frames() as u32).map(FrameId);
        if !self.packages.is_empty() && !frames().any(|frame| self.has(analysis, frame)) {
            let names: Vec<String> = self.packages.iter().map(|name| plain(name)).collect();
            say(&format!(
                "warning: no function of the trace is in {} or below ({})",
                names.join(", "),
                hint(analysis)
            ));
        }
    }
}

/// What is not in the workspace.
pub(crate) fn lacks(folder: &Unmapped) -> String {
    format!(
        "{} of the program's waiting is in {}, which is not in the workspace",
        percent_short(folder.ns, folder.of_ns),
        plain(&folder.prefix)
    )
}

/// Which packages a person could have meant.
fn hint(analysis: &Analysis) -> String {
    /// So many are enough to see how they are written.
    const MOST: usize = 4;
    let own = own_by_name(analysis);
    let frames = own.iter().enumerate().filter(|(_, own)| **own).map(|(row, _)| row as u32);
    let packages = frames.map(|row| {
        let func = analysis.tables.frame(FrameId(row)).func;
        package_of(analysis.str(func)).to_owned()
    });
    let mut names: Vec<String> = program_path(analysis).into_iter().chain(packages).collect();
    names.sort_unstable();
    names.dedup();
    // A name that lies below one that is told says nothing new.
    let all: HashSet<String> = names.iter().cloned().collect();
    let is_below = |name: &str| name.match_indices('/').any(|(at, _)| all.contains(&name[..at]));
    names.retain(|name| !is_below(name));
    let more = if names.len() > MOST { ", ..." } else { "" };
    names.truncate(MOST);
    if names.is_empty() {
        return "it has no packages but those of Go".to_owned();
    }
    let names: Vec<String> = names.iter().map(|name| plain(name)).collect();
    format!("it has {}{more}", names.join(", "))
}
