//! Core, caches and memory node of each CPU, from the kernel's topology files.
//!
//! A cache that the files do not list counts as not shared.

use super::tree::{CPUS, Tree};

/// Hardware thread. What it shares with others is identified by the lowest CPU that shares it.
#[derive(Clone, Debug)]
pub(super) struct Cpu {
    pub(super) number: u32,
    pub(super) core: u32,
    pub(super) level_2: Option<u32>,
    pub(super) level_3: Option<u32>,
    pub(super) node: u32,
    pub(super) efficient: bool,
}

/// CPUs with these numbers.
pub(super) fn read(tree: &Tree, numbers: &[u32]) -> Vec<Cpu> {
    let nodes = nodes(tree);
    let efficient = efficiency_cpus(tree, numbers);
    numbers.iter().map(|number| Cpu::read(tree, *number, &nodes, &efficient)).collect()
}

impl Cpu {
    fn read(tree: &Tree, number: u32, nodes: &[(u32, Vec<u32>)], efficient: &[u32]) -> Self {
        let folder = format!("{CPUS}/cpu{number}");
        let lowest = |file: String| tree.list(&file).and_then(|cpus| cpus.into_iter().min());
        let siblings = lowest(format!("{folder}/topology/core_cpus_list"))
            .or_else(|| lowest(format!("{folder}/topology/thread_siblings_list"))); // its name before Linux 5.3
        let cache = |level: u64| {
            let caches = tree.names(&format!("{folder}/cache"));
            let index = caches.into_iter().find(|index| {
                tree.number(&format!("{folder}/cache/{index}/level")) == Some(level)
                    && tree.text(&format!("{folder}/cache/{index}/type")).is_some_and(|kind| kind != "Instruction")
            })?;
            lowest(format!("{folder}/cache/{index}/shared_cpu_list"))
        };
        Self {
            number,
            core: siblings.unwrap_or(number),
            level_2: cache(2),
            level_3: cache(3),
            node: nodes.iter().find(|(_, cpus)| cpus.contains(&number)).map_or(0, |(node, _)| *node),
            efficient: efficient.contains(&number),
        }
    }
}

/// Memory nodes and their CPUs; a node may have memory only.
fn nodes(tree: &Tree) -> Vec<(u32, Vec<u32>)> {
    const NODES: &str = "sys/devices/system/node";
    let online = tree.list(&format!("{NODES}/online")).unwrap_or_default();
    let cpus = |node| tree.list(&format!("{NODES}/node{node}/cpulist")).unwrap_or_default();
    online.into_iter().map(|node| (node, cpus(node))).collect()
}

/// Efficiency cores: on Intel those listed as `cpu_atom`; on Arm, and kernels without that list, those with at most
/// three quarters of the largest capacity. Cores with smaller differences are of one kind.
fn efficiency_cpus(tree: &Tree, allowed: &[u32]) -> Vec<u32> {
    if let Some(listed) = tree.list("sys/devices/cpu_atom/cpus") {
        return listed;
    }
    let capacity = |cpu: u32| tree.number(&format!("{CPUS}/cpu{cpu}/cpu_capacity"));
    let online = tree.list(&format!("{CPUS}/online")).unwrap_or_else(|| allowed.to_vec());
    let largest = online.iter().filter_map(|cpu| capacity(*cpu)).max().unwrap_or(0);
    online.into_iter().filter(|cpu| capacity(*cpu).is_some_and(|own| own * 4 <= largest * 3)).collect()
}
