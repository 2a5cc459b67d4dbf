//! Traces as they are sent around: compressed, and in archives. And what only looks like that.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::product::{Run, testdata, waitline};

/// However a trace is wrapped, and whatever the file is called: its figures are the same.
#[test]
fn wrapped_traces_give_the_same_figures() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["g121/leak", "g126/annot-3s"] {
        let path = testdata(&format!("traces/{name}.trace"));
        let trace = std::fs::read(&path).unwrap();
        let want = lines(&path);
        let text = &b"what the users say"[..];
        let members = [("report/notes.txt", text), ("report/trace.out", &trace)];
        let cases = [
            ("gzip", gzip(&trace)),
            ("two gzip members", [gzip(&trace[..1000]), gzip(&trace[1000..])].concat()),
            ("zstd", zstd(&trace)),
            ("two zstd frames", [zstd(&trace[..1000]), zstd(&trace[1000..])].concat()),
            ("tar", tar(&members)),
            ("tar.gz", gzip(&tar(&members))),
            ("tar.zst", zstd(&tar(&members))),
            ("tar with a gzip in it", tar(&[("a", text), ("b", &gzip(&trace))])),
            ("zip", zip(&members, false)),
            ("zip, packed", zip(&members, true)),
            ("zip with a gzip in it", zip(&[("a", text), ("b", &gzip(&trace))], true)),
            ("zip with a tar in it", zip(&[("b", &tar(&members))], true)),
        ];
        for (what, bytes) in cases {
            let file = dir.path().join("trace.out");
            std::fs::write(&file, bytes).unwrap();
            let run = lines(&file);
            assert_eq!(run.code, Some(0), "{what}: {}", run.stderr);
            assert!(run.stderr.is_empty(), "{what}: {}", run.stderr);
            assert!(run.text() == want.text(), "{what}: the figures differ");
            let run = waitline([Path::new("dump"), Path::new("--events"), &file]);
            assert_eq!(run.code, Some(0), "{what}: {}", run.stderr);
            let run = waitline([Path::new("check-trace"), &file]);
            assert_eq!(run.code, Some(0), "{what}: {}", run.text());
            assert!(run.text().contains("found in"), "{what}: {}", run.text());
        }
    }
}

#[test]
fn wrappings_without_a_trace_say_so() {
    let text = &b"what the users say"[..];
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("gzip", gzip(text), "this is a gzip file, and there is no Go execution trace in it"),
        ("zstd", zstd(text), "this is a zstd file, and there is no Go execution trace in it"),
        ("tar", tar(&[("a", text)]), "this is a tar file, and there is no Go execution trace"),
        ("zip", zip(&[("a", text)], true), "none of its 1 members is a Go execution trace"),
        ("cut zip", zip(&[("a", text)], true)[..40].to_vec(), "without its directory"),
        ("cut gzip", gzip(text)[..12].to_vec(), "this is a gzip file that cannot be unpacked"),
    ];
    for (what, bytes, said) in cases {
        let run = of_bytes(&bytes);
        assert_eq!(run.code, Some(1), "{what}");
        assert!(run.stderr.contains(said), "{what}: {}", run.stderr);
        assert_eq!(run.stderr.trim_end().lines().count(), 1, "{what}: {}", run.stderr);
    }
}

/// What was unpacked before the damage is shown as that of a trace that was cut there.
#[test]
fn a_cut_gzip_gives_what_was_whole() {
    let trace = std::fs::read(testdata("traces/g126/annot-3s.trace")).unwrap();
    let packed = gzip(&trace);
    let run = of_bytes(&packed[..packed.len() * 3 / 4]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("complete to"), "{}", run.stderr);
    assert!(run.stderr.contains("cannot be unpacked further (gzip:"), "{}", run.stderr);
    assert!(!run.stdout.is_empty());
}

/// A few bytes that hold very many are given up early.
#[test]
fn bombs_are_stopped_early() {
    const MIB: usize = 1 << 20;
    let header = b"go 1.21 trace\0\0\0"; // a format that is read to its end before it is used
    let zeros = [&header[..], &vec![0; 128 * MIB]].concat();
    let nested = (0..40).fold(header.to_vec(), |inner, _| gzip(&inner));
    let plain = &zeros[16..];
    let cases = [
        ("gzip", gzip(&zeros), "200 times"),
        ("zstd", zstd(&zeros), "200 times"),
        ("zip", zip(&[("a", &zeros)], true), "200 times"),
        ("tar.gz", gzip(&tar(&[("a", plain), ("b", header)])), "200 times"),
        ("nested", nested, "wrappings lie around each other"),
    ];
    for (what, bytes, said) in cases {
        let start = Instant::now();
        let run = of_bytes(&bytes);
        let took = start.elapsed();
        assert_eq!(run.code, Some(1), "{what}");
        assert!(run.stderr.contains(said), "{what}: {}", run.stderr);
        // Two seconds when built for release; tests are not, and share the machine.
        assert!(took < Duration::from_secs(20), "{what} took {took:?}");
        eprintln!("{what}: {} bytes, stopped after {took:?}", bytes.len());
    }
}

fn of_bytes(bytes: &[u8]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let file: PathBuf = dir.path().join("trace.out");
    std::fs::write(&file, bytes).unwrap();
    lines(&file)
}

fn lines(path: &Path) -> Run {
    waitline([Path::new("lines"), path, Path::new("--by=here"), Path::new("--json")])
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, data) in members {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(data);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

fn zip(members: &[(&str, &[u8])], pack: bool) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in members {
        let packed = if pack {
            let best = flate2::Compression::best();
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), best);
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        } else {
            data.to_vec()
        };
        let offset = out.len() as u32;
        let mut common = vec![20, 0, 0, 0, if pack { 8 } else { 0 }, 0];
        common.extend([0; 8]); // time, date, checksum: nobody looks at them here
        common.extend((packed.len() as u32).to_le_bytes());
        common.extend((data.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0; 2]);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(packed);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([(members.len() as u16).to_le_bytes(); 2].concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}
