//! Our claims, each against its rival, side by side: a pair is measured on the same CPUs within a fraction of a second,
//! ten pairs in turn, and the table shows the median of the pairs' ratios with its 95 % interval.
//!
//! `cargo bench --bench rivals`. With `--test`, or without `--bench`, each pair is measured once, briefly.

mod common;

use std::process::Command;

use ipcmark::family::Contestant;
use ipcmark::machine::placement::Topology;
use ipcmark::protocol::Timing;
use ipcmark::record::{Measure, Placement};
use ipcmark_reports::{Estimate, paired_ratio};

use common::{Bench, case, ns_each, rows, rtrb_pair};

/// Two measurements of the same thing: ours and the rival's, in nanoseconds.
type Pair = (f64, f64);

struct Claim {
    name: &'static str,
    rival: &'static str,
    /// What we want the ratio of times, ours over the rival's, to be at most.
    wanted: f64,
    measure: fn(&Contest) -> Option<Pair>,
}

const CLAIMS: &[Claim] = &[
    Claim {
        name: "round trip 8 B, shm-spsc/spin",
        rival: "two-line cache-line floor",
        wanted: 1.25,
        measure: |contest| contest.floor("shm-spsc/spin", Measure::RoundTrip, 8),
    },
    Claim {
        name: "round trip 8 B, pipe, one CPU",
        rival: "perf bench sched pipe",
        wanted: 1.10,
        measure: Contest::perf_pipe,
    },
    Claim {
        name: "round trip 8 B, shm-spsc/spin",
        rival: "rtrb between threads",
        wanted: 1.0,
        measure: |contest| Some(contest.rtrb("shm-spsc/spin", Measure::RoundTrip, 8, rtrb_pair::round_trip_ns::<8>)),
    },
    Claim {
        name: "stream 64 B, shm-spsc/spin",
        rival: "rtrb between threads",
        wanted: 1.0 / 1.75,
        measure: |contest| Some(contest.rtrb("shm-spsc/spin", Measure::Stream, 64, rtrb_pair::stream_ns::<64>)),
    },
    Claim {
        name: "stream 8 B, shm-spsc/spin",
        rival: "rtrb between threads",
        wanted: 1.0,
        measure: |contest| Some(contest.rtrb("shm-spsc/spin", Measure::Stream, 8, rtrb_pair::stream_ns::<8>)),
    },
    Claim {
        name: "stream 1 MiB, shm-spsc/spin",
        rival: "hand-over bandwidth of 1 MiB",
        wanted: 1.0 / 0.8,
        measure: |contest| contest.floor("shm-spsc/spin", Measure::Stream, 1 << 20),
    },
];

fn main() {
    ipcmark::worker::run_if_worker();
    ipcmark_harness::janitor::run_if_janitor();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if has("--list") {
        println!("rivals: benchmark");
        return;
    }
    if arguments.iter().any(|argument| !argument.starts_with('-') && !"rivals".contains(argument.as_str())) {
        println!("rivals: left out, as no filter matches its name");
        return;
    }
    let measures = has("--bench") && !has("--test");
    let contest = Contest::open(measures);
    println!("{:<32} {:<30} {:>10} {:>10}   ours / rival", "ours", "rival", "ours", "rival");
    for claim in CLAIMS {
        contest.show(claim, if measures { 10 } else { 1 });
    }
}

struct Contest {
    bench: Bench,
    rows: Vec<Contestant>,
    one_cpu: Vec<u32>,
    timing: Timing,
}

impl Contest {
    fn open(measures: bool) -> Self {
        let hot_ms = if measures { 100 } else { 5 };
        Self {
            bench: Bench::open("rivals"),
            rows: rows(),
            one_cpu: Topology::discover().pair(Placement::SameCpu).unwrap_or_default(),
            timing: Timing {
                warm_up_ns: 20_000_000,
                hot_ns: hot_ms * 1_000_000,
                floor_ns: hot_ms * 500_000,
                fixed_count: None,
            },
        }
    }

    fn show(&self, claim: &Claim, sets: usize) {
        let pairs: Vec<Pair> = (0..sets).filter_map(|_| (claim.measure)(self)).collect();
        let Some(Estimate { value, interval, .. }) = paired_ratio(&pairs) else {
            println!("{:<32} {:<30} skipped: not on this machine", claim.name, claim.rival);
            return;
        };
        let middle = |side: fn(&Pair) -> f64| {
            let mut all: Vec<f64> = pairs.iter().map(side).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let (ours, rival) = (middle(|pair| pair.0), middle(|pair| pair.1));
        let interval = interval.map_or_else(String::new, |i| format!(" [{:.3}, {:.3}]", i.low, i.high));
        let word = if value <= claim.wanted { "holds" } else { "does not hold" };
        println!(
            "{:<32} {:<30} {ours:>7.1} ns {rival:>7.1} ns   {value:.3}{interval}, wanted at most {:.3}: {word}",
            claim.name, claim.rival, claim.wanted
        );
    }

    fn row(&self, name: &str) -> &Contestant {
        self.rows.iter().find(|row| row.row() == name).expect("the claims name rows of the registry")
    }

    /// A case against the floor that its own processes measured before and after it.
    fn floor(&self, row: &str, measure: Measure, bytes: u64) -> Option<Pair> {
        let case = case(self.row(row), measure, self.bench.placement, bytes);
        let outcome = self.bench.trial(&case, &self.bench.cpus, self.timing.clone());
        Some((ns_each(&outcome), outcome.floor.as_ref()?.ns))
    }

    /// A case, then rtrb on the same CPUs with a count that takes about as long.
    fn rtrb(&self, row: &str, measure: Measure, bytes: u64, rival: fn(&[u32], u64, u64) -> u64) -> Pair {
        let case = case(self.row(row), measure, self.bench.placement, bytes);
        let timing = Timing { floor_ns: 0, ..self.timing.clone() };
        let ours = ns_each(&self.bench.trial(&case, &self.bench.cpus, timing));
        let count = (self.timing.hot_ns as f64 / ours / 2.0) as u64;
        let theirs = rival(&self.bench.cpus, count / 4, count.max(1)) as f64 / count.max(1) as f64;
        (ours, theirs)
    }

    /// The blocking pipe on one CPU, then the kernel's own benchmark of it.
    fn perf_pipe(&self) -> Option<Pair> {
        const LOOPS: &str = "50000";
        let cpu = self.one_cpu.first()?.to_string();
        let case = case(self.row("pipe"), Measure::RoundTrip, Placement::SameCpu, 8);
        let timing = Timing { floor_ns: 0, ..self.timing.clone() };
        let ours = ns_each(&self.bench.trial(&case, &self.one_cpu, timing));
        let arguments = ["-c", &cpu, "perf", "bench", "sched", "pipe", "-l", LOOPS];
        let said = Command::new("taskset").args(arguments).output().ok()?.stdout;
        let said = String::from_utf8_lossy(&said);
        let line = said.lines().find(|line| line.contains("usecs/op"))?;
        let theirs: f64 = line.split_ascii_whitespace().next()?.parse().ok()?;
        Some((ours, theirs * 1000.0))
    }
}
