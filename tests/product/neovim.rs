//! The server and its plugin in real editors: the specs of `tests/neovim`, in every Neovim that stands in the
//! environment variable `WAITLINE_NVIMS` (separated as in PATH). `tests/run` fetches them and sets it.

use std::process::Command;
use std::time::Duration;

use crate::product::{binary, root, run};

#[test]
fn every_spec_holds_in_every_neovim() {
    let Some(nvims) = std::env::var_os("WAITLINE_NVIMS").filter(|v| !v.is_empty()) else {
        eprintln!("skipped: WAITLINE_NVIMS is not set (tests/run fetches Neovim and sets it)");
        return;
    };
    let mut specs = Command::new("bash");
    specs.arg(root().join("tests/neovim/run.sh"));
    specs.args(std::env::split_paths(&nvims)).env("WAITLINE", binary());
    // run.sh ends each spec by itself, well before this.
    let specs = run(specs, Duration::from_secs(1800));
    let said = specs.text();
    eprintln!("{said}");
    // Of more than a thousand lines those of the specs that failed, so that a log that is cut still has them.
    let failed =
        said.split("\n== ").filter(|spec| spec.contains("   FAILED (")).collect::<Vec<_>>();
    assert_eq!(
        specs.code,
        Some(0),
        "a spec failed twice:\n== {}\n{}",
        failed.join("\n== "),
        specs.stderr
    );
}
