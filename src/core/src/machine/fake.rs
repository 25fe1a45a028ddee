//! Made-up machine for tests: files below a temporary root.

use std::fs;
use std::path::PathBuf;

use super::tree::Tree;

pub(super) struct Fake(tempfile::TempDir);

impl Fake {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    #[must_use]
    pub(super) fn file(self, path: &str, text: &str) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder above")).expect("writable");
        fs::write(path, text).expect("writable");
        self
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(super) fn tree(&self) -> Tree {
        Tree::at(self.0.path())
    }
}
