//! Comparison of arms, such as two machines, kernels or builds, with one or several runs each.
//!
//! An arm is a set of runs. Each other arm is compared with the first, the base, case by case: time for one round trip or
//! message, as a ratio. What differs between two runs of one machine is what a verdict is up against:
//!
//! - With two runs or more on both sides, runs are the sample and the interval includes the spread between them; see
//!   [`crate::analyse::between`]. If an arm holds several machines, machines are the sample. A case is called slower or faster only if it is
//!   found by the rule of Benjamini and Hochberg among all cases compared, so that one call in twenty is false.
//! - With one run on a side, the interval knows only the spread of its repetitions. A case is called slower or faster only
//!   if the whole interval lies beyond [`DRIFT`], and at least five repetitions on each side count.
//!
//! Disturbed trials are left out. On one machine the repetitions are compared at one distance of the CPUs. If nothing known
//! of the machine differs, the ratio to the floor beside each trial is used at the placements where it varies less, so that
//! drift of the clock frequency cancels out.

mod cause;
mod collect;
mod facets;
mod gate;
mod name;
mod text;

use std::collections::{BTreeMap, HashMap};

use ipcmark_record::{Case, Placement, Record};

pub use self::cause::{FloorRow, differing as floors_differing};
pub use self::collect::Collector;
use self::collect::{InRun, Standing, Trial, median_log};
pub use self::facets::FactRow;
pub(crate) use self::gate::Findings;
pub use self::gate::{Gate, Verdict as GateVerdict};
use self::name::names;
pub(crate) use self::text::size;
use crate::analyse::between::{ALPHA, Difference, Side, Usual, found, mean, variance};
pub use crate::analyse::between::{DRIFT, MOST_RUNS};
use crate::analyse::collapse::collapse;
use crate::analyse::core_to_core::Map;
use crate::analyse::cross_check::EQUAL;
use crate::analyse::distance::Distance;
use crate::analyse::statistics::{Estimate, Interval, RepetitionValue, Repetitions, Within, median};
use crate::analyse::verdict::{REPETITIONS_FOR_A_VERDICT, at_most_two};
use crate::format;
use crate::read::Recording;

/// Result of a comparison.
#[derive(Debug)]
pub struct Comparison {
    /// Arms; the first is the base.
    pub arms: Vec<Arm>,
    /// Cases measured in any arm, in order of key.
    pub cases: Vec<ComparedCase>,
    /// What is known of suite and machine.
    pub facts: Vec<FactRow>,
    /// Floors of the machines.
    pub floors: Vec<FloorRow>,
    /// Prices that differ, one sentence each.
    pub prices: Vec<String>,
    /// Map of round trips between CPUs of each arm, empty without a recording of one.
    pub(crate) maps: Vec<Map>,
}

/// Arm of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    /// Name.
    pub name: String,
    /// Machines of its runs.
    pub machines: Vec<String>,
    /// Number of runs.
    pub runs: usize,
    /// Number of records.
    pub records: usize,
}

/// Case measured in at least one arm.
#[derive(Clone, Debug)]
pub struct ComparedCase {
    /// Recorded case key, in the base if it has the case.
    pub case_key: String,
    /// Parameters.
    pub case: Case,
    /// Short name, unique in the comparison.
    pub name: String,
    /// Result of each arm; `None` without numbers.
    pub sides: Vec<Option<Typical>>,
    /// Comparison of each arm but the base with it, in order.
    pub against: Vec<Against>,
}

/// Result of a case in one arm.
#[derive(Clone, Debug, PartialEq)]
pub struct Typical {
    /// Main metric: geometric mean over runs of the median over repetitions.
    pub value: f64,
    /// The same as nanoseconds for one unit of work.
    pub cost_ns: f64,
    /// 99th percentile of an open loop's latency: median over repetitions.
    pub p99_ns: Option<f64>,
    /// Floor beside it in nanoseconds, if it is a lower bound.
    pub floor_ns: Option<f64>,
    /// Runs with numbers that count.
    pub runs: usize,
    /// Repetitions that count.
    pub repetitions: usize,
    /// Disturbed repetitions, which were left out.
    pub disturbed: usize,
    /// Placement in this arm.
    pub placement: Placement,
    /// Distance of the CPUs, if they moved.
    pub distance: Option<Distance>,
}

/// Case of one arm compared with the base.
#[derive(Clone, Debug)]
pub struct Against {
    /// Number of the arm.
    pub arm: usize,
    /// Cost over that of the base, with its 95 % interval; `None` if a side has no numbers.
    pub ratio: Option<Estimate>,
    /// Conclusion.
    pub change: Change,
    /// Reason, if the conclusion needs one.
    pub why: String,
    /// Whether the costs were divided by the floors beside them.
    pub by_floor: bool,
    /// How the two arms took what the plan asked for, if they differ.
    pub met: Option<String>,
    /// What floors and cost model say about the change.
    pub because: Option<String>,
    /// What decides about a limit.
    evidence: Evidence,
}

impl Against {
    /// Reasons of the conclusion, and the cause of a change as far as floors explain it.
    pub fn reason(&self) -> String {
        let changed = matches!(self.change, Change::Slower | Change::Faster);
        let scale = "the ratio is that of the costs over the floors beside them".to_owned();
        let parts = [
            Some(self.why.clone()).filter(|why| !why.is_empty()),
            self.because.clone().filter(|_| changed),
            self.met.clone(),
            Some(scale).filter(|_| changed && self.by_floor),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// What decides about a limit.
#[derive(Clone, Copy, Debug)]
enum Evidence {
    /// Several runs on both sides.
    Runs { difference: Difference, runs: usize },
    /// One run on a side, and enough repetitions: both ends of the interval of the ratio.
    OneRun(Interval),
    /// Nothing.
    None,
}

/// Conclusion from a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Change {
    /// Numbers in the base; a failed trial or check in the arm.
    Broken,
    /// More time than in the base.
    Slower,
    /// Less time.
    Faster,
    /// Neither equality nor a difference is shown.
    CantTell,
    /// Numbers in the base only.
    OnlyBase,
    /// Numbers in the arm only.
    OnlyArm,
    /// The interval lies within 0.9 to 1.1.
    Equal,
}

impl Change {
    /// Every conclusion, in the order of tables.
    pub const ALL: [Self; 7] =
        [Self::Broken, Self::Slower, Self::Faster, Self::CantTell, Self::OnlyBase, Self::OnlyArm, Self::Equal];

    /// Name in tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Slower => "slower",
            Self::Faster => "faster",
            Self::CantTell => "can't tell",
            Self::OnlyBase => "only in the base",
            Self::OnlyArm => "not in the base",
            Self::Equal => "equal",
        }
    }
}

/// Compares two recordings, the first as the base.
pub fn compare(a: &Recording, b: &Recording) -> Comparison {
    of_two(("A", &a.records), ("B", &b.records)).finish()
}

/// Facts, floors and prices in which two recordings differ, one sentence each.
pub fn mismatches(a: &Recording, b: &Recording) -> Vec<String> {
    let mut collector = of_two(("A", &a.records), ("B", &b.records));
    collector.locate();
    collector.with(vec![]).differences()
}

/// Facts in which two named sets of records differ, one sentence each.
pub(crate) fn differing_facts<'a>(
    a: (&str, impl IntoIterator<Item = &'a Record>),
    b: (&str, impl IntoIterator<Item = &'a Record>),
) -> Vec<String> {
    let mut collector = of_two(a, b);
    collector.locate();
    collector.with(vec![]).facts_in_words().collect()
}

fn of_two<'a>(
    (a, of_a): (&str, impl IntoIterator<Item = &'a Record>),
    (b, of_b): (&str, impl IntoIterator<Item = &'a Record>),
) -> Collector {
    let mut collector = Collector::new();
    let arms = [collector.arm(a), collector.arm(b)];
    of_a.into_iter().for_each(|record| collector.add(arms[0], record));
    of_b.into_iter().for_each(|record| collector.add(arms[1], record));
    collector
}

impl Collector {
    /// Compares each arm with the first.
    pub fn finish(mut self) -> Comparison {
        self.locate();
        let data = Data::of(&self);
        let mut rows: Vec<Row> = Vec::new();
        let mut row_of: HashMap<usize, usize> = HashMap::new();
        for case in (0..self.of_case.len()).filter(|&case| data.measured(0, case)) {
            row_of.insert(case, rows.len());
            rows.push(Row { case, partners: vec![None; self.arms.len()] });
        }
        for arm in 1..self.arms.len() {
            let taken: Vec<usize> = rows
                .iter_mut()
                .filter_map(|row| {
                    row.partners[arm] = data.partner(row.case, arm);
                    row.partners[arm]
                })
                .collect();
            for case in (0..self.of_case.len()).filter(|&case| data.measured(arm, case) && !taken.contains(&case)) {
                let row = *row_of.entry(case).or_insert_with(|| {
                    rows.push(Row { case, partners: vec![None; self.arms.len()] });
                    rows.len() - 1
                });
                rows[row].partners[arm] = Some(case);
            }
        }
        rows.sort_by(|a, b| self.of_case[a.case].key.cmp(&self.of_case[b.case].key));
        let names =
            names(rows.iter().map(|row| &self.of_case[row.case]).map(|known| (&known.case, known.key.as_str())));
        let mut cases: Vec<ComparedCase> = rows.iter().zip(names).map(|(row, name)| data.compared(row, name)).collect();
        for arm in 1..self.arms.len() {
            data.judge(arm, &rows, &mut cases);
        }
        settle(&mut cases);
        self.with(cases)
    }

    /// Comparison of these cases, with what is known beside them.
    fn with(&self, cases: Vec<ComparedCase>) -> Comparison {
        Comparison {
            arms: self.known_arms(),
            facts: facets::facts(self),
            floors: cause::floors(self.arms.len(), self.of_run.iter()),
            prices: facets::prices(self),
            maps: self.maps.clone(),
            cases,
        }
    }

    fn known_arms(&self) -> Vec<Arm> {
        let arm = |(number, arm): (usize, &collect::ArmData)| {
            let mut machines: Vec<usize> = self.runs(number).map(|run| run.machine).collect();
            let runs = machines.len();
            machines.sort_unstable();
            machines.dedup();
            let machines = machines.into_iter().map(|machine| self.machine(machine)).collect();
            Arm { name: arm.name.clone(), machines, runs, records: arm.records }
        };
        self.arms.iter().enumerate().map(arm).collect()
    }
}

/// Case of the base, or of an arm only, with the case that meets it in each arm.
struct Row {
    case: usize,
    partners: Vec<Option<usize>>,
}

/// Runs first, since they are the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Amount {
    runs: usize,
    repetitions: usize,
}

/// Logarithms of the costs of a side, by run or machine.
type Samples = Vec<Vec<f64>>;

/// Both sides of a pair as samples, in one of the two scales.
struct Sampled {
    row: usize,
    placement: Placement,
    costs: [Samples; 2],
    by_floor: Option<[Samples; 2]>,
}

struct Data<'a> {
    from: &'a Collector,
    by_case: Vec<Vec<Vec<InRun<'a>>>>,
    numbers: HashMap<&'a str, usize>,
    /// Placement of the nearest two CPUs of each arm, where all its machines agree.
    nearest: Vec<Option<Placement>>,
}

impl<'a> Data<'a> {
    fn of(from: &'a Collector) -> Self {
        let nearest = |arm: usize| {
            let mut known = from.runs(arm).filter_map(|run| Some(run.floors.as_ref()?.placement));
            let first = known.next()?;
            known.all(|other| other == first).then_some(first)
        };
        Self {
            by_case: from.by_case(),
            numbers: from.of_case.iter().enumerate().map(|(number, case)| (case.key.as_str(), number)).collect(),
            nearest: (0..from.arms.len()).map(nearest).collect(),
            from,
        }
    }

    fn trials(&self, arm: usize, case: usize) -> impl Iterator<Item = &'a Trial> {
        self.by_case[arm][case].iter().flat_map(|(_, trials)| trials.iter().copied())
    }

    /// Whether the arm has numbers of the case that are no error.
    fn measured(&self, arm: usize, case: usize) -> bool {
        self.trials(arm, case).any(|trial| trial.cost_ns.is_some()) && !self.broken(arm, case)
    }

    fn broken(&self, arm: usize, case: usize) -> bool {
        self.trials(arm, case).any(|trial| trial.standing == Standing::Broken)
    }

    /// Case of an arm that meets a case of the base: the same key, or the same question about the nearest two CPUs, which
    /// may be another placement there.
    fn partner(&self, case: usize, arm: usize) -> Option<usize> {
        if self.trials(arm, case).next().is_some() {
            return Some(case);
        }
        let asked = &self.from.of_case[case].case;
        let nearest = self.nearest[arm].filter(|_| self.nearest[0] == Some(asked.placement))?;
        let key = Case { placement: nearest, ..asked.clone() }.key();
        let there = *self.numbers.get(key.as_str())?;
        self.trials(arm, there).next().map(|_| there)
    }

    /// The sole machine of an arm.
    fn sole_machine(&self, arm: usize) -> Option<usize> {
        let mut machines = self.from.runs(arm).map(|run| run.machine);
        let first = machines.next()?;
        machines.all(|machine| machine == first).then_some(first)
    }

    /// Whether both arms are one machine.
    fn one_machine(&self, arm: usize) -> bool {
        self.sole_machine(0).is_some_and(|machine| self.sole_machine(arm) == Some(machine))
    }

    /// The row with its results, and without conclusions.
    fn compared(&self, row: &Row, name: String) -> ComparedCase {
        let known = &self.from.of_case[row.case];
        let case_of = |arm: usize| if arm == 0 { Some(row.case) } else { row.partners[arm] };
        let side = |arm: usize| {
            let case = case_of(arm).filter(|&case| self.measured(arm, case))?;
            self.typical(arm, case, |_| true)
        };
        let against = |arm: usize| Against {
            arm,
            ratio: None,
            change: Change::CantTell,
            why: String::new(),
            by_floor: false,
            because: None,
            met: row.partners[arm].filter(|&there| there != row.case).map(|there| self.met(row.case, there, arm)),
            evidence: Evidence::None,
        };
        ComparedCase {
            case_key: known.key.clone(),
            case: known.case.clone(),
            name,
            sides: (0..self.from.arms.len()).map(side).collect(),
            against: (1..self.from.arms.len()).map(against).collect(),
        }
    }

    fn met(&self, base: usize, there: usize, arm: usize) -> String {
        let placement = |case: usize| self.from.of_case[case].case.placement;
        let [first, second] = [&self.from.arms[0].name, &self.from.arms[arm].name];
        format!("the nearest two CPUs are {} in {first}, {} in {second}", placement(base), placement(there))
    }

    /// Result of the trials of a case that `kept` accepts.
    fn typical(&self, arm: usize, case: usize, kept: impl Fn(&Trial) -> bool) -> Option<Typical> {
        let main = self.from.of_case[case].case.main_metric()?;
        let counting = |trials: &[&'a Trial]| -> Vec<&'a Trial> {
            trials.iter().copied().filter(|trial| trial.standing.counts() && !trial.lost && kept(trial)).collect()
        };
        let runs: Vec<Vec<&Trial>> = self.by_case[arm][case].iter().map(|(_, trials)| counting(trials)).collect();
        let of_run = |run: &Vec<&Trial>| median_log(run.iter().filter_map(|trial| trial.cost_ns));
        let logs: Vec<f64> = runs.iter().filter_map(of_run).collect();
        let cost_ns = mean(&logs)?.exp();
        let all = || runs.iter().flatten();
        Some(Typical {
            // A rate and a cost are each other's inverse.
            value: if main.is_rate() { 1e9 / cost_ns } else { cost_ns },
            cost_ns,
            p99_ns: median(all().filter_map(|trial| trial.p99_ns)),
            floor_ns: median(all().filter_map(|trial| trial.floor_ns)),
            runs: runs.iter().filter(|run| !run.is_empty()).count(),
            repetitions: all().count(),
            disturbed: self.trials(arm, case).filter(|trial| trial.standing == Standing::Disturbed).count(),
            placement: self.from.of_case[case].case.placement,
            distance: all().next().and_then(|trial| trial.distance),
        })
    }

    /// Draws the conclusions about an arm.
    fn judge(&self, arm: usize, rows: &[Row], cases: &mut [ComparedCase]) {
        let mut sampled: Vec<Sampled> = Vec::new();
        for (index, (row, case)) in rows.iter().zip(cases.iter_mut()).enumerate() {
            match self.pair(arm, row, case) {
                Ok(both) => {
                    case.against[arm - 1].because = self.because(row, arm, &both);
                    sampled.push(self.sample(index, row, arm, &both));
                }
                Err((change, why)) => {
                    let against = &mut case.against[arm - 1];
                    (against.change, against.why) = (change, why);
                }
            }
        }
        let floors = if self.one_machine(arm) && facets::alike(self.from, arm) {
            placements_by_floor(&sampled)
        } else {
            Vec::new()
        };
        let sides: Vec<(&Sampled, bool, [Side; 2])> = sampled
            .iter()
            .map(|one| {
                let samples = one.by_floor.as_ref().filter(|_| floors.contains(&one.placement));
                let both = samples.unwrap_or(&one.costs);
                let side = |at: usize| Side::of(both[at].iter().map(Vec::as_slice));
                (one, samples.is_some(), [side(0), side(1)])
            })
            .collect();
        let usual = usual(&sides);
        for (one, by_floor, [first, second]) in &sides {
            let against = &mut cases[one.row].against[arm - 1];
            against.by_floor = *by_floor;
            let all = Usual::default();
            let usual = *usual.get(&Some(one.placement)).or_else(|| usual.get(&None)).unwrap_or(&all);
            let samples = if *by_floor { one.by_floor.as_ref().unwrap_or(&one.costs) } else { &one.costs };
            (against.ratio, against.evidence) = weigh(samples, [first, second], usual);
            against.change = Change::CantTell;
        }
    }

    /// Trials of both sides that can be compared, or the conclusion without them.
    fn pair(&self, arm: usize, row: &Row, case: &mut ComparedCase) -> Result<[Vec<InRun<'a>>; 2], (Change, String)> {
        let there = row.partners[arm];
        let in_base = self.measured(0, row.case);
        let in_arm = there.is_some_and(|there| self.measured(arm, there));
        let why = |arm: usize, case: Option<usize>| {
            let recorded = case.into_iter().flat_map(|case| self.trials(arm, case));
            let reasons = at_most_two(recorded.filter_map(|trial| self.from.why(trial)));
            if reasons.is_empty() { format!("{} has no such case", self.from.arms[arm].name) } else { reasons }
        };
        match (in_base, in_arm) {
            (true, false) if there.is_some_and(|there| self.broken(arm, there)) => {
                return Err((Change::Broken, why(arm, there)));
            }
            (true, false) => return Err((Change::OnlyBase, why(arm, there))),
            (false, true) => return Err((Change::OnlyArm, why(0, Some(row.case)))),
            (false, false) => return Err((Change::CantTell, "neither has numbers".into())),
            (true, true) => {}
        }
        let there = there.unwrap_or(row.case);
        let standing =
            |arm: usize, case: usize, wanted: Standing| self.trials(arm, case).any(|trial| trial.standing == wanted);
        let cant = |why: String| Err((Change::CantTell, why));
        if standing(0, row.case, Standing::Caught) || standing(arm, there, Standing::Caught) {
            return cant("updates were lost without a lock, so the rate has no meaning".into());
        }
        let [first, second] = [&self.from.arms[0].name, &self.from.arms[arm].name];
        let overloaded = [standing(0, row.case, Standing::Overloaded), standing(arm, there, Standing::Overloaded)];
        if overloaded == [true, true] {
            // Latency under overload grows with the length of the trial, so it is no property of the mechanism.
            return cant("overloaded in both: the offered rate was not reached".into());
        }
        case.against[arm - 1].why = match overloaded {
            [false, true] => format!("{second} no longer keeps up with the offered rate"),
            [true, false] => format!("{first} did not keep up with the offered rate"),
            _ => String::new(),
        };
        let at = |arm: usize, case: usize, distance: Option<Distance>| -> Vec<InRun<'a>> {
            let kept = |trial: &&Trial| trial.standing.counts() && !trial.lost && trial.distance == distance;
            let runs = self.by_case[arm][case].iter();
            let runs = runs.map(|(run, trials)| (*run, trials.iter().copied().filter(kept).collect::<Vec<_>>()));
            runs.filter(|(_, trials)| !trials.is_empty()).collect()
        };
        let counts = [self.distances(0, row.case), self.distances(arm, there)];
        // Other placements have no distance in common.
        let chosen = if self.one_machine(arm) && row.case == there {
            let common = counts[0].iter().filter_map(|(distance, here)| {
                let (_, there) = counts[1].iter().find(|(other, _)| other == distance)?;
                let (runs, repetitions) = (here.runs.min(there.runs), here.repetitions.min(there.repetitions));
                Some((*distance, Amount { runs, repetitions }))
            });
            let Some((common, _)) = common.max_by_key(|(_, amount)| *amount) else {
                let [here, elsewhere] = [&counts[0], &counts[1]].map(|counts| distances_in_words(counts));
                return cant(match counts.iter().position(Vec::is_empty) {
                    Some(empty) => format!("all repetitions of {} were disturbed", [first, second][empty]),
                    None => format!("the CPUs were {here} in {first} and {elsewhere} in {second}"),
                });
            };
            [common; 2]
        } else {
            [0, 1].map(|side| nearest_of(&counts[side]))
        };
        let both = [at(0, row.case, chosen[0]), at(arm, there, chosen[1])];
        for (side, (arm_of, case_of)) in [(0, row.case), (arm, there)].into_iter().enumerate() {
            case.sides[arm_of] = self.typical(arm_of, case_of, |trial| trial.distance == chosen[side]);
        }
        for (runs, name) in both.iter().zip([first, second]) {
            let trials = || runs.iter().flat_map(|(_, trials)| trials);
            if trials().next().is_none() {
                return cant(format!("all repetitions of {name} were disturbed"));
            }
            let costs: Vec<f64> = trials().filter_map(|trial| trial.cost_ns).collect();
            let floors: Vec<f64> = trials().filter_map(|trial| trial.floor_ns).collect();
            if let Some(found) = collapse(&costs, &floors) {
                return cant(format!(
                    "unstable: {} of {} repetitions of {name} took at least {} times as long as the others",
                    found.collapsed, found.repetitions, found.times as u64
                ));
            }
        }
        Ok(both)
    }

    /// Cause of a difference, from the floors of both sides.
    fn because(&self, row: &Row, arm: usize, both: &[Vec<InRun<'a>>; 2]) -> Option<String> {
        let runs = &self.from.of_run;
        let there = row.partners[arm].unwrap_or(row.case);
        let before = cause::priced(&self.from.of_case[row.case], &both[0], runs)?;
        let after = cause::priced(&self.from.of_case[there], &both[1], runs)?;
        let cost_ns = |runs: &[InRun<'_>]| {
            let logs =
                runs.iter().filter_map(|(_, trials)| median_log(trials.iter().filter_map(|trial| trial.cost_ns)));
            mean(&logs.collect::<Vec<_>>()).map(f64::exp)
        };
        let measured_ns = [cost_ns(&both[0])?, cost_ns(&both[1])?];
        cause::explain([&before, &after], measured_ns, &self.from.arms[0].name)
    }

    /// Runs and repetitions of a case that count, by distance.
    fn distances(&self, arm: usize, case: usize) -> Vec<(Option<Distance>, Amount)> {
        let mut counted: Vec<(Option<Distance>, Amount)> = Vec::new();
        for (_, trials) in &self.by_case[arm][case] {
            let mut in_run: Vec<(Option<Distance>, usize)> = Vec::new();
            for trial in trials.iter().filter(|trial| trial.standing.counts() && !trial.lost) {
                match in_run.iter_mut().find(|(known, _)| *known == trial.distance) {
                    Some((_, repetitions)) => *repetitions += 1,
                    None => in_run.push((trial.distance, 1)),
                }
            }
            for (distance, repetitions) in in_run {
                match counted.iter_mut().find(|(known, _)| *known == distance) {
                    Some((_, amount)) => {
                        *amount = Amount { runs: amount.runs + 1, repetitions: amount.repetitions + repetitions }
                    }
                    None => counted.push((distance, Amount { runs: 1, repetitions })),
                }
            }
        }
        counted.sort_by_key(|(distance, _)| distance.map(|distance| distance.rank));
        counted
    }

    fn sample(&self, index: usize, row: &Row, arm: usize, both: &[Vec<InRun<'a>>; 2]) -> Sampled {
        let placement = self.from.of_case[row.case].case.placement;
        let by_unit = |side: usize, value: &dyn Fn(&Trial) -> Option<f64>| -> Option<Samples> {
            let several = self.sole_machine([0, arm][side]).is_none();
            let mut units: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
            for (run, trials) in &both[side] {
                let unit = if several { self.from.of_run[*run].machine } else { *run };
                for trial in trials {
                    units.entry(unit).or_default().push(value(trial)?.ln());
                }
            }
            Some(units.into_values().collect())
        };
        let to_floor = |trial: &Trial| Some(trial.cost_ns? / trial.floor_ns?);
        let sample = |value: &dyn Fn(&Trial) -> Option<f64>| Some([by_unit(0, value)?, by_unit(1, value)?]);
        Sampled {
            row: index,
            placement,
            costs: sample(&|trial| trial.cost_ns).unwrap_or_default(),
            by_floor: sample(&to_floor),
        }
    }
}

/// Distance that a machine alone is known by: the nearest with enough repetitions, else the one with the most.
fn nearest_of(counts: &[(Option<Distance>, Amount)]) -> Option<Distance> {
    let enough = counts.iter().find(|(_, amount)| amount.repetitions >= REPETITIONS_FOR_A_VERDICT);
    enough.or_else(|| counts.iter().max_by_key(|(_, amount)| amount.repetitions)).and_then(|(distance, _)| *distance)
}

/// Known CPU distances: `near`, `near and far`.
fn distances_in_words(counts: &[(Option<Distance>, Amount)]) -> String {
    let words: Vec<String> = counts.iter().filter_map(|(distance, _)| Some(distance.as_ref()?.to_string())).collect();
    if words.is_empty() { "at an unknown distance".into() } else { words.join(" and ") }
}

/// Placements at which the ratio to the floor varies less than the cost, in most cases that have a floor.
fn placements_by_floor(sampled: &[Sampled]) -> Vec<Placement> {
    let spread = |both: &[Samples; 2]| -> f64 {
        let side = |samples: &Samples| variance(&samples.iter().flatten().copied().collect::<Vec<_>>());
        both.iter().map(side).sum()
    };
    let mut votes: BTreeMap<Placement, (usize, usize)> = BTreeMap::new();
    for one in sampled {
        let Some(by_floor) = &one.by_floor else { continue };
        let (steadier, all) = votes.entry(one.placement).or_default();
        *steadier += usize::from(spread(by_floor) < spread(&one.costs));
        *all += 1;
    }
    votes.into_iter().filter(|(_, (steadier, all))| 2 * steadier > *all).map(|(placement, _)| placement).collect()
}

/// Usual spread between runs by placement; `None` for all together, where one placement has too few cases.
fn usual(sides: &[(&Sampled, bool, [Side; 2])]) -> HashMap<Option<Placement>, Usual> {
    let mut placements: Vec<Option<Placement>> = sides.iter().map(|(one, _, _)| Some(one.placement)).collect();
    placements.sort_unstable();
    placements.dedup();
    placements.push(None);
    let learn = |placement: Option<Placement>| {
        let of = sides.iter().filter(|(one, _, _)| placement.is_none_or(|placement| one.placement == placement));
        let usual = Usual::of(of.map(|(_, _, [first, second])| (first, second)));
        (usual.freedom > 0.0).then_some((placement, usual))
    };
    placements.into_iter().filter_map(learn).collect()
}

/// Ratio of two sides with its interval, and what it can decide.
fn weigh(samples: &[Samples; 2], sides: [&Side; 2], usual: Usual) -> (Option<Estimate>, Evidence) {
    let all = |side: usize| samples[side].iter().flatten().map(|log| log.exp());
    if let Some(difference) = Difference::of(sides[0], sides[1], usual) {
        let half = difference.half_width(ALPHA);
        let interval = Interval { low: (difference.value - half).exp(), high: (difference.value + half).exp() };
        let repetitions = all(0).count().min(all(1).count());
        let ratio = Estimate { value: difference.value.exp(), interval: Some(interval), repetitions };
        let runs = sides[0].runs.len().min(sides[1].runs.len());
        return (Some(ratio), Evidence::Runs { difference, runs });
    }
    let repetitions = |side: usize| {
        let values = all(side).map(|value| RepetitionValue { value, windows: Vec::new() });
        Repetitions::new(ipcmark_record::Kind::Cost, Within::Total, values)
    };
    let ratio = repetitions(1).ratio_to(&repetitions(0));
    let enough = ratio.filter(|ratio| ratio.repetitions >= REPETITIONS_FOR_A_VERDICT);
    (ratio, enough.and_then(|ratio| ratio.interval).map_or(Evidence::None, Evidence::OneRun))
}

/// Words for the ratios; with several runs, among all cases and arms.
fn settle(cases: &mut [ComparedCase]) {
    let mut of_runs: Vec<(&mut Against, Difference)> = Vec::new();
    for against in cases.iter_mut().flat_map(|case| &mut case.against) {
        match (against.evidence, against.ratio) {
            (Evidence::Runs { difference, .. }, _) => of_runs.push((against, difference)),
            (Evidence::OneRun(interval), _) => of_one_run(against, interval),
            (Evidence::None, Some(ratio)) => {
                against.why = format!(
                    "a comparison needs {REPETITIONS_FOR_A_VERDICT} repetitions on each side; the smaller side has {}",
                    ratio.repetitions
                );
            }
            (Evidence::None, None) => {}
        }
    }
    let chances: Vec<f64> = of_runs.iter().map(|(_, difference)| difference.either_way()).collect();
    let found = found(&chances, ALPHA);
    let compared = chances.len();
    for (at, (against, difference)) in of_runs.iter_mut().enumerate() {
        let Some(interval) = against.ratio.and_then(|ratio| ratio.interval) else { continue };
        against.change = if interval.within(EQUAL.0, EQUAL.1) {
            Change::Equal
        } else if !found.contains(&at) {
            Change::CantTell
        } else if difference.value > 0.0 {
            Change::Slower
        } else {
            Change::Faster
        };
        if against.change == Change::CantTell && against.why.is_empty() {
            let excludes = interval.low > 1.0 || interval.high < 1.0;
            against.why = if excludes { format!("{BY_CHANCE}; {compared} were compared") } else { spans(interval) };
        }
    }
}

fn of_one_run(against: &mut Against, interval: Interval) {
    against.change = if interval.within(EQUAL.0, EQUAL.1) {
        Change::Equal
    } else if interval.low > DRIFT {
        Change::Slower
    } else if interval.high < 1.0 / DRIFT {
        Change::Faster
    } else {
        Change::CantTell
    };
    if against.change == Change::CantTell && against.why.is_empty() {
        against.why = if interval.low > 1.0 || interval.high < 1.0 {
            format!("single runs of one machine may differ by up to {}", format::percent(DRIFT - 1.0))
        } else {
            spans(interval)
        };
    }
}

/// Reason for no verdict although 1 is outside the interval.
const BY_CHANCE: &str = "1 is outside the interval, as it is by chance in 1 of 20 cases";

fn spans(interval: Interval) -> String {
    format!("{} spans 1 and exceeds 0.9 to 1.1", format::span(interval.low, interval.high, format::ratio))
}
