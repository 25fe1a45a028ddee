//! A server as its host keeps it: a process of its own, forked from one that has a single thread, told to end by shutting
//! its listener down, and looked at until nothing of it is left.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use super::addresses::{Address, Listener};
use super::{Service, Way, limits};
use crate::child::Child;
use crate::{abort, clock};

/// How long a server that was told to end may take: it has threads to join and children to collect.
const PATIENCE_NS: u64 = 5_000_000_000;
/// Between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(1);

/// A running server.
#[derive(Debug)]
pub struct Host {
    listener: Listener,
    process: Child,
    /// What it has to say when it fails.
    complaints: PipeReader,
}

impl Host {
    /// Starts a server, ready for clients: they can connect before it accepts.
    ///
    /// Errors: those of socket and fork; this process has more threads than one.
    pub fn start<W: Way, A: Address, S: Service>(service: S) -> io::Result<Self> {
        limits::raise()?;
        let listener = A::listen()?;
        let (complaints, complain) = io::pipe()?;
        let process = Child::start(|| live::<W, S>(&listener, service, complain))?;
        Ok(Self { listener, process, complaints })
    }

    /// How clients find it.
    pub fn place(&self) -> &str {
        self.listener.place()
    }

    /// The number of its first process.
    pub fn pid(&self) -> u32 {
        self.process.pid().as_raw().cast_unsigned()
    }

    /// Tells it to end, and returns once it has. Nothing of it is left then, its path neither.
    ///
    /// Errors: it failed, with what it says; it did not end in time, and was killed.
    pub fn stop(mut self) -> io::Result<()> {
        self.listener.shut_down()?;
        let deadline_ns = clock::now_ns() + PATIENCE_NS;
        while !self.process.has_ended()? {
            if clock::now_ns() > deadline_ns || abort::requested() {
                self.process.kill()?;
                return Err(io::Error::other("the server did not end when it was told to"));
            }
            thread::sleep(LOOK);
        }
        if self.process.exited_successfully() {
            return Ok(());
        }
        let mut why = String::new();
        self.complaints.read_to_string(&mut why)?;
        let end = self.process.describe_end();
        Err(io::Error::other(if why.is_empty() { format!("the server failed: {end}") } else { why }))
    }
}

/// The server's whole life.
fn live<W: Way, S: Service>(listener: &Listener, service: S, mut complain: PipeWriter) {
    if let Err(error) = W::serve(listener.as_fd(), service) {
        let _ = write!(complain, "the server failed: {error}");
        // Ends the process with a status of its own.
        panic!("the server failed: {error}");
    }
}
