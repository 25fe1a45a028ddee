//! A process for each connection: the server forks after accept(2), and the child serves that one to its end. Nothing that
//! a client does can hurt another. Costs a fork for each connection (some hundred microseconds, more where the server's
//! memory is large) and page tables and copied pages as memory; a request costs what it costs with a thread.
//! Source: fork(2); the early NCSA and CERN web servers, inetd(8).

use std::io;
use std::os::fd::BorrowedFd;

use super::conversation;
use super::{PerConnection, Service, Way};
use crate::child::Child;

/// The way.
pub struct ProcessPerConnection;

impl Way for ProcessPerConnection {
    const SUMMARY: &'static str = "a forked process for each connection";
    const PER_CONNECTION: PerConnection = PerConnection::Task;

    fn serve<S: Service>(listener: BorrowedFd<'_>, service: S) -> io::Result<()> {
        let mut children: Vec<Child> = vec![];
        // Length at which those that ended are collected: rarely enough that it costs nothing for each.
        let mut sweep_at = 0;
        while let Some(connection) = conversation::next(listener)? {
            if children.len() >= sweep_at {
                collect_ended(&mut children)?;
                sweep_at = 2 * children.len().max(32);
            }
            // What goes wrong in one conversation ends that one, as its client sees. The parent's copy of the connection
            // closes here, or the child's end would not close it.
            children.push(Child::start(|| drop(conversation::hold(&connection, service)))?);
        }
        // Those that still have a client are ended with their owners, and collected.
        Ok(())
    }
}

fn collect_ended(children: &mut Vec<Child>) -> io::Result<()> {
    let mut at = 0;
    while at < children.len() {
        if children[at].has_ended()? {
            children.swap_remove(at);
        } else {
            at += 1;
        }
    }
    Ok(())
}
