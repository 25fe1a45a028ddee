//! CPUs for each placement class on this machine.
//!
//! A round trip costs several times more between memory nodes than under one cache, so every result names the placement
//! class of its roles.

use super::cpu::{self, Cpu};
use super::locality;
use super::tree::{CPUS, Tree};
use crate::pin;
use crate::record::{CpuPlace, Placement};

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

    /// Reads the running system with only these CPUs.
    pub fn among(allowed: &[u32]) -> Self {
        Self::read(&Tree::system(), allowed.to_vec())
    }

    /// CPUs that share a core, a cache or a node as neighbours.
    pub fn by_locality(&self) -> Vec<CpuPlace> {
        locality::ordered(&self.cpus)
    }

    /// Reads the `allowed` CPUs from a tree of topology files.
    pub(super) fn read(tree: &Tree, mut allowed: Vec<u32>) -> Self {
        allowed.sort_unstable();
        let mut cpus = cpu::read(tree, &allowed);
        cpus.sort_by_key(|cpu| (cpu.core == 0, cpu.number));
        Self { allowed, cpus }
    }

    /// CPUs that this process may use, ascending.
    pub fn allowed(&self) -> &[u32] {
        &self.allowed
    }

    /// CPUs for two roles, ascending: twice the same for `same_cpu`, none for `unpinned`, all for `spread`, `compact` and
    /// `scatter`, which are assigned in turn.
    ///
    /// On a machine with two kinds of cores, the cache and node classes mean two performance cores; the other pairs
    /// have their own classes.
    ///
    /// Errors: the reason why the allowed CPUs of this machine have no such pair.
    pub fn pair(&self, class: Placement) -> Result<Vec<u32>, String> {
        if class == Placement::Unpinned {
            return Ok(Vec::new());
        }
        if class.deals() {
            return Ok(self.dealt(class));
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

    /// All CPUs in the order in which `class` assigns them; performance cores first.
    fn dealt(&self, class: Placement) -> Vec<u32> {
        let mut cpus: Vec<&Cpu> = self.cpus.iter().collect();
        match class {
            Placement::Compact => cpus.sort_by_key(|cpu| (cpu.efficient, cpu.shares())),
            Placement::Scatter => {
                cpus.sort_by_key(|cpu| (cpu.efficient, cpu.shares()));
                let kinds = cpus.chunk_by(|a, b| a.efficient == b.efficient);
                cpus = kinds.flat_map(|cpus| scattered(cpus, 0)).collect();
            }
            _ => {}
        }
        cpus.iter().map(|cpu| cpu.number).collect()
    }

    /// Nearest class of two different physical cores that this machine has; `None` with a single CPU.
    pub fn nearest_pair(&self) -> Option<Placement> {
        NEAREST_FIRST.into_iter().find(|class| self.pair(*class).is_ok())
    }
}

/// Deals sorted CPUs, which agree in what [`Cpu::shares`] lists before `level`, one from each group of that level in turn.
fn scattered<'c>(cpus: &[&'c Cpu], level: usize) -> Vec<&'c Cpu> {
    let Some(&first) = cpus.first().filter(|cpu| level < cpu.shares().len()) else { return cpus.to_vec() };
    let groups = cpus.chunk_by(|a, b| a.shares()[level] == b.shares()[level]);
    let mut groups: Vec<_> = groups.map(|cpus| scattered(cpus, level + 1).into_iter()).collect();
    let mut dealt = Vec::with_capacity(cpus.len());
    debug_assert!(cpus.iter().all(|cpu| cpu.shares()[..level] == first.shares()[..level]), "sorted by what they share");
    while dealt.len() < cpus.len() {
        dealt.extend(groups.iter_mut().filter_map(Iterator::next));
    }
    dealt
}

impl Cpu {
    /// Node, level-3 cache, level-2 cache and core, each by its lowest CPU, and the CPU; the core of CPU 0 comes last
    /// among those that share a level-3 cache.
    fn shares(&self) -> [u32; 5] {
        let last_if_zero = |number: u32| if self.core == 0 { u32::MAX } else { number };
        let level_2 = self.level_2.unwrap_or(self.core);
        [self.node, self.level_3.unwrap_or(self.node), last_if_zero(level_2), last_if_zero(self.core), self.number]
    }

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
        Placement::SameCpu | Placement::Spread | Placement::Compact | Placement::Scatter | Placement::Unpinned => {
            "the system does not report which CPUs this process may use"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::*;

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
    fn compact_fills_a_core_first_and_scatter_last() {
        // Two nodes of two level-3 caches, each with two cores of two threads; siblings are four cores apart.
        let mut fake = Fake::new().nodes(&["0-3,8-11", "4-7,12-15"]);
        for cpu in 0..16_u32 {
            let core = cpu % 8;
            let (a, b) = (core / 2 * 2, core / 2 * 2 + 1);
            let threads = format!("{core},{}", core + 8);
            fake = fake.cpu(cpu, &threads, &threads, &format!("{a}-{b},{}-{}", a + 8, b + 8));
        }
        let all = fake.allowed(0..16);
        // The core of CPU 0 comes last among those of its cache.
        let compact = [1, 9, 0, 8, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15];
        assert_eq!(all.pair(Placement::Compact).as_deref(), Ok(compact.as_slice()));
        let scatter = [1, 4, 2, 6, 0, 5, 3, 7, 9, 12, 10, 14, 8, 13, 11, 15];
        assert_eq!(all.pair(Placement::Scatter).as_deref(), Ok(scatter.as_slice()));
        assert_eq!(fake.allowed([2, 10, 3, 6]).pair(Placement::Scatter), Ok(vec![2, 6, 3, 10]), "allowed ones only");
    }

    #[test]
    fn two_hundred_and_fifty_six_cpus_are_each_dealt_once() {
        // Two sockets of 64 cores of two threads, eight cores under each level-3 cache.
        let mut fake = Fake::new().nodes(&["0-63,128-191", "64-127,192-255"]);
        for cpu in 0..256_u32 {
            let core = cpu % 128;
            let (first, threads) = (core / 8 * 8, format!("{core},{}", core + 128));
            let level_3 = format!("{first}-{},{}-{}", first + 7, first + 128, first + 135);
            fake = fake.cpu(cpu, &threads, &threads, &level_3);
        }
        let topology = fake.allowed(0..256);
        for class in [Placement::Compact, Placement::Scatter, Placement::Spread] {
            let mut dealt = topology.pair(class).expect("any number of roles");
            let first: Vec<u32> = dealt.iter().take(16).map(|cpu| cpu % 128 / 8).collect();
            match class {
                Placement::Compact => assert!(first.iter().all(|cache| *cache == 0), "{first:?}"),
                Placement::Scatter => {
                    assert_eq!(first.iter().collect::<std::collections::BTreeSet<_>>().len(), 16, "{first:?}");
                }
                _ => {}
            }
            dealt.sort_unstable();
            assert!(dealt.iter().copied().eq(0..256), "{class}");
        }
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
        let mut fake = Fake::new().nodes(&["0-7"]).device("cpu_core/cpus", "0-3").device("cpu_atom/cpus", "4-7");
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
        assert_eq!(topology.pair(Placement::Compact), Ok(vec![2, 3, 0, 1, 4, 5, 6, 7]));
        assert_eq!(topology.pair(Placement::Scatter), Ok(vec![2, 0, 3, 1, 4, 5, 6, 7]), "performance cores first");
        assert_eq!(topology.pair(Placement::EfficiencyEfficiency), Ok(vec![4, 5]));
        assert!(topology.pair(Placement::SameL2).is_err());
        assert_eq!(fake.allowed(4..8).nearest_pair(), Some(Placement::SameL2), "one kind of core: the caches decide");
    }

    #[test]
    fn arm_cores_of_two_capacities() {
        let mut fake = Fake::new().nodes(&["0-3"]).device("system/cpu/online", "0-3");
        for (cpu, capacity) in [(0, "446"), (1, "446"), (2, "1024"), (3, "980")] {
            fake =
                fake.cpu(cpu, &cpu.to_string(), "", "").device(&format!("system/cpu/cpu{cpu}/cpu_capacity"), capacity);
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
