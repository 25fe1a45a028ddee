//! One thread that looks after all connections by epoll(7): it sleeps until some of them have something to say, and serves
//! those. Nothing is started for a connection, whose memory is its buffer; under load one epoll_wait(2) tells of many
//! requests, so a request costs little more than its read and its write. The work itself is done one request at a time.

use std::io;
use std::os::fd::BorrowedFd;

use super::event_loop::{self, Listens};
use super::{Service, Way};

/// The way.
pub struct Epoll;

impl Way for Epoll {
    const SUMMARY: &'static str = "one thread that looks after all connections by epoll";

    fn serve<S: Service>(listener: BorrowedFd<'_>, service: S) -> io::Result<()> {
        rustix::io::ioctl_fionbio(listener, true)?;
        event_loop::run(listener, service, Listens::Alone)
    }
}
