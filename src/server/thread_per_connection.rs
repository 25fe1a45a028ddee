//! A thread for each connection, which blocks in its read. The kernel's scheduler finds out who wants something. Costs a
//! thread start for each connection (some ten microseconds), a stack, of which few pages are ever touched, and a switch for
//! each request. Source: pthreads(7); Stevens, Fenner, Rudoff, UNIX Network Programming 1, chapter 30.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Arc, Weak};
use std::thread;

use super::conversation;
use super::{PerConnection, Service, Way};

/// The way.
pub struct ThreadPerConnection;

impl Way for ThreadPerConnection {
    const SUMMARY: &'static str = "a thread for each connection";
    const PER_CONNECTION: PerConnection = PerConnection::Task;

    fn serve<S: Service>(listener: BorrowedFd<'_>, service: S) -> io::Result<()> {
        thread::scope(|scope| {
            let mut open = Open::default();
            let mut accept = || {
                while let Some(connection) = conversation::next(listener)? {
                    let connection = Arc::new(connection);
                    open.add(&connection);
                    // What goes wrong in one conversation ends that one, as its client sees.
                    thread::Builder::new()
                        .spawn_scoped(scope, move || drop(conversation::hold(&*connection, service)))?;
                }
                Ok(())
            };
            let over = accept();
            open.hang_up();
            over
        })
    }
}

/// The connections whose threads are at work. Each thread owns its own, and closes it.
#[derive(Default)]
struct Open {
    connections: Vec<Weak<OwnedFd>>,
    /// Length at which those that ended are looked for: rarely enough that it costs nothing for each.
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

    /// Ends every conversation: a thread in its read is told that the stream has ended.
    fn hang_up(&self) {
        for connection in self.connections.iter().filter_map(Weak::upgrade) {
            // One whose client has left meanwhile is no longer connected.
            let _ = rustix::net::shutdown(&*connection, rustix::net::Shutdown::Both);
        }
    }
}
