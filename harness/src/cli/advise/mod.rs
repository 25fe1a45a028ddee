//! `ipcmark advise`: which mechanism for a request, with evidence, and why not the others.

mod measure;
mod text;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use ipcmark::record::{Parameter, Params, Pattern, ROLES_MAX};
use ipcmark_reports::Recording;
use ipcmark_reports::advise::{Excluded, Request, Subject, advise, by_machine};

use super::{note_left_out, table};
use crate::plan::{Budget, Ground};
use crate::progress::print_line;
use crate::run::DEFAULT_RUNS;

/// Advise a mechanism for a request: ranked, with evidence, and with the reason why each other one is ruled out.
///
/// The advice is for the machine of the records, or of the last record if they are from several. A value that was not measured
/// as asked is predicted from the nearest measured cases, from other measures, or from declared costs and the floors of the
/// machine; the error of each kind of prediction is that of leaving cases out. Where an interval contains a limit, the answer
/// is that it can't tell.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(super) struct Advise {
    #[command(subcommand)]
    of: Option<Of>,
    #[command(flatten)]
    transport: Transport,
    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "\
Examples:
  ipcmark advise --message-bytes 64 --rate 100000    evidence of the latest run in ipcmark-runs
  ipcmark advise --message-bytes 4096 --rate 200000 --producers 2 --p99-us 50 --max-cpu 1.0 --measure 2m
  ipcmark advise lock --contenders 8 --critical-section-us 1 --must-survive-crash --measure 2m
  ipcmark advise pool --grain-us 20 --workers 4 ipcmark-runs/pools-*
  ipcmark advise state --contenders 4 --reads-percent 99 --measure 1m
  ipcmark advise start --parent-rss '100 MiB' --measure 1m";

#[derive(Debug, Subcommand)]
enum Of {
    /// A lock between processes, ranked by acquisitions a second.
    Lock(Lock),
    /// A pool of worker processes, ranked by the time per task.
    Pool(Pool),
    /// State that several processes read and write, ranked by accesses a second.
    State(State),
    /// A way to start a process, ranked by the time until its first message.
    Start(Start),
}

#[derive(Debug, Args)]
struct Common {
    /// Runs to take evidence from: records files, directories of runs, or - [default without --measure: the latest run
    /// in ipcmark-runs]
    #[arg(value_name = "RECORDINGS")]
    recordings: Vec<PathBuf>,
    /// First measure what is missing, the most promising mechanisms first, within TIME, such as 90s or 2m
    #[arg(long, value_name = "TIME")]
    measure: Option<Budget>,
    /// Where the files of --measure go [default: ipcmark-runs/advise-TIME-ID]
    #[arg(long, value_name = "DIR", requires = "measure")]
    out: Option<PathBuf>,
    /// Longest 99th percentile: of the latency, of the wait for a lock, of a start
    #[arg(long, value_name = "US", value_parser = positive)]
    p99_us: Option<f64>,
    /// Most CPUs that all processes together may keep busy
    #[arg(long, value_name = "CPUS", value_parser = positive)]
    max_cpu: Option<f64>,
    /// The others must go on, or be told, when one process is killed
    #[arg(long)]
    must_survive_crash: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print no progress of --measure
    #[arg(long)]
    quiet: bool,
}

#[derive(Debug, Args)]
struct Transport {
    /// Payload of one message, such as 64 or '4 KiB'
    #[arg(long, value_name = "BYTES", value_parser = |text: &str| parameter("message_bytes", text))]
    message_bytes: Option<u64>,
    /// Messages a second, of all producers together
    #[arg(long, value_name = "PER_S", value_parser = |text: &str| parameter("rate_per_s", text))]
    rate: Option<u64>,
    /// Processes that send
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..i64::from(ROLES_MAX)))]
    producers: u32,
    /// Processes that receive
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..i64::from(ROLES_MAX)))]
    consumers: u32,
}

#[derive(Debug, Args)]
struct Lock {
    /// Processes that compete for the lock
    #[arg(long, value_name = "N", value_parser = |text: &str| small("contenders", text))]
    contenders: u32,
    /// Work under the lock
    #[arg(long, value_name = "US", default_value = "0", value_parser = microseconds)]
    critical_section_us: u64,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Pool {
    /// Work of one task
    #[arg(long, value_name = "US", value_parser = microseconds)]
    grain_us: u64,
    /// Worker processes
    #[arg(long, value_name = "N", value_parser = |text: &str| small("workers", text))]
    workers: u32,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct State {
    /// Processes that read and write
    #[arg(long, value_name = "N", value_parser = |text: &str| small("contenders", text))]
    contenders: u32,
    /// Share of accesses that only read
    #[arg(long, value_name = "PERCENT", default_value = "90", value_parser = |text: &str| small("reads_percent", text))]
    reads_percent: u32,
    /// Bytes of a value
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = |text: &str| parameter("message_bytes", text))]
    message_bytes: u64,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Start {
    /// Memory that the parent has in use
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = |text: &str| parameter("parent_rss_bytes", text))]
    parent_rss: u64,
    /// Processes started at the same time
    #[arg(long, value_name = "N", default_value = "1", value_parser = |text: &str| small("batch", text))]
    batch: u32,
    #[command(flatten)]
    common: Common,
}

impl Advise {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        let (subject, common) = match self.of {
            Some(Of::Lock(Lock { contenders, critical_section_us, common })) => {
                (Subject::Lock { contenders, critical_section_ns: critical_section_us }, common)
            }
            Some(Of::Pool(Pool { grain_us, workers, common })) => {
                (Subject::Pool { grain_ns: grain_us, workers }, common)
            }
            Some(Of::State(State { contenders, reads_percent, message_bytes, common })) => {
                (Subject::State { contenders, reads_percent, message_bytes }, common)
            }
            Some(Of::Start(Start { parent_rss, batch, common })) => {
                (Subject::Start { parent_rss_bytes: parent_rss, batch }, common)
            }
            None => (self.transport.subject(&self.common.recordings)?, self.common),
        };
        common.answer(subject, out)
    }
}

impl Transport {
    fn subject(self, recordings: &[PathBuf]) -> anyhow::Result<Subject> {
        let (Some(message_bytes), Some(rate_per_s)) = (self.message_bytes, self.rate) else {
            // A misspelt subject looks like a recording.
            if let Some(word) = recordings.first().filter(|path| !path.exists()).and_then(|path| path.to_str()) {
                anyhow::bail!("{}", crate::plan::text::unknown("subject", word, ["lock", "pool", "state", "start"]));
            }
            let missing = [("--message-bytes", self.message_bytes), ("--rate", self.rate)];
            let missing: Vec<&str> =
                missing.iter().filter(|(_, value)| value.is_none()).map(|(flag, _)| *flag).collect();
            anyhow::bail!(
                "{} missing: advice about messages needs --message-bytes and --rate; see also `advise lock`, `pool`, `state`, `start`",
                missing.join(" and ")
            );
        };
        let pattern = Pattern { senders: self.producers, receivers: self.consumers };
        Ok(Subject::Transport { message_bytes, rate_per_s, pattern })
    }
}

impl Common {
    fn answer(self, subject: Subject, out: &mut impl Write) -> anyhow::Result<u8> {
        if let Subject::Transport { pattern, .. } = subject {
            ensure!(
                pattern.roles() <= ROLES_MAX,
                "--producers and --consumers are {} processes; a trial has at most {ROLES_MAX}",
                pattern.roles()
            );
        }
        let request = Request {
            subject,
            p99_ns: self.p99_us.map(|us| us * 1e3),
            max_cpus: self.max_cpu,
            must_survive_crash: self.must_survive_crash,
        };
        let ground = Ground::here();
        let refused = |row: &str| measure::refusal(&ground, subject, row);
        let mut recording = match (self.recordings.as_slice(), self.measure) {
            ([], Some(_)) => Recording::default(),
            ([], None) => read(&[latest_run()?])?,
            (given, _) => read(given)?,
        };
        if let Some(budget) = self.measure {
            let before = advise(&request, &by_machine(recording.clone()), &refused);
            let measured = measure::missing(&ground, &before, budget, self.out.as_ref(), self.quiet)?;
            if let Some(signal) = measured.interrupted {
                return Ok(super::ended_by(signal));
            }
            // Records of this machine come last: the advice is for it.
            recording.records.extend(measured.records);
        }
        ensure!(!recording.records.is_empty(), "there are no records in the given files, and nothing was measured");
        let mut advice = advise(&request, &by_machine(recording), &refused);
        let absent: Vec<String> =
            measure::able(&ground, subject).into_iter().filter(|row| !advice.knows(row)).collect();
        let why = "not in these records; --measure tries them";
        advice.excluded.extend(absent.into_iter().map(|row| Excluded {
            row,
            why: why.to_owned(),
            detail: String::new(),
        }));
        if self.json {
            table::write_json(out, &advice)?;
        } else {
            text::write(out, &advice)?;
        }
        Ok(super::FINE)
    }
}

/// Directory of the run in [`DEFAULT_RUNS`] that was written to last.
fn latest_run() -> anyhow::Result<PathBuf> {
    let runs = std::fs::read_dir(DEFAULT_RUNS).into_iter().flatten().flatten().map(|entry| entry.path());
    let written = |run: &PathBuf| std::fs::metadata(run.join("records.jsonl")).and_then(|file| file.modified()).ok();
    let latest = runs.filter_map(|run| Some((written(&run)?, run))).max();
    let (_, run) = latest.with_context(|| {
        format!("{DEFAULT_RUNS} has no run to take evidence from; name RECORDINGS, or measure with --measure 2m")
    })?;
    print_line(&format!("note: evidence from the latest run, {}", run.display()));
    Ok(run)
}

fn read(paths: &[PathBuf]) -> anyhow::Result<Recording> {
    let recording = ipcmark_reports::read(paths)?;
    note_left_out(&recording.bad_lines);
    Ok(recording)
}

/// A number as plans write it, within the range of the parameter `name`.
fn parameter(name: &str, text: &str) -> Result<u64, String> {
    let row = Parameter::find(name).expect("a row of the table");
    row.set(&mut Params::default(), text)?;
    row.unit.read(text)
}

fn small(name: &str, text: &str) -> Result<u32, String> {
    parameter(name, text)?.try_into().map_err(|_| format!("at most {}", u32::MAX))
}

/// Microseconds as nanoseconds, within the range of work in plans.
fn microseconds(text: &str) -> Result<u64, String> {
    let us: f64 = text.parse().map_err(|_| "a number of microseconds, such as 0.5 or 20".to_owned())?;
    let (_, most) = Parameter::find("grain_ns").expect("a row of the table").range;
    let ns = us * 1e3;
    if ns >= 0.0 && ns <= most as f64 {
        Ok(ns.round() as u64)
    } else {
        Err(format!("0 to {} microseconds", most / 1000))
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "a number such as 50 or 1.5".to_owned())?;
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err("a number above 0".to_owned()) }
}
