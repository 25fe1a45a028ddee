//! Small text files under `/proc` and `/sys`, below a root that a test may replace by a tree of its own making.

use std::fs;
use std::path::PathBuf;

/// Where the kernel describes its CPUs.
pub(super) const CPUS: &str = "sys/devices/system/cpu";

/// A root with `sys/` and `proc/` below it.
pub(super) struct Tree(PathBuf);

impl Tree {
    /// The running system.
    pub(super) fn system() -> Self {
        Self::at("/")
    }

    /// A tree under `root`.
    pub(super) fn at(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// A file's text without surrounding blanks. `None` where there is no such file, or nothing in it.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        // Device-tree strings end in NUL, and firmware strings need not be UTF-8.
        let bytes = fs::read(self.0.join(path)).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A file that holds one number.
    pub(super) fn number(&self, path: &str) -> Option<u64> {
        self.text(path)?.parse().ok()
    }

    /// A file that holds `1` or `0`.
    pub(super) fn flag(&self, path: &str) -> Option<bool> {
        self.number(path).map(|number| number != 0)
    }

    /// A file that lists CPUs or nodes.
    pub(super) fn list(&self, path: &str) -> Option<Vec<u32>> {
        parse_list(&self.text(path)?)
    }

    /// Names in a directory, sorted.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.join(path)).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }
}

/// The kernel's list form, `0-3,8,10-11`, in its order. `None` when it is anything else.
fn parse_list(text: &str) -> Option<Vec<u32>> {
    let mut list = Vec::new();
    for range in text.split(',') {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let (from, to): (u32, u32) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        list.extend(from..=to);
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_ranges_and_numbers() {
        assert_eq!(parse_list("0-3,8,10-11"), Some(vec![0, 1, 2, 3, 8, 10, 11]));
        assert_eq!(parse_list("7"), Some(vec![7]));
        assert_eq!(parse_list("0-"), None);
        assert_eq!(parse_list("all"), None);
    }

    #[test]
    fn what_is_not_there_is_none() {
        let nowhere = Tree::at("/nowhere/at/all");
        assert_eq!(nowhere.text("sys"), None);
        assert_eq!(nowhere.number("sys"), None);
        assert!(nowhere.names("sys").is_empty());
    }
}
