//! CPUs for each placement class on this machine.
//!
//! A round trip costs several times more between memory nodes than under one cache, so every result names the placement
//! class of its roles.

use super::cpu::{self, Cpu};
use super::tree::{CPUS, Tree};
use crate::pin;
use crate::record::Placement;

/// Classes of two physical cores, nearest first; default runs use the first one that this machine has.
const NEAREST_FIRST: [Placement; 7] = [
    Placement::SameL2,
    Placement::SameL3,
    Placement::SameNodeOtherL3,
    Placement::CrossNode,
    Placement::PerformanceEfficiency,
    Placement::EfficiencyEfficiency,
    // Two threads of one core share its execution units and do not represent two cores, so this is the last choice.
    Placement::SmtSibling,
];

/// CPUs that this process may use, with what they share.
///
/// ```
/// use ipcmark_core::machine::placement::Topology;
/// use ipcmark_core::record::Placement;
///
/// let topology = Topology::discover();
/// let cpus = topology.pair(Placement::SameCpu).expect("at least one CPU");
/// assert!(topology.allowed().contains(&cpus[0]));
/// ```
#[derive(Clone, Debug)]
pub struct Topology {
    allowed: Vec<u32>,
    /// The same CPUs in order of preference; last the core of CPU 0, where most interrupts arrive.
    cpus: Vec<Cpu>,
}

impl Topology {
    /// Reads the running system.
    pub fn discover() -> Self {
        let tree = Tree::system();
        // The affinity call fails only on machines that are too large for it; then the online CPUs are used.
        let allowed = pin::allowed_cpus().ok().or_else(|| tree.list(&format!("{CPUS}/online")));
        Self::read(&tree, allowed.unwrap_or_default())
    }

    /// Reads the `allowed` CPUs from a tree of topology files.
    fn read(tree: &Tree, mut allowed: Vec<u32>) -> Self {
        allowed.sort_unstable();
        let mut cpus = cpu::read(tree, &allowed);
        cpus.sort_by_key(|cpu| (cpu.core == 0, cpu.number));
        Self { allowed, cpus }
    }

    /// CPUs that this process may use, ascending.
    pub fn allowed(&self) -> &[u32] {
        &self.allowed
    }

    /// CPUs for two roles, ascending: twice the same for `same_cpu`, none for `unpinned`, all for `spread`, which are
    /// assigned in turn.
    ///
    /// On a machine with two kinds of cores, the cache and node classes mean two performance cores; the other pairs
    /// have their own classes.
    ///
    /// Errors: the reason why the allowed CPUs of this machine have no such pair.
    pub fn pair(&self, class: Placement) -> Result<Vec<u32>, String> {
        if class == Placement::Unpinned {
            return Ok(Vec::new());
        }
        if class == Placement::Spread {
            return Ok(self.cpus.iter().map(|cpu| cpu.number).collect());
        }
        let first = self.cpus.first().ok_or_else(|| what_is_missing(Placement::SameCpu))?;
        if class == Placement::SameCpu {
            return Ok(vec![first.number; 2]);
        }
        if self.cpus.len() == 1 {
            return Err(format!("only CPU {} is allowed, but {class} needs two", first.number));
        }
        let hybrid = self.cpus.iter().any(|cpu| cpu.efficient) && self.cpus.iter().any(|cpu| !cpu.efficient);
        // Ordered by the later CPU of a pair, so that a less preferred CPU is used only if no other pair exists.
        let mut pairs = self.cpus.iter().enumerate().flat_map(|(i, b)| self.cpus[..i].iter().map(move |a| (a, b)));
        let found = pairs.find(|(a, b)| a.stands_for(b, class, hybrid));
        let (a, b) = found.ok_or_else(|| what_is_missing(class))?;
        Ok(vec![a.number.min(b.number), a.number.max(b.number)])
    }

    /// Nearest class of two different physical cores that this machine has; `None` with a single CPU.
    pub fn nearest_pair(&self) -> Option<Placement> {
        NEAREST_FIRST.into_iter().find(|class| self.pair(*class).is_ok())
    }
}

impl Cpu {
    /// True if this CPU and `other` are a pair of `class`.
    fn stands_for(&self, other: &Self, class: Placement, hybrid: bool) -> bool {
        let cores = self.core != other.core;
        match class {
            Placement::SmtSibling => !cores,
            Placement::PerformanceEfficiency => self.efficient != other.efficient,
            Placement::EfficiencyEfficiency => cores && self.efficient && other.efficient,
            _ => cores && !(hybrid && (self.efficient || other.efficient)) && self.distance(other) == class,
        }
    }

    /// Class of two different cores of one kind.
    fn distance(&self, other: &Self) -> Placement {
        let share = |a: Option<u32>, b: Option<u32>| a.is_some() && a == b;
        if share(self.level_2, other.level_2) {
            Placement::SameL2
        } else if share(self.level_3, other.level_3) {
            Placement::SameL3
        } else if self.node == other.node {
            Placement::SameNodeOtherL3
        } else {
            Placement::CrossNode
        }
    }
}

fn what_is_missing(class: Placement) -> &'static str {
    match class {
        Placement::SmtSibling => "no two allowed CPUs are hardware threads of one core",
        Placement::SameL2 => "no two allowed cores share a level-2 cache",
        Placement::SameL3 => "no two allowed cores share a level-3 cache and have level-2 caches of their own",
        Placement::SameNodeOtherL3 => "no two allowed cores of one memory node lie under different level-3 caches",
        Placement::CrossNode => "the allowed CPUs belong to one memory node",
        Placement::PerformanceEfficiency => "the allowed CPUs are not of two kinds, performance and efficiency",
        Placement::EfficiencyEfficiency => "no two allowed CPUs are efficiency cores",
        Placement::SameCpu | Placement::Spread | Placement::Unpinned => {
            "the system does not report which CPUs this process may use"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Simulated machine: files in a temporary directory.
    struct Fake(tempfile::TempDir);

    impl Fake {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a temporary directory"))
        }

        fn file(self, path: &str, text: &str) -> Self {
            let path = self.0.path().join("sys/devices").join(path);
            fs::create_dir_all(path.parent().expect("a folder above")).expect("writable");
            fs::write(path, format!("{text}\n")).expect("writable");
            self
        }

        /// Adds a CPU by the lists of CPUs that share its core, level-2 cache and level-3 cache (`""` for no such
        /// cache).
        fn cpu(self, number: u32, core: &str, level_2: &str, level_3: &str) -> Self {
            let folder = format!("system/cpu/cpu{number}");
            let mut fake = self.file(&format!("{folder}/topology/core_cpus_list"), core);
            let caches =
                [("1", "Data", core), ("1", "Instruction", core), ("2", "Unified", level_2), ("3", "Unified", level_3)];
            for (index, (level, kind, shared)) in
                caches.into_iter().enumerate().filter(|(_, (.., cpus))| !cpus.is_empty())
            {
                fake = fake
                    .file(&format!("{folder}/cache/index{index}/level"), level)
                    .file(&format!("{folder}/cache/index{index}/type"), kind)
                    .file(&format!("{folder}/cache/index{index}/shared_cpu_list"), shared);
            }
            fake
        }

        fn nodes(mut self, cpus: &[&str]) -> Self {
            self = self.file("system/node/online", &format!("0-{}", cpus.len() - 1));
            for (node, cpus) in cpus.iter().enumerate() {
                self = self.file(&format!("system/node/node{node}/cpulist"), cpus);
            }
            self
        }

        fn allowed(&self, cpus: impl IntoIterator<Item = u32>) -> Topology {
            Topology::read(&Tree::at(self.0.path()), cpus.into_iter().collect())
        }
    }

    /// Classes of two CPUs that a topology has.
    fn classes(topology: &Topology) -> Vec<Placement> {
        NEAREST_FIRST.into_iter().filter(|class| topology.pair(*class).is_ok()).collect()
    }

    #[test]
    fn two_cores_under_one_level_3() {
        let fake = Fake::new().cpu(0, "0", "0", "0-1").cpu(1, "1", "1", "0-1").nodes(&["0-1"]);
        let topology = fake.allowed([1, 0]);
        assert_eq!(topology.allowed(), [0, 1]);
        assert_eq!(classes(&topology), [Placement::SameL3]);
        assert_eq!(topology.nearest_pair(), Some(Placement::SameL3));
        assert_eq!(topology.pair(Placement::SameL3).as_deref(), Ok([0, 1].as_slice()));
        assert_eq!(topology.pair(Placement::SameCpu).as_deref(), Ok([1, 1].as_slice()));
        assert_eq!(topology.pair(Placement::Unpinned), Ok(vec![]));
        let why = topology.pair(Placement::SameL2).expect_err("level 2 is private");
        assert_eq!(why, "no two allowed cores share a level-2 cache");
    }

    #[test]
    fn two_cores_of_two_threads() {
        let mut fake = Fake::new().nodes(&["0-3"]);
        for (cpu, core) in [(0, "0,2"), (1, "1,3"), (2, "0,2"), (3, "1,3")] {
            fake = fake.cpu(cpu, core, core, "0-3");
        }
        let topology = fake.allowed(0..4);
        assert_eq!(classes(&topology), [Placement::SameL3, Placement::SmtSibling]);
        assert_eq!(topology.pair(Placement::SameL3), Ok(vec![0, 1]));
        assert_eq!(topology.pair(Placement::SmtSibling), Ok(vec![1, 3]), "not on the core of CPU 0");
        assert_eq!(fake.allowed([0, 2]).nearest_pair(), Some(Placement::SmtSibling), "no other pair is allowed");
    }

    #[test]
    fn two_level_3_complexes() {
        let mut fake = Fake::new().nodes(&["0-3"]);
        for (cpu, level_3) in [(0, "0-1"), (1, "0-1"), (2, "2-3"), (3, "2-3")] {
            fake = fake.cpu(cpu, &cpu.to_string(), &cpu.to_string(), level_3);
        }
        let topology = fake.allowed(0..4);
        assert_eq!(classes(&topology), [Placement::SameL3, Placement::SameNodeOtherL3]);
        assert_eq!(topology.pair(Placement::SameL3), Ok(vec![2, 3]));
        assert_eq!(topology.pair(Placement::SameNodeOtherL3), Ok(vec![1, 2]));
        assert_eq!(fake.allowed([1, 3]).nearest_pair(), Some(Placement::SameNodeOtherL3));
    }

    #[test]
    fn two_memory_nodes() {
        let mut fake = Fake::new().nodes(&["0-1", "2-3", ""]);
        for (cpu, level_3) in [(0, "0-1"), (1, "0-1"), (2, "2-3"), (3, "2-3")] {
            fake = fake.cpu(cpu, &cpu.to_string(), &cpu.to_string(), level_3);
        }
        let topology = fake.allowed(0..4);
        assert_eq!(classes(&topology), [Placement::SameL3, Placement::CrossNode]);
        assert_eq!(topology.pair(Placement::CrossNode), Ok(vec![1, 2]));
        let one_node = fake.allowed([2, 3]);
        assert!(one_node.pair(Placement::CrossNode).is_err_and(|why| why.contains("one memory node")));
    }

    #[test]
    fn intel_performance_and_efficiency_cores() {
        let mut fake = Fake::new().nodes(&["0-7"]).file("cpu_core/cpus", "0-3").file("cpu_atom/cpus", "4-7");
        for (cpu, core) in [(0, "0-1"), (1, "0-1"), (2, "2-3"), (3, "2-3")] {
            fake = fake.cpu(cpu, core, core, "0-7");
        }
        for cpu in 4..8 {
            fake = fake.cpu(cpu, &cpu.to_string(), "4-7", "0-7");
        }
        let topology = fake.allowed(0..8);
        assert_eq!(topology.nearest_pair(), Some(Placement::SameL3), "level 2 is shared by efficiency cores only");
        assert_eq!(topology.pair(Placement::SameL3), Ok(vec![0, 2]));
        assert_eq!(topology.pair(Placement::PerformanceEfficiency), Ok(vec![2, 4]));
        assert_eq!(topology.pair(Placement::EfficiencyEfficiency), Ok(vec![4, 5]));
        assert!(topology.pair(Placement::SameL2).is_err());
        assert_eq!(fake.allowed(4..8).nearest_pair(), Some(Placement::SameL2), "one kind of core: the caches decide");
    }

    #[test]
    fn arm_cores_of_two_capacities() {
        let mut fake = Fake::new().nodes(&["0-3"]).file("system/cpu/online", "0-3");
        for (cpu, capacity) in [(0, "446"), (1, "446"), (2, "1024"), (3, "980")] {
            fake = fake.cpu(cpu, &cpu.to_string(), "", "").file(&format!("system/cpu/cpu{cpu}/cpu_capacity"), capacity);
        }
        let topology = fake.allowed(0..4);
        assert_eq!(topology.nearest_pair(), Some(Placement::SameNodeOtherL3), "no shared cache is listed");
        assert_eq!(topology.pair(Placement::SameNodeOtherL3), Ok(vec![2, 3]));
        assert_eq!(topology.pair(Placement::PerformanceEfficiency), Ok(vec![1, 2]));
        assert_eq!(topology.pair(Placement::EfficiencyEfficiency), Ok(vec![0, 1]));
    }

    #[test]
    fn one_cpu() {
        let topology = Fake::new().cpu(5, "5", "5", "0-7").allowed([5]);
        assert_eq!(topology.nearest_pair(), None);
        assert_eq!(topology.pair(Placement::SameCpu), Ok(vec![5, 5]));
        let why = topology.pair(Placement::SameL3).expect_err("one CPU");
        assert_eq!(why, "only CPU 5 is allowed, but same_l3 needs two");
    }

    #[test]
    fn no_topology_files_at_all() {
        let topology = Fake::new().allowed([0, 1]);
        assert_eq!(classes(&topology), [Placement::SameNodeOtherL3]);
    }

    #[test]
    fn this_system_has_a_cpu() {
        let topology = Topology::discover();
        let own = topology.pair(Placement::SameCpu).expect("at least one CPU");
        assert!(topology.allowed().contains(&own[0]));
    }
}
