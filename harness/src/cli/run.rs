//! `ipcmark run`: a plan from start to report.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use regex::Regex;

use super::{summary, table};
use crate::plan::{Budget, Changes, Place, Plan, REPETITIONS_MAX, Share};
use crate::progress::print_line;
use crate::run::{self, Destination, Finished, Options};
use crate::schedule::schedule;

/// Run a plan: start the processes, measure, write records and the report.
///
/// Each record is appended to DIR/records.jsonl at once, and the report DIR/index.html is written at the end. Cases that
/// this machine cannot run become skipped records with the reason. Disturbed trials are tried again at the end, up to twice,
/// for at most a quarter of the predicted time; both records stay, and the undisturbed one counts.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Run {
    /// A plan by name (see `ipcmark plans`), or the path of a TOML file [default: quick]
    #[arg(long, value_name = "NAME|FILE")]
    plan: Option<String>,
    /// Run only the cases whose key matches (see --dry-run for the keys)
    #[arg(long, value_name = "REGEX")]
    only: Option<Regex>,
    /// Run every case in this placement instead of the plan's
    #[arg(long, value_name = "CLASS", value_parser = place())]
    placement: Option<Place>,
    /// Repetitions per case, each with fresh processes; with fewer than five no mechanism is called faster than another
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(REPETITIONS_MAX)))]
    repetitions: Option<u32>,
    /// Add repetitions, to the cases with the widest intervals, until each timed case is within SHARE of its median, such
    /// as 5%, or the budget is spent [default: 5% if there is a budget]
    #[arg(long, value_name = "SHARE")]
    until_stable: Option<Share>,
    /// Time beyond the plan's repetitions, such as 90s or 10m: first for disturbed trials, then for added repetitions
    /// [default: as long again as the plan's cases]
    #[arg(long, value_name = "TIME")]
    budget: Option<Budget>,
    /// Seed of the schedule's shuffle [default: a fresh one, recorded]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where the run's files go [default: ipcmark-runs/PLAN-TIME-ID]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Resume the interrupted run in DIR, with the plan and options stored there
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "seed", "participants", "dry"])]
    resume: Option<PathBuf>,
    /// Also use the participants of this TOML file; may be given more than once
    #[arg(long, value_name = "FILE")]
    participants: Vec<PathBuf>,
    /// Print no announcement and no progress
    #[arg(long)]
    quiet: bool,
    /// Run a trial for each line of stdin that asks for one: a side of `ipcmark ab`
    #[arg(long, hide = true, conflicts_with = "dry")]
    turns: bool,
    /// List the cases and the predicted time, and start nothing
    #[arg(long = "dry-run")]
    dry: bool,
}

const EXAMPLES: &str = "\
Examples:
  ipcmark run                                          the quick plan: three minutes
  ipcmark run --plan smoke --out /tmp/smoke            does everything run here?
  ipcmark run --plan standard --only '/round_trip/'    one measure of a plan
  ipcmark run --only 'pipe|unix' --placement same_cpu  both processes on one CPU
  ipcmark run --plan locks --until-stable 5% --budget 10m  more repetitions where intervals are wide
  ipcmark run --resume ipcmark-runs/quick-...          go on after Ctrl-C

Exit status:
  0          fine
  1          a trial failed or was invalid, or a case was faster than its floor in a plan that checks it (cross-checks)
  2          the call or the plan was wrong; nothing was started
  129, 130, 143  interrupted; --resume DIR goes on";

impl Run {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        let options = Options {
            plan: self.plan,
            text: None,
            changes: Changes {
                only: self.only,
                placement: self.placement,
                repetitions: self.repetitions,
                until_stable: self.until_stable,
                budget: self.budget,
            },
            seed: self.seed,
            participants: self.participants,
            destination: match (self.out, self.resume) {
                (_, Some(directory)) => Destination::Resume(directory),
                (Some(directory), None) => Destination::New(directory),
                (None, None) => Destination::Fresh,
            },
            quiet: self.quiet,
        };
        if self.dry {
            let (plan, seed) = run::resolve(&options)?;
            return list_cases(&plan, seed, out);
        }
        if self.turns {
            let finished = run::Run::prepare(&options)?.take_turns(out);
            return Ok(match finished {
                Ok(finished) => finished.interrupted.map_or(super::FINE, super::ended_by),
                Err(error) => super::complain(&error, super::BROKEN),
            });
        }
        perform(&options, out)
    }
}

/// Runs `options` from announcement to summary, and returns the exit status.
///
/// Errors: the call or the plan is wrong and nothing was started. Later errors are printed and determine the status.
pub fn perform(options: &Options, out: &mut impl Write) -> anyhow::Result<u8> {
    let run = run::Run::prepare(options)?;
    if !options.quiet {
        print_line(&run.announcement());
    }
    let finished = match run.execute() {
        Ok(finished) => finished,
        Err(error) => return Ok(super::complain(&error, super::BROKEN)),
    };
    // All files are written by now, so a closed stdout does not matter.
    let _ = summary::write(out, &finished).and_then(|()| out.flush());
    Ok(conclude(&finished, options.quiet))
}

fn conclude(finished: &Finished, quiet: bool) -> u8 {
    let failures = finished.failures();
    // Without --quiet they were printed when they happened.
    for failure in failures.iter().filter(|_| quiet) {
        print_line(failure);
    }
    if let Some(signal) = finished.interrupted {
        let directory = finished.directory.display();
        print_line(&format!(
            "interrupted: {} records are kept; `ipcmark run --resume {directory}` goes on",
            finished.records.len()
        ));
        return super::ended_by(signal);
    }
    let below_floor = finished.below_floor();
    for line in &below_floor {
        print_line(line);
    }
    if failures.is_empty() && (below_floor.is_empty() || !finished.hold_to_floors) {
        super::FINE
    } else {
        super::BROKEN
    }
}

fn list_cases(plan: &Plan, seed: u64, out: &mut impl Write) -> anyhow::Result<u8> {
    print_line(&run::describe(plan, seed, &schedule(plan, seed), false));
    let mut rows = table::table(&["case", "cpus", "repetitions", "cannot run here because"]);
    for planned in &plan.cases {
        let cpus: Vec<String> = planned.cpus.iter().map(ToString::to_string).collect();
        let repetitions = if planned.obstacle.is_some() { 0 } else { planned.repetitions(plan.repetitions) };
        let why = planned.obstacle.clone().unwrap_or_default();
        rows.add_row([planned.case.key(), cpus.join(","), repetitions.to_string(), why]);
    }
    table::write(out, &rows)?;
    Ok(super::FINE)
}

pub(super) fn place() -> impl clap::builder::TypedValueParser<Value = Place> {
    PossibleValuesParser::new(Place::words()).try_map(|word| word.parse::<Place>())
}
