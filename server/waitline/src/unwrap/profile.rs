//! Profiles of pprof, told from what else is no trace.

/// Whether something begins as a profile does: in text (`?debug=1`), or as a message of `profile.proto`.
pub(super) fn is_head(head: &[u8]) -> bool {
    const TEXTS: [&[u8]; 8] = [
        b"goroutine profile: ",
        b"heap profile: ",
        b"allocs profile: ",
        b"threadcreate profile: ",
        b"--- mutex:\n",
        b"--- contention:\n",
        b"cycles/second=",
        b"sampling period=",
    ];
    TEXTS.iter().any(|text| head.starts_with(text)) || is_message(head)
}

/// Go's runtime writes the fields in whatever order. So they are followed from the first one on, and each
/// must be one that a profile has, up to that which says of what the samples are.
fn is_message(mut rest: &[u8]) -> bool {
    while let Some((tag, after)) = varint(rest) {
        let (field, wire) = (tag >> 3, tag & 7);
        let Some((value, after)) = varint(after) else { return false };
        match (field, wire) {
            // A sample type is a message of two small numbers.
            (1, 2) => {
                let mut inner = after.get(..usize::try_from(value).unwrap_or(usize::MAX));
                while let Some(bytes) = inner.filter(|bytes| !bytes.is_empty()) {
                    let Some((tag, bytes)) = varint(bytes) else { return false };
                    let Some((text, bytes)) = varint(bytes) else { return false };
                    if !matches!(tag, 0x08 | 0x10) || text > 1_000 {
                        return false;
                    }
                    inner = Some(bytes);
                }
                return inner.is_some() && (2..=12).contains(&value);
            }
            (7..=10 | 12..=14, 0) => rest = after,
            (11, 2) => match after.get(usize::try_from(value).unwrap_or(usize::MAX)..) {
                Some(after) => rest = after,
                None => return false,
            },
            _ => return false,
        }
    }
    false
}

/// A number of protobuf's, and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0u64;
    for (i, &byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f).checked_shl(7 * i as u32)?;
        if byte & 0x80 == 0 {
            return Some((number, &bytes[i + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::is_head;

    #[test]
    fn profiles_are_told_by_their_beginning() {
        let by_runtime: &[u8] = &[
            0x48, 0x96, 0xf0, 0x9d, 0x8f, 0xbd, 0x9b, 0xa1, 0xf6, 0x18, 0x0a, 0x04, 0x08, 0x01,
            0x10, 0x02, 0x0a, 0x04,
        ];
        assert!(is_head(by_runtime));
        assert!(is_head(&[0x0a, 0x04, 0x08, 0x01, 0x10, 0x02, 0x12]));
        assert!(is_head(b"goroutine profile: total 12\n1 @ 0x4"));
        assert!(is_head(b"--- mutex:\ncycles/second="));
        for other in [
            b"".as_slice(),
            b"\n",
            b"go 1.26 trace\0\0\0",
            b"package main\n",
            b"{\"traceEvents\":[",
            &[0x0a, 0x04, 0x0a, 0x02],
            &[0x48, 0xff],
            &[0x5a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ] {
            assert!(!is_head(other), "{other:?}");
        }
    }
}
