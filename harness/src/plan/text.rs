//! Text of a plan and its errors: positions as file and line, patterns, and suggestions.

use std::fmt::Display;
use std::ops::Range;

/// The text of a plan and its file name.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    /// Path, or `plans/NAME.toml` of an embedded plan.
    pub file: &'a str,
    /// All of it.
    pub text: &'a str,
}

impl Page<'_> {
    /// An error that starts with `file:line:`, the form that editors turn into a link.
    pub fn wrong(&self, span: Range<usize>, what: impl Display) -> anyhow::Error {
        let start = span.start.min(self.text.len());
        let line = self.text.as_bytes()[..start].split(|&byte| byte == b'\n').count();
        anyhow::anyhow!("{}:{line}: {what}", self.file)
    }
}

/// Whether `text` matches `pattern`, where `*` stands for any run of characters.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    let mut rest = rest;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// `unknown KIND `WORD`; did you mean ...? known: ...`.
pub(crate) fn unknown<'a>(kind: &str, word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    unknown_of(kind, word, &known.into_iter().collect::<Vec<_>>(), &[])
}

/// The same where some words are short for others: they may have been meant, but are not listed.
pub(super) fn unknown_of(kind: &str, word: &str, known: &[&str], short: &[&str]) -> String {
    let hint =
        meant(word, &[known, short].concat()).map_or_else(String::new, |near| format!(" did you mean `{near}`?"));
    format!("unknown {kind} `{word}`;{hint} known: {}", known.join(", "))
}

/// The known word that is closest to `word`, when it is close enough to have been meant.
pub(super) fn meant<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    let nearest = known.iter().map(|&candidate| (distance(word, candidate), candidate)).min_by_key(|(d, _)| *d)?;
    (nearest.0 <= allowed).then_some(nearest.1)
}

/// Insertions, deletions and replacements between two words (Levenshtein 1966), one row of the table at a time.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text) in
            [("*", "null"), ("shm-*/park", "shm-spsc/park"), ("shm-*", "shm-spsc/park"), ("pipe", "pipe")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("shm-*/park", "shm-spsc/spin"), ("pipe", "pipes"), ("*x", "pipe"), ("a*a", "a")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn the_nearest_word_is_offered_only_when_it_is_near() {
        let known = ["pipe", "unix-stream", "shm-spsc/spin"];
        assert_eq!(meant("pip", &known), Some("pipe"));
        assert_eq!(meant("shm-spcs/spin", &known), Some("shm-spsc/spin"));
        assert_eq!(meant("kafka", &known), None);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn lines_count_from_one() {
        let page = Page { file: "x.toml", text: "a = 1\nb = 2\n" };
        assert_eq!(page.wrong(6..7, "no").to_string(), "x.toml:2: no");
        assert_eq!(page.wrong(900..901, "no").to_string(), "x.toml:3: no");
    }
}
