//! Text out of a trace or a file name, made harmless for people's eyes.
//!
//! Names in a trace can hold anything. Nothing of it may steer a terminal, turn the direction of
//! writing, or become markup.

/// The longest name that is shown, in characters.
const MAX_NAME: usize = 512;

/// A name on one line: control and direction characters become visible, long ones are cut.
pub fn plain(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (i, c) in name.chars().enumerate() {
        if i == MAX_NAME {
            out.push('…');
            break;
        }
        if c.is_control() || is_invisible(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// A name as a Markdown code span, whatever backticks it holds.
pub fn code(name: &str) -> String {
    let name = plain(name);
    let mut longest = 0;
    let mut run = 0;
    for c in name.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    if longest == 0 {
        return format!("`{name}`");
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence} {name} {fence}")
}

/// Words in Markdown: as they are if they are plain words, else a code span. A reason to wait is the
/// runtime's word, and in a crafted trace anything.
pub fn words(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " ()/,'-".contains(c);
    if text.chars().count() <= MAX_NAME && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        code(text)
    }
}

/// Marks that change how text around them is shown, or that do not show at all.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_harmless() {
        assert_eq!(plain("a\u{1b}[31m\nb\u{202e}c"), "a\\u{1b}[31m\\u{a}b\\u{202e}c");
        assert_eq!(plain(&"x".repeat(600)).chars().count(), MAX_NAME + 1);
        assert_eq!(code("f"), "`f`");
        assert_eq!(code("a``b"), "``` a``b ```");
        assert_eq!(words("select (no cases)"), "select (no cases)");
        assert_eq!(words("[x](command:y)"), "`[x](command:y)`");
        assert_eq!(words("www.example.com"), "`www.example.com`");
    }
}
