//! How much of a trace each event type takes.

use super::batch::{self, Next};
use super::spec::{SPECS, TIMED_ARGS, ev};
use crate::{HEADER_LEN, Problem, varint};

/// What one event type takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The event type's name.
    pub name: &'static str,
    /// How many there are.
    pub n: u64,
    /// Their bytes together.
    pub bytes: u64,
}

/// What each event type takes, the most bytes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footprint {
    /// Types that occur.
    pub rows: Vec<Row>,
    /// Where the bytes are no trace any more.
    pub problem: Option<Problem>,
}

/// Counts all of a trace's bytes, headers and tables too.
pub fn footprint(bytes: &[u8]) -> Footprint {
    if let Ok(version) = crate::Version::from_header(&bytes[..bytes.len().min(HEADER_LEN)])
        && version.is_v1()
    {
        return crate::v1::footprint::footprint(version, bytes);
    }
    let mut count = [(0u64, 0u64); 256];
    let mut add = |typ: u8, bytes: usize| {
        let (n, sum) = &mut count[typ as usize];
        *n += 1;
        *sum += bytes as u64;
    };
    let mut pos = HEADER_LEN.min(bytes.len());
    let mut problem = None;
    while pos < bytes.len() && problem.is_none() {
        match batch::next(bytes, pos) {
            Next::Batch(batch) if batch.experimental => {
                add(ev::EXPERIMENTAL_BATCH, batch.end - pos);
                pos = batch.end;
            }
            Next::Batch(batch) => {
                add(ev::EVENT_BATCH, batch.start - pos);
                pos = batch.start;
                let data = &bytes[..batch.end];
                while pos < batch.end {
                    let typ = data[pos];
                    let Some(end) = end_of_event(data, pos) else {
                        problem = Some(Problem::new(
                            pos as u64,
                            Some(batch.generation),
                            format!("no event of type {typ} can stand here"),
                        ));
                        break;
                    };
                    add(typ, end - pos);
                    pos = end;
                }
            }
            Next::EndOfGeneration => {
                add(ev::END_OF_GENERATION, 1);
                pos += 1;
            }
            Next::More => {
                problem = Some(Problem::new(pos as u64, None, "the file ends inside a batch"));
            }
            Next::Bad(what) => problem = Some(Problem::new(pos as u64, None, what)),
        }
    }
    let mut rows: Vec<Row> = SPECS
        .iter()
        .map(|s| Row { name: s.name, n: count[s.typ as usize].0, bytes: count[s.typ as usize].1 })
        .filter(|r| r.n > 0)
        .collect();
    rows.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.name.cmp(b.name)));
    Footprint { rows, problem }
}

fn end_of_event(data: &[u8], pos: usize) -> Option<usize> {
    let typ = *data.get(pos)?;
    let mut at = pos + 1;
    let mut skip = |n: u64| -> Option<u64> {
        let mut last = 0;
        for _ in 0..n {
            last = varint::read(data, &mut at)?;
        }
        Some(last)
    };
    match typ {
        ev::STRINGS | ev::STACKS | ev::CPU_SAMPLES | ev::SYNC => {}
        ev::STRING => {
            let len = skip(2)?;
            at = at.checked_add(usize::try_from(len).ok()?)?;
        }
        ev::STACK => {
            let frames = skip(2)?;
            if frames > super::spec::MAX_FRAMES {
                return None;
            }
            skip(4 * frames)?;
        }
        ev::CPU_SAMPLE => {
            skip(5)?;
        }
        ev::FREQUENCY => {
            skip(1)?;
        }
        _ if TIMED_ARGS[typ as usize] > 0 => {
            skip(u64::from(TIMED_ARGS[typ as usize]))?;
        }
        _ => return None,
    }
    (at <= data.len()).then_some(at)
}
