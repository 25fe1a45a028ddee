//! Servers with blocking calls: one connection at a time, a thread per connection, or a process per connection.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Arc, Weak};
use std::thread;

use super::{Concurrency, PerConnection, Server, Service, connection};
use crate::child::Child;

/// One connection at a time: accept, serve it until the client disconnects, accept the next. Needs no resources per
/// connection. Other clients wait in the listener's queue, and an idle client blocks all others.
/// Source: Stevens, Fenner, Rudoff, UNIX Network Programming 1, chapter 30.
///
/// Its clients connect for each request. If they stayed connected, the second would wait until the first disconnects.
pub struct Iterative;

impl Server for Iterative {
    const SUMMARY: &'static str = "one connection at a time; a connection for each request";
    const CONCURRENCY: Concurrency = Concurrency::OneConnection;

    fn serve<S: Service>(listener: BorrowedFd<'_>, service: S) -> io::Result<()> {
        while let Some(client) = connection::next(listener)? {
            connection::serve(&client, service)?;
        }
        Ok(())
    }
}

/// A thread per connection, which blocks in read(2). Cost: the start of a thread per connection (some ten
/// microseconds), a stack of which few pages are touched, and a context switch per request. Source: pthreads(7);
/// Stevens, Fenner, Rudoff, UNIX Network Programming 1, chapter 30.
pub struct ThreadPerConnection;

impl Server for ThreadPerConnection {
    const SUMMARY: &'static str = "a thread for each connection";
    const PER_CONNECTION: PerConnection = PerConnection::Task;

    fn serve<S: Service>(listener: BorrowedFd<'_>, service: S) -> io::Result<()> {
        thread::scope(|scope| {
            let mut open = Open::default();
            let mut accept = || {
                while let Some(client) = connection::next(listener)? {
                    let client = Arc::new(client);
                    open.add(&client);
                    // An error ends this connection only; its client notices.
                    thread::Builder::new().spawn_scoped(scope, move || drop(connection::serve(&*client, service)))?;
                }
                Ok(())
            };
            let result = accept();
            open.shut_down();
            result
        })
    }
}

/// The connections that threads serve. Each thread owns its connection and closes it.
#[derive(Default)]
struct Open {
    connections: Vec<Weak<OwnedFd>>,
    /// Length at which closed connections are removed: rarely enough to cost nothing per connection.
    sweep_at: usize,
}

impl Open {
    fn add(&mut self, connection: &Arc<OwnedFd>) {
        if self.connections.len() >= self.sweep_at {
            self.connections.retain(|one| one.strong_count() > 0);
            self.sweep_at = 2 * self.connections.len().max(32);
        }
        self.connections.push(Arc::downgrade(connection));
    }

    /// Shuts all connections down: a thread in read(2) gets end of file.
    fn shut_down(&self) {
        for connection in self.connections.iter().filter_map(Weak::upgrade) {
            // Fails if the client has disconnected meanwhile.
            let _ = rustix::net::shutdown(&*connection, rustix::net::Shutdown::Both);
        }
    }
}

/// A process per connection: the server forks after accept(2), and the child serves the connection. Clients cannot
/// affect each other. Cost: a fork per connection (some hundred microseconds, more with a large parent), page tables
/// and copied pages; a request costs as much as with a thread. Source: fork(2); the early NCSA and CERN web servers,
/// inetd(8).
pub struct ProcessPerConnection;

impl Server for ProcessPerConnection {
    const SUMMARY: &'static str = "a forked process for each connection";
    const PER_CONNECTION: PerConnection = PerConnection::Task;

    fn serve<S: Service>(listener: BorrowedFd<'_>, service: S) -> io::Result<()> {
        let mut children: Vec<Child> = vec![];
        // Length at which ended children are reaped: rarely enough to cost nothing per connection.
        let mut sweep_at = 0;
        while let Some(client) = connection::next(listener)? {
            if children.len() >= sweep_at {
                reap_ended(&mut children)?;
                sweep_at = 2 * children.len().max(32);
            }
            // An error ends this connection only; its client notices. The parent's copy of the connection must be
            // closed here, or the child's exit would not close it.
            children.push(Child::start(|| drop(connection::serve(&client, service)))?);
        }
        // Dropping the children kills and reaps those that still have a client.
        Ok(())
    }
}

fn reap_ended(children: &mut Vec<Child>) -> io::Result<()> {
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
