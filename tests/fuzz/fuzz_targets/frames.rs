//! What an editor writes: frames of the protocol, whole or not, in pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;

// By their files: with the rest of the product a run takes twenty times as long.
#[allow(dead_code, unreachable_pub)]
#[path = "../../../server/waitline/src/lsp/frames.rs"]
mod frames;
#[allow(dead_code, unreachable_pub)]
#[path = "../../../server/waitline/src/lsp/initialize.rs"]
mod initialize;
#[allow(dead_code, unreachable_pub)]
#[path = "../../../server/waitline/src/paths.rs"]
mod paths;

use frames::{Frame, FrameDecoder, encode};

fn decoded(pieces: &[&[u8]]) -> Vec<Frame> {
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
    let whole = decoded(&[bytes]);
    assert_eq!(decoded(&[one, two]), whole, "however the stream is chopped");
    for frame in &whole {
        if let Frame::Body(body) = frame {
            let own = decoded(&[&encode(body)]);
            assert_eq!(own, [Frame::Body(body.clone())], "what is encoded is decoded");
            let _ = serde(body);
        }
    }
});

/// The parameters of `initialize` may hold anything.
fn serde(body: &[u8]) -> Option<()> {
    let value = serde_json::from_slice(body).ok()?;
    initialize::ClientInfo::from_params(&value);
    initialize::normalise(Some(value));
    Some(())
}
