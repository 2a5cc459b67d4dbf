//! The beginning of a large trace, to be looked at while the rest is read.

use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ide::analysis::Builder;

use crate::traces::{self, Loaded, Stamp};

/// A smaller file is there before anybody could have looked at its beginning, in bytes.
const LARGE: u64 = 16 << 20;

/// Of the file at most this share is read twice.
const SHARE: u64 = 3;

/// How much is read at a time, in bytes.
const BLOCK: usize = 256 << 10;

/// What the first generation of a large trace tells, marked as partial: sums, and no lives of goroutines,
/// since nothing can be judged by it. `None` if that is not worth it: the file is small, its first
/// generation is a good part of it, or it has another fault, which the load itself tells of.
pub(crate) fn load(path: &Path, cancel: &AtomicBool) -> Option<Loaded> {
    let stamp = Stamp::at(path).filter(|stamp| stamp.len() >= LARGE)?;
    let mut opened = traces::open(path).ok()?;
    let mut builder = Builder::new();
    builder.starts_at(opened.offset);
    while builder.n_generations() == 0 {
        let is_too_much = opened.stream.n_raw() > stamp.len() / SHARE;
        if is_too_much || cancel.load(Ordering::Relaxed) {
            return None;
        }
        match opened.stream.read(builder.space(BLOCK)) {
            Ok(0) => return None,
            Ok(n) if builder.filled(n) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => return None,
        }
    }
    builder.cut("the rest is being read".to_owned());
    builder.stop();
    let mut analysis = builder.finish().ok()?;
    analysis.bytes = stamp.len();
    analysis.lost_until = None; // how long it is nobody knows yet
    let inside = opened.stream.inside;
    let is_same = Stamp::at(path).as_ref() == Some(&stamp);
    is_same.then(|| Loaded { path: path.to_owned(), stamp, inside, analysis, memory: 0 })
}
