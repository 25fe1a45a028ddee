//! Map of round trips between the CPUs of a machine, over all repetitions.

use std::collections::BTreeMap;

use ipcmark_record::{CoreToCore, CpuPlace};

use super::statistics::median;

/// Map of one machine over all repetitions.
#[derive(Clone, Debug, Default)]
pub struct Map {
    /// Name of the machine in headings; empty if there is only one.
    pub name: String,
    pub(crate) cpus: Vec<CpuPlace>,
    pub(crate) sampled: bool,
    pub(crate) lines: u32,
    pub(crate) repetitions: usize,
    /// Median, lowest and highest line of each repetition, by pair.
    pub(crate) times: BTreeMap<(u32, u32), Vec<[f64; 3]>>,
}

/// Pair of a map over all repetitions.
pub struct Pair<'m> {
    /// CPU that starts the round trips.
    pub from: &'m CpuPlace,
    /// CPU that answers.
    pub to: &'m CpuPlace,
    /// Median over repetitions.
    pub ns: f64,
    /// The fastest line of any repetition.
    pub low_ns: f64,
    /// The slowest line of any repetition.
    pub high_ns: f64,
}

/// What two CPUs share, nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    /// Both are threads of one core.
    Core,
    /// A level-2 cache.
    Level2,
    /// A level-3 cache.
    Level3,
    /// A memory node only.
    Node,
    /// Not even a memory node.
    Nothing,
}

impl Shared {
    /// What these share.
    pub fn of(a: &CpuPlace, b: &CpuPlace) -> Self {
        let same = |level: fn(&CpuPlace) -> Option<u32>| level(a).is_some() && level(a) == level(b);
        match () {
            () if a.core == b.core => Self::Core,
            () if same(|at| at.level_2) => Self::Level2,
            () if same(|at| at.level_3) => Self::Level3,
            () if a.node == b.node => Self::Node,
            () => Self::Nothing,
        }
    }

    /// In words.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Core => "threads of one core",
            Self::Level2 => "same level-2 cache",
            Self::Level3 => "same level-3 cache",
            Self::Node => "same node, no shared cache",
            Self::Nothing => "different nodes",
        }
    }
}

impl Map {
    /// Empty map of the machine `name`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds a repetition. One of other CPUs is left out.
    pub fn add(&mut self, found: &CoreToCore) {
        if self.repetitions == 0 {
            (self.cpus, self.sampled, self.lines) = (found.cpus.clone(), found.sampled, found.lines);
        } else if self.cpus != found.cpus {
            return;
        }
        self.repetitions += 1;
        for pair in &found.pairs {
            let times = self.times.entry((pair.from, pair.to)).or_default();
            times.push([pair.median_ns, pair.low_ns, pair.high_ns]);
        }
    }

    /// Median over repetitions of a pair.
    pub fn ns(&self, from: u32, to: u32) -> Option<f64> {
        median(self.times.get(&(from, to))?.iter().map(|times| times[0]))
    }

    /// Pairs in order of locality.
    pub fn pairs(&self) -> Vec<Pair<'_>> {
        let pair = |(from, to): (usize, usize)| {
            let (from, to) = (&self.cpus[from], &self.cpus[to]);
            let times = self.times.get(&(from.cpu, to.cpu))?;
            let low_ns = times.iter().map(|times| times[1]).fold(f64::INFINITY, f64::min);
            let high_ns = times.iter().map(|times| times[2]).fold(0.0, f64::max);
            Some(Pair { from, to, ns: self.ns(from.cpu, to.cpu)?, low_ns, high_ns })
        };
        let all = 0..self.cpus.len();
        all.clone().flat_map(|from| all.clone().map(move |to| (from, to))).filter_map(pair).collect()
    }
}
