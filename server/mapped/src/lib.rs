//! The one map of the product: of a file that the product itself has written.
//!
//! A map is only as good as its file. Whoever writes into it changes what is being read, and whoever
//! cuts it ends the process at the next look (`SIGBUS`). So nothing of a person's is ever mapped, a
//! trace least of all: `go test -trace` truncates and rewrites the same file. What is mapped is a file
//! of our own cache, in a folder that only its owner can enter, which is written under another name,
//! renamed when it is whole, and from then on only ever unlinked. What is left is that the same person
//! damages their own cache by hand in the milliseconds of a look.

use std::fs::File;
use std::io;

use memmap2::{Mmap, MmapOptions};

/// The bytes of a file, to be read.
#[derive(Debug)]
pub struct Mapped(Option<Mmap>);

impl Mapped {
    /// Maps the first `len` bytes of a file, which must have as many.
    ///
    /// The file must be one that nobody writes to or cuts as long as it is mapped: see above.
    ///
    /// # Errors
    /// The file is shorter, or cannot be mapped.
    #[allow(unsafe_code)]
    pub fn new(file: &File, len: usize) -> io::Result<Mapped> {
        if file.metadata()?.len() < len as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if len == 0 {
            return Ok(Mapped(None));
        }
        // SAFETY: the bytes do not change while they are looked at, for the file is one that is never
        // written to after it has its name: the caller's promise, and the first paragraph's reasons.
        let map = unsafe { MmapOptions::new().len(len).map(file)? };
        Ok(Mapped(Some(map)))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn maps_what_is_there_and_no_more() {
        let mut file = tempfile::tempfile().unwrap();
        assert_eq!(Mapped::new(&file, 0).unwrap().bytes(), b"");
        file.write_all(b"abcdef").unwrap();
        assert_eq!(Mapped::new(&file, 6).unwrap().bytes(), b"abcdef");
        assert_eq!(Mapped::new(&file, 3).unwrap().bytes(), b"abc");
        assert!(Mapped::new(&file, 7).is_err());
    }
}
