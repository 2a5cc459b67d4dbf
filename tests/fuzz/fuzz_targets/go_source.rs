//! A Go file, and the functions and operations in it.
#![no_main]

use ide::go_source::GoSource;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let source = GoSource::parse(text);
    let n = text.lines().count() as u32;
    for function in source.functions() {
        assert!(function.lines.first <= function.lines.last, "{function:?}");
    }
    for line in (0..n.min(64)).chain([n, u32::MAX]) {
        source.operations_at(line);
        source.function_at(line);
        source.holds_frame("main.f.func1.2[...]", line);
    }
});
