//! The header of one batch.

use super::spec::{MAX_BATCH_SIZE, ev};
use crate::varint;

/// What stands at some place between batches.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A batch, whole.
    Batch(Batch),
    /// The mark at a generation's end (Go 1.26), one byte.
    EndOfGeneration,
    /// The bytes end before the batch does.
    More,
    /// No batch stands here.
    Bad(String),
}

/// A batch: where its data stands, and what its header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) experimental: bool,
    pub(crate) generation: u64,
    pub(crate) thread: u64,
    /// In ticks.
    pub(crate) time: u64,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Batch {
    /// The event type that opens it and says what kind of batch it is.
    pub(crate) fn kind(&self, bytes: &[u8]) -> Option<u8> {
        if self.experimental { None } else { bytes.get(self.start..self.end)?.first().copied() }
    }
}

/// Reads what stands at `pos`.
pub(crate) fn next(bytes: &[u8], mut pos: usize) -> Next {
    let Some(&typ) = bytes.get(pos) else { return Next::More };
    pos += 1;
    let mut experimental = false;
    match typ {
        ev::END_OF_GENERATION => return Next::EndOfGeneration,
        ev::EVENT_BATCH => {}
        ev::EXPERIMENTAL_BATCH => {
            let Some(&experiment) = bytes.get(pos) else { return Next::More };
            experimental = experiment != 0; // 0 is none: a batch like any other
            pos += 1;
        }
        _ => return Next::Bad(format!("expected a batch of events, but found event type {typ}")),
    }
    let mut numbers = [0; 4];
    for number in &mut numbers {
        let before = pos;
        match varint::read(bytes, &mut pos) {
            Some(n) => *number = n,
            // A number has ten bytes at most: if they are there, it is the number that is wrong.
            None if bytes.len() - before.min(bytes.len()) >= 10 => {
                return Next::Bad("a number in a batch's header has more than 64 bits".into());
            }
            None => return Next::More,
        }
    }
    let [generation, thread, time, size] = numbers;
    if size > MAX_BATCH_SIZE {
        return Next::Bad(format!(
            "a batch claims {size} bytes, more than the {MAX_BATCH_SIZE} that the format allows"
        ));
    }
    let end = pos + size as usize;
    if end > bytes.len() {
        return Next::More;
    }
    Next::Batch(Batch { experimental, generation, thread, time, start: pos, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_whole_or_not_there() {
        let bytes = [1, 1, 2, 3, 4, 9, 9, 9, 9, 52];
        let batch =
            Batch { experimental: false, generation: 1, thread: 2, time: 3, start: 5, end: 9 };
        assert_eq!(next(&bytes, 0), Next::Batch(batch));
        for n in 0..9 {
            assert_eq!(next(&bytes[..n], 0), Next::More, "{n}");
        }
        assert_eq!(next(&bytes, 9), Next::EndOfGeneration);
        assert!(matches!(next(&bytes, 5), Next::Bad(_)));
        assert!(matches!(next(&[1, 1, 2, 3, 0x81, 0x80, 4], 0), Next::Bad(_)));
        assert!(matches!(
            next(&[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 0),
            Next::Bad(_)
        ));
    }
}
