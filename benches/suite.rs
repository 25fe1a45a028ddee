//! `cargo bench`: the quick plan with real processes, its summary here and its report in `target/reports/index.html`.
//!
//! Not a criterion bench: a trial is a set of processes, not a loop to be sampled. It tolerates criterion's arguments,
//! since cargo hands the same ones to every bench target, and it heeds a name to filter by. Without `--bench`, as under
//! `cargo test --benches`, or with `--test`, it runs the smoke plan once, into `target/reports/smoke`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ipcmark_harness::cli;
use ipcmark_harness::plan::Changes;
use ipcmark_harness::run::{Destination, Options};

/// The name that a filter has to match.
const NAME: &str = "suite";

/// Criterion's options that take a value, which is not a name to filter by.
const WITH_VALUE: &[&str] = &[
    "--save-baseline",
    "--baseline",
    "--baseline-lenient",
    "--load-baseline",
    "--sample-size",
    "--warm-up-time",
    "--measurement-time",
    "--nresamples",
    "--noise-threshold",
    "--confidence-level",
    "--significance-level",
    "--plotting-backend",
    "--output-format",
    "--profile-time",
    "--color",
    "--colour",
    "--format",
    "-b",
    "-c",
];

fn main() -> ExitCode {
    ipcmark::worker::run_if_worker();
    ipcmark_harness::janitor::run_if_janitor();
    let call = Call::read(std::env::args().skip(1));
    if call.lists {
        println!("{NAME}: benchmark");
        return ExitCode::SUCCESS;
    }
    if !call.is_for_us() {
        println!("{NAME}: left out, as no filter matches its name");
        return ExitCode::SUCCESS;
    }
    let reports = target_directory().join("reports");
    let (plan, directory) = if call.measures { ("quick", reports) } else { ("smoke", reports.join("smoke")) };
    let options = Options {
        participants: vec![],
        plan: Some(plan.to_owned()),
        changes: Changes::default(),
        seed: None,
        destination: Destination::Replace(directory),
        quiet: false,
    };
    let status = cli::perform(&options, &mut io::stdout().lock()).unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "error: {error:#}");
        2
    });
    ExitCode::from(status)
}

/// What the command line asks for.
#[derive(Default)]
struct Call {
    measures: bool,
    lists: bool,
    exact: bool,
    filters: Vec<String>,
}

impl Call {
    fn read(mut arguments: impl Iterator<Item = String>) -> Self {
        let (mut call, mut tests) = (Self::default(), false);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => call.measures = true,
                "--test" => tests = true,
                "--list" => call.lists = true,
                "--exact" => call.exact = true,
                option if WITH_VALUE.contains(&option) => drop(arguments.next()),
                option if option.starts_with('-') => {}
                _ => call.filters.push(argument),
            }
        }
        call.measures &= !tests;
        call
    }

    fn is_for_us(&self) -> bool {
        let fits = |filter: &String| if self.exact { filter == NAME } else { NAME.contains(filter.as_str()) };
        self.filters.is_empty() || self.filters.iter().any(fits)
    }
}

/// Cargo's target directory: the one this program was built into, wherever it was told to be.
fn target_directory() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let told = std::env::var_os("CARGO_TARGET_DIR").and_then(|path| std::fs::canonicalize(path).ok());
    let named = || program.ancestors().find(|folder| folder.ends_with("target"));
    // target/<profile>/deps/suite-<hash>
    let above = || program.ancestors().nth(3);
    told.as_deref()
        .filter(|folder| program.starts_with(folder))
        .or_else(named)
        .or_else(above)
        .unwrap_or_else(|| Path::new("target"))
        .to_owned()
}
