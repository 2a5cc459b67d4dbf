//! Which lines are a person's own code: of a workspace, of packages they name, or by what functions
//! are called.

use std::path::PathBuf;

use exectrace::FrameId;
use ide::Analysis;
use ide::judged::Question;
use ide::lines::{is_in_packages, is_user_by_name};
use ide::placement::Placement;

/// How a person says which code is theirs.
#[derive(Debug, clap::Args)]
pub(crate) struct OwnCodeArgs {
    /// The packages that are your code, and what is below them.
    #[arg(long, value_name = "IMPORTPATH", value_delimiter = ',', conflicts_with = "workspace")]
    user: Vec<String>,
    /// The folder whose files are your code; places are then the files there.
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

/// The code of a trace that is a person's own.
pub(crate) struct OwnCode<'a> {
    packages: &'a [String],
    /// Where frames stand in the workspace, if one was named.
    pub(crate) placement: Option<Placement>,
}

impl OwnCodeArgs {
    /// Looks for the trace's files.
    ///
    /// # Errors
    /// The workspace cannot be read.
    pub(crate) fn of(&self, analysis: &Analysis) -> anyhow::Result<OwnCode<'_>> {
        let placement = match &self.workspace {
            Some(dir) => Some(crate::workspace::place_in(analysis, dir)?),
            None => None,
        };
        Ok(OwnCode { packages: &self.user, placement })
    }
}

impl OwnCode<'_> {
    /// What a trace is judged by then.
    pub(crate) fn question(&self, analysis: &Analysis) -> Question {
        Question::new(analysis, &|frame| self.has(analysis, frame), &[])
    }

    /// Whether a frame is in it.
    pub(crate) fn has(&self, analysis: &Analysis, frame: FrameId) -> bool {
        if let Some(placement) = &self.placement {
            return placement.place(frame).is_some();
        }
        let func = analysis.str(analysis.tables.frame(frame).func);
        if self.packages.is_empty() {
            is_user_by_name(func)
        } else {
            is_in_packages(func, self.packages)
        }
    }
}
