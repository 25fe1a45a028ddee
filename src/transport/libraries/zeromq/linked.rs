//! The transport over the library itself.

use std::io;

use zmq::{Context, Message, Socket, SocketType};

use super::super::ipc_url;
use super::super::library::Library;
use super::About;
use crate::abort;
use crate::address::{Address, Endpoint};
use crate::record::{Anatomy, Counts, Group, Isolation, Wait};
use crate::transport::{Offer, Peers, Receiver, Sender, Shape, Transport};

/// The library's own high-water mark: messages that each side's queue holds.
const DEFAULT_MARK: i32 = 1000;
/// Bytes in each side's queue at most, so that large messages do not fill memory.
const QUEUE_BYTES: usize = 8 << 20;
/// A waiting side looks at the abort word this often, in milliseconds.
const SLICE_MS: i32 = 50;

/// The transport.
pub struct PushPull;

/// Either end. The socket comes first: its context waits for it to close.
struct Side {
    socket: Socket,
    _context: Context,
}

/// The sending end, and the buffer a message is built in: the library keeps no message that found no room.
pub struct Push {
    side: Side,
    buffer: Vec<u8>,
}

/// The receiving end, and the last message.
pub struct Pull {
    side: Side,
    message: Message,
}

impl Transport for PushPull {
    const SUMMARY: &'static str = About::SUMMARY;
    const GROUP: Group = Group::Libraries;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(About::WAIT);
    type Sender = Push;
    type Receiver = Pull;

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.depth > 0 {
            let why = "two queues and a socket's buffer hold the messages, so the depth cannot be set to";
            return Err(format!("{why} {}", shape.depth));
        }
        Ok(())
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::Offered)
    }

    /// The receiving worker listens at a path below its TMPDIR.
    fn offer(_: &Address, shape: &Shape, end: Endpoint) -> io::Result<Offer> {
        if end == Endpoint::Sender {
            return Ok(Offer::default());
        }
        let side = Side::open(zmq::PULL, shape)?;
        let path = ipc_url::fresh()?;
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

    fn anatomy(shape: &Shape) -> Anatomy {
        let bytes = shape.message_bytes as f64;
        let sleeps = if shape.closed_loop() { 1.0 } else { 0.0 };
        Anatomy {
            // In a stream both threads take what has gathered, and calls are shared by many messages. One at a time: the
            // worker looks for commands and signals; the other thread waits, looks, takes the signal, asks for room in
            // the socket, writes, looks again, waits, and asks no more.
            sender: Counts {
                system_calls: 10.0 * sleeps,
                copied_bytes: 2.0 * bytes,
                wakes: sleeps,
                ..Counts::default()
            },
            receiver: Counts {
                // The other thread waits, reads and signals; the worker polls, takes the signal, and polls again.
                system_calls: 6.0 * sleeps,
                copied_bytes: bytes,
                moved_bytes: bytes,
                wakes: 2.0 * sleeps,
                context_switches: sleeps,
                ..Counts::default()
            },
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
        // What nobody fetched is of no use once the trial is over.
        socket.set_linger(0)?;
        Ok(Self { socket, _context: context })
    }
}

impl Sender for Push {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        self.buffer.resize(len, 0);
        fill(&mut self.buffer);
        patiently(|| self.side.socket.send(self.buffer.as_slice(), 0))
    }
}

impl Receiver for Pull {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        patiently(|| self.side.socket.recv(&mut self.message, 0))?;
        Ok(read(&self.message))
    }
}

/// Calls `attempt` until it had its turn, or the trial is called off.
#[inline]
fn patiently(mut attempt: impl FnMut() -> zmq::Result<()>) -> io::Result<()> {
    loop {
        match attempt() {
            Err(zmq::Error::EAGAIN | zmq::Error::EINTR) if abort::requested() => return Err(abort::error()),
            Err(zmq::Error::EAGAIN | zmq::Error::EINTR) => {}
            done => return Ok(done?),
        }
    }
}
