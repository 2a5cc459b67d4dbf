#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

/// Gives the frames of `stream`, and checks that they are the same however the stream is chopped.
fn frames(stream: &[u8]) -> Vec<Frame> {
    let chopped = |size: usize| {
        let mut decoder = FrameDecoder::new();
        let mut frames = Vec::new();
        for chunk in stream.chunks(size) {
            decoder.push(chunk);
            frames.extend(decoder.by_ref());
        }
        frames
    };
    let whole = chopped(stream.len().max(1));
    for size in [1, 2, 3, 7, 64, 65, 1000] {
        assert_eq!(chopped(size), whole, "chunks of {size} bytes");
    }
    whole
}

/// Writes frames as text: a body as it is, damage as `!reason`.
fn check(stream: &str, expected: &[&str]) {
    let got: Vec<String> = frames(stream.as_bytes())
        .into_iter()
        .map(|frame| match frame {
            Frame::Body(body) => String::from_utf8(body).unwrap(),
            Frame::Damaged(reason) => format!("!{reason:?}"),
        })
        .collect();
    assert_eq!(got, expected, "for {stream:?}");
}

const GOOD: &str = "Content-Length: 4\r\n\r\ngood";

#[test]
fn plain_frames_come_out_as_they_went_in() {
    check("", &[]);
    check(GOOD, &["good"]);
    check(&format!("{GOOD}{GOOD}"), &["good", "good"]);
    check("Content-Length: 0\r\n\r\nContent-Length: 1\r\n\r\nx", &["", "x"]);
    let body = "{\"text\":\"Content-Length: 3\\r\\n\"}\n\n{}";
    assert_eq!(frames(&encode(body.as_bytes())), [Frame::Body(body.as_bytes().to_vec())]);
}

#[test]
fn odd_but_legal_headers_are_understood() {
    for header in [
        "content-length: 4\r\n\r\n",
        "CONTENT-LENGTH:4\r\n\r\n",
        "Content-Length: \t 4 \r\n\r\n",
        "Content-Length: 4\r\nContent-Type: application/json\r\n\r\n",
        "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 4\r\n\r\n",
        "Content-Type: application/vscode-jsonrpc\r\nX-Other: a:b:c\r\nContent-Length: 4\r\n\r\n",
        "Content-Length: 4\r\nContent-Length: 4\r\n\r\n",
        "Content-Length: 0004\r\n\r\n",
        "Content-Length: 4\n\n",
        "\r\n\r\nContent-Length: 4\r\n\r\n",
    ] {
        check(&format!("{header}good{GOOD}"), &["good", "good"]);
    }
    let long = format!("X-Pad: {}\r\n{GOOD}", "x".repeat(MAX_HEADER - 100));
    check(&long, &["good"]);
}

#[test]
fn a_damaged_header_costs_its_own_message_only() {
    for (damaged, reason) in [
        ("Content-Length: abc\r\n\r\n{}", "!BadLength"),
        ("Content-Length: -5\r\n\r\n{}", "!BadLength"),
        ("Content-Length: +2\r\n\r\n{}", "!BadLength"),
        ("Content-Length: 2.0\r\n\r\n{}", "!BadLength"),
        ("Content-Length:\r\n\r\n{}", "!BadLength"),
        ("Content-Length: 18446744073709551615\r\n\r\n{}", "!BadLength"),
        ("Content-Length: 18446744073709551616\r\n\r\n{}", "!BadLength"),
        ("Content-Length: 1073741825\r\n\r\n{}", "!BadLength"),
        ("Content-Type: x\r\n\r\n{}", "!NoLength"),
        ("Content-Longth: 2\r\n\r\n{}", "!NoLength"),
        ("hello\r\n\r\n", "!BadHeaderLine"),
        ("panic: something printed this\n", "!NoLength"),
        ("\u{0}\u{1}\u{2}", "!NoLength"),
        ("{}", "!NoLength"),
        ("Content-Length 2\r\n\r\n{}", "!BadHeaderLine"),
    ] {
        let expected = match damaged {
            // With a colon in it the line is a header, if a strange one, and the block is good.
            "panic: something printed this\n" => vec!["good", "good"],
            _ => vec![reason, "good", "good"],
        };
        check(&format!("{damaged}{GOOD}{GOOD}"), &expected);
        let after_one = [&["good"], &expected[..]].concat();
        check(&format!("{GOOD}{damaged}{GOOD}{GOOD}"), &after_one);
    }
}

#[test]
fn two_lengths_that_differ_are_damage() {
    check("Content-Length: 9\r\nContent-Length: 4\r\n\r\ngood", &["!BadLength", "good"]);
}

#[test]
fn an_endless_header_is_given_up_in_bounded_memory() {
    let mut decoder = FrameDecoder::new();
    let mut damaged = 0;
    for _ in 0..1000 {
        decoder.push(&[b'x'; 1000]);
        damaged += decoder.by_ref().count();
    }
    assert_eq!(damaged, 1);
    assert!(decoder.buf.capacity() < 64 * 1024, "{}", decoder.buf.capacity());
    decoder.push(GOOD.as_bytes());
    assert_eq!(decoder.next(), Some(Frame::Body(b"good".to_vec())));

    let mut blank = FrameDecoder::new();
    for _ in 0..1000 {
        blank.push(&[b'\n'; 1000]);
        blank.by_ref().count();
    }
    assert!(blank.buf.capacity() < 64 * 1024, "{}", blank.buf.capacity());
}

#[test]
fn a_length_too_small_leaves_the_next_message_whole() {
    for cut in 1..10 {
        let stream = format!("Content-Length: {cut}\r\n\r\n{{\"id\": 12}}{GOOD}");
        let got = frames(stream.as_bytes());
        assert_eq!(got.len(), 3, "{got:?}");
        assert_eq!(got[2], Frame::Body(b"good".to_vec()));
    }
}

#[test]
fn a_length_too_large_gives_back_what_it_swallowed() {
    // From one byte too many to all of the next frame and more.
    for extra in 1..2 * GOOD.len() {
        let stream = format!("Content-Length: {}\r\n\r\n{{}}{GOOD}{GOOD}{GOOD}", 2 + extra);
        let got = frames(stream.as_bytes());
        let n_good = got.iter().filter(|f| **f == Frame::Body(b"good".to_vec())).count();
        assert_eq!(n_good, 3, "{extra} too many: {got:?}");
    }
    let stream = format!("Content-Length: 60000000\r\n\r\n{{}}{GOOD}{GOOD}");
    check(&stream, &["!BodyInterrupted", "good", "good"]);
    let stream = format!("Content-Length: 100000000\r\n\r\n{{}}{GOOD}{GOOD}");
    check(&stream, &["!BodyTooLarge(100000000)", "good", "good"]);
}

#[test]
fn a_body_over_the_cap_is_skipped_without_being_kept() {
    let length = 65_usize << 20;
    let mut decoder = FrameDecoder::new();
    decoder.push(format!("Content-Length: {length}\r\n\r\n").as_bytes());
    assert_eq!(decoder.next(), Some(Frame::Damaged(DamageReason::BodyTooLarge(length as u64))));
    let chunk = vec![b'x'; 1 << 16];
    for _ in 0..length / chunk.len() {
        decoder.push(&chunk);
        assert_eq!(decoder.next(), None);
    }
    assert!(decoder.buf.capacity() < 1 << 20);
    assert_eq!(decoder.body.capacity(), 0);
    decoder.push(GOOD.as_bytes());
    assert_eq!(decoder.next(), Some(Frame::Body(b"good".to_vec())));
}

#[test]
fn a_claimed_length_allocates_nothing() {
    let mut decoder = FrameDecoder::new();
    decoder.push(format!("Content-Length: {MAX_BODY}\r\n\r\nabc").as_bytes());
    assert_eq!(decoder.next(), None);
    assert!(decoder.body.capacity() < 1024);
}

#[test]
fn noise_between_frames_loses_no_frame() {
    // A small generator of our own, so that the noise is the same on every run.
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for _ in 0..500 {
        let noise: Vec<u8> = (0..random() % 200).map(|_| random() as u8).collect();
        let mut decoder = FrameDecoder::new();
        decoder.push(GOOD.as_bytes());
        decoder.push(&noise);
        decoder.push(GOOD.as_bytes());
        decoder.push(GOOD.as_bytes());
        let n_good = decoder.by_ref().filter(|f| *f == Frame::Body(b"good".to_vec())).count();
        assert_eq!(n_good, 3, "noise {noise:?}");
    }
}

/// However it is chopped, too: the search for the next header once found the same one behind its blanks.
#[test]
fn a_damaged_header_behind_blanks_is_told_once() {
    check("\rContent-LengTh:\r\n8 \n\n{\"", &["!BadLength"]);
    check(&format!("\r\n\nContent-Length: x\r\n\r\n{GOOD}"), &["!BadLength", "good"]);
    check(&format!("{GOOD}\r\nno header\r\n\r\n{GOOD}"), &["good", "!BadHeaderLine", "good"]);
}

/// A `\r` that came alone was once lost between a number in the last body and what followed.
#[test]
fn a_line_break_in_two_pieces_is_no_digit() {
    let body = "x Content-Length: 12";
    let stream = format!("Content-Length: {}\r\n\r\n{body}\r2\n no header\n\n{GOOD}", body.len());
    check(&stream, &[body, "!BadHeaderLine", "good"]);
}
