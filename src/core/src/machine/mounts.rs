//! Lines of `/proc/self/mountinfo`. Source: proc(5).

/// A mounted file system.
pub(super) struct Mount<'a> {
    /// Directory or file of the file system that is mounted.
    pub(super) root: String,
    /// Where it is mounted.
    pub(super) point: String,
    pub(super) kind: &'a str,
    pub(super) options: &'a str,
}

/// Parses a line; `None` for anything else.
pub(super) fn parse(line: &str) -> Option<Mount<'_>> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(3);
    let mut after = after.split(' ');
    let (root, point) = (unescaped(before.next()?), unescaped(before.next()?));
    Some(Mount { root, point, kind: after.next()?, options: after.nth(1)? })
}

/// Blanks and backslashes of a path are octal escapes in `mountinfo`.
fn unescaped(path: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.iter().fold(path.to_owned(), |path, (escape, character)| path.replace(escape, character))
}
