//! What can be wrong with a trace, in words.

use std::fmt;

use crate::Version;

/// Why nothing at all can be read. Ask it what it is; its text says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Empty,
    HeaderCut { len: usize },
    Gzip,
    Zstd,
    Zip,
    Profile,
    Foreign { first: Vec<u8> },
    Unsupported(Version),
}

impl Error {
    pub(crate) fn not_a_trace(bytes: &[u8]) -> Error {
        Error(if bytes.is_empty() {
            Kind::Empty
        } else if bytes.starts_with(&[0x1f, 0x8b]) {
            Kind::Gzip
        } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Kind::Zstd
        } else if bytes.starts_with(b"PK\x03\x04") {
            Kind::Zip
        } else if bytes.starts_with(&[0x0a, 0x04, 0x0a, 0x02]) {
            Kind::Profile
        } else if bytes.len() < crate::HEADER_LEN
            && b"go 1.".starts_with(&bytes[..bytes.len().min(5)])
        {
            Kind::HeaderCut { len: bytes.len() }
        } else {
            Kind::Foreign { first: bytes[..bytes.len().min(8)].to_vec() }
        })
    }

    pub(crate) fn unsupported(version: Version) -> Error {
        Error(Kind::Unsupported(version))
    }

    /// The bytes are not those of a Go execution trace, or not yet.
    pub fn is_not_a_trace(&self) -> bool {
        !self.is_unsupported_version()
    }

    /// It is a trace, of a version that is not read.
    pub fn is_unsupported_version(&self) -> bool {
        matches!(self.0, Kind::Unsupported(_))
    }

    /// There is not one byte.
    pub fn is_empty(&self) -> bool {
        self.0 == Kind::Empty
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Empty => f.write_str(
                "the file is empty (tracing was not stopped, or the program ended before the first buffer was written)",
            ),
            Kind::HeaderCut { len } => write!(
                f,
                "the file ends inside the trace's header, at byte {len} of 16 (record the trace again)"
            ),
            Kind::Gzip => f.write_str("this is a gzip file (unpack it first: gunzip -k FILE)"),
            Kind::Zstd => f.write_str("this is a zstd file (unpack it first: unzstd FILE)"),
            Kind::Zip => f.write_str("this is a zip file (unpack it first: unzip FILE)"),
            Kind::Profile => f.write_str(
                "this is a pprof profile, not an execution trace (record one with go test -trace, or from /debug/pprof/trace)",
            ),
            Kind::Foreign { first } => {
                f.write_str("not a Go execution trace: it begins with")?;
                for b in first {
                    write!(f, " {b:02x}")?;
                }
                f.write_str(", not with \"go 1.\" (record one with go test -trace)")
            }
            Kind::Unsupported(v) if v.0 < 11 => write!(
                f,
                "a trace of Go 1.{}, in a format that Go itself no longer reads since Go 1.23 (record it again with Go 1.11 or newer, or open it with go tool trace of Go 1.21 or 1.22)",
                v.0
            ),
            Kind::Unsupported(v) => write!(
                f,
                "a trace of format \"go 1.{}\", which no release of Go writes: there are 1.11, 1.19, 1.21, 1.22, 1.23, 1.25 and 1.26 (record it again)",
                v.0
            ),
        }
    }
}

impl std::error::Error for Error {}

/// Something wrong inside a trace, and where. What comes before it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, in bytes from the file's beginning.
    pub offset: u64,
    /// The generation in which it is, by the runtime's number, where that is known.
    pub generation: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl Problem {
    /// The same, in a trace of this version: of one that is not known here, that may be the reason.
    pub(crate) fn of_version(mut self, version: Version) -> Problem {
        if version.is_newer() {
            self.what += &format!(
                "; the trace's format, go 1.{}, is newer than this Waitline, which knows up to go 1.{} (get a newer Waitline)",
                version.0,
                Version::GO_1_26.0
            );
        }
        self
    }

    pub(crate) fn new(offset: u64, generation: Option<u64>, what: impl Into<String>) -> Problem {
        Problem { offset, generation, what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {}", self.what, self.offset)?;
        if let Some(generation) = self.generation {
            write!(f, ", in generation {generation}")?;
        }
        f.write_str(")")
    }
}
