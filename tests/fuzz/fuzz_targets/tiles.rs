//! What names a tile, and the tile: any window, width and lanes, of a bundled trace.
#![no_main]

use std::sync::OnceLock;

use ide::analysis::Builder;
use ide::placement::Placement;
use ide::timeline::{Builder as IndexBuilder, Index, TILE_BYTES};
use ide::view::{View, Word};
use libfuzzer_sys::fuzz_target;

const TRACE: &[u8] = include_bytes!("../../../testdata/traces/g126/annot-3s.trace");

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

fuzz_target!(|body: &[u8]| {
    if let Some(tile) = waitline::http::trial::tile(index(), body) {
        assert!(tile.starts_with(b"WLT2") && tile.len() <= TILE_BYTES, "{} bytes", tile.len());
    }
});
