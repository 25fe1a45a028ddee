//! Our claims against their rivals. Both are measured in turns on the same CPUs, in random order, until the claim is
//! decided or has its last look; the table shows the ratio over the pairs with its 99 % interval (`ipcmark_reports::pairs`).
//!
//! `cargo bench --bench rivals`, with `--features peers` also against iceoryx2. With `--test`, or without `--bench`,
//! one short pair runs per claim. A claim that does not hold is followed by the known reason.
//!
//! A rival with several forms is measured in each, in turns, and the claim is against the form that is faster in this run:
//!
//! - rtrb: arrays by value, or chunks of a ring of bytes written and read in place without zeroing. The same loops, checks,
//!   polls and number of slots as ours. Its chunks of many messages are left out, since ours send one by one too.
//! - crossbeam `ArrayQueue`: arrays by value; polled like ours, or with `Backoff::snooze` as its documentation shows.
//!   It pads its positions itself, and its capacity is that of ours.
//! - pipe: of the default capacity, or of 1 MiB, which holds the whole message.
//! - pthread mutex: of the default kind, or adaptive, which glibc offers for short critical sections.
//! - iceoryx2: uninitialised loans written in place, polled, of the same depth.
//! - `parking_lot`, rayon, Python's pool, `perf bench` and a loop of `posix_spawn`: one form, used as documented. rayon
//!   spawns from outside its pool and sends results over a channel, as ours does.
//! - Floors are no rivals, but bounds.
//!
//! All are built with the same profile, and payload is written and compared word by word on both sides.

#[path = "rivals/array_queue.rs"]
mod array_queue;
#[path = "rivals/claims.rs"]
mod claims;
mod common;
#[path = "rivals/locks.rs"]
mod locks;
#[path = "rivals/work.rs"]
mod work;

use std::process::Command;

use ipcmark::family::Variant;
use ipcmark::machine::placement::Topology;
use ipcmark::protocol::Timing;
use ipcmark::record::{Case, Measure, Outcome, Pattern, Placement};
use ipcmark_harness::bench::{Arguments, fastest_form, middle};
use ipcmark_harness::schedule::rounds::{Rounds, in_order};
use ipcmark_reports::pairs::{self, Judged};

use claims::{CLAIMS, Claim};
use common::{Bench, case, ns_each, rows};

/// Messages of the rival's pilot, which determines its count; a quarter of that count is warm-up.
const LOOK: u64 = 2000;

/// Looks at the pairs of a claim: at most 27 pairs.
const LOOKS: usize = 4;

/// Nanoseconds of the same work: ours and the rival's.
type Pair = (f64, f64);

fn main() {
    ipcmark::worker::run_if_worker();
    ipcmark_harness::janitor::run_if_janitor();
    let arguments = Arguments::of_this_process().unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        std::process::exit(2);
    });
    if !arguments.runs("rivals") {
        return;
    }
    let contest = Contest::open(arguments.measures);
    if !contest.bench.has_two_cpus() {
        println!("rivals: skipped, since polling rivals want two CPUs and this process may use one");
        return;
    }
    println!("{:<34} {:<30} {:>10} {:>10}   ours / rival", "ours", "rival", "ours", "rival");
    let most = if arguments.measures { pairs::looks().nth(LOOKS - 1).unwrap_or(pairs::PAIRS_MAX) } else { 1 };
    for (claim, seed) in CLAIMS.iter().zip(0..) {
        contest.show(claim, seed, most);
    }
}

struct Contest {
    bench: Bench,
    rows: Vec<Variant>,
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

    /// Measures a claim with at most `most` pairs per form, and prints a line for each form.
    fn show(&self, claim: &Claim, seed: u64, most: usize) {
        let mut pairs: Vec<Vec<Pair>> = claim.forms.iter().map(|_| vec![]).collect();
        let mut rounds = Rounds::new(seed, claim.forms.len(), 0);
        let is_open = |pairs: &[Vec<Pair>]| {
            fastest_form(pairs).is_some_and(|fastest| claim.judge(&pairs[fastest], false).verdict.is_none())
        };
        while rounds.done() < most && (!rounds.look_is_due() || is_open(&pairs)) {
            for turn in rounds.next_round() {
                pairs[turn.case].extend(claim.forms[turn.case].measure(self, turn.second_first));
            }
            rounds.retain(|form| !pairs[*form].is_empty());
        }
        let fastest = fastest_form(&pairs);
        for (at, (form, pairs)) in claim.forms.iter().zip(&pairs).enumerate() {
            let Judged { ratio: Some(ratio), verdict } = claim.judge(pairs, true) else {
                let why = if pairs.is_empty() {
                    "skipped: one of the two cannot run here; see `ipcmark list`"
                } else {
                    "can't tell: in no pair did both give a time"
                };
                println!("{:<34} {:<30} {why}", claim.name, form.rival);
                continue;
            };
            let holds = fastest == Some(at) && verdict == Some(true);
            let word = match verdict {
                _ if fastest != Some(at) => "a slower form of the rival".to_owned(),
                Some(true) => format!("wanted at most {:.3}: holds", claim.wanted),
                Some(false) => format!("wanted at most {:.3}: does not hold", claim.wanted),
                None => format!("wanted at most {:.3}: can't tell", claim.wanted),
            };
            let (ours, rival) = (middle(pairs, |pair| pair.0), middle(pairs, |pair| pair.1));
            let interval = ratio.interval.map_or_else(String::new, |i| format!(" [{:.3}, {:.3}]", i.low, i.high));
            println!(
                "{:<34} {:<30} {ours:>7.1} ns {rival:>7.1} ns   {:.3}{interval}, pairs: {}, {word}",
                claim.name, form.rival, ratio.value, ratio.pairs
            );
            if fastest == Some(at) && !holds && !claim.but.is_empty() {
                println!("{:>34} {}", "but", claim.but);
            }
        }
    }

    fn row(&self, name: &str) -> Option<&Variant> {
        self.rows.iter().find(|row| row.row() == name)
    }

    /// Measures two cases, the first ours, on the same CPUs.
    fn cases(&self, ours: &Case, rival: &Case, rival_first: bool) -> Pair {
        let timing = Timing { floor_ns: 0, ..self.timing.clone() };
        let roles = ipcmark::family::roles(ours) as usize;
        let cpus: Vec<u32> = self.bench.cpus.iter().copied().cycle().take(roles).collect();
        let each = |case: &Case| ns_each(&self.bench.trial(case, &cpus, timing.clone()));
        in_order(rival_first, || each(ours), || each(rival))
    }

    /// Measures two rows, the first ours, with one sender and one receiver.
    fn rows(&self, rows: [&str; 2], measure: Measure, bytes: u64, rival_first: bool) -> Option<Pair> {
        let [ours, rival] = rows.map(|row| Some(case(self.row(row)?, measure, self.bench.placement, bytes)));
        Some(self.cases(&ours?, &rival?, rival_first))
    }

    /// Stream case with two senders and two receivers on one queue.
    fn shared(&self, row: &str, bytes: u64) -> Option<Case> {
        let case = case(self.row(row)?, Measure::Stream, Placement::Spread, bytes);
        Some(case.with(|p| {
            p.pattern = Some(Pattern { senders: 2, receivers: 2 });
        }))
    }

    /// Measures a case and its floor, which runs before and after it in the same processes.
    fn floor(&self, row: &str, measure: Measure, bytes: u64) -> Option<Pair> {
        let case = case(self.row(row)?, measure, self.bench.placement, bytes);
        let outcome = self.bench.trial(&case, &self.bench.cpus, self.timing.clone());
        Some((ns_each(&outcome), outcome.floor.as_ref()?.ns))
    }

    /// Measures a case and rtrb on the same CPUs.
    fn rtrb(
        &self,
        row: &str,
        measure: Measure,
        bytes: u64,
        rival: fn(&[u32], u64, u64) -> u64,
        rival_first: bool,
    ) -> Option<Pair> {
        let case = case(self.row(row)?, measure, self.bench.placement, bytes);
        Some(self.threads(&case, rival, rival_first))
    }

    /// Measures a case and threads of this process on the same CPUs, for a similar duration.
    fn threads(&self, case: &Case, rival: fn(&[u32], u64, u64) -> u64, rival_first: bool) -> Pair {
        let timing = Timing { floor_ns: 0, ..self.timing.clone() };
        let look_ns = rival(&self.bench.cpus, LOOK, LOOK) as f64 / LOOK as f64;
        let count = ((self.timing.hot_ns as f64 / look_ns.max(1.0)) as u64).max(LOOK);
        let ours = || ns_each(&self.bench.trial(case, &self.bench.cpus, timing.clone()));
        let theirs = || rival(&self.bench.cpus, count / 4, count) as f64 / count as f64;
        in_order(rival_first, ours, theirs)
    }

    /// Measures a stream of one sender and one receiver and crossbeam's queue on the same CPUs.
    fn array_queue<const SNOOZES: bool>(&self, rival_first: bool) -> Option<Pair> {
        let case = case(self.row("shm-mpmc/spin")?, Measure::Stream, self.bench.placement, 64);
        Some(self.threads(&case, array_queue::stream_ns::<1, SNOOZES>, rival_first))
    }

    /// Measures the blocking pipe on one CPU and the kernel's own pipe benchmark.
    fn perf_pipe(&self, rival_first: bool) -> Option<Pair> {
        let cpu = self.one_cpu.first()?.to_string();
        let case = case(self.row("pipe/block")?, Measure::RoundTrip, Placement::SameCpu, 8);
        let timing = Timing { floor_ns: 0, ..self.timing.clone() };
        let ours = || Some(mean_ns(&self.bench.trial(&case, &self.one_cpu, timing.clone())));
        let (ours, theirs) = in_order(rival_first, ours, || perf_bench_sched_pipe_ns(&cpu));
        Some((ours?, theirs?))
    }
}

/// Nanoseconds per operation reported by perf; `None` without perf.
fn perf_bench_sched_pipe_ns(cpu: &str) -> Option<f64> {
    let arguments = ["-c", cpu, "perf", "bench", "sched", "pipe", "-l", "50000"];
    let said = Command::new("taskset").args(arguments).output().ok()?.stdout;
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().find(|line| line.contains("usecs/op"))?;
    let micros: f64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(micros * 1000.0)
}

/// Mean nanoseconds per round trip over all blocks, for rivals that report only means.
fn mean_ns(outcome: &Outcome) -> f64 {
    let windows = outcome.windows.iter().flatten();
    let (elapsed_ns, count) = windows.fold((0, 0), |sum, w| (sum.0 + w.elapsed_ns, sum.1 + w.messages));
    elapsed_ns as f64 / count as f64
}
