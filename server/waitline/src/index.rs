//! Makes the timeline's index of a trace that is shown: reads the same version of the file again.

use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ide::timeline::{Builder, Failed, Index};
use ide::view::View;

use crate::traces::{self, Stamp};

/// How much is read at a time, in bytes.
const BLOCK: usize = 1 << 20;

/// Why there is no timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoIndex {
    /// The file is another one now, or cannot be read any more.
    Changed,
    /// It takes more than so many bytes of memory, or has more spans than can be numbered.
    TooLarge(u64),
    /// Nobody wants it any more.
    Cancelled,
}

impl std::fmt::Display for NoIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoIndex::Changed => f.write_str(
                "the trace file has changed since it was loaded (load it again for its timeline)",
            ),
            NoIndex::TooLarge(memory) => write!(
                f,
                "the timeline takes more than the {} of memory that it may take, which is twice limits.memory (raise that, or record less); lines and the report go on",
                ide::units::bytes(*memory)
            ),
            NoIndex::Cancelled => f.write_str("another trace is shown now"),
        }
    }
}

/// Makes the index of a trace, of at most `memory` bytes. Between two pieces of the file `progress` is told
/// how many bytes of how many are read, and may look at what is there.
///
/// # Errors
/// There is none: see [`NoIndex`].
pub fn make(
    path: &Path,
    stamp: &Stamp,
    view: &View,
    memory: u64,
    cancel: &AtomicBool,
    mut progress: impl FnMut(u64, u64, &mut Builder),
) -> Result<Index, NoIndex> {
    let mut limit = view.analysis.cut;
    loop {
        let unchanged = || Stamp::at(path).as_ref() == Some(stamp);
        if !unchanged() {
            return Err(NoIndex::Changed);
        }
        let mut opened = traces::open(path).map_err(|_| NoIndex::Changed)?;
        let mut builder = Builder::new(limit).within(memory);
        builder.starts_at(opened.offset);
        loop {
            if cancel.load(Ordering::Relaxed) {
                return Err(NoIndex::Cancelled);
            }
            let n = match opened.stream.read(builder.space(BLOCK)) {
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // What was unpacked before the damage stands, as in the load.
                Err(_) => 0,
            };
            if n == 0 || !builder.filled(n) {
                break;
            }
            progress(opened.stream.n_raw(), stamp.len(), &mut builder);
        }
        if !unchanged() {
            return Err(NoIndex::Changed);
        }
        match builder.finish(&view.analysis) {
            Ok(mut index) => {
                index.seal(view);
                return Ok(index);
            }
            Err(Failed::Again(generations)) => limit = Some(generations),
            Err(Failed::Other) => return Err(NoIndex::Changed),
            Err(Failed::TooMany) => return Err(NoIndex::TooLarge(memory)),
        }
    }
}
