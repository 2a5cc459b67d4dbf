//! The sixteen bytes that open a trace: `go 1.26 trace` and three zero bytes.

use serde::{Deserialize, Serialize};

use crate::Error;

/// How many bytes the header has.
pub const HEADER_LEN: usize = 16;

/// A version of the trace format, by the Go release that brought it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Version(pub u32);

impl Version {
    /// Go 1.11: the first of the v1 formats that is read; 1.12 to 1.18 write it too.
    pub const GO_1_11: Version = Version(11);
    /// Go 1.19, and 1.20: CPU samples.
    pub const GO_1_19: Version = Version(19);
    /// Go 1.21: the last of the v1 formats.
    pub const GO_1_21: Version = Version(21);
    /// Go 1.22: the first of the v2 formats.
    pub const GO_1_22: Version = Version(22);
    /// Go 1.23: stacks on statuses, coroutines, experimental batches.
    pub const GO_1_23: Version = Version(23);
    /// Go 1.25: sync batches with clock snapshots.
    pub const GO_1_25: Version = Version(25);
    /// Go 1.26: a mark at each generation's end. Go 1.27 writes this too.
    pub const GO_1_26: Version = Version(26);

    /// Whether it is one of the formats before Go 1.22.
    pub fn is_v1(self) -> bool {
        self < Version::GO_1_22
    }

    /// Whether it is newer than all that are known here. It is read like the newest of them, which
    /// goes well until an event comes that is not known.
    pub fn is_newer(self) -> bool {
        self > Version::GO_1_26
    }

    /// Whether a trace begins with these bytes, in any version.
    pub(crate) fn is_header(bytes: &[u8]) -> bool {
        parse(bytes).is_some()
    }

    /// Reads the header. `bytes` are those of the file's beginning, 16 or fewer if it is shorter.
    ///
    /// # Errors
    /// Says what the bytes are instead of a trace that this crate reads, as far as it can be told.
    pub fn from_header(bytes: &[u8]) -> Result<Version, Error> {
        let version = parse(bytes).ok_or_else(|| Error::not_a_trace(bytes))?;
        match version.0 {
            11 | 19 | 21 | 22 | 23 | 25 | 26 => Ok(version),
            _ if version.is_newer() => Ok(version),
            _ => Err(Error::unsupported(version)),
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Version> {
    let rest = bytes.get(..HEADER_LEN)?.strip_prefix(b"go 1.")?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 || digits > 3 {
        return None;
    }
    let (number, tail) = rest.split_at(digits);
    // Three zero bytes; with one digit (Go 1.5 to 1.9) there are four.
    let tail = tail.strip_prefix(b" trace")?;
    if tail.len() < 2 || tail.iter().any(|&b| b != 0) {
        return None;
    }
    std::str::from_utf8(number).ok()?.parse().ok().map(Version)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(Version::from_header(b"go 1.22 trace\0\0\0").unwrap(), Version::GO_1_22);
        assert_eq!(Version::from_header(b"go 1.26 trace\0\0\0").unwrap(), Version::GO_1_26);
        assert!(Version::from_header(b"go 1.28 trace\0\0\0").unwrap().is_newer());
        for old in [&b"go 1.10 trace\0\0\0"[..], b"go 1.5 trace\0\0\0\0", b"go 1.24 trace\0\0\0"] {
            assert!(Version::from_header(old).unwrap_err().is_unsupported_version());
        }
        for foreign in [
            &b""[..],
            b"go 1.26",
            b"go 1.x trace\0\0\0\0",
            b"go 1.26 trace!!!",
            b"#!/bin/sh\n......",
        ] {
            assert!(Version::from_header(foreign).unwrap_err().is_not_a_trace());
        }
    }
}
