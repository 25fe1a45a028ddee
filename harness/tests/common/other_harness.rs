//! A harness in a process of its own, to be killed while its trial runs. Unlike `ipcmark run` it measures no floors first.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use ipcmark::record::Case;
use ipcmark_harness::trial::Session;
use tempfile::TempDir;

use super::user_run::fresh_places;
use super::{PROGRAM, Process, long, processes, processes_naming, run_id, short};

/// Environment variable with the case of the other harness, as JSON.
const CASE: &str = "IPCMARK_TEST_CASE";

/// Hot time of its trial: longer than any test waits.
const HOT_NS: u64 = 60_000_000_000;

/// The other harness and its directories for leases and temporary files. Dropping it kills it.
pub struct OtherHarness {
    process: Child,
    places: TempDir,
}

impl OtherHarness {
    /// Starts this test program again, as a harness that runs one long trial of `case`.
    pub fn start(case: &Case) -> Self {
        let places = fresh_places();
        let at = |name: &str| places.path().join(name);
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "common::other_harness::run_the_case_in_the_environment"]);
        command.env(CASE, serde_json::to_string(case).expect("JSON"));
        command.env("TMPDIR", at("tmp")).env("XDG_RUNTIME_DIR", at("runtime"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { process: command.spawn().expect("this program runs"), places }
    }

    pub fn pid(&self) -> i32 {
        self.process.id().cast_signed()
    }

    /// Its processes at any depth: all have the run's directory in their environment.
    pub fn descendants(&self) -> Vec<Process> {
        let place = self.path().display().to_string();
        let is_descendant = |it: &Process| it.pid != self.pid() && it.home.display().to_string().contains(&place);
        processes().into_iter().filter(is_descendant).collect()
    }

    /// Processes and files of the run that still exist.
    pub fn traces(&self) -> Vec<String> {
        let files = super::user_run::entries(self.path()).into_iter().map(|path| path.display().to_string());
        processes_naming(&self.path().display().to_string()).into_iter().chain(files).collect()
    }

    pub fn kill(&mut self) {
        self.process.kill().expect("our child");
        self.process.wait().expect("reaped");
    }

    fn path(&self) -> &Path {
        self.places.path()
    }
}

impl Drop for OtherHarness {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The main function of the other harness. As a test it does nothing.
#[test]
fn run_the_case_in_the_environment() {
    let Ok(case) = std::env::var(CASE) else { return };
    let case: Case = serde_json::from_str(&case).expect("a case");
    // A count, since one that is predicted for a time may be far too small on a busy machine.
    let mut order = if case.program.is_none() { long(case) } else { short(case) };
    order.timing.hot_ns = HOT_NS;
    Session::open_with(&run_id("other"), Path::new(PROGRAM)).expect("a session").run_trial(&order);
}
