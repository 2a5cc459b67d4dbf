//! Makes the timeline's index of a trace that is shown, or being loaded: reads the same version of the file
//! by itself.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use ide::timeline::{Builder, Failed, Index};
use ide::view::View;

use crate::cores::Cores;
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

/// How often who waits for a view has its turn.
const TURN: Duration = Duration::from_millis(20);

/// Makes the index of a trace, of at most `memory` bytes: of as many generations as `limit` says, or as its
/// view has, which may come on `views` when all is read. Between two pieces of the file, and while that view
/// is waited for, `progress` is told how many bytes of how many are read, and may look at what is there.
///
/// # Errors
/// There is none: see [`NoIndex`].
pub fn make(
    path: &Path,
    stamp: &Stamp,
    mut limit: Option<u32>,
    views: &Receiver<Result<Arc<View>, NoIndex>>,
    memory: u64,
    cancel: &AtomicBool,
    mut progress: impl FnMut(u64, u64, &mut Builder),
) -> Result<Index, NoIndex> {
    let mut known: Option<Arc<View>> = None;
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
        let view = loop {
            if let Some(view) = &known {
                break view.clone();
            }
            match views.recv_timeout(TURN) {
                Ok(view) => known = Some(view?),
                Err(RecvTimeoutError::Timeout) if !cancel.load(Ordering::Relaxed) => {
                    progress(opened.stream.n_raw(), stamp.len(), &mut builder);
                }
                Err(_) => return Err(NoIndex::Cancelled),
            }
        };
        let cut = view.analysis.cut;
        if cut.is_some_and(|cut| limit.is_none_or(|limit| limit > cut)) {
            limit = cut; // nobody knew that before
            continue;
        }
        match builder.finish(&view.analysis) {
            Ok(mut index) => {
                index.seal_by(&view, &Cores);
                return Ok(index);
            }
            Err(Failed::Again(generations)) => limit = Some(generations),
            Err(Failed::Other) => return Err(NoIndex::Changed),
            Err(Failed::TooMany) => return Err(NoIndex::TooLarge(memory)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    type Views = Sender<Result<Arc<View>, NoIndex>>;

    const TRACE: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/traces/g126/annot-3s.trace");

    /// The index of a trace; `beside` is called with each piece that is read, and each time that a view is
    /// waited for.
    fn made(
        limit: Option<u32>,
        mut beside: impl FnMut(&mut Option<Views>, &AtomicBool),
    ) -> Result<Index, NoIndex> {
        let path = Path::new(TRACE);
        let stamp = Stamp::at(path).unwrap();
        let (tell, views) = channel();
        let (mut tell, cancel) = (Some(tell), AtomicBool::new(false));
        make(path, &stamp, limit, &views, 1 << 30, &cancel, |_, _, _| beside(&mut tell, &cancel))
    }

    fn view(generations: Option<u32>) -> Arc<View> {
        let mut builder = ide::analysis::Builder::new().with_stays();
        let bytes = std::fs::read(TRACE).unwrap();
        for piece in bytes.chunks(256) {
            builder.space(piece.len()).copy_from_slice(piece);
            builder.filled(piece.len());
            if Some(builder.n_generations()) == generations {
                builder.cut("only so many".into());
            }
        }
        let analysis = builder.finish().unwrap();
        let placement = ide::placement::Placement::default();
        Arc::new(View::new("trace".into(), analysis, placement, &ide::view::Word::default()))
    }

    fn told(index: &Index) -> (usize, usize, i64, Vec<(String, i64)>) {
        let groups =
            index.groups.iter().map(|group| (group.id.clone(), group.time.waiting)).collect();
        (index.gos.len(), index.n_spans(), index.end, groups)
    }

    #[test]
    fn a_view_may_come_when_all_is_read() {
        let (mut turns, whole) = (0, view(None));
        let late = made(None, |tell, _| {
            turns += 1;
            if turns == 4 {
                let _ = tell.take().unwrap().send(Ok(whole.clone()));
            }
        });
        let late = told(&late.unwrap());
        let early = made(None, |tell, _| {
            let _ = tell.take().map(|tell| tell.send(Ok(whole.clone())));
        });
        assert_eq!(late, told(&early.unwrap()));
        assert!(late.1 > 100 && turns >= 4, "{late:?}, {turns}");
    }

    #[test]
    fn a_view_of_a_part_is_followed_when_it_comes() {
        let cut = view(Some(1));
        assert_eq!(cut.analysis.cut, Some(1));
        let told_first = |limit| {
            made(limit, |tell, _| {
                let _ = tell.take().map(|tell| tell.send(Ok(cut.clone())));
            })
        };
        let part = told(&told_first(None).unwrap());
        assert_eq!(part, told(&told_first(Some(1)).unwrap()));
        let whole = view(None);
        assert!(part.2 < whole.analysis.duration(), "{part:?}");
    }

    #[test]
    fn who_is_told_that_none_comes_waits_no_longer() {
        let none = made(None, |tell, _| drop(tell.take()));
        assert_eq!(none.unwrap_err(), NoIndex::Cancelled);
        let given_up = made(None, |_, cancel| cancel.store(true, Ordering::Relaxed));
        assert_eq!(given_up.unwrap_err(), NoIndex::Cancelled);
        let why = made(None, |tell, _| {
            let _ = tell.take().map(|tell| tell.send(Err(NoIndex::TooLarge(7))));
        });
        assert_eq!(why.unwrap_err(), NoIndex::TooLarge(7));
    }
}
