//! `ipcmark run` as a user starts it, to be killed or interrupted, and its leftovers.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;

use super::{PROGRAM, processes_naming, wait_for, workers_of};

/// `ipcmark run` as a user starts it, with places of its own for leases, temporary files and records.
pub struct UserRun {
    pub command: Child,
    pub places: tempfile::TempDir,
}

impl UserRun {
    /// Starts a run in places of its own and waits until it has workers.
    pub fn at_work() -> Self {
        Self::at_work_in(fresh_places(), "records")
    }

    /// The same in the directories of another run.
    pub fn at_work_in(places: tempfile::TempDir, records: &str) -> Self {
        Self::at_work_on("smoke", places, records)
    }

    /// The same with a plan by name or path.
    pub fn at_work_on(plan: &str, places: tempfile::TempDir, records: &str) -> Self {
        let at = |name: &str| places.path().join(name);
        let mut command = Command::new(PROGRAM);
        command.args(["run", "--plan", plan, "--quiet", "--out"]).arg(at(records));
        command.env("TMPDIR", at("tmp")).env("XDG_RUNTIME_DIR", at("runtime"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: three system calls between fork and exec. A shell may have started this test with some of them ignored.
        #[allow(unsafe_code)]
        unsafe {
            command.pre_exec(|| {
                for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
                    nix::sys::signal::signal(signal, nix::sys::signal::SigHandler::SigDfl)?;
                }
                Ok::<(), io::Error>(())
            })
        };
        let command = command.spawn().expect("the command runs");
        let run = Self { command, places };
        wait_for("the run's first workers", || (!workers_of(run.pid()).is_empty()).then_some(()));
        run
    }

    pub fn pid(&self) -> i32 {
        self.command.id().cast_signed()
    }

    /// Processes and files of the run that still exist.
    pub fn traces(&self) -> Vec<String> {
        let files = entries(self.places.path()).into_iter().map(|path| path.display().to_string());
        processes_naming(&self.places.path().display().to_string()).into_iter().chain(files).collect()
    }
}

impl Drop for UserRun {
    fn drop(&mut self) {
        let _ = self.command.kill();
        let _ = self.command.wait();
    }
}

/// Places for a run of one's own: temporary files and leases.
pub fn fresh_places() -> tempfile::TempDir {
    let places = tempfile::tempdir().expect("a temporary directory");
    for name in ["tmp", "runtime"] {
        std::fs::create_dir(places.path().join(name)).expect("made");
    }
    places
}

/// Run directories and leases below a run's places.
pub fn entries(places: &Path) -> Vec<PathBuf> {
    let folders = ["tmp", "runtime/ipcmark"].map(|name| std::fs::read_dir(places.join(name)));
    folders.into_iter().flatten().flatten().flatten().map(|entry| entry.path()).collect()
}
