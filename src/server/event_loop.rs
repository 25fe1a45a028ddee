//! A loop over epoll_wait(2) that looks after many connections with one thread: each has a buffer and remembers how far its
//! request or answer has come. Level-triggered, so what was not read is reported again. Not a mechanism; `epoll` and
//! `prefork` run it. Source: epoll(7).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use rustix::net::{SendFlags, SocketFlags};

use super::Service;
use super::conversation::{Call, accept, is_gone};

/// Reports taken at a time.
const EVENTS: usize = 256;
/// What the listener is reported as; no descriptor has this number.
const LISTENER: u64 = u64::MAX;

/// Whether others wait for the same listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listens {
    /// Nobody else does.
    Alone,
    /// Other processes do: one of them is woken for a call, not all.
    WithOthers,
}

/// Serves until the listener is shut down. The listener must not wait.
pub(super) fn run<S: Service>(listener: BorrowedFd<'_>, service: S, listens: Listens) -> io::Result<()> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let exclusive = match listens {
        Listens::Alone => EpollFlags::empty(),
        Listens::WithOthers => EpollFlags::EPOLLEXCLUSIVE,
    };
    epoll.add(listener, EpollEvent::new(EpollFlags::EPOLLIN | exclusive, LISTENER))?;
    let mut connections = Connections { epoll, by_number: vec![] };
    let mut events = [EpollEvent::empty(); EVENTS];
    loop {
        let ready = match connections.epoll.wait(&mut events, EpollTimeout::NONE) {
            Err(Errno::EINTR) => 0,
            other => other?,
        };
        for event in &events[..ready] {
            if event.data() != LISTENER {
                connections.advance(event.data() as usize, service)?;
            } else if connections.take_calls(listener, service)? || event.events().contains(EpollFlags::EPOLLHUP) {
                // A unix listener that was shut down says so here only: accept(2) goes on to find nobody there.
                return Ok(());
            }
        }
    }
}

/// The open connections.
struct Connections {
    epoll: Epoll,
    /// By the number of the descriptor, which the kernel keeps low.
    by_number: Vec<Option<Connection>>,
}

impl Connections {
    /// Accepts whoever is there. True once there will be no more.
    fn take_calls<S: Service>(&mut self, listener: BorrowedFd<'_>, service: S) -> io::Result<bool> {
        loop {
            match accept(listener, SocketFlags::NONBLOCK)? {
                Call::Taken(socket) => self.add(socket, service)?,
                Call::Nobody => return Ok(false),
                Call::Over => return Ok(true),
            }
        }
    }

    fn add<S: Service>(&mut self, socket: OwnedFd, service: S) -> io::Result<()> {
        let number = socket.as_raw_fd() as usize;
        self.epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, number as u64))?;
        if self.by_number.len() <= number {
            self.by_number.resize_with(number + 1, || None);
        }
        let buffer = vec![0; service.request_bytes()].into_boxed_slice();
        self.by_number[number] = Some(Connection { socket, buffer, at: Stage::Receiving(0), watches_room: false });
        Ok(())
    }

    /// Goes on with the connection of this number. A report of one that was closed a moment ago means nothing, or finds a
    /// newer one of the same number, with nothing to read.
    fn advance<S: Service>(&mut self, number: usize, service: S) -> io::Result<()> {
        let Some(connection) = self.by_number.get_mut(number).and_then(Option::as_mut) else { return Ok(()) };
        match connection.advance(service) {
            Ok(true) => connection.watch(&self.epoll, number as u64),
            // Closing takes it out of the epoll set, since nobody else has the socket open.
            Ok(false) => {
                self.by_number[number] = None;
                Ok(())
            }
            Err(error) if is_gone(&error) => {
                self.by_number[number] = None;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// How far a conversation has come.
#[derive(Clone, Copy)]
enum Stage {
    /// So many bytes of a request are there.
    Receiving(usize),
    /// Of the answer, which ends at `end`, the bytes up to `sent` have been taken.
    Sending { sent: usize, end: usize },
}

struct Connection {
    socket: OwnedFd,
    buffer: Box<[u8]>,
    at: Stage,
    /// Whether it is room to write that epoll looks for, and not something to read.
    watches_room: bool,
}

impl Connection {
    /// Reads, answers and writes as far as the socket lets it. False when the client has left.
    fn advance<S: Service>(&mut self, service: S) -> io::Result<bool> {
        loop {
            match self.at {
                Stage::Receiving(have) => match rustix::io::read(&self.socket, &mut self.buffer[have..]) {
                    Ok(0) => return Ok(false),
                    Ok(bytes) if have + bytes < self.buffer.len() => {
                        self.at = Stage::Receiving(have + bytes);
                        return Ok(true);
                    }
                    Ok(_) => self.at = Stage::Sending { sent: 0, end: service.answer(&mut self.buffer) },
                    Err(rustix::io::Errno::AGAIN) => return Ok(true),
                    Err(rustix::io::Errno::INTR) => {}
                    Err(other) => return Err(other.into()),
                },
                Stage::Sending { sent, end } => {
                    match rustix::net::send(&self.socket, &self.buffer[sent..end], SendFlags::NOSIGNAL) {
                        // A client that waits for this answer has sent nothing more; one that has is reported again.
                        Ok(bytes) if sent + bytes == end => {
                            self.at = Stage::Receiving(0);
                            return Ok(true);
                        }
                        Ok(bytes) => self.at = Stage::Sending { sent: sent + bytes, end },
                        Err(rustix::io::Errno::AGAIN) => return Ok(true),
                        Err(rustix::io::Errno::INTR) => {}
                        Err(other) => return Err(other.into()),
                    }
                }
            }
        }
    }

    /// Tells epoll what this connection waits for, where that has changed.
    fn watch(&mut self, epoll: &Epoll, number: u64) -> io::Result<()> {
        let wants_room = matches!(self.at, Stage::Sending { .. });
        if wants_room != self.watches_room {
            let flags = if wants_room { EpollFlags::EPOLLOUT } else { EpollFlags::EPOLLIN };
            epoll.modify(self.socket.as_fd(), &mut EpollEvent::new(flags, number))?;
            self.watches_room = wants_room;
        }
        Ok(())
    }
}
