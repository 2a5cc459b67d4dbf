//! What an editor writes: frames of the protocol, whole or not, in pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waitline::lsp::frames::{Frame, FrameDecoder, encode};

fn frames(pieces: &[&[u8]]) -> Vec<Frame> {
    let mut decoder = FrameDecoder::new();
    let mut all = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        all.extend(decoder.by_ref());
    }
    all
}

fuzz_target!(|data: &[u8]| {
    let Some((&at, bytes)) = data.split_first() else { return };
    let (one, two) = bytes.split_at(usize::from(at) % (bytes.len() + 1));
    let whole = frames(&[bytes]);
    assert_eq!(frames(&[one, two]), whole, "however the stream is chopped");
    for frame in &whole {
        if let Frame::Body(body) = frame {
            let own = frames(&[&encode(body)]);
            assert_eq!(own, [Frame::Body(body.clone())], "what is encoded is decoded");
            let _ = serde(body);
        }
    }
});

/// The parameters of `initialize` may hold anything.
fn serde(body: &[u8]) -> Option<()> {
    let value = serde_json::from_slice(body).ok()?;
    waitline::lsp::initialize::ClientInfo::from_params(&value);
    waitline::lsp::initialize::normalise(Some(value));
    Some(())
}
