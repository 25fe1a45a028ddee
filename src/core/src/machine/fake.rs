//! Made-up machine for tests: files below a temporary root.

use std::fs;
use std::path::PathBuf;

use super::placement::Topology;
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

    /// Adds a file below `sys/devices`.
    #[must_use]
    pub(super) fn device(self, path: &str, text: &str) -> Self {
        self.file(&format!("sys/devices/{path}"), &format!("{text}\n"))
    }

    /// Adds a CPU by the lists of CPUs that share its core, level-2 cache and level-3 cache (`""` for no such
    /// cache).
    #[must_use]
    pub(super) fn cpu(self, number: u32, core: &str, level_2: &str, level_3: &str) -> Self {
        let folder = format!("system/cpu/cpu{number}");
        let mut fake = self.device(&format!("{folder}/topology/core_cpus_list"), core);
        let caches =
            [("1", "Data", core), ("1", "Instruction", core), ("2", "Unified", level_2), ("3", "Unified", level_3)];
        for (index, (level, kind, shared)) in caches.into_iter().enumerate().filter(|(_, (.., cpus))| !cpus.is_empty())
        {
            fake = fake
                .device(&format!("{folder}/cache/index{index}/level"), level)
                .device(&format!("{folder}/cache/index{index}/type"), kind)
                .device(&format!("{folder}/cache/index{index}/shared_cpu_list"), shared);
        }
        fake
    }

    #[must_use]
    pub(super) fn nodes(mut self, cpus: &[&str]) -> Self {
        self = self.device("system/node/online", &format!("0-{}", cpus.len() - 1));
        for (node, cpus) in cpus.iter().enumerate() {
            self = self.device(&format!("system/node/node{node}/cpulist"), cpus);
        }
        self
    }

    /// Topology of these CPUs.
    pub(super) fn allowed(&self, cpus: impl IntoIterator<Item = u32>) -> Topology {
        Topology::read(&self.tree(), cpus.into_iter().collect())
    }
}
