//! One connection at a time: accept, serve it to its end, accept the next. The server of every first chapter. Nothing is
//! started and nothing is kept for a connection; whoever comes meanwhile waits in the listener's queue, and a client that
//! says nothing keeps everybody waiting. Source: Stevens, Fenner, Rudoff, UNIX Network Programming 1, chapter 30.
//!
//! Its clients connect anew for each request: if they stayed, the second would wait for the first to leave.

use std::io;
use std::os::fd::BorrowedFd;

use super::conversation;
use super::{Patience, Service, Way};

/// The way.
pub struct Iterative;

impl Way for Iterative {
    const SUMMARY: &'static str = "one connection at a time, served to its end; a connection for each request";
    const PATIENCE: Patience = Patience::OneConnection;

    fn serve<S: Service>(listener: BorrowedFd<'_>, service: S) -> io::Result<()> {
        while let Some(connection) = conversation::next(listener)? {
            conversation::hold(&connection, service)?;
        }
        Ok(())
    }
}
