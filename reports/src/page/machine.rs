//! Facts and floors of a machine, as names and values.

use ipcmark_record::{self as record, Facts, Floors, Machine, Sensors, SizedFloor};
use serde::Serialize;

use super::sections::Fact;
use crate::chart::Table;
use crate::format;

/// Machine as shown on the page.
#[derive(Serialize)]
pub struct MachineView {
    name: String,
    trusted: bool,
    facts: Vec<FactsOfPart>,
    floors: Vec<Fact>,
    sized: Option<Table>,
}

/// Prepares a machine for the page.
pub fn view(machine: &Machine) -> MachineView {
    MachineView {
        name: machine.facts.hostname.clone(),
        trusted: machine.topology_trusted,
        facts: facts(&machine.facts).into_iter().chain(sensors(&machine.sensors)).collect(),
        floors: machine.floors.as_ref().map(floors).unwrap_or_default(),
        sized: machine.floors.as_ref().map(sized),
    }
}

/// Facts of one part.
#[derive(Serialize)]
struct FactsOfPart {
    part: String,
    facts: Vec<Fact>,
}

fn facts(facts: &Facts) -> Vec<FactsOfPart> {
    let shown = |fact: &record::Fact| Fact::new(sentence(&fact.name), fact.text());
    let of_part = |facts: &[record::Fact]| FactsOfPart {
        part: sentence(facts[0].part.word()),
        facts: facts.iter().map(shown).collect(),
    };
    facts.table().chunk_by(|a, b| a.part == b.part).map(of_part).collect()
}

/// Counters that a run may read; nothing if all are read, or in recordings made before they were.
fn sensors(sensors: &Sensors) -> Option<FactsOfPart> {
    let facts: Vec<Fact> = sensors.named().into_iter().map(|(name, state)| Fact::new(name, state)).collect();
    (!facts.is_empty()).then(|| FactsOfPart { part: "Sensors".into(), facts })
}

/// The text with a capital letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn floors(floors: &Floors) -> Vec<Fact> {
    let time = |name: &str, ns: f64| Fact::new(name, format::ns(ns));
    let maybe = |name: &str, ns: Option<f64>| Fact::new(name, ns.map_or_else(|| "needs two CPUs".into(), format::ns));
    let noise = &floors.idle_noise;
    let mut all = vec![
        Fact::new("Measured between CPUs", format!("{} ({})", list_of(&floors.cpus), floors.placement)),
        maybe("Cache line, round trip over one", floors.line_round_trip_one_ns),
        maybe("Cache line, round trip over two", floors.line_round_trip_two_ns),
        Fact::new("Atomic addition, own line", floors.atomic_ns.map_or_else(|| "not measured".into(), format::ns)),
        Fact::new("Pause hint", floors.pause_ns.map_or_else(|| "not measured".into(), format::ns)),
        time("System call", floors.system_call_ns),
        maybe("Futex hop, two CPUs", floors.futex_hop_two_cpus_ns),
        time("Futex hop, one CPU", floors.futex_hop_one_cpu_ns),
        maybe("Wake on another CPU", floors.wake_ns),
        time("Context switch", floors.context_switch_ns),
        time("Page fault", floors.page_fault_ns),
        time("Clock read", floors.clock_read_ns),
        time("Clock step", floors.clock_step_ns),
        time("Tick read", floors.tick_read_ns),
        Fact::new(
            "Idle noise",
            format!(
                "longest gap {} in {}, {} of the time in gaps over 1\u{202f}µs",
                format::ns(noise.longest_gap_ns as f64),
                format::ns(noise.elapsed_ns as f64),
                format::percent(noise.stolen_share)
            ),
        ),
    ];
    all.extend(floors.operations.iter().map(|(operation, &ns)| time(operation.label(), ns)));
    all
}

/// Floors by size: time and bandwidth.
fn sized(floors: &Floors) -> Table {
    let kinds = [&floors.touch, &floors.copy, &floors.transfer_serial, &floors.transfer_stream];
    let mut sizes: Vec<(u64, u64)> =
        kinds.iter().flat_map(|kind| kind.iter().map(|floor| (floor.bytes, floor.footprint_bytes))).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let of = |kind: &[SizedFloor], &(bytes, footprint): &(u64, u64)| {
        kind.iter().find(|floor| floor.bytes == bytes && floor.footprint_bytes == footprint).map(|floor| floor.ns)
    };
    Table::of(sizes)
        .size("Size", "message_bytes", |size| size.0)
        .size("Footprint", "footprint_bytes", |size| size.1)
        .time("Written and read on one core", "touch_ns", |size| of(&floors.touch, size))
        .time("Copied on one core", "copy_ns", |size| of(&floors.copy, size))
        .time("Transferred in turns", "transfer_serial_ns", |size| of(&floors.transfer_serial, size))
        .time("Transferred in a stream", "transfer_stream_ns", |size| of(&floors.transfer_stream, size))
        .number("Stream bandwidth", "transfer_stream_per_s", format::bandwidth, |size| {
            Some(size.0 as f64 * 1e9 / of(&floors.transfer_stream, size)?)
        })
        .table()
}

/// CPU numbers with ranges: `0-3, 8`.
fn list_of(cpus: &[u32]) -> String {
    let mut sorted = cpus.to_vec();
    sorted.sort_unstable();
    let runs = sorted.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [only] => only.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    });
    runs.collect::<Vec<_>>().join(", ")
}
