//! Four processes, forked before the first client comes, that accept from one listener. Whoever accepts a connection keeps
//! it and looks after it, together with his others, by epoll(7), as nginx's workers do.
//!
//! In the older form, of Apache's prefork module, a process serves one connection at a time: it would take as many
//! processes as there are clients that stay connected, and with four of them the fifth client would starve. So each looks
//! after several here, and four bear any number. The kernel wakes one of them for a call (`EPOLLEXCLUSIVE`), but does not
//! deal connections out evenly: who is awake already takes the next one, too.
//!
//! Costs four processes, whoever comes; a request costs what it costs by epoll, and up to four are worked at at the same
//! time. Source: epoll_ctl(2); Stevens, Fenner, Rudoff, UNIX Network Programming 1, chapter 30.

use std::io;
use std::os::fd::BorrowedFd;

use super::event_loop::{self, Listens};
use super::{Service, Way};
use crate::child::Child;

/// Processes that accept.
const ACCEPTORS: usize = 4;

/// The way.
pub struct Prefork;

impl Way for Prefork {
    const SUMMARY: &'static str = "four processes forked beforehand, each looks after those it accepts by epoll";

    fn serve<S: Service>(listener: BorrowedFd<'_>, service: S) -> io::Result<()> {
        rustix::io::ioctl_fionbio(listener, true)?;
        let accept = || event_loop::run(listener, service, Listens::WithOthers).expect("an acceptor serves to the end");
        let children: io::Result<Vec<Child>> = (0..ACCEPTORS).map(|_| Child::start(accept)).collect();
        for mut child in children? {
            child.collect()?;
            if !child.exited_successfully() {
                return Err(io::Error::other(format!("an acceptor failed: {}", child.describe_end())));
            }
        }
        Ok(())
    }
}
