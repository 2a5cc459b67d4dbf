//! The members of a tar, one after another as they stream by.
//!
//! ```text
//! [header 512][data, padded to 512][header 512][data ...][512 zero bytes]
//! ```

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::rc::Rc;

const BLOCK: usize = 512;

/// Whether this is the header of a member: a tar has no other mark.
pub(super) fn is_header(head: &[u8]) -> bool {
    head.len() >= BLOCK && head[257..262] == *b"ustar" && checksum_fits(head)
}

/// The header's bytes add up to the number in it, which counts as spaces.
fn checksum_fits(head: &[u8]) -> bool {
    let sum: u64 = head[..BLOCK]
        .iter()
        .enumerate()
        .map(|(i, &b)| if (148..156).contains(&i) { 32 } else { u64::from(b) })
        .sum();
    number(&head[148..156]) == Some(sum)
}

/// An octal number, or one in base 256 as tars of large files have.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((&first, rest)) = field.split_first()
        && first & 0x80 != 0
    {
        return rest.iter().try_fold(u64::from(first & 0x7f), |number, &byte| {
            (number >> 56 == 0).then_some(number << 8 | u64::from(byte))
        });
    }
    let text = std::str::from_utf8(field).ok()?;
    let text = text.trim_matches(|c| c == ' ' || c == '\0');
    u64::from_str_radix(text, 8).ok()
}

/// What is left of the member that is being read.
struct Member {
    stream: Rc<RefCell<Box<dyn Read>>>,
    left: Rc<Cell<u64>>,
}

impl Read for Member {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buf.len());
        let n = self.stream.borrow_mut().read(&mut buf[..most])?;
        self.left.set(self.left.get() - n as u64);
        Ok(n)
    }
}

/// The first member that is a trace, packed or not.
pub(super) fn find(
    stream: Box<dyn Read>,
    raw: &Rc<super::Meter>,
    depth: u32,
    inside: &mut Vec<String>,
) -> io::Result<Option<Box<dyn Read>>> {
    let stream = Rc::new(RefCell::new(stream));
    let n_inside = inside.len();
    for _ in 0..super::MAX_MEMBERS {
        let mut head = Vec::new();
        stream.borrow_mut().by_ref().take(BLOCK as u64).read_to_end(&mut head)?;
        if !is_header(&head) {
            break; // the zero bytes at the end, or the end
        }
        let Some(size) = number(&head[124..136]) else { break };
        let left = Rc::new(Cell::new(size));
        // A file is '0', or a zero byte in old ones; all else is no file or tells about the next.
        if matches!(head[156], b'0' | 0) {
            let name = head[..100].split(|&b| b == 0).next().unwrap_or(&[]);
            let name = ide::text::plain(&String::from_utf8_lossy(name));
            inside.truncate(n_inside);
            inside.push(format!("the member {name} of a tar"));
            let member = Box::new(Member { stream: stream.clone(), left: left.clone() });
            if let Some(found) = super::look(member, raw, depth, inside)? {
                return Ok(Some(found));
            }
        }
        let padding = size.next_multiple_of(BLOCK as u64) - size;
        let mut rest = Member {
            stream: stream.clone(),
            left: Rc::new(Cell::new(left.get().saturating_add(padding))),
        };
        io::copy(&mut rest, &mut io::sink())?;
    }
    inside.truncate(n_inside);
    inside.push("tar".into());
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_headers() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b" 12345 \0"), Some(0o12345));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\0\0\0\x01\x02"), Some(258));
        // As long as the checksum's field, which no tar writes so.
        assert_eq!(number(b"\x80\0\0\0\0\0\x01\x02"), Some(258));
        assert_eq!(number(b"\x80\0\0\x01\0\0\0\0\0\0\0\0"), None, "more than 64 bits");
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
        assert_eq!(number(b""), None);
        assert_eq!(number(b"9"), None);
    }
}
