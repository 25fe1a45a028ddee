//! Criterion over the registry: every transport's round trip and stream at 64 bytes, and `rtrb` between threads beside
//! them. Each sample is a fresh set of processes that carries exactly the iterations criterion asks for, timed by the same
//! loops as every other number of the suite; criterion brings baselines and its own HTML.
//!
//! `cargo bench --bench transport -- --save-baseline before` keeps a baseline, `-- --baseline before` compares with it.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, PlottingBackend, SamplingMode, Throughput};
use ipcmark::protocol::Timing;
use ipcmark::record::{Isolation, Measure};

use ipcmark_harness::plan::{Changes, Ground, Text};

use common::{Bench, case, ns_each, rows, rtrb_pair};

const MESSAGE_BYTES: u64 = 64;
/// Messages that warm the rival's caches, as our own trials' pilots do.
const RIVAL_WARM_UP: u64 = 1000;

fn main() {
    ipcmark::worker::run_if_worker();
    ipcmark_harness::janitor::run_if_janitor();
    let mut criterion = Criterion::default().plotting_backend(PlottingBackend::Plotters).configure_from_args();
    let bench = Bench::open("transport-bench");
    for (measure, name) in [(Measure::RoundTrip, "round_trip"), (Measure::Stream, "stream")] {
        group(&mut criterion, &bench, measure, name);
    }
    criterion.final_summary();
}

fn group(criterion: &mut Criterion, bench: &Bench, measure: Measure, name: &str) {
    let mut group = criterion.benchmark_group(name);
    // Every sample costs a set of processes, so few and equal ones.
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    group.throughput(Throughput::Elements(1));
    let usual = usual();
    for row in rows().iter().filter(|row| !row.polls || bench.cpus.first() != bench.cpus.get(1)) {
        let case = case(row, measure, bench.placement, MESSAGE_BYTES);
        if !usual.contains(&row.row()) || ipcmark::family::supports(&case).is_err() {
            continue;
        }
        let id = BenchmarkId::new(row.row().replace('/', "-"), between(row.isolation));
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|count| {
                let timing = Timing { warm_up_ns: 2_000_000, hot_ns: 0, floor_ns: 0, fixed_count: Some(count) };
                let outcome = bench.trial(&case, &bench.cpus, timing);
                Duration::from_nanos((ns_each(&outcome) * count as f64) as u64)
            });
        });
    }
    if bench.cpus.first() == bench.cpus.get(1) {
        group.finish();
        return;
    }
    group.bench_function(BenchmarkId::new("rtrb", "threads"), |bencher| {
        bencher.iter_custom(|count| {
            Duration::from_nanos(match measure {
                Measure::Stream => rtrb_pair::stream_ns::<64>(&bench.cpus, RIVAL_WARM_UP, count),
                _ => rtrb_pair::round_trip_ns::<64>(&bench.cpus, RIVAL_WARM_UP, count),
            })
        });
    });
    group.finish();
}

/// The rows of the quick plan: over all there are, ten sets of processes each would take a quarter of an hour.
fn usual() -> BTreeSet<String> {
    let plan = Text::find("quick").and_then(|text| text.plan(&Ground::here(), &Changes::default()));
    plan.expect("the quick plan fits this machine").cases.iter().map(|planned| planned.case.row()).collect()
}

/// What the two sides are, for names.
fn between(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Process => "processes",
        Isolation::Thread => "threads",
    }
}
