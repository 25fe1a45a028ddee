//! Two programs, environments or settings, measured in turns on one machine: `ipcmark ab`.
//!
//! Each side is a run of its own, a child process that takes one trial at a time ([`side`]), so floors are measured once,
//! and `compare` and `report` can read both. Rounds, and the order within each pair, come from
//! [`rounds`](crate::schedule::rounds); the verdicts from `ipcmark_reports::judge_in_turns`, which reads the records. They
//! depend on nothing else, so an interrupted comparison goes on where it stopped.

pub mod keeper;
pub mod side;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use ipcmark::record::Record;
use ipcmark_reports::{CaseInTurns, Change, Recording, judge_in_turns, pairs};
use serde::{Deserialize, Serialize};

use self::keeper::Keeper;
use self::side::{Side, Variant};
use crate::plan::Text;
use crate::progress::{print_line, whole_seconds};
use crate::run::fresh_run_id;
use crate::run::turns::Request;
use crate::schedule::rounds::{Rounds, Turn};
use crate::signals::Signals;

/// File with the options of a comparison.
const SETTINGS: &str = "ab.json";
/// The plan that both sides run.
const PLAN: &str = "plan.toml";
/// Directories of the two runs.
const SIDES: [&str; 2] = ["a", "b"];
/// Names of the two sides.
const NAMES: [&str; 2] = ["A", "B"];
/// Pairs of each case that the usual budget has room for.
const USUAL_PAIRS: u64 = 16;
/// The usual budget is at least this long.
const USUAL_BUDGET: Duration = Duration::from_secs(600);
/// Failed trials of a case after which it is given up.
const FAILURES_MAX: usize = 3;

/// Options of a comparison: everything that determines its order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The plan as it was.
    pub plan: Text,
    /// `--only`.
    pub only: Option<String>,
    /// `--placement`.
    pub placement: Option<String>,
    /// Both sides.
    pub sides: [Variant; 2],
    /// Ratio minus one below which the sides are equal.
    pub equal_within: f64,
    /// Time for all trials; found from the plan when absent.
    pub budget_ms: Option<u64>,
    /// Seed of the order.
    pub seed: u64,
    /// Time spent by earlier parts.
    #[serde(default)]
    pub spent_ms: u64,
}

/// A comparison that is ready to start, or to go on.
#[derive(Debug)]
pub struct Ab {
    settings: Settings,
    directory: PathBuf,
    quiet: bool,
}

/// Result of a comparison.
#[derive(Debug)]
pub struct Finished {
    /// Where the records and settings are.
    pub directory: PathBuf,
    /// Cases measured on both sides.
    pub cases: Vec<CaseInTurns>,
    /// Cases without a pair, with the reason.
    pub left_out: Vec<LeftOut>,
    /// Differences in facts between the sides.
    pub mismatches: Vec<String>,
    /// The signal that ended it early.
    pub interrupted: Option<i32>,
    /// What went wrong beside single trials, such as a setting that could not be restored.
    pub errors: Vec<anyhow::Error>,
}

/// A case without a pair.
#[derive(Debug)]
pub struct LeftOut {
    /// Case key.
    pub case_key: String,
    /// Reason.
    pub why: String,
    /// Whether side A can time it, so that a limit cannot be judged without B.
    pub lacking: bool,
}

/// Why a comparison stopped.
#[derive(Debug)]
pub enum Stopped {
    /// A signal arrived.
    Interrupted,
    /// A side or the keeper failed.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Stopped {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// A case that both sides can run.
struct Common {
    case_key: String,
    predicted: Duration,
    failures: usize,
}

/// Both sides at work.
struct Contest<'a> {
    settings: &'a Settings,
    sides: [Side; 2],
    keeper: Option<Keeper>,
    signals: &'a Signals,
    cases: Vec<Common>,
    left_out: Vec<LeftOut>,
    quiet: bool,
}

impl Ab {
    /// A new comparison in `directory`, or in a fresh one below `ipcmark-runs`.
    ///
    /// Errors: the directory holds one already, or cannot be made.
    pub fn new(settings: Settings, directory: Option<PathBuf>, quiet: bool) -> anyhow::Result<Self> {
        let (name, _) = settings.plan.question()?;
        let directory = directory
            .unwrap_or_else(|| Path::new(crate::run::DEFAULT_RUNS).join(format!("ab-{name}-{}", fresh_run_id())));
        let shown = directory.display();
        ensure!(
            !directory.join(SETTINGS).exists(),
            "{shown} holds a comparison already; continue it with `--resume {shown}`, or name another directory with --out"
        );
        fs::create_dir_all(&directory).with_context(|| format!("cannot make the directory {shown}"))?;
        let plan = directory.join(PLAN);
        fs::write(&plan, &settings.plan.text).with_context(|| format!("cannot write {}", plan.display()))?;
        let ab = Self { settings, directory, quiet };
        ab.save()?;
        Ok(ab)
    }

    /// The comparison that was interrupted in `directory`.
    ///
    /// Errors: there is none, or a setting of its earlier part could not be restored.
    pub fn resume(directory: PathBuf, quiet: bool) -> anyhow::Result<Self> {
        let path = directory.join(SETTINGS);
        let shown = directory.display();
        ensure!(directory.is_dir(), "there is no comparison to resume: the directory {shown} is missing");
        let text = fs::read(&path)
            .with_context(|| format!("there is no comparison to resume in {}: no {SETTINGS}", directory.display()))?;
        let settings =
            serde_json::from_slice(&text).with_context(|| format!("cannot understand {}", path.display()))?;
        let failed = directory.join(keeper::FAILED);
        if let Ok(why) = fs::read_to_string(&failed) {
            bail!(
                "the setting of the earlier part may still be applied: {}; restore it, remove {}, and resume",
                why.trim(),
                failed.display()
            );
        }
        Ok(Self { settings, directory, quiet })
    }

    fn save(&self) -> anyhow::Result<()> {
        let path = self.directory.join(SETTINGS);
        let text = serde_json::to_vec_pretty(&self.settings)?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Measures until every case is decided, the budget is spent, or a signal arrives.
    ///
    /// Errors: nothing could be measured: a side does not start, or the sides have no case in common.
    pub fn execute(mut self) -> anyhow::Result<Finished> {
        let signals = Signals::listen().context("cannot listen for signals")?;
        let mut finished = Finished {
            directory: self.directory.clone(),
            cases: vec![],
            left_out: vec![],
            mismatches: vec![],
            interrupted: None,
            errors: vec![],
        };
        let interrupted = || signals.arrived().map(|signal| signal as i32);
        let mut contest = match self.open(&signals) {
            Ok(contest) => contest,
            Err(Stopped::Failed(error)) => return Err(error),
            Err(Stopped::Interrupted) => return Ok(Finished { interrupted: interrupted(), ..finished }),
        };
        let earlier = Duration::from_millis(self.settings.spent_ms);
        let started = Instant::now();
        let stopped = contest.measure(earlier);
        finished.interrupted = interrupted();
        if let Err(Stopped::Failed(error)) = stopped {
            finished.errors.push(error);
        }
        let Contest { sides, keeper, cases, left_out, .. } = contest;
        // Restores what is still applied.
        drop(keeper);
        if let Ok(why) = fs::read_to_string(self.directory.join(keeper::FAILED)) {
            finished.errors.push(anyhow::anyhow!("the setting may still be applied: {}", why.trim()));
        }
        self.settings.spent_ms = u64::try_from((earlier + started.elapsed()).as_millis()).unwrap_or(u64::MAX);
        self.save()?;
        for side in sides {
            finished.errors.extend(side.end(finished.interrupted.is_some()).err());
        }
        finished.left_out = left_out;
        let [a, b] = self.recordings()?;
        finished.mismatches = ipcmark_reports::mismatches(&a, &b);
        finished.cases =
            judge_in_turns(&a.records, &b.records, self.settings.equal_within, finished.interrupted.is_none());
        let measured: BTreeSet<&str> = finished.cases.iter().map(|case| case.case_key.as_str()).collect();
        let without_pair = cases.into_iter().map(|case| case.case_key).filter(|key| !measured.contains(key.as_str()));
        let why = if finished.interrupted.is_some() { "interrupted" } else { "the budget ended" };
        let why = format!("{why} before its first pair");
        finished.left_out.extend(without_pair.map(|case_key| LeftOut { case_key, why: why.clone(), lacking: true }));
        Ok(finished)
    }

    fn recordings(&self) -> anyhow::Result<[Recording; 2]> {
        let [a, b] = SIDES.map(|side| ipcmark_reports::read(&[self.directory.join(side)]));
        Ok([a?, b?])
    }

    /// Starts both sides, one after the other, and the keeper if there is a setting.
    fn open<'a>(&'a self, signals: &'a Signals) -> Result<Contest<'a>, Stopped> {
        let settings = &self.settings;
        let say = |line: String| {
            if !self.quiet {
                print_line(&line);
            }
        };
        let [a, b] = [0, 1].map(|side| format!("{} is {}", NAMES[side], settings.sides[side].in_words()));
        say(format!("{a}; {b}\nseed {}, records go to {}", settings.seed, self.directory.display()));
        let keeper = settings.sides.iter().any(|side| side.setting.is_some());
        let program = std::env::current_exe().context("cannot find this program")?;
        let keeper = keeper.then(|| Keeper::start(&program, &self.directory)).transpose()?;
        let mut arguments = vec!["--plan".to_owned(), self.directory.join(PLAN).display().to_string()];
        arguments.extend(["--seed".to_owned(), settings.seed.to_string()]);
        for (option, value) in [("--only", &settings.only), ("--placement", &settings.placement)] {
            arguments.extend(value.iter().flat_map(|value| [option.to_owned(), value.clone()]));
        }
        say("measuring the floors of this machine, once per side ...".to_owned());
        let start = |at: usize| {
            Side::start(NAMES[at], &settings.sides[at], &self.directory.join(SIDES[at]), &arguments, signals)
        };
        let sides = [start(0)?, start(1)?];
        let (cases, left_out) = common(&sides);
        if cases.is_empty() {
            let why = left_out.first().map_or_else(String::new, |it| format!(", such as {}: {}", it.case_key, it.why));
            return Err(Stopped::Failed(anyhow::anyhow!(
                "the sides have no case in common that can be timed here{why}"
            )));
        }
        Ok(Contest { settings, sides, keeper, signals, cases, left_out, quiet: self.quiet })
    }
}

/// Cases that both sides can time, and the others with the reason.
fn common(sides: &[Side; 2]) -> (Vec<Common>, Vec<LeftOut>) {
    let [a, b] = sides;
    let others: BTreeMap<&str, _> = b.cases.iter().map(|offer| (offer.case_key.as_str(), offer)).collect();
    let known: BTreeSet<&str> = a.cases.iter().map(|offer| offer.case_key.as_str()).collect();
    let (mut cases, mut left_out) = (vec![], vec![]);
    let mut leave_out = |case_key: String, why: &str, lacking| {
        left_out.push(LeftOut { case_key, why: why.to_owned(), lacking });
    };
    for offer in a.cases.iter().filter(|offer| offer.is_timed) {
        let key = offer.case_key.clone();
        match others.get(offer.case_key.as_str()) {
            None => leave_out(key, "only A has it", offer.obstacle.is_none()),
            Some(other) => match (&offer.obstacle, &other.obstacle) {
                (Some(obstacle), _) => leave_out(key, obstacle, false),
                (None, Some(obstacle)) => leave_out(key, obstacle, true),
                (None, None) => cases.push(Common {
                    case_key: key,
                    predicted: Duration::from_nanos(offer.predicted_ns + other.predicted_ns),
                    failures: 0,
                }),
            },
        }
    }
    let only_b = b.cases.iter().filter(|offer| offer.is_timed && !known.contains(offer.case_key.as_str()));
    only_b.for_each(|offer| leave_out(offer.case_key.clone(), "only B has it", false));
    (cases, left_out)
}

impl Contest<'_> {
    /// Rounds of pairs until every case is decided, or the budget is spent.
    fn measure(&mut self, earlier: Duration) -> Result<(), Stopped> {
        let round: Duration = self.cases.iter().map(|case| case.predicted).sum();
        let usual = USUAL_BUDGET.max(round * u32::try_from(USUAL_PAIRS).unwrap_or(u32::MAX));
        let budget = self.settings.budget_ms.map_or(usual, Duration::from_millis);
        let before = self.records()?;
        // Floors are a record, too.
        let of_pairs = before.iter().flatten().filter(|record| record.case.main_metric().is_some());
        let done = of_pairs.map(|record| record.repetition + 1).max().unwrap_or(0);
        let mut rounds = Rounds::new(self.settings.seed, self.cases.len(), done as usize);
        self.announce(round, budget, earlier, done);
        let started = Instant::now();
        if done > 0 {
            self.close_decided(&mut rounds, &before);
        }
        loop {
            let turns = rounds.next_round();
            if turns.is_empty() {
                return Ok(());
            }
            for turn in turns {
                let spent = earlier + started.elapsed();
                if spent + self.cases[turn.case].predicted > budget {
                    return Ok(());
                }
                self.pair(turn)?;
            }
            rounds.retain(|case| self.cases[*case].failures < FAILURES_MAX);
            if rounds.look_is_due() {
                let found = self.close_decided(&mut rounds, &self.records()?);
                self.report(&rounds, &found, earlier + started.elapsed(), budget);
            }
        }
    }

    /// Runs one pair in its order.
    fn pair(&mut self, turn: Turn) -> Result<(), Stopped> {
        for at in turn.order() {
            let request = Request {
                case_key: self.cases[turn.case].case_key.clone(),
                repetition: u32::try_from(turn.pair).unwrap_or(u32::MAX),
                beside: self.sides[1 - at].run_id.clone(),
            };
            if self.signals.arrived().is_some() {
                return Err(Stopped::Interrupted);
            }
            let setting = self.settings.sides[at].setting.as_ref().zip(self.keeper.as_mut());
            let why = match setting {
                None => self.sides[at].trial(&request, self.signals)?,
                Some(((before, after), keeper)) => {
                    let measured = keeper.apply(before, after).map_err(Stopped::Failed);
                    let measured = measured.and_then(|()| self.sides[at].trial(&request, self.signals));
                    // Restored in any case, and the first error is the one to tell.
                    let restored = keeper.restore(after).map_err(Stopped::Failed);
                    let why = measured?;
                    restored?;
                    why
                }
            };
            if let Some(why) = why {
                self.cases[turn.case].failures += 1;
                print_line(&format!("failed on side {}: {}: {why}", NAMES[at], request.case_key));
            }
        }
        Ok(())
    }

    fn records(&self) -> anyhow::Result<[Vec<Record>; 2]> {
        let [a, b] = [0, 1].map(|at| ipcmark_reports::read(&[self.sides[at].directory.clone()]));
        Ok([a?.records, b?.records])
    }

    fn close_decided(&self, rounds: &mut Rounds, [a, b]: &[Vec<Record>; 2]) -> Vec<CaseInTurns> {
        let found = judge_in_turns(a, b, self.settings.equal_within, false);
        let decided = |case: &Common| {
            found.iter().any(|found| found.case_key == case.case_key && found.change != Change::CantTell)
        };
        rounds.retain(|case| !decided(&self.cases[*case]));
        found
    }

    fn announce(&self, round: Duration, budget: Duration, earlier: Duration, done: u32) {
        if self.quiet {
            return;
        }
        let cases = self.cases.len();
        let s = if cases == 1 { "" } else { "s" };
        let left = whole_seconds(budget.saturating_sub(earlier));
        let resumed = if done > 0 { format!(" after {done} earlier ones") } else { String::new() };
        print_line(&format!(
            "{cases} case{s}, a pair of each takes about {}; pairs are added{resumed} for at most {left}",
            humantime::format_duration(Duration::from_millis(u64::try_from(round.as_millis()).unwrap_or(u64::MAX)))
        ));
        let least = round * u32::try_from(pairs::FIRST_LOOK).unwrap_or(u32::MAX);
        if budget < least {
            print_line(&format!(
                "note: a verdict needs {} pairs, which take about {}; choose fewer cases with --only, or a larger --budget",
                pairs::FIRST_LOOK,
                whole_seconds(least)
            ));
        }
    }

    fn report(&self, rounds: &Rounds, found: &[CaseInTurns], spent: Duration, budget: Duration) {
        if self.quiet {
            return;
        }
        let count = |change: Change| found.iter().filter(|case| case.change == change).count();
        print_line(&format!(
            "after {} pairs: {} faster, {} slower, {} equal, {} open; {} of {}",
            rounds.done(),
            count(Change::Faster),
            count(Change::Slower),
            count(Change::Equal),
            rounds.open().len(),
            whole_seconds(spent),
            whole_seconds(budget)
        ));
    }
}
