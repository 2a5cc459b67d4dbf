//! Tables as they are written down and read again.
//!
//! What is read was perhaps written by nobody of ours: whatever would make a row point nowhere is
//! refused here. Nothing is added to tables that were read: of what finds rows again, only the strings'
//! own is made anew.

use std::borrow::Cow;
use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Frame, Tables};
use crate::{FrameId, StrId};

/// Tables as they stand in the file.
#[derive(Serialize, Deserialize)]
struct Form<'a> {
    text: Cow<'a, str>,
    text_ends: Cow<'a, [usize]>,
    frames: Cow<'a, [Frame]>,
    stack_frames: Cow<'a, [FrameId]>,
    stack_ends: Cow<'a, [usize]>,
}

impl Serialize for Tables {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = Form {
            text: Cow::Borrowed(&self.text),
            text_ends: Cow::Borrowed(&self.text_ends),
            frames: Cow::Borrowed(&self.frames),
            stack_frames: Cow::Borrowed(&self.stack_frames),
            stack_ends: Cow::Borrowed(&self.stack_ends),
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = Form::deserialize(deserializer)?;
        if !form.is_sound() {
            return Err(D::Error::custom("a row that is not there"));
        }
        let mut tables = Tables {
            hasher: DefaultHashBuilder::default(),
            strings: HashTable::with_capacity(form.text_ends.len()),
            text: form.text.into_owned(),
            text_ends: form.text_ends.into_owned(),
            frames: form.frames.into_owned(),
            frame_rows: HashTable::new(),
            stack_frames: form.stack_frames.into_owned(),
            stack_ends: form.stack_ends.into_owned(),
            stacks: HashTable::new(),
        };
        for row in 0..tables.n_strings() as u32 {
            let hash = tables.hasher.hash_one(tables.str(StrId(row)));
            tables.enter_string(hash, row);
        }
        Ok(tables)
    }
}

impl Form<'_> {
    fn is_sound(&self) -> bool {
        let fits = |n: usize| u32::try_from(n).is_ok();
        let strings = self.text_ends.len();
        fits(strings)
            && fits(self.frames.len())
            && fits(self.stack_ends.len())
            && are_ends(&self.text_ends, self.text.len())
            && self.text_ends.iter().all(|&end| self.text.is_char_boundary(end))
            && are_ends(&self.stack_ends, self.stack_frames.len())
            && self.frames.iter().all(|f| (f.func.0.max(f.file.0) as usize) < strings)
            && self.stack_frames.iter().all(|f| (f.0 as usize) < self.frames.len())
    }
}

/// The first row of either table is empty, and each row ends where the next one begins.
fn are_ends(ends: &[usize], all: usize) -> bool {
    ends.first() == Some(&0) && ends.last() == Some(&all) && ends.is_sorted()
}

impl Tables {
    /// Whether these have the same rows as others.
    pub fn are_those(&self, other: &Tables) -> bool {
        self.text == other.text
            && self.text_ends == other.text_ends
            && self.frames == other.frames
            && self.stack_frames == other.stack_frames
            && self.stack_ends == other.stack_ends
    }
}
