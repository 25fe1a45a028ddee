//! Small text files under `/proc` and `/sys`, below a root directory that a test may replace.

use std::fs;
use std::path::PathBuf;

/// Directory in which the kernel describes the CPUs.
pub(super) const CPUS: &str = "sys/devices/system/cpu";

/// Root directory with `sys/` and `proc/`.
pub(super) struct Tree(PathBuf);

impl Tree {
    /// Root of the running system.
    pub(super) fn system() -> Self {
        Self::at("/")
    }

    /// Tree below `root`.
    pub(super) fn at(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// Text of a file without surrounding blanks; `None` if the file does not exist or is empty.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        // Device-tree strings end in NUL, and firmware strings need not be UTF-8.
        let bytes = self.bytes(path)?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Bytes of a file.
    pub(super) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.0.join(path)).ok()
    }

    /// Text of a link.
    pub(super) fn link(&self, path: &str) -> Option<String> {
        Some(fs::read_link(self.0.join(path)).ok()?.to_string_lossy().into_owned())
    }

    /// Number in a file.
    pub(super) fn number(&self, path: &str) -> Option<u64> {
        self.text(path)?.parse().ok()
    }

    /// Number with a sign in a file.
    pub(super) fn signed(&self, path: &str) -> Option<i64> {
        self.text(path)?.parse().ok()
    }

    /// Value of a file that contains `1` or `0`.
    pub(super) fn flag(&self, path: &str) -> Option<bool> {
        self.number(path).map(|number| number != 0)
    }

    /// CPUs or nodes that a file lists.
    pub(super) fn list(&self, path: &str) -> Option<Vec<u32>> {
        parse_list(&self.text(path)?)
    }

    /// Path behind a link, below the real root; `None` if nothing is there.
    pub(super) fn target(&self, path: &str) -> Option<String> {
        Some(self.0.join(path).canonicalize().ok()?.to_string_lossy().into_owned())
    }

    /// Names in a directory, sorted.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.join(path)).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }
}

/// Parses the kernel's list format, `0-3,8,10-11`, in its order; `None` for anything else.
pub(super) fn parse_list(text: &str) -> Option<Vec<u32>> {
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
    fn missing_files_are_none() {
        let nowhere = Tree::at("/nowhere/at/all");
        assert_eq!(nowhere.text("sys"), None);
        assert_eq!(nowhere.number("sys"), None);
        assert!(nowhere.names("sys").is_empty());
    }
}
