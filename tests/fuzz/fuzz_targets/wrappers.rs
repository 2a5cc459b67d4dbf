//! What a trace may be packed in: gzip, zstd, zip, tar, and one in another.
#![no_main]

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};

use libfuzzer_sys::fuzz_target;

// By its file: with the rest of the product a run takes twenty times as long.
#[allow(dead_code, unreachable_pub)]
#[path = "../../../server/waitline/src"]
mod product {
    pub mod unwrap;
}

/// So much is read of what is unpacked: bombs are another test's.
const MOST: u64 = 1 << 20;

thread_local! {
    // One file for all runs: to make one for each costs more than the run.
    static FILE: RefCell<File> = RefCell::new({
        let path = std::env::temp_dir().join(format!("waitline-fuzz-{}", std::process::id()));
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).open(&path).expect("a file");
        std::fs::remove_file(path).expect("to have no name");
        file
    });
}

fuzz_target!(|data: &[u8]| {
    FILE.with_borrow_mut(|file| {
        file.set_len(0).and_then(|()| file.rewind()).expect("an empty file");
        file.write_all(data).and_then(|()| file.rewind()).expect("the bytes in it");
        let again = file.try_clone().expect("a second name");
        if let Ok(unwrapped) = product::unwrap::unwrap(again) {
            let _ = std::io::copy(&mut unwrapped.take(MOST), &mut std::io::sink());
        }
    });
});
