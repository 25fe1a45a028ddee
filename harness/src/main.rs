//! The command `ipcmark`. The same file is every worker and the janitor of a run: which one is told by its arguments.

use std::process::ExitCode;

fn main() -> ExitCode {
    ipcmark::worker::run_if_worker();
    ipcmark_harness::janitor::run_if_janitor();
    ipcmark_harness::cli::main()
}
