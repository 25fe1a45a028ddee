//! The command `ipcmark`. The same file is every worker and the janitor of a run: which one is told by its arguments.

use std::process::ExitCode;

fn main() -> ExitCode {
    ipcmark_harness::Suite::new().main()
}
