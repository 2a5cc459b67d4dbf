//! What the stack of whoever ended a wait tells: whether it sent, received, closed.

use exectrace::{FrameId, StackId};

use crate::Analysis;

/// What the stack of a waker tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct WakerStack {
    /// Its leaf is no function of the runtime: a channel was closed, where it is one.
    pub(super) plain: bool,
    /// It received.
    pub(super) receives: bool,
    /// It stood in a `select`, and whether it sent or received is not known.
    pub(super) selects: bool,
    /// It woke all at a condition.
    pub(super) broadcasts: bool,
    /// It made what it brings, a connection say.
    pub(super) makes: bool,
    /// It ended a context.
    pub(super) cancels: bool,
}

/// By stack of the trace.
pub(super) fn waker_stacks(analysis: &Analysis) -> Vec<WakerStack> {
    let func = |f: FrameId| analysis.str(analysis.tables.frame(f).func);
    let stacks = || (0..analysis.tables.n_stacks() as u32).map(StackId);
    let made = stacks().map(|stack| {
        let stack = analysis.stack(stack);
        let leaf = stack.first().copied();
        let name = leaf.map_or("", func);
        let selects = name == "runtime.selectgo";
        let receives = leaf.filter(|_| selects).and_then(|leaf| {
            let line = analysis.tables.frame(leaf).line;
            SELECTS.iter().find(|of| of.0 == line || of.1 == line).map(|of| of.0 == line)
        });
        WakerStack {
            plain: !name.starts_with("runtime."),
            receives: name.starts_with("runtime.chanrecv") || receives == Some(true),
            selects: selects && receives.is_none(),
            broadcasts: name == "sync.(*Cond).Broadcast",
            makes: stack.iter().any(|&f| makes(func(f))),
            cancels: name.starts_with("context."),
        }
    });
    made.collect()
}

/// Where `runtime.selectgo` receives from a goroutine that waits, and where it sends to one: the lines of the
/// two calls in Go 1.20, in 1.21 and 1.22, in 1.23, and in 1.24 to 1.27. In a release that has them elsewhere
/// it is not known which of two `select`s sent.
const SELECTS: [(u32, u32); 4] = [(471, 501), (470, 500), (481, 511), (497, 527)];

/// Functions that open a connection for somebody who waits for one.
fn makes(func: &str) -> bool {
    ["net/http.(*Transport).dialConnFor", "database/sql.(*DB).openNewConnection"].contains(&func)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_select_means_both() {
        let all: Vec<u32> = SELECTS.iter().flat_map(|of| [of.0, of.1]).collect();
        for (i, line) in all.iter().enumerate() {
            assert!(!all[..i].contains(line), "{line}");
        }
    }
}
