//! One thread that serves all connections by io_uring(7): it submits one operation per connection and takes the
//! results. epoll only reports that a read would succeed, and needs another call to read; the ring has read already.
//! Under load one io_uring_enter(2) replaces two calls per request and one per batch. Needs Linux 5.6 and permission,
//! which many containers deny.
#![allow(unsafe_code)]

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use io_uring::types::Fd;
use io_uring::{IoUring, Probe, opcode, squeue};
use nix::errno::Errno;

use super::{Server, Service};

/// Size of the submission queue. When it is full, it is submitted at once.
const SUBMISSIONS: u32 = 256;
/// Size of the completion queue: one result per connection. The kernel keeps further results in a list.
const RESULTS: u32 = 4096;
/// User data of the listener's results; not a valid descriptor.
const LISTENER: u64 = u64::MAX;

/// The server.
pub struct Uring;

impl Server for Uring {
    const SUMMARY: &'static str = "one thread that serves all connections by io_uring";

    fn unavailable() -> Option<String> {
        missing().err()
    }

    fn serve<S: Service>(listener: BorrowedFd<'_>, service: S) -> io::Result<()> {
        let ring = ring()?;
        // Leaked on error or panic: the kernel may still use the buffers.
        let mut serving = ManuallyDrop::new(Serving { ring, by_number: vec![], open: 0 });
        serving.run(listener, service)?;
        drop(ManuallyDrop::into_inner(serving));
        Ok(())
    }
}

fn ring() -> io::Result<IoUring> {
    IoUring::builder().setup_cqsize(RESULTS).build(SUBMISSIONS)
}

/// Errors: why io_uring cannot serve here.
fn missing() -> Result<(), String> {
    let ring = ring().map_err(|refused| {
        let setting = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
        let setting = if setting.is_empty() { "unknown" } else { setting.trim() };
        format!("io_uring is not available: {refused}; kernel.io_uring_disabled is {setting}")
    })?;
    let mut probe = Probe::new();
    let probed = ring.submitter().register_probe(&mut probe);
    probed.map_err(|refused| format!("io_uring does not list its operations: {refused}"))?;
    let wanted = [(opcode::Accept::CODE, "accept"), (opcode::Recv::CODE, "recv"), (opcode::Send::CODE, "send")];
    match wanted.iter().find(|(code, _)| !probe.is_supported(*code)) {
        Some((_, name)) => Err(format!("io_uring of this kernel does not support {name}")),
        None => Ok(()),
    }
}

/// The ring and the open connections, each of which has exactly one operation in flight.
struct Serving {
    ring: IoUring,
    /// By descriptor, which the kernel keeps small.
    by_number: Vec<Option<Connection>>,
    open: usize,
}

impl Serving {
    /// Serves until the listener is shut down, and then until no operation is in flight.
    fn run<S: Service>(&mut self, listener: BorrowedFd<'_>, service: S) -> io::Result<()> {
        self.accept(listener)?;
        let mut listening = true;
        while listening || self.open > 0 {
            match self.ring.submit_and_wait(1) {
                Err(stopped) if stopped.kind() == io::ErrorKind::Interrupted => {}
                other => drop(other?),
            }
            loop {
                let Some(entry) = self.ring.completion().next() else { break };
                let result = entry.result();
                let result = if result < 0 { Err(Errno::from_raw(-result)) } else { Ok(result) };
                if entry.user_data() != LISTENER {
                    self.advance(entry.user_data() as usize, result, service)?;
                } else if !self.handle_accept(listener, result, service)? {
                    listening = false;
                    self.shut_down_connections();
                }
            }
        }
        Ok(())
    }

    /// Handles the result of an accept and submits the next one. Returns false when the listener was shut down.
    fn handle_accept<S: Service>(
        &mut self,
        listener: BorrowedFd<'_>,
        result: Result<i32, Errno>,
        service: S,
    ) -> io::Result<bool> {
        match result {
            Ok(number) => {
                // SAFETY: the kernel created this descriptor for the accept whose result this is, and nothing else owns
                // it.
                let socket = unsafe { OwnedFd::from_raw_fd(number) };
                self.add(socket, service)?;
            }
            // ECONNABORTED: the client has disconnected already.
            Err(Errno::EINTR | Errno::ECONNABORTED | Errno::EAGAIN) => {}
            Err(Errno::EINVAL) => return Ok(false),
            Err(other) => return Err(io::Error::new(io::Error::from(other).kind(), format!("accept: {other}"))),
        }
        self.accept(listener)?;
        Ok(true)
    }

    fn add<S: Service>(&mut self, socket: OwnedFd, service: S) -> io::Result<()> {
        let number = socket.as_raw_fd() as usize;
        if self.by_number.len() <= number {
            self.by_number.resize_with(number + 1, || None);
        }
        let buffer = vec![0; service.request_bytes()].into_boxed_slice();
        self.by_number[number] = Some(Connection { socket, buffer, at: Stage::Receiving(0) });
        self.open += 1;
        self.submit_next(number)
    }

    /// Continues with a connection whose operation has this result.
    fn advance<S: Service>(&mut self, number: usize, result: Result<i32, Errno>, service: S) -> io::Result<()> {
        let Some(connection) = self.by_number.get_mut(number).and_then(Option::as_mut) else { return Ok(()) };
        let stays = match (connection.at, result) {
            (Stage::Receiving(_), Ok(0)) | (_, Err(Errno::ECONNRESET | Errno::EPIPE | Errno::ECANCELED)) => false,
            (Stage::Receiving(have), Ok(bytes)) => {
                let have = have + bytes as usize;
                let whole = have == connection.buffer.len();
                connection.at = if whole {
                    Stage::Sending { sent: 0, end: service.respond(&mut connection.buffer) }
                } else {
                    Stage::Receiving(have)
                };
                true
            }
            (Stage::Sending { sent, end }, Ok(bytes)) => {
                let sent = sent + bytes as usize;
                connection.at = if sent == end { Stage::Receiving(0) } else { Stage::Sending { sent, end } };
                true
            }
            (_, Err(Errno::EINTR | Errno::EAGAIN)) => true,
            (_, Err(other)) => return Err(other.into()),
        };
        if stays {
            return self.submit_next(number);
        }
        // No operation of the connection is in flight.
        self.by_number[number] = None;
        self.open -= 1;
        Ok(())
    }

    /// Submits the next operation of a connection.
    fn submit_next(&mut self, number: usize) -> io::Result<()> {
        let Some(connection) = self.by_number[number].as_mut() else { return Ok(()) };
        let operation = connection.next_operation().user_data(number as u64);
        // SAFETY: the operation points into the connection's boxed buffer, which is not accessed, and freed with the
        // connection only after the result of its one operation was taken: in `advance`, or when `run` has none left.
        unsafe { self.push(&operation) }
    }

    fn accept(&mut self, listener: BorrowedFd<'_>) -> io::Result<()> {
        let accept = opcode::Accept::new(Fd(listener.as_raw_fd()), ptr::null_mut(), ptr::null_mut());
        let operation = accept.flags(libc::SOCK_CLOEXEC).build().user_data(LISTENER);
        // SAFETY: the operation has no pointers: the client's address is not requested.
        unsafe { self.push(&operation) }
    }

    /// # Safety
    /// What the operation points to must stay valid until its result was taken.
    unsafe fn push(&mut self, operation: &squeue::Entry) -> io::Result<()> {
        // SAFETY: by this function's own contract.
        while unsafe { self.ring.submission().push(operation) }.is_err() {
            self.ring.submit()?;
        }
        Ok(())
    }

    /// Shuts all connections down, which completes their operations.
    fn shut_down_connections(&self) {
        for connection in self.by_number.iter().flatten() {
            // Fails if the client has disconnected meanwhile.
            let _ = rustix::net::shutdown(&connection.socket, rustix::net::Shutdown::Both);
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
}

impl Connection {
    fn next_operation(&mut self) -> squeue::Entry {
        let socket = Fd(self.socket.as_raw_fd());
        match self.at {
            Stage::Receiving(have) => {
                let room = &mut self.buffer[have..];
                opcode::Recv::new(socket, room.as_mut_ptr(), room.len() as u32).build()
            }
            Stage::Sending { sent, end } => {
                let rest = &self.buffer[sent..end];
                opcode::Send::new(socket, rest.as_ptr(), rest.len() as u32).flags(libc::MSG_NOSIGNAL).build()
            }
        }
    }
}
