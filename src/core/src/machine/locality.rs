//! Order of CPUs by locality, and the pairs of CPUs that a map of the machine measures.

use super::cpu::Cpu;
use crate::record::CpuPlace;

/// Most CPUs of which every pair is measured.
pub const FULL_MAP_CPUS: usize = 64;

/// CPUs so that those that share a core, a cache or a node are neighbours. Efficiency cores come last.
pub(super) fn ordered(cpus: &[Cpu]) -> Vec<CpuPlace> {
    let place = |cpu: &Cpu| CpuPlace {
        cpu: cpu.number,
        core: cpu.core,
        level_2: cpu.level_2,
        level_3: cpu.level_3,
        node: cpu.node,
        efficient: cpu.efficient,
    };
    let mut places: Vec<CpuPlace> = cpus.iter().map(place).collect();
    places.sort_by_key(|at| (at.efficient, at.node, at.level_3, at.level_2, at.core, at.cpu));
    places
}

/// Pairs of CPUs to measure, in both directions, by position in `places`, and whether they are only a sample of all pairs.
///
/// A machine of more than [`FULL_MAP_CPUS`] has one CPU of each group, measured with that of each other group and with the
/// CPUs of its own. A group shares a level-3 cache, or a node if no such cache is listed. Of more groups than
/// [`FULL_MAP_CPUS`], so many are taken at equal distances.
pub fn pairs(places: &[CpuPlace]) -> (Vec<(usize, usize)>, bool) {
    let both = |(a, b)| [(a, b), (b, a)];
    let each_with_each = |cpus: &[usize]| -> Vec<(usize, usize)> {
        let later = |(at, &a): (usize, &usize)| cpus[at + 1..].iter().map(move |&b| (a, b)).collect::<Vec<_>>();
        cpus.iter().enumerate().flat_map(later).collect()
    };
    let all: Vec<usize> = (0..places.len()).collect();
    if places.len() <= FULL_MAP_CPUS {
        return (each_with_each(&all).into_iter().flat_map(both).collect(), false);
    }
    let group = |at: usize| (places[at].efficient, places[at].node, places[at].level_3);
    let groups: Vec<&[usize]> = all.chunk_by(|&a, &b| group(a) == group(b)).collect();
    let taken = groups.len().min(FULL_MAP_CPUS);
    let groups: Vec<&[usize]> = (0..taken).map(|index| groups[index * groups.len() / taken]).collect();
    let first: Vec<usize> = groups.iter().map(|group| group[0]).collect();
    let mut pairs = each_with_each(&first);
    pairs.extend(groups.iter().flat_map(|group| group[1..].iter().map(|&other| (group[0], other))));
    (pairs.into_iter().flat_map(both).collect(), true)
}

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::super::placement::Topology;
    use super::*;
    use crate::record::Placement::{
        self, Compact, CrossNode, SameCpu, SameL3, SameNodeOtherL3, Scatter, SmtSibling, Spread, Unpinned,
    };

    /// Ranges of CPUs that a group shares, in the kernel's form: the group of `size` CPUs that contains `cpu`.
    fn group(cpu: u32, size: u32) -> String {
        let first = cpu / size * size;
        if size == 1 { first.to_string() } else { format!("{first}-{}", first + size - 1) }
    }

    /// Two sockets, each with `per_socket` cores of two threads under level-3 caches of `per_cache` cores. The second threads
    /// follow all first ones, as most firmware numbers them.
    fn server(per_socket: u32, per_cache: u32, threads: u32) -> Fake {
        let cores = 2 * per_socket;
        let with_second = |first: &str| match (threads, first.split_once('-')) {
            (1, _) => first.to_owned(),
            (_, None) => format!("{first},{}", first.parse::<u32>().expect("a number") + cores),
            (_, Some((a, b))) => {
                let [a, b] = [a, b].map(|cpu| cpu.parse::<u32>().expect("a number") + cores);
                format!("{first},{a}-{b}")
            }
        };
        let node = |socket: u32| with_second(&group(socket * per_socket, per_socket));
        let mut fake = Fake::new().nodes(&[&node(0), &node(1)]);
        for cpu in 0..cores * threads {
            let core = cpu % cores;
            let own = with_second(&core.to_string());
            fake = fake.cpu(cpu, &own, &own, &with_second(&group(core, per_cache)));
        }
        fake
    }

    fn numbers(topology: &Topology) -> Vec<u32> {
        topology.by_locality().iter().map(|place| place.cpu).collect()
    }

    /// Pairs by CPU number.
    fn measured(topology: &Topology) -> (Vec<(u32, u32)>, bool) {
        let places = topology.by_locality();
        let (pairs, sampled) = pairs(&places);
        (pairs.into_iter().map(|(a, b)| (places[a].cpu, places[b].cpu)).collect(), sampled)
    }

    /// Classes of two CPUs that a topology has, nearest first.
    fn classes(topology: &Topology) -> Vec<Placement> {
        Placement::ALL.iter().copied().filter(|class| topology.pair(*class).is_ok()).collect()
    }

    fn is_symmetric(pairs: &[(u32, u32)]) -> bool {
        pairs.iter().all(|&(a, b)| a != b && pairs.iter().filter(|&&pair| pair == (b, a)).count() == 1)
    }

    #[test]
    fn two_sockets_of_four_cores_are_ordered_by_core_cache_and_node() {
        let topology = server(4, 2, 2).allowed(0..16);
        assert_eq!(numbers(&topology), [0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15]);
        let (pairs, sampled) = measured(&topology);
        assert!(!sampled && pairs.len() == 16 * 15 && is_symmetric(&pairs));
        let all = [SameCpu, SmtSibling, SameL3, SameNodeOtherL3, CrossNode, Spread, Compact, Scatter, Unpinned];
        assert_eq!(classes(&topology), all);
        assert_eq!(topology.pair(SmtSibling), Ok(vec![1, 9]));
        assert_eq!(topology.pair(CrossNode), Ok(vec![1, 4]));
    }

    #[test]
    fn without_second_threads_and_with_cpus_offline_only_the_others_are_on_the_map() {
        let off = server(4, 2, 1).allowed(0..8);
        assert_eq!(numbers(&off), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(off.pair(Placement::SmtSibling).is_err());
        // CPU 1 and all second threads of the first socket are offline or not allowed.
        let some = server(4, 2, 2).allowed([0, 2, 3, 4, 5, 12, 13, 15]);
        assert_eq!(numbers(&some), [0, 2, 3, 4, 12, 5, 13, 15]);
        assert_eq!(some.pair(Placement::SmtSibling), Ok(vec![4, 12]));
        assert_eq!(measured(&some).0.len(), 8 * 7);
    }

    #[test]
    fn an_offline_cpu_has_no_topology_files_and_counts_as_a_core_of_its_own() {
        let topology = Fake::new().cpu(0, "0", "0", "0-1").cpu(1, "1", "1", "0-1").nodes(&["0-1"]).allowed([0, 1, 2]);
        let places = topology.by_locality();
        let unknown = places.iter().find(|place| place.cpu == 2).expect("on the map");
        assert_eq!((unknown.core, unknown.level_2, unknown.level_3, unknown.node), (2, None, None, 0));
        assert_eq!(measured(&topology).0.len(), 6);
    }

    #[test]
    fn efficiency_cores_come_last() {
        let mut fake = Fake::new().nodes(&["0-7"]).device("cpu_atom/cpus", "0-3");
        for cpu in 0..4 {
            fake = fake.cpu(cpu, &cpu.to_string(), "0-3", "0-7");
        }
        for (cpu, core) in [(4, "4-5"), (5, "4-5"), (6, "6-7"), (7, "6-7")] {
            fake = fake.cpu(cpu, core, core, "0-7");
        }
        let topology = fake.allowed(0..8);
        assert_eq!(numbers(&topology), [4, 5, 6, 7, 0, 1, 2, 3]);
        let places = topology.by_locality();
        assert!(places[4..].iter().all(|place| place.efficient) && !places[..4].iter().any(|place| place.efficient));
    }

    #[test]
    fn a_large_machine_is_sampled_by_its_caches() {
        // Two sockets of 64 cores with two threads, eight cores under each level-3 cache.
        let topology = server(64, 8, 2).allowed(0..256);
        let places = topology.by_locality();
        assert!(places.chunks(16).all(|chunk| chunk.iter().all(|place| place.level_3 == chunk[0].level_3)));
        assert_eq!(places[..4].iter().map(|place| place.cpu).collect::<Vec<_>>(), [0, 128, 1, 129]);
        let (pairs, sampled) = measured(&topology);
        assert!(sampled && is_symmetric(&pairs));
        // 16 caches with each other, and 15 neighbours of the first CPU of each, in both directions.
        assert_eq!(pairs.len(), 16 * 15 + 2 * 16 * 15);
        for pair in [(0, 64), (0, 8), (0, 128), (0, 7), (8, 15), (120, 127)] {
            assert!(pairs.contains(&pair), "{pair:?}");
        }
        assert!(!pairs.contains(&(1, 2)) && !pairs.contains(&(1, 64)));
        assert_eq!(topology.pair(Placement::SameL3), Ok(vec![1, 2]));
        assert_eq!(topology.pair(Placement::CrossNode), Ok(vec![1, 64]));
    }

    #[test]
    fn without_cache_information_nodes_are_the_groups() {
        let mut fake = Fake::new().nodes(&["0-63", "64-127"]);
        for cpu in 0..128 {
            fake = fake.cpu(cpu, &cpu.to_string(), "", "");
        }
        let (pairs, sampled) = measured(&fake.allowed(0..128));
        assert!(sampled && is_symmetric(&pairs));
        assert_eq!(pairs.len(), 2 + 2 * 2 * 63);
        let (pairs, sampled) = measured(&Fake::new().allowed(0..100));
        assert!(sampled, "no files at all");
        assert_eq!(pairs.len(), 2 * 99);
    }

    #[test]
    fn the_sample_of_a_machine_with_a_cache_for_each_cpu_stays_bounded() {
        let mut fake = Fake::new().nodes(&["0-255"]);
        for cpu in 0..256 {
            fake = fake.cpu(cpu, &cpu.to_string(), &cpu.to_string(), &cpu.to_string());
        }
        let (pairs, sampled) = measured(&fake.allowed(0..256));
        assert!(sampled && is_symmetric(&pairs));
        assert_eq!(pairs.len(), 64 * 63);
        assert!(pairs.contains(&(0, 4)) && pairs.contains(&(0, 252)), "at equal distances");
    }
}
