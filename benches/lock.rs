//! Criterion over the registry: what every lock costs that nobody else wants, taken and let go by one holder. Each sample is
//! a fresh process that does exactly the iterations criterion asks for, timed by the same loop as every other number of the
//! suite; criterion brings baselines and its own HTML.
//!
//! `cargo bench --bench lock -- --save-baseline before` keeps a baseline, `-- --baseline before` compares with it.

// What is for transports there has no use here.
#[allow(dead_code)]
mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use criterion::{Criterion, PlottingBackend, SamplingMode, Throughput};
use ipcmark::family::Contestant;
use ipcmark::protocol::Timing;
use ipcmark::record::{Case, Measure, Placement};

use common::{Bench, ns_each};

fn main() {
    ipcmark::worker::run_if_worker();
    ipcmark_harness::janitor::run_if_janitor();
    let mut criterion = Criterion::default().plotting_backend(PlottingBackend::Plotters).configure_from_args();
    let bench = Bench::open("lock-bench");
    let one_cpu: Vec<u32> = bench.cpus.iter().copied().take(1).collect();
    let mut group = criterion.benchmark_group("acquire");
    // Every sample costs a process, so few and equal ones.
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(500));
    group.throughput(Throughput::Elements(1));
    let mut seen = BTreeSet::new();
    for row in ipcmark::lock::contestants() {
        let case = alone(&row);
        if row.unavailable.is_some() || ipcmark::family::supports(&case).is_err() || !seen.insert(row.row()) {
            continue;
        }
        group.bench_function(row.row().replace('/', "-"), |bencher| {
            bencher.iter_custom(|count| {
                let timing = Timing { warm_up_ns: 2_000_000, hot_ns: 0, floor_ns: 0, fixed_count: Some(count) };
                let outcome = bench.trial(&case, &one_cpu, timing);
                Duration::from_nanos((ns_each(&outcome) * count as f64) as u64)
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

/// One holder, as the row's first isolation has it.
fn alone(row: &Contestant) -> Case {
    Case { placement: Placement::SameCpu, holders: Some(1), ..row.case(Measure::Acquire) }
}
