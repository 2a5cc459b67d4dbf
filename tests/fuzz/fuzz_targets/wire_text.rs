//! The wire in words, both ways.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut text = String::new();
    if exectrace::text::write(data, &mut text).is_ok() {
        let back = exectrace::text::read(&text).expect("what was written is read");
        assert_eq!(back, data, "bytes to text and back");
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(bytes) = exectrace::text::read(text)
    {
        let mut again = String::new();
        let _ = exectrace::text::write(&bytes, &mut again);
    }
});
