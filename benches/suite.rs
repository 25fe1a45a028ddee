//! `cargo bench`: quick plan with real processes, summary on the terminal, report in
//! `target/reports/latest/index.html`.
//!
//! A trial consists of processes and not of a loop to sample, so this is no criterion bench. It accepts criterion's
//! arguments, since cargo passes them to every bench target, and runs unless a filter excludes its name. Each run has
//! its own directory, named by the time; `latest` links to the newest complete one. Without `--bench`, as under
//! `cargo test --benches`, or with `--test`, it runs the smoke plan once, into `target/reports/smoke`.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::SystemTime;

use ipcmark_harness::bench::{Arguments, dated_directory, set_latest, target_directory};
use ipcmark_harness::cli;
use ipcmark_harness::plan::Changes;
use ipcmark_harness::run::{Destination, Options};

fn main() -> ExitCode {
    ipcmark::worker::run_if_worker();
    ipcmark_harness::janitor::run_if_janitor();
    let status = Arguments::of_this_process()
        .and_then(|arguments| if arguments.runs("suite") { perform(arguments.measures) } else { Ok(0) });
    ExitCode::from(status.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "error: {error:#}");
        2
    }))
}

fn perform(measures: bool) -> anyhow::Result<u8> {
    let reports = target_directory().join("reports");
    let dated = dated_directory(&reports, SystemTime::now());
    let (plan, destination) = if measures {
        ("quick", Destination::New(dated.clone()))
    } else {
        ("smoke", Destination::Replace(reports.join("smoke")))
    };
    let options = Options {
        participants: vec![],
        plan: Some(plan.to_owned()),
        text: None,
        changes: Changes::default(),
        seed: None,
        destination,
        quiet: false,
    };
    let mut out = io::stdout().lock();
    let status = cli::perform(&options, &mut out)?;
    // Statuses 0 and 1 mean a complete run; an interrupted run leaves the link unchanged.
    if measures && status <= 1 && dated.join("index.html").exists() {
        let latest = set_latest(&dated)?;
        let _ = writeln!(out, "the newest report: {}", latest.join("index.html").display());
    }
    Ok(status)
}
