//! `ipcmark machine`: facts about this machine and its floors.

use std::io::Write;

use anyhow::anyhow;
use clap::Args;
use comfy_table::Table;
use ipcmark::machine;
use ipcmark::protocol::Timing;
use ipcmark::record::{Facts, Floors, GroupLimits, Machine as Description, SizedFloor, Verdict};
use ipcmark_reports::format;

use super::table;
use crate::plan::Ground;
use crate::progress::print_line;
use crate::run::{enough_open_files, floors_order, fresh_run_id};
use crate::trial::Session;

/// Show the facts of this machine and measure its floors.
///
/// The floors are the costs of the basic operations of which every mechanism consists: a cache-line transfer between cores,
/// a copy, a system call, a wake-up. No mechanism can be faster than the sum of its floors.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ipcmark machine\n  ipcmark machine --no-floors\n  ipcmark machine --json | jq .floors.system_call_ns"
)]
pub(super) struct Machine {
    /// Print JSON, as in the `machine` of every record
    #[arg(long)]
    json: bool,
    /// Facts only; measure nothing
    #[arg(long)]
    no_floors: bool,
}

/// Times in which every floor settles.
const TIMING: Timing = Timing { warm_up_ns: 30_000_000, hot_ns: 150_000_000, floor_ns: 0, fixed_count: None };

impl Machine {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        let mut description = machine::describe();
        if !self.no_floors {
            enough_open_files()?;
            let session = Session::open(&fresh_run_id())?;
            if !self.json {
                print_line("measuring the floors, a few seconds ...");
            }
            let floors = measure_floors(&session);
            if let Some(signal) = session.interrupted() {
                print_line("interrupted");
                return Ok(super::ended_by(signal));
            }
            match floors {
                Ok(floors) => description.floors = Some(floors),
                Err(error) => return Ok(super::complain(&error, super::BROKEN)),
            }
        }
        if self.json {
            table::write_json(out, &description)?;
        } else {
            write_tables(out, &description)?;
        }
        Ok(super::FINE)
    }
}

fn measure_floors(session: &Session) -> anyhow::Result<Floors> {
    let result = session.run_trial(&floors_order(&Ground::here(), &TIMING));
    if let (Some(Verdict::Disturbed), Some(why)) = (result.outcome.verdict, &result.outcome.why) {
        print_line(&format!("note: these floors are higher than they should be: {why}"));
    }
    let why = result.outcome.why.unwrap_or_else(|| "the worker sent none".to_owned());
    result.floors.map(|floors| *floors).ok_or_else(|| anyhow!("the floors could not be measured: {why}"))
}

fn write_tables(out: &mut impl Write, machine: &Description) -> anyhow::Result<()> {
    let mut facts = table::table(&["fact", "value"]);
    add_facts(&mut facts, &machine.facts);
    let trust = if machine.topology_trusted { "yes" } else { "no: a hypervisor may present any topology it likes" };
    facts.add_row(["topology trusted", trust]);
    table::write(out, &facts)?;
    let Some(floors) = &machine.floors else { return Ok(()) };
    writeln!(out)?;
    let cpus: Vec<String> = floors.cpus.iter().map(ToString::to_string).collect();
    let mut costs = table::table(&["floor", &format!("cost (CPUs {}, {})", cpus.join(" and "), floors.placement)]);
    add_costs(&mut costs, floors);
    table::align_right(&mut costs, [1]);
    table::write(out, &costs)?;
    writeln!(out)?;
    let mut sizes = table::table(&["message", "copy", "fill and fold", "transfer, stream", "transfer, in turns"]);
    add_sizes(&mut sizes, floors);
    table::align_right(&mut sizes, 0..5);
    table::write(out, &sizes)?;
    Ok(())
}

fn add_facts(rows: &mut Table, facts: &Facts) {
    let unknown = || "not told".to_owned();
    let text = |value: &Option<String>| value.clone().unwrap_or_else(unknown);
    let flag = |value: Option<bool>| value.map_or_else(unknown, |on| if on { "on" } else { "off" }.to_owned());
    let cpus = |list: &[u32]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    rows.add_row(["host", &facts.hostname]);
    rows.add_row(["processor", &facts.cpu_model]);
    rows.add_row(["architecture", &facts.architecture]);
    rows.add_row(["CPUs online", &cpus(&facts.cpus_online)]);
    rows.add_row(["CPUs allowed", &cpus(&facts.cpus_allowed)]);
    for (name, value) in facts.group_limits.iter().flat_map(GroupLimits::named) {
        rows.add_row([name, &value]);
    }
    for cache in &facts.caches {
        let name = format!("level-{} cache, {}", cache.level, cache.kind.to_lowercase());
        let shared = format!(
            "{}, lines of {} B, shared by CPUs {}",
            size(cache.bytes),
            cache.line_bytes,
            cpus(&cache.shared_by_cpus)
        );
        rows.add_row([name, shared]);
    }
    rows.add_row(["memory nodes", &facts.numa_nodes.to_string()]);
    rows.add_row(["memory", &format!("{:.1} GiB", facts.memory_bytes as f64 / f64::from(1 << 30))]);
    rows.add_row(["page", &size(facts.page_bytes)]);
    rows.add_row(["kernel", &facts.kernel]);
    rows.add_row(["operating system", &facts.operating_system]);
    rows.add_row(["hypervisor", facts.hypervisor.as_deref().unwrap_or("none seen")]);
    rows.add_row(["clock source", &text(&facts.clocksource)]);
    let ticks =
        facts.ticks_hz.map_or_else(|| "not proven invariant".to_owned(), |hz| format!("{:.1} MHz", hz as f64 / 1e6));
    rows.add_row(["tick counter", &ticks]);
    rows.add_row(["frequency governor", &text(&facts.governor)]);
    rows.add_row(["boost", &flag(facts.boost)]);
    rows.add_row(["hardware threads", &flag(facts.smt_active)]);
    rows.add_row(["transparent huge pages", &text(&facts.transparent_huge_pages)]);
    for mitigation in &facts.mitigations {
        rows.add_row(["mitigation", mitigation]);
    }
}

fn add_costs(rows: &mut Table, floors: &Floors) {
    let mut add = |name: &str, ns: Option<f64>| {
        rows.add_row([
            name.to_owned(),
            ns.map_or_else(|| "takes two CPUs".to_owned(), |ns| table::plain(format::ns(ns))),
        ]);
    };
    add("cache line, round trip over one", floors.line_round_trip_one_ns);
    add("cache line, round trip over two", floors.line_round_trip_two_ns);
    add("atomic addition, own line", floors.atomic_ns);
    if let Some(pause_ns) = floors.pause_ns {
        add("pause hint", Some(pause_ns));
    }
    add("system call", Some(floors.system_call_ns));
    add("futex hop between two CPUs", floors.futex_hop_two_cpus_ns);
    add("futex hop on one CPU", Some(floors.futex_hop_one_cpu_ns));
    add("wake of another CPU", floors.wake_ns);
    add("context switch", Some(floors.context_switch_ns));
    for (operation, &ns) in &floors.operations {
        let (first, rest) = operation.label().split_at(1);
        add(&(first.to_lowercase() + rest), Some(ns));
    }
    add("page fault", Some(floors.page_fault_ns));
    add("clock read", Some(floors.clock_read_ns));
    add("clock step", Some(floors.clock_step_ns));
    add("tick read", Some(floors.tick_read_ns));
    add("idle CPU, longest gap", Some(floors.idle_noise.longest_gap_ns as f64));
    let stolen = table::plain(format::percent(floors.idle_noise.stolen_share));
    rows.add_row(["idle CPU, time in gaps over 1 us", &stolen]);
}

fn add_sizes(rows: &mut Table, floors: &Floors) {
    let columns = [&floors.copy, &floors.touch, &floors.transfer_stream, &floors.transfer_serial];
    let mut sizes: Vec<u64> = columns.iter().flat_map(|column| column.iter().map(|floor| floor.bytes)).collect();
    sizes.sort_unstable();
    sizes.dedup();
    for bytes in sizes {
        let cell = |column: &&Vec<SizedFloor>| {
            let found = column.iter().find(|floor| floor.bytes == bytes);
            found.map_or_else(String::new, |floor| table::plain(format::ns(floor.ns)))
        };
        rows.add_row(std::iter::once(size(bytes)).chain(columns.iter().map(cell)));
    }
}

fn size(bytes: u64) -> String {
    table::plain(format::bytes(bytes))
}
