//! The command `ipcmark`. The same program also runs as the workers and the janitor of a run.

use std::process::ExitCode;

fn main() -> ExitCode {
    ipcmark_harness::Suite::new().main()
}
