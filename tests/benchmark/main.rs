//! What `tests/bench` measures: each row of the table in `docs/performance.md`, as ratios of one run.
//!
//! ```text
//! tests/bench --builds peers, records--> this, once for each trace
//!    programs --run by turns, each in a process of its own--> CPU, wall, peak memory
//!    made     what is measured and is no command of the product: the walk, the index, windows
//!    editor   what an editor waits for     pages  what `go tool trace` takes until its first page
//!    report   the rows, what each is held to, and what was not run
//! ```
//!
//! It is a program and no shell script, since a half of the rows need a client of the language server.
//! The environment says what there is: `WAITLINE` (the product), `PEER` (Go's reader), `GO_TRACE` (`go
//! tool trace` itself), `ROUNDS`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]
#![allow(dead_code)] // the client and the heap's counter are those of the tests, which use all of them

#[path = "../product/lsp/client.rs"]
mod client;
mod editor;
#[path = "../product/heap.rs"]
mod heap;
mod made;
mod memory;
mod pages;
#[path = "../product/product.rs"]
mod product;
mod programs;
mod report;
mod rows;

use std::path::PathBuf;

use report::Report;

fn main() {
    // Cargo says `--bench` to whatever it runs as one.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--part", part, file] => made::part(part, file.as_ref()),
        ["--memory"] => memory::table(),
        [] => eprintln!("tests/bench calls this, and says what it needs"),
        _ => {
            let mut report = Report::default();
            rows::once(&mut report);
            for file in args.iter().map(PathBuf::from) {
                rows::of(&mut report, &file);
            }
            report.end();
        }
    }
}
