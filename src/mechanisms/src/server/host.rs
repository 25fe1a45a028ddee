//! A running server: a process of its own, forked from one with a single thread. Shutting its listener down stops it.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use super::addresses::{Address, Listener};
use super::{Server, Service, limits};
use crate::child::Child;
use crate::{abort, clock};

/// Time limit to stop: the server has to join threads and reap children.
const STOP_NS: u64 = 5_000_000_000;
/// Interval between checks whether it has stopped.
const CHECK_INTERVAL: Duration = Duration::from_millis(1);

/// A running server.
#[derive(Debug)]
pub struct Host {
    listener: Listener,
    process: Child,
    /// Message of a failed server.
    failure: PipeReader,
}

impl Host {
    /// Starts a server. Clients can connect as soon as this returns, even before the server accepts.
    ///
    /// Errors: those of socket and fork; this process has several threads.
    pub fn start<W: Server, A: Address, S: Service>(service: S) -> io::Result<Self> {
        limits::raise()?;
        let listener = A::listen()?;
        let (failure, report) = io::pipe()?;
        let process = Child::start(|| run::<W, S>(&listener, service, report))?;
        Ok(Self { listener, process, failure })
    }

    /// The address, for [`Address::connect`].
    pub fn place(&self) -> &str {
        self.listener.place()
    }

    /// The pid of the server's first process.
    pub fn pid(&self) -> u32 {
        self.process.pid().as_raw().cast_unsigned()
    }

    /// Stops the server and waits until it has exited. Afterwards nothing of it is left, including its path.
    ///
    /// Errors: the server failed, with its message; or it did not stop in time and was killed.
    pub fn stop(mut self) -> io::Result<()> {
        self.listener.shut_down()?;
        let deadline_ns = clock::now_ns() + STOP_NS;
        while !self.process.has_ended()? {
            if clock::now_ns() > deadline_ns || abort::requested() {
                self.process.kill()?;
                return Err(io::Error::other("the server did not stop when it was told to"));
            }
            thread::sleep(CHECK_INTERVAL);
        }
        if self.process.exited_successfully() {
            return Ok(());
        }
        let mut why = String::new();
        self.failure.read_to_string(&mut why)?;
        let end = self.process.describe_end();
        Err(io::Error::other(if why.is_empty() { format!("the server failed: {end}") } else { why }))
    }
}

/// Main function of the server process.
fn run<W: Server, S: Service>(listener: &Listener, service: S, mut report: PipeWriter) {
    if let Err(error) = W::serve(listener.as_fd(), service) {
        let _ = write!(report, "the server failed: {error}");
        // A panic ends the process with an error status.
        panic!("the server failed: {error}");
    }
}
