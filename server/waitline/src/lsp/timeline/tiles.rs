//! A window's rects as octets: see `docs/timeline-host.md`.

use ide::timeline::tile::{HEAD_BYTES, LANE_BYTES, RECT_BYTES};
use ide::timeline::{Index, Key, LaneRects, MOST_LANES, MOST_WIDTH, Window};
use serde_json::Value;
use tower_lsp::jsonrpc::Result;

use super::parameters;
use crate::cores::Cores;
use crate::lsp::parameters::invalid;

/// A tile that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lsp) struct Asked {
    window: Window,
    lanes: Vec<Key>,
}

impl Asked {
    /// Reads what names a tile.
    pub(in crate::lsp) fn parse(params: &Value) -> Result<Asked> {
        let t0 = parameters::the_time(params, "t0")?;
        let t1 = parameters::the_time(params, "t1")?;
        if t0 >= t1 {
            return Err(invalid("t0 comes before t1"));
        }
        let width = params.get("width").and_then(Value::as_u64).and_then(|w| u32::try_from(w).ok());
        let width = width.filter(|w| (1..=MOST_WIDTH).contains(w)).ok_or_else(|| {
            invalid(&format!("width is a number of pixels from 1 to {MOST_WIDTH}"))
        })?;
        let lanes = parameters::lanes(params, MOST_LANES)?;
        Ok(Asked { window: Window { t0, t1, width }, lanes })
    }
}

/// The tile of an index that belongs to this analysis.
pub(in crate::lsp) fn tile(index: &Index, analysis: u64, asked: &Asked) -> Vec<u8> {
    let lanes = index.tile_by(&asked.lanes, &asked.window, &Cores);
    encode(analysis, &asked.window, &lanes)
}

/// The same of an index that is being made: what cannot be looked at yet is empty.
pub(in crate::lsp) fn so_far(index: &Index, analysis: u64, asked: &Asked) -> Vec<u8> {
    let grown: Vec<Key> = asked.lanes.iter().filter(|key| key.grows()).cloned().collect();
    let mut drawn = index.tile(&grown, &asked.window).into_iter();
    let of = |key: &Key| {
        if key.grows() { drawn.next().unwrap_or_default() } else { LaneRects::default() }
    };
    let lanes: Vec<LaneRects> = asked.lanes.iter().map(of).collect();
    encode(analysis, &asked.window, &lanes)
}

/// Lanes as octets, all little-endian.
fn encode(analysis: u64, window: &Window, lanes: &[LaneRects]) -> Vec<u8> {
    let rects: usize = lanes.iter().map(|l| l.rects.len()).sum();
    let mut at = HEAD_BYTES + lanes.len() * LANE_BYTES;
    let mut out = Vec::with_capacity(at + rects * RECT_BYTES);
    out.extend_from_slice(b"WLT2");
    out.extend_from_slice(&(analysis as u32).to_le_bytes());
    out.extend_from_slice(&window.t0.to_le_bytes());
    out.extend_from_slice(&window.t1.to_le_bytes());
    out.extend_from_slice(&window.width.to_le_bytes());
    out.extend_from_slice(&(lanes.len() as u32).to_le_bytes());
    for lane in lanes {
        for n in [at as u32, lane.rects.len() as u32, lane.peak, u32::from(lane.coarse)] {
            out.extend_from_slice(&n.to_le_bytes());
        }
        at += lane.rects.len() * RECT_BYTES;
    }
    for rect in lanes.iter().flat_map(|l| &l.rects) {
        out.extend_from_slice(&rect.x0.to_le_bytes());
        out.extend_from_slice(&rect.x1.to_le_bytes());
        out.extend_from_slice(&[rect.class, rect.verdict, rect.flags, rect.fill]);
        out.extend_from_slice(&rect.label.to_le_bytes());
        out.extend_from_slice(&rect.g.to_le_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ide::timeline::Rect;

    #[test]
    fn octets_are_where_the_page_reads_them() {
        let rect =
            Rect { x0: 16, x1: 40, class: 4, verdict: 1, flags: 2, fill: 255, label: 7, g: 42 };
        let lanes =
            [LaneRects::default(), LaneRects { rects: vec![rect, rect], peak: 3, coarse: true }];
        let window = Window { t0: -5, t1: 1 << 40, width: 800 };
        let tile = encode(9, &window, &lanes);
        assert_eq!(tile.len(), 32 + 2 * 16 + 2 * 16);
        let u32_at =
            |at: usize| u32::from_le_bytes(tile[at..at + 4].try_into().unwrap_or_default());
        assert_eq!(&tile[..4], b"WLT2");
        assert_eq!((u32_at(4), u32_at(24), u32_at(28)), (9, 800, 2));
        assert_eq!(i64::from_le_bytes(tile[8..16].try_into().unwrap_or_default()), -5);
        assert_eq!((u32_at(32), u32_at(36), u32_at(44)), (64, 0, 0));
        assert_eq!((u32_at(48), u32_at(52), u32_at(56), u32_at(60)), (64, 2, 3, 1));
        assert_eq!(&tile[64..72], [16, 0, 40, 0, 4, 1, 2, 255]);
        assert_eq!((u32_at(72), u32_at(76)), (7, 42));
    }
}
