//! The command `ipcmark` as a part of other programs, which add their own mechanisms.

use std::process::ExitCode;

use ipcmark::family;
use ipcmark::lock::Lock;
use ipcmark::transport::Transport;

/// The command `ipcmark`, and the rows that a program adds to it.
///
/// A run starts the same program again for every worker, so `main` builds the suite before anything else.
#[derive(Debug, Default)]
#[must_use = "the suite runs with `main`"]
pub struct Suite(());

impl Suite {
    /// With the rows of the library.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a transport as `name`: `mechanism/wait`, or `mechanism` where nothing waits.
    ///
    /// Panics: the name is taken, or does not end in the transport's wait.
    pub fn transport<T: Transport>(self, name: &'static str) -> Self {
        family::add_transport::<T>(name);
        self
    }

    /// Adds a lock as `name`: `mechanism/wait`, or `mechanism` where nothing waits.
    ///
    /// Panics: the name is taken, or does not end in the lock's wait.
    pub fn lock<L: Lock>(self, name: &'static str) -> Self {
        family::add_lock::<L>(name);
        self
    }

    /// Runs as a worker or janitor if started as one; otherwise runs the command line.
    pub fn main(self) -> ExitCode {
        ipcmark::worker::run_if_worker();
        crate::janitor::run_if_janitor();
        crate::ab::keeper::run_if_keeper();
        crate::cli::main()
    }
}
