//! What a person meant who wrote a name that nobody knows.

/// The name of these that is nearest to a word, if one is near.
pub(crate) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = |name: &'a str| slip(word, name).map(|slip| (slip, name));
    names.filter_map(near).min().map(|(_, name)| name)
}

/// How many slips of the hand lead from a name, or its last part, to a word, whatever their case; `None`:
/// too many.
pub(crate) fn slip(word: &str, name: &str) -> Option<usize> {
    let (word, name) = (word.to_lowercase(), name.to_lowercase());
    if word.is_empty() {
        return None;
    }
    // Its beginning, its end or a part of it alone.
    if word.len() >= 3 && name.contains(&word) {
        return Some(0);
    }
    let last = name.rsplit(['.', '/']).next().unwrap_or(&name);
    let slips = |name: &str| {
        let slips = strsim::damerau_levenshtein(&word, name);
        let few = 2.max(name.len() / 4).min(word.chars().count() - 1);
        (slips <= few).then_some(slips)
    };
    [&name, last].into_iter().filter_map(slips).min()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_leads_to_what_was_meant() {
        let names = ["db", "main.(*pool).query", "request"];
        for (word, want) in [
            ("DB", Some("db")),
            ("dbs", Some("db")),
            ("requets", Some("request")),
            ("pool", Some("main.(*pool).query")),
            ("qurey", Some("main.(*pool).query")),
            ("x", None),
            ("", None),
            ("nothing", None),
        ] {
            assert_eq!(nearest(word, names.into_iter()), want, "{word}");
        }
    }
}
