//! Map of round trips between the CPUs of a machine, and maps of several machines on one scale.

use std::collections::BTreeMap;

use ipcmark_record::{CpuPlace, Measure};

use super::core_map::{CoreMaps, Panel};
use super::table::Table;
use super::{Figure, Looks};
use crate::analyse::core_to_core::{Map, Pair, Shared};
use crate::analyse::families::MACHINE;
use crate::analyse::ground::measured;
use crate::analyse::statistics::median;
use crate::analyse::study::Study;
use crate::format;

impl Map {
    /// The squares to draw: all CPUs with each other, or of a sample one CPU of each group with each other, and each with
    /// the CPUs of its group.
    fn panels(&self) -> Vec<Panel> {
        let ns = |from: &CpuPlace, to: &CpuPlace| self.ns(from.cpu, to.cpu);
        let square = |cpus: &[CpuPlace], heading: String| Panel {
            heading,
            cells: cpus.iter().map(|from| cpus.iter().map(|to| ns(from, to)).collect()).collect(),
            rows: cpus.to_vec(),
            columns: cpus.to_vec(),
        };
        if !self.sampled {
            return vec![square(&self.cpus, self.name.clone())];
        }
        let group = |at: &CpuPlace| (at.efficient, at.node, at.level_3);
        let starts = |at: &CpuPlace| self.times.keys().any(|&(from, _)| from == at.cpu);
        let groups = self.cpus.chunk_by(|a, b| group(a) == group(b)).filter(|group| starts(&group[0]));
        let (firsts, others): (Vec<CpuPlace>, Vec<&[CpuPlace]>) =
            groups.map(|group| (group[0].clone(), &group[1..])).unzip();
        let named = |what: &str| if self.name.is_empty() { what.to_owned() } else { format!("{}: {what}", self.name) };
        let mut panels = vec![square(&firsts, named("one CPU of each group"))];
        if others.iter().any(|others| !others.is_empty()) {
            panels.push(Panel {
                heading: named("each with the other CPUs of its group, the nearest first"),
                cells: firsts
                    .iter()
                    .zip(&others)
                    .map(|(from, to)| to.iter().map(|to| ns(from, to)).collect())
                    .collect(),
                rows: firsts,
                columns: vec![],
            });
        }
        panels
    }

    /// The fastest and the slowest pair.
    fn answer(&self) -> String {
        let pairs = self.pairs();
        let by_time = |a: &&Pair<'_>, b: &&Pair<'_>| a.ns.total_cmp(&b.ns);
        let (Some(near), Some(far)) = (pairs.iter().min_by(by_time), pairs.iter().max_by(by_time)) else {
            return String::new();
        };
        let of = |pair: &Pair<'_>| {
            let shared = Shared::of(pair.from, pair.to).phrase();
            format!("CPUs {} and {} ({shared})", pair.from.cpu, pair.to.cpu)
        };
        let name = if self.name.is_empty() { String::new() } else { format!("{}: ", self.name) };
        if self.cpus.len() == 2 {
            let both = format::span(near.ns, far.ns, format::time);
            return format!("{name}A round trip over two cache lines between {} takes {both}.", of(near));
        }
        format!(
            "{name}A round trip over two cache lines takes {} between {} and {} between {}, {} times as long.",
            format::ns(near.ns),
            of(near),
            format::ns(far.ns),
            of(far),
            format::ratio(far.ns / near.ns)
        )
    }

    /// Median time by what the CPUs share, in a sentence.
    fn by_distance(&self) -> Option<String> {
        let mut each: BTreeMap<Shared, Vec<f64>> = BTreeMap::new();
        for pair in self.pairs() {
            each.entry(Shared::of(pair.from, pair.to)).or_default().push(pair.ns);
        }
        let median = |(shared, times): (Shared, Vec<f64>)| {
            Some(format!("{} {}", shared.phrase(), format::ns(median(times.iter().copied())?)))
        };
        let words: Vec<String> = each.into_iter().filter_map(median).collect();
        (words.len() > 1).then(|| format!(" Medians: {}.", words.join(", ")))
    }

    /// Note on a sample.
    fn sample(&self) -> Option<String> {
        self.sampled.then(|| {
            let all = self.cpus.len() * self.cpus.len().saturating_sub(1);
            format!(
                " This is a sample of {} of {} pairs: one CPU of each group that shares a level-3 cache, or a node if no such \
                 cache is listed, with each other and with the CPUs of their groups.",
                format::whole(self.times.len() as u64),
                format::whole(all as u64)
            )
        })
    }
}

/// Maps of the recording.
pub fn figures(study: &Study<'_>, _: &Looks) -> Vec<Figure> {
    let mut map = Map::new("");
    for case in measured(study, MACHINE).filter(|case| case.case.measure == Measure::CoreToCore) {
        case.usable_anywhere()
            .filter_map(|record| record.outcome.core_to_core.as_deref())
            .for_each(|found| map.add(found));
    }
    let Some(mut figure) = beside(std::slice::from_ref(&map)) else { return vec![] };
    figure.note += &beside_floor(study, &map).unwrap_or_default();
    vec![figure]
}

/// The map's time of the pair of the machine's floors, beside the floor.
fn beside_floor(study: &Study<'_>, map: &Map) -> Option<String> {
    let floors = study.floors()?;
    let (&[a, b], floor_ns) = (floors.cpus.as_slice(), floors.line_round_trip_two_ns?) else { return None };
    let pairs = map.pairs();
    let both = pairs.iter().filter(|pair| [(a, b), (b, a)].contains(&(pair.from.cpu, pair.to.cpu)));
    let ns = both.map(|pair| pair.low_ns).min_by(f64::total_cmp)?;
    Some(format!(
        " The two-line floor of this run between CPUs {a} and {b}, the fastest of many readings, is {}; the fastest line of \
         this map took {}, {} times as long.",
        format::ns(floor_ns),
        format::ns(ns),
        format::ratio(ns / floor_ns)
    ))
}

/// Maps of one or more machines on one scale; `None` without a pair.
pub fn beside(maps: &[Map]) -> Option<Figure> {
    let maps: Vec<&Map> = maps.iter().filter(|map| !map.times.is_empty()).collect();
    let first = maps.first()?;
    let answers: Vec<String> = maps.iter().map(|map| map.answer()).collect();
    let more = |of: fn(&Map) -> Option<String>| {
        let one = |map: &&Map| {
            let name = if map.name.is_empty() { String::new() } else { format!(" {}:", map.name) };
            of(map).map(|note| name + &note)
        };
        maps.iter().filter_map(one).collect::<String>()
    };
    let repetitions = match first.repetitions {
        1 => "1 repetition".to_owned(),
        many => format!("{many} repetitions"),
    };
    let chart = CoreMaps { panels: maps.iter().map(|map| map.panels()).collect() };
    Some(Figure {
        answer: answers.join(" "),
        note: format!(
            "Time of a round trip over two cache lines, one each way. Row: the CPU that starts it, whose memory node holds the \
             lines. Column: the CPU that answers. Median over {} lines on fresh pages and {repetitions}. A stronger colour \
             is slower, on a logarithmic scale. CPUs that share a core, a cache or a node are neighbours.{}{}",
            first.lines,
            more(Map::by_distance),
            more(Map::sample)
        ),
        table: table(&maps),
        ..Figure::drawn("core-to-core", "Round trip between each two CPUs", &chart)
    })
}

fn table(maps: &[&Map]) -> Table {
    let rows = maps.iter().flat_map(|map| map.pairs().into_iter().map(move |pair| (map, pair)));
    let mut table = Table::of(rows.collect::<Vec<_>>())
        .text("Machine", "machine", |row| row.0.name.clone())
        .text("From CPU", "from_cpu", |row| row.1.from.cpu.to_string())
        .text("To CPU", "to_cpu", |row| row.1.to.cpu.to_string())
        .text("They share", "relation", |row| Shared::of(row.1.from, row.1.to).phrase())
        .time("Round trip", "round_trip_ns", |row| Some(row.1.ns))
        .time("Fastest line", "low_ns", |row| Some(row.1.low_ns))
        .time("Slowest line", "high_ns", |row| Some(row.1.high_ns))
        .table();
    if maps.iter().all(|map| map.name.is_empty()) {
        table.columns.remove(0);
        table.rows.iter_mut().for_each(|row| drop(row.remove(0)));
    }
    table
}

#[cfg(test)]
mod tests {
    use ipcmark_record::{CoreToCore, PairTime};

    use super::*;

    /// Two CPUs under one cache with these times in both directions.
    fn map(name: &str, ns: [f64; 2]) -> Map {
        let place = |cpu| CpuPlace { cpu, core: cpu, level_3: Some(0), ..CpuPlace::default() };
        let pair = |from, to, ns| PairTime { from, to, median_ns: ns, low_ns: ns, high_ns: ns };
        let pairs = vec![pair(0, 1, ns[0]), pair(1, 0, ns[1])];
        let mut map = Map::new(name);
        map.add(&CoreToCore { cpus: vec![place(0), place(1)], sampled: false, lines: 8, pairs });
        map
    }

    #[test]
    fn maps_of_several_machines_are_named_and_share_one_scale() {
        let figure = beside(&[map("old", [100.0, 110.0]), map("new", [400.0, 410.0])]).expect("two maps");
        for drawing in [&figure.drawn.wide, &figure.drawn.narrow] {
            assert!(drawing.contains(">old<") && drawing.contains(">new<"), "each has its name");
            assert!(drawing.contains("100\u{202f}ns") && drawing.contains("410\u{202f}ns"), "the ends of the scale");
        }
        assert!(figure.answer.contains("old: ") && figure.answer.contains("new: "), "{}", figure.answer);
        let machines: Vec<&str> = figure.table.rows.iter().map(|row| row[0].shown.as_str()).collect();
        assert_eq!((figure.table.columns[0].key, machines), ("machine", vec!["old", "old", "new", "new"]));
        assert!(beside(&[]).is_none() && beside(&[Map::new("empty")]).is_none());
    }

    #[test]
    fn a_repetition_on_other_cpus_is_left_out() {
        let mut one = map("", [100.0, 110.0]);
        let place = |cpu| CpuPlace { cpu, core: cpu, ..CpuPlace::default() };
        let pair = PairTime { from: 2, to: 3, median_ns: 5.0, low_ns: 5.0, high_ns: 5.0 };
        one.add(&CoreToCore { cpus: vec![place(2), place(3)], sampled: false, lines: 8, pairs: vec![pair] });
        assert_eq!((one.repetitions, one.ns(2, 3), one.ns(0, 1)), (1, None, Some(100.0)));
    }
}
