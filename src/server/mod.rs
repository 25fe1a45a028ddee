//! One service, many clients: ways for a server to look after many connections. One file each; `registry.rs` is the only
//! list.
//!
//! A server here speaks the simplest protocol there is: a client sends a request of an agreed size and reads an answer of
//! another agreed size, as often as it likes, then closes. What is asked is how the server finds out which of many
//! connections wants something, and who does the work then.

pub mod addresses;
mod conversation;
mod epoll;
mod event_loop;
pub mod host;
mod iterative;
pub mod limits;
mod prefork;
mod process_per_connection;
mod registry;
mod thread_per_connection;
mod uring;

use std::io;
use std::os::fd::BorrowedFd;

use crate::record::{self, Case, Measure};

pub use conversation::{receive, send};
pub use registry::{Entry, rows};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "server";

/// Questions that every server answers.
pub const MEASURES: &[Measure] = &[Measure::Serve, Measure::Paced, Measure::Conformance];

/// What a server does for each request. It is called between the last byte of a request and the first of its answer.
pub trait Service: Copy + Send + Sync {
    /// Bytes of each request.
    fn request_bytes(&self) -> usize;

    /// Turns the request in `buffer`, which holds nothing else, into an answer at its front, and says how many bytes
    /// that has: one at least.
    fn answer(&self, buffer: &mut [u8]) -> usize;
}

/// How many a way of serving looks after at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// One connection is served to its end before the next is looked at, so clients that stay would starve the others:
    /// they connect anew for each request.
    OneConnection,
    /// All that are open, as their requests come; clients stay connected.
    AllConnections,
}

/// What a server starts for each connection, which counts against the user's limit on processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerConnection {
    /// Nothing.
    Nothing,
    /// A thread or a process.
    Task,
}

/// A way to serve. The same for every kind of address.
pub trait Way: 'static {
    /// One line for `ipcmark list`; the kind of address is in the row's name.
    const SUMMARY: &'static str;
    /// How many connections it looks after at a time.
    const PATIENCE: Patience = Patience::AllConnections;
    /// What it starts for each of them.
    const PER_CONNECTION: PerConnection = PerConnection::Nothing;

    /// Why this machine cannot run it at all.
    fn unavailable() -> Option<String> {
        None
    }

    /// Serves whoever connects to `listener`, and returns once that has been shut down. Then it has closed every
    /// connection, joined every thread and collected every process of its own. Runs in a process of one thread.
    ///
    /// Errors: the system's. That a client is gone is none.
    fn serve<S: Service>(listener: BorrowedFd<'_>, service: S) -> io::Result<()>;
}

/// Most clients of one server.
pub const MAX_CLIENTS: u32 = 1000;
/// The answer of a server that computes: a sum over the request.
pub const SUM_BYTES: usize = 8;
/// Size of a request where the case names none.
const REQUEST_BYTES: u64 = 64;

/// Bytes of each request.
pub fn request_bytes(case: &Case) -> usize {
    case.params.message_bytes.unwrap_or(REQUEST_BYTES) as usize
}

/// What the server does.
pub fn service(case: &Case) -> record::Service {
    case.params.service.unwrap_or(record::Service::Echo)
}
