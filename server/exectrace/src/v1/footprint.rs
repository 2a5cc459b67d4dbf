//! How much of a v1 trace each event type takes.

use super::parse::Raw;
use super::spec;
use crate::v2::footprint::{Footprint, Row};
use crate::{HEADER_LEN, Version};

/// Counts all of a trace's bytes.
pub(crate) fn footprint(version: Version, bytes: &[u8]) -> Footprint {
    let mut count = [(0u64, 0u64); 64];
    let mut pos = HEADER_LEN.min(bytes.len());
    let mut problem = None;
    while pos < bytes.len() {
        match Raw::read(bytes, pos, version) {
            Ok(raw) => {
                let (n, sum) = &mut count[usize::from(raw.typ & 63)];
                *n += 1;
                *sum += (raw.end - pos) as u64;
                pos = raw.end;
            }
            Err(bad) => {
                problem = Some(bad.into());
                break;
            }
        }
    }
    let rows = count.iter().enumerate().filter(|(_, (n, _))| *n > 0);
    let mut rows: Vec<Row> =
        rows.map(|(typ, &(n, bytes))| Row { name: spec::name(typ as u8), n, bytes }).collect();
    rows.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.name.cmp(b.name)));
    Footprint { rows, problem }
}
