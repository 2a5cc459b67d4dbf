//! What any page or program on this machine may send to the timeline's host, and what names a tile.
#![no_main]

use std::sync::OnceLock;

use ide::analysis::Builder;
use ide::placement::Placement;
use ide::timeline::{Builder as IndexBuilder, Index, TILE_BYTES};
use ide::view::{View, Word};
use libfuzzer_sys::fuzz_target;

// By its files: the rest of the product takes ten minutes to build with counters in it.
#[allow(dead_code, unused_imports)]
#[path = "../../../server/waitline/src/http/mod.rs"]
mod http;

#[allow(dead_code)]
#[path = "../../../server/waitline/src/cores.rs"]
mod cores;

/// What the host's files and those of tiles take from the language server.
#[path = "."] // paths in it begin here: there is no folder of its name
mod lsp {
    use serde_json::Value;

    pub(crate) mod parameters {
        pub(crate) fn invalid(why: &str) -> tower_lsp::jsonrpc::Error {
            tower_lsp::jsonrpc::Error::invalid_params(why.to_owned())
        }
    }

    #[allow(dead_code)]
    #[path = "../../../server/waitline/src/lsp/timeline"]
    mod timeline {
        mod parameters;
        pub(super) mod tiles;
    }

    /// Reads what names a tile, and makes it.
    pub(crate) fn read_tile_request(params: &Value) -> Result<(), crate::http::Refusal> {
        let asked = timeline::tiles::Asked::parse(params)
            .map_err(|error| (error.code.code(), error.message.into_owned()))?;
        let tile = timeline::tiles::tile(crate::index(), 1, &asked);
        assert!(tile.starts_with(b"WLT2") && tile.len() <= crate::TILE_BYTES);
        Ok(())
    }
}

use http::trial::{SECRET, SESSION, converse};

const TRACE: &[u8] = include_bytes!("../../../testdata/traces/g126/annot-3s.trace");

/// That of a bundled trace.
fn index() -> &'static Index {
    static MADE: OnceLock<Index> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut builder = Builder::new().with_stays();
        builder.space(TRACE.len()).copy_from_slice(TRACE);
        builder.filled(TRACE.len());
        let Ok(analysis) = builder.finish() else { panic!("a bundled trace") };
        let mut builder = IndexBuilder::new(None);
        builder.space(TRACE.len()).copy_from_slice(TRACE);
        builder.filled(TRACE.len());
        let Ok(mut index) = builder.finish(&analysis) else { panic!("its index") };
        index.seal(&View::new("a".into(), analysis, Placement::default(), &Word::default()));
        index
    })
}

fn holds(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|w| w == word.as_bytes())
}

fuzz_target!(|data: &[u8]| {
    // JSON alone names a tile: most requests are refused long before.
    if let Ok(params) = serde_json::from_slice(data) {
        let _ = lsp::read_tile_request(&params);
        return;
    }
    let Some((&cut, bytes)) = data.split_last() else { return };
    let talk = converse(bytes, usize::from(cut)).expect("a runtime");
    if !holds(bytes, SESSION) {
        assert!(!talk.let_in, "nobody named a session");
        assert_eq!(talk.asked, 0, "nobody named a session");
        assert!(!holds(&talk.sent, SECRET), "nobody named a session");
    }
    assert!(talk.sent.is_empty() || talk.sent.starts_with(b"HTTP/1."), "an answer or none");
    assert!(!holds(&talk.sent, "access-control-"), "no other site may read an answer");
});
