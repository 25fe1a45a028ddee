//! `ipcmark machine`: facts about this machine and its floors.

use std::io::Write;

use anyhow::anyhow;
use clap::Args;
use comfy_table::Table;
use ipcmark::machine;
use ipcmark::protocol::Timing;
use ipcmark::record::{Floors, Machine as Description, Part, SizedFloor, Verdict};
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
    let facts = machine.facts.table();
    for part in facts.chunk_by(|a, b| a.part == b.part) {
        let mut rows = table::table(&[part[0].part.word(), "value"]);
        for fact in part {
            rows.add_row([&*fact.name, fact.text()]);
        }
        if part[0].part == Part::Processor {
            let trust =
                if machine.topology_trusted { "yes" } else { "no: a hypervisor may present any topology it likes" };
            rows.add_row(["topology trusted", trust]);
        }
        table::write(out, &rows)?;
        writeln!(out)?;
    }
    let sensors = machine.sensors.named();
    if !sensors.is_empty() {
        let mut rows = table::table(&["sensor", "value"]);
        for (name, state) in sensors {
            rows.add_row([name.to_lowercase(), state]);
        }
        table::write(out, &rows)?;
        writeln!(out)?;
    }
    let Some(floors) = &machine.floors else { return Ok(()) };
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
