//! One thread that looks after all connections by io_uring(7): it hands the kernel what it wants done next, a call for each
//! connection, and is given back what was done. Where epoll says that a read would succeed, and it takes a call more to
//! read, the ring has read already: under load one io_uring_enter(2) hands over and takes back what epoll does with two
//! calls a request and one for each lot. The kernel must know it (5.6) and allow it; many containers do not.
#![allow(unsafe_code)]

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use io_uring::types::Fd;
use io_uring::{IoUring, Probe, opcode, squeue};
use nix::errno::Errno;

use super::{Service, Way};

/// Room for calls not yet handed over; when it is full they go over at once.
const CALLS: u32 = 256;
/// Room for results not yet taken: one a connection. What exceeds it the kernel keeps in a list.
const RESULTS: u32 = 4096;
/// What a result of the listener is marked with; no descriptor has this number.
const LISTENER: u64 = u64::MAX;

/// The way.
pub struct Uring;

impl Way for Uring {
    const SUMMARY: &'static str = "one thread that looks after all connections by io_uring";

    fn unavailable() -> Option<String> {
        missing().err()
    }

    fn serve<S: Service>(listener: BorrowedFd<'_>, service: S) -> io::Result<()> {
        let ring = ring()?;
        // After an error, or a panic, the kernel may still be at work on buffers, which then must stay.
        let mut serving = ManuallyDrop::new(Serving { ring, by_number: vec![], open: 0 });
        serving.run(listener, service)?;
        drop(ManuallyDrop::into_inner(serving));
        Ok(())
    }
}

fn ring() -> io::Result<IoUring> {
    IoUring::builder().setup_cqsize(RESULTS).build(CALLS)
}

/// Errors: why no ring can serve here.
fn missing() -> Result<(), String> {
    let ring = ring().map_err(|refused| {
        let setting = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
        let setting = if setting.is_empty() { "unknown" } else { setting.trim() };
        format!("io_uring is refused: {refused}; kernel.io_uring_disabled is {setting}")
    })?;
    let mut probe = Probe::new();
    let told = ring.submitter().register_probe(&mut probe);
    told.map_err(|refused| format!("io_uring does not say what it can do: {refused}"))?;
    let wanted = [(opcode::Accept::CODE, "accept"), (opcode::Recv::CODE, "recv"), (opcode::Send::CODE, "send")];
    match wanted.iter().find(|(code, _)| !probe.is_supported(*code)) {
        Some((_, name)) => Err(format!("this kernel's io_uring knows no {name}")),
        None => Ok(()),
    }
}

/// The ring and the open connections, each of which has exactly one call in flight.
struct Serving {
    ring: IoUring,
    /// By the number of the descriptor, which the kernel keeps low.
    by_number: Vec<Option<Connection>>,
    open: usize,
}

impl Serving {
    /// Serves until the listener is shut down, and then until no call is in flight any more.
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
                } else if !self.take_call(listener, result, service)? {
                    listening = false;
                    self.hang_up();
                }
            }
        }
        Ok(())
    }

    /// Looks at what came of accept, and asks for the next call. False once there will be no more.
    fn take_call<S: Service>(
        &mut self,
        listener: BorrowedFd<'_>,
        call: Result<i32, Errno>,
        service: S,
    ) -> io::Result<bool> {
        match call {
            Ok(number) => {
                // SAFETY: the kernel has just made this descriptor for the accept that names it, and nobody else knows it.
                let socket = unsafe { OwnedFd::from_raw_fd(number) };
                self.add(socket, service)?;
            }
            // Whoever called is gone already.
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
        self.ask(number)
    }

    /// Goes on with the connection of this number, whose call came to `result`.
    fn advance<S: Service>(&mut self, number: usize, result: Result<i32, Errno>, service: S) -> io::Result<()> {
        let Some(connection) = self.by_number.get_mut(number).and_then(Option::as_mut) else { return Ok(()) };
        let stays = match (connection.at, result) {
            (Stage::Receiving(_), Ok(0)) | (_, Err(Errno::ECONNRESET | Errno::EPIPE | Errno::ECANCELED)) => false,
            (Stage::Receiving(have), Ok(bytes)) => {
                let have = have + bytes as usize;
                let whole = have == connection.buffer.len();
                connection.at = if whole {
                    Stage::Sending { sent: 0, end: service.answer(&mut connection.buffer) }
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
            return self.ask(number);
        }
        // Its one call has just ended.
        self.by_number[number] = None;
        self.open -= 1;
        Ok(())
    }

    /// Hands over what the connection of this number wants next.
    fn ask(&mut self, number: usize) -> io::Result<()> {
        let Some(connection) = self.by_number[number].as_mut() else { return Ok(()) };
        let call = connection.next_call().user_data(number as u64);
        // SAFETY: the call points into the connection's boxed buffer, which nobody touches and which is freed, with the
        // connection, only when the result of its one call has been taken: in `advance`, or when none is left in `run`.
        unsafe { self.push(&call) }
    }

    fn accept(&mut self, listener: BorrowedFd<'_>) -> io::Result<()> {
        let accept = opcode::Accept::new(Fd(listener.as_raw_fd()), ptr::null_mut(), ptr::null_mut());
        let call = accept.flags(libc::SOCK_CLOEXEC).build().user_data(LISTENER);
        // SAFETY: the call points to nothing; the caller is not told who connected.
        unsafe { self.push(&call) }
    }

    /// # Safety
    /// What the call points to stays valid until its result has been taken.
    unsafe fn push(&mut self, call: &squeue::Entry) -> io::Result<()> {
        // SAFETY: by this function's own contract.
        while unsafe { self.ring.submission().push(call) }.is_err() {
            self.ring.submit()?;
        }
        Ok(())
    }

    /// Ends every conversation: the call of each, whichever it is, comes back with nothing.
    fn hang_up(&self) {
        for connection in self.by_number.iter().flatten() {
            // One whose client has left meanwhile is no longer connected.
            let _ = rustix::net::shutdown(&connection.socket, rustix::net::Shutdown::Both);
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
}

impl Connection {
    fn next_call(&mut self) -> squeue::Entry {
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
