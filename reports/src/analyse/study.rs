//! Records of one or more runs, grouped by case.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ipcmark_record::{Case, CostModel, Floors, Kind, Machine, Measure, Placement, Record, Verdict, metric};

use super::answer::place_word;
use super::crowd::Crowd;
use super::distance::{Distance, Distances, Moved, Place};
use super::distribution::Distribution;
use super::families::is_apart;
use super::ground::conditions;
use super::series::{Known, Manner, Series};
use super::statistics::{Estimate, median};
use super::summary::CaseSummary;
use super::trials::{self, Stamping, is_usable};
use crate::identity::{Machines, pooled_by};
use crate::read::Recording;

/// Records by CPU distance; `None` for an unknown one.
pub type AtDistances<'a> = Vec<(Option<Distance>, Vec<&'a Record>)>;

/// Case with its repetitions.
#[derive(Clone, Debug)]
pub struct CaseStudy<'a> {
    /// Parameters.
    pub case: &'a Case,
    /// Recorded case key.
    pub key: &'a str,
    /// Series of the case.
    pub series: Series,
    /// Records of its repetitions: those that failed or were skipped, and those measured at the CPU distance of the
    /// report.
    pub records: Vec<&'a Record>,
    /// Records measured at other CPU distances, or at an unknown one.
    pub elsewhere: AtDistances<'a>,
    /// Summary of the records.
    pub summary: CaseSummary,
    /// Estimated when first asked for: its interval takes a while.
    cpu_ns: OnceLock<Option<Estimate>>,
}

impl<'a> CaseStudy<'a> {
    /// Name: `pipe/block, round trip, 64 B, same core`.
    pub fn name(&self) -> String {
        let what = self.case.measure.word().replace('_', " ");
        let words = [self.series.label(), what].into_iter().chain(conditions(self.case));
        words.chain([place_word(self.case.placement)]).collect::<Vec<_>>().join(", ")
    }

    /// Payload of one message in bytes; 0 by default.
    pub fn bytes(&self) -> u64 {
        self.case.params.message_bytes.unwrap_or(0)
    }

    /// Whether it has one sender, one receiver, no CPU hogs, full touch and the usual depth.
    pub fn plain(&self) -> bool {
        Crowd::of(self.case).plain() && self.series.is_usual()
    }

    /// Whether it belongs to this placement; single-thread references belong to all.
    pub fn at(&self, placement: Placement) -> bool {
        self.case.placement == placement || self.series.manner == Manner::Alone
    }

    /// Whether its rate is valid: false for a row without a lock that lost updates.
    pub fn is_sound(&self) -> bool {
        self.summary.verdict != Some(Verdict::Caught)
    }

    /// CPU time of all roles for one operation.
    pub fn cpu_ns(&self) -> Option<Estimate> {
        let name = match self.case.measure {
            Measure::Contention => metric::CPU_NS_PER_ACQUISITION,
            _ => metric::CPU_NS_PER_MESSAGE,
        };
        let estimate = || trials::estimate(&self.records, Kind::Cost, name).filter(|found| found.value > 0.0);
        *self.cpu_ns.get_or_init(estimate)
    }

    /// Usable repetitions.
    pub fn usable(&self) -> impl Iterator<Item = &'a Record> + use<'a, '_> {
        trials::usable(&self.records)
    }

    /// Main metric of each usable repetition.
    pub fn each(&self) -> Vec<f64> {
        let of = |record: &Record| record.outcome.metric(self.summary.main?.name);
        self.usable().filter_map(of).collect()
    }

    /// Usable repetitions at all CPU distances.
    pub fn usable_anywhere(&self) -> impl Iterator<Item = &'a Record> + use<'a, '_> {
        self.usable().chain(self.elsewhere.iter().flat_map(|(_, records)| records.iter().copied()))
    }

    /// Usable repetitions by CPU distance, the nearest first; those at an unknown distance are left out. The distance is
    /// `None` if the CPUs did not move.
    pub fn by_distance(&self) -> AtDistances<'a> {
        let here: Vec<&Record> = self.usable().collect();
        let mut all: AtDistances<'a> = self.elsewhere.iter().filter(|(at, _)| at.is_some()).cloned().collect();
        if !here.is_empty() {
            all.push((self.summary.distance, here));
        }
        all.sort_by_key(|(distance, _)| distance.map(|distance| distance.rank));
        all
    }

    /// Merged latencies of the usable repetitions.
    pub fn distribution(&self) -> Option<Distribution> {
        trials::distribution(&self.records)
    }

    /// Stamped beside counted round trips of the usable repetitions.
    pub fn stamping(&self) -> Option<Stamping> {
        Stamping::of(&self.records)
    }

    /// Declared cost model.
    pub fn cost_model(&self) -> Option<&'a CostModel> {
        self.records.iter().find_map(|record| record.outcome.cost_model.as_ref())
    }

    /// Whether all roles share one CPU.
    pub fn one_cpu(&self) -> bool {
        let alone = self.usable().all(|record| record.cpus.len() == 1);
        self.case.placement == Placement::SameCpu || alone && self.usable().next().is_some()
    }

    /// Nanoseconds for one round trip, message, wake-up, set-up or acquisition; less is better.
    pub fn cost_ns(&self) -> Option<f64> {
        let value = self.summary.typical?.value;
        Some(self.summary.main.map_or(value, |main| main.cost_ns(value)))
    }

    /// Label of the floor or reference measured beside it, and its nanoseconds in the case's unit, median over
    /// repetitions.
    pub fn floor(&self) -> Option<(String, f64)> {
        let floors: Vec<_> = self.usable().filter_map(|record| record.outcome.floor.as_ref()).collect();
        let label = floors.first()?.label();
        Some((label, median(floors.iter().map(|floor| floor.ns))?))
    }
}

/// Whole recording, grouped.
#[derive(Debug)]
pub struct Study<'a> {
    /// Cases in order of series, measure, placement and size.
    pub cases: Vec<CaseStudy<'a>>,
    /// Series in order; their index identifies them on the page.
    pub series: Vec<Series>,
    /// Machines of the records, with the last measured floors.
    pub machines: Vec<&'a Machine>,
    /// Placement of most timed cases, shown first.
    pub placement: Option<Placement>,
    /// Placements at which the CPUs moved, and the distance that the report uses.
    pub moved: Vec<Moved>,
    /// Place of the sentinel among the cases.
    sentinel: Option<usize>,
}

impl<'a> Study<'a> {
    /// Groups and summarises a recording.
    pub fn of(recording: &'a Recording) -> Self {
        let records = &recording.records;
        let distances = Distances::of(records);
        let cases = group(records, &distances);
        let of_cases = cases.iter().flat_map(|case| [case.series.clone(), case.series.usual()]);
        let mut series: Vec<Series> = of_cases.collect();
        series.sort();
        series.dedup();
        let placement = main_placement(&cases);
        let sentinel = sentinel(&cases);
        Self { placement, machines: machines(records), series, cases, moved: distances.moved, sentinel }
    }

    /// Measured cases of one measure and placement, in order of series and size, without families that have their own
    /// part of the page.
    pub fn all_measured(&self, measure: Measure, placement: Placement) -> impl Iterator<Item = &CaseStudy<'a>> {
        self.cases.iter().filter(move |study| {
            study.case.measure == measure
                && study.at(placement)
                && study.summary.typical.is_some()
                && !is_apart(&study.case.family)
        })
    }

    /// Cases of [`Self::all_measured`] that are [`CaseStudy::plain`]; most charts show only these.
    pub fn measured(&self, measure: Measure, placement: Placement) -> impl Iterator<Item = &CaseStudy<'a>> {
        self.all_measured(measure, placement).filter(|study| study.plain() && !self.only_for_drift(study))
    }

    /// True for a sentinel without any other plain case of its measure, which shows drift only.
    pub fn only_for_drift(&self, case: &CaseStudy<'a>) -> bool {
        let rival =
            |other: &CaseStudy<'_>| other.key != case.key && other.case.measure == case.case.measure && other.plain();
        self.sentinel().is_some_and(|sentinel| sentinel.key == case.key) && !timed(&self.cases).any(rival)
    }

    /// Placements of timed cases, the main one first.
    pub fn placements(&self) -> Vec<Placement> {
        let mut placements: Vec<Placement> = Placement::ALL
            .iter()
            .copied()
            .filter(|&placement| timed(&self.cases).any(|study| study.case.placement == placement))
            .collect();
        placements.sort_by_key(|&placement| Some(placement) != self.placement);
        placements
    }

    /// Measured sizes of `measure` at `placement`, ascending.
    pub fn sizes(&self, measure: Measure, placement: Placement) -> Vec<u64> {
        let mut sizes: Vec<u64> = self.measured(measure, placement).map(CaseStudy::bytes).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// Size with the most variants; the smallest on ties.
    pub fn common_size(&self, measure: Measure, placement: Placement) -> Option<u64> {
        let at = |size: u64| self.measured(measure, placement).filter(|case| case.bytes() == size).count();
        // On ties `max_by_key` takes the last.
        self.sizes(measure, placement).into_iter().rev().max_by_key(|&size| at(size))
    }

    /// Index of a series on the page.
    pub fn index(&self, series: &Series) -> usize {
        self.series.iter().position(|known| known == series).unwrap_or(self.series.len())
    }

    /// Sentinel that shows drift: the only case with the most repetitions, without those added for a wide interval.
    pub fn sentinel(&self) -> Option<&CaseStudy<'a>> {
        self.cases.get(self.sentinel?)
    }

    /// CPUs available to the trials, if all ran on one machine.
    pub fn cpus(&self) -> Option<u32> {
        let [machine] = self.machines.as_slice() else { return None };
        u32::try_from(machine.facts.cpus_allowed.len()).ok()
    }

    /// Position between the last of `numbers` with a CPU for each role and the first without; `None` if all lie on one
    /// side or several machines took part.
    pub fn cpu_limit(&self, numbers: &[u64], roles: impl Fn(u64) -> u64) -> Option<f64> {
        let cpus = u64::from(self.cpus()?);
        let (fitting, crowded): (Vec<u64>, Vec<u64>) = numbers.iter().partition(|&&number| roles(number) <= cpus);
        Some((*fitting.iter().max()? as f64 * *crowded.iter().min()? as f64).sqrt())
    }

    /// Floors of the machine, if there is exactly one.
    pub fn floors(&self) -> Option<&'a Floors> {
        sole_floors(&self.machines)
    }
}

/// Summarises every case of `records` except the floors, in order of mechanism, measure, placement and size.
pub fn summarise(records: &[Record]) -> Vec<CaseSummary> {
    group(records, &Distances::of(records)).into_iter().map(|study| study.summary).collect()
}

/// Groups `records` by case except the floors, in order of series, measure, placement and size, with the CPU distances of
/// their trials.
pub fn group<'a>(records: &'a [Record], distances: &Distances) -> Vec<CaseStudy<'a>> {
    let known = Known::of(records);
    let machines = machines(records);
    let floors = sole_floors(&machines);
    let mut groups: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.case.measure != Measure::Floors) {
        groups.entry(&record.case_key).or_default().push(record);
    }
    let mut cases: Vec<CaseStudy<'_>> = groups
        .into_iter()
        .map(|(key, records)| {
            let case = &records[0].case;
            let series = known.series(case);
            let main = main_distance(&records, distances);
            let (here, elsewhere) = by_distance(&records, distances, main);
            let summary = match main {
                Some(main) => CaseSummary::at(main, &series, &here, &elsewhere, floors),
                None => CaseSummary::of(&series, &here, floors),
            };
            CaseStudy { case, key, series, records: here, elsewhere, summary, cpu_ns: OnceLock::new() }
        })
        .collect();
    cases.sort_by(|a, b| {
        let order = |c: &CaseStudy<'_>| (c.series.clone(), c.case.measure, c.case.placement, c.bytes());
        order(a).cmp(&order(b))
    });
    cases
}

/// Distance of the report for a timed case whose CPUs moved.
fn main_distance(records: &[&Record], distances: &Distances) -> Option<Distance> {
    let case = &records[0].case;
    let moved = distances.at(case.placement).filter(|_| case.main_metric().is_some())?;
    records.iter().any(|record| distances.place(record) != Place::Unmoved).then_some(moved.main)
}

/// Usable records by CPU distance: those at the distance of the report with all that failed or were skipped, and the
/// others.
fn by_distance<'a>(
    records: &[&'a Record],
    distances: &Distances,
    main: Option<Distance>,
) -> (Vec<&'a Record>, AtDistances<'a>) {
    let Some(main) = main else { return (records.to_vec(), Vec::new()) };
    let mut elsewhere: AtDistances<'_> = Vec::new();
    let mut here = Vec::new();
    for &record in records {
        let distance = match distances.place(record) {
            Place::At(distance) if distance != main && is_usable(record) => Some(distance),
            Place::Unknown if is_usable(record) => None,
            _ => {
                here.push(record);
                continue;
            }
        };
        match elsewhere.iter_mut().find(|(known, _)| *known == distance) {
            Some((_, records)) => records.push(record),
            None => elsewhere.push((distance, vec![record])),
        }
    }
    elsewhere.sort_by_key(|(distance, _)| distance.map_or(usize::MAX, |distance| distance.rank));
    (here, elsewhere)
}

fn sentinel(cases: &[CaseStudy<'_>]) -> Option<usize> {
    let repetitions = |case: &CaseStudy<'_>| case.usable_anywhere().filter(|record| !record.added).count();
    let counts: Vec<(&str, usize)> = timed(cases).map(|case| (case.key, repetitions(case))).collect();
    let &(key, most) = counts.iter().max_by_key(|(_, count)| *count)?;
    let alone = counts.iter().filter(|(_, count)| *count == most).count() == 1;
    cases.iter().position(|case| case.key == key).filter(|_| alone && counts.len() > 1)
}

/// Timed cases with two endpoints; all timed cases if there are none.
fn timed<'s, 'a>(cases: &'s [CaseStudy<'a>]) -> impl Iterator<Item = &'s CaseStudy<'a>> {
    let measured = |study: &&CaseStudy<'_>| study.summary.typical.is_some();
    let crosses = |study: &CaseStudy<'_>| study.series.manner != Manner::Alone;
    let any = cases.iter().filter(measured).any(crosses);
    cases.iter().filter(measured).filter(move |study| !any || crosses(study))
}

/// Placement of most timed cases; families with their own part of the page count only if there are no others.
fn main_placement(cases: &[CaseStudy<'_>]) -> Option<Placement> {
    let among_others = timed(cases).any(|study| !is_apart(&study.case.family));
    let counts = |study: &&CaseStudy<'_>| !among_others || !is_apart(&study.case.family);
    let count = |placement| timed(cases).filter(counts).filter(|study| study.case.placement == placement).count();
    // On ties `max_by_key` takes the last; the reversal prefers the closer placement.
    Placement::ALL.iter().rev().copied().max_by_key(|&placement| count(placement)).filter(|&p| count(p) > 0)
}

fn machines(records: &[Record]) -> Vec<&Machine> {
    let all = Machines::of(records);
    let mut machines: Vec<&Machine> = Vec::new();
    // Records of one run have the same machine in memory.
    for records in records.chunk_by(|a, b| Arc::ptr_eq(&a.machine, &b.machine)) {
        let machine = &*records[0].machine;
        match machines.iter_mut().find(|known| pooled_by(&all, known) == pooled_by(&all, machine)) {
            // Early records of a run have no floors yet.
            Some(known) if machine.floors.is_some() => *known = machine,
            Some(_) => {}
            None => machines.push(machine),
        }
    }
    machines
}

fn sole_floors<'a>(machines: &[&'a Machine]) -> Option<&'a Floors> {
    match machines {
        [machine] => machine.floors.as_ref(),
        _ => None,
    }
}
