//! All records of one run or several, grouped by case, with everything a chart or a table asks of them.

use std::collections::BTreeMap;

use ipcmark_record::{Case, CostModel, Floors, Machine, Measure, Placement, Record, Verdict};

use super::crowd::Crowd;
use super::distribution::Distribution;
use super::families::is_apart;
use super::series::{Known, Manner, Series};
use super::statistics::median;
use super::summary::CaseSummary;
use super::trials;
use crate::read::Recording;

/// One case and its repetitions.
#[derive(Clone, Debug)]
pub struct CaseStudy<'a> {
    /// What was asked.
    pub case: &'a Case,
    /// As recorded.
    pub key: &'a str,
    /// The line and row it belongs to.
    pub series: Series,
    /// Every repetition: measured, failed, skipped.
    pub records: Vec<&'a Record>,
    /// What it came to.
    pub summary: CaseSummary,
}

impl<'a> CaseStudy<'a> {
    /// Payload of one message; 0 where the case has none.
    pub fn bytes(&self) -> u64 {
        self.case.params.message_bytes.unwrap_or(0)
    }

    /// One sender, one receiver, nothing beside them, every byte touched, the usual depth.
    pub fn plain(&self) -> bool {
        Crowd::of(self.case).plain() && self.series.is_usual()
    }

    /// Whether it belongs to this placement: one that stays in one thread belongs to all, as a reference.
    pub fn at(&self, placement: Placement) -> bool {
        self.case.placement == placement || self.series.manner == Manner::Alone
    }

    /// True for a case whose number answers its question: a lock that loses updates did not do the work.
    pub fn is_sound(&self) -> bool {
        self.summary.verdict != Some(Verdict::Caught)
    }

    /// The repetitions whose numbers count.
    pub fn usable(&self) -> impl Iterator<Item = &'a Record> + use<'a, '_> {
        trials::usable(&self.records)
    }

    /// All latencies of the usable repetitions.
    pub fn distribution(&self) -> Option<Distribution> {
        trials::distribution(&self.records)
    }

    /// What the mechanism declares one message to cost.
    pub fn cost_model(&self) -> Option<&'a CostModel> {
        self.records.iter().find_map(|record| record.outcome.cost_model.as_ref())
    }

    /// True when all roles share one CPU, so that nothing moves between cores and the sides take turns.
    pub fn one_cpu(&self) -> bool {
        let alone = self.usable().all(|record| record.cpus.len() == 1);
        self.case.placement == Placement::SameCpu || alone && self.usable().next().is_some()
    }

    /// Nanoseconds for one round trip, message, wake-up, set-up or acquisition: less is better in every measure.
    pub fn cost_ns(&self) -> Option<f64> {
        let value = self.summary.typical?.value;
        Some(self.summary.main.map_or(value, |main| main.cost_ns(value)))
    }

    /// The floor that ran next to it, median over repetitions: its name and nanoseconds in the case's unit.
    pub fn floor(&self) -> Option<(&'a str, f64)> {
        let floors: Vec<_> = self.usable().filter_map(|record| record.outcome.floor.as_ref()).collect();
        let name = floors.first()?.name.as_str();
        Some((name, median(floors.iter().map(|floor| floor.ns))?))
    }
}

/// The whole recording, taken apart.
#[derive(Debug)]
pub struct Study<'a> {
    /// Cases in order of series, measure, placement and size.
    pub cases: Vec<CaseStudy<'a>>,
    /// Every line of a chart, in order; their index is their identity on the page.
    pub series: Vec<Series>,
    /// Each machine the records name, with the floors last measured on it.
    pub machines: Vec<&'a Machine>,
    /// The placement that most timed cases share: the one charts show first.
    pub placement: Option<Placement>,
}

impl<'a> Study<'a> {
    /// Groups and summarises.
    pub fn of(recording: &'a Recording) -> Self {
        let records = &recording.records;
        let cases = group(records);
        let of_cases = cases.iter().flat_map(|case| [case.series.clone(), case.series.usual()]);
        let mut series: Vec<Series> = of_cases.collect();
        series.sort();
        series.dedup();
        Self { placement: main_placement(&cases), machines: machines(records), series, cases }
    }

    /// Measured cases of one measure at one placement, in order of series and size, whatever sets them apart; but for
    /// those of families that have a part of the page to themselves.
    pub fn all_measured(&self, measure: Measure, placement: Placement) -> impl Iterator<Item = &CaseStudy<'a>> {
        self.cases.iter().filter(move |study| {
            study.case.measure == measure
                && study.at(placement)
                && study.summary.typical.is_some()
                && !is_apart(&study.case.family)
        })
    }

    /// The plain ones among them: one sender and one receiver with nothing beside them, every byte touched, the usual
    /// depth. All charts but those about these very choices show these.
    pub fn measured(&self, measure: Measure, placement: Placement) -> impl Iterator<Item = &CaseStudy<'a>> {
        self.all_measured(measure, placement).filter(|study| study.plain() && !self.only_for_drift(study))
    }

    /// True for the sentinel of a plan that asks nothing else of its measure: it is there to show drift, and is no answer.
    pub fn only_for_drift(&self, case: &CaseStudy<'a>) -> bool {
        let rival =
            |other: &CaseStudy<'_>| other.key != case.key && other.case.measure == case.case.measure && other.plain();
        self.sentinel().is_some_and(|sentinel| sentinel.key == case.key) && !timed(&self.cases).any(rival)
    }

    /// Placements at which anything was timed, the main one first.
    pub fn placements(&self) -> Vec<Placement> {
        let mut placements: Vec<Placement> = Placement::ALL
            .iter()
            .copied()
            .filter(|&placement| timed(&self.cases).any(|study| study.case.placement == placement))
            .collect();
        placements.sort_by_key(|&placement| Some(placement) != self.placement);
        placements
    }

    /// Sizes at which `measure` has numbers at `placement`, smallest first.
    pub fn sizes(&self, measure: Measure, placement: Placement) -> Vec<u64> {
        let mut sizes: Vec<u64> = self.measured(measure, placement).map(CaseStudy::bytes).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// The size at which most variants can be compared, the smallest of equals: some carry no bytes at all, and some
    /// no large messages.
    pub fn common_size(&self, measure: Measure, placement: Placement) -> Option<u64> {
        let at = |size: u64| self.measured(measure, placement).filter(|case| case.bytes() == size).count();
        // Of equals `max_by_key` takes the last.
        self.sizes(measure, placement).into_iter().rev().max_by_key(|&size| at(size))
    }

    /// The number by which the page knows a series.
    pub fn index(&self, series: &Series) -> usize {
        self.series.iter().position(|known| known == series).unwrap_or(self.series.len())
    }

    /// The case that was run again and again to show drift: the one with more repetitions than any other.
    pub fn sentinel(&self) -> Option<&CaseStudy<'a>> {
        let repetitions = |case: &&CaseStudy<'_>| case.summary.repetitions.measured;
        let most = timed(&self.cases).max_by_key(repetitions)?;
        let alone = timed(&self.cases).filter(|case| repetitions(case) == repetitions(&most)).count() == 1;
        (alone && timed(&self.cases).count() > 1).then_some(most)
    }

    /// CPUs that the trials could use, where all of them ran on one machine.
    pub fn cpus(&self) -> Option<u32> {
        let [machine] = self.machines.as_slice() else { return None };
        u32::try_from(machine.facts.cpus_allowed.len()).ok()
    }

    /// Between the last of `numbers` whose roles have a CPU each and the first whose roles do not; `None` where all of
    /// them lie on one side, or the trials ran on several machines.
    pub fn cpu_limit(&self, numbers: &[u64], roles: impl Fn(u64) -> u64) -> Option<f64> {
        let cpus = u64::from(self.cpus()?);
        let (fitting, crowded): (Vec<u64>, Vec<u64>) = numbers.iter().partition(|&&number| roles(number) <= cpus);
        Some((*fitting.iter().max()? as f64 * *crowded.iter().min()? as f64).sqrt())
    }

    /// The floors of the machine, when there is exactly one machine and it has any.
    pub fn floors(&self) -> Option<&'a Floors> {
        sole_floors(&self.machines)
    }
}

/// Summarises every case of `records` but the floors, in order of mechanism, measure, placement and size.
pub fn summarise(records: &[Record]) -> Vec<CaseSummary> {
    group(records).into_iter().map(|study| study.summary).collect()
}

/// Every case of `records` but the floors, in order of series, measure, placement and size.
pub fn group(records: &[Record]) -> Vec<CaseStudy<'_>> {
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
            let summary = CaseSummary::of(&series, &records, floors);
            CaseStudy { case, key, series, records, summary }
        })
        .collect();
    cases.sort_by(|a, b| {
        let order = |c: &CaseStudy<'_>| (c.series.clone(), c.case.measure, c.case.placement, c.bytes());
        order(a).cmp(&order(b))
    });
    cases
}

/// Timed cases that cross from one side to another, or all timed ones when no such case was measured.
fn timed<'s, 'a>(cases: &'s [CaseStudy<'a>]) -> impl Iterator<Item = &'s CaseStudy<'a>> {
    let measured = |study: &&CaseStudy<'_>| study.summary.typical.is_some();
    let crosses = |study: &CaseStudy<'_>| study.series.manner != Manner::Alone;
    let any = cases.iter().filter(measured).any(crosses);
    cases.iter().filter(measured).filter(move |study| !any || crosses(study))
}

/// Families that have a part of the page to themselves choose their own, where there are others.
fn main_placement(cases: &[CaseStudy<'_>]) -> Option<Placement> {
    let among_others = timed(cases).any(|study| !is_apart(&study.case.family));
    let counts = |study: &&CaseStudy<'_>| !among_others || !is_apart(&study.case.family);
    let count = |placement| timed(cases).filter(counts).filter(|study| study.case.placement == placement).count();
    // Of equals, the last of `max_by_key` wins: reversed, so that the closer placement comes first.
    Placement::ALL.iter().rev().copied().max_by_key(|&placement| count(placement)).filter(|&p| count(p) > 0)
}

fn machines(records: &[Record]) -> Vec<&Machine> {
    let mut machines: Vec<&Machine> = Vec::new();
    for machine in records.iter().map(|record| &record.machine) {
        let identity = |m: &Machine| (m.facts.hostname.clone(), m.facts.cpu_model.clone(), m.facts.kernel.clone());
        match machines.iter_mut().find(|known| identity(known) == identity(machine)) {
            // Early records of a run were written before its floors were known.
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
