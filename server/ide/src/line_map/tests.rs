#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;

use super::*;

fn range(start: (u32, u32), end: (u32, u32)) -> TextRange {
    let position = |(line, character)| TextPosition { line, character };
    TextRange { start: position(start), end: position(end) }
}

/// Start and end as line and character, and the new text.
type Replacement<'a> = ((u32, u32), (u32, u32), &'a str);

/// Where the recorded lines stand after edits of `base`, `-` for those that are gone, and the text.
fn check(base: &str, edits: &[Replacement<'_>], expected: &str) {
    let mut buffer = TextBuffer::new(base.to_owned());
    let mut map = LineMap::new(base.into());
    for &(start, end, new_text) in edits {
        let edit = buffer.apply(range(start, end), new_text).unwrap();
        map.edit(edit, &buffer);
    }
    assert_eq!(shown(&map), expected, "{:?}", buffer.text());
}

fn shown(map: &LineMap) -> String {
    let lines = 0..to_line(map.base_starts.len());
    let lines: Vec<String> = lines
        .map(|line| map.current(line).map_or("-".to_owned(), |line| line.to_string()))
        .collect();
    lines.join(" ")
}

#[test]
fn figures_move_with_edits_above_them() {
    check("a\nb\nc\n", &[((0, 0), (0, 0), "x\ny\n")], "2 3 4 5");
    check("a\nb\nc\n", &[((0, 0), (1, 0), "")], "- 0 1 2");
    check("a\nb\nc\n", &[((0, 1), (0, 1), "\nx")], "0 2 3 4");
}

#[test]
fn an_edited_line_is_gone_and_comes_back_with_its_text() {
    check("a\nb\nc", &[((1, 1), (1, 1), "x")], "0 - 2");
    check("a\nb\nc", &[((1, 1), (1, 1), "x"), ((1, 1), (1, 2), "")], "0 1 2");
    check("a\nb\nc", &[((1, 0), (2, 0), ""), ((0, 0), (0, 0), "n\n")], "1 - 2");
    check("a\nb\nc", &[((1, 0), (2, 0), ""), ((0, 0), (0, 0), "n\n"), ((2, 0), (2, 0), "b\n")], {
        "1 2 3"
    });
}

#[test]
fn a_line_between_equal_lines_keeps_its_own_place() {
    // The original is the one that the edit did not touch, though all three read the same.
    check("a\na\nz", &[((1, 0), (1, 0), "a\n")], "0 2 3");
    check("a\na\nz", &[((0, 1), (0, 1), "\na")], "0 2 3");
}

#[test]
fn text_that_is_restored_in_another_way_is_the_base_again() {
    check("a\na\nb", &[((0, 0), (1, 0), ""), ((0, 1), (0, 1), "\na")], "0 1 2");
}

#[test]
fn text_that_moved_out_of_its_gap_is_gone() {
    // "x" goes below "c": order is kept, and the figure of a moved line is not guessed.
    check("a\nx\nb\nc\n", &[((1, 0), (2, 0), ""), ((3, 0), (3, 0), "x\n")], "0 - 1 2 4");
}

#[test]
fn replacing_the_whole_text_keeps_what_is_equal() {
    let mut buffer = TextBuffer::new("a\nb\nc\nd\n".to_owned());
    let mut map = LineMap::new(buffer.text().into());
    let edit = buffer.replace("a\nb2\nc\nx\nd\n");
    assert_eq!((edit.first_line, edit.removed, edit.inserted), (1, 2, 3));
    map.edit(edit, &buffer);
    assert_eq!(shown(&map), "0 - 2 4 5");
    assert_eq!(map.recorded(2), Some(2));
    assert_eq!(map.recorded(3), None);
    assert_eq!(map.recorded(99), None);
}

#[test]
fn terminators_are_no_part_of_a_line() {
    let map = LineMap::between("a\nb\nc".into(), "a\r\nb\rc\r\n");
    assert_eq!(shown(&map), "0 1 2");
}

#[test]
fn an_edit_that_does_not_fit_makes_a_fresh_map() {
    let mut map = LineMap::new("a\nb\nc".into());
    let buffer = TextBuffer::new("b\nc".to_owned());
    map.edit(Edit { first_line: 9, removed: 9, inserted: 1 }, &buffer);
    assert_eq!(shown(&map), "- 0 1");
}

#[test]
fn positions_are_clamped_as_lsp_says() {
    let mut buffer = TextBuffer::new("a😀b\r\nxy".to_owned());
    let offset = |line, character| buffer.offset(TextPosition { line, character });
    assert_eq!(offset(0, 1), Ok(1));
    assert_eq!(offset(0, 2), Ok(1), "within the pair");
    assert_eq!(offset(0, 3), Ok(5));
    assert_eq!(offset(0, 99), Ok(6), "before the terminator");
    assert_eq!(offset(1, 2), Ok(10));
    assert_eq!(offset(2, 0), Err(OutOfRange { line: 2, n_lines: 2 }));
    assert_eq!(buffer.utf16_column(0, 5), 3);
    assert_eq!(buffer.utf16_column(0, 3), 1, "within the character");
    assert_eq!(buffer.utf16_column(9, 3), 0);

    let before = buffer.clone();
    let error = buffer.apply(range((0, 0), (7, 0)), "z").unwrap_err();
    assert_eq!(error.to_string(), "line 7 is beyond the document's 2 lines");
    assert_eq!(buffer, before);
    buffer.apply(range((1, 1), (0, 1)), "-").unwrap();
    assert_eq!(buffer.text(), "a-y", "ends in the wrong order are exchanged");
}

#[test]
fn a_terminator_may_be_joined_or_torn() {
    let mut buffer = TextBuffer::new("a\rb".to_owned());
    let edit = buffer.apply(range((1, 0), (1, 0)), "\n").unwrap();
    assert_eq!(buffer, TextBuffer::new("a\r\nb".to_owned()));
    assert_eq!((edit.removed, edit.inserted), (0, 0));

    let mut buffer = TextBuffer::new("a\n\nb".to_owned());
    buffer.apply(range((1, 0), (1, 0)), "q\r").unwrap();
    assert_eq!(buffer, TextBuffer::new("a\nq\r\nb".to_owned()));
}

/// The slow twin: lines by scanning, positions by counting, and for each line of the text the line
/// of the base that it is, as long as no edit touched it.
struct Model {
    text: String,
    untouched: Vec<Option<u32>>,
}

impl Model {
    fn lines(text: &str) -> Vec<Range<usize>> {
        let chars: Vec<(usize, char)> = text.char_indices().collect();
        let mut lines = Vec::new();
        let (mut start, mut i) = (0, 0);
        while i < chars.len() {
            let crlf = chars[i].1 == '\r' && chars.get(i + 1).is_some_and(|c| c.1 == '\n');
            i += if crlf { 2 } else { 1 };
            if crlf || matches!(chars[i - 1].1, '\r' | '\n') {
                let end = chars.get(i).map_or(text.len(), |c| c.0);
                lines.push(start..end);
                start = end;
            }
        }
        lines.push(start..text.len());
        lines
    }

    fn offset(&self, line: usize, character: usize) -> usize {
        let line = Self::lines(&self.text)[line].clone();
        let content = self.text[line.clone()].trim_end_matches(['\r', '\n']);
        let mut best = 0;
        for at in (0..=content.len()).filter(|&at| content.is_char_boundary(at)) {
            if content[..at].encode_utf16().count() <= character {
                best = at;
            }
        }
        line.start + best
    }

    fn apply(&mut self, start: usize, end: usize, new_text: &str) {
        let old_lines = Self::lines(&self.text);
        let text = format!("{}{new_text}{}", &self.text[..start], &self.text[end..]);
        let new_lines = Self::lines(&text);
        let mut untouched = vec![None; new_lines.len()];
        for (i, line) in old_lines.iter().enumerate() {
            if line.end <= start && i + 1 < old_lines.len() {
                untouched[i] = self.untouched[i];
            } else if line.start >= end {
                let moved = line.start - end + start + new_text.len();
                if let Some(at) = new_lines.iter().position(|line| line.start == moved) {
                    untouched[at] = self.untouched[i];
                }
            }
        }
        (self.text, self.untouched) = (text, untouched);
    }
}

/// 512 scripts of each kind; `WAITLINE_FULL=100` makes them 10,000.
#[allow(clippy::disallowed_methods)] // how long a test is comes from outside
fn cases() -> u32 {
    let percent = std::env::var("WAITLINE_FULL").ok().and_then(|p| p.parse::<u32>().ok());
    percent.map_or(512, |percent| (100 * percent).max(512))
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "\t", "}", "mu.Lock()"]),
        2 => prop::sample::select(vec!["é", "€", "😀", "𝄞"]),
        4 => prop::sample::select(vec!["\n", "\n", "\r\n", "\r"]),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

type Script = Vec<((u32, u32), (u32, u32), String)>;

fn scripts() -> impl Strategy<Value = Script> {
    let position = || (0..12_u32, 0..10_u32);
    prop::collection::vec((position(), position(), texts()), 0..12)
}

fn assert_sound(map: &LineMap, buffer: &TextBuffer) {
    let base = TextBuffer::new(map.base().to_string());
    let mut last = None;
    for line in 0..base.n_lines() {
        let Some(current) = map.current(line) else { continue };
        assert_eq!(base.line(line), buffer.line(current));
        assert_eq!(map.recorded(current), Some(line));
        assert!(last < Some(current), "the order is kept");
        last = Some(current);
    }
    let n_mapped = (0..buffer.n_lines()).filter(|&line| map.recorded(line).is_some()).count();
    assert_eq!(n_mapped, (0..base.n_lines()).filter(|&line| map.current(line).is_some()).count());
    assert_eq!(map.recorded.len(), buffer.starts().len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn edits_agree_with_the_slow_twin(base in texts(), script in scripts()) {
        let mut buffer = TextBuffer::new(base.clone());
        let mut map = LineMap::new(base.as_str().into());
        let n_base_lines = map.base_starts.len();
        let mut model =
            Model { text: base, untouched: (0..to_line(n_base_lines)).map(Some).collect() };

        for (start, end, new_text) in script {
            let n_lines = buffer.n_lines();
            let (start, end) = (start.min(end), start.max(end));
            let edit = buffer.apply(range(start, end), &new_text);
            if end.0 >= n_lines {
                prop_assert!(edit.is_err());
                continue;
            }
            let offset = |(line, character)| model.offset(line as usize, character as usize);
            model.apply(offset(start), offset(end), &new_text);
            map.edit(edit.unwrap(), &buffer);

            prop_assert_eq!(&buffer, &TextBuffer::new(model.text.clone()));
            let starts: Vec<usize> = Model::lines(&model.text).iter().map(|l| l.start).collect();
            prop_assert_eq!(buffer.starts(), &starts[..]);
            assert_sound(&map, &buffer);
            if buffer.text() != &**map.base() {
                for (line, &base_line) in model.untouched.iter().enumerate() {
                    if let Some(base_line) = base_line {
                        prop_assert_eq!(map.current(base_line), Some(to_line(line)));
                    }
                }
            }
        }
    }

    #[test]
    fn diffs_are_sound(base in texts(), current in texts()) {
        let buffer = TextBuffer::new(current);
        let mut map = LineMap::between(base.as_str().into(), buffer.text());
        assert_sound(&map, &buffer);
        let mut replaced = TextBuffer::new(base.clone());
        let edit = replaced.replace(buffer.text());
        map = LineMap::new(base.into());
        map.edit(edit, &replaced);
        prop_assert_eq!(&replaced, &buffer);
        assert_sound(&map, &replaced);
    }

    #[test]
    fn an_undo_brings_every_line_back(base in texts(), script in scripts()) {
        let mut buffer = TextBuffer::new(base.clone());
        let mut map = LineMap::new(base.as_str().into());
        for (start, end, new_text) in script {
            if let Ok(edit) = buffer.apply(range(start, end), &new_text) {
                map.edit(edit, &buffer);
            }
        }
        let edit = buffer.replace(&base);
        map.edit(edit, &buffer);
        for line in 0..buffer.n_lines() {
            prop_assert_eq!(map.current(line), Some(line));
        }
    }
}
