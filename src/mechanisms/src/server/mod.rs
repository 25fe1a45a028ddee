//! Servers: one service for many connections. `registry.rs` lists the rows, each a design and a kind of address.
//!
//! The protocol is minimal: a client sends a request of an agreed size and reads a response of another agreed size, any
//! number of times, then disconnects. Designs differ in how the server finds the connections that have a request, and
//! in which thread or process executes it.

pub mod addresses;
mod blocking;
mod connection;
mod epoll;
pub mod host;
pub mod limits;
mod registry;
mod uring;

use std::io;
use std::os::fd::BorrowedFd;

use crate::record::{self, Case, Measure};

pub use connection::{receive, send};
pub use registry::{Entry, rows};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "server";

/// Measures of every server.
pub const MEASURES: &[Measure] = &[Measure::Serve, Measure::Paced, Measure::Conformance];

/// What a server does for a request, between its last byte and the first byte of the response.
pub trait Service: Copy + Send + Sync {
    /// Bytes of each request.
    fn request_bytes(&self) -> usize;

    /// Replaces the request in `buffer`, which it fills, by a response at its front. Returns the length of the
    /// response, at least 1.
    fn respond(&self, buffer: &mut [u8]) -> usize;
}

/// How many connections a server serves concurrently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// One at a time, until its client disconnects. Clients connect for each request, or others would starve.
    OneConnection,
    /// All open connections. Clients stay connected.
    AllConnections,
}

/// What a server starts per connection, which counts against the user's limit on processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerConnection {
    /// Nothing.
    Nothing,
    /// A thread or a process.
    Task,
}

/// A server design, for any kind of address.
pub trait Server: 'static {
    /// One line for `ipcmark list`. The kind of address is in the row's name.
    const SUMMARY: &'static str;
    /// How many connections it serves concurrently.
    const CONCURRENCY: Concurrency = Concurrency::AllConnections;
    /// What it starts per connection.
    const PER_CONNECTION: PerConnection = PerConnection::Nothing;

    /// Why this machine cannot run it, if it cannot.
    fn unavailable() -> Option<String> {
        None
    }

    /// Serves clients until `listener` is shut down. When it returns, it has closed all connections, joined its threads
    /// and reaped its children. Runs in a process with a single thread.
    ///
    /// Errors: those of the system, except for clients that disconnect.
    fn serve<S: Service>(listener: BorrowedFd<'_>, service: S) -> io::Result<()>;
}

/// Most clients of one server.
pub const MAX_CLIENTS: u32 = 1000;
/// Size of the response of a server that computes: a checksum of the request.
pub const CHECKSUM_BYTES: usize = 8;
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
