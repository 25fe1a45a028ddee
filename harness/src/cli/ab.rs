//! `ipcmark ab`: two programs, environments or settings, measured in turns.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use ipcmark_reports::{CaseInTurns, Change, gate_in_turns, pairs, shown};
use regex::Regex;

use super::table;
use crate::ab::side::Variant;
use crate::ab::{Ab as Comparison, Finished, Settings};
use crate::plan::{Budget, Place, Share, Text};
use crate::progress::print_line;
use crate::run::{self, DEFAULT_PLAN};

/// Compare two programs, environments or settings on this machine, measured in turns.
///
/// Both sides are measured within the same second, pair by pair, in random order. The ratio is taken per pair, the cost of B
/// over the cost of A, so what changes slowly on the machine cancels out. A case ends as soon as its interval shows that B is
/// faster, slower or equal. The intervals of all looks hold together in 99 % of the cases: of 100 equal cases, at most one
/// is called different. Without --a and --b both sides are this program.
///
/// DIR/a and DIR/b are runs, so `ipcmark compare DIR/a DIR/b` and `ipcmark report` read them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Ab {
    /// Program of side A, a path or a name in PATH; leading arguments such as 'taskset -c 2,3 ./ipcmark' are allowed
    #[arg(long, value_name = "PROGRAM")]
    a: Option<String>,
    /// Program of side B
    #[arg(long, value_name = "PROGRAM")]
    b: Option<String>,
    /// Environment variable of side A; may be given more than once
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    a_env: Vec<String>,
    /// Environment variable of side B; may be given more than once
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    b_env: Vec<String>,
    /// Command line, run by sh before each trial of A
    #[arg(long, value_name = "CMD", requires = "a_after")]
    a_before: Option<String>,
    /// Command line that restores the setting after each trial of A
    #[arg(long, value_name = "CMD", requires = "a_before")]
    a_after: Option<String>,
    /// Command line, run by sh before each trial of B
    #[arg(long, value_name = "CMD", requires = "b_after")]
    b_before: Option<String>,
    /// Command line that restores the setting after each trial of B, and when ipcmark is interrupted or killed
    #[arg(long, value_name = "CMD", requires = "b_before")]
    b_after: Option<String>,
    /// A plan by name (see `ipcmark plans`), or the path of a TOML file [default: quick]
    #[arg(long, value_name = "NAME|FILE")]
    plan: Option<String>,
    /// Compare only the cases whose key matches (see `ipcmark run --dry-run` for the keys)
    #[arg(long, value_name = "REGEX")]
    only: Option<Regex>,
    /// Run every case in this placement instead of the plan's
    #[arg(long, value_name = "CLASS", value_parser = super::run::place())]
    placement: Option<Place>,
    /// The sides are equal if the interval of their ratio lies within this share of 1
    #[arg(long, value_name = "SHARE", default_value = "2%")]
    equal_within: Share,
    /// Time for all trials, such as 90s or 10m [default: 16 pairs of each case, and at least 10m]
    #[arg(long, value_name = "TIME")]
    budget: Option<Budget>,
    /// Seed of the order [default: a fresh one, recorded]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Exit with status 1 if a case is slower by more than PCT percent with its whole interval, or broken in B
    #[arg(long, value_name = "PCT", value_parser = super::compare::percent)]
    fail_above: Option<f64>,
    /// Where the files go [default: ipcmark-runs/ab-PLAN-TIME-ID]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with the interrupted comparison in DIR, with the options stored there
    #[arg(long, value_name = "DIR", conflicts_with_all = RESUMED)]
    resume: Option<PathBuf>,
    /// Print no announcement and no progress
    #[arg(long)]
    quiet: bool,
}

/// Options that are stored.
const RESUMED: [&str; 14] = [
    "a",
    "b",
    "a_env",
    "b_env",
    "a_before",
    "a_after",
    "b_before",
    "b_after",
    "plan",
    "only",
    "placement",
    "budget",
    "seed",
    "out",
];

const EXAMPLES: &str = "\
Examples:
  ipcmark ab --a ./ipcmark-old --b ./ipcmark-new --only 'shm-spsc/.*/round_trip'
  ipcmark ab --b-env GLIBC_TUNABLES=glibc.pthread.mutex_spin_count=1000 --plan locks-quick --only pthread
  ipcmark ab --b-before 'sysctl -w kernel.sched_autogroup_enabled=1' \\
             --b-after 'sysctl -w kernel.sched_autogroup_enabled=0' --only pipe
  ipcmark ab --plan quick --budget 15m         both sides alike: how many cases are called different?
  ipcmark ab --resume ipcmark-runs/ab-quick-...  go on after Ctrl-C

Exit status:
  0          fine
  1          a trial failed, a setting could not be restored, or a case broke the limit of --fail-above
  2          the call or the plan was wrong, a side did not start, or most cases cannot see the limit of --fail-above
  129, 130, 143  interrupted; --resume DIR goes on";

impl Ab {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        let fail_above = self.fail_above;
        let comparison = self.comparison()?;
        let finished = comparison.execute()?;
        write(out, &finished)?;
        Ok(conclude(&finished, fail_above))
    }

    fn comparison(self) -> anyhow::Result<Comparison> {
        if let Some(directory) = self.resume {
            return Comparison::resume(directory, self.quiet);
        }
        let settings = Settings {
            plan: Text::find(self.plan.as_deref().unwrap_or(DEFAULT_PLAN))?,
            only: self.only.map(|only| only.to_string()),
            placement: self.placement.map(|place| place.to_string()),
            sides: [
                Variant { program: self.a, env: self.a_env, setting: self.a_before.zip(self.a_after) },
                Variant { program: self.b, env: self.b_env, setting: self.b_before.zip(self.b_after) },
            ],
            equal_within: self.equal_within.fraction(),
            budget_ms: self.budget.map(Budget::milliseconds),
            seed: self.seed.unwrap_or_else(run::random),
            spent_ms: 0,
        };
        Comparison::new(settings, self.out, self.quiet)
    }
}

fn write(out: &mut impl Write, finished: &Finished) -> anyhow::Result<()> {
    for mismatch in &finished.mismatches {
        print_line(&format!("note: {mismatch}"));
    }
    let mut rows = table::table(&["case", "A", "B", "B / A", "interval", "pairs", "B is", "because"]);
    for case in &finished.cases {
        let side = |at: usize| {
            case.typical.map_or_else(String::new, |(main, values)| table::plain(shown(main, values[at]).to_string()))
        };
        let interval = case.ratio.and_then(|ratio| ratio.interval);
        rows.add_row([
            case.case_key.clone(),
            side(0),
            side(1),
            case.ratio.map_or_else(String::new, |ratio| format!("{:.3}", ratio.value)),
            interval.map_or_else(String::new, |i| format!("[{:.3}, {:.3}]", i.low, i.high)),
            case.ratio.map_or(0, |ratio| ratio.pairs).to_string(),
            case.change.word().to_owned(),
            case.why.clone(),
        ]);
    }
    table::align_right(&mut rows, 1..6);
    table::write(out, &rows)?;
    for case in &finished.left_out {
        writeln!(out, "not compared: {}: {}", case.case_key, case.why)?;
    }
    let count = |change: Change| finished.cases.iter().filter(|case| case.change == change).count();
    writeln!(
        out,
        "{} cases: {} faster, {} slower, {} equal, {} can't tell; at most {} % of equal cases are called different",
        finished.cases.len(),
        count(Change::Faster),
        count(Change::Slower),
        count(Change::Equal),
        count(Change::CantTell),
        pairs::ERROR * 100.0
    )?;
    writeln!(out, "{}", finished.directory.display())?;
    Ok(())
}

fn conclude(finished: &Finished, fail_above: Option<f64>) -> u8 {
    let mut status = super::FINE;
    for error in &finished.errors {
        status = super::complain(error, super::BROKEN);
    }
    match fail_above {
        None => {
            for broken in finished.cases.iter().filter_map(CaseInTurns::broken) {
                print_line(&broken);
                status = super::BROKEN;
            }
        }
        Some(percent) => {
            let lacking = finished.left_out.iter().filter(|case| case.lacking);
            let lacking = lacking.map(|case| format!("missing on side B: {}: {}", case.case_key, case.why)).collect();
            let kept = super::compare::conclude(&gate_in_turns(&finished.cases, lacking, percent));
            status = if status == super::FINE { kept } else { status };
        }
    }
    match finished.interrupted {
        // An error such as a setting that is still applied is more than an interruption; a limit that few pairs cannot see
        // is not.
        Some(signal) if status != super::BROKEN => {
            let directory = finished.directory.display();
            print_line(&format!("interrupted: the records are kept; `ipcmark ab --resume {directory}` goes on"));
            super::ended_by(signal)
        }
        _ => status,
    }
}

fn pair(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((key, _)) if !key.is_empty() => Ok(text.to_owned()),
        _ => Err("a variable and its value, such as KEY=VALUE".to_owned()),
    }
}
