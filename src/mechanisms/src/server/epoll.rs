//! Servers over epoll(7): one thread, or four processes. A thread serves many connections in an event loop over
//! epoll_wait(2). Each connection has a buffer and the state of its request or response. Level-triggered: unread data
//! is reported again. Source: epoll(7), epoll_ctl(2).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use rustix::net::{SendFlags, SocketFlags};

use super::connection::{Accepted, accept, is_disconnected};
use super::{Server, Service};
use crate::child::Child;

/// Most events per call of epoll_wait(2).
const EVENTS: usize = 256;
/// Event data of the listener; not a valid descriptor.
const LISTENER: u64 = u64::MAX;
/// Processes of [`Prefork`].
const PROCESSES: usize = 4;

/// One thread that serves all connections. Needs a buffer per connection and no thread or process. Under load, one
/// epoll_wait(2) reports many requests, so a request costs little more than its read and its write. Requests are
/// processed one at a time.
pub struct SingleThread;

impl Server for SingleThread {
    const SUMMARY: &'static str = "one thread that serves all connections by epoll";

    fn serve<S: Service>(listener: BorrowedFd<'_>, service: S) -> io::Result<()> {
        rustix::io::ioctl_fionbio(listener, true)?;
        run(listener, service, EpollFlags::empty())
    }
}

/// Four processes, forked in advance, that accept from one listener. Each serves the connections that it accepts by
/// epoll, as nginx's workers do. Cost: four processes; a request costs as much as with one thread, and up to four are
/// processed concurrently.
///
/// In Apache's older prefork module, a process serves one connection at a time, so that clients that stay connected
/// need a process each. The kernel wakes one process for a new connection (`EPOLLEXCLUSIVE`) but does not balance
/// connections: a process that is awake also accepts the next one. Source: Stevens, Fenner, Rudoff, UNIX Network
/// Programming 1, chapter 30.
pub struct Prefork;

impl Server for Prefork {
    const SUMMARY: &'static str = "four processes forked in advance; each serves those it accepts by epoll";

    fn serve<S: Service>(listener: BorrowedFd<'_>, service: S) -> io::Result<()> {
        rustix::io::ioctl_fionbio(listener, true)?;
        let serve = || run(listener, service, EpollFlags::EPOLLEXCLUSIVE).expect("a server process does not fail");
        let children: io::Result<Vec<Child>> = (0..PROCESSES).map(|_| Child::start(serve)).collect();
        for mut child in children? {
            child.collect()?;
            if !child.exited_successfully() {
                return Err(io::Error::other(format!("a server process failed: {}", child.describe_end())));
            }
        }
        Ok(())
    }
}

/// Serves until the listener, which must be non-blocking, is shut down. `listener_flags` apply to its events.
fn run<S: Service>(listener: BorrowedFd<'_>, service: S, listener_flags: EpollFlags) -> io::Result<()> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(listener, EpollEvent::new(EpollFlags::EPOLLIN | listener_flags, LISTENER))?;
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
            } else if connections.accept_all(listener, service)? || event.events().contains(EpollFlags::EPOLLHUP) {
                // EPOLLHUP reports the shutdown of a unix listener; accept(2) only finds no client.
                return Ok(());
            }
        }
    }
}

/// The open connections.
struct Connections {
    epoll: Epoll,
    /// By descriptor, which the kernel keeps small.
    by_number: Vec<Option<Connection>>,
}

impl Connections {
    /// Accepts all waiting clients. Returns true when the listener was shut down.
    fn accept_all<S: Service>(&mut self, listener: BorrowedFd<'_>, service: S) -> io::Result<bool> {
        loop {
            match accept(listener, SocketFlags::NONBLOCK)? {
                Accepted::Connection(socket) => self.add(socket, service)?,
                Accepted::None => return Ok(false),
                Accepted::ShutDown => return Ok(true),
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
        self.by_number[number] = Some(Connection { socket, buffer, at: Stage::Receiving(0), waits_for_room: false });
        Ok(())
    }

    /// Continues with a connection. An event of a connection closed since is ignored, or finds a newer connection with
    /// the same number and nothing to read.
    fn advance<S: Service>(&mut self, number: usize, service: S) -> io::Result<()> {
        let Some(connection) = self.by_number.get_mut(number).and_then(Option::as_mut) else { return Ok(()) };
        match connection.advance(service) {
            Ok(true) => connection.watch(&self.epoll, number as u64),
            // Closing the only descriptor of the socket removes it from the epoll set.
            Ok(false) => {
                self.by_number[number] = None;
                Ok(())
            }
            Err(error) if is_disconnected(&error) => {
                self.by_number[number] = None;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// State of a connection.
#[derive(Clone, Copy)]
enum Stage {
    /// This many bytes of the request have arrived.
    Receiving(usize),
    /// The response has `end` bytes, of which `sent` are sent.
    Sending { sent: usize, end: usize },
}

struct Connection {
    socket: OwnedFd,
    buffer: Box<[u8]>,
    at: Stage,
    /// Whether epoll watches for room to write instead of data to read.
    waits_for_room: bool,
}

impl Connection {
    /// Reads, responds and writes until the socket would block. Returns false when the client has disconnected.
    fn advance<S: Service>(&mut self, service: S) -> io::Result<bool> {
        loop {
            match self.at {
                Stage::Receiving(have) => match rustix::io::read(&self.socket, &mut self.buffer[have..]) {
                    Ok(0) => return Ok(false),
                    Ok(bytes) if have + bytes < self.buffer.len() => {
                        self.at = Stage::Receiving(have + bytes);
                        return Ok(true);
                    }
                    Ok(_) => self.at = Stage::Sending { sent: 0, end: service.respond(&mut self.buffer) },
                    Err(rustix::io::Errno::AGAIN) => return Ok(true),
                    Err(rustix::io::Errno::INTR) => {}
                    Err(other) => return Err(other.into()),
                },
                Stage::Sending { sent, end } => {
                    match rustix::net::send(&self.socket, &self.buffer[sent..end], SendFlags::NOSIGNAL) {
                        // A client waits for this response before it sends more; if it has sent more, epoll reports it.
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

    /// Changes what epoll watches for, if needed.
    fn watch(&mut self, epoll: &Epoll, number: u64) -> io::Result<()> {
        let wants_room = matches!(self.at, Stage::Sending { .. });
        if wants_room != self.waits_for_room {
            let flags = if wants_room { EpollFlags::EPOLLOUT } else { EpollFlags::EPOLLIN };
            epoll.modify(self.socket.as_fd(), &mut EpollEvent::new(flags, number))?;
            self.waits_for_room = wants_room;
        }
        Ok(())
    }
}
