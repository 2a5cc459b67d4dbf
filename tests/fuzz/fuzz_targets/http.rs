//! What any page or program on this machine may send to the timeline's host.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waitline::http::trial::{SECRET, SESSION, converse};

fn holds(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|w| w == word.as_bytes())
}

fuzz_target!(|data: &[u8]| {
    let Some((&cut, bytes)) = data.split_last() else { return };
    let talk = converse(bytes, usize::from(cut)).expect("a runtime");
    if !holds(bytes, SESSION) {
        assert!(!talk.let_in, "nobody named a session");
        assert_eq!(talk.asked, 0, "nobody named a session");
        assert!(!holds(&talk.sent, SECRET), "nobody named a session");
    }
    assert!(talk.sent.is_empty() || talk.sent.starts_with(b"HTTP/1."), "an answer or none");
    assert!(!holds(&talk.sent, "access-control-"), "no other site may read an answer");
});
