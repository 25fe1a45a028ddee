//! Text of a plan and its errors: positions as file and line, patterns, and suggestions.

use std::fmt::Display;
use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;

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

/// Reads a file that the user named.
///
/// Errors: it is missing, or cannot be read.
pub(crate) fn read_file(what: &str, path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!("the {what} `{}` is missing", path.display()),
        _ => anyhow::anyhow!("cannot read the {what} `{}`: {error}", path.display()),
    })
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

/// Number of words up to which all of them are listed beside the one that was probably meant.
pub(crate) const FEW: usize = 24;

/// The same where some words are short for others: they may have been meant, but are not listed.
pub(super) fn unknown_of(kind: &str, word: &str, known: &[&str], short: &[&str]) -> String {
    let all = known.join(", ");
    match meant(word, &[known, short].concat()) {
        Some(near) if known.len() > FEW => format!("unknown {kind} `{word}`; did you mean `{near}`?"),
        Some(near) => format!("unknown {kind} `{word}`; did you mean `{near}`? known: {all}"),
        None => format!("unknown {kind} `{word}`; known: {all}"),
    }
}

/// The known word that is closest to `word`, when it is close enough to have been meant.
pub(crate) fn meant<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    let nearest = known.iter().map(|&candidate| (distance(word, candidate), candidate)).min_by_key(|(d, _)| *d)?;
    (nearest.0 <= allowed).then_some(nearest.1)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(table[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(table[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        table.push(row);
    }
    table[a.len()][b.len()]
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
        assert_eq!((distance("rnu", "run"), distance("shm-spcs", "shm-spsc")), (1, 1));
    }

    #[test]
    fn lines_count_from_one() {
        let page = Page { file: "x.toml", text: "a = 1\nb = 2\n" };
        assert_eq!(page.wrong(6..7, "no").to_string(), "x.toml:2: no");
        assert_eq!(page.wrong(900..901, "no").to_string(), "x.toml:3: no");
    }
}
