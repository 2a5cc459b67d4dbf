//! Reads a profile in pprof's format, just enough of it to compare stacks.
//!
//! It is written by hand and shares nothing with the product, which writes the format by other means:
//! a test that reads with the writer's own tables finds none of its mistakes.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use flate2::read::GzDecoder;

/// Function, file, line.
pub(crate) type Frame = (String, String, u64);

/// Number and nanoseconds by stack, leaf first.
pub(crate) type Stacks = BTreeMap<Vec<Frame>, (i64, i64)>;

/// What a profile holds.
pub(crate) struct Profile {
    /// Name and unit of each value, as `contentions/count`.
    pub(crate) sample_types: Vec<String>,
    pub(crate) stacks: Stacks,
}

/// Reads a profile, compressed or not. Panics on what is not one.
pub(crate) fn read(bytes: &[u8]) -> Profile {
    let mut plain = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    } else {
        plain.extend_from_slice(bytes);
    }

    // Tables first: a sample may stand before what it points to.
    let mut strings = Vec::new();
    let mut functions = HashMap::new(); // id -> name, file
    let mut locations: HashMap<u64, Vec<(u64, u64)>> = HashMap::new(); // id -> (function, line)
    let mut samples: Vec<(Vec<u64>, Vec<u64>)> = Vec::new();
    let mut types = Vec::new();
    for (field, value) in Fields(&plain) {
        match field {
            1 => types.push((value.number(1), value.number(2))),
            2 => samples.push((value.numbers(1), value.numbers(2))),
            4 => {
                let lines = value.messages(4).map(|line| (line.number(1), line.number(2)));
                locations.insert(value.number(1), lines.collect());
            }
            5 => {
                functions.insert(value.number(1), (value.number(2), value.number(4)));
            }
            6 => strings.push(String::from_utf8(value.bytes().to_vec()).unwrap()),
            _ => {}
        }
    }

    let string = |i: u64| strings[i as usize].clone();
    let mut stacks = Stacks::new();
    for (path, values) in samples {
        let mut stack = Vec::new();
        for location in path {
            for &(function, line) in &locations[&location] {
                let (name, file) = functions[&function];
                stack.push((string(name), string(file), line));
            }
        }
        // One nameless frame and no frame at all are both "no stack"; Go shows either.
        stack.retain(|(function, file, _)| !(function.is_empty() && file.is_empty()));
        let sum = stacks.entry(stack).or_default();
        sum.0 += values[0] as i64;
        sum.1 += values[1] as i64;
    }
    let sample_types = types.iter().map(|&(t, u)| format!("{}/{}", string(t), string(u))).collect();
    Profile { sample_types, stacks }
}

/// The value of a field in protobuf's wire format.
#[derive(Clone, Copy)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Wire<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Wire::Bytes(bytes) => bytes,
            Wire::Number(n) => panic!("a number ({n}) where bytes were expected"),
        }
    }

    /// The last number of that field in this message, 0 where it has none.
    fn number(self, field: u32) -> u64 {
        self.numbers(field).last().copied().unwrap_or(0)
    }

    /// Every number of that field: one by one, packed, or both.
    fn numbers(self, field: u32) -> Vec<u64> {
        let mut numbers = Vec::new();
        for (_, value) in Fields(self.bytes()).filter(|&(f, _)| f == field) {
            match value {
                Wire::Number(n) => numbers.push(n),
                Wire::Bytes(mut packed) => {
                    while !packed.is_empty() {
                        numbers.push(varint(&mut packed));
                    }
                }
            }
        }
        numbers
    }

    fn messages(self, field: u32) -> impl Iterator<Item = Wire<'a>> {
        Fields(self.bytes()).filter(move |&(f, _)| f == field).map(|(_, value)| value)
    }
}

/// The fields of a message, in the order of its bytes.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, Wire<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let key = varint(&mut self.0);
        let length = match key & 7 {
            0 => return Some(((key >> 3) as u32, Wire::Number(varint(&mut self.0)))),
            1 => 8,
            2 => varint(&mut self.0) as usize,
            5 => 4,
            other => panic!("wire type {other} is not used by pprof"),
        };
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(((key >> 3) as u32, Wire::Bytes(bytes)))
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&first, rest) = bytes.split_first().expect("a number ends within its message");
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first < 0x80 {
            return value;
        }
    }
    panic!("a number of more than 64 bits");
}
