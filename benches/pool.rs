//! Criterion over the registry: what it costs to hand one task of 64 bytes to every pool's only worker and to wait for its
//! result. Each sample is a fresh pool that does exactly the iterations criterion asks for, timed by the same loop as every
//! other number of the suite; criterion brings baselines and its own HTML.
//!
//! `cargo bench --bench pool -- --save-baseline before` keeps a baseline, `-- --baseline before` compares with it.

// What is for transports there has no use here.
#[allow(dead_code)]
mod common;

use std::time::Duration;

use criterion::{Criterion, PlottingBackend, SamplingMode, Throughput};
use ipcmark::family::Contestant;
use ipcmark::protocol::Timing;
use ipcmark::record::{Call, Case, Measure, Placement};

use common::{Bench, ns_each};

const MESSAGE_BYTES: u64 = 64;

fn main() {
    ipcmark::worker::run_if_worker();
    ipcmark_harness::janitor::run_if_janitor();
    let mut criterion = Criterion::default().plotting_backend(PlottingBackend::Plotters).configure_from_args();
    let bench = Bench::open("pool-bench");
    let mut group = criterion.benchmark_group("apply");
    // Every sample costs a pool, so few and equal ones.
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(500));
    group.throughput(Throughput::Elements(1));
    let one_cpu = bench.cpus.first() == bench.cpus.get(1);
    for row in ipcmark::pool::contestants().iter().filter(|row| !(row.polls && one_cpu)) {
        let case = apply(row, bench.placement);
        if row.unavailable.is_some() || ipcmark::family::supports(&case).is_err() {
            continue;
        }
        group.bench_function(row.row().replace('/', "-"), |bencher| {
            bencher.iter_custom(|count| {
                let timing = Timing { warm_up_ns: 2_000_000, hot_ns: 0, floor_ns: 0, fixed_count: Some(count) };
                let outcome = bench.trial(&case, &bench.cpus, timing);
                Duration::from_nanos((ns_each(&outcome) * count as f64) as u64)
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

/// One worker beside its dispatcher.
fn apply(row: &Contestant, placement: Placement) -> Case {
    Case {
        placement,
        message_bytes: Some(MESSAGE_BYTES),
        workers: Some(1),
        call: Some(Call::Apply),
        ..row.case(Measure::Dispatch)
    }
}
