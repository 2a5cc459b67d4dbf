//! A trace, as bytes or in words, in turn and with its generations side by side: the same comes of it.
#![no_main]

use std::sync::Arc;

use ide::Analysis;
use ide::analysis::{Builder, Unfinished};
use ide::jobs::InTurn;
use libfuzzer_sys::fuzz_target;

fn load(bytes: &[u8], cores: usize) -> Result<Analysis, Unfinished> {
    let jobs = Arc::new(InTurn(cores));
    let mut builder = Builder::new().on(jobs.clone());
    loop {
        builder.space(bytes.len()).copy_from_slice(bytes);
        builder.filled(bytes.len());
        match builder.finish() {
            Err(Unfinished::Again { generations, problem }) => {
                builder = Builder::up_to(generations, problem).on(jobs.clone());
            }
            done => return done,
        }
    }
}

/// All that is summed up, slot by slot. Names are those of the tables, which are the same.
fn described(outcome: &Result<Analysis, Unfinished>) -> String {
    let analysis = match outcome {
        Ok(analysis) => analysis,
        Err(unfinished) => return format!("{unfinished:?}"),
    };
    let mut text =
        format!("{} {:?} {:?}\n", analysis.events, analysis.totals, analysis.problem);
    for slot in &analysis.slots {
        let percentiles = slot.values.percentiles([1, 50, 99, 100]);
        text += &format!(
            "{} {:?} {} {} {} {:?} {} {} {:?} {} {} {percentiles:?}\n",
            analysis.causes.name(slot.cause),
            slot.stack,
            slot.early,
            slot.n,
            slot.ns,
            slot.worst,
            slot.open_n,
            slot.open_ns,
            slot.cut_worst,
            slot.pre_n,
            slot.pre_ns,
        );
    }
    text + &format!("{:?} {:?}", analysis.wakers, analysis.notes)
}

fuzz_target!(|data: &[u8]| {
    let made = std::str::from_utf8(data).ok().and_then(|text| exectrace::text::read(text).ok());
    let bytes = made.as_deref().unwrap_or(data);
    let in_turn = described(&load(bytes, 1));
    for cores in [2, 4] {
        let side_by_side = described(&load(bytes, cores));
        assert!(side_by_side == in_turn, "{cores} cores\n{side_by_side}\n{in_turn}");
    }
});
