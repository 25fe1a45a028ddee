//! ZeroMQ PUSH and PULL between two processes over ipc://, a Unix stream socket. Each endpoint has a queue and a
//! library thread that does the input and output, on the worker's CPU. Cost: at each endpoint a transfer between two
//! threads, with a wake by a socket pair if the other one sleeps, and the socket's write, read and two copies; sixteen
//! system calls with one message at a time (counted with strace). Source: libzmq 4.3 as built by the crate zmq,
//! zmq_socket(3), zmq_ipc(7).

use std::io;

use zmq::{Context, Message, Socket, SocketType};

use super::library::{AboutZeroMq, Library, fresh_ipc_url};
use crate::abort;
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Counts, Group, Isolation, Wait};
use crate::transport::{Offer, Peers, Receiver, Sender, Shape, Transport};

/// Default high-water mark: messages in the queue of each endpoint.
const DEFAULT_MARK: i32 = 1000;
/// Maximum of bytes in the queue of each endpoint, so that large messages do not fill memory.
const QUEUE_BYTES: usize = 8 << 20;
/// Interval in milliseconds at which a waiting endpoint checks the abort flag.
const SLICE_MS: i32 = 50;

/// Transport over the library.
pub struct ZeroMq;

/// Socket of an endpoint, dropped before its context, which waits until the socket is closed.
struct Side {
    socket: Socket,
    _context: Context,
}

/// Sender with its message buffer, since the library does not return an unsent message.
pub struct Push {
    side: Side,
    buffer: Vec<u8>,
}

/// Receiver with the last message.
pub struct Pull {
    side: Side,
    message: Message,
}

impl Transport for ZeroMq {
    const SUMMARY: &'static str = AboutZeroMq::SUMMARY;
    const GROUP: Group = Group::Libraries;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(AboutZeroMq::WAIT);
    type Sender = Push;
    type Receiver = Pull;

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.depth > 0 {
            let why = "two queues and a socket buffer hold the messages, so the depth cannot be set to";
            return Err(format!("{why} {}", shape.depth));
        }
        Ok(())
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::Offered)
    }

    /// Makes the receiver listen at a path in its TMPDIR.
    fn offer(_: &Address, shape: &Shape, end: Endpoint) -> io::Result<Offer> {
        if end == Endpoint::Sender {
            return Ok(Offer::default());
        }
        let side = Side::open(zmq::PULL, shape)?;
        let path = fresh_ipc_url()?;
        side.socket.bind(&path)?;
        Ok(Offer { text: Some(path), keep: Some(Box::new(side)) })
    }

    fn attach_sender(_: &Address, peers: Peers, shape: &Shape) -> io::Result<Push> {
        let path = peers.text.ok_or_else(|| io::Error::other("the receiver offered no path"))?;
        let side = Side::open(zmq::PUSH, shape)?;
        side.socket.connect(&path)?;
        Ok(Push { side, buffer: vec![0; shape.message_bytes] })
    }

    fn attach_receiver(_: &Address, peers: Peers, _: &Shape) -> io::Result<Pull> {
        let kept = peers.keep.and_then(|kept| kept.downcast::<Side>().ok());
        let side = kept.ok_or_else(|| io::Error::other("no socket was kept from the offer"))?;
        Ok(Pull { side: *side, message: Message::new() })
    }

    fn cost_model(shape: &Shape) -> CostModel {
        let bytes = shape.message_bytes as f64;
        let sleeps = if shape.closed_loop() { 1.0 } else { 0.0 };
        CostModel {
            // In a stream both threads take all messages that have gathered, so many messages share a call. One at a
            // time, the worker checks for commands and signals; the other thread polls, checks, reads the signal, asks
            // for space in the socket, writes, checks again, polls, and stops asking for space.
            sender: Counts {
                system_calls: 10.0 * sleeps,
                copied_bytes: 2.0 * bytes,
                wakes: sleeps,
                ..Counts::default()
            },
            receiver: Counts {
                // The other thread polls, reads and signals; the worker polls, reads the signal, and polls again.
                system_calls: 6.0 * sleeps,
                copied_bytes: bytes,
                moved_bytes: bytes,
                wakes: 2.0 * sleeps,
                context_switches: sleeps,
                ..Counts::default()
            },
            unexplained: Some(shape.sleepers_reason().into()),
        }
    }
}

impl Side {
    fn open(kind: SocketType, shape: &Shape) -> io::Result<Self> {
        let context = Context::new();
        let socket = context.socket(kind)?;
        let fitting = i32::try_from(QUEUE_BYTES / shape.message_bytes.max(1)).unwrap_or(DEFAULT_MARK);
        let mark = fitting.clamp(4, DEFAULT_MARK);
        socket.set_sndhwm(mark)?;
        socket.set_rcvhwm(mark)?;
        socket.set_sndtimeo(SLICE_MS)?;
        socket.set_rcvtimeo(SLICE_MS)?;
        // Unread messages are not needed after the trial.
        socket.set_linger(0)?;
        Ok(Self { socket, _context: context })
    }
}

impl Sender for Push {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        self.buffer.resize(len, 0);
        fill(&mut self.buffer);
        retry(|| self.side.socket.send(self.buffer.as_slice(), 0))
    }
}

impl Receiver for Pull {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        retry(|| self.side.socket.recv(&mut self.message, 0))?;
        Ok(read(&self.message))
    }
}

/// Repeats `attempt` until it succeeds or the trial is aborted.
#[inline]
fn retry(mut attempt: impl FnMut() -> zmq::Result<()>) -> io::Result<()> {
    loop {
        match attempt() {
            Err(zmq::Error::EAGAIN | zmq::Error::EINTR) if abort::requested() => return Err(abort::error()),
            Err(zmq::Error::EAGAIN | zmq::Error::EINTR) => {}
            done => return Ok(done?),
        }
    }
}
