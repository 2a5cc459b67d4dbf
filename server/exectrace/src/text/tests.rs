#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on may panic

use super::{TextError, read, write};

fn to_text(bytes: &[u8]) -> (String, Result<(), TextError>) {
    let mut text = String::new();
    let result = write(bytes, &mut text);
    (text, result)
}

/// The text is in the form that `write` gives, and its bytes and it give each other.
fn check(text: &str) -> Vec<u8> {
    let bytes = read(text).unwrap();
    let (again, result) = to_text(&bytes);
    assert_eq!(result, Ok(()));
    assert_eq!(again, text);
    bytes
}

/// A header, and a batch with these bytes in it (fewer than 128) and a size of one byte.
fn batch_of(data: &[u8]) -> Vec<u8> {
    let mut bytes = b"go 1.26 trace\0\0\0\x01\x01\x07\x05".to_vec();
    bytes.push(data.len() as u8);
    bytes.extend_from_slice(data);
    bytes
}

fn check_damage(bytes: &[u8], offset: usize, message: &str, printed: &str) {
    let (text, result) = to_text(bytes);
    let error = result.unwrap_err();
    assert_eq!((error.byte_offset(), error.line_number()), (Some(offset), None));
    assert_eq!(error.to_string(), format!("byte {offset}: {message}"));
    assert_eq!(text, printed);
}

fn check_mistake(text: &str, line: usize, message: &str) {
    let error = read(text).unwrap_err();
    assert_eq!((error.byte_offset(), error.line_number()), (None, Some(line)));
    assert_eq!(error.to_string(), format!("line {line}: {message}"));
}

#[test]
fn every_form_of_line() {
    check(
        r#"go 1.26
batch gen=1 m=7 time=1000
  ProcStatus dt=5 p=0 pstatus=1
  GoStatusStack dt=0 g=18446744073709551614 m=-1 gstatus=4 stack=3
  GoDestroy dt=300
batch gen=1 m=-1 time=1000
  Strings
  String id=1 "main.main"
  String id=2 ""
batch gen=1 m=-1 time=1000
  Stacks
  Stack id=3
    pc=0x1234 func=1 file=2 line=7
    pc=0x0 func=0 file=0 line=0
  Stack id=4
batch gen=1 m=-1 time=1000
  CPUSamples
  CPUSample time=1001 m=7 p=0 g=1 stack=3
batch gen=1 m=-1 time=1000
  Sync
  Frequency freq=1000000000
  ClockSnapshot dt=0 mono=1 sec=2 nsec=3
batch gen=1 m=9 time=1000
experimental exp=1 gen=1 m=7 time=1000
  000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
  20ff
EndOfGeneration
"#,
    );
}

#[test]
fn strings_hold_any_bytes() {
    let text = r#"go 1.22
batch gen=1 m=-1 time=1
  Strings
  String id=1 "\"\\ # \n\t\r \x00\x7f\xc2\x85 ☃ \xe2\x98 \xff"
"#;
    let bytes = check(text);
    let string = b"\"\\ # \n\t\r \0\x7f\xc2\x85 \xe2\x98\x83 \xe2\x98 \xff";
    assert!(bytes.ends_with(string));
}

/// The runtime leaves ten bytes for a batch's size; Go's own test traces take the fewest.
#[test]
fn size_of_a_batch() {
    let padded = check("go 1.22\nbatch gen=1 m=2 time=3\n  ProcStop dt=4\n");
    assert_eq!(padded[16..], *b"\x01\x01\x02\x03\x82\x80\x80\x80\x80\x80\x80\x80\x80\x00\x0b\x04");
    let minimal = check("go 1.22\nbatch gen=1 m=2 time=3 width=minimal\n  ProcStop dt=4\n");
    assert_eq!(minimal[16..], *b"\x01\x01\x02\x03\x02\x0b\x04");
    let three = check("go 1.22\nbatch gen=1 m=2 time=3 width=3\n  ProcStop dt=4\n");
    assert_eq!(three[16..], *b"\x01\x01\x02\x03\x82\x80\x00\x0b\x04");
}

#[test]
fn numbers_in_more_bytes_than_they_need() {
    let bytes = check(
        r#"go 1.25
batch gen=1/2 m=2 time=3 width=minimal
  ProcStop dt=4/3
  String id=1/2 len=2/2 "ab"
  Stack id=1 nframes=1/2
    pc=0x0/10 func=1 file=2 line=7/3
"#,
    );
    assert_eq!(bytes[16..21], *b"\x01\x81\x00\x02\x03");
    assert_eq!(bytes[22..26], *b"\x0b\x84\x80\x00");
}

#[test]
fn comments_blank_lines_and_hex_numbers() {
    let text = "# a comment\n\ngo 1.26 # the header\nbatch gen=0x1 m=7 time=0xff #\n\n\
                # between\n\tProcStop dt=1# after\n";
    assert_eq!(read(text), read("go 1.26\nbatch gen=1 m=7 time=255\n  ProcStop dt=1\n"));
}

#[test]
fn claims_and_raw_bytes_make_what_no_writer_makes() {
    let text = r#"go 1.26
batch gen=1 m=2 time=3 size=100 width=minimal
  String id=1 len=5 "ab"
  Stack id=1 nframes=9
    pc=0x1 func=2 file=3 line=4
  bytes ff 0180
bytes 3501
"#;
    let data = b"\x05\x01\x05ab\x03\x01\x09\x01\x02\x03\x04\xff\x01\x80";
    let expected = [b"go 1.26 trace\0\0\0\x01\x01\x02\x03\x64", &data[..], b"\x35\x01"].concat();
    assert_eq!(read(text), Ok(expected));
}

#[test]
fn damage_is_found_where_it_is_and_what_is_before_it_is_printed() {
    let header = "go 1.26\n";
    let batch = "go 1.26\nbatch gen=1 m=7 time=5 width=minimal\n";
    let no_header = "no header of a Go execution trace";
    check_damage(b"", 0, no_header, "");
    check_damage(b"go 1.26 trace\0\0", 0, no_header, "");
    check_damage(b"go 1.x6 trace\0\0\0", 0, no_header, "");
    check_damage(b"go 1.10 trace\0\0\0", 0, "go 1.10 is no format that is read", "");
    let old = b"go 1.19 trace\0\0\0\x41\x00\x05\x45\x02";
    check_damage(old, 21, "ends before thread, or within it", "go 1.19\nbatch p=0 time=5\n");
    let odd = b"go 1.19 trace\0\0\0\x86\x02\x03\x04";
    check_damage(odd, 16, "an event (ProcStop) has other arguments than it should", "go 1.19\n");
    let not_a_batch = b"go 1.26 trace\0\0\0\x10";
    check_damage(not_a_batch, 16, "not a batch: GoStart", header);
    let unknown = b"go 1.26 trace\0\0\0\xff";
    check_damage(unknown, 16, "not a batch: unknown event type 255", header);
    let cut_header = b"go 1.26 trace\0\0\0\x01\x01\x80";
    check_damage(cut_header, 18, "ends before m, or within it", header);
    let cut_experimental = b"go 1.26 trace\0\0\0\x31";
    check_damage(cut_experimental, 17, "ends before exp", header);

    // A batch that ends early: its events are still there, and so is its claim.
    let cut_batch = "go 1.26\nbatch gen=1 m=7 time=5 width=minimal size=100\n";
    let mut cut = batch_of(b"\x0b\x01");
    cut[20] = 100;
    let short = "ends early: 100 bytes should follow, 2 do";
    check_damage(&cut, 21, short, &format!("{cut_batch}  ProcStop dt=1\n"));
    let mut cut = batch_of(b"\x0b\x01\x10\x02");
    cut[20] = 100;
    let short = "ends before g, or within it";
    check_damage(&cut, 25, short, &format!("{cut_batch}  ProcStop dt=1\n"));
    // A size that no memory could hold.
    let huge = [&batch_of(b"")[..20], b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"].concat();
    let short = "ends early: 18446744073709551615 bytes should follow, 0 do";
    let huge_batch = "go 1.26\nbatch gen=1 m=7 time=5 size=18446744073709551615\n";
    check_damage(&huge, 30, short, huge_batch);

    check_damage(&batch_of(b"\x0b\x01\x00"), 23, "not an event: unknown event type 0", &{
        format!("{batch}  ProcStop dt=1\n")
    });
    check_damage(&batch_of(b"\x01"), 21, "not an event: EventBatch", batch);
    check_damage(&batch_of(b"\x0b"), 22, "ends before dt, or within it", batch);
    let wide = b"\x0b\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02";
    check_damage(&batch_of(wide), 22, "dt does not fit in 64 bits", batch);
    let string = b"\x05\x01\x09ab";
    check_damage(&batch_of(string), 24, "ends early: 9 bytes should follow, 2 do", batch);
    // As many frames as there are, whatever the stack claims.
    let stack = b"\x03\x01\xff\xff\xff\xff\x7f\x01\x02\x03\x04\x01";
    check_damage(&batch_of(stack), 33, "ends before func, or within it", &{
        format!("{batch}  Stack id=1\n    pc=0x1 func=2 file=3 line=4\n")
    });
}

/// Bytes that are almost a trace: every prefix of one, and one with each byte changed.
#[test]
fn no_damage_panics_and_what_is_accepted_gives_its_bytes_again() {
    let text = r#"go 1.26
batch gen=1 m=7 time=1000
  GoCreate dt=1 new_g=2 new_stack=3 stack=4
  String id=1 "\xffab"
  Stack id=3
    pc=0x1234 func=1 file=2 line=700
experimental exp=1 gen=1 m=7 time=1000 width=minimal
  0102
EndOfGeneration
"#;
    let bytes = read(text).unwrap();
    let mut damaged: Vec<Vec<u8>> = (0..bytes.len()).map(|len| bytes[..len].to_vec()).collect();
    for i in 0..bytes.len() {
        for value in [0, 1, 3, 5, 49, 52, 0x7f, 0x80, 0xff] {
            let mut copy = bytes.clone();
            copy[i] = value;
            damaged.push(copy);
        }
    }
    for bytes in damaged {
        let (text, result) = to_text(&bytes);
        if result.is_ok() {
            assert_eq!(read(&text), Ok(bytes), "{text}");
        }
    }
}

#[test]
fn mistakes_in_the_text_are_found_on_their_line() {
    let in_batch = |line: &str| format!("go 1.26\nbatch gen=1 m=7 time=5\n{line}\n");
    check_mistake("# nothing\n", 1, "no header (such as: go 1.26)");
    check_mistake("batch gen=1 m=7 time=5", 1, "the header must come first and once, found batch");
    check_mistake("go 1.26\ngo 1.26", 2, "the header must come first and once, found go");
    check_mistake("go", 1, "a header needs its version");
    check_mistake("go 1.26\n  ProcStop dt=1", 2, "an indented line must be in a batch");
    check_mistake("go 1.26\nbatch m=7 time=5", 2, "gen= is missing");
    let width = "width=11 is not 1 to 10, nor minimal";
    check_mistake("go 1.26\nbatch gen=1 m=7 time=5 width=11", 2, width);
    let exp = "exp=256 is not a byte";
    check_mistake("go 1.26\nexperimental exp=256 gen=1 m=7 time=5", 2, exp);
    let top = "ProcStop is not known here (indent it when it stands in a batch)";
    check_mistake(&in_batch("ProcStop dt=1"), 3, top);
    check_mistake(&in_batch("  ProcStopp dt=1"), 3, "no event is named ProcStopp");
    check_mistake(&in_batch("  ProcStop"), 3, "dt= is missing");
    check_mistake(&in_batch("  ProcStop dt=1 dt=2"), 3, "dt= is not known here, or there twice");
    check_mistake(&in_batch("  ProcStop dt=1 \"\""), 3, "a text does not belong here");
    check_mistake(&in_batch("  ProcStop 1"), 3, "1 is not name=value");
    for value in ["", "x", "-2", "0x", "18446744073709551616", "300/1", "1/11", "1/"] {
        let message = format!("dt={value} is not name=number, nor name=number/width");
        check_mistake(&in_batch(&format!("  ProcStop dt={value}")), 3, &message);
    }
    check_mistake(&in_batch("  String id=1"), 3, "a String needs its text in quotes");
    check_mistake(&in_batch("  String id=1 \"a"), 3, "a text without its closing quote");
    check_mistake(&in_batch("  String id=1 \"\\x1\""), 3, "1\" is not bytes in hex");
    check_mistake(
        &in_batch("  String id=1 \"\\q\""),
        3,
        "an escape is \\\" \\\\ \\n \\t \\r or \\xNN",
    );
    check_mistake(&in_batch("    pc=1 func=1 file=1 line=1"), 3, "a frame must come after a Stack");
    check_mistake(&in_batch("  bytes 0"), 3, "0 is not bytes in hex");
    check_mistake(&in_batch("  EventBatch"), 3, "EventBatch cannot stand in a batch");
}

#[test]
fn events_of_older_versions() {
    let text = r#"go 1.21
batch p=0 time=1000
  String id=1 "main.main"
  GoCreate dt=5 g=2 new_stack=3 stack=4
  ProcStart dt=1 thread=7
  GoSched dt=1/2 stack=4
  UserLog dt=1 task=0 key_string=5 stack=6 "the \"message\""
  GoStartLocal dt=1 g=2
batch p=-1 time=2000
  Stack id=4
    pc=0x10 func=1 file=2 line=7
    pc=0x20 func=1 file=2 line=9
  Stack id=5 len=2/3
  HeapAlloc dt=1 bytes=4096
  Frequency freq=15625000
"#;
    let bytes = read(text).unwrap_or_default();
    let mut again = String::new();
    assert_eq!(write(&bytes, &mut again), Ok(()));
    assert_eq!(again, text);
    // A type of six bits and two for the numbers; four numbers have their length before them.
    assert!(bytes.starts_with(
        b"go 1.21 trace\0\0\0\x41\x00\xe8\x07\x25\x01\x09main.main\xcd\x04\x05\x02\x03\x04"
    ));
    for wrong in
        ["  GoBlok dt=1", "  GoStart dt=1", "  Stack id=1 x=2", "  String id=1", "    pc=1"]
    {
        assert!(read(&format!("go 1.21\n{wrong}\n")).is_err(), "{wrong}");
    }
}
