//! nng PUSH and PULL between two processes over ipc://, a Unix stream socket. At each endpoint a thread pool of the
//! library does the input and output, on the worker's CPU, and wakes the worker by a condition variable. Cost: at each
//! endpoint a transfer between two threads, eight system calls for the socket and its readiness, two copies, and futex
//! calls whose number depends on the scheduling. Source: nng 1.x, nng_push(7), nng_pull(7), nng_ipc(7).

use std::io;
use std::time::Duration;

use nng::options::{Options, RecvBufferSize, RecvMaxSize, RecvTimeout, SendBufferSize, SendTimeout};
use nng::{Error, Message, Protocol, Socket};

use super::library::{AboutNng, Library, fresh_ipc_url};
use crate::abort;
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Counts, Group, Isolation, Wait};
use crate::transport::{Offer, Peers, Receiver, Sender, Shape, Transport};

/// Maximum of messages in the queue of each endpoint; the library's default is one.
const QUEUE: i32 = 128;
/// Maximum of bytes in the queue of each endpoint, so that large messages do not fill memory.
const QUEUE_BYTES: usize = 8 << 20;
/// Interval at which a waiting endpoint checks the abort flag.
const SLICE: Duration = Duration::from_millis(50);

/// Transport over the library.
pub struct Nng;

/// Sender.
pub struct Push(Socket);

/// Receiver.
pub struct Pull(Socket);

impl Transport for Nng {
    const SUMMARY: &'static str = AboutNng::SUMMARY;
    const GROUP: Group = Group::Libraries;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(AboutNng::WAIT);
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
        let socket = open(Protocol::Pull0, shape)?;
        let url = fresh_ipc_url()?;
        socket.listen(&url)?;
        Ok(Offer { text: Some(url), keep: Some(Box::new(socket)) })
    }

    fn attach_sender(_: &Address, peers: Peers, shape: &Shape) -> io::Result<Push> {
        let url = peers.text.ok_or_else(|| io::Error::other("the receiver offered no path"))?;
        let socket = open(Protocol::Push0, shape)?;
        socket.dial(&url)?;
        Ok(Push(socket))
    }

    fn attach_receiver(_: &Address, peers: Peers, _: &Shape) -> io::Result<Pull> {
        let kept = peers.keep.and_then(|kept| kept.downcast::<Socket>().ok());
        kept.map(|socket| Pull(*socket)).ok_or_else(|| io::Error::other("no socket was kept from the offer"))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        let bytes = shape.message_bytes as f64;
        let sleeps = if shape.closed_loop() { 1.0 } else { 0.0 };
        CostModel {
            // sendmsg and getrandom, one futex to hand the message to the pool and one to return. The new message is
            // zeroed before it is written; then the kernel copies it.
            sender: Counts {
                system_calls: 2.0 + 2.0 * sleeps,
                copied_bytes: 2.0 * bytes,
                wakes: sleeps,
                ..Counts::default()
            },
            receiver: Counts {
                // Three readv (length, body, empty), epoll_wait, epoll_ctl, getrandom; then two futexes per wake.
                system_calls: 6.0 + 4.0 * sleeps,
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

fn open(protocol: Protocol, shape: &Shape) -> io::Result<Socket> {
    let socket = Socket::new(protocol)?;
    let queue = i32::try_from(QUEUE_BYTES / shape.message_bytes.max(1)).unwrap_or(QUEUE).clamp(4, QUEUE);
    if protocol == Protocol::Push0 {
        socket.set_opt::<SendBufferSize>(queue)?;
        socket.set_opt::<SendTimeout>(Some(SLICE))?;
    } else {
        socket.set_opt::<RecvBufferSize>(queue)?;
        socket.set_opt::<RecvTimeout>(Some(SLICE))?;
        // No limit; the library's default is 1 MiB.
        socket.set_opt::<RecvMaxSize>(0)?;
    }
    Ok(socket)
}

impl Sender for Push {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let mut message = Message::with_zeros(len);
        fill(message.as_mut_slice());
        loop {
            // A message that could not be sent is returned.
            match self.0.send(message) {
                Err((back, Error::TimedOut)) if !abort::requested() => message = back,
                Err((_, Error::TimedOut)) => return Err(abort::error()),
                done => return done.map_err(|(_, error)| error.into()),
            }
        }
    }
}

impl Receiver for Pull {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        loop {
            match self.0.recv() {
                Err(Error::TimedOut) if abort::requested() => return Err(abort::error()),
                Err(Error::TimedOut) => {}
                received => return Ok(read(received?.as_slice())),
            }
        }
    }
}
