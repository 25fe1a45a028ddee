//! Criterion benches of the registries: 64-byte round trips and streams of every transport and of `rtrb` between
//! threads, uncontended acquire and release of every lock, and one task on every pool with a single worker. Each sample
//! runs fresh processes for exactly the requested iterations, with the same timed loops as the rest of the suite;
//! criterion adds baselines and its own HTML.
//!
//! Without a filter a small selection runs in under a minute. A filter selects from all rows:
//! `cargo bench --bench criterion -- stream/pipe`. `-- --list` prints the names, `-- --save-baseline before` keeps a
//! baseline, and `-- --baseline before` compares with it.

// Helpers for rivals are unused here.
#[allow(dead_code)]
mod common;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, PlottingBackend, SamplingMode, Throughput};
use ipcmark::family::Variant;
use ipcmark::protocol::Timing;
use ipcmark::record::{Call, Case, Isolation, Measure, Placement};
use ipcmark_harness::bench::Arguments;

use common::{Bench, case, ns_each, rows, rtrb_pair};

const MESSAGE_BYTES: u64 = 64;
/// Warm-up messages of the rival, like the pilot of a trial.
const RIVAL_WARM_UP: u64 = 1000;

/// Rows that run without a filter: the most common and the fastest of each kind.
const CHOICE: &[&str] = &[
    "round_trip/pipe-block/processes",
    "round_trip/unix-stream-block/processes",
    "round_trip/shm-spsc-spin/processes",
    "round_trip/shm-spsc-hybrid/processes",
    "round_trip/rtrb/threads",
    "stream/pipe-block/processes",
    "stream/shm-spsc-spin/processes",
    "stream/shm-spsc-hybrid/processes",
    "stream/rtrb/threads",
    "acquire/ttas-spin",
    "acquire/futex-adaptive-hybrid",
    "acquire/pthread-normal-block",
    "acquire/parking-lot-hybrid",
    "apply/shm-queue-hybrid",
    "apply/pipe-each-block",
];

fn main() -> ExitCode {
    ipcmark::worker::run_if_worker();
    ipcmark_harness::janitor::run_if_janitor();
    // Criterion prints its own help.
    let help =
        std::env::args().skip(1).any(|argument| matches!(argument.as_str(), "-h" | "--help" | "-V" | "--version"));
    let arguments = match Arguments::of_this_process() {
        Ok(arguments) => arguments,
        Err(_) if help => Arguments::default(),
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(2);
        }
    };
    let criterion = Criterion::default().plotting_backend(PlottingBackend::Plotters).configure_from_args();
    let all = arguments.lists || !arguments.filters.is_empty();
    let mut rows = Rows { criterion, bench: Bench::open("criterion"), all };
    rows.transports("round_trip", Measure::RoundTrip);
    rows.transports("stream", Measure::Stream);
    rows.locks();
    rows.pools();
    rows.criterion.final_summary();
    ExitCode::SUCCESS
}

/// Rows offered to criterion, which filters by name.
struct Rows {
    criterion: Criterion,
    bench: Bench,
    all: bool,
}

impl Rows {
    fn transports(&mut self, name: &str, measure: Measure) {
        let Self { criterion, bench, all } = self;
        let mut group = group(criterion, name);
        for row in rows().iter().filter(|row| runs(bench, row)) {
            let id = format!("{}/{}", id(row), between(row.isolation));
            run(&mut group, bench, *all, name, &id, &case(row, measure, bench.placement, MESSAGE_BYTES));
        }
        if bench.has_two_cpus() && is_chosen(*all, name, "rtrb/threads") {
            let rival = match measure {
                Measure::Stream => rtrb_pair::stream_ns::<64>,
                _ => rtrb_pair::round_trip_ns::<64>,
            };
            group.bench_function("rtrb/threads", |bencher| {
                bencher.iter_custom(|count| Duration::from_nanos(rival(&bench.cpus, RIVAL_WARM_UP, count)));
            });
        }
        group.finish();
    }

    /// Uncontended cost of each lock, with the row's first isolation.
    fn locks(&mut self) {
        let Self { criterion, bench, all } = self;
        let mut group = group(criterion, "acquire");
        let mut seen = BTreeSet::new();
        for row in ipcmark::family::variants()
            .iter()
            .filter(|row| row.family == ipcmark::lock::FAMILY && row.unavailable.is_none())
        {
            if seen.insert(row.row()) {
                let alone = Case { placement: Placement::SameCpu, ..row.case(Measure::Acquire) }
                    .with(|p| p.contenders = Some(1));
                run(&mut group, bench, *all, "acquire", &id(row), &alone);
            }
        }
        group.finish();
    }

    /// `apply` on every pool with one worker.
    fn pools(&mut self) {
        let Self { criterion, bench, all } = self;
        let mut group = group(criterion, "apply");
        for row in ipcmark::family::variants()
            .iter()
            .filter(|row| row.family == ipcmark::pool::FAMILY && runs(bench, row) && row.unavailable.is_none())
        {
            let apply = Case { placement: bench.placement, ..row.case(Measure::Dispatch) }.with(|p| {
                p.message_bytes = Some(MESSAGE_BYTES);
                p.workers = Some(1);
                p.call = Some(Call::Apply);
            });
            run(&mut group, bench, *all, "apply", &id(row), &apply);
        }
        group.finish();
    }
}

/// Group with few samples of equal length, since each sample starts processes.
fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));
    group.throughput(Throughput::Elements(1));
    group
}

/// Whether `name/id` is offered: all rows with a filter, else the default selection.
fn is_chosen(all: bool, name: &str, id: &str) -> bool {
    all || CHOICE.contains(&format!("{name}/{id}").as_str())
}

/// Benches `case` as `name/id` if it is selected and supported here.
fn run(group: &mut BenchmarkGroup<WallTime>, bench: &Bench, all: bool, name: &str, id: &str, case: &Case) {
    if !is_chosen(all, name, id) || ipcmark::family::supports(case).is_err() {
        return;
    }
    let roles = ipcmark::family::roles(case) as usize;
    let cpus = if roles < 2 { &bench.cpus[..bench.cpus.len().min(1)] } else { &bench.cpus[..] };
    group.bench_function(id, |bencher| {
        bencher.iter_custom(|count| {
            let timing = Timing { warm_up_ns: 2_000_000, hot_ns: 0, floor_ns: 0, fixed_count: Some(count) };
            let outcome = bench.trial(case, cpus, timing);
            Duration::from_nanos((ns_each(&outcome) * count as f64) as u64)
        });
    });
}

/// Whether `row` makes progress on these CPUs.
fn runs(bench: &Bench, row: &Variant) -> bool {
    !row.polls || bench.has_two_cpus()
}

/// Name of a row without the separator of criterion's groups.
fn id(row: &Variant) -> String {
    row.row().replace('/', "-")
}

/// Name of the endpoints' isolation.
fn between(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Process => "processes",
        Isolation::Thread => "threads",
    }
}
