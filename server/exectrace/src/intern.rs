//! The trace's tables: strings by content, frames by all they hold, stacks by their frames.
//!
//! Each generation brings tables of its own with ids of its own; here they become one numbering
//! for the whole trace, so that figures of different generations can be added up.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};
use serde::{Deserialize, Serialize};

use crate::{FrameId, StackId, StrId};

mod kept;

/// One frame of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// The program counter.
    pub pc: u64,
    /// The function's full name; empty where the runtime had none.
    pub func: StrId,
    /// The recorded file.
    pub file: StrId,
    /// The line, from 1; 0 is none.
    pub line: u32,
}

/// Strings, frames and stacks of a trace, so far.
#[derive(Debug, Clone)]
pub struct Tables {
    hasher: DefaultHashBuilder,
    /// Row of a string -> end of its text; the text begins where that of the row before ends.
    text: String,
    text_ends: Vec<usize>,
    strings: HashTable<u32>,
    frames: Vec<Frame>,
    frame_rows: HashTable<u32>,
    /// Row of a stack -> end of its frames, as in `text_ends`. Leaf first.
    stack_frames: Vec<FrameId>,
    stack_ends: Vec<usize>,
    stacks: HashTable<u32>,
}

impl Default for Tables {
    fn default() -> Self {
        let mut tables = Tables {
            hasher: DefaultHashBuilder::default(),
            text: String::new(),
            text_ends: Vec::new(),
            strings: HashTable::new(),
            frames: Vec::new(),
            frame_rows: HashTable::new(),
            stack_frames: Vec::new(),
            stack_ends: Vec::new(),
            stacks: HashTable::new(),
        };
        tables.intern("");
        tables.intern_stack(&[]);
        tables
    }
}

impl Tables {
    /// The text of a string.
    pub fn str(&self, id: StrId) -> &str {
        let row = id.0 as usize;
        let start = if row == 0 { 0 } else { self.text_ends[row - 1] };
        &self.text[start..self.text_ends[row]]
    }

    /// How many strings there are, the empty one included.
    pub fn n_strings(&self) -> usize {
        self.text_ends.len()
    }

    /// A frame.
    pub fn frame(&self, id: FrameId) -> Frame {
        self.frames[id.0 as usize]
    }

    /// How many frames there are.
    pub fn n_frames(&self) -> usize {
        self.frames.len()
    }

    /// The frames of a stack, leaf first.
    pub fn stack(&self, id: StackId) -> &[FrameId] {
        let row = id.0 as usize;
        let start = if row == 0 { 0 } else { self.stack_ends[row - 1] };
        &self.stack_frames[start..self.stack_ends[row]]
    }

    /// How many stacks there are, "no stack" included.
    pub fn n_stacks(&self) -> usize {
        self.stack_ends.len()
    }

    /// About how many bytes of memory they take.
    pub fn memory(&self) -> usize {
        // A row of a hash table is an index and a byte.
        let rows = self.strings.capacity() + self.frame_rows.capacity() + self.stacks.capacity();
        self.text.capacity()
            + (self.text_ends.capacity() + self.stack_ends.capacity()) * size_of::<usize>()
            + self.frames.capacity() * size_of::<Frame>()
            + self.stack_frames.capacity() * size_of::<FrameId>()
            + rows * 5
    }

    /// The row of a string with this text, a new one if there is none.
    pub fn intern(&mut self, s: &str) -> StrId {
        let hash = self.hasher.hash_one(s);
        if let Some(&row) = self.strings.find(hash, |&row| self.str(StrId(row)) == s) {
            return StrId(row);
        }
        let row = self.text_ends.len() as u32;
        self.text.push_str(s);
        self.text_ends.push(self.text.len());
        self.enter_string(hash, row);
        StrId(row)
    }

    fn enter_string(&mut self, hash: u64, row: u32) {
        let (hasher, text, ends) = (&self.hasher, &self.text, &self.text_ends);
        self.strings.insert_unique(hash, row, |&row| {
            let row = row as usize;
            let start = if row == 0 { 0 } else { ends[row - 1] };
            hasher.hash_one(&text[start..ends[row]])
        });
    }

    /// The row of this text, if some string of the trace has it.
    pub fn find(&self, s: &str) -> Option<StrId> {
        let hash = self.hasher.hash_one(s);
        self.strings.find(hash, |&row| self.str(StrId(row)) == s).map(|&row| StrId(row))
    }

    pub(crate) fn intern_frame(&mut self, frame: Frame) -> FrameId {
        let hash = self.hasher.hash_one(frame);
        let (hasher, frames) = (&self.hasher, &mut self.frames);
        if let Some(&row) = self.frame_rows.find(hash, |&row| frames[row as usize] == frame) {
            return FrameId(row);
        }
        let row = frames.len() as u32;
        frames.push(frame);
        self.frame_rows.insert_unique(hash, row, |&row| hasher.hash_one(frames[row as usize]));
        FrameId(row)
    }

    pub(crate) fn intern_stack(&mut self, stack: &[FrameId]) -> StackId {
        let hash = self.hasher.hash_one(Frames(stack));
        if let Some(&row) = self.stacks.find(hash, |&row| self.stack(StackId(row)) == stack) {
            return StackId(row);
        }
        let row = self.stack_ends.len() as u32;
        self.stack_frames.extend_from_slice(stack);
        self.stack_ends.push(self.stack_frames.len());
        let (hasher, all, ends) = (&self.hasher, &self.stack_frames, &self.stack_ends);
        self.stacks.insert_unique(hash, row, |&row| {
            let row = row as usize;
            let start = if row == 0 { 0 } else { ends[row - 1] };
            hasher.hash_one(Frames(&all[start..ends[row]]))
        });
        StackId(row)
    }
}

/// Hashes a stack's frames as one slice of numbers.
#[derive(Hash)]
struct Frames<'a>(&'a [FrameId]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_is_the_same_row() {
        let mut t = Tables::default();
        let a = t.intern("a");
        assert_eq!((t.intern("a"), t.intern("")), (a, StrId::NONE));
        assert_eq!(t.str(a), "a");
        let frame = Frame { pc: 1, func: a, file: a, line: 3 };
        let f = t.intern_frame(frame);
        assert_eq!(t.intern_frame(frame), f);
        let g = t.intern_frame(Frame { line: 4, ..frame });
        assert_ne!(f, g);
        let s = t.intern_stack(&[f, g]);
        assert_eq!((t.intern_stack(&[f, g]), t.intern_stack(&[])), (s, StackId::NONE));
        assert_eq!(t.stack(s), [f, g]);
        assert_ne!(t.intern_stack(&[g, f]), s);
        for i in 0..1000 {
            let s = i.to_string();
            let row = t.intern(&s);
            assert_eq!(t.str(row), s);
            assert_eq!(t.find(&s), Some(row));
        }
        assert_eq!(t.find("1000"), None);
    }
}
