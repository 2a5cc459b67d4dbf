//! Bytes, in pieces, to batches, tables and events: the reader and the decoder by themselves.
#![no_main]

use exectrace::{Decoder, Reader, Sink};
use libfuzzer_sys::fuzz_target;

struct Nothing;

impl Sink for Nothing {
    type Local = ();
}

fuzz_target!(|data: &[u8]| {
    // The last byte, so that a trace is a good seed as it is.
    let Some((&step, bytes)) = data.split_last() else { return };
    let mut reader = Reader::new();
    let mut decoder = Decoder::default();
    let mut pieces = bytes.chunks(usize::from(step) * 16 + 1);
    loop {
        match reader.next() {
            Ok(Some(generation)) => {
                if decoder.decode(&generation, reader.tables(), &mut Nothing).is_err() {
                    return;
                }
                reader.recycle(generation);
            }
            Ok(None) if reader.is_done() => break,
            Ok(None) => match pieces.next() {
                Some(piece) => reader.feed(piece),
                None => reader.finish(),
            },
            Err(_) => return,
        }
    }
    assert!(reader.n_bytes() <= bytes.len() as u64, "more bytes than there are");
});
